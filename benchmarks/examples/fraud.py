"""The fraud example: its model beside the old rules on days that it never saw, and the drift after the world changes.

Run: python benchmarks/examples/fraud.py
"""

from __future__ import annotations

import time

from graphwright.examples.fraud.data import NOISE_MISSED, SEED, TRAIN_UNTIL, bank
from graphwright.examples.fraud.evaluation import measure


def main() -> None:
    """Print a line for each period."""
    begun = time.process_time()
    measured = measure()
    taught = bank().between(0, TRAIN_UNTIL)
    frauds = sum(bool(bank().payments[place].pattern) for place in taught)
    print(
        f"Seed {SEED}; trained on {len(taught)} payments of days 0-{TRAIN_UNTIL - 1} ({frauds} frauds, "
        f"{NOISE_MISSED:.0%} of them unreported); {time.process_time() - begun:.1f} s of CPU.\n"
    )
    print(
        f"{'period':<22}{'payments':>9}{'frauds':>8}{'PR-AUC':>8}{'rules':>7}{'chance':>8}"
        f"{'recall':>8}{'precision':>11}{'PSI':>7}"
    )
    for each in measured:
        print(
            f"{each.name:<22}{each.payments:>9}{each.frauds:>8}{each.model:>8.3f}{each.rules:>7.3f}{each.chance:>8.3f}"
            f"{each.recall:>8.2f}{each.precision:>11.2f}{each.drift:>7.3f}"
        )


if __name__ == "__main__":
    main()

"""What the pipeline example trains, on every delivery that passes its checks: test rows, baselines beside it.

Run: python benchmarks/examples/pipeline.py
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from graphwright.examples.pipeline.checks import find_problems
from graphwright.examples.pipeline.data import DELIVERIES, SEED
from graphwright.examples.pipeline.evaluating import evaluate, quality, watch
from graphwright.examples.pipeline.models import CONFIGS, SCORECARD, fit, split
from graphwright.examples.pipeline.plant import Plant


def main() -> None:
    """Print what the checks find, then a line for each delivery that a model is trained on."""
    with tempfile.TemporaryDirectory() as folder:
        plant = Plant.open(Path(folder))
        sound = checked(plant)
        print(f"\nSeed {SEED}; trained on 3/4 of 1,200 rows, chosen on the rest, measured on 600 test rows.")
        print(
            f"{'delivery':<15}{'chosen':<17}{'AUC':>6}{'scorecard':>11}{'base rate':>11}{'log loss':>10}"
            f"{'base rate':>11}{'later AUC':>11}  outcome"
        )
        begun = time.process_time()
        for name in sound:
            print(line(plant, name))
        print(f"{len(sound)} searches of {len(CONFIGS)} settings in {time.process_time() - begun:.1f} s of CPU.")


def checked(plant: Plant) -> list[str]:
    """Hold the findings against what was planted; the deliveries in which nothing blocks."""
    right, sound = 0, []
    for name, delivery in DELIVERIES.items():
        found = find_problems({part: plant.table(name, part) for part in ("train", "test")}, plant.reference())
        right += {each["code"] for each in found} == delivery.planted
        if not any(each["severity"] == "blocks" for each in found):
            sound.append(name)
    print(f"Checks: in {right} of {len(DELIVERIES)} deliveries exactly the planted problems were found.")
    return sound


def line(plant: Plant, name: str) -> str:
    """One delivery, searched and measured."""
    train = plant.table(name, "train")
    fitted, held = split(train.without_repeats())
    candidates = {config: fit(config, fitted) for config in sorted(CONFIGS)}
    chosen = max(candidates, key=lambda config: quality(candidates[config], held)["auc"])
    found = evaluate(candidates[chosen], SCORECARD, plant.table(name, "test"))
    seen = watch(candidates[chosen], found["overall"]["auc"], train, plant.table(name, "later"))
    return row(name, chosen, found["overall"], found["in_use"]["auc"]) + (
        f"{seen['auc']:>11.3f}  {'refused' if found['refused'] else 'taken back' if seen['failed'] else 'stays'}"
        f"{'; ' + '; '.join(found['warnings']) if found['warnings'] else ''}"
    )


def row(name: str, chosen: str, overall: Mapping[str, float], before: float) -> str:
    """The figures on the test rows."""
    return (
        f"{name:<15}{chosen:<17}{overall['auc']:>6.3f}{before:>11.3f}{overall['baseline_auc']:>11.3f}"
        f"{overall['log_loss']:>10.3f}{overall['baseline_log_loss']:>11.3f}"
    )


if __name__ == "__main__":
    main()

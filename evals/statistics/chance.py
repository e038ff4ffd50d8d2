"""Two tests beside the main one: McNemar's on passes and failures, and Holm's correction for many at once.

Sources: McNemar (Psychometrika 12, 1947), exact form: binomial test on the discordant pairs. Holm, "A simple
sequentially rejective multiple test procedure" (Scandinavian Journal of Statistics 6, 1979).
"""

from __future__ import annotations

import math
from collections.abc import Sequence


def mcnemar(only_base: int, only_new: int) -> float:
    """The exact two-sided p of McNemar's test. It ignores clusters, so it is a note and not the verdict.

    Args:
        only_base: Cases that passed before and fail now.
        only_new: Cases that failed before and pass now.
    """
    changed = only_base + only_new
    if changed == 0:
        return 1.0
    fewer = min(only_base, only_new)
    # In logarithms: C(n, k) / 2^n overflows a float from about 1,030 changes on.
    logs = [_log_choose(changed, k) - changed * math.log(2) for k in range(fewer + 1)]
    most = max(logs)
    return min(1.0, 2 * math.exp(most) * math.fsum(math.exp(each - most) for each in logs))


def holm(p_values: Sequence[float]) -> list[float]:
    """The p values adjusted for having made all these tests, in the order given."""
    order = sorted(range(len(p_values)), key=lambda at: p_values[at])
    adjusted = [0.0] * len(p_values)
    highest = 0.0
    for rank, at in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[at]))
        adjusted[at] = highest
    return adjusted


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)

"""Agreement of two raters beyond chance, and a share of passes corrected for a judge that errs."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from ..statistics import wilson_interval
from ..statistics.distributions import NORMAL


@dataclass(frozen=True, slots=True)
class Agreement:
    """Cohen's kappa of two raters."""

    kappa: float
    """1 is perfect, 0 is chance; NaN where both gave one and the same label only."""
    standard_error: float
    low: float
    high: float
    n: int
    observed: float
    """Share of items on which they agree."""


def cohen_kappa(one: Sequence[Hashable], other: Sequence[Hashable], level: float = 0.95) -> Agreement:
    """kappa = (observed - expected) / (1 - expected), with the large-sample error of Fleiss, Cohen and Everitt (1969).

    The lower end is never above what Wilson's lower end of the observed agreement allows: with perfect agreement the
    large-sample error is 0, which a finite sample does not warrant.

    Raises:
        ValueError: if the lengths differ, or there is nothing.
    """
    if len(one) != len(other) or not one:
        raise ValueError(f"{len(one)} and {len(other)} labels were given; two raters label the same items.")
    n = len(one)
    joint = {pair: count / n for pair, count in Counter(zip(one, other, strict=True)).items()}
    rows = {label: count / n for label, count in Counter(one).items()}
    columns = {label: count / n for label, count in Counter(other).items()}
    agreed = sum(share for (a, b), share in joint.items() if a == b)
    chance = sum(share * columns.get(label, 0.0) for label, share in rows.items())
    if chance >= 1:
        return Agreement(math.nan, math.nan, math.nan, math.nan, n, agreed)
    kappa = (agreed - chance) / (1 - chance)
    same = sum(share * (1 - (rows[a] + columns[a]) * (1 - kappa)) ** 2 for (a, b), share in joint.items() if a == b)
    apart = sum(share * (columns.get(a, 0.0) + rows.get(b, 0.0)) ** 2 for (a, b), share in joint.items() if a != b)
    spread = same + (1 - kappa) ** 2 * apart - (kappa - chance * (1 - kappa)) ** 2
    error = math.sqrt(max(0.0, spread) / n) / (1 - chance)
    reach = NORMAL.inv_cdf((1 + level) / 2) * error
    least, _ = wilson_interval(round(agreed * n), n, level)
    low = min(kappa - reach, (least - chance) / (1 - chance))
    return Agreement(kappa, error, max(-1.0, low), min(1.0, kappa + reach), n, agreed)


@dataclass(frozen=True, slots=True)
class Corrected:
    """A share of passes as it is likely to be, in place of what a judge says."""

    share: float
    low: float
    high: float


def rogan_gladen(share: float, n: int, rates: tuple[float, int, float, int], level: float = 0.95) -> Corrected:
    """(share + specificity - 1) / (sensitivity + specificity - 1), kept within 0 and 1.

    Source: Rogan and Gladen (American Journal of Epidemiology 107, 1978); the interval by the delta method, with the
    uncertainty of all three rates.

    Args:
        share: Of runs that the judge passes.
        n: How many runs it judged.
        rates: Sensitivity (it passes what people pass) and of how many, specificity (it fails what people fail) and of
            how many.

    Raises:
        ValueError: if the judge is no better than chance, or a count is 0.
    """
    sensitivity, passes, specificity, fails = rates
    power = sensitivity + specificity - 1
    if power <= 0 or min(n, passes, fails) == 0:
        raise ValueError(
            f"A judge with sensitivity {sensitivity:.2f} (of {passes}) and specificity {specificity:.2f} (of {fails}) "
            f"says nothing about {n} runs. Calibrate it on more labels of both kinds, or choose another."
        )
    corrected = (share + specificity - 1) / power
    variance = (
        share * (1 - share) / n
        + corrected**2 * sensitivity * (1 - sensitivity) / passes
        + (1 - corrected) ** 2 * specificity * (1 - specificity) / fails
    ) / power**2
    reach = NORMAL.inv_cdf((1 + level) / 2) * math.sqrt(variance)
    low, middle, high = (min(1.0, max(0.0, each)) for each in (corrected - reach, corrected, corrected + reach))
    return Corrected(middle, low, high)

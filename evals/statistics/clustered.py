"""The mean of scores with an error that knows which cases belong together.

Cases made from one template, conversation or document are not independent; an error that treats them so is too small
(by 1.4 to 2 on recorded runs). Source: Miller, "Adding Error Bars to Evals" (arXiv 2411.00640), equations 1 to 4.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from .distributions import t_quantile


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean with its uncertainty."""

    mean: float
    standard_error: float
    """NaN where a single cluster leaves it unknown."""
    low: float
    high: float
    n: int
    """Scores."""
    clusters: int
    """Groups of scores that belong together; n of them where nothing does."""
    level: float = 0.95

    def __str__(self) -> str:
        return f"{self.mean:.3f} [{self.low:.3f}, {self.high:.3f}]"


def mean_estimate(scores: Sequence[float], clusters: Sequence[Hashable] | None = None, level: float = 0.95) -> Estimate:
    """The mean, its clustered standard error and a t interval.

    SE = sqrt(sum over clusters of (sum over members of (s - mean))^2 * G / (G - 1)) / n, with G clusters, and
    t with G - 1 degrees of freedom: with few clusters the normal interval is too short. With every score a cluster of
    its own this is the ordinary standard error of a mean.

    Args:
        scores: One number a case (or a case and epoch); finite.
        clusters: The group of each score; None where each stands alone.
        level: Of the interval, above 0 and below 1.

    Raises:
        ValueError: if there are no scores, one is not finite, or the lengths differ.
    """
    values = checked(scores)
    groups = list(range(len(values))) if clusters is None else list(clusters)
    if len(groups) != len(values):
        raise ValueError(f"{len(values)} scores have {len(groups)} cluster labels. Give one label a score.")
    mean = math.fsum(values) / len(values)
    sums: dict[Hashable, list[float]] = {}
    for value, group in zip(values, groups, strict=True):
        sums.setdefault(group, []).append(value - mean)
    error = _error([math.fsum(each) for each in sums.values()], len(values))
    reach = t_quantile((1 + level) / 2, len(sums) - 1) * error if len(sums) > 1 else math.nan
    low, high = (mean - reach, mean + reach) if len(sums) > 1 else (-math.inf, math.inf)
    return Estimate(mean, error, low, high, len(values), len(sums), level)


def checked(scores: Sequence[float]) -> list[float]:
    """The scores as floats.

    Raises:
        ValueError: if there are none, or one is not finite; names the places.
    """
    values = [float(each) for each in scores]
    if not values:
        raise ValueError("There are no scores. Unmeasured cases have none; look at the coverage.")
    wrong = [at for at, each in enumerate(values) if not math.isfinite(each)]
    if wrong:
        raise ValueError(f"Scores {wrong[:5]} of {len(values)} are not finite. Leave unmeasured cases out.")
    return values


def _error(deviations: Sequence[float], n: int) -> float:
    groups = len(deviations)
    if groups < 2:
        return math.nan
    return math.sqrt(math.fsum(each * each for each in deviations) * groups / (groups - 1)) / n

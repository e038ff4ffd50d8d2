"""Is the new run better? The same cases in both, so that what is hard about a case cancels out.

Sources: Miller (arXiv 2411.00640), section 4 (paired differences, clustered); Efron and Tibshirani (1993) for the
bootstrap of whole clusters.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Literal

from .bootstrap import bootstrap_interval
from .clustered import checked, mean_estimate
from .distributions import t_two_sided
from .power import minimum_detectable_effect

Verdict = Literal["better", "worse", "cannot tell"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """A new run beside a base, case by case."""

    verdict: Verdict
    difference: float
    """Mean of new minus base."""
    standard_error: float
    low: float
    high: float
    """The t interval of the difference, clustered."""
    bootstrap_low: float
    bootstrap_high: float
    p: float
    """Two-sided, of no difference."""
    n: int
    clusters: int
    detectable: float
    """The smallest true difference that this comparison would find in 8 of 10 tries."""
    why: str
    """The verdict in a sentence."""


def compare_paired(
    base: Sequence[float],
    new: Sequence[float],
    clusters: Sequence[Hashable] | None = None,
    *,
    level: float = 0.95,
    draws: int = 10_000,
    seed: int = 0,
) -> Comparison:
    """Compare two runs of the same cases.

    Better or worse only where the clustered t interval and the bootstrap interval both lie on one side of 0; everything
    else cannot be told, and is never a pass.

    Args:
        base, new: The scores, in the same order of cases; finite.
        clusters: The group of each case; None where each stands alone.
        level: Of the intervals.
        draws, seed: Of the bootstrap.

    Raises:
        ValueError: if the lengths differ, there are no scores, or one is not finite.
    """
    if len(base) != len(new):
        raise ValueError(f"The base has {len(base)} scores and the new run {len(new)}. Compare the cases of both.")
    gaps = [after - before for before, after in zip(checked(base), checked(new), strict=True)]
    estimate = mean_estimate(gaps, clusters, level)
    bootstrap = bootstrap_interval(gaps, clusters, level=level, draws=draws, seed=seed)
    if estimate.clusters < 2:
        why = "All cases belong to one cluster, which cannot show a difference. Add cases that do not belong together."
        nothing = (estimate.mean, math.nan, -math.inf, math.inf, *bootstrap, 1.0, len(gaps), 1, math.inf)
        return Comparison("cannot tell", *nothing, why)
    p = _p(estimate.mean, estimate.standard_error, estimate.clusters - 1)
    detectable = minimum_detectable_effect(estimate.standard_error, estimate.clusters, level=level)
    verdict = _verdict(estimate.low, estimate.high, *bootstrap)
    return Comparison(
        verdict=verdict,
        difference=estimate.mean,
        standard_error=estimate.standard_error,
        low=estimate.low,
        high=estimate.high,
        bootstrap_low=bootstrap[0],
        bootstrap_high=bootstrap[1],
        p=p,
        n=len(gaps),
        clusters=estimate.clusters,
        detectable=detectable,
        why=_why(verdict, estimate.mean, estimate.low, estimate.high, p, detectable, estimate.clusters, level),
    )


def _p(difference: float, error: float, degrees: int) -> float:
    if error == 0:
        return 1.0 if difference == 0 else 0.0
    return t_two_sided(difference / error, degrees)


def _verdict(low: float, high: float, bootstrap_low: float, bootstrap_high: float) -> Verdict:
    if min(low, bootstrap_low) > 0:
        return "better"
    if max(high, bootstrap_high) < 0:
        return "worse"
    return "cannot tell"


def _why(
    verdict: Verdict, mean: float, low: float, high: float, p: float, detectable: float, clusters: int, level: float
) -> str:
    interval = f"{mean:+.3f}, {level:.0%} interval {low:+.3f} to {high:+.3f} (p = {p:.3f}, {clusters} clusters)"
    if verdict != "cannot tell":
        return f"The mean changed by {interval}."
    if mean == low == high == 0:
        return f"No case changed ({clusters} clusters)."
    return (
        f"The mean changed by {interval}, which chance explains too. "
        f"A true difference of {detectable:.3f} would be found in 8 of 10 such comparisons; add cases to see less."
    )

"""Slices of a suite: is one group of cases served worse than the rest, and are there enough to say so?"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

from .chance import holm
from .clustered import Estimate, checked, mean_estimate
from .distributions import t_two_sided

MINIMUM = 10
"""Clusters of a slice below which nothing is said about it."""


@dataclass(frozen=True, slots=True)
class SliceGap:
    """One slice beside all other cases."""

    name: str
    value: str
    estimate: Estimate
    gap: float
    """Mean of the slice minus the mean of the rest; NaN where there is no rest."""
    p: float
    """Of no gap, corrected for the number of slices looked at (Holm); NaN where it cannot be told."""
    is_enough: bool
    """Whether slice and rest both have at least :data:`MINIMUM` clusters."""


def slice_gaps(
    scores: Sequence[float],
    slices: Sequence[Mapping[str, str]],
    clusters: Sequence[Hashable] | None = None,
    *,
    minimum: int = MINIMUM,
) -> list[SliceGap]:
    """Each value of each slice beside the rest (Welch's t on clustered errors), the worst gap first.

    Args:
        scores: One number a case; finite.
        slices: The slices of each case, such as ``{"language": "en"}``.
        clusters: The group of each case; None where each stands alone.
        minimum: Clusters that a slice and its rest must have before a p is given.

    Raises:
        ValueError: if there are no scores, one is not finite, or the lengths differ.
    """
    values = checked(scores)
    groups = list(range(len(values))) if clusters is None else list(clusters)
    if not len(values) == len(slices) == len(groups):
        raise ValueError(f"{len(values)} scores have {len(slices)} slices and {len(groups)} cluster labels.")
    names = sorted({(name, str(value)) for each in slices for name, value in each.items()})
    found = [_gap(name, value, values, slices, groups, minimum) for name, value in names]
    tested = [at for at, each in enumerate(found) if each.is_enough]
    corrected = dict(zip(tested, holm([found[at].p for at in tested]), strict=True))
    adjusted = [_with_p(each, corrected.get(at, float("nan"))) for at, each in enumerate(found)]
    return sorted(adjusted, key=lambda each: (not each.is_enough, each.gap != each.gap, each.gap))


def _gap(
    name: str,
    value: str,
    scores: Sequence[float],
    slices: Sequence[Mapping[str, str]],
    groups: Sequence[Hashable],
    minimum: int,
) -> SliceGap:
    inside = [str(each.get(name)) == value if name in each else False for each in slices]
    own = _estimate(scores, groups, inside)
    rest = _estimate(scores, groups, [not each for each in inside])
    assert own is not None
    if rest is None:
        return SliceGap(name, value, own, float("nan"), float("nan"), False)
    gap = own.mean - rest.mean
    enough = own.clusters >= minimum and rest.clusters >= minimum
    return SliceGap(name, value, own, gap, _welch(own, rest) if enough else float("nan"), enough)


def _estimate(scores: Sequence[float], groups: Sequence[Hashable], chosen: Sequence[bool]) -> Estimate | None:
    kept = [at for at, each in enumerate(chosen) if each]
    return mean_estimate([scores[at] for at in kept], [groups[at] for at in kept]) if kept else None


def _welch(one: Estimate, other: Estimate) -> float:
    """The two-sided p of equal means, with Welch's and Satterthwaite's degrees of freedom."""
    squares = one.standard_error**2, other.standard_error**2
    if sum(squares) == 0:
        return 1.0 if one.mean == other.mean else 0.0
    degrees = sum(squares) ** 2 / (squares[0] ** 2 / (one.clusters - 1) + squares[1] ** 2 / (other.clusters - 1))
    return t_two_sided((one.mean - other.mean) / sum(squares) ** 0.5, degrees)


def _with_p(gap: SliceGap, p: float) -> SliceGap:
    return SliceGap(gap.name, gap.value, gap.estimate, gap.gap, p, gap.is_enough)

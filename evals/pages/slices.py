"""The slices of a run as a table: how each is served, how sure that is, and how far it is from the rest."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass

from ..statistics import slice_gaps
from ..tables import Tables

MOST_SLICES = 200
"""Rows of the table; the worst come first."""


@dataclass(frozen=True, slots=True)
class SliceRow:
    """One value of one slice."""

    name: str
    value: str
    cases: int
    mean: float
    interval: tuple[float, float] | None
    gap: float | None
    """To all other cases; None where there are none."""
    p: float | None
    """Of no gap, corrected for the number of slices; None where there is too little to tell."""

    @property
    def is_worse(self) -> bool:
        """Whether it is served worse than the rest by more than chance."""
        return self.p is not None and self.p < 0.05 and (self.gap or 0.0) < 0


def slice_rows(tables: Tables, scorer: str) -> list[SliceRow]:
    """The slices by one scorer, the worst gap first; none where no case has a slice or was measured."""
    means = tables.means(scorer)
    slices = [dict(tables.slices[case]) for case in means]
    if not any(slices):
        return []
    sizes = Counter((name, str(value)) for each in slices for name, value in each.items())
    gaps = slice_gaps(list(means.values()), slices, tables.clusters(means))
    rows = [
        SliceRow(
            each.name,
            each.value,
            sizes[each.name, each.value],
            each.estimate.mean,
            tables.interval(scorer, {each.name: each.value}),
            _or_none(each.gap),
            _or_none(each.p),
        )
        for each in gaps[:MOST_SLICES]
    ]
    return sorted(rows, key=lambda each: (not each.is_worse, each.name, each.mean, each.value))


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else value

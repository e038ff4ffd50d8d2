"""Drift of the score distribution: the population stability index over ten quantile bins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

BINS = 10
WATCH, ALARM = 0.1, 0.25
"""The usual limits: below the first nothing has changed, above the second the model must be looked at."""
Floats = NDArray[np.float64]
ENOUGH = 200
"""Scores below which chance alone moves the index: of so many from one distribution it is about 9 / 200."""
Level = Literal["too few", "stable", "watch", "alarm"]
_LEAST = 1e-4
"""A bin that nothing falls into counts as this share, so that the logarithm stays finite."""


def psi(expected: Sequence[float], actual: Sequence[float], bins: int = BINS) -> float:
    """The population stability index: the sum of (a - e) ln(a / e) over quantile bins of what was expected.

    Args:
        expected: Scores when the model was measured; the bins hold about equally many of them.
        actual: Scores now.
        bins: How many; fewer where quantiles coincide.

    Raises:
        ValueError: if one of the two is empty.
    """
    if not len(expected) or not len(actual):
        raise ValueError("The index compares two distributions; one of them has no scores.")
    edges = np.unique(np.quantile(np.asarray(expected, dtype=float), np.linspace(0, 1, bins + 1)))[1:-1]
    shares = [_shares(scores, edges) for scores in (expected, actual)]
    e, a = (np.maximum(each, _LEAST) for each in shares)
    return float(np.sum((a - e) * np.log(a / e)))


def level_of(index: float, count: int) -> Level:
    """What an index over so many scores means."""
    if count < ENOUGH:
        return "too few"
    return "alarm" if index >= ALARM else "watch" if index >= WATCH else "stable"


def _shares(scores: Sequence[float], edges: Floats) -> Floats:
    counts = np.bincount(
        np.searchsorted(edges, np.asarray(scores, dtype=float), side="right"), minlength=len(edges) + 1
    )
    return np.asarray(counts / counts.sum(), dtype=np.float64)

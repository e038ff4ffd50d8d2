"""Bootstrap intervals: what the mean would be on other cases like these, whole clusters drawn again.

Source: Efron and Tibshirani, "An Introduction to the Bootstrap" (1993), chapter 13 (percentile interval).
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

from .clustered import checked

Numbers = NDArray[np.float64]
_AT_ONCE = 1_000_000
"""Numbers drawn in one array; bounds the memory."""


def bootstrap_interval(
    scores: Sequence[float],
    clusters: Sequence[Hashable] | None = None,
    *,
    level: float = 0.95,
    draws: int = 10_000,
    seed: int = 0,
) -> tuple[float, float]:
    """The percentile interval of the mean.

    Args:
        scores: One number a case; finite.
        clusters: The group of each score; whole groups are drawn. None where each stands alone.
        level: Of the interval.
        draws: How many times the clusters are drawn again.
        seed: Of the draws; the same seed gives the same interval.

    Raises:
        ValueError: if there are no scores, one is not finite, or the lengths differ.
    """
    sums, sizes = cluster_sums(checked(scores), clusters)
    means = resampled_means(sums, sizes, draws=draws, seed=seed)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def cluster_sums(values: Sequence[float], clusters: Sequence[Hashable] | None) -> tuple[Numbers, Numbers]:
    """Sum and size of each cluster, in the order in which they first appear."""
    groups = list(range(len(values))) if clusters is None else list(clusters)
    if len(groups) != len(values):
        raise ValueError(f"{len(values)} scores have {len(groups)} cluster labels. Give one label a score.")
    places: dict[Hashable, int] = {}
    at = np.array([places.setdefault(group, len(places)) for group in groups])
    return np.bincount(at, weights=np.asarray(values)).astype(np.float64), np.bincount(at).astype(np.float64)


def resampled_means(
    sums: Numbers,
    sizes: Numbers,
    *,
    draws: int,
    seed: int,
) -> Numbers:
    """The mean of each draw of as many clusters as there are."""
    random = np.random.default_rng(seed)
    found: list[Numbers] = []
    rows = max(1, _AT_ONCE // len(sums))
    for start in range(0, draws, rows):
        drawn = random.integers(0, len(sums), size=(min(rows, draws - start), len(sums)))
        found.append(sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1))
    return np.concatenate(found)

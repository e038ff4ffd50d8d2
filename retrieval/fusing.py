"""Two ranked lists into one: by words, and by vectors."""

from __future__ import annotations

LEXICAL_WEIGHT, DENSE_WEIGHT = 1.0, 0.5
"""Words count twice as much as vectors: on three collections LSA alone is the weaker list for short questions."""
RANK_OFFSET = 10
"""The k of reciprocal rank fusion; below the usual 60 since two lists only are fused and their heads are good."""


def fused(lexical: int | None, dense: int | None) -> float:
    """Reciprocal rank fusion, scaled so that first in both lists is 1."""
    total = 0.0
    for rank, weight in ((lexical, LEXICAL_WEIGHT), (dense, DENSE_WEIGHT)):
        total += weight * (RANK_OFFSET + 1) / (RANK_OFFSET + rank) if rank else 0.0
    return total / (LEXICAL_WEIGHT + DENSE_WEIGHT)

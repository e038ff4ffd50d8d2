"""Nearest neighbours of vectors of your own: items, users, images; whatever has an id and a vector."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from .embedders import Embedder, LsaEmbedder
from .lsa import fit
from .store import acquire
from .terms import term_counts

Numbers = NDArray[np.floating[Any]]


class Neighbours:
    """Vectors by id, in a folder with one owner at a time. Close it, or use it as a context manager."""

    def __init__(self, folder: Path | str, name: str = "vectors") -> None:
        """
        Args:
            folder: Where they are kept; made if it is missing.
            name: Of this set of vectors; a folder holds several, each of one length.

        Raises:
            KnowledgeBaseBusy: if another process has the folder open.
            FolderNotWritable, IndexDamaged: if it cannot be used.
        """
        self._name = name
        self._store = acquire(Path(folder))
        self._closed = False
        try:
            self._store.vectors.create(name)
        except BaseException:
            self.close()
            raise

    def put(self, ids: Sequence[str], vectors: Numbers) -> None:
        """Store one row of ``vectors`` under each id, in place of what was there.

        Raises:
            ValueError: if there are not as many rows as ids, or a row is all zeros: it is near to nothing.
        """
        rows = np.asarray(vectors, dtype=np.float32)
        if rows.ndim != 2 or len(rows) != len(ids):
            raise ValueError(f"{len(ids)} ids need as many rows of vectors, not an array of shape {rows.shape}.")
        if empty := [id for id, row in zip(ids, rows, strict=True) if not row.any()]:
            raise ValueError(f"The vectors of {', '.join(map(repr, empty))} are all zeros: leave them out.")
        with self._store.writing:
            self._store.vectors.upsert(self._name, ids, rows)

    def nearest(self, vector: Numbers, count: int, among: Sequence[str] | None = None) -> list[tuple[str, float]]:
        """Ids with their cosine similarity (1: the same direction), nearest first; of a zero vector none.

        Args:
            vector: What to look near to.
            count: How many at most.
            among: Only these ids; None: all.
        """
        query = np.asarray(vector, dtype=np.float32)
        most = min(count, self.count())
        if most < 1 or not query.any() or (among is not None and not among):
            return []
        found = self._store.vectors.query(self._name, query, most, among)
        return [(each, round(1.0 - distance, 6)) for each, distance in found]

    def count(self) -> int:
        """How many vectors there are."""
        return self._store.vectors.count(self._name)

    def close(self) -> None:
        """Let go of the folder; a second time does nothing."""
        if not self._closed:
            self._closed = True
            self._store.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def text_embedder(texts: Sequence[str]) -> Embedder:
    """An embedder that is fitted to these texts (at least one): latent semantic analysis, nothing is downloaded."""
    counted = [term_counts(text) for text in texts]
    frequency: dict[str, int] = {}
    for counts in counted:
        for term in counts:
            frequency[term] = frequency.get(term, 0) + 1
    return LsaEmbedder(fit(counted, frequency, len(counted)))

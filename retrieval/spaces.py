"""Vector spaces of one knowledge base: the one that answers, and the one being built to replace it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .chunk import Chunk
from .embedders import Embedder, LsaEmbedder, embedder_version, is_fitted, model_embedder
from .errors import IndexDamaged
from .ledger import Ledger, digest
from .lsa import SAMPLE, Floats, fit, load
from .terms import term_counts
from .vectors import VectorStore

Progress = Callable[[int, int, str], None]
"""Called with done, total and what is being done: first documents, then vectors, each from 0."""

_BATCH = 1_000
_SMALL = 1_000


def index_text(chunk: Chunk) -> str:
    """What of a chunk is searched: its words with those of its title and heading."""
    return "\n".join(part for part in (chunk.title, chunk.heading, chunk.text) if part)


class Spaces:
    """Keeps each chunk's vector in Chroma; a fitted embedder gets a new space when the corpus has outgrown its fit.

    The old space answers until the new one is complete, then one transaction switches. A kill at any moment leaves
    either space whole; the next ingest goes on where this one stopped.
    """

    def __init__(self, ledger: Ledger, vectors: VectorStore, key: str, embedder: str) -> None:
        self._ledger = ledger
        self._vectors = vectors
        self._key = key
        self._name = embedder
        self._loaded: dict[str, Embedder] = {}

    @property
    def active(self) -> str:
        """Id of the space that answers; empty before the first ingest."""
        return self._ledger.meta("space")

    def check(self) -> None:
        """Raises IndexDamaged when the space that answers is not in Chroma."""
        if self.active and not self._vectors.exists(self._collection(self.active)):
            raise IndexDamaged(self._ledger.path.parent, "the vectors of its chunks are gone")

    def forget(self) -> None:
        """Drop what is known of vectors, so that the next ingest makes them anew from the ledger."""
        with self._ledger.transaction():
            for table in ("spaces", "embedded", "gone"):
                self._ledger.db.execute(f"DELETE FROM {table}")
            self._ledger.db.execute("DELETE FROM meta WHERE key IN ('space', 'building')")

    def nearest(self, text: str, count: int, ids: Sequence[str] | None = None) -> list[str]:
        """Ids of the nearest chunks, nearest first; among `ids` only, if given."""
        space = self.active
        if not space:
            return []
        try:
            vector = self._embedder(space).query(text)
            if not vector.any():
                return []
            return [found for found, _ in self._vectors.query(self._collection(space), vector, count, ids)]
        except IndexDamaged:
            if self.active == space:
                raise
            return self.nearest(text, count, ids)  # an ingest switched spaces meanwhile

    def fill(self, on_progress: Progress | None = None) -> None:
        """Bring the vectors in line with the chunks."""
        self._drop_strangers()
        space = self._ledger.meta("building") or self.active
        if self._outgrown(space):
            space = self._start()
        if not space:
            return
        self._vectors.create(self._collection(space))
        self._embed(space, on_progress)
        if space != self.active:
            self._switch(space)
        self._forget_gone(space)

    def _outgrown(self, space: str) -> bool:
        """A fit is renewed when the corpus is half as large again, or less; a small one with any real change."""
        now = self._ledger.count()
        if not space or not now or not is_fitted(self._name):
            return now > 0 and not space
        then = self._ledger.value("SELECT chunks FROM spaces WHERE id = ?", [space]) or 0
        return abs(now - then) > then * (0.5 if then > _SMALL else 0.05)

    def _start(self) -> str:
        state = self._fit() if is_fitted(self._name) else b""
        tag = digest(embedder_version(self._name) + state.hex())[:12]
        space = f"{self._name.partition(':')[0]}-{tag}"
        with self._ledger.transaction():
            values = [space, self._ledger.count(), state]
            self._ledger.db.execute("INSERT OR REPLACE INTO spaces VALUES(?, ?, ?)", values)
            self._ledger.remember("building", space)
        return space

    def _fit(self) -> bytes:
        rows = [row for (row,) in self._ledger.rows("SELECT row FROM chunks ORDER BY id")]
        step = max(1.0, len(rows) / SAMPLE)
        sample = [rows[int(at * step)] for at in range(min(len(rows), SAMPLE))]
        chunks = self._ledger.chunks(sample)
        frequency: dict[str, int] = dict(
            self._ledger.rows("SELECT term, sum(length(rows)) / 4 FROM postings GROUP BY term")
        )
        counted = [term_counts(index_text(chunks[row])) for row in sample]
        return fit(counted, frequency, len(rows)).dump()

    def _embed(self, space: str, on_progress: Progress | None) -> None:
        missing = "SELECT row FROM chunks WHERE row NOT IN (SELECT row FROM embedded WHERE space = ?) ORDER BY row"
        rows = [row for (row,) in self._ledger.rows(missing, [space])]
        for at in range(0, len(rows), _BATCH):
            if on_progress:
                on_progress(at, len(rows), "vectors")
            self._embed_batch(space, rows[at : at + _BATCH])
        if on_progress and rows:
            on_progress(len(rows), len(rows), "vectors")

    def _embed_batch(self, space: str, rows: list[int]) -> None:
        found = self._ledger.chunks(rows)
        rows = [row for row in rows if row in found]
        vectors: Floats = self._embedder(space).documents([index_text(found[row]) for row in rows])
        told = np.flatnonzero(np.abs(vectors).sum(axis=1))
        ids = [found[rows[at]].id for at in told]
        self._vectors.upsert(self._collection(space), ids, vectors[told])
        with self._ledger.guarded(), self._ledger.transaction():
            marks: list[Any] = [(space, row) for row in rows]
            self._ledger.db.executemany("INSERT OR IGNORE INTO embedded VALUES(?, ?)", marks)

    def _switch(self, space: str) -> None:
        old = self.active
        with self._ledger.transaction():
            self._ledger.remember("space", space)
            self._ledger.db.execute("DELETE FROM meta WHERE key = 'building'")
            for table, column in (("spaces", "id"), ("embedded", "space"), ("gone", "space")):
                self._ledger.db.execute(f"DELETE FROM {table} WHERE {column} != ?", [space])
        if old:
            self._loaded.pop(old, None)
            self._vectors.drop(self._collection(old))

    def _forget_gone(self, space: str) -> None:
        sql = "SELECT id FROM gone WHERE space = ? AND id NOT IN (SELECT id FROM chunks)"
        self._vectors.delete(self._collection(space), [found for (found,) in self._ledger.rows(sql, [space])])
        with self._ledger.transaction():
            self._ledger.db.execute("DELETE FROM gone WHERE space = ?", [space])

    def _drop_strangers(self) -> None:
        """Drop collections of ours that the ledger does not know: a kill came between switch and drop."""
        known = {self._collection(space) for (space,) in self._ledger.rows("SELECT id FROM spaces")}
        for name in self._vectors.names(self._key):
            if name not in known:
                self._vectors.drop(name)

    def _embedder(self, space: str) -> Embedder:
        if space not in self._loaded:
            self._loaded[space] = self._load(space) if is_fitted(self._name) else model_embedder(self._name)
        return self._loaded[space]

    def _load(self, space: str) -> Embedder:
        state = self._ledger.value("SELECT state FROM spaces WHERE id = ?", [space])
        try:
            return LsaEmbedder(load(state))
        except Exception as error:
            raise IndexDamaged(self._ledger.path.parent, f"the fit of {space!r} is unreadable") from error

    def _collection(self, space: str) -> str:
        return f"{self._key}.{space}"

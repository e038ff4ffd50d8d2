"""One knowledge base on disk: its ledger, its postings, its vectors, and the search over them."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from .blocks import SPLITTER_VERSION
from .chunk import Hit, IngestReport
from .embedders import embedder_version, is_fitted
from .errors import EmbedderMismatch, EmptyQuery, IndexDamaged, KnowledgeBaseMissing
from .fusing import fused
from .ingest import Ingest
from .ledger import Ledger, check_filter, digest
from .postings import Postings, best
from .sources import Source, as_sources
from .spaces import Progress, Spaces
from .store import Store, acquire, move_aside
from .terms import term_counts
from .vectors import Hnsw

LONGEST_QUERY = 32_000
"""Characters of a query that are looked at."""
_DEPTH = 100
_MOST_IDS = 5_000
_DEEPEST = 2_000


def file_key(name: str, tenant: str) -> str:
    """Name of a knowledge base on disk; made here, so no caller's text becomes a path or a collection's name."""
    return f"kb-{digest(json_pair(tenant, name))[:20]}"


def json_pair(tenant: str, name: str) -> str:
    """Two words as one, without ambiguity."""
    return f"{len(tenant)}:{tenant}:{name}"


class Index:
    """Everything behind a KnowledgeBase; holds a share of its folder's lock until closed."""

    def __init__(self, folder: Path, name: str, tenant: str, embedder: str, create: bool, hnsw: Hnsw | None) -> None:
        version = embedder_version(embedder)
        self._tenant = tenant
        self._pipeline = f"{SPLITTER_VERSION}|{version}"
        key = file_key(name, tenant)
        path = folder / f"{key}.sqlite"
        if not create and not path.exists():
            raise KnowledgeBaseMissing(
                f"There is no knowledge base {name!r} for {tenant!r} in {str(folder)!r}. "
                "Make one: `graphwright ingest`."
            )
        self._store: Store = acquire(folder, hnsw)
        try:
            self._ledger = Ledger(path)
            self._check_embedder(name, embedder)
            self._postings = Postings(self._ledger)
            self._spaces = Spaces(self._ledger, self._store.vectors, key, embedder)
            self._spaces.check()
        except BaseException:
            if hasattr(self, "_ledger"):
                self._ledger.close()
            self._store.release()
            raise

    def ingest(self, sources: Iterable[Path | str | Source], on_progress: Progress | None) -> IngestReport:
        """Read the sources, then bring the vectors in line."""
        started = time.monotonic()
        with self._store.writing:
            work = Ingest(self._ledger, self._postings, self._tenant, self._pipeline)
            report = work.run(as_sources(sources), on_progress)
            self._postings.merge()
            self._spaces.fill(on_progress)
        report.seconds = time.monotonic() - started
        return report

    def search(self, query: str, k: int, where: Mapping[str, Any] | None) -> list[Hit]:
        """The best k chunks by words and vectors together."""
        query = query[:LONGEST_QUERY].strip()
        if not query:
            raise EmptyQuery("The query is empty. Ask with at least one word.")
        depth = min(max(_DEPTH, 2 * k), self._ledger.count())
        if k < 1 or not depth:
            return []
        allowed = self._allowed(where)
        if allowed is not None and not allowed:
            return []
        lexical = self.lexical(query, depth, allowed)
        dense = self.dense(query, depth, allowed)
        return self._hits(lexical, dense, k)

    def lexical(self, query: str, count: int, allowed: Sequence[int] | None = None) -> list[int]:
        """Rows by words, best first."""
        scores = self._postings.score(term_counts(query))
        if allowed is not None:
            mask = np.zeros(len(scores))
            mask[[row for row in allowed if row < len(scores)]] = 1
            scores = scores * mask
        return best(scores, count)

    def dense(self, query: str, count: int, allowed: Sequence[int] | None = None) -> list[int]:
        """Rows by vector, nearest first."""
        if allowed is None:
            ids = self._spaces.nearest(query, min(count, _DEEPEST))
        elif len(allowed) <= _MOST_IDS:
            within = self._ledger.ids_of(allowed)
            ids = self._spaces.nearest(query, min(count, len(within)), within)
        else:
            wider = math.ceil(count * 2 * self._ledger.count() / len(allowed))
            ids = self._spaces.nearest(query, min(_DEEPEST, wider))
        rows = self._ledger.rows_of(ids)
        inside = None if allowed is None else set(allowed)
        return [rows[i] for i in ids if i in rows and (inside is None or rows[i] in inside)][:count]

    def _hits(self, lexical: list[int], dense: list[int], k: int) -> list[Hit]:
        words = {row: rank for rank, row in enumerate(lexical, 1)}
        near = {row: rank for rank, row in enumerate(dense, 1)}
        scores = {row: fused(words.get(row), near.get(row)) for row in {**words, **near}}
        chunks = self._ledger.chunks(list(scores))
        order = sorted(chunks, key=lambda row: (-scores[row], chunks[row].id))[:k]
        return [Hit(chunks[row], scores[row], words.get(row), near.get(row)) for row in order]

    def _allowed(self, where: Mapping[str, Any] | None) -> list[int] | None:
        if not where:
            return None
        check_filter(where)
        return self._ledger.matching(where)

    def _check_embedder(self, name: str, embedder: str) -> None:
        found = self._ledger.meta("embedder")
        if not found:
            self._ledger.remember("embedder", embedder)
        elif found != embedder:
            raise EmbedderMismatch(
                f"The knowledge base {name!r} was built with embedder={found!r}, not {embedder!r}. Open it with "
                f"{found!r}, or build it anew: `graphwright ingest --rebuild --embedder {embedder}`."
            )

    @property
    def ledger(self) -> Ledger:
        """The open ledger."""
        return self._ledger

    def close(self) -> None:
        """Close the files and give up the share of the lock."""
        self._ledger.close()
        self._store.release()


def set_aside(folder: Path, name: str, tenant: str) -> None:
    """Move one knowledge base and the folder's vectors aside; the others get their vectors anew from their ledgers.

    Those of a model would cost money, so they wait for the next ingest; until then words alone are searched.
    """
    key = file_key(name, tenant)
    move_aside(folder, [f"{key}.sqlite{end}" for end in ("", "-wal", "-shm")] + ["chroma"])
    store = acquire(folder)
    try:
        for path in sorted(folder.glob("kb-*.sqlite")):
            with suppress(IndexDamaged):  # damaged as well: its own rebuild will say so
                _refill(path, store)
    finally:
        store.release()


def _refill(path: Path, store: Store) -> None:
    ledger = Ledger(path)
    try:
        embedder = ledger.meta("embedder")
        spaces = Spaces(ledger, store.vectors, path.stem, embedder)
        spaces.forget()
        if is_fitted(embedder):
            spaces.fill()
    finally:
        ledger.close()

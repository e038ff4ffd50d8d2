"""The lexical index: postings in the ledger, scored by BM25 with numpy.

Own postings and not FTS5, for three reasons: how often a word stands in a *question* counts (long questions need
it), terms are split at identifiers' seams, and no query can break a query syntax that is not there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from .ledger import Ledger

K1 = 2.0
"""Saturation of a word's count within a chunk; upper end of the usual 1.2-2: chunks are short."""
B = 0.75
"""How much a long chunk pays for its length."""
_SEGMENTS = 6

Rows = NDArray[np.int32]
Scores = NDArray[np.float64]


class Postings:
    """Which chunks hold which terms, how often."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._seen = -1
        self._lengths: Scores = np.zeros(0)

    def add(self, counted: Sequence[tuple[int, Counter[str]]]) -> None:
        """Store the terms of new chunks (row number, counts) within a transaction."""
        inverted: dict[str, list[tuple[int, int]]] = {}
        for row, counts in counted:
            for term, count in counts.items():
                inverted.setdefault(term, []).append((row, min(count, 65_535)))
        segment = self._last() + 1
        self._ledger.remember("segment", str(segment))
        self._ledger.db.executemany(
            "INSERT INTO postings VALUES(?, ?, ?, ?)",
            ((term, segment, *_packed(found)) for term, found in inverted.items()),
        )

    def merge(self, *, force: bool = False) -> None:
        """Join the segments into one and drop what is deleted, when there are many of them."""
        if self._last() <= (1 if force else _SEGMENTS):
            return
        with self._ledger.transaction():
            alive = self.lengths() > 0
            db = self._ledger.db
            db.execute("CREATE TEMP TABLE joined AS SELECT * FROM postings LIMIT 0")
            for term, rows, counts in self.read():
                keep = alive[rows]
                if keep.any():
                    packed = [term, 1, rows[keep].tobytes(), counts[keep].tobytes()]
                    db.execute("INSERT INTO joined VALUES(?, ?, ?, ?)", packed)
            db.execute("DELETE FROM postings")
            db.execute("INSERT INTO postings SELECT * FROM joined")
            db.execute("DROP TABLE joined")
            self._ledger.remember("segment", "1")

    def read(self) -> Iterable[tuple[str, Rows, NDArray[np.uint16]]]:
        """Every term with its rows and counts, in the order of the terms; rows of deleted chunks included."""
        held = ""
        rows: list[bytes] = []
        counts: list[bytes] = []
        stored = "SELECT term, rows, counts FROM postings ORDER BY term, segment"
        for term, some, few in self._ledger.db.execute(stored):
            if term != held and rows:
                yield held, *_unpacked(rows, counts)
                rows, counts = [], []
            held = term
            rows.append(some)
            counts.append(few)
        if rows:
            yield held, *_unpacked(rows, counts)

    def lengths(self) -> Scores:
        """Terms of each chunk by row number; 0 = there is no such chunk."""
        if self._seen != self._ledger.generation:
            generation = self._ledger.generation
            found = np.array(self._ledger.rows("SELECT row, max(terms, 1) FROM chunks"), dtype=np.int64)
            # Deleted chunks keep their postings until the next merge, so the array spans every row ever given.
            ever = self._ledger.value("SELECT seq FROM sqlite_sequence WHERE name = 'chunks'") or 0
            lengths = np.zeros(ever + 1)
            if len(found):
                lengths[found[:, 0]] = found[:, 1]
            self._lengths, self._seen = lengths, generation
        return self._lengths

    def score(self, query: Mapping[str, int]) -> Scores:
        """BM25 of every chunk by row number; a term that stands n times in the query weighs n times."""
        with self._ledger.guarded():
            lengths = self.lengths()
            scores = np.zeros(len(lengths))
            alive = lengths > 0
            total = int(alive.sum())
            if not total:
                return scores
            norm = K1 * (1 - B + B * lengths / lengths[alive].mean())
            for term, weight in query.items():
                rows, counts = self._of(term, alive)
                idf = np.log(1 + (total - len(rows) + 0.5) / (len(rows) + 0.5))
                scores[rows] += weight * idf * counts * (K1 + 1) / (counts + norm[rows])
            return scores

    def _of(self, term: str, alive: NDArray[np.bool_]) -> tuple[Rows, Scores]:
        found = self._ledger.db.execute("SELECT rows, counts FROM postings WHERE term = ?", [term]).fetchall()
        rows, counts = _unpacked([r for r, _ in found], [c for _, c in found])
        keep = alive[rows]
        return rows[keep], counts[keep].astype(np.float64)

    def _last(self) -> int:
        return int(self._ledger.meta("segment") or 0)


def best(scores: Scores, count: int) -> list[int]:
    """Row numbers of the highest scores above zero, best first, ties by row number."""
    found = np.flatnonzero(scores > 0)
    if len(found) > count:
        cut = np.partition(scores[found], -count)[-count]
        found = found[scores[found] >= cut]
    order = np.lexsort((found, -scores[found]))
    return [int(row) for row in found[order][:count]]


def _packed(found: list[tuple[int, int]]) -> tuple[bytes, bytes]:
    pairs = np.array(found, dtype=np.int64)
    return pairs[:, 0].astype(np.int32).tobytes(), pairs[:, 1].astype(np.uint16).tobytes()


def _unpacked(rows: list[bytes], counts: list[bytes]) -> tuple[Rows, NDArray[np.uint16]]:
    return np.frombuffer(b"".join(rows), dtype=np.int32), np.frombuffer(b"".join(counts), dtype=np.uint16)

"""Documents into the ledger: only what changed, what is new before what is old goes, a batch at a time."""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from .chunk import Chunk, IngestReport, Passage, Quarantined
from .ledger import Ledger, make_chunk
from .postings import Postings
from .readers import Unreadable
from .sources import Document, Source
from .spaces import Progress, index_text
from .terms import term_counts

_BATCH = 2_000
_PATIENCE = 5.0


@dataclass(slots=True)
class _Prepared:
    document: Document
    hash: str
    label: str
    chunks: list[Chunk] = field(default_factory=list)


class Ingest:
    """One ingest into one ledger. Commits after each batch, so a kill loses one batch of reading at most."""

    def __init__(self, ledger: Ledger, postings: Postings, owner: str, pipeline: str) -> None:
        self._ledger = ledger
        self._postings = postings
        self._owner = owner
        self._pipeline = pipeline
        self.report = IngestReport()
        self._held: list[_Prepared] = []
        self._size = 0
        self._since = time.monotonic()
        self._known: dict[str, tuple[int, str, str, str]] = {}
        self._labels: dict[str, str] = {}

    def run(self, sources: Sequence[Source], on_progress: Progress | None = None) -> IngestReport:
        """Read every source; remove what they cover and no longer offer."""
        self._recall()
        offered = self._offered(sources)
        for at, document in enumerate(offered):
            if on_progress:
                on_progress(at, len(offered), document.label)
            self._take(document)
        self._flush()
        self._remove_missing(sources, {document.origin for document in offered})
        if on_progress:
            on_progress(len(offered), len(offered), "documents")
        return self.report

    def _recall(self) -> None:
        if self._ledger.meta("pipeline") != self._pipeline:
            with self._ledger.transaction():
                self._ledger.db.execute("UPDATE documents SET stamp = '', hash = ''")
                self._ledger.remember("pipeline", self._pipeline)
        for origin, *rest in self._ledger.rows("SELECT origin, row, label, stamp, hash FROM documents"):
            self._known[origin] = (rest[0], rest[1], rest[2], rest[3])
            self._labels[rest[1]] = origin

    def _offered(self, sources: Sequence[Source]) -> list[Document]:
        found: dict[str, Document] = {}
        for source in sources:
            for one in source.documents():
                if isinstance(one, Quarantined):
                    self.report.quarantined.append(one)
                else:
                    found.setdefault(one.origin, one)
        return list(found.values())

    def _take(self, document: Document) -> None:
        self.report.documents += 1
        known = self._known.get(document.origin)
        if known and known[2] == document.stamp:
            self._unchanged(known[0])
            return
        try:
            data = document.read()
        except OSError as error:
            self._quarantine(document, f"cannot be read: {error.strerror or error}")
            return
        except Unreadable as error:
            self._quarantine(document, str(error))
            self._drop(known)
            return
        hashed = hashlib.sha256(data).hexdigest()
        if known and known[3] == hashed:
            with self._ledger.transaction():
                self._ledger.db.execute("UPDATE documents SET stamp = ? WHERE row = ?", [document.stamp, known[0]])
            self._unchanged(known[0])
        else:
            self._prepare(document, data, hashed)

    def _prepare(self, document: Document, data: bytes, hashed: str) -> None:
        prepared = _Prepared(document, hashed, self._label(document))
        try:
            for one in document.passages(data):
                if isinstance(one, Quarantined):
                    self.report.quarantined.append(one)
                else:
                    self._add(prepared, one)
        except Unreadable as error:
            self._quarantine(document, str(error))
            self._drop(self._known.get(document.origin))
            return
        except Exception as error:  # a reader's bug must not lose the other documents
            self._quarantine(document, f"its reader failed: {type(error).__name__}: {error}")
            return
        self._held.append(prepared)
        if self._size >= _BATCH or time.monotonic() - self._since > _PATIENCE:
            self._flush()

    def _add(self, prepared: _Prepared, passage: Passage) -> None:
        if passage.text.strip():
            prepared.chunks.append(make_chunk(passage, prepared.label, self._owner, self._pipeline))
            self._size += 1

    def _label(self, document: Document) -> str:
        """The name people see, made unique: two folders may both be called `docs`."""
        known = self._known.get(document.origin)
        if known:
            return known[1]
        label = document.label
        if self._labels.get(label, document.origin) != document.origin:
            label = f"{label} ({hashlib.sha256(document.origin.encode()).hexdigest()[:6]})"
        self._labels[label] = document.origin
        return label

    def _flush(self) -> None:
        if self._held:
            with self._ledger.transaction():
                counted = [pair for prepared in self._held for pair in self._store(prepared)]
                self._postings.add(counted)
        self._held, self._size, self._since = [], 0, time.monotonic()

    def _store(self, prepared: _Prepared) -> Iterable[tuple[int, Counter[str]]]:
        document = self._document_row(prepared)
        old = dict(self._ledger.rows("SELECT id, row FROM chunks WHERE document = ?", [document]))
        kept: set[str] = set()
        for chunk in prepared.chunks:
            if chunk.id in kept:
                self.report.duplicates += 1
                continue
            kept.add(chunk.id)
            if chunk.id in old:
                self._move(chunk)
                continue
            counts = term_counts(index_text(chunk))
            yield self._ledger.insert(chunk, document, counts.total()), counts
            self.report.added += 1
        stale = [row for chunk_id, row in old.items() if chunk_id not in kept]
        self._ledger.delete(stale)
        self.report.removed += len(stale)

    def _move(self, chunk: Chunk) -> None:
        """The same passage, perhaps at other lines."""
        self._ledger.db.execute(
            "UPDATE chunks SET title = ?, heading = ?, start_line = ?, end_line = ?, page = ? WHERE id = ?",
            [chunk.title, chunk.heading, chunk.start_line, chunk.end_line, chunk.page, chunk.id],
        )
        self.report.unchanged += 1

    def _document_row(self, prepared: _Prepared) -> int:
        one = prepared.document
        self._ledger.db.execute(
            "INSERT INTO documents(origin, label, stamp, hash) VALUES(?, ?, ?, ?) "
            "ON CONFLICT(origin) DO UPDATE SET stamp = excluded.stamp, hash = excluded.hash",
            [one.origin, prepared.label, one.stamp, prepared.hash],
        )
        return int(self._ledger.value("SELECT row FROM documents WHERE origin = ?", [one.origin]))

    def _unchanged(self, row: int) -> None:
        self.report.documents_unchanged += 1
        self.report.unchanged += self._ledger.value("SELECT count(*) FROM chunks WHERE document = ?", [row])

    def _quarantine(self, document: Document, reason: str) -> None:
        self.report.quarantined.append(Quarantined(document.label, reason))

    def _remove_missing(self, sources: Sequence[Source], offered: set[str]) -> None:
        skipped = {one.source for one in self.report.quarantined}
        for origin, known in self._known.items():
            if origin not in offered | skipped and any(source.covers(origin) for source in sources):
                self._drop(known)

    def _drop(self, known: tuple[int, str, str, str] | None) -> None:
        if known is None:
            return
        with self._ledger.transaction():
            rows = [row for (row,) in self._ledger.rows("SELECT row FROM chunks WHERE document = ?", [known[0]])]
            self._ledger.delete(rows)
            self._ledger.db.execute("DELETE FROM documents WHERE row = ?", [known[0]])
        self.report.removed += len(rows)
        self.report.documents_removed += 1

"""What is stored and what is found: chunks, hits and the report of an ingest."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["text", "markdown", "html", "code", "docstring", "description", "record"]


@dataclass(frozen=True, slots=True)
class Chunk:
    """One passage that can be found and cited."""

    id: str
    """Hash of pipeline, source and text: the same passage always has the same id."""
    text: str
    source: str
    """Where it came from, as people write it: `docs/guide.md`, `langgraph/graph/state.py`, `faq.jsonl#42`."""
    title: str = ""
    """Title of the document, or the package with its version."""
    heading: str = ""
    """Path of headings (`Install > Linux`) or qualified name of the symbol."""
    start_line: int = 0
    """First line, counted from 1; 0 where lines mean nothing."""
    end_line: int = 0
    page: int = 0
    """Page, counted from 1; 0 where there are none."""
    kind: str = "text"
    content_hash: str = ""
    """SHA-256 of the text, 16 hex digits."""
    owner: str = "local"
    """Tenant who ingested it."""
    trusted: bool = False
    """Retrieved text is data, not instructions, unless someone decides otherwise."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A chunk that answers a query."""

    chunk: Chunk
    score: float
    """Fused score, 0 to 1; 1 = first in the lexical and in the dense list."""
    lexical_rank: int | None = None
    """Rank by words, counted from 1; None = not found by words."""
    dense_rank: int | None = None
    """Rank by vector, counted from 1; None = not found by vector."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a document on its way into the index: a chunk without an identity."""

    text: str
    title: str = ""
    heading: str = ""
    start_line: int = 0
    end_line: int = 0
    page: int = 0
    kind: Kind = "text"
    part: str = ""
    """Name of the record within its file, where one file holds many (`faq.jsonl#42`)."""


@dataclass(frozen=True, slots=True)
class Quarantined:
    """Something that was not indexed, and why."""

    source: str
    reason: str

    def __str__(self) -> str:
        return f"{self.source}: {self.reason}"


@dataclass(slots=True)
class IngestReport:
    """What one ingest did. Documents are files; chunks are passages of them."""

    added: int = 0
    """Chunks that are new."""
    unchanged: int = 0
    """Chunks that were there and still are."""
    removed: int = 0
    """Chunks whose passage or file is gone."""
    duplicates: int = 0
    """Passages left out because the same source already has the same text."""
    documents: int = 0
    """Documents looked at."""
    documents_unchanged: int = 0
    documents_removed: int = 0
    quarantined: list[Quarantined] = field(default_factory=list)
    seconds: float = 0.0

    def __str__(self) -> str:
        return (
            f"{self.added} chunks added, {self.unchanged} unchanged, {self.removed} removed from {self.documents} "
            f"documents in {self.seconds:.1f} s; {len(self.quarantined)} quarantined"
        )

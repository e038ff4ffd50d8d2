"""The first run of a graph that reads a knowledge base: where that is empty, its documents are read in first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .output import remark
from .session import Session

if TYPE_CHECKING:
    from graphwright.graphs import GraphEntry


def fill_knowledge(session: Session, entry: GraphEntry) -> None:
    """Ingest the packages that a graph reads, if the knowledge base is empty; with a progress bar, once."""
    if not entry.knowledge:
        return
    from graphwright.retrieval import KnowledgeBase, PackageDocs

    from .ingest_progress import ingest_progress  # rich

    knowledge = session.runtime.resources.get(KnowledgeBase)
    if knowledge.count():
        return
    remark(f"The knowledge base is empty. Reading the documentation of {', '.join(entry.knowledge)} (first run only).")
    with ingest_progress() as tell:
        report = knowledge.ingest([PackageDocs(entry.knowledge)], on_progress=tell)
    remark(f"Read {report.documents:,} documents into {report.added:,} passages.")

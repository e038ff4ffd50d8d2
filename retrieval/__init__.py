"""The knowledge base and the memory: documents to search and cite, facts to recall. Nothing leaves the machine."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .chunk import Chunk, Hit, IngestReport, Passage, Quarantined
    from .errors import (
        EmbedderFailed,
        EmbedderMismatch,
        EmptyQuery,
        FolderNotWritable,
        IndexDamaged,
        KnowledgeBaseBusy,
        KnowledgeBaseClosed,
        KnowledgeBaseMissing,
        MemoryDamaged,
        MemoryRefused,
        RetrievalError,
        UnknownChunk,
        UnknownEmbedder,
        UnknownField,
    )
    from .knowledge_base import KnowledgeBase
    from .knowledge_tool import search_knowledge as search_knowledge
    from .memory import Memories, Memory, Owner
    from .memory_tools import forget, recall, remember
    from .neighbours import Neighbours, text_embedder
    from .packages import DEFAULT_PACKAGES, PackageDocs
    from .readers import Unreadable
    from .sources import Document, FileTree, Source

_HOMES = {
    ".chunk": "Chunk Hit IngestReport Passage Quarantined",
    ".errors": (
        "EmbedderFailed EmbedderMismatch EmptyQuery FolderNotWritable IndexDamaged KnowledgeBaseBusy "
        "KnowledgeBaseClosed KnowledgeBaseMissing MemoryDamaged MemoryRefused RetrievalError UnknownChunk "
        "UnknownEmbedder UnknownField"
    ),
    ".knowledge_base": "KnowledgeBase",
    ".knowledge_tool": "search_knowledge",
    ".memory": "Memories Memory Owner",
    ".memory_tools": "forget recall remember",
    ".neighbours": "Neighbours text_embedder",
    ".packages": "DEFAULT_PACKAGES PackageDocs",
    ".readers": "Unreadable",
    ".sources": "Document FileTree Source",
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}

__all__ = [
    "Chunk",
    "DEFAULT_PACKAGES",
    "Document",
    "EmbedderFailed",
    "EmbedderMismatch",
    "EmptyQuery",
    "FileTree",
    "FolderNotWritable",
    "Hit",
    "IndexDamaged",
    "IngestReport",
    "KnowledgeBase",
    "KnowledgeBaseBusy",
    "KnowledgeBaseClosed",
    "KnowledgeBaseMissing",
    "Memories",
    "Memory",
    "MemoryDamaged",
    "MemoryRefused",
    "Neighbours",
    "Owner",
    "PackageDocs",
    "Passage",
    "Quarantined",
    "RetrievalError",
    "Source",
    "Unreadable",
    "UnknownChunk",
    "UnknownEmbedder",
    "UnknownField",
    "forget",
    "recall",
    "remember",
    "text_embedder",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME_OF[name], __name__), name)

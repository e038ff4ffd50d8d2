"""The knowledge base: documents in, passages with their source out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from .chunk import Chunk, Hit, IngestReport
from .errors import IndexDamaged, KnowledgeBaseClosed
from .sources import Source

if TYPE_CHECKING:
    from .index import Index


class KnowledgeBase:
    """What agents can look up: documents of one tenant under one name, on disk, searched by words and vectors.

    Safe to use from several threads. A folder belongs to one process at a time and may hold many knowledge bases.
    """

    def __init__(self, folder: Path, name: str, tenant: str, index: Index) -> None:
        self.folder = folder
        self.name = name
        self.tenant = tenant
        self._index: Index | None = index

    @classmethod
    def open(
        cls, folder: Path, name: str = "default", *, tenant: str = "local", embedder: str = "lsa", create: bool = True
    ) -> KnowledgeBase:
        """Open, or make, a knowledge base; `embedder` is lsa, openai:MODEL or chroma:minilm.

        Raises KnowledgeBaseBusy, KnowledgeBaseMissing, EmbedderMismatch, FolderNotWritable, IndexDamaged.
        """
        from .index import Index  # numpy and chromadb: two seconds that importing this folder must not cost

        folder = Path(folder)
        return cls(folder, name, tenant, Index(folder, name, tenant, embedder, create, None))

    @classmethod
    def rebuild(
        cls, folder: Path, name: str = "default", *, tenant: str = "local", embedder: str = "lsa"
    ) -> KnowledgeBase:
        """Move a damaged or outdated knowledge base aside and open an empty one: ingest its sources again.

        The vectors of a folder are one Chroma database, so they go aside for all its knowledge bases; the others get
        theirs back from their stored text, those of a paid model at their next ingest.
        """
        from .index import set_aside  # as in open

        set_aside(Path(folder), name, tenant)
        return cls.open(folder, name, tenant=tenant, embedder=embedder)

    def ingest(
        self,
        sources: Iterable[Path | str | Source] | Path | str,
        *,
        on_progress: Callable[[int, int, str], None] | None = None,
    ) -> IngestReport:
        """Bring the index in line with files, folders and other sources, such as `PackageDocs()`.

        Unchanged documents are not read again, deleted ones are removed, what cannot be read is in the report's
        quarantine. After a kill, call it again: it goes on. `on_progress(done, total, current)` counts documents
        first and vectors second.
        """
        return self._open.ingest([sources] if isinstance(sources, str | Path) else sources, on_progress)

    def search(self, query: str, k: int = 5, *, where: Mapping[str, Any] | None = None) -> list[Hit]:
        """The k best passages, best first, the same ones in the same order every time.

        `where` maps fields of a chunk (source, title, heading, kind, owner, page, trusted, id) to a value or a list
        of values. It belongs to the caller's own code: never take it from a model or a client.
        Raises EmptyQuery, UnknownField, IndexDamaged. Of a query only the first 32,000 characters count.
        """
        return self._open.search(query, k, where)

    def get(self, chunk_id: str) -> Chunk:
        """One chunk by its id. Raises UnknownChunk."""
        return self._open.ledger.chunk(chunk_id)

    def count(self) -> int:
        """Number of chunks."""
        return self._open.ledger.count()

    def documents(self) -> list[str]:
        """Names of the documents that are indexed, sorted."""
        return [label for (label,) in self._open.ledger.rows("SELECT label FROM documents ORDER BY label")]

    def close(self) -> None:
        """Give the folder free; safe to call twice."""
        index, self._index = self._index, None
        if index is not None:
            index.close()

    @property
    def _open(self) -> Index:
        if self._index is None:
            raise KnowledgeBaseClosed(f"The knowledge base {self.name!r} is closed. Open it again.")
        return self._index

    def __enter__(self) -> KnowledgeBase:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


__all__ = ["IndexDamaged", "KnowledgeBase"]

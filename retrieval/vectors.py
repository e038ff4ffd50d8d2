"""Chroma, in process: the one module that imports chromadb.

Only vectors of our own go in and out (`embedding_function=None`, `query_embeddings`): a collection opened without
them would hand its texts to whatever model its stored configuration names. Its Python server is never started.
"""

from __future__ import annotations

import re
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast

import chromadb
from chromadb.api.client import Client
from chromadb.api.models.Collection import Collection
from chromadb.config import Settings
from chromadb.errors import NotFoundError

from .errors import IndexDamaged
from .lsa import Floats

MAX_BATCH = 2_000
"""Rows of one write; Chroma refuses more than 5,461."""
MAX_PAGE = 10_000
"""Rows of one read; Chroma fails above 32,766."""
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Hnsw:
    """How Chroma's graph is built and searched; recall against time, measured in benchmarks/retrieval/speed.py."""

    ef_construction: int = 100
    ef_search: int = 800
    max_neighbors: int = 24
    batch_size: int = 1_000
    sync_threshold: int = 1_000
    """Vectors written since the graph was last stored; they are read again when the folder is opened."""


class VectorStore:
    """All collections of one folder. The caller holds the folder's lock: Chroma has none."""

    def __init__(self, folder: Path, hnsw: Hnsw | None = None) -> None:
        self.folder = folder
        self._hnsw = hnsw or Hnsw()
        self._open: dict[str, Collection] = {}
        folder.mkdir(parents=True, exist_ok=True)
        with self._guarded():
            _sweep(folder)
            client = chromadb.PersistentClient(str(folder), Settings(anonymized_telemetry=False))
            self._client = cast(Client, client)  # its declared type has no close()

    def create(self, name: str) -> None:
        """Make a collection unless it is there."""
        settings = {"space": "cosine", **{f: getattr(self._hnsw, f) for f in Hnsw.__slots__}}
        with self._guarded():
            self._open[name] = self._client.get_or_create_collection(
                name,
                embedding_function=None,
                configuration={"hnsw": cast(Any, settings), "embedding_function": None},
            )

    def exists(self, name: str) -> bool:
        """Whether there is such a collection."""
        try:
            self._collection(name)
        except IndexDamaged as error:
            if isinstance(error.__cause__, NotFoundError):
                return False
            raise
        return True

    def names(self, prefix: str) -> list[str]:
        """Names of the collections that begin with `prefix` and a dot."""
        with self._guarded():
            return [c.name for c in self._client.list_collections() if c.name.startswith(f"{prefix}.")]

    def upsert(self, name: str, ids: Sequence[str], vectors: Floats) -> None:
        """Store vectors under their ids; what is there already is overwritten."""
        with self._guarded():
            for at in range(0, len(ids), MAX_BATCH):
                to = at + MAX_BATCH
                self._collection(name).upsert(ids=list(ids[at:to]), embeddings=vectors[at:to])

    def query(self, name: str, vector: Floats, count: int, ids: Sequence[str] | None = None) -> list[tuple[str, float]]:
        """Nearest ids with their cosine distance, nearest first, ties by id; among `ids` only, if given."""
        with self._guarded():
            found = self._collection(name).query(
                query_embeddings=vector[None, :],
                n_results=count,
                ids=list(ids) if ids is not None else None,
                include=["distances"],
            )
        distances = (found["distances"] or [[]])[0]
        return sorted(zip(found["ids"][0], distances, strict=True), key=lambda pair: (round(pair[1], 6), pair[0]))

    def delete(self, name: str, ids: Sequence[str]) -> None:
        """Delete vectors; ids that are not there do not matter."""
        with self._guarded():
            for at in range(0, len(ids), MAX_BATCH):
                self._collection(name).delete(ids=list(ids[at : at + MAX_BATCH]))

    def count(self, name: str) -> int:
        """Number of vectors."""
        with self._guarded():
            return self._collection(name).count()

    def ids(self, name: str) -> Iterator[str]:
        """Every id, page by page."""
        offset = 0
        while True:
            with self._guarded():
                page = self._collection(name).get(limit=MAX_PAGE, offset=offset, include=[])["ids"]
            yield from page
            if len(page) < MAX_PAGE:
                return
            offset += len(page)

    def drop(self, name: str) -> None:
        """Delete a collection; its files go when the folder is opened next."""
        self._open.pop(name, None)
        with self._guarded():
            try:
                self._client.delete_collection(name)
            except NotFoundError:
                return

    def close(self) -> None:
        """Let go of the files."""
        self._open.clear()
        with self._guarded():
            self._client.close()

    def _collection(self, name: str) -> Collection:
        if name not in self._open:
            with self._guarded():
                self._open[name] = self._client.get_collection(name, embedding_function=None)
        return self._open[name]

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            yield
        except (IndexDamaged, NotFoundError, KeyboardInterrupt, SystemExit, GeneratorExit, MemoryError) as error:
            if isinstance(error, NotFoundError):
                raise IndexDamaged(self.folder.parent, f"Chroma has no such collection: {error}") from error
            raise
        except BaseException as error:  # a panic of Chroma's Rust code is a BaseException
            raise IndexDamaged(self.folder.parent, f"Chroma: {type(error).__name__}: {error}") from error


def _sweep(folder: Path) -> None:
    """Delete the files of collections that are gone; Chroma leaves them behind."""
    database = folder / "chroma.sqlite3"
    if not database.is_file():
        return
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as db:
        try:
            known = {row[0] for row in db.execute("SELECT id FROM segments")}
        except sqlite3.OperationalError:  # a database that Chroma has not finished making
            return
    for entry in folder.iterdir():
        if entry.is_dir() and _UUID.fullmatch(entry.name) and entry.name not in known:
            shutil.rmtree(entry, ignore_errors=True)


@cache
def _minilm_model() -> Any:
    from chromadb.utils.embedding_functions import ONNXMiniLM_L6_V2  # loads onnxruntime, downloads its weights

    return ONNXMiniLM_L6_V2()


def minilm(texts: list[str]) -> Sequence[Sequence[float]]:
    """Vectors of Chroma's ONNX MiniLM-L6; downloads 80 MB at first use."""
    return cast(Sequence[Sequence[float]], _minilm_model()(texts))

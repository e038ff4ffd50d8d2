"""The ledger: one SQLite file per knowledge base with its documents, its chunks and the state of its index."""

from __future__ import annotations

import hashlib
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .chunk import Chunk, Passage
from .errors import IndexDamaged, UnknownChunk, UnknownField

LEDGER_VERSION = 1
FILTER_FIELDS = ("source", "title", "heading", "kind", "owner", "trusted", "page", "id")

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS documents(
    row INTEGER PRIMARY KEY, origin TEXT NOT NULL UNIQUE, label TEXT NOT NULL UNIQUE, stamp TEXT NOT NULL,
    hash TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS chunks(
    row INTEGER PRIMARY KEY AUTOINCREMENT, document INTEGER NOT NULL, terms INTEGER NOT NULL, id TEXT NOT NULL UNIQUE,
    text TEXT NOT NULL, source TEXT NOT NULL, title TEXT NOT NULL, heading TEXT NOT NULL, start_line INTEGER NOT NULL,
    end_line INTEGER NOT NULL, page INTEGER NOT NULL, kind TEXT NOT NULL, content_hash TEXT NOT NULL,
    owner TEXT NOT NULL, trusted INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS chunks_of_document ON chunks(document);
CREATE TABLE IF NOT EXISTS postings(
    term TEXT NOT NULL, segment INTEGER NOT NULL, rows BLOB NOT NULL, counts BLOB NOT NULL,
    PRIMARY KEY(term, segment)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS spaces(id TEXT PRIMARY KEY, chunks INTEGER NOT NULL, state BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS embedded(space TEXT NOT NULL, row INTEGER NOT NULL, PRIMARY KEY(space, row)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS gone(space TEXT NOT NULL, id TEXT NOT NULL, PRIMARY KEY(space, id)) WITHOUT ROWID;
"""
_COLUMNS = "id, text, source, title, heading, start_line, end_line, page, kind, content_hash, owner, trusted"
_FIELDS = tuple(_COLUMNS.split(", "))
_AT_ONCE = 500


class Ledger:
    """Connection to the SQLite file; safe to use from several threads of the owner process."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lock = threading.RLock()
        self.generation = 0
        """Grows with each change; caches compare it."""
        with self.guarded():
            self.db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
            self._prepare()

    def _prepare(self) -> None:
        try:
            self.db.execute("PRAGMA journal_mode=WAL")
            self.db.execute("PRAGMA synchronous=NORMAL")
            found = self.db.execute("PRAGMA user_version").fetchone()[0]
            if found not in (0, LEDGER_VERSION):
                raise IndexDamaged(self.path.parent, f"its format is {found}, this version reads {LEDGER_VERSION}")
            self.db.executescript(_SCHEMA)
            self.db.execute(f"PRAGMA user_version={LEDGER_VERSION}")
        except BaseException:
            self.db.close()
            raise

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """One thread at a time; SQLite's complaints become IndexDamaged."""
        with self.lock:
            try:
                yield
            except sqlite3.DatabaseError as error:
                raise IndexDamaged(self.path.parent, f"{self.path.name}: {error}") from error

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing."""
        with self.guarded():
            self.db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                if self.db.in_transaction:
                    self.db.execute("ROLLBACK")
                raise
            self.db.execute("COMMIT")
            self.generation += 1

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of one query."""
        with self.guarded():
            return self.db.execute(sql, values).fetchall()

    def value(self, sql: str, values: Sequence[Any] = ()) -> Any:
        """First column of the first row, or None."""
        found = self.rows(sql, values)
        return found[0][0] if found else None

    def meta(self, key: str) -> str:
        """A remembered word; empty when there is none."""
        return self.value("SELECT value FROM meta WHERE key = ?", [key]) or ""

    def remember(self, key: str, value: str) -> None:
        """Remember a word."""
        with self.guarded():
            self.db.execute("INSERT OR REPLACE INTO meta VALUES(?, ?)", [key, value])

    def check(self) -> None:
        """Read the whole file. Raises IndexDamaged."""
        found = self.value("PRAGMA integrity_check")
        if found != "ok":
            raise IndexDamaged(self.path.parent, f"{self.path.name}: {found}")

    def count(self) -> int:
        """Number of chunks."""
        return int(self.value("SELECT count(*) FROM chunks"))

    def chunk(self, chunk_id: str) -> Chunk:
        """One chunk by its id. Raises UnknownChunk."""
        found = self.rows(f"SELECT {_COLUMNS} FROM chunks WHERE id = ?", [chunk_id])
        if not found:
            raise UnknownChunk(f"There is no chunk {chunk_id!r} (any more). Search again for its present id.")
        return _chunk(found[0])

    def chunks(self, rows: Sequence[int]) -> dict[int, Chunk]:
        """Chunks by their row numbers; those gone are left out."""
        found: dict[int, Chunk] = {}
        for some in pages(rows):
            marks = ",".join("?" * len(some))
            for row, *rest in self.rows(f"SELECT row, {_COLUMNS} FROM chunks WHERE row IN ({marks})", some):
                found[row] = _chunk(rest)
        return found

    def rows_of(self, ids: Sequence[str]) -> dict[str, int]:
        """Row numbers by chunk id."""
        found: dict[str, int] = {}
        for some in pages(ids):
            marks = ",".join("?" * len(some))
            found.update(self.rows(f"SELECT id, row FROM chunks WHERE id IN ({marks})", some))
        return found

    def ids_of(self, rows: Sequence[int]) -> list[str]:
        """Chunk ids by row number; those gone are left out."""
        found: list[str] = []
        for some in pages(rows):
            marks = ",".join("?" * len(some))
            found += [i for (i,) in self.rows(f"SELECT id FROM chunks WHERE row IN ({marks})", some)]
        return found

    def matching(self, where: Mapping[str, Any]) -> list[int]:
        """Rows of the chunks that a filter lets through. Raises UnknownField."""
        check_filter(where)
        clauses, values = [], list[Any]()
        for name, wanted in where.items():
            options = list(wanted) if isinstance(wanted, list | tuple | set | frozenset) else [wanted]
            clauses.append(f"{name} IN ({','.join('?' * len(options))})")
            values.extend(options)
        return [row for (row,) in self.rows(f"SELECT row FROM chunks WHERE {' AND '.join(clauses)}", values)]

    def insert(self, chunk: Chunk, document: int, terms: int) -> int:
        """Store a chunk within a transaction; its row number."""
        values = [getattr(chunk, name) for name in _FIELDS]
        marks = ",".join("?" * (len(values) + 2))
        added = self.db.execute(
            f"INSERT INTO chunks(document, terms, {_COLUMNS}) VALUES({marks})", [document, terms, *values]
        )
        return int(added.lastrowid or 0)

    def delete(self, rows: Sequence[int]) -> None:
        """Delete chunks within a transaction; their vectors are noted as gone and deleted later."""
        somewhere = "row = ? AND space IN (SELECT id FROM spaces)"
        for row in rows:
            gone = f"SELECT space, (SELECT id FROM chunks WHERE row = ?) FROM embedded WHERE {somewhere}"
            self.db.execute(f"INSERT OR IGNORE INTO gone {gone}", [row, row])
            self.db.execute(f"DELETE FROM embedded WHERE {somewhere}", [row])
            self.db.execute("DELETE FROM chunks WHERE row = ?", [row])

    def close(self) -> None:
        """Close the file."""
        with self.lock:
            self.db.close()


def pages(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """A long list in pieces that fit one SQL statement."""
    for at in range(0, len(items), _AT_ONCE):
        yield items[at : at + _AT_ONCE]


def check_filter(where: Mapping[str, Any]) -> None:
    """Filters name fields of a chunk and nothing else. Raises UnknownField."""
    unknown = sorted(set(where) - set(FILTER_FIELDS))
    if unknown:
        raise UnknownField(f"Cannot filter by {', '.join(map(repr, unknown))}. Fields: {', '.join(FILTER_FIELDS)}.")


def make_chunk(passage: Passage, source: str, owner: str, pipeline: str) -> Chunk:
    """A passage with its identity."""
    text = passage.text.encode("utf-8", "replace").decode()
    source = f"{source}#{passage.part}" if passage.part else source
    identity = "\0".join([pipeline, source, text])
    return Chunk(
        id=digest(identity)[:20],
        text=text,
        source=source,
        title=passage.title[:300].encode("utf-8", "replace").decode(),
        heading=passage.heading[:500].encode("utf-8", "replace").decode(),
        start_line=passage.start_line,
        end_line=passage.end_line,
        page=passage.page,
        kind=passage.kind,
        content_hash=digest(text)[:16],
        owner=owner,
    )


def digest(text: str) -> str:
    """SHA-256 of a text, in hex."""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def _chunk(values: Sequence[Any]) -> Chunk:
    fields = dict(zip(_FIELDS, values, strict=True))
    return Chunk(**{**fields, "trusted": bool(fields["trusted"])})

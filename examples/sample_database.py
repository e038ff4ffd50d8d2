"""The database of an example: one SQLite file, filled at first use, that can be looked at without touching it."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

TIMEOUT = 30
"""Seconds that one process waits for another that is writing."""


class SampleDatabase:
    """Safe for threads and processes: filled once, all or nothing; each ``writing`` is a transaction of its own."""

    def __init__(self, path: Path, schema: str, fill: Callable[[sqlite3.Connection], object]) -> None:
        """
        Args:
            path: The file; neither it nor its folder needs to be there.
            schema: The tables; a semicolon stands at the end of a statement and nowhere else.
            fill: Inserts the first rows, inside the transaction that makes the tables.
        """
        self._path = path
        self._schema = schema
        self._fill = fill

    @cached_property
    def path(self) -> Path:
        """The file, made and filled if it was not."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with _transaction(self._path) as db:
            if db.execute("SELECT 1 FROM sqlite_master").fetchone() is None:
                self._make(db)
        return self._path

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection; its rows can be read by column."""
        with _opened(str(self.path)) as db:
            yield db

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction: kept if the block ends well, undone if it raises."""
        with _transaction(self.path) as db:
            yield db

    @contextmanager
    def looking(self) -> Iterator[sqlite3.Connection]:
        """What the file holds, or would hold at first use: nothing is made or changed, the folder may be read-only.

        A process that was killed may have left a journal, which a reader would roll back: then a copy is read.
        """
        read_only = f"{self._path.absolute().as_uri()}?mode=ro"
        if self._path.exists() and _is_whole(read_only):
            with _opened(read_only) as db:
                yield db
            return
        with TemporaryDirectory(prefix="graphwright-") as folder:
            copy = _copied(self._path, Path(folder))
            with SampleDatabase(copy, self._schema, self._fill).reading() as db:
                yield db

    def _make(self, db: sqlite3.Connection) -> None:
        for statement in filter(str.strip, self._schema.split(";")):
            db.execute(statement)
        self._fill(db)


@contextmanager
def _opened(path: str) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path, timeout=TIMEOUT, isolation_level=None, uri=path.startswith("file:"))) as db:
        db.row_factory = sqlite3.Row
        yield db


@contextmanager
def _transaction(path: Path) -> Iterator[sqlite3.Connection]:
    with _opened(str(path)) as db:
        db.execute("BEGIN IMMEDIATE")
        try:
            yield db
        except BaseException:
            db.execute("ROLLBACK")
            raise
        db.execute("COMMIT")


def _is_whole(read_only: str) -> bool:
    try:
        with _opened(read_only) as db:
            return db.execute("SELECT 1 FROM sqlite_master").fetchone() is not None
    except sqlite3.OperationalError as error:
        if error.sqlite_errorname == "SQLITE_READONLY_ROLLBACK":
            return False
        raise


def _copied(path: Path, folder: Path) -> Path:
    """The journal first: rolled back twice is the same as rolled back once."""
    for name in (f"{path.name}-journal", path.name):
        with suppress(FileNotFoundError):
            shutil.copyfile(path.with_name(name), folder / name)
    return folder / path.name

"""The one database: opened, migrated, and reached through one thread so that the event loop never waits on a disk.

SQLAlchemy's synchronous Core runs on a thread of its own. Measured against its asyncio face this saves a thread hop
for every statement: a transaction here is one hop, however many statements it has.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlalchemy.pool import StaticPool

from .errors import StateFolderError
from .migrations import SchemaTooNew, migrate

T = TypeVar("T")

Durability = Literal["process", "power"]
"""What a committed row survives: ``process`` a killed process, ``power`` a power cut as well."""

SYNCHRONOUS: dict[Durability, str] = {"process": "NORMAL", "power": "FULL"}
BUSY_SECONDS = 30.0
"""How long a writer waits for another process before it gives up."""


class Database:
    """Transactions on the state database. Open with :meth:`open`, close with :meth:`close`."""

    def __init__(self, path: Path, durability: Durability = "process") -> None:
        self.path = path
        self.durability: Durability = durability
        self._engine: Engine | None = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="graphwright-db")

    async def open(self) -> Database:
        """Open the database, make it where there is none, and migrate it.

        Raises:
            StateFolderError: if the folder cannot be written, or the file is not a healthy database of ours.
        """
        await self._on_thread(self._open)
        return self

    async def close(self) -> None:
        """Close the connection and the thread; calling it twice does no harm."""
        if self._engine is not None:
            engine, self._engine = self._engine, None
            await self._on_thread(engine.dispose)
        self._thread.shutdown(wait=True)

    async def transaction(self, work: Callable[[Connection], T]) -> T:
        """Run ``work`` in one write transaction: all of it is committed, or none.

        Raises:
            StateFolderError: if the disk is full, read-only or broken; nothing of ``work`` was kept.
        """
        return await self._on_thread(self._transaction, work)

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run ``work``, which only reads."""
        return await self._on_thread(self._read, work)

    async def _on_thread(self, function: Callable[..., T], *args: Any) -> T:
        future = asyncio.get_running_loop().run_in_executor(self._thread, function, *args)
        # A cancelled caller must not leave while its transaction is half-way: it would not know what was kept.
        return await asyncio.shield(future)

    def _open(self) -> None:
        folder = self.path.parent
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise StateFolderError(
                f"The state folder {str(folder)!r} cannot be made: {error.strerror or error}. "
                "Name one that can be written with --state DIR or GRAPHWRIGHT_STATE_DIR."
            ) from error
        engine = create_engine(
            f"sqlite:///{self.path}",
            poolclass=StaticPool,
            connect_args={"check_same_thread": False, "timeout": BUSY_SECONDS},
            isolation_level="AUTOCOMMIT",
        )
        event.listen(engine, "connect", self._prepare)
        try:
            with engine.connect() as connection:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
                try:
                    migrate(connection)
                except BaseException:
                    connection.exec_driver_sql("ROLLBACK")
                    raise
                connection.exec_driver_sql("COMMIT")
        except (DatabaseError, sqlite3.Error, SchemaTooNew) as error:
            engine.dispose()
            raise self._explained(error) from error
        self._engine = engine

    def _prepare(self, connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", f"synchronous={SYNCHRONOUS[self.durability]}", "foreign_keys=ON"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    def _transaction(self, work: Callable[[Connection], T]) -> T:
        with self._connected() as connection:
            try:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
                try:
                    result = work(connection)
                except BaseException:
                    connection.exec_driver_sql("ROLLBACK")
                    raise
                connection.exec_driver_sql("COMMIT")
            except (OperationalError, sqlite3.OperationalError) as error:
                raise self._explained(error) from error
            return result

    def _read(self, work: Callable[[Connection], T]) -> T:
        with self._connected() as connection:
            try:
                return work(connection)
            except (DatabaseError, sqlite3.Error) as error:
                raise self._explained(error) from error

    def _connected(self) -> Connection:
        if self._engine is None:
            raise StateFolderError(f"The database {str(self.path)!r} is closed. Open it before using it.")
        return self._engine.connect()

    def _explained(self, error: Exception) -> StateFolderError:
        words = str(getattr(error, "orig", None) or error)
        return StateFolderError(f"The state database {str(self.path)!r}: {words}. {_advice(words)}")


def _advice(words: str) -> str:
    lower = words.lower()
    if "readonly" in lower or "read-only" in lower or "unable to open" in lower:
        return "Make the folder writable, or name another with --state DIR or GRAPHWRIGHT_STATE_DIR."
    if "malformed" in lower or "not a database" in lower:
        return "Nothing was changed. Restore it from a backup, or move the file away to start empty."
    if "full" in lower:
        return "Free some space; nothing of this step was kept, and the run resumes where it was."
    if "locked" in lower:
        return f"Another process held it for over {BUSY_SECONDS:.0f} seconds. Stop it, or try again."
    return "Nothing of this step was kept."

"""The one database: opened, migrated, and reached in a way that never makes the event loop wait for a disk or a lock.

SQLAlchemy's synchronous Core runs on a thread of its own: a transaction is one hop, however many statements it has.
A hop costs several times what a small transaction does, so one that says it is *brief* is carried out at once, on the
caller's thread, where that cannot wait: commits survive a killed process without a sync of the disk
(``durability="process"``), nobody uses the connection, and no other process holds the write lock. Else it takes the
thread like any other. The write-ahead log is moved into the database on the thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import Any, Literal, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DatabaseError
from sqlalchemy.pool import StaticPool

from .errors import StateFolderError
from .migrations import SchemaProblem, migrate
from .trailing import Trailing

T = TypeVar("T")

Durability = Literal["process", "power"]
"""What a committed row survives: ``process`` a killed process, ``power`` a power cut as well."""

SYNCHRONOUS: dict[Durability, str] = {"process": "NORMAL", "power": "FULL"}
BUSY_SECONDS = 30.0
"""How long a writer waits for another process before it gives up."""
OVERTAKEN_SECONDS = 0.02
"""How long brief transactions may overtake one that waits on the thread; after that they queue behind it."""
MOVE_EVERY = 500
"""Brief transactions after which the thread moves the write-ahead log into the database."""
_LAST_RESORT_PAGES = 16_000
"""Length of the log at which a commit moves it by itself, should the thread never get to it."""
_BUSY = 5
"""SQLite's code for a lock that somebody else holds."""


class Database:
    """Transactions on the state database. Open with :meth:`open`, close with :meth:`close`."""

    def __init__(self, path: Path, durability: Durability = "process") -> None:
        self.path = path
        self.durability: Durability = durability
        self._engine: Engine | None = None
        self._connection: Connection | None = None
        self._driver: Any = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="graphwright-db")
        self._in_use = Lock()
        self._is_overtaken = False
        self._hops = 0
        self._since_moved = 0
        self._mover: sqlite3.Connection | None = None
        self._trailing = Trailing(self._commit)

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
            await self._trailing.settle()
            await self._on_thread(self._close)
        self._thread.shutdown(wait=True)

    async def transaction(
        self,
        work: Callable[[Connection], T],
        *,
        brief: bool = False,
        writer: str | None = None,
        apart: bool = False,
    ) -> T:
        """Run ``work`` in one write transaction: all of it is committed, or none.

        Args:
            work: What to do.
            brief: It is a handful of statements by key, so that it may be done at once, on this thread.
            writer: Whose it is (:func:`.trailing.writer_key`): what trails of that writer is written with it.
            apart: It has nothing to do with what trails, which may come later.

        Raises:
            StateFolderError: if the disk is full, read-only or broken; nothing of ``work`` was kept.
        """
        if writer is not None:
            return await self._trailing.commit(writer, work, brief)
        if self._trailing and not apart:
            await self._trailing.settle()
        return await self._commit(work, brief)

    async def trail(self, writer: str, work: Callable[[Connection], Any]) -> None:
        """Write something with the next transaction of its writer, see :mod:`.trailing`.

        It may be run twice, and must come to the same. What it raises, that transaction raises. A writer that does not
        have its thread (any more) is not kept waiting: it is written, or refused, at once.
        """
        if self._trailing.is_writing(writer):
            self._trailing.add(writer, work)
        else:
            await self.transaction(work, brief=True, writer=writer)

    async def settle(self, thread_id: str) -> None:
        """Write now what trails of a thread, and wait for what cancelled callers have left behind."""
        await self._trailing.settle(thread_id)
        if self._hops:
            await self._on_thread(_nothing)

    def begin_writer(self, thread_id: str, epoch: int) -> None:
        """A writer has this thread from now on, under this lease."""
        self._trailing.begin(thread_id, epoch)

    def end_writer(self, thread_id: str, epoch: int) -> None:
        """The writer gives the thread back."""
        self._trailing.end(thread_id, epoch)

    async def read(
        self,
        work: Callable[[Connection], T],
        *,
        brief: bool = False,
        thread_id: str | None = None,
        apart: bool = False,
    ) -> T:
        """Run ``work``, which only reads (one thread, or nothing that trails); see :meth:`transaction`."""
        if self._trailing and not apart:
            await self._trailing.settle(thread_id)
        return await self._do(self._read, work, brief)

    async def _commit(self, work: Callable[[Connection], T], brief: bool) -> T:
        return await self._do(self._transaction, work, brief)

    async def _do(self, function: Callable[..., T], work: Callable[[Connection], T], brief: bool) -> T:
        if brief and not self._is_overtaken and self.durability == "process" and self._in_use.acquire(blocking=False):
            try:
                return function(work)
            except _LockHeld:
                pass
            finally:
                self._in_use.release()
                self._moved_later()
        return await self._on_thread(self._patiently, function, work)

    async def _on_thread(self, function: Callable[..., T], *args: Any) -> T:
        future = asyncio.get_running_loop().run_in_executor(self._thread, function, *args)
        self._hops += 1
        future.add_done_callback(self._hopped)
        # A cancelled caller must not leave while its transaction is half-way: it would not know what was kept.
        return await asyncio.shield(future)

    def _hopped(self, future: asyncio.Future[Any]) -> None:
        self._hops -= 1
        if not future.cancelled():
            future.exception()  # whoever waited may have been cancelled, and nobody else asks

    def _patiently(self, function: Callable[..., T], *args: Any) -> T:
        """On the thread: wait for other processes as long as may be."""
        if not self._in_use.acquire(timeout=OVERTAKEN_SECONDS):
            self._is_overtaken = True
            self._in_use.acquire()
            self._is_overtaken = False
        try:
            if self._driver is None:
                return function(*args)
            self._driver.execute(f"PRAGMA busy_timeout={BUSY_SECONDS * 1_000:.0f}")
            try:
                return function(*args)
            except _LockHeld as held:
                raise self._explained(held.error) from held.error
            finally:
                self._driver.execute("PRAGMA busy_timeout=0")
        finally:
            self._in_use.release()

    def _moved_later(self) -> None:
        self._since_moved += 1
        if self._since_moved >= MOVE_EVERY and self._driver is not None:
            self._since_moved = 0
            self._thread.submit(self._move_log)

    def _move_log(self) -> None:
        """On the thread, by a connection of its own: writers go on meanwhile."""
        if self._engine is not None:
            if self._mover is None:
                self._mover = sqlite3.connect(self.path, timeout=0, isolation_level=None, check_same_thread=False)
            with contextlib.suppress(sqlite3.Error):
                self._mover.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def _open(self) -> None:
        folder = self.path.parent
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise StateFolderError(
                f"The state folder {str(folder)!r} cannot be made: {error.strerror or error}. "
                "Name one that can be written with --state DIR or GRAPHWRIGHT_STATE_DIR."
            ) from error
        self._refuse_emptied()
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
        except (DatabaseError, sqlite3.Error, SchemaProblem) as error:
            engine.dispose()
            raise self._explained(error) from error
        self._engine = engine
        self._connection = engine.connect()
        self._driver = self._connection.connection.driver_connection
        self._driver.execute("PRAGMA busy_timeout=0")

    def _close(self) -> None:
        with self._in_use:
            engine, connection = self._engine, self._connection
            self._engine = self._connection = self._driver = None
            if self._mover is not None:
                self._mover.close()
            if connection is not None:
                connection.close()
            if engine is not None:
                engine.dispose()

    def _refuse_emptied(self) -> None:
        """SQLite deletes the log of a database that has no bytes, and with it what was in nobody's file but the log."""
        log = self.path.with_name(f"{self.path.name}-wal")
        try:
            is_emptied = self.path.stat().st_size == 0 and log.stat().st_size > 0
        except OSError:
            return
        if is_emptied:
            raise self._explained(SchemaProblem("the file is empty and its log is not: it is malformed"))

    def _prepare(self, connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        for pragma in (
            "journal_mode=WAL",
            f"synchronous={SYNCHRONOUS[self.durability]}",
            "foreign_keys=ON",
            f"wal_autocheckpoint={_LAST_RESORT_PAGES}",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    def _transaction(self, work: Callable[[Connection], T]) -> T:
        connection, driver = self._connected(), self._driver
        try:
            driver.execute("BEGIN IMMEDIATE")
            try:
                result = work(connection)
            except BaseException:
                # A trigger may have rolled back already.
                if driver.in_transaction:
                    driver.execute("ROLLBACK")
                raise
            driver.execute("COMMIT")
        except (DatabaseError, sqlite3.DatabaseError) as error:
            if type(getattr(error, "orig", error)) not in (sqlite3.OperationalError, sqlite3.DatabaseError):
                raise  # a constraint, or a mistake of ours
            if _is_held(error) and not driver.in_transaction:
                raise _LockHeld(error) from error
            if driver.in_transaction:
                driver.execute("ROLLBACK")
            raise self._explained(error) from error
        return result

    def _read(self, work: Callable[[Connection], T]) -> T:
        connection = self._connected()
        try:
            return work(connection)
        except (DatabaseError, sqlite3.Error) as error:
            if _is_held(error):
                raise _LockHeld(error) from error
            raise self._explained(error) from error

    def _connected(self) -> Connection:
        if self._connection is None:
            raise StateFolderError(f"The database {str(self.path)!r} is closed. Open it before using it.")
        return self._connection

    def _explained(self, error: Exception) -> StateFolderError:
        words = str(getattr(error, "orig", None) or error)
        return StateFolderError(f"The state database {str(self.path)!r}: {words}. {_advice(words)}")


class _LockHeld(Exception):
    """Another process holds the lock that is needed; nothing was done."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


def _nothing() -> None:
    """Takes its turn on the thread."""


def _is_held(error: Exception) -> bool:
    code = getattr(getattr(error, "orig", None) or error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF == _BUSY


def _advice(words: str) -> str:
    lower = words.lower()
    if "graphwright_seals" in lower:
        return "It was sealed after this process had opened it: nothing was kept. Start again, with `seal = true`."
    if "readonly" in lower or "read-only" in lower or "unable to open" in lower:
        return "Make the folder writable, or name another with --state DIR or GRAPHWRIGHT_STATE_DIR."
    if "malformed" in lower or "not a database" in lower or "no such" in lower:
        return "Nothing was changed. Restore it from a backup, or move the file away to start empty."
    if "full" in lower:
        return "Free some space; nothing of this step was kept, and the run resumes where it was."
    if "i/o" in lower:
        return "Look whether the disk is full (free some space) or fails; nothing of this step was kept."
    if "locked" in lower:
        return f"Another process held it for over {BUSY_SECONDS:.0f} seconds. Stop it, or try again."
    return "Nothing of this step was kept."

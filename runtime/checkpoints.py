"""LangGraph's SQLite checkpointer on our own connection, behind a fence: who lost the lease cannot write a checkpoint.

The stock saver does the work, in our transactions: its synchronous face has the statements, ours chooses the thread
(``database.py``). Its asynchronous face takes a hop to a thread for every statement, which costs more than LangGraph
itself. The fence is a function that tells the database which epoch this process holds for a thread, and triggers that
compare it with the lease on every insert.
"""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from langgraph.checkpoint.base import WRITES_IDX_MAP, BaseCheckpointSaver
from langgraph.checkpoint.sqlite import SqliteSaver
from sqlalchemy import Connection

from .serialization import strict_serializer
from .trailing import writer_key

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig
    from langgraph.checkpoint.base import (
        ChannelVersions,
        Checkpoint,
        CheckpointMetadata,
        CheckpointTuple,
        DeltaChannelHistory,
    )

    from .database import Database

T = TypeVar("T")

_FENCE = """
CREATE TRIGGER IF NOT EXISTS fence_{table} BEFORE INSERT ON {table}
WHEN EXISTS (
    SELECT 1 FROM leases WHERE thread_id = NEW.thread_id AND epoch <> graphwright_epoch(NEW.thread_id)
)
BEGIN
    SELECT RAISE(ROLLBACK, 'the lease of this thread was taken over');
END
"""
_PRESENT = "SELECT count(*) FROM sqlite_master WHERE name IN ('fence_checkpoints', 'fence_writes')"


class InTransactions(BaseCheckpointSaver[str]):
    """The asynchronous face of a saver: its synchronous one, inside transactions of the state database."""

    _database: Database
    _held: Mapping[str, int]

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """A checkpoint: the one that is named, else the newest."""
        return await self._read(lambda: self.get_tuple(config), config)

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        """Checkpoints, newest first; they are read at once."""

        def work(_connection: Connection) -> list[CheckpointTuple]:
            return list(self.list(config, filter=filter, before=before, limit=limit))

        for each in await self._database.read(work):
            yield each

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Keep a checkpoint; it is on disk when this returns."""
        return await self._write(lambda: self.put(config, checkpoint, metadata, new_versions), self._writer(config))

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Keep what a task wrote; it is on disk when this returns."""
        await self._write(lambda: self.put_writes(config, writes, task_id, task_path), self._writer(config))

    async def adelete_thread(self, thread_id: str) -> None:
        """Remove every checkpoint of a thread."""
        await self._write(lambda: self.delete_thread(thread_id), None)

    async def aget_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        """What was written to delta channels since their last snapshots."""
        return await self._read(lambda: self.get_delta_channel_history(config=config, channels=channels), config)

    async def _read(self, work: Callable[[], T], config: RunnableConfig) -> T:
        return await self._database.read(lambda _connection: work(), brief=True, thread_id=_thread(config))

    async def _write(self, work: Callable[[], T], writer: str | None) -> T:
        return await self._database.transaction(lambda _connection: work(), brief=writer is not None, writer=writer)

    def _writer(self, config: RunnableConfig) -> str:
        thread_id = _thread(config)
        return writer_key(thread_id, self._held.get(thread_id, -1))


class FencedSaver(InTransactions, SqliteSaver):
    """The checkpoints of one database, for graphs that are driven asynchronously. Made by :func:`open_checkpoints`."""

    def __init__(self, connection: sqlite3.Connection, database: Database, held: Mapping[str, int]) -> None:
        super().__init__(connection, serde=strict_serializer())
        self._database = database
        self._held = held
        self._recorder = _Recorder(connection)

    @contextmanager
    def cursor(self, transaction: bool = True) -> Iterator[sqlite3.Cursor]:
        """A cursor inside the transaction that is open already."""
        cursor = self.conn.cursor()
        try:
            yield cursor
        finally:
            cursor.close()

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Keep what a task wrote: with the checkpoint that follows, or within milliseconds.

        What a step stops for (a question, an error) is on disk when this returns: no checkpoint follows it.
        """
        if any(channel in WRITES_IDX_MAP for channel, _ in writes):
            return await super().aput_writes(config, writes, task_id, task_path)
        # Serialized now: what a task wrote may be changed by those that come after it.
        self._recorder.serde = self.serde
        statements = self._recorder.record(lambda saver: saver.put_writes(config, writes, task_id, task_path))
        await self._database.trail(self._writer(config), lambda _connection: self._run(statements))
        return None

    def _run(self, statements: Sequence[tuple[str, Sequence[Any]]]) -> None:
        for sql, rows in statements:
            self.conn.executemany(sql, rows)


class _Recorder(SqliteSaver):
    """The stock saver, whose statements are kept for later instead of being carried out."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        super().__init__(connection)
        self.is_setup = True
        self._statements: list[tuple[str, Sequence[Any]]] = []

    def record(self, work: Callable[[SqliteSaver], None]) -> list[tuple[str, Sequence[Any]]]:
        """The statements, with their rows, that ``work`` would carry out."""
        self._statements = []
        work(self)
        return self._statements

    @contextmanager
    def cursor(self, transaction: bool = True) -> Iterator[Any]:
        """What takes the statements down."""
        yield self

    def executemany(self, sql: str, rows: Sequence[Any]) -> None:
        """Take one down."""
        self._statements.append((sql, rows))


def _thread(config: RunnableConfig) -> str:
    return str(config["configurable"]["thread_id"])


async def open_checkpoints(database: Database, held: Mapping[str, int]) -> FencedSaver:
    """A checkpointer on the open state database.

    Args:
        database: The database; its schema is ours already.
        held: Thread id to epoch of the leases this process holds; read at every write.

    Raises:
        StateFolderError: if the file cannot be written or is damaged.
    """

    def work(connection: Connection) -> FencedSaver:
        driver: Any = connection.connection.driver_connection
        saver = FencedSaver(driver, database, held)
        driver.create_function("graphwright_epoch", 1, lambda thread: held.get(thread, -1))
        if driver.execute(_PRESENT).fetchone()[0] < 2:
            saver.setup()
            for table in ("checkpoints", "writes"):
                driver.execute(_FENCE.format(table=table))
        saver.is_setup = True
        return saver

    return await database.read(work)

"""LangGraph's SQLite checkpointer behind a fence: a writer whose lease was taken over cannot write a checkpoint.

The stock saver is wrapped, not rewritten. Its connection gets a function that tells the database which epoch this
process holds for a thread, and triggers compare it with the lease on every insert. They roll back rather than abort:
after a failed insert the saver would leave its write transaction open.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from pathlib import Path

import aiosqlite
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from .database import BUSY_SECONDS, SYNCHRONOUS, Durability
from .errors import StateFolderError
from .serialization import strict_serializer

_FENCE = """
CREATE TRIGGER IF NOT EXISTS fence_{table} BEFORE INSERT ON {table}
WHEN EXISTS (
    SELECT 1 FROM leases WHERE thread_id = NEW.thread_id AND epoch <> graphwright_epoch(NEW.thread_id)
)
BEGIN
    SELECT RAISE(ROLLBACK, 'the lease of this thread was taken over');
END
"""


async def open_checkpoints(path: Path, durability: Durability, held: Mapping[str, int]) -> AsyncSqliteSaver:
    """A checkpointer on the state database.

    Args:
        path: The database; its schema is ours already.
        durability: What a written checkpoint survives.
        held: Thread id to epoch of the leases this process holds; read at every write.

    Raises:
        StateFolderError: if the file cannot be opened or is damaged.
    """
    try:
        connection = await aiosqlite.connect(path, timeout=BUSY_SECONDS)
        saver = AsyncSqliteSaver(connection, serde=strict_serializer())
        await saver.setup()
        # The saver's own set-up may have chosen another level.
        await connection.execute(f"PRAGMA synchronous={SYNCHRONOUS[durability]}")
        await connection.create_function("graphwright_epoch", 1, lambda thread: held.get(thread, -1))
        for table in ("checkpoints", "writes"):
            await connection.execute(_FENCE.format(table=table))
        await connection.commit()
    except sqlite3.Error as error:
        raise StateFolderError(f"The state database {str(path)!r}: {error}.") from error
    return saver

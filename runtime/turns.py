"""Whose turn it is on a thread: its runs go one after the other, and a new one may push the others aside."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID, uuid5

import orjson
from sqlalchemy import Connection, column, delete, select, table, update

from .errors import ThreadBusy
from .owners import is_held
from .tables import leases, runs, threads

if TYPE_CHECKING:
    from .clock import Clock
    from .database import Database

Status = Literal["queued", "running", "waiting", "blocked", "done", "failed", "cancelled"]
FINISHED: frozenset[Status] = frozenset({"done", "failed", "cancelled"})

IfBusy = Literal["reject", "enqueue", "interrupt", "rollback"]
"""What a new run does on a thread whose last run has not ended.

``reject``: it is refused. ``enqueue``: it waits for its turn. ``interrupt``: the others are cancelled at the end of
their step; what they did stays. ``rollback``: they are cancelled, and the new run begins with the state from before
them; their effects in the world stay, and so does their journal.
"""

FORK = "fork"
"""The option of a run that goes on from an earlier checkpoint: ``{"checkpoint", "set", "epoch"}``."""
SUPERSEDES = "supersedes"
"""The option of a run that pushed others aside: their ids."""
SUPERSEDED_BY = "superseded_by"
ROLLBACK = "rollback"
ENQUEUED = "enqueued"
PAUSE = "pause"
"""The option of a run that shall stop at the end of its step."""

PATIENCE_SECONDS = 30.0
"""How long a new run waits until the process of the one that it pushed aside has let go."""


def make_room(connection: Connection, thread_id: str, run_id: str, if_busy: IfBusy, now: float) -> dict[str, Any]:
    """Make room for a new run on a thread, and return what it has to remember.

    Raises:
        ThreadBusy: if the thread has an unfinished run and the new one shall not push it aside.
    """
    mine = (runs.c.thread_id == thread_id) & runs.c.status.not_in(FINISHED)
    busy = connection.execute(select(runs.c.id, runs.c.status, runs.c.options).where(mine).order_by(runs.c.created))
    others = busy.all()
    if not others:
        return {}
    if if_busy == "reject":
        first = others[0]
        raise ThreadBusy(
            f"Thread {thread_id} is busy: run {first.id} is {first.status}. "
            f"Finish it (`graphwright resume {first.id}`), answer it (`graphwright inbox`), "
            f"or end it (`graphwright runs cancel {first.id}`)."
        )
    if if_busy == "enqueue":
        return {ENQUEUED: True}
    for each in others:
        options = {**orjson.loads(each.options or "{}"), SUPERSEDED_BY: run_id}
        values = {"status": "cancelled", "error": f"Run {run_id} took its place ({if_busy}).", "updated": now}
        connection.execute(
            update(runs).where(runs.c.id == each.id).values(options=orjson.dumps(options).decode(), **values)
        )
    return {SUPERSEDES: [each.id for each in others], **({ROLLBACK: True} if if_busy == "rollback" else {})}


def begin_epoch(connection: Connection, thread_id: str) -> int:
    """Begin a fork epoch of a thread: from now on every call on it has another key."""
    mine = threads.c.id == thread_id
    connection.execute(update(threads).where(mine).values(fork=threads.c.fork + 1))
    return int(connection.execute(select(threads.c.fork).where(mine)).scalar_one())


async def until_free(database: Database, thread_id: str, clock: Clock) -> None:
    """Wait until no living process holds a thread, :data:`PATIENCE_SECONDS` at most; then the lease itself decides."""
    query = select(leases).where(leases.c.thread_id == thread_id)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        row = await database.read(lambda connection: connection.execute(query).mappings().first())
        if row is None or not is_held(row["owner"], row["expires"], clock()):
            return
        await asyncio.sleep(0.1)


async def roll_back(database: Database, thread_id: str, run_ids: Iterable[str]) -> None:
    """Remove the checkpoints of runs from their thread; the caller holds its lease. Repeating it does no harm.

    What such a run wrote onto the checkpoint that it began from goes too: message histories are read back from there.
    """
    gone = set(run_ids)

    def work(connection: Connection) -> None:
        mine = _checkpoints.c.thread_id == thread_id
        rows = connection.execute(select(_checkpoints).where(mine)).mappings().all()
        for row in rows:
            if _run_of(row) in gone:
                _delete_checkpoint(connection, thread_id, row["checkpoint_ns"], row["checkpoint_id"])
        left = [row["checkpoint_id"] for row in rows if not row["checkpoint_ns"] and _run_of(row) not in gone]
        if left:
            _delete_input(connection, thread_id, max(left))

    await database.transaction(work)


_checkpoints = table(
    "checkpoints",
    column("thread_id"),
    column("checkpoint_ns"),
    column("checkpoint_id"),
    column("metadata"),
)
_writes = table("writes", column("thread_id"), column("checkpoint_ns"), column("checkpoint_id"), column("task_id"))


def _run_of(row: Mapping[Any, Any]) -> str:
    return str(orjson.loads(row["metadata"] or "{}").get("graphwright_run", ""))


def _delete_checkpoint(connection: Connection, thread_id: str, place: str, checkpoint_id: str) -> None:
    for each in (_checkpoints, _writes):
        connection.execute(
            delete(each).where(
                each.c.thread_id == thread_id, each.c.checkpoint_ns == place, each.c.checkpoint_id == checkpoint_id
            )
        )


def _delete_input(connection: Connection, thread_id: str, checkpoint_id: str) -> None:
    """LangGraph keeps the input to a delta channel as writes on the checkpoint before it, under an id of their own."""
    connection.execute(
        delete(_writes).where(
            _writes.c.thread_id == thread_id,
            _writes.c.checkpoint_ns == "",
            _writes.c.checkpoint_id == checkpoint_id,
            _writes.c.task_id == str(uuid5(UUID(checkpoint_id), "__input__")),
        )
    )

"""Remove old checkpoints, and none that anything still needs.

A message history is kept as what each step added, with a full copy now and then. So a checkpoint that is kept keeps
its ancestors back to the nearest full copy of every such channel: without them its history would come back empty, and
no error would tell. The newest checkpoint of a thread and what its waiting steps wrote is always kept; so are the
checkpoints of graphs inside a step for as long as the checkpoint that the step began from.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, text

from .errors import NotAllowed, ThreadBusy

if TYPE_CHECKING:
    from langgraph.checkpoint.base import CheckpointTuple

    from .engine import Runtime


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """What pruning a thread came to."""

    thread: str
    removed: int = 0
    """Checkpoints, with what was written at them."""
    kept: int = 0
    skipped: str = ""
    """Why nothing was looked at: a process moves the thread."""


@dataclass(frozen=True, slots=True)
class _Row:
    place: str
    id: str
    parent: str
    time: float
    held: frozenset[str]
    """Channels whose value is in the checkpoint."""
    needs: frozenset[str]
    """Channels whose value is read back from its ancestors."""
    root: str
    """The checkpoint of the graph itself that a graph inside it belongs to."""


async def prune_thread(runtime: Runtime, thread_id: str, *, keep: int = 1, older_than: float | None = None) -> Pruned:
    """Remove a thread's old checkpoints.

    Args:
        runtime: Of the state folder.
        thread_id: Which thread.
        keep: How many of the newest stay, at least 1.
        older_than: Only those older than so many seconds go; None for any age.

    Raises:
        NotAllowed: if ``keep`` is less than 1.
    """
    if keep < 1:
        raise NotAllowed(f"At least one checkpoint of a thread is kept, not {keep}. Delete the thread to remove all.")
    saver = await runtime.checkpointer()
    try:
        epoch = await runtime.leases.take(thread_id)
    except ThreadBusy as busy:
        return Pruned(thread=thread_id, skipped=str(busy))
    try:
        rows = [_row(each) async for each in saver.alist({"configurable": {"thread_id": thread_id}})]
        before = None if older_than is None else runtime.clock() - older_than
        kept = _kept(rows, keep, before)
        doomed = [each for each in rows if (each.place, each.id) not in kept]
        await runtime.database.transaction(lambda connection: _delete(connection, thread_id, doomed))
        return Pruned(thread=thread_id, removed=len(doomed), kept=len(kept))
    finally:
        await runtime.leases.give_back(thread_id, epoch)


def _row(found: CheckpointTuple) -> _Row:
    at = found.config["configurable"]
    metadata: dict[str, Any] = dict(found.metadata)
    held = frozenset(found.checkpoint["channel_values"])
    return _Row(
        place=at.get("checkpoint_ns", ""),
        id=at["checkpoint_id"],
        parent=(found.parent_config or {}).get("configurable", {}).get("checkpoint_id", ""),
        time=datetime.fromisoformat(found.checkpoint["ts"]).timestamp(),
        held=held,
        needs=frozenset(metadata.get("counters_since_delta_snapshot") or ()) - held,
        root=(metadata.get("parents") or {}).get("", ""),
    )


def _kept(rows: list[_Row], keep: int, before: float | None) -> set[tuple[str, str]]:
    places: dict[str, list[_Row]] = defaultdict(list)
    for row in rows:
        places[row.place].append(row)
    for found in places.values():
        found.sort(key=lambda row: row.id, reverse=True)
    chosen = _newest(places.get("", []), keep, before)
    roots = {row.id for row in chosen}
    for place, found in places.items():
        if place:
            chosen += _newest([row for row in found if row.root in roots], keep, before)
    known = {(row.place, row.id): row for row in rows}
    kept = {(row.place, row.id) for row in chosen}
    for row in chosen:
        kept |= _ancestors(row, known)
    return kept


def _newest(rows: list[_Row], keep: int, before: float | None) -> list[_Row]:
    return [row for at, row in enumerate(rows) if at < keep or (before is not None and row.time >= before)]


def _ancestors(row: _Row, known: dict[tuple[str, str], _Row]) -> set[tuple[str, str]]:
    """The checkpoints that this one's histories are read back from."""
    found = set()
    needs, parent = set(row.needs), known.get((row.place, row.parent))
    while needs and parent is not None:
        found.add((parent.place, parent.id))
        needs -= parent.held
        parent = known.get((parent.place, parent.parent))
    return found


def _delete(connection: Connection, thread_id: str, rows: list[_Row]) -> None:
    values = [{"thread": thread_id, "place": row.place, "id": row.id} for row in rows]
    for table in ("checkpoints", "writes"):
        if values:
            statement = (
                f"DELETE FROM {table} WHERE thread_id = :thread AND checkpoint_ns = :place AND checkpoint_id = :id"
            )
            connection.execute(text(statement), values)

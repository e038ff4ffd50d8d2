"""The checkpoints of a thread: what each step changed, what comes next, and which run made it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from .errors import NotFound
from .states import Change, differences

if TYPE_CHECKING:
    from langgraph.graph.state import CompiledStateGraph
    from langgraph.types import StateSnapshot

    from .database import Database

    Compiled = CompiledStateGraph[Any, Any, Any, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One checkpoint of a thread."""

    id: str
    parent: str
    """The checkpoint before it; empty for the first, and where that one was pruned."""
    step: int
    """-1 is the first input of a thread."""
    source: str
    """``input``, ``loop`` (a step of the graph), ``update`` or ``fork``."""
    next: tuple[str, ...]
    """The nodes that come next, once for each task; none at the end of a run."""
    waits: int
    """How many questions or unknown outcomes its tasks have stopped at."""
    when: float
    """Unix seconds."""
    run: str
    changed: tuple[Change, ...]
    """Against its parent, or against an empty state."""
    values: Mapping[str, Any]


async def history(compiled: Compiled, thread_id: str, *, run_id: str | None = None, limit: int = 1000) -> list[Point]:
    """The checkpoints of a thread, or those that one run made, oldest first.

    Args:
        compiled: The thread's graph, with the runtime's checkpointer.
        thread_id: Which thread.
        run_id: Only this run's.
        limit: How many of the newest are looked at.
    """
    found = [each async for each in compiled.aget_state_history(_config(thread_id), limit=limit)]
    known = {_id(each.config): each.values for each in found}
    points = [_point(each, known) for each in reversed(found)]
    return [each for each in points if run_id is None or each.run == run_id]


async def state_at(compiled: Compiled, thread_id: str, checkpoint_id: str) -> StateSnapshot:
    """The state of a thread at one of its checkpoints.

    Raises:
        NotFound: if the thread has no such checkpoint (any more).
    """
    state = await compiled.aget_state(_config(thread_id, checkpoint_id))
    if state.created_at is None:
        raise NotFound(
            f"Thread {thread_id} has no checkpoint {checkpoint_id!r}. `graphwright history {thread_id}` lists them."
        )
    return state


async def difference(first: tuple[Compiled, str, str], second: tuple[Compiled, str, str]) -> list[Change]:
    """What differs between two checkpoints, each given as (graph, thread id, checkpoint id).

    Raises:
        NotFound: if one of them does not exist.
    """
    before, after = await state_at(*first), await state_at(*second)
    return differences(before.values, after.values)


async def thread_of(database: Database, checkpoint_id: str, *, tenant: str) -> str | None:
    """The thread of a tenant that has this checkpoint; None if there is none."""
    query = text(
        "SELECT t.id FROM checkpoints c JOIN threads t ON t.id = c.thread_id"
        " WHERE c.checkpoint_id = :id AND c.checkpoint_ns = '' AND t.tenant = :tenant"
    )
    values = {"id": checkpoint_id, "tenant": tenant}
    return await database.read(lambda connection: connection.execute(query, values).scalar())


def _config(thread_id: str, checkpoint_id: str | None = None) -> Any:
    at = {"checkpoint_id": checkpoint_id} if checkpoint_id else {}
    return {"configurable": {"thread_id": thread_id, **at}}


def _id(config: Any) -> str:
    return str((config or {}).get("configurable", {}).get("checkpoint_id", ""))


def _point(state: StateSnapshot, known: Mapping[str, Any]) -> Point:
    metadata: dict[str, Any] = dict(state.metadata or {})
    parent = _id(state.parent_config)
    return Point(
        id=_id(state.config),
        parent=parent,
        step=int(metadata.get("step", 0)),
        source=str(metadata.get("source", "")),
        next=tuple(task.name for task in state.tasks),
        waits=len(state.interrupts),
        when=datetime.fromisoformat(state.created_at).timestamp() if state.created_at else 0.0,
        run=str(metadata.get("graphwright_run", "")),
        changed=tuple(differences(known.get(parent, {}), state.values)),
        values=state.values,
    )

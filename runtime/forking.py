"""Go on from an earlier checkpoint, on the same thread: a new run, and a new fork epoch.

The epoch is part of the key of every call, so nothing that the abandoned branch did counts for the new one: its
effects are not done again silently, and their outcomes are not reused silently; models and people are asked anew. The
journal of the abandoned branch stays.

The checkpoint is copied, not continued: LangGraph keeps what a step wrote under the id of the checkpoint that it began
from, and a second step from there would find the writes of the first. The copy is made under the lease, when the run
is first driven; until then the thread is as it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from .errors import NotAllowed, NotFound
from .history import state_at
from .turns import FORK

if TYPE_CHECKING:
    from langgraph.graph import StateGraph
    from langgraph.graph.state import CompiledStateGraph

    from .engine import Runtime
    from .runs import Run

    Compiled = CompiledStateGraph[Any, Any, Any, Any]


async def fork(
    runtime: Runtime,
    graph: StateGraph[Any, Any, Any, Any],
    thread_id: str,
    checkpoint_id: str,
    *,
    edits: Mapping[str, Any] | None = None,
    values: Mapping[str, Any] | None = None,
    user: str | None = None,
    model: str = "",
) -> Run:
    """Commit a queued run that goes on from one of a thread's checkpoints; :meth:`Runtime.drive` moves it.

    Args:
        runtime: Of the state folder.
        graph: The thread's graph, uncompiled.
        thread_id: Which thread; it must not have an unfinished run.
        checkpoint_id: From where; a checkpoint of the graph itself, not of a graph inside it.
        edits: State key to value; applied to the copy as a node's update is (messages are added, or replaced by id).
        values: A new input; only from a checkpoint at which nothing is left to do.
        user: Who asks.
        model: The spec of the model; that of the run which made the checkpoint if left out.

    Raises:
        NotFound: if there is no such thread or checkpoint.
        ThreadBusy: if the thread has an unfinished run.
        NotAllowed: if an edit does not fit the state, or an input is given in the middle of a run.
    """
    compiled = graph.compile(checkpointer=await runtime.checkpointer())
    thread = await runtime.runs.thread(thread_id)
    state = await state_at(compiled, thread_id, checkpoint_id)
    if values and state.tasks:
        raise NotAllowed(
            f"Checkpoint {checkpoint_id} is in the middle of a run (next: {', '.join(state.next)}). "
            "Fork it without an input, or give the input to a checkpoint at which a run ended."
        )
    for key, value in (edits or {}).items():
        edited(compiled, key, state.values, value)
    made_by = await _maker(runtime, dict(state.metadata or {}))
    kept = {name: made_by.options[name] for name in ("tools",) if made_by and name in made_by.options}
    return await runtime.runs.create(
        thread.graph,
        values or {},
        thread_id=thread_id,
        user=user or runtime.settings.user,
        tenant=runtime.settings.tenant,
        model=model or (made_by.model if made_by else ""),
        options={**kept, FORK: {"checkpoint": checkpoint_id, "set": dict(edits or {})}},
    )


async def _maker(runtime: Runtime, metadata: Mapping[str, Any]) -> Run | None:
    try:
        return await runtime.runs.get(str(metadata.get("graphwright_run", "")))
    except NotFound:
        return None


def edited(compiled: Compiled, key: str, values: Mapping[str, Any], value: Any) -> Any:
    """The value of a state key after an update.

    Raises:
        NotAllowed: if there is no such key, or its reducer refuses the value.
    """
    keys = [name for name in compiled.channels if not name.startswith(("__", "branch:", "join:"))]
    if key not in keys:
        raise NotAllowed(f"The state has no key {key!r}. It has: {', '.join(sorted(keys))}.")
    declared: Any = compiled.channels[key]
    try:
        channel = declared.from_checkpoint(values[key]) if key in values else declared.copy()
        channel.update([value])
        return channel.get()
    except Exception as error:
        raise NotAllowed(f"State key {key!r} cannot take this value: {type(error).__name__}: {error}") from error


def is_to_fork(run: Run, metadata: Mapping[str, Any] | None) -> bool:
    """Whether a run that begins with a fork has yet to make its copy."""
    return FORK in run.options and (metadata or {}).get("graphwright_run") != run.id


async def branch_off(compiled: Compiled, run: Run) -> None:
    """Copy the checkpoint that a run goes on from to the head of its thread; the caller holds the lease.

    Raises:
        NotFound: if the checkpoint is not there any more.
    """
    from langgraph.checkpoint.base import copy_checkpoint
    from langgraph.checkpoint.base.id import uuid6

    at, edits = run.options[FORK]["checkpoint"], run.options[FORK].get("set", {})
    state = await state_at(compiled, run.thread_id, at)
    saver: Any = compiled.checkpointer
    saved = await saver.aget_tuple(state.config)
    step = int(saved.metadata.get("step", 0)) + 1
    copied = copy_checkpoint(saved.checkpoint)
    copied["id"], copied["ts"] = str(uuid6(clock_seq=step)), datetime.now(UTC).isoformat()
    counters = dict(saved.metadata.get("counters_since_delta_snapshot") or {})
    for key, value in edits.items():
        copied["channel_values"][key] = edited(compiled, key, state.values, value)
        # A key that was never written has no version yet, and would be left out of the next checkpoint.
        copied["channel_versions"].setdefault(key, saver.get_next_version(None, None))
        counters.pop(key, None)
    metadata = {
        "source": "fork",
        "step": step,
        "parents": saved.metadata.get("parents", {}),
        **({"counters_since_delta_snapshot": counters} if counters else {}),
        "graphwright_run": run.id,
        "graphwright_forked_from": at,
    }
    # A sibling of the original: what the original's own step wrote must not be read back into the copy.
    place = saved.parent_config or {"configurable": {"thread_id": run.thread_id, "checkpoint_ns": ""}}
    await saver.aput(place, copied, metadata, {})

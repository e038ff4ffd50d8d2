"""Make the head of a new branch: a copy of an earlier checkpoint, under the lease of its thread.

The checkpoint is copied, not continued: LangGraph keeps what a step wrote under the id of the checkpoint that it began
from, and a second step from there would find the writes of the first.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from .errors import NotAllowed
from .history import state_at
from .turns import FORK

if TYPE_CHECKING:
    from langgraph.graph.state import CompiledStateGraph

    from .runs import Run

    Compiled = CompiledStateGraph[Any, Any, Any, Any]


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

"""Replay a run from its records: no model is called, no tool, nobody is asked, nothing is written.

Each step is executed again in memory from the checkpoint that it began from, and what comes out is compared with the
checkpoint that the run wrote. A step that differs is the first at which the graph, its code or its surroundings are
not what they were; the ones before it are proven the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

from langgraph.types import Command

from .errors import NotFound
from .guardrails.guarding import redacting
from .history import Point, history
from .overlay import Overlay
from .served import Heard, NotRecorded, Served
from .states import Change, differences, plain

if TYPE_CHECKING:
    from langgraph.graph import StateGraph

    from .engine import Runtime
    from .runs import Run

_STEPS_INSIDE = 10_000
"""Steps that the graphs inside one node may take."""
_QUESTIONS = 1_000
"""Questions that one step may ask, one after the other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """What came of replaying a run."""

    run_id: str
    verdict: Literal["same", "differs", "not_recorded", "failed"]
    """``failed``: a node raised an error, and had not when the run was made."""
    steps: int
    """How many steps are the same."""
    checkpoint: str = ""
    """From which checkpoint the first step that is not the same began."""
    nodes: tuple[str, ...] = ()
    """The nodes of that step."""
    changes: tuple[Change, ...] = ()
    """Recorded state against replayed state, after that step."""
    missing: tuple[str, ...] = ()
    """What was asked for and is not recorded; it was not executed."""
    error: str = ""
    notes: tuple[str, ...] = ()
    """What is different and did not matter, such as a prompt's newer version."""


async def replay(
    runtime: Runtime, graph: StateGraph[Any, Any, Any, Any], run_id: str, *, heard: Heard | None = None
) -> Replay:
    """Execute a run's steps again, served from its records, and compare each with what was stored.

    Args:
        runtime: Of the state folder.
        graph: The run's graph, uncompiled.
        run_id: Which run; it may have ended or wait.
        heard: Told each request to a model, with the record of its answer.

    Raises:
        NotFound: if there is no such run, or it has no checkpoints (any more).
    """
    run = await runtime.runs.get(run_id)
    stored = graph.compile(checkpointer=await runtime.checkpointer())
    points = await history(stored, run.thread_id, run_id=run_id, limit=100_000)
    if not points:
        raise NotFound(f"Run {run_id} has no checkpoints: it did not begin, or they were pruned.")
    shown = runtime.redactions.shown.redact_value
    entries, approvals = await runtime.journal.of_run(run_id), await runtime.approvals.of_run(run_id)
    changing = (redacting(runtime.guardrails),) if runtime.guardrails else ()
    served = Served(entries, approvals, shown, changing, heard)
    same = 0
    for before, after in pairwise(points):
        if after.parent != before.id:
            continue  # a checkpoint between them was pruned
        found = await _step(runtime, graph, run, served, before, after, same)
        if found is not None:
            return found
        same += 1
    return Replay(run_id=run_id, verdict="same", steps=same, notes=_unique(served.notes))


async def _step(
    runtime: Runtime,
    graph: StateGraph[Any, Any, Any, Any],
    run: Run,
    served: Served,
    before: Point,
    after: Point,
    same: int,
) -> Replay | None:
    """Execute one step again: None if it ends as it did."""
    told: dict[str, Any] = {"run_id": run.id, "steps": same, "checkpoint": before.id, "nodes": _nodes(before)}
    known = len(served.missing)
    try:
        state = await _again(runtime, graph, run, served, before)
    except NotRecorded:
        state = None
    except Exception as error:
        if len(served.missing) == known:
            text = f"{type(error).__name__}: {error}"
            return Replay(verdict="failed", error=text, notes=_unique(served.notes), **told)
        state = None
    if len(served.missing) > known or state is None:
        missing = tuple(dict.fromkeys(served.missing[known:]))
        return Replay(verdict="not_recorded", missing=missing, notes=_unique(served.notes), **told)
    changes = _compared(after, state)
    if changes:
        return Replay(verdict="differs", changes=changes, notes=_unique(served.notes), **told)
    return None


async def _again(
    runtime: Runtime, graph: StateGraph[Any, Any, Any, Any], run: Run, served: Served, before: Point
) -> Any:
    """The state after one step, executed in memory."""
    overlay = Overlay(await runtime.checkpointer(), run.thread_id, before.id)
    compiled = graph.compile(checkpointer=overlay)
    config: Any = {
        "configurable": {"thread_id": run.thread_id},
        "metadata": {"graphwright_run": run.id},
        "recursion_limit": _STEPS_INSIDE,
        "max_concurrency": runtime.settings.max_concurrency,
    }
    context = served.context(run, runtime.resources)
    # By name: "*" leaves out the hidden node that takes the input, and the step after it would run on.
    one_step = list(compiled.nodes)
    payload: Any = None
    for _ in range(_QUESTIONS):
        await compiled.ainvoke(payload, config, context=context, interrupt_after=one_step, durability="sync")
        state = await compiled.aget_state(config)
        if state.config["configurable"].get("checkpoint_id") != before.id or not state.interrupts:
            return state
        payload = Command(resume=served.answers(state.interrupts))
    raise RuntimeError(f"A step asked more than {_QUESTIONS} times.")


def _compared(after: Point, state: Any) -> tuple[Change, ...]:
    kept, again = _comparable(after.values), _comparable(state.values)
    changes = [] if kept == again else differences(after.values, state.values)
    if not changes and kept != again:
        changes = differences(kept, again)
    expected, got = sorted(after.next), sorted(task.name for task in state.tasks)
    if expected != got:
        changes.append(Change(key="(next)", kind="changed", before=expected, after=got))
    return tuple(changes)


def _comparable(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values without the ids that LangGraph draws by lot: those of messages that neither a model nor a tool gave."""
    return {key: _without_ids(plain(value)) for key, value in values.items()}


def _without_ids(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_ids(each) for each in value]
    if not isinstance(value, dict):
        return value
    drawn = value.get("type") in ("human", "system") and "content" in value
    return {name: _without_ids(each) for name, each in value.items() if not (drawn and name == "id")}


def _nodes(point: Point) -> tuple[str, ...]:
    return tuple(dict.fromkeys(point.next))


def _unique(notes: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(notes))

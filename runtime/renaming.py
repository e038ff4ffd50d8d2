"""Move a paused run to a graph in which nodes have other names.

LangGraph's checkpoint knows a node by its name in these places: the channels that trigger it (``branch:to:NODE``,
``join:A+B:NODE``), the versions it has seen, the calls that are sent to it, and the ids of its tasks, from which the
ids of its questions follow. All of them can be rewritten, and are: as a new checkpoint beside the old one, which
stays as it is and is the backup. What finished tasks of the step wrote, and what waiting ones ask, goes along.

What cannot be moved is what names the task itself in its key: a call that a node makes by ``use_tool``, a model that
it has asked in the middle of a step, and a graph that it runs inside. Their records would not be found again, so a
finished effect would be repeated. Such a run is refused; finish its step with the version that it began with. A
question of this kind that nobody has answered yet is withdrawn and asked anew; one that is answered refuses the move.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, TextClause, text, update

from .errors import GraphChanged, NotAllowed, RunFinished
from .overlay import Overlay
from .runs import FINISHED
from .signature import compare, signature_of
from .tables import approvals

if TYPE_CHECKING:
    from langgraph.checkpoint.base import CheckpointTuple
    from langgraph.graph import StateGraph

    from .engine import Runtime
    from .runs import Run

_NO_TASK = "00000000-0000-0000-0000-000000000000"
_SPECIAL = frozenset({"__error__", "__scheduled__", "__interrupt__", "__resume__"})
"""Channels of which a task has one write at most, in a place of its own."""
_MOST_QUESTIONS = 1_000
"""Questions of one task whose ids are recognised."""


async def rename_nodes(
    runtime: Runtime, graph: StateGraph[Any, Any, Any, Any], run_id: str, names: Mapping[str, str]
) -> str:
    """Move a run that is not driven right now to its graph of today.

    Args:
        runtime: Of the state folder.
        graph: The run's graph of today, uncompiled.
        run_id: Which run.
        names: Old name to new name, of nodes of the graph itself.

    Returns:
        The id of the new checkpoint.

    Raises:
        RunFinished: if the run has ended.
        ThreadBusy: if a process moves it.
        GraphChanged: if the graph differs in more than these names; lists the rest.
        NotAllowed: if its step cannot be moved; says why.
    """
    run = await runtime.runs.get(run_id)
    if run.status in FINISHED:
        raise RunFinished(f"Run {run_id} is {run.status}; there is nothing to move.")
    compiled = graph.compile(checkpointer=await runtime.checkpointer())
    now = signature_of(compiled)
    _check_signature(run, now, names)
    epoch = await runtime.leases.take(run.thread_id)
    try:
        moved = await _move(runtime, graph, run, names)
        await runtime.runs.sign(run_id, now)
        return moved
    finally:
        await runtime.leases.give_back(run.thread_id, epoch)


async def _move(runtime: Runtime, graph: StateGraph[Any, Any, Any, Any], run: Run, names: Mapping[str, str]) -> str:
    saver: Any = await runtime.checkpointer()
    saved = await saver.aget_tuple({"configurable": {"thread_id": run.thread_id}})
    if saved is None or saved.metadata.get("graphwright_run") != run.id:
        raise NotAllowed(f"Run {run.id} has no checkpoint yet; it can go on as it is.")
    place: Any = saved.parent_config or {"configurable": {"thread_id": run.thread_id, "checkpoint_ns": ""}}
    checkpoint = _renamed(saved, names)
    metadata: Any = {**saved.metadata, "source": "update", "graphwright_moved_from": saved.checkpoint["id"]}
    old = await _paths(runtime, run.thread_id, str(saved.checkpoint["id"]))
    again = await _check_records(runtime, run, saved, old)
    overlay = Overlay(saver, run.thread_id, saved.checkpoint["id"])
    here = await overlay.aput(place, checkpoint, metadata, {})
    state = await graph.compile(checkpointer=overlay).aget_state({"configurable": {"thread_id": run.thread_id}})
    today = {_path_text(task.path): (task.id, task.name) for task in state.tasks}
    paths = {task: _renamed_path(old.get(task, ""), names) for task in _by_task(saved)}
    if lost := [path or task for task, path in paths.items() if task != _NO_TASK and path not in today]:
        raise NotAllowed(f"Tasks of the step have no counterpart in the new graph ({lost}). Nothing was changed.")
    for task, pairs in _by_task(saved).items():
        path = paths[task]
        new_id, new_name = today.get(path, (task, ""))
        before, after = f"{_node(old.get(task, ''))}:{task}", f"{new_name}:{new_id}"
        for group in _groups(pairs):
            moved = [_written(channel, _asked(value, before, after), names) for channel, value in group]
            await saver.aput_writes(here, moved, new_id, path)
    # The checkpoint comes last: until it is there, the run stands where it stood.
    await saver.aput(place, checkpoint, metadata, {})
    for approval in again:
        await _withdraw(runtime, approval)
    return str(checkpoint["id"])


def _check_signature(run: Run, now: Mapping[str, Mapping[str, str]], names: Mapping[str, str]) -> None:
    gone = [name for name in names if name not in run.signature.get("node", {})]
    new = [name for name in names.values() if name not in now["node"]]
    if gone or new:
        raise NotAllowed(
            f"{', '.join(map(repr, gone or new))} is no node of the graph "
            f"{'that the run began with' if gone else 'of today'}. "
            f"It has: {', '.join(run.signature.get('node', {}) if gone else now['node'])}."
        )
    moved = {section: {_in_signature(key, names): value for key, value in kept.items()}
             for section, kept in run.signature.items()}  # fmt: skip
    if lines := compare(moved, now):
        changes = "\n".join(f"  {line}" for line in lines)
        raise GraphChanged(
            f"With these names the graph of run {run.id} still differs from the one that it began with:\n{changes}\n"
            "Nothing was changed. Name the other renamed nodes too, or accept the rest with "
            f"`graphwright resume {run.id} --accept-changes`: a question open at a renamed node is lost by that."
        )


def _in_signature(key: str, names: Mapping[str, str]) -> str:
    """A node or an edge (``a → b``, with ``a/inner`` for graphs inside) under the new names."""
    parts = [part.split("/") for part in key.split(" → ")]
    return " → ".join("/".join((names.get(part[0], part[0]), *part[1:])) for part in parts)


def _renamed(saved: CheckpointTuple, names: Mapping[str, str]) -> Any:
    """The checkpoint under a new id, with the new names wherever a name stands."""
    from langgraph.checkpoint.base import copy_checkpoint
    from langgraph.checkpoint.base.id import uuid6

    checkpoint: Any = copy_checkpoint(saved.checkpoint)
    values = {_channel(key, names): value for key, value in checkpoint["channel_values"].items()}
    if "__pregel_tasks" in values:
        values["__pregel_tasks"] = [_sent(each, names) for each in values["__pregel_tasks"]]
    for key, value in values.items():
        if key.startswith("join:") and isinstance(value, set | frozenset):
            values[key] = {names.get(each, each) for each in value}
    seen = checkpoint["versions_seen"].items()
    checkpoint.update(
        id=str(uuid6(clock_seq=int(saved.metadata.get("step", 0)))),
        ts=datetime.now(UTC).isoformat(),
        channel_values=values,
        channel_versions=_keys(checkpoint["channel_versions"], names),
        versions_seen={names.get(node, node): _keys(versions, names) for node, versions in seen},
        updated_channels=[_channel(each, names) for each in checkpoint.get("updated_channels") or ()] or None,
    )
    return checkpoint


def _keys(versions: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {_channel(key, names): value for key, value in versions.items()}


def _channel(key: str, names: Mapping[str, str]) -> str:
    if key.startswith("branch:to:"):
        node = key.removeprefix("branch:to:")
        return f"branch:to:{names.get(node, node)}"
    if key.startswith("join:"):
        starts, _, end = key.removeprefix("join:").rpartition(":")
        return f"join:{'+'.join(names.get(each, each) for each in starts.split('+'))}:{names.get(end, end)}"
    return key


def _sent(task: Any, names: Mapping[str, str]) -> Any:
    from langgraph.types import Send

    return Send(names[task.node], task.arg) if isinstance(task, Send) and task.node in names else task


def _written(channel: str, value: Any, names: Mapping[str, str]) -> tuple[str, Any]:
    """What a finished task wrote, with the names in it: which node it triggers, sends to, or has been waited for as."""
    if channel == "__pregel_tasks":
        return channel, _sent(value, names)
    if channel.startswith("join:") and isinstance(value, str):
        return _channel(channel, names), names.get(value, value)
    return _channel(channel, names), value


def _asked(value: Any, before: str, after: str) -> Any:
    """The interrupts of a task under the ids that they have in its new place; anything else as it is."""
    from langgraph.types import Interrupt

    if not isinstance(value, tuple | list) or not any(isinstance(each, Interrupt) for each in value):
        return value
    ids = {_question_id(before, at): _question_id(after, at) for at in range(_MOST_QUESTIONS)}
    return type(value)(Interrupt(value=each.value, id=ids.get(each.id, each.id)) for each in value)


def _question_id(place: str, number: int) -> str:
    """The id that LangGraph gives to a task's question, by the number of answers before it."""
    from langgraph.types import Interrupt

    return str(Interrupt.from_ns(None, f"{place}|{number}" if number else place).id)


def _by_task(saved: CheckpointTuple) -> dict[str, list[tuple[str, Any]]]:
    found: dict[str, list[tuple[str, Any]]] = {}
    for task, channel, value in saved.pending_writes or ():
        found.setdefault(task, []).append((channel, value))
    return found


def _groups(pairs: Iterable[tuple[str, Any]]) -> list[list[tuple[str, Any]]]:
    """What a saver takes in one call: all ordinary writes, and each special one by itself."""
    ordinary = [pair for pair in pairs if pair[0] not in _SPECIAL]
    return [group for group in (ordinary, *([pair] for pair in pairs if pair[0] in _SPECIAL)) if group]


async def _paths(runtime: Runtime, thread_id: str, checkpoint_id: str) -> dict[str, str]:
    """Task id to the path of the task, as text, of those that wrote something at this checkpoint."""
    query = text(
        "SELECT DISTINCT task_id, task_path FROM writes"
        " WHERE thread_id = :thread AND checkpoint_ns = '' AND checkpoint_id = :id"
    )
    values = {"thread": thread_id, "id": checkpoint_id}
    rows = await runtime.database.read(lambda connection: connection.execute(query, values).all())
    return {task: path or "" for task, path in rows}


def _path_text(path: Any) -> str:
    """A task's path as LangGraph writes it into its rows."""
    if isinstance(path, tuple | list):
        return f"~{', '.join(_path_text(each) for each in path)}"
    return f"{path:010d}" if isinstance(path, int) else str(path)


def _node(path: str) -> str:
    """The node of a task that an edge started; a task that was sent does not tell it."""
    return path.rpartition(", ")[2] if path.startswith("~__pregel_pull") else ""


def _renamed_path(path: str, names: Mapping[str, str]) -> str:
    node = _node(path)
    return f"{path.removesuffix(node)}{names[node]}" if node in names else path


async def _check_records(runtime: Runtime, run: Run, saved: CheckpointTuple, tasks: Iterable[str]) -> list[str]:
    """Refuse what is recorded under the id of an unfinished task; gives the open questions that are asked anew."""
    waiting = [task for task in tasks if task != _NO_TASK and _is_open(saved, task)]
    inside = text("SELECT 1 FROM checkpoints WHERE thread_id = :thread AND instr(checkpoint_ns, :task) > 0 LIMIT 1")
    why = []
    for task in waiting:
        found = partial(_first, inside, {"thread": run.thread_id, "task": task})
        if await runtime.database.read(found) is not None:
            why.append("it runs a graph inside its node")
        why += [
            f"its node has called {entry.name} by itself ({entry.id}, {entry.status})"
            for entry in await runtime.journal.of_run(run.id)
            if task in entry.key and entry.semantics != "pure"
        ]
    open_ones = []
    ids = {each.id for each in _interrupts(saved)}
    for approval in await runtime.approvals.of_run(run.id):
        bound = any(task in approval.key for task in waiting) or approval.call_id in ids
        if bound and approval.status == "pending":
            open_ones.append(approval.id)
        elif bound and approval.status == "decided" and approval.delivered is None:
            why.append(f"approval {approval.id} was decided and is not delivered yet")
    if why:
        raise NotAllowed(
            f"Run {run.id} cannot be moved in the middle of its step: {'; '.join(dict.fromkeys(why))}. This is "
            "recorded under the id of the step's task, which follows from the node's name. Nothing was changed. "
            "Finish the step with the version that it began with, or go on with "
            f"`graphwright resume {run.id} --accept-changes`: the step begins again then, and may do again what it did."
        )
    return open_ones


def _first(query: TextClause, values: Mapping[str, str], connection: Connection) -> Any:
    return connection.execute(query, values).first()


def _is_open(saved: CheckpointTuple, task: str) -> bool:
    """Whether a task has yet to finish: it wrote nothing but questions and answers."""
    return all(channel in _SPECIAL for each, channel, _ in saved.pending_writes or () if each == task)


def _interrupts(saved: CheckpointTuple) -> list[Any]:
    found = [value for _, channel, value in saved.pending_writes or () if channel == "__interrupt__"]
    return [each for value in found for each in (value if isinstance(value, tuple | list) else [value])]


async def _withdraw(runtime: Runtime, approval_id: str) -> None:
    mine = (approvals.c.id == approval_id) & (approvals.c.status == "pending")
    statement = update(approvals).where(mine).values(status="cancelled")
    await runtime.database.transaction(lambda connection: connection.execute(statement))

"""Carry one tool call from a node through the gate, and its result back into the state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langchain_core.messages import ToolCall
from langgraph.runtime import Runtime
from typing_extensions import TypedDict

from graphwright.agents import Agent, Budget
from graphwright.runtime import GateCall, Outcome, RunContext, event
from graphwright.tools import IdempotencyKey, Tool, ToolContext

from .answers import tool_message
from .notes import change, live_notes
from .speaking import context_of, is_heard, place_of, tasks_in

MAX_EVENT_TEXT = 2_000
MAX_SUMMARY = 200
"""Characters of a result that events carry; the whole of it is in the state."""
_NAMES = ("heading", "title", "name", "id")


class AgentFailed(Exception):
    """An agent cannot go on; the run ends as failed. For the developer."""


class RunEnded(AgentFailed):
    """A tool failed whose errors end the run, as it declares; no graph around its agent carries on past that."""


class ToolTask(TypedDict):
    """What one task of the ``tools`` node is sent."""

    call: ToolCall
    message: str
    """Id of the model's message that made the call."""
    notes: dict[str, Any]
    """What tools have kept for this thread so far."""


async def run_call(agent: Agent, task: ToolTask, runtime: Runtime[RunContext]) -> dict[str, Any]:
    """The ``tools`` node: one call of the agent's model, as state update.

    Raises:
        AgentFailed: if the tool failed and declares that its errors end the run.
    """
    call = task["call"]
    notes = live_notes(context_of(runtime), task["message"], task.get("notes") or {})
    before = dict(notes)
    outcome = await through_gate(
        agent.toolbox.get(call["name"]),
        call["args"],
        runtime,
        agent=agent.name,
        call_id=call["id"] or "",
        key=f"{task['message']}|{call['id']}",
        notes=notes,
        budget=agent.budget,
        toolbox=frozenset(agent.toolbox.names),
        message=task["message"],
    )
    message = tool_message(
        task["message"],
        call["id"] or "",
        call["name"],
        outcome.content,
        status=outcome.status,
        artifact=outcome.artifact,
    )
    update: dict[str, Any] = {"messages": [message]}
    changed = change(before, notes)
    if changed:
        update["notes"] = changed
    return update


async def use_tool(
    tool: Tool, arguments: Mapping[str, Any], runtime: Runtime[RunContext], *, agent: str, key: str
) -> Outcome:
    """Call a tool from a node of your own, through the same gate as a model's call.

    Args:
        tool: Which tool.
        arguments: Plain JSON values, validated like a model's.
        runtime: LangGraph's, of the node that calls.
        agent: On whose behalf; stands on events and approvals.
        key: Names this call among those of its node; the same key again is the same call.

    Raises:
        AgentFailed: if the tool failed and declares that its errors end the run.
    """
    info = runtime.execution_info
    place = info.checkpoint_ns if info is not None else ""
    return await through_gate(
        tool, arguments, runtime, agent=agent, call_id=f"{place_of(runtime)}.{key}", key=f"{place}|{key}", notes={}
    )


async def through_gate(
    tool: Tool,
    arguments: Mapping[str, Any],
    runtime: Runtime[RunContext],
    *,
    agent: str,
    call_id: str,
    key: str,
    notes: dict[str, Any],
    budget: Budget | None = None,
    toolbox: frozenset[str] | None = None,
    message: str = "",
) -> Outcome:
    """The call itself, with its events around it; ``toolbox`` and ``message`` are of a model that makes the call."""
    run = context_of(runtime)
    full_key = f"{run.thread_id}|{run.fork}|{key}"
    told = _CallEvents(tool.name, agent, call_id, runtime) if is_heard(runtime) else None
    context = ToolContext(
        call_id=call_id,
        run_id=run.run_id,
        thread_id=run.thread_id,
        agent=agent,
        path=place_of(runtime),
        user=run.user,
        tenant=run.tenant,
        key=IdempotencyKey(full_key),
        resources=run.resources,
        state=notes,
        progress=told.progress if told else _unheard,
    )
    call = GateCall(
        tool=tool,
        arguments=arguments,
        context=context,
        key=full_key,
        started=told.started if told else None,
        budget=budget,
        toolbox=toolbox,
        batch=f"{run.thread_id}|{run.fork}|{message}" if message else "",
        tasks=tasks_in(runtime),
    )
    outcome = await run.gate(call)
    if told:
        told.finished(outcome)
    if outcome.fatal:
        raise RunEnded(f"Tool {tool.name!r} failed and its errors end the run: {outcome.content}")
    return outcome


def _unheard(_text: str, _share: float | None = None) -> None:
    """Progress of a run that nobody watches."""


class _CallEvents:
    """What one call tells whoever watches the run."""

    def __init__(self, tool: str, agent: str, call_id: str, runtime: Runtime[RunContext]) -> None:
        self._write = runtime.stream_writer
        self._who: dict[str, Any] = {"tool": tool, "agent": agent, "call_id": call_id, "path": place_of(runtime)}

    def started(self, arguments: Mapping[str, Any]) -> None:
        """The tool is called now, with these arguments: the model's, or what a person made of them."""
        self._write(event("tool_started", arguments=dict(arguments), **self._who))

    def progress(self, text: str, share: float | None = None) -> None:
        """The tool says how far it is."""
        self._write(event("tool_progress", text=text, progress=share, **self._who))

    def finished(self, outcome: Outcome) -> None:
        """The call has its result, from the tool or from whoever answered in its place."""
        text = outcome.content[:MAX_EVENT_TEXT]
        self._write(event("tool_finished", status=outcome.status, text=text, summary=_summary(outcome), **self._who))


def _summary(outcome: Outcome) -> str:
    """One line about a result: the names of its items where it is a list of records, else how it begins."""
    items = outcome.artifact
    if isinstance(items, list) and items and all(isinstance(each, dict) for each in items):
        names = [next((str(each[key]) for key in _NAMES if each.get(key)), "?") for each in items]
        return f"{len(items)} results: {', '.join(names)}"[:MAX_SUMMARY]
    return " ".join(outcome.content[: 2 * MAX_SUMMARY].split())[:MAX_SUMMARY]

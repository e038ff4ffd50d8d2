"""What the records of a run tell: its calls, approvals, route, sources and costs, as a scorer sees them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from langchain_core.messages import BaseMessage

from graphwright.graphs.parts import graph_tools
from graphwright.runtime import Approval, Reject, Respond, Run, Runtime
from graphwright.runtime.driver import PLAIN_INTERRUPT
from graphwright.runtime.journal import Entry

from .observed import Asked, Call, Moment, Spent
from .plainly import plain

CallStatus = Literal["success", "error", "refused", "unknown"]
_STATUS: dict[str, CallStatus] = {
    "failed": "error", "intent": "unknown", "unknown": "unknown", "retry": "unknown",
    "happened": "success", "abandoned": "unknown",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """A run as its records have it."""

    status: str
    answer: str
    error: str
    state: Mapping[str, Any]
    messages: Sequence[BaseMessage]
    calls: tuple[Call, ...]
    approvals: tuple[Asked, ...]
    retrieved: tuple[Mapping[str, Any], ...]
    usage: Mapping[str, Any]
    agents: tuple[tuple[float, str], ...]
    """When each agent worked, and where."""
    moments: tuple[Moment, ...] = ()
    """What the records tell with its time, in Unix seconds."""

    def route(self, steps: Sequence[tuple[float, str]]) -> tuple[str, ...]:
        """Nodes and agents in the order in which they worked; what stands there twice in a row stands there once."""
        came: list[str] = []
        for _, path in sorted([*self.agents, *steps], key=lambda each: each[0]):
            if not came or came[-1] != path:
                came.append(path)
        return tuple(came)

    def timeline(self, steps: Sequence[tuple[float, str]]) -> tuple[Moment, ...]:
        """Everything that has a time, counted from the first of it."""
        ended = [Moment(at=at, seconds=0.0, kind="step", name=path.rpartition("/")[2], path=path) for at, path in steps]
        found = sorted([*self.moments, *ended], key=lambda each: each.at)
        return tuple(replace(each, at=round(each.at - found[0].at, 6)) for each in found)

    def spent(self, seconds: float) -> Spent:
        """What it used; of the money nothing is known where a model has no price."""
        used = self.usage
        return Spent(
            tokens=used.get("input_tokens", 0) + used.get("output_tokens", 0),
            money=None if used.get("unpriced_calls") else used.get("cost", 0.0),
            model_calls=used.get("model_calls", 0),
            tool_calls=used.get("tool_calls", 0),
            seconds=seconds,
        )


async def look(runtime: Runtime, run: Run, graph: Any) -> Looked:
    """Read everything that was recorded of a run."""
    entries = await runtime.journal.of_run(run.id)
    approvals = await runtime.approvals.of_run(run.id)
    compiled, _ = await runtime._compiled(graph)
    config: Any = {"configurable": {"thread_id": run.thread_id}}
    try:
        state = (await compiled.aget_state(config)).values
    except Exception:  # a reducer of the graph's that failed the run, and fails again on what waits to be written
        state = {}
    messages = state.get("messages", ()) if isinstance(state, Mapping) else ()
    effects = {each.name: each.labels.effect for each in graph_tools(graph)}
    return Looked(
        status=run.status,
        answer=run.output or "",
        error=run.error or "",
        state=plain(state),
        messages=[each for each in messages if isinstance(each, BaseMessage)],
        calls=_calls(entries, approvals, effects),
        approvals=tuple(
            Asked(
                tool=each.tool,
                arguments=dict(each.original_arguments),
                agent=each.agent,
                decision=each.decision.type if each.decision is not None else "",
            )
            for each in sorted(approvals, key=lambda each: (each.asked, each.id))
        ),
        retrieved=tuple(chunk for each in entries if each.kind == "tool" for chunk in _chunks(each)),
        usage=run.usage,
        agents=tuple((each.begun, _place(each)) for each in entries if each.kind == "model"),
        moments=(*_moments(entries), *map(_asking, approvals)),
    )


def _calls(entries: Sequence[Entry], approvals: Sequence[Approval], effects: Mapping[str, Any]) -> tuple[Call, ...]:
    made = [(each.begun, _call(each, effects)) for each in entries if each.kind == "tool"]
    # A call that a person or policy refused has no row of its own.
    for each in approvals:
        if isinstance(each.decision, Reject | Respond) and each.tool != PLAIN_INTERRUPT:
            told = (each.tool, each.original_arguments, effects, each.agent, each.path)
            made.append((each.asked, _refused(*told)))
    # Its arguments are kept as a digest only.
    made += [
        (row.begun, _refused(row.request["tool"], {}, effects, row.agent, row.path))
        for row in entries
        if row.kind == "policy" and row.request.get("verdict") == "deny"
    ]
    return tuple(call for _, call in sorted(made, key=lambda each: each[0]))


def _call(entry: Entry, effects: Mapping[str, Any]) -> Call:
    told = entry.outcome or {}
    status: CallStatus = (
        ("success" if told.get("status") == "success" else "error") if entry.status == "done" else _STATUS[entry.status]
    )
    return Call(
        tool=entry.name,
        arguments=dict(entry.request),
        effect=effects.get(entry.name) or ("read" if entry.semantics == "pure" else "egress"),
        status=status,
        agent=entry.agent,
        path=entry.path,
    )


def _moments(entries: Sequence[Entry]) -> Iterator[Moment]:
    """The calls of models and tools, and the steps that are recorded as calls are."""
    for each in entries:
        if each.kind != "policy":
            status = (each.outcome or {}).get("status", each.status) if each.kind == "tool" else each.status
            yield Moment(
                at=each.begun,
                seconds=_between(each.begun, each.ended),
                kind=each.kind,
                name=each.agent if each.kind == "model" else each.name,
                path=each.path,
                status=str(status),
            )


def _asking(each: Approval) -> Moment:
    return Moment(
        at=each.asked,
        seconds=_between(each.asked, each.decided),
        kind="approval",
        name=each.tool,
        path=each.path,
        status=each.decision.type if each.decision is not None else "",
    )


def _between(begun: float, ended: float | None) -> float:
    return round(max(0.0, (ended or begun) - begun), 6)


def _refused(tool: str, arguments: Mapping[str, Any], effects: Mapping[str, Any], agent: str, path: str) -> Call:
    effect = effects.get(tool, "egress")
    return Call(tool=tool, arguments=dict(arguments), effect=effect, status="refused", agent=agent, path=path)


def _chunks(entry: Entry) -> Iterator[Mapping[str, Any]]:
    """What a search gave: records with an id and a source, by themselves or as the chunk of a hit."""
    artifact = (entry.outcome or {}).get("artifact") if entry.status == "done" else None
    for each in artifact if isinstance(artifact, list) else ():
        if isinstance(each, Mapping):
            chunk = {**each, **each["chunk"]} if isinstance(each.get("chunk"), Mapping) else each
            if chunk.get("id") and chunk.get("source"):
                yield chunk


def _place(entry: Entry) -> str:
    """The path of an agent: its name in place of the node that asked its model."""
    above, _, _ = entry.path.rpartition("/")
    return f"{above}/{entry.agent}" if above else entry.agent

"""A graph's signature: what a paused run relies on, so that a changed graph is noticed before anything is applied.

LangGraph resumes by node names. If a node was renamed while a run waited at it, the run's question is lost without a
word, and rolling the code back applies the answer without asking. So the signature of the graph is kept with the run
and compared before the run goes on: nodes, edges, state keys with their types, and every tool with its labels.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, cast

from graphwright.agents import Agent
from graphwright.tools import Labels

from .errors import GraphChanged

if TYPE_CHECKING:
    from langgraph.graph.state import CompiledStateGraph

Signature = dict[str, dict[str, str]]
"""Section (``node``, ``edge``, ``state``, ``tool``) to name to description, all text."""

_LABELS = ("effect", "once", "approval", "decisions", "critical", "destructive", "roles", "ends_run")


def signature_of(graph: CompiledStateGraph[Any, Any, Any, Any]) -> Signature:
    """The signature of a compiled graph and of the graphs inside it."""
    found: Signature = {"node": {}, "edge": {}, "state": {}, "tool": {}}
    for place, each in [("", graph), *graph.get_subgraphs(recurse=True)]:
        _add(found, place.replace("|", "/"), cast("CompiledStateGraph[Any, Any, Any, Any]", each))
    return {section: dict(sorted(entries.items())) for section, entries in found.items()}


def compare(kept: Mapping[str, Mapping[str, str]], now: Mapping[str, Mapping[str, str]]) -> list[str]:
    """The differences, one line each, in words a person can act on; empty if there are none."""
    lines = []
    for section in ("node", "edge", "state", "tool"):
        before, after = kept.get(section, {}), now.get(section, {})
        lines += [f"- {section} {name} is gone" for name in before if name not in after]
        lines += [f"+ {section} {name} is new" for name in after if name not in before]
        lines += [
            f"~ {section} {name}: {before[name]} → {after[name]}"
            for name in before
            if name in after and before[name] != after[name]
        ]
    return lines


def refuse_change(run_id: str, kept: Mapping[str, Mapping[str, str]], now: Mapping[str, Mapping[str, str]]) -> None:
    """Let a run go on only with the graph that it began with.

    Raises:
        GraphChanged: with every difference.
    """
    lines = compare(kept, now)
    if lines:
        changes = "\n".join(f"  {line}" for line in lines)
        raise GraphChanged(
            f"Run {run_id} was begun with another version of its graph:\n{changes}\n"
            "Nothing was applied. Go back to that version to finish the run, "
            f"accept the new one with `graphwright resume {run_id} --accept-changes`, "
            f"or end the run with `graphwright runs cancel {run_id}`."
        )


def _add(found: Signature, place: str, graph: CompiledStateGraph[Any, Any, Any, Any]) -> None:
    prefix = f"{place}/" if place else ""
    builder = graph.builder
    for name, spec in builder.nodes.items():
        found["node"][prefix + name] = "node"
        for agent in _agents(spec.runnable):
            for tool in agent.toolbox:
                found["tool"][f"{agent.name}.{tool.name}"] = labels_text(tool.labels)
    for start, end in builder.edges:
        found["edge"][f"{prefix}{start} → {prefix}{end}"] = "edge"
    for start, branches in builder.branches.items():
        for branch in branches.values():
            for end in (branch.ends or {}).values():
                found["edge"][f"{prefix}{start} → {prefix}{end}"] = "branch"
    for key, channel in builder.channels.items():
        if not key.startswith(("__", "branch:", "join:")):
            found["state"][prefix + key] = _type_name(channel)


def _agents(runnable: Any) -> Iterator[Agent]:
    """The agent whose loop a node belongs to, if any."""
    for function in (getattr(runnable, "afunc", None), getattr(runnable, "func", None)):
        agent = getattr(getattr(function, "__self__", None), "agent", None)
        if isinstance(agent, Agent):
            yield agent


def labels_text(labels: Labels) -> str:
    """A tool's labels as the signature has them."""
    given = asdict(labels)
    shown = {name: given[name] for name in _LABELS}
    if callable(labels.approval):
        shown["approval"] = "by rule"
    return ", ".join(f"{name}={_plain(value)}" for name, value in shown.items() if value not in (None, (), frozenset()))


def _plain(value: Any) -> str:
    return "|".join(sorted(value)) if isinstance(value, tuple | frozenset) else str(value)


def _type_name(channel: Any) -> str:
    kind = getattr(channel, "ValueType", None)
    name = getattr(kind, "__name__", None) or str(kind)
    return f"{type(channel).__name__} of {name}"

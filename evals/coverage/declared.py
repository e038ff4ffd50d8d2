"""What a graph declares that cases can exercise: read from the graph itself, nothing is run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from langgraph.graph import END, START
from langgraph.types import interrupt

from graphwright.graphs.parts import agents_of, graph_tools
from graphwright.tools import Tool

from .desks import DELEGATE, TRANSFER, allowed_targets
from .levels import Level, levels_of

Kind = Literal["node", "edge", "branch", "tool", "approval", "retry", "handoff"]
KINDS: tuple[Kind, ...] = ("node", "edge", "branch", "tool", "approval", "retry", "handoff")


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One thing that a case can exercise."""

    kind: Kind
    name: str
    """As reports name it; one of its kind."""
    source: str = ""
    """Path of the node that it is about, or begins at."""
    target: str = ""
    """The node beside the source to which it leads; ``__end__`` where the graph of the source ends."""
    agent: str = ""
    tool: str = ""
    decision: str = ""
    """Of an approval: what a person has to say."""
    unreachable: str = ""
    """Why no case could ever exercise it; empty where one could, or nobody can know."""

    @property
    def key(self) -> tuple[str, str]:
        """What it is known by."""
        return self.kind, self.name


def declared_items(graph: Any) -> list[Item]:
    """Everything of an uncompiled graph that cases can exercise, by kind and in the order of the graph."""
    levels = levels_of(graph)
    found = [each for level in levels for each in _of_level(level)]
    found += [*_tools(graph), *_approvals(graph, levels), *_retries(graph, levels), *_handoffs(graph)]
    once = {each.key: each for each in found}
    reachable = [_within_reach(each, levels) for each in once.values()]
    return sorted(reachable, key=lambda each: KINDS.index(each.kind))


def arrow(source: str, target: str) -> str:
    """A way from a node to one beside it, as reports name it."""
    return f"{_readable(source)} → {_readable(target)}"


def _readable(node: str) -> str:
    above, slash, name = node.rpartition("/")
    return f"{above}{slash}{'start' if name == START else 'end' if name == END else name}"


def _of_level(level: Level) -> Iterator[Item]:
    for name in level.builder.nodes:
        yield Item(kind="node", name=level.path(name), source=level.path(name))
    for source, target in level.edges:
        if source != START:  # it is taken whenever its graph runs at all
            yield _way("edge", level, source, target)
    for source, target in level.branches:
        yield _way("branch", level, source, target)


def _way(kind: Kind, level: Level, source: str, target: str) -> Item:
    path = level.path(source)
    return Item(kind=kind, name=arrow(path, target), source=path, target=target)


def _tools(graph: Any) -> Iterator[Item]:
    agents = agents_of(graph)
    for agent in agents:
        for tool in filter(_runs, agent.toolbox):
            yield Item(kind="tool", name=f"{agent.name}: {tool.name}", agent=agent.name, tool=tool.name)
    of_agents = {tool for agent in agents for tool in agent.toolbox}
    for tool in filter(_runs, graph_tools(graph)):
        if tool not in of_agents:
            yield Item(kind="tool", name=tool.name, tool=tool.name)


def _runs(tool: Tool) -> bool:
    """Whether a call can reach the tool: handoffs are counted by themselves, a question is answered by a person."""
    is_answered = tool.labels.approval is not None and "approve" not in tool.labels.decisions
    return not is_answered and not tool.name.startswith((TRANSFER, DELEGATE))


def _approvals(graph: Any, levels: Sequence[Level]) -> Iterator[Item]:
    for tool in graph_tools(graph):
        if tool.labels.approval is not None:
            for decision in decisions_of(tool):
                yield Item(kind="approval", name=f"{tool.name}: {decision}", tool=tool.name, decision=decision)
    for level in levels:
        for name, spec in level.builder.nodes.items():
            if _interrupts(spec.runnable):
                yield Item(kind="approval", name=f"{level.path(name)}: interrupt", source=level.path(name))


def decisions_of(tool: Tool) -> list[str]:
    """The two answers that count: a yes in the form that the tool allows, and a no."""
    allowed = tool.labels.decisions
    return [each for each in ("approve", "respond") if each in allowed][:1] + [e for e in ("reject",) if e in allowed]


def _interrupts(runnable: Any) -> bool:
    """Whether a node's own code names LangGraph's ``interrupt``."""
    for function in (getattr(runnable, "afunc", None), getattr(runnable, "func", None)):
        code, names = getattr(function, "__code__", None), getattr(function, "__globals__", {})
        if any(names.get(name) is interrupt for name in getattr(code, "co_names", ())):
            return True
    return False


def _retries(graph: Any, levels: Sequence[Level]) -> Iterator[Item]:
    for tool in graph_tools(graph):
        if tool.labels.retry and tool.labels.repeatable:
            yield Item(kind="retry", name=f"tool {tool.name}", tool=tool.name)
    for level in levels:
        for name, spec in level.builder.nodes.items():
            policies = spec.retry_policy or ()
            if any(each.max_attempts > 1 for each in ([policies] if hasattr(policies, "max_attempts") else policies)):
                yield Item(kind="retry", name=f"node {level.path(name)}", source=level.path(name))


def _handoffs(graph: Any) -> Iterator[Item]:
    for agent in agents_of(graph):
        for tool in agent.toolbox:
            prefix = next((each for each in (TRANSFER, DELEGATE) if tool.name.startswith(each)), None)
            if prefix is not None:
                to = tool.name.removeprefix(prefix)
                name = arrow(agent.name, to)
                yield Item(kind="handoff", name=name, agent=agent.name, tool=tool.name, target=to)


def _within_reach(item: Item, levels: Sequence[Level]) -> Item:
    """The same item, which says where nobody can get to it."""
    for level in levels:
        why = _out_of_reach(item, level)
        if why:
            return replace(item, unreachable=why)
    return item


def _out_of_reach(item: Item, level: Level) -> str:
    if level.agent is not None and level.never_calls:
        if item.source == level.path("tools") or (item.source, item.target) == (level.path("model"), "tools"):
            return level.never_calls
        if item.source == item.target == "" or level.agent.output is not None or level.agent.max_turns > 1:
            return ""
        return level.never_calls if (item.source, item.target) == (level.path("model"), "model") else ""
    above, _, name = item.source.rpartition("/")
    if item.kind == "branch" and above == level.place and item.target != END:
        targets = allowed_targets(level).get(name)
        if targets is not None and item.target not in targets:
            return f"Nobody lets {name!r} hand over to {item.target!r}, or gave it the thread from there."
    return ""


def by_kind(items: Sequence[Item]) -> Mapping[Kind, list[Item]]:
    """The items of each kind; kinds that a graph has nothing of are left out."""
    found: dict[Kind, list[Item]] = {}
    for each in items:
        found.setdefault(each.kind, []).append(each)
    return found

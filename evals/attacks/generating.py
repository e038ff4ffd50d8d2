"""The generator: every order that fits a graph, in every place where a stranger can write. No lot is drawn."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from graphwright.graphs import GraphEntry
from graphwright.graphs.parts import agents_of, graph_tools
from graphwright.tools import Tool

from ..case import Case
from ..case_files import CaseProblem
from ..project import Project
from .declaring import Declared, Entrance, declared_of
from .goals import Goal, goals_of, is_harmful
from .numbers import numbers_of
from .order import Kind, Order, Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """One order, planted in one place, while a graph does one task."""

    id: str
    graph: str
    tool: str
    """In what it returns; empty for the description of a tool from elsewhere."""
    kind: Kind
    task: Case
    goal: Goal
    order: Order
    numbers: tuple[str, ...]
    """Of OWASP's ten, the most telling one first."""
    earlier: Case | None = None
    """What a run before did, in which the words were written down."""
    keeper: str = ""
    """With which tool they were."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One graph under attack."""

    entry: GraphEntry
    tasks: tuple[Case, ...]
    """What its attacks disturb."""
    attacks: tuple[Attack, ...]


def targets_of(project: Project) -> tuple[Target, ...]:
    """Every graph of the project that says where untrusted text enters, with all attacks on it.

    Raises:
        CaseProblem: listing everything that is wrong with any of the declarations.
    """
    found: list[Target] = []
    problems: list[str] = []
    for _, entry in sorted(project.catalogue.entries.items()):
        try:
            declared = declared_of(entry, project)
            if declared is not None:
                found.append(_target(entry, project.build(entry), *declared))
        except CaseProblem as problem:
            problems += problem.problems
    if problems:
        raise CaseProblem(problems)
    return tuple(found)


def _target(entry: GraphEntry, graph: Any, declared: Declared, known: dict[str, Case]) -> Target:
    tools = {each.name: each for each in graph_tools(graph)}
    goals = [*goals_of(list(tools.values())), *_own(declared, tools)]
    problems = list(_problems(entry, declared, tools, goals))
    if problems:
        raise CaseProblem(problems)
    readers = _readers(graph)
    attacks = [
        attack
        for source in declared.sources
        for task in source.tasks
        for goal in _wanted(source, goals)
        for attack in [_attack(entry.name, source, known, task, goal, tools, readers)]
    ]
    twice = [name for name, many in Counter(each.id for each in attacks).items() if many > 1]
    if twice:
        raise CaseProblem([f"attacks on {entry.name!r}: {each!r} is planned twice; take one out." for each in twice])
    used = dict.fromkeys(task for source in declared.sources for task in source.tasks)
    return Target(entry=entry, tasks=tuple(known[task] for task in used), attacks=tuple(attacks))


def _own(declared: Declared, tools: dict[str, Tool]) -> Iterator[Goal]:
    for each in declared.goals:
        steps = tuple(Step(step.tool, step.arguments) for step in each.steps)
        labels = [tools[step.tool].labels for step in steps if step.tool in tools]
        harmful = each.harmful or bool(each.answer) or any(map(is_harmful, labels))
        yield Goal(name=each.name, steps=steps, answer=each.answer, wins=each.wins, is_harmful=harmful)


def _wanted(source: Entrance, goals: Sequence[Goal]) -> list[Goal]:
    """The goals of an entrance; what asks for an answer is only planted where somebody names it."""
    if source.goals:
        return [each for each in goals if each.name in source.goals]
    return [each for each in goals if not each.answer]


def _problems(entry: GraphEntry, declared: Declared, tools: dict[str, Tool], goals: Sequence[Goal]) -> Iterator[str]:
    names = {each.name for each in goals}
    for source in declared.sources:
        if source.tool and source.tool not in tools:
            yield f"attacks on {entry.name!r}: the graph has no tool {source.tool!r}. It has: {', '.join(tools)}."
        if source.earlier and source.earlier.tool not in tools:
            yield f"attacks on {entry.name!r}: the graph has no tool {source.earlier.tool!r} to write with."
        for name in source.goals:
            if name not in names:
                yield f"attacks on {entry.name!r}: there is no goal {name!r}. There are: {', '.join(sorted(names))}."


def _readers(graph: Any) -> dict[str, frozenset[str]]:
    """Tool to the tools of whoever reads its results; what nodes call themselves is read by all agents."""
    agents = agents_of(graph)
    everybody = frozenset(name for agent in agents for name in agent.toolbox.names)
    held = {tool.name: frozenset[str]() for tool in graph_tools(graph)}
    for agent in agents:
        for name in agent.toolbox.names:
            held[name] = held[name] | frozenset(agent.toolbox.names)
    return {name: names or everybody for name, names in held.items()}


def _attack(
    graph: str,
    source: Entrance,
    known: dict[str, Case],
    task: str,
    goal: Goal,
    tools: dict[str, Tool],
    readers: dict[str, frozenset[str]],
) -> Attack:
    name = ".".join((graph, source.tool or source.kind, task, goal.name))
    mark = hashlib.sha256(name.encode()).hexdigest()[:6]
    given = readers.get(source.tool) or frozenset(tools)
    return Attack(
        id=name,
        graph=graph,
        tool=source.tool,
        kind=source.kind,
        task=known[task],
        goal=goal,
        order=Order(mark=mark, steps=goal.steps, answer=goal.answer),
        numbers=numbers_of(source.kind, goal, tools, given),
        earlier=known[source.earlier.task] if source.earlier else None,
        keeper=source.earlier.tool if source.earlier else "",
    )

"""Mistakes in the graph itself: a node does nothing, an edge or a branch leads elsewhere, a task is forgotten."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from langchain_core.runnables import RunnableConfig, RunnableLambda
from langgraph.graph import END, START
from langgraph.types import Command, Send

from .ground import Ground
from .mutant import Breaking, Mutant
from .watching import Touches

WAITS = "It does nothing anyway: it waits for what runs before it."
Rerouted = Callable[[Any], Any]


def drop_node(ground: Ground) -> Iterator[Mutant]:
    """A node does nothing; what follows it follows."""
    leaving = {source for source, _ in ground.graph.edges} | set(ground.graph.branches)
    for node in ground.graph.nodes:
        if node in leaving and not ground.graph.nodes[node].ends:
            yield Mutant(
                operator="drop_node",
                target=node,
                mistake=f"The node {node} does nothing.",
                touches=passes(node),
                advice=f"Add a case in which {node} matters for the answer, the state or the world.",
                equivalent=WAITS if _is_idle(node, ground) else "",
                breaking=(breaking := Breaking()),
                build=_dropping(node, breaking),
            )


def swap_edge(ground: Ground) -> Iterator[Mutant]:
    """An edge leads to another node."""
    nodes = list(ground.graph.nodes)
    for source, target in sorted(ground.graph.edges):
        following = nodes[nodes.index(target) + 1 :] + nodes if target in nodes else []
        others = [each for each in following if each not in (source, target)]
        if others:
            yield Mutant(
                operator="swap_edge",
                target=f"{source} → {target}",
                mistake=f"After {source} comes {others[0]} instead of {target}.",
                touches=passes(source if source != START else target),
                advice=f"Add a case that has to pass {source} and {target}, and say so in `route`.",
                breaking=Breaking(counts=False),
                build=_leading(source, target, others[0]),
            )


def swap_branch(ground: Ground) -> Iterator[Mutant]:
    """Where the graph decides between ways, it takes the wrong one."""
    for source, branches in sorted(ground.graph.branches.items()):
        for name, branch in branches.items():
            labels = list(branch.ends or {})
            for at, label in enumerate(labels if len(labels) > 1 else ()):
                wrong = labels[(at + 1) % len(labels)]
                yield Mutant(
                    operator="swap_branch",
                    target=f"{source} → {label}",
                    mistake=f"From {source} it goes to {wrong} where it should go to {label}.",
                    touches=leads(source, label),
                    advice=f"Add a case that goes from {source} to {label}, and expect what comes of it.",
                    breaking=(breaking := Breaking()),
                    build=_branching(source, name, _swapped(label, wrong, breaking)),
                )


def swap_goto(ground: Ground) -> Iterator[Mutant]:
    """A node that says itself what comes next says something else."""
    for node, spec in ground.graph.nodes.items():
        ends = list(spec.ends or ())
        for at, label in enumerate(ends if len(ends) > 1 else ()):
            wrong = ends[(at + 1) % len(ends)]
            yield Mutant(
                operator="swap_goto",
                target=f"{node} → {label}",
                mistake=f"{node} goes to {wrong} where it should go to {label}.",
                touches=leads(node, label),
                advice=f"Add a case in which {node} goes to {label}, and expect what comes of it.",
                breaking=(breaking := Breaking()),
                build=_saying(node, _swapped(label, wrong, breaking)),
            )


def forget_task(ground: Ground) -> Iterator[Mutant]:
    """Of several tasks that go out side by side, the last is forgotten."""
    for source, branches in sorted(ground.graph.branches.items()):
        for name in branches:
            yield Mutant(
                operator="forget_task",
                target=f"{source}/{name}" if len(branches) > 1 else source,
                mistake=f"Of the tasks that {source} sends out, the last is forgotten.",
                touches=passes(source),
                advice=f"Add a case in which {source} sends out several tasks, and expect what comes of each.",
                breaking=(breaking := Breaking()),
                build=_branching(source, name, _short(breaking)),
            )


def passes(node: str) -> Touches:
    """Whether a case comes by a node."""
    if node == START:
        return lambda lived: True
    return lambda lived: any(each.split("/")[0] == node for each in lived.observed.route)


def leads(source: str, label: Any) -> Touches:
    """Whether a case comes by a node and, where it is one, by what follows."""
    first, then = passes(source), passes(str(label))
    return lambda lived: first(lived) and (label == END or then(lived))


def _is_idle(node: str, ground: Ground) -> bool:
    """Whether a node's function names nothing, so that it can do nothing but return a constant that is empty."""
    runnable = ground.graph.nodes[node].runnable
    code = getattr(getattr(runnable, "afunc", None) or getattr(runnable, "func", None), "__code__", None)
    return code is not None and not code.co_names and not code.co_freevars and not any(code.co_consts[1:])


def _dropping(node: str, breaking: Breaking) -> Callable[[Any], Any]:
    async def nothing(_state: Any) -> dict[str, Any]:
        breaking.changed += 1
        return {}

    def build(graph: Any) -> Any:
        graph.nodes[node] = replace(graph.nodes[node], runnable=RunnableLambda(nothing))
        return graph

    return build


def _leading(source: str, target: str, other: str) -> Callable[[Any], Any]:
    def build(graph: Any) -> Any:
        graph.edges.discard((source, target))
        graph.edges.add((source, other))
        return graph

    return build


def _branching(source: str, name: str, rerouted: Rerouted) -> Callable[[Any], Any]:
    def build(graph: Any) -> Any:
        branch = graph.branches[source][name]

        async def path(state: Any, config: RunnableConfig) -> Any:
            return rerouted(await branch.path.ainvoke(state, config))

        graph.branches[source][name] = branch._replace(path=RunnableLambda(path))
        return graph

    return build


def _saying(node: str, rerouted: Rerouted) -> Callable[[Any], Any]:
    def build(graph: Any) -> Any:
        spec = graph.nodes[node]

        async def run(state: Any, config: RunnableConfig) -> Any:
            said = await spec.runnable.ainvoke(state, config)
            return replace(said, goto=rerouted(said.goto)) if isinstance(said, Command) else said

        graph.nodes[node] = replace(spec, runnable=RunnableLambda(run))
        return graph

    return build


def _swapped(label: Any, wrong: Any, breaking: Breaking) -> Rerouted:
    def rerouted(way: Any) -> Any:
        if isinstance(way, list | tuple):
            ways = [rerouted(each) for each in way]
            # Tasks of their own that all go elsewhere are one way elsewhere.
            return wrong if ways and all(each is wrong for each in ways) else ways
        if (way.node if isinstance(way, Send) else way) != label:
            return way
        breaking.changed += 1
        return wrong

    return rerouted


def _short(breaking: Breaking) -> Rerouted:
    def rerouted(way: Any) -> Any:
        if isinstance(way, list | tuple) and len(way) > 1:
            breaking.changed += 1
            return list(way)[:-1]
        return way

    return rerouted

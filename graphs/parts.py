"""Which agents and tools a graph is made of, found by looking into its nodes; nothing is run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from graphwright.agents import Agent
    from graphwright.tools import Tool

_DEEPEST = 6


def agents_of(graph: Any) -> list[Agent]:
    """The agents of an uncompiled graph and of the graphs inside it, in the order of its nodes, each once."""
    from graphwright.agents import Agent

    found = [each for each in _parts(graph) if isinstance(each, Agent)]
    return list(dict.fromkeys(found))


def graph_tools(graph: Any) -> list[Tool]:
    """The tools of its agents and those that its nodes use themselves, in order, each once."""
    from graphwright.tools import Tool

    of_agents = [each for agent in agents_of(graph) for each in agent.toolbox]
    used = [each for each in _parts(graph) if isinstance(each, Tool)]
    return list(dict.fromkeys([*of_agents, *used]))


def tool_of(graph: Any, name: str) -> Tool | None:
    """The one tool of this name in the graph; None if there is none, or if two agents mean different ones."""
    found = [each for each in graph_tools(graph) if each.name == name]
    return found[0] if len(found) == 1 else None


def _parts(graph: Any) -> Iterator[Any]:
    seen: set[int] = set()
    for node in getattr(graph, "nodes", {}).values():
        yield from _inside(node, seen, _DEEPEST)


def _inside(value: Any, seen: set[int], depth: int) -> Iterator[Any]:
    """The value, and what it holds or closes over; libraries are not entered."""
    if id(value) in seen or depth == 0 or isinstance(value, str | bytes | int | float | type(None)):
        return
    seen.add(id(value))
    yield value
    # A graph inside is looked into as deep as the one around it; `seen` ends what turns in a circle.
    depth = _DEEPEST if _is_graph(value) else depth
    for each in _held_by(value):
        yield from _inside(each, seen, depth - 1)


def _held_by(value: Any) -> Iterable[Any]:
    if isinstance(value, Mapping):
        return list(value.values())
    if isinstance(value, list | tuple | set | frozenset):
        return list(value)
    kind = type(value).__name__
    if _is_graph(value):
        return list(getattr(value, "builder", value).nodes.values())
    if kind in ("StateNodeSpec", "RunnableCallable", "RunnableSeq"):
        names = ("runnable", "func", "afunc", "bound", "steps")
        return [getattr(value, name, None) for name in names]
    return _held_by_function(value) if callable(value) else []


def _held_by_function(value: Any) -> list[Any]:
    """What a function closes over and what it names; what a method's object or a callable object keeps."""
    keeper = getattr(value, "__self__", None)
    held = list(vars(keeper).values()) if hasattr(keeper, "__dict__") else []
    function = getattr(value, "func", None) or getattr(value, "__func__", value)
    for cell in getattr(function, "__closure__", None) or ():
        try:
            held.append(cell.cell_contents)
        except ValueError:
            continue
    code, names = getattr(function, "__code__", None), getattr(function, "__globals__", {})
    held += [names[name] for name in getattr(code, "co_names", ()) if name in names]
    return [each for each in held if _worth_entering(each)]


def _worth_entering(value: Any) -> bool:
    module = type(value).__module__
    return module.startswith("graphwright.") or _is_graph(value) or isinstance(value, Mapping | list | tuple)


def _is_graph(value: Any) -> bool:
    return type(value).__name__ in ("StateGraph", "CompiledStateGraph")

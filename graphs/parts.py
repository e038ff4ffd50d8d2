"""Which agents and tools a graph is made of, found by looking into its nodes; nothing is run."""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, partial
from types import CodeType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from graphwright.agents import Agent
    from graphwright.tools import Tool

_DEEPEST = 6
_STANDARD = sysconfig.get_path("stdlib")


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


def is_wiring(tool: Tool) -> bool:
    """Whether a pattern made it, to hand work or the thread on; it reads nothing and changes nothing by itself."""
    return tool.source.startswith("graphwright.graphs.")


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
    return [*_kept_by(value), *(_held_by_function(value) if callable(value) else [])]


def _kept_by(value: Any) -> list[Any]:
    """What an object of somebody's own class keeps on itself, and what its methods name."""
    kind = type(value)
    if isinstance(value, FunctionType) or _is_library(kind.__module__):
        return []
    kept = [*getattr(value, "__dict__", {}).values(), *(getattr(value, name, None) for name in _slots(kind))]
    methods = [each for each in vars(kind).values() if isinstance(each, FunctionType)]
    return [each for each in (*kept, *methods) if _worth_entering(each)]


def _slots(kind: type) -> Iterable[str]:
    named = getattr(kind, "__slots__", ())
    return (named,) if isinstance(named, str) else named


def _held_by_function(value: Any) -> list[Any]:
    """What a function closes over and what it names; what a method's object or a callable object keeps."""
    keeper = getattr(value, "__self__", None)
    held = list(vars(keeper).values()) if hasattr(keeper, "__dict__") else []
    held += (
        [*getattr(value, "args", ()), *getattr(value, "keywords", {}).values()] if isinstance(value, partial) else []
    )
    function = getattr(value, "func", None) or getattr(value, "__func__", value)
    for cell in getattr(function, "__closure__", None) or ():
        try:
            held.append(cell.cell_contents)
        except ValueError:
            continue
    code, known = getattr(function, "__code__", None), getattr(function, "__globals__", {})
    names = list(dict.fromkeys(_names_in(code))) if code is not None else []
    found = [known[name] for name in names if name in known]
    modules = [each for each in found if isinstance(each, ModuleType) and not _is_library(each.__name__)]
    found += [getattr(module, name) for module in modules for name in names if hasattr(module, name)]
    return [each for each in (*held, *found, *([function] if function is not value else [])) if _worth_entering(each)]


def _names_in(code: CodeType) -> Iterator[str]:
    """The names that a function uses, and the functions written inside of it."""
    yield from code.co_names
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield from _names_in(each)


def _worth_entering(value: Any) -> bool:
    if isinstance(value, FunctionType):
        return not _is_library(value.__module__ or "")
    if isinstance(value, type | ModuleType):
        return False
    module = type(value).__module__
    return (
        module.startswith("graphwright.")
        or _is_graph(value)
        or isinstance(value, Mapping | list | tuple | partial)
        or not _is_library(module)
    )


@cache
def _is_library(module: str) -> bool:
    """Whether a module is nobody's here: installed, of Python, or ours but for the examples."""
    if module.startswith("graphwright."):
        return not module.startswith("graphwright.examples.")
    loaded = sys.modules.get(module)
    if loaded is None or module == "__main__":
        return False  # a file of a project, loaded by its path
    file = getattr(loaded, "__file__", None)
    return file is None or "site-packages" in file or file.startswith(_STANDARD)


def _is_graph(value: Any) -> bool:
    return type(value).__name__ in ("StateGraph", "CompiledStateGraph")

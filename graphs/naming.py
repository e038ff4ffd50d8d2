"""The name and the one sentence by which a graph is known to the graphs around it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from langgraph.graph import StateGraph

GraphT = TypeVar("GraphT", bound=StateGraph[Any, Any, Any, Any])


@dataclass(frozen=True, slots=True)
class GraphName:
    """What an uncompiled graph is called."""

    name: str
    description: str
    """What it is good for, in one sentence that others read before they hand over."""


_names: WeakKeyDictionary[StateGraph[Any, Any, Any, Any], GraphName] = WeakKeyDictionary()


def named(graph: GraphT, *, name: str, description: str) -> GraphT:
    """The same graph under this name, so that it can take part in another one."""
    _names[graph] = GraphName(name, description)
    return graph


def name_of(graph: StateGraph[Any, Any, Any, Any]) -> GraphName | None:
    """What the graph was last named, if anybody did."""
    return _names.get(graph)

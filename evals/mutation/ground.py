"""What operators work on: the graph, and what its cases do on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from graphwright.graphs import GraphEntry
from graphwright.graphs.parts import graph_tools, is_wiring

from .watching import Called, Lived


@dataclass(frozen=True)
class Ground:
    """A graph and its lived cases."""

    entry: GraphEntry
    graph: Any
    """Uncompiled; for looking, never changed."""
    lived: Sequence[Lived]
    """In the order of the suite; only cases that pass."""

    @cached_property
    def calls(self) -> list[Called]:
        """Every call of every case."""
        return [call for each in self.lived for call in each.calls]

    @cached_property
    def called(self) -> list[str]:
        """The tools that are called, each once."""
        return list(dict.fromkeys(each.tool.name for each in self.calls))

    @cached_property
    def tools(self) -> list[str]:
        """The graph's tools, called or not, and what its nodes call besides."""
        declared = [each.name for each in graph_tools(self.graph) if not is_wiring(each)]
        return list(dict.fromkeys([*declared, *self.called]))

    @cached_property
    def handoffs(self) -> list[tuple[str, str]]:
        """Agent and tool, where a model is offered what is no tool of the graph: ways to hand over, to end, to plan."""
        offered = {pair for each in self.lived for pair in each.offered}
        return sorted(pair for pair in offered if pair[1] not in self.tools)

    @cached_property
    def effects(self) -> list[Called]:
        """The first successful call of each tool with an effect."""
        found: dict[str, Called] = {}
        for each in self.calls:
            if each.tool.labels.effect != "read" and each.outcome.status == "success" and each.outcome.ran:
                found.setdefault(each.tool.name, each)
        return list(found.values())

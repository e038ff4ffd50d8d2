"""The levels of a graph: the graph itself, and every graph inside a node of it, an agent's loop among them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from langgraph.graph import END

from graphwright.agents import Agent


@dataclass(frozen=True, eq=False)
class Level:
    """One graph, where it is."""

    place: str
    """Path of the node that it is inside of; empty for the graph itself."""
    builder: Any

    def path(self, node: str) -> str:
        """The path of one of its nodes."""
        return f"{self.place}/{node}" if self.place else node

    @cached_property
    def edges(self) -> list[tuple[str, str]]:
        """From node to node, taken whenever the first comes to its end; joins of several are one for each."""
        joins = [(start, end) for starts, end in self.builder.waiting_edges for start in sorted(starts)]
        return [*sorted(self.builder.edges), *joins]

    @cached_property
    def branches(self) -> list[tuple[str, str]]:
        """From node to each node that it may choose: conditional edges, and destinations of nodes that say so."""
        found: dict[tuple[str, str], None] = {}
        for start, branches in self.builder.branches.items():
            for branch in branches.values():
                found.update(dict.fromkeys((start, end) for end in (branch.ends or {}).values()))
        for name, spec in self.builder.nodes.items():
            found.update(dict.fromkeys((name, end) for end in spec.ends or ()))
        return list(found)

    @cached_property
    def agent(self) -> Agent | None:
        """The agent whose loop this is."""
        spec = self.builder.nodes.get("model")
        if spec is None or "tools" not in self.builder.nodes:
            return None
        agent = getattr(getattr(getattr(spec.runnable, "afunc", None), "__self__", None), "agent", None)
        return agent if isinstance(agent, Agent) else None

    @cached_property
    def never_calls(self) -> str:
        """Why the agent of this loop can call no tool; empty where it can."""
        if self.agent is None:
            return ""
        if not len(self.agent.toolbox):
            return f"Agent {self.agent.name!r} has no tools."
        return f"Agent {self.agent.name!r} has one turn, and answers in it." if self.agent.max_turns <= 1 else ""

    def may_choose(self, node: str) -> frozenset[str]:
        """What one of its nodes chooses among."""
        return frozenset(target for source, target in self.branches if source == node)

    def always(self, node: str) -> frozenset[str]:
        """Where one of its nodes leads in any case."""
        return frozenset(target for source, target in self.edges if source == node)

    def ends_after(self, node: str) -> bool:
        """Whether its graph may end after this node because nothing else was chosen."""
        return END in self.may_choose(node)


def levels_of(graph: Any) -> list[Level]:
    """Every level of an uncompiled graph, the outermost first."""
    compiled = graph.compile()
    inner = compiled.get_subgraphs(recurse=True)
    return [Level("", compiled.builder), *(Level(place.replace("|", "/"), each.builder) for place, each in inner)]

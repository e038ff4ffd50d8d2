"""The plan of a run: which tools it may use, fixed before it reads anything."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The tools that a run, and each agent in it, may use."""

    tools: frozenset[str] | None = None
    """The run's declared tools; None if it declared none."""
    agents: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """The tools of each agent, compiled from the graph."""
    beyond: Literal["deny", "ask"] = "deny"
    """What happens to calls outside the declared tools once untrusted text was read. ``ask`` is for a run whose user
    hands it over to somebody's text ("do what the mail says"): nobody can know its tools beforehand."""

    def allows(self, tool: str, agent: str, toolbox: frozenset[str] | None) -> bool:
        """Whether the tool is in the plan; ``toolbox`` is None for calls of the graph's own code."""
        if self.tools is not None and tool not in self.tools:
            return False
        return self.is_at_hand(tool, agent, toolbox)

    def is_at_hand(self, tool: str, agent: str, toolbox: frozenset[str] | None) -> bool:
        """Whether the node that calls was given this tool, when the run began and now."""
        if toolbox is None:
            return True
        return tool in toolbox and tool in self.agents.get(agent, toolbox)


def compile_plan(
    signature: Mapping[str, Mapping[str, str]],
    tools: Iterable[str] | None = None,
    *,
    beyond: Literal["deny", "ask"] = "deny",
) -> Plan:
    """The plan of a run: what its graph's signature says about agents and tools, and the tools that it declares."""
    agents: dict[str, set[str]] = defaultdict(set)
    for name in signature.get("tool", {}):
        agent, _, tool = name.partition(".")
        agents[agent].add(tool)
    return Plan(
        tools=None if tools is None else frozenset(tools),
        agents={agent: frozenset(names) for agent, names in agents.items()},
        beyond=beyond,
    )

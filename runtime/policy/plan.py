"""The plan of a run: which tools it may use, fixed before it reads anything."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ..errors import RuntimeProblem

PLAN = "plan"
"""A run's option: ``{"tools": [...], "beyond": "deny" | "ask"}``, the tools that it declares."""


class PlanError(RuntimeProblem):
    """What a run declares as its plan is none. For whoever starts it; nothing was stored."""


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


def declared_plan(options: Mapping[str, Any]) -> tuple[list[str] | None, Literal["deny", "ask"]]:
    """The tools that a run declares, None if it declares none, and what happens to calls beyond them.

    Raises:
        PlanError: if the option is no plan.
    """
    told = options.get(PLAN) or {}
    tools, beyond = (told.get("tools"), told.get("beyond", "deny")) if isinstance(told, Mapping) else (told, "deny")
    is_list = isinstance(tools, list | tuple) and all(isinstance(each, str) for each in tools)
    unknown = sorted(set(told) - {"tools", "beyond"}, key=str) if isinstance(told, Mapping) else [told]
    if unknown or beyond not in ("deny", "ask") or not (tools is None or is_list):
        raise PlanError(
            f'The option {PLAN!r} of a run is {{"tools": [names], "beyond": "deny" or "ask"}}, not {str(told)[:200]}.'
        )
    return (None if tools is None else list(tools)), "ask" if beyond == "ask" else "deny"


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

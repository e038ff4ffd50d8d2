"""What is dangerous about a graph as it is declared, found before it runs: the three things that make a leak."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from graphwright.agents import Agent
from graphwright.runtime.policy.settings import PolicySettings
from graphwright.tools import Labels, Tool

from .parts import agents_of, graph_tools, is_wiring


def policy_findings(graph: Any, policy: PolicySettings | None = None) -> list[str]:
    """What an uncompiled graph, or agents that work together, should not combine; one sentence each.

    Untrusted input, private data and a way out are dangerous together, whichever agents hold them: what one has read,
    all have read. A gate is an approval on the way out, or settings that ask or deny.

    Args:
        graph: A graph, uncompiled, or a list of agents.
        policy: What the project's settings say about its tools.
    """
    held = {tool: tool.labels for tool in _tools(graph)}
    settled = policy.tools if policy is not None else {}
    held = {
        tool: settled[tool.name].labels(labels) if tool.name in settled else labels for tool, labels in held.items()
    }
    gated = {name for name, told in settled.items() if told.verdict in ("ask", "deny")}
    return [*_unlabelled(held), *_trifecta(held, gated)]


def _tools(graph: Any) -> list[Tool]:
    if isinstance(graph, Iterable):
        agents = [each for each in graph if isinstance(each, Agent)]
        return list(dict.fromkeys(tool for agent in agents for tool in agent.toolbox))
    return list(dict.fromkeys([*graph_tools(graph), *(tool for agent in agents_of(graph) for tool in agent.toolbox)]))


def _trifecta(held: Mapping[Tool, Labels], gated: Collection[str]) -> list[str]:
    reading = [tool for tool in held if not is_wiring(tool)]
    untrusted = [tool.name for tool in reading if not held[tool].trusted and held[tool].effect != "write"]
    private = [tool.name for tool, labels in held.items() if labels.private]
    leaving = [tool.name for tool, labels in held.items() if labels.effect == "egress" and labels.approval is None]
    exits = [name for name in leaving if name not in gated]
    if not (untrusted and private and exits):
        return []
    out = _some(exits)
    told = (
        f"It reads untrusted text ({_some(untrusted)}), holds private data ({_some(private)}) and sends out without a "
        f"gate ({out}). Give {out} an approval, or split the graph so that no run does all three."
    )
    return [told]


def _unlabelled(held: Mapping[Tool, Labels]) -> list[str]:
    unknown = Labels.unknown()
    return [
        f"Tool {tool.name!r} has no labels: it counts as destructive, sending out, and untrusted. Label it."
        for tool, labels in held.items()
        if labels == unknown
    ]


def _some(names: list[str], most: int = 4) -> str:
    shown = ", ".join(names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown

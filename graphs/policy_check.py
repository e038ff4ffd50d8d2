"""What is dangerous about a graph as it is declared, found before it runs: the three things that make a leak."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from graphwright.agents import Agent
from graphwright.tools import Labels, Tool

from .parts import agents_of, graph_tools


def policy_findings(graph: Any) -> list[str]:
    """What an uncompiled graph, or agents that work together, should not combine; one sentence each.

    Untrusted input, private data and a way out are dangerous together, whichever agents hold them: what one has read,
    all have read. A gate is an approval on the way out.

    Args:
        graph: A graph, uncompiled, or a list of agents.
    """
    tools = _tools(graph)
    return [*_unlabelled(tools), *_trifecta(tools)]


def _tools(graph: Any) -> list[Tool]:
    if isinstance(graph, Iterable):
        agents = [each for each in graph if isinstance(each, Agent)]
        return list(dict.fromkeys(tool for agent in agents for tool in agent.toolbox))
    return list(dict.fromkeys([*graph_tools(graph), *(tool for agent in agents_of(graph) for tool in agent.toolbox)]))


def _trifecta(tools: list[Tool]) -> list[str]:
    untrusted = [tool.name for tool in tools if not tool.labels.trusted and tool.labels.effect != "write"]
    private = [tool.name for tool in tools if tool.labels.private]
    exits = [tool.name for tool in tools if tool.labels.effect == "egress" and tool.labels.approval is None]
    if not (untrusted and private and exits):
        return []
    out = _some(exits)
    told = (
        f"It reads untrusted text ({_some(untrusted)}), holds private data ({_some(private)}) and sends out without a "
        f"gate ({out}). Give {out} an approval, or split the graph so that no run does all three."
    )
    return [told]


def _unlabelled(tools: list[Tool]) -> list[str]:
    unknown = Labels.unknown()
    return [
        f"Tool {tool.name!r} has no labels: it counts as destructive, sending out, and untrusted. Label it."
        for tool in tools
        if tool.labels == unknown
    ]


def _some(names: list[str], most: int = 4) -> str:
    shown = ", ".join(names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown

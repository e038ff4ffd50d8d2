"""OWASP's top ten of agentic applications (2026): which of them an attack tries."""

from __future__ import annotations

from collections.abc import Mapping

from graphwright.tools import Tool

from .goals import Goal
from .order import Kind

NAMES: Mapping[str, str] = {
    "ASI01": "agent goal hijack",
    "ASI02": "tool misuse",
    "ASI03": "identity and privilege abuse",
    "ASI04": "agentic supply chain",
    "ASI05": "unexpected code execution",
    "ASI06": "memory and context poisoning",
    "ASI07": "insecure communication between agents",
    "ASI08": "cascading failures",
    "ASI09": "exploitation of people's trust",
    "ASI10": "rogue agents",
}
_BY_KIND: Mapping[Kind, str] = {"memory": "ASI06", "description": "ASI04", "agent": "ASI07"}
_CODE = frozenset({"code", "program", "script", "command", "sql"})
"""Parameters that take a program."""


def numbers_of(kind: Kind, goal: Goal, tools: Mapping[str, Tool], readers: frozenset[str]) -> tuple[str, ...]:
    """Which of the ten an attack tries, the most telling one first.

    Args:
        kind: What the words come in.
        goal: What they want.
        tools: Of the graph, by name.
        readers: Tools that whoever reads the words was given.
    """
    found = ["ASI01"]
    wanted = [tools[step.tool] for step in goal.steps if step.tool in tools]
    if kind in _BY_KIND:
        found.append(_BY_KIND[kind])
    if any(each.name not in readers for each in wanted):
        # The reader was not given the tool: somebody else has to be talked into it, or it steps out of its lane.
        found += ["ASI07", "ASI10"]
    if any(each.labels.effect != "read" for each in wanted):
        found.append("ASI02")
    if any(each.labels.roles or each.labels.approval is not None for each in wanted):
        found += ["ASI03", "ASI09"]
    if any(_CODE & set(each.parameters.get("properties", {})) for each in wanted):
        found.append("ASI05")
    if len(wanted) > 1:
        found.append("ASI08")
    if goal.answer:
        found.append("ASI09")
    ranked = sorted(set(found), key=lambda number: (number in ("ASI01", "ASI02"), number))
    return tuple(ranked)

"""The three reviewers, the writer who revises, and the checker who accepts."""

from __future__ import annotations

from graphwright.agents import Agent
from graphwright.graphs.patterns import Verdict
from graphwright.prompts import prompt

from .tools import check_clarity, check_costs, check_security, list_sections, read_section

security = Agent(
    name="security",
    description="Reviews the security of a design.",
    prompt=prompt("council/reviewer", lane="security", tool=check_security.name),
    tools=(check_security, list_sections, read_section),
    max_turns=6,
)

cost = Agent(
    name="cost",
    description="Reviews the costs of a design.",
    prompt=prompt("council/reviewer", lane="costs", tool=check_costs.name),
    tools=(check_costs, list_sections, read_section),
    max_turns=6,
)

clarity = Agent(
    name="clarity",
    description="Reviews the clarity of a design.",
    prompt=prompt("council/reviewer", lane="clarity", tool=check_clarity.name),
    tools=(check_clarity, list_sections, read_section),
    max_turns=6,
)

writer = Agent(
    name="writer",
    description="Revises a design by its findings.",
    prompt=prompt("council/writer"),
)

checker = Agent(
    name="checker",
    description="Says whether a revision answers every finding and changes nothing else.",
    prompt=prompt("council/checker"),
    output=Verdict,
)

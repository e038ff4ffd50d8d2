"""Rules: what code can find in a design. Each looks at the text and gives the places where it is broken."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from .document import open_points, section
from .findings import Finding, Lane, quoted
from .rules_clarity import CLARITY
from .rules_cost import COST
from .rules_security import SECURITY

Look = Callable[[str], Iterator[tuple[str, str]]]
"""Gives (section, quotation) for each place of a text where a rule is broken."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that is wrong in a design, and what to do about it."""

    name: str
    lane: Lane
    advice: str
    look: Look
    blocks: bool = False
    """Whether a person is asked what to think of it before the design is revised."""

    def findings(self, text: str) -> list[Finding]:
        """Where the text breaks it."""
        return [Finding(self.name, place, quoted(quote), self.advice) for place, quote in self.look(text)]


RULES: tuple[Rule, ...] = tuple(
    Rule(name, lane, advice, look, blocks)  # type: ignore[arg-type]  # the lanes are written out below
    for lane, rules in (("security", SECURITY), ("cost", COST), ("clarity", CLARITY))
    for name, advice, look, blocks in rules
)
BLOCKING = frozenset(rule.name for rule in RULES if rule.blocks)


def review(text: str, lane: Lane | None = None) -> list[Finding]:
    """Everything that the rules (of one lane) find in a design."""
    return [found for rule in RULES if lane in (None, rule.lane) for found in rule.findings(text)]


def unresolved(text: str) -> list[Finding]:
    """What the rules find and no open point of the same section speaks of."""
    return [each for each in review(text) if each.rule not in _points(text, each.section)]


def _points(text: str, name: str) -> set[str]:
    found = section(text, name)
    return open_points(found.body) if found else set()

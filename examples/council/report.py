"""What a person reads: a table of the findings and what became of them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from .document import open_points, section
from .findings import Finding, Status, quoted_text
from .rules import RULES, review
from .state import CouncilState

_RULES = frozenset(rule.name for rule in RULES)
_WORDS = {"fixed": "fixed", "open": "open point", "waived": "accepted by a person"}
MAX_QUOTE = 60


def judged(findings: Sequence[Finding], revised: str, accepted: frozenset[str]) -> list[dict[str, Any]]:
    """Each finding as plain data with its ``status`` in the revised document."""
    left = {(each.rule, each.section, each.quote) for each in review(revised)}
    return [{**each.plain(), "status": _status(each, revised, accepted, left)} for each in findings]


def _status(finding: Finding, revised: str, accepted: frozenset[str], left: set[tuple[str, str, str]]) -> Status:
    if finding.rule in accepted:
        return "waived"
    found = section(revised, finding.section)
    if found and finding.rule in open_points(found.body):
        return "open"
    if finding.rule in _RULES:
        return "open" if (finding.rule, finding.section, finding.quote) in left else "fixed"
    return "open" if finding.quote in quoted_text(revised) else "fixed"


def slug(text: str) -> str:
    """A title as the name of a file."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:60].strip("-") or "design"


def table(findings: Sequence[Mapping[str, Any]]) -> str:
    """The findings as a Markdown table."""
    rows = [
        f"| {each['rule']} | {each['section']} | {_cell(each['quote'])} | {_WORDS.get(each.get('status', ''), '')} |"
        for each in findings
    ]
    return "\n".join(["| finding | section | where | what became of it |", "|---|---|---|---|", *rows])


def _cell(text: str) -> str:
    plain = text.replace("|", "\\|")
    return plain if len(plain) <= MAX_QUOTE else f"{plain[: MAX_QUOTE - 1]}…"


def summary(state: CouncilState, name: str) -> str:
    """The whole report."""
    findings = state["findings"]
    counts = ", ".join(
        f"{number} {words}"
        for status, words in _WORDS.items()
        if (number := sum(each["status"] == status for each in findings))
    )
    ending = f"Published: {state['published']}" if state.get("published") else "Not published."
    parts = [f"# {name}: {len(findings)} findings ({counts})", table(findings), state.get("warning", ""), ending]
    return "\n\n".join(filter(None, parts))

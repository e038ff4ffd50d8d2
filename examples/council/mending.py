"""Mend what code can mend, and write down as an open point what only people can decide. Pure functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .document import OPEN_POINT, owner, section, with_section
from .findings import Finding
from .rules_cost import cost_rows, total_of

ACCEPTED = "Accepted: "
"""How the advice of a finding begins that a person has waived."""


def mend(document: str, findings: Sequence[Finding]) -> str:
    """The document with every finding either corrected or marked.

    Addresses and sums are corrected. Anything else needs a decision: the section gets a line that says which, and
    whose it is. A finding that was waived is marked as accepted.
    """
    text = document
    for each in findings:
        repair = None if each.advice.startswith(ACCEPTED) else _REPAIRS.get(each.rule)
        text = repair(text, each) if repair else marked(text, each)
    return text


def marked(document: str, finding: Finding) -> str:
    """The document with an open point about a finding at the end of its section, once for each rule."""
    found = section(document, finding.section)
    body = found.body if found else "\n"
    if any(each["rule"] == finding.rule for each in OPEN_POINT.finditer(body)):
        return document
    if finding.advice.startswith(ACCEPTED):
        line = f"> Accepted [{finding.rule}]: {finding.advice.removeprefix(ACCEPTED)}"
    else:
        line = f"> Open point [{finding.rule}]: {finding.advice} Owner: {owner(document)}."
    return with_section(document, finding.section, f"{body.rstrip()}\n\n{line}\n\n").rstrip() + "\n"


def _with_https(document: str, finding: Finding) -> str:
    found = section(document, finding.section)
    if found is None or finding.quote not in found.body:
        return document
    body = found.body.replace(finding.quote, finding.quote.replace("http://", "https://", 1))
    return with_section(document, finding.section, body)


def _with_products(document: str, _finding: Finding) -> str:
    text = document
    for row, units, price, monthly in cost_rows(document):
        if units * price != monthly:
            text = _replaced(text, " | ".join(row), " | ".join([*row[:3], f"{units * price:,.2f}", *row[4:]]))
    return text


def _with_sum(document: str, _finding: Finding) -> str:
    total = total_of(document)
    if total is None:
        return document
    return _replaced(
        document, total[0], f"Total: {sum(monthly for *_, monthly in cost_rows(document)):,.2f} EUR a month."
    )


def _replaced(document: str, old: str, new: str) -> str:
    found = section(document, "Costs")
    return document if found is None else with_section(document, "Costs", found.body.replace(old, new, 1))


_REPAIRS: dict[str, Callable[[str, Finding], str]] = {
    "plain-http": _with_https,
    "wrong-product": _with_products,
    "wrong-sum": _with_sum,
}

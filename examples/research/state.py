"""The state of the research graph: plain data only, so that every checkpoint can be read."""

from __future__ import annotations

from typing import Annotated, Any

from typing_extensions import TypedDict


class Source(TypedDict):
    """A chunk that was retrieved in this run and may be cited."""

    number: int
    id: str
    source: str
    heading: str
    text: str


class Assignment(TypedDict):
    """What one researcher is sent."""

    place: int
    """Which sub-question, from 0; findings keep the plan's order, not the order of arrival."""
    question: str


class Finding(Assignment):
    """What one researcher reports."""

    answer: str
    hits: list[dict[str, Any]]
    error: str


def merge_findings(known: list[Finding] | None, new: list[Finding] | None) -> list[Finding]:
    """One finding for each sub-question, in the plan's order."""
    by_place = {each["place"]: each for each in [*(known or []), *(new or [])]}
    return [by_place[place] for place in sorted(by_place)]


class ResearchState(TypedDict, total=False):
    """From a question to a report."""

    question: str
    plan: list[str]
    findings: Annotated[list[Finding], merge_findings]
    sources: list[Source]
    draft: str
    objections: list[str]
    """What the newest check wants changed; empty when it passed."""
    round: int
    """How many drafts were written."""
    report: str
    """The finished report as Markdown."""
    published: str
    """Where the report was written; empty if a person did not approve it."""

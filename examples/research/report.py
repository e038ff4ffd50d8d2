"""From findings to numbered sources, to the writer's task, to the finished Markdown report."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from typing import Any

from .citations import cited_numbers
from .state import Finding, ResearchState, Source

HITS_PER_QUESTION = 4
"""The best hits of each sub-question that the writer is given."""


def number_sources(findings: Sequence[Finding]) -> list[Source]:
    """The chunks that were retrieved in this run, numbered from 1: the best of each sub-question, the second best ...

    A chunk found twice is one source.
    """
    chosen: dict[str, dict[str, Any]] = {}
    for hits in zip_longest(*(finding["hits"][:HITS_PER_QUESTION] for finding in findings)):
        for hit in hits:
            if hit is not None:
                chosen.setdefault(hit["id"], hit)
    return [
        {
            "number": number,
            "id": hit["id"],
            "source": hit["source"],
            "heading": hit.get("heading") or hit.get("title") or "",
            "text": hit["text"],
        }
        for number, hit in enumerate(chosen.values(), 1)
    ]


def writing_task(state: ResearchState, sources: Sequence[Source]) -> str:
    """What the writer (and the checker) is given: question, parts, numbered sources, and what to mend."""
    parts = [f"# Question\n\n{state['question']}"]
    parts.append("# Sub-questions\n\n" + "\n".join(f"- {each}" for each in state["plan"]))
    shown = "\n\n".join(f"[{each['number']}] {_label(each)}\n{_quoted(each['text'])}" for each in sources)
    parts.append(f"# Sources\n\n{shown or 'None were found.'}")
    if state.get("objections"):
        parts.append("# Draft to mend\n\n" + state["draft"])
        parts.append("# Objections\n\n" + "\n".join(f"- {each}" for each in state["objections"]))
    return "\n\n".join(parts)


def finished_report(state: ResearchState, objections: Sequence[str], *, offline: bool) -> str:
    """The report as Markdown: the draft, a warning if the check never passed, and the sources it cites."""
    lines = [f"# {state['question']}", "", state["draft"].strip(), ""]
    failed = [finding for finding in state["findings"] if finding["error"]]
    if objections or failed:
        lines.append("> **Quality warning.** This report was published with open objections:")
        lines.extend(f"> - {each}" for each in objections)
        lines.extend(f"> - Research on {each['question']!r} failed: {each['error']}" for each in failed)
        lines.append("")
    used = _cited(state["draft"], state["sources"])
    if used:
        # In the draft's own brackets: numbers with gaps would be renumbered as a Markdown list.
        lines.extend(["## Sources", ""])
        lines.extend(f"- [{source['number']}] {_label(source)} (`{source['id']}`)" for source in used)
        lines.append("")
    if offline:
        lines.append("_Written by the offline model, which quotes and does not reason; citations checked by code._")
        lines.append("")
    return "\n".join(lines)


def cited_sources(draft: str, sources: Sequence[Source]) -> str:
    """The sources that a draft cites, one a line, for whoever watches."""
    return "\n".join(f"[{each['number']}] {_label(each)}" for each in _cited(draft, sources))


def _cited(draft: str, sources: Sequence[Source]) -> list[Source]:
    cited = set(cited_numbers(draft))
    return [source for source in sources if source["number"] in cited]


def _quoted(text: str) -> str:
    """A source as a Markdown quotation: its own headings and lists cannot be taken for those of the task."""
    return "\n".join(f"> {line}" for line in text.splitlines())


def _label(source: Source) -> str:
    return f"{source['source']} — {source['heading']}" if source["heading"] else source["source"]

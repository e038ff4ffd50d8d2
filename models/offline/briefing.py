"""Writes from sources that stand in the request itself: numbered passages under a heading, and questions to answer.

The layout is the common one of retrieval-augmented prompts: Markdown sections, of which one holds blocks that
begin with ``[1] source — heading`` (their text plain or quoted by ``>``), and one the question, perhaps as a list of
sub-questions.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from .answer import Quote, quotes
from .passages import Passage

QUOTES_PER_QUESTION = 4
_SECTION = re.compile(r"^#{1,3} +(?P<title>[^\n]{1,200})$", re.M)
_BLOCK = re.compile(r"^\[(?P<number>\d{1,3})\] *(?P<origin>[^\n]{0,300})$", re.M)
_ITEM = re.compile(r"^ *(?:[-*]|\d{1,2}[.)]) +(?P<text>[^\n]{3,500})$", re.M)
_QUOTED = re.compile(r"^> ?", re.M)
_SOURCES = re.compile(r"\b(?:sources?|passages?|context|documents?|references?)\b", re.I)
_QUESTIONS = re.compile(r"\bquestions?\b", re.I)


@dataclass(frozen=True, slots=True)
class Briefing:
    """What a request brings along: what is asked, and the passages to answer it from."""

    questions: Sequence[str]
    sources: Sequence[Passage]


def briefing(request: str) -> Briefing | None:
    """The questions and numbered sources of a request, or None if it does not carry any."""
    sections = _sections(request)
    sources = [passage for title, body in sections if _SOURCES.search(title) for passage in _numbered(body)]
    asked = [body for title, body in sections if _QUESTIONS.search(title) and not _SOURCES.search(title)]
    if not sources or not asked:
        return None
    listed = [item["text"].strip() for body in asked for item in _ITEM.finditer(body)]
    return Briefing(tuple(dict.fromkeys(listed)) or (asked[0].strip(),), tuple(sources))


def written(brief: Briefing) -> str:
    """Each question under a heading, answered by quotations with the number of their source."""
    said: set[str] = set()
    parts = []
    for question in brief.questions:
        best = [each for each in quotes(question, brief.sources, 2 * QUOTES_PER_QUESTION) if each.text not in said]
        chosen = best[:QUOTES_PER_QUESTION]
        said.update(each.text for each in chosen)
        body = "\n".join(map(_line, chosen)) if chosen else "The sources do not answer this."
        parts.append(body if len(brief.questions) == 1 else f"## {question}\n\n{body}")
    return "\n\n".join(parts)


def _line(quote: Quote) -> str:
    text = " ".join(quote.text.split())
    return f"{text}{'' if text[-1:] in '.!?:' else '.'} [{quote.passage.label}]"


def _sections(request: str) -> list[tuple[str, str]]:
    """Sections that begin at a heading; headings inside numbered source blocks belong to their source."""
    heads = list(_SECTION.finditer(request))
    top = min((len(head[0]) - len(head[0].lstrip("#")) for head in heads), default=0)
    heads = [head for head in heads if len(head[0]) - len(head[0].lstrip("#")) == top]
    ends = [*(head.start() for head in heads[1:]), len(request)][: len(heads)]
    return [(head["title"], request[head.end() : end]) for head, end in zip(heads, ends, strict=True)]


def _numbered(body: str) -> list[Passage]:
    heads = list(_BLOCK.finditer(body))
    ends = [*(head.start() for head in heads[1:]), len(body)][: len(heads)]
    found = []
    for head, end in zip(heads, ends, strict=True):
        source, _, title = head["origin"].partition(" — ")
        text = _QUOTED.sub("", body[head.end() : end]).strip()
        found.append(Passage(text, head["number"], source.strip(), title.strip()))
    return found

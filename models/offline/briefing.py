"""Writes from sources that stand in the request itself: numbered passages under a heading, and questions to answer.

The layout is the common one of retrieval-augmented prompts: Markdown sections, of which one holds blocks that
begin with ``[1] source — heading`` (their text plain or quoted by ``>``), and one the question, perhaps as a list of
sub-questions. What a section of objections quotes from an earlier draft is left out of the next one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .passages import CAP, Passage
from .quoting import Quote, in_reading_order, quotes

QUOTES_PER_QUESTION = 4
UNANSWERED = "The sources do not answer this."
_SECTION = re.compile(r"^(?P<marks>#{1,3}) +(?P<title>\S.{0,199})$")
_BLOCK = re.compile(r"^\[(?P<number>\d{1,3})\](?: (?P<origin>.{0,400}))?$")
_ITEM = re.compile(r"^ {0,3}(?:[-*]|\d{1,2}[.)]) (?P<text>\S.{1,500})$")
_NUMBER = re.compile(r"\[(\d{1,3})\]")
_SOURCES = re.compile(r"\b(?:sources?|passages?|context|documents?|references?)\b", re.I)
_QUESTIONS = re.compile(r"\bquestions?\b", re.I)
_OBJECTIONS = re.compile(r"\bobjections?\b", re.I)
_REMARK = 60
"""Characters that a section of sources may have and still hold none."""
_OBJECTED = 60
"""Characters of a sentence by which an objection is recognised to quote it."""


@dataclass(frozen=True, slots=True)
class Briefing:
    """What a request brings along: what is asked, and the passages to answer it from."""

    questions: Sequence[str]
    sources: Sequence[Passage]
    objections: str = ""
    """What was wrong with an earlier draft, in its own words."""


def briefing(request: str) -> Briefing | None:
    """The questions and numbered sources of a request, or None if it does not carry both. Takes linear time."""
    sections = _sections(request.splitlines())
    given = [body for title, body in sections if _SOURCES.search(title)]
    sources = [passage for body in given for passage in _numbered(body)]
    asked = [body for title, body in sections if _QUESTIONS.search(title) and not _SOURCES.search(title)]
    if not asked or not (sources or _says_none(given)):
        return None
    listed = [found["text"].strip() for body in asked for line in body if (found := _ITEM.match(line))]
    whole = " ".join(" ".join(asked[0]).split())[:4_000]
    questions = tuple(dict.fromkeys(listed)) or (whole,)
    objections = "\n".join(line for title, body in sections if _OBJECTIONS.search(title) for line in body)
    return Briefing(questions, tuple(sources), objections) if questions[0] else None


def _says_none(given: Sequence[Sequence[str]]) -> bool:
    """Whether there is a place for sources, with no more in it than a remark that there are none."""
    return bool(given) and sum(len(line) for body in given for line in body) <= _REMARK


def written(brief: Briefing) -> str:
    """Each question under a heading, answered by quotations with the number of their source."""
    parts = []
    for question, chosen in zip(
        brief.questions, _shared([_fitting(each, brief) for each in brief.questions]), strict=True
    ):
        body = "\n".join(map(_line, in_reading_order(chosen))) or UNANSWERED
        parts.append(body if len(brief.questions) == 1 else f"## {question}\n\n{body}")
    return "\n\n".join(parts)


def _fitting(question: str, brief: Briefing) -> list[Quote]:
    found = quotes(question, brief.sources, 2 * QUOTES_PER_QUESTION)
    return [quote for quote in found if quote.text[:_OBJECTED] not in brief.objections]


def _shared(fitting: Sequence[Sequence[Quote]]) -> list[list[Quote]]:
    """Each sentence goes to the question that it fits best; a question left with none keeps its best all the same."""
    offers = [(quote.score / found[0].score, -place, quote) for place, found in enumerate(fitting) for quote in found]
    chosen: list[list[Quote]] = [[] for _ in fitting]
    taken: set[str] = set()
    for _, place, quote in sorted(offers, key=lambda offer: (-offer[0], -offer[1], offer[2].order)):
        if quote.text not in taken and len(chosen[-place]) < QUOTES_PER_QUESTION:
            chosen[-place].append(quote)
            taken.add(quote.text)
    return [own or list(found[:1]) for own, found in zip(chosen, fitting, strict=True)]


def _line(quote: Quote) -> str:
    # A number in brackets within the source's own text would read as a citation.
    text = _NUMBER.sub(r"(\1)", quote.text)
    return f"{text}{'' if text[-1:] in '.!?:' else '.'} [{quote.passage.label}]"


def _sections(lines: Sequence[str]) -> list[tuple[str, list[str]]]:
    """Sections by their title; only headings of the highest level used begin one, deeper ones are text."""
    heads = [(at, found) for at, line in enumerate(lines) if (found := _SECTION.match(line))]
    top = min((len(found["marks"]) for _, found in heads), default=0)
    heads = [(at, found) for at, found in heads if len(found["marks"]) == top]
    ends = [*(at for at, _ in heads[1:]), len(lines)][: len(heads)]
    return [(found["title"], list(lines[at + 1 : end])) for (at, found), end in zip(heads, ends, strict=True)]


def _numbered(body: Sequence[str]) -> Iterator[Passage]:
    """The blocks of a section; numbers rise, so that a lower one in a source's text does not begin another."""
    heads: list[tuple[int, re.Match[str]]] = []
    for at, line in enumerate(body):
        found = _BLOCK.match(line)
        if found and (not heads or int(found["number"]) > int(heads[-1][1]["number"])):
            heads.append((at, found))
    ends = [*(at for at, _ in heads[1:]), len(body)][: len(heads)]
    for (at, found), end in zip(heads, ends, strict=True):
        source, _, title = (found["origin"] or "").partition(" — ")
        text = "\n".join(re.sub(r"^> ?", "", line) for line in body[at + 1 : end]).strip()
        yield Passage(text[:CAP], found["number"], source.strip(), title.strip())

"""Which sentences of some passages answer a question, by its words; none where they do not answer it.

A sentence is compared together with the heading or symbol above it. Rare words of the question count more; what a
passage is named after counts most: a question that names a symbol wants its definition.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence, Set
from dataclasses import dataclass, replace

from .lexicon import STOP, bag
from .passages import Passage
from .prose import Sentence, prose
from .tokens import concept, content_stems, stems_of

ANSWERED = 0.5
"""Share of the question's words, by weight, that the best passage must have for the passages to answer it."""
BESIDE, ELSEWHERE, ASIDE = 0.65, 0.72, 0.9
"""Share of the best score that a sentence needs: in the best one's passage; in another; in another although the
question names what the best one is about."""
SAME = 0.7
"""Two sentences that share this much of their words say the same."""
_POOL = 2_000
_REST = 4
_ASKED = stems_of(
    bag(
        """
        explain describe summarize summarise write report answer question tell research compare happen work mean
        difference differ way often long thing kind sort exactly actually
        """
    )
)
_PARAMETERS = stems_of(bag("parameter argument option attribute field setting return raise error exception keyword"))
_PHRASES = ((re.compile(r"\b(?:turn|switch)(?:s|ed|ing)?\s+on\b", re.I), "enable"),)
_ABOUT = re.compile(r"(?:(?:this|the following) (?:module|file|package|section|page)|see|for more)\b", re.I)
_CODELIKE = re.compile(r"[{}<>]{2,}|\w\(\)|==|\w=\w|\\n")


@dataclass(frozen=True, slots=True)
class Quote:
    """A sentence, how well it fits the question (0 to about 1.5), and where it stands."""

    text: str
    score: float
    passage: Passage
    order: int
    """Its place among all sentences that were compared: by passage, then within the passage."""


@dataclass(frozen=True, slots=True)
class _Read:
    """A sentence that was read, with what it is compared by."""

    passage: Passage
    rank: int
    said: Sentence
    stems: frozenset[str]


def quotes(question: str, found: Sequence[Passage], limit: int = 4) -> list[Quote]:
    """The best sentences for a question, best first, no two that say the same; empty if nothing answers it."""
    for pattern, word in _PHRASES:
        question = pattern.sub(word, question[:4_000])
    pool = _pool(found, question)
    weight = _weights(question, pool)
    covers = _covers(found, pool, weight)
    if max(covers.values(), default=0.0) < ANSWERED:
        return []
    wants_fields = bool(_PARAMETERS & set(content_stems(question)))
    scored = [
        Quote(
            read.said.text,
            _score(read, question, weight, covers[id(read.passage)], wants_fields=wants_fields),
            read.passage,
            order,
        )
        for order, read in enumerate(pool)
    ]
    ranked = sorted(scored, key=lambda quote: (-round(quote.score, 6), quote.order))
    return _distinct([quote for quote in ranked if quote.score >= _least(quote, ranked[0], question)], limit)


def _least(quote: Quote, best: Quote, question: str) -> float:
    """The score that a sentence needs beside the best one."""
    if quote.passage is best.passage:
        return max(0.2, BESIDE * best.score)
    return max(0.2, best.score * (ASIDE if _named(best.passage.title, question) == 1.0 else ELSEWHERE))


def in_reading_order(chosen: Sequence[Quote]) -> list[Quote]:
    """Quotes passage by passage, that of the best quote first, each passage's in its own order."""
    places: dict[Passage, int] = {}
    for quote in chosen:
        places.setdefault(quote.passage, len(places))
    return sorted(chosen, key=lambda quote: (places[quote.passage], quote.order))


def _pool(found: Sequence[Passage], question: str) -> list[_Read]:
    reads: list[_Read] = []
    for rank, passage in enumerate(found):
        names = f"{_last_names(passage.title)} {_within(passage, question)}"
        for said in prose(passage.text)[:200]:
            stems = _stems(f"{said.text} {_last_names(said.heading)} {names}")
            reads.append(_Read(passage, rank, _late(said, passage), stems))
    return reads[:_POOL]


def _within(passage: Passage, question: str) -> str:
    """The names in the question that a passage lies within: of "LangGraph", all of `langgraph/types.py` speaks."""
    around = re.findall(r"[a-z0-9]+", f"{passage.source} {passage.title}".lower())
    named = dict.fromkeys(
        word for word in re.findall(r"[A-Za-z0-9]{4,40}", question[:2_000]) if word.lower() not in STOP
    )
    return " ".join(word for word in named if any(part.startswith(word.lower()) for part in around))


def _late(said: Sentence, passage: Passage) -> Sentence:
    """A symbol's passage that does not begin with its signature is the rest of a longer text: no definition."""
    is_rest = not said.heading and re.fullmatch(r"\w+(?:\.\w+)+", passage.title)
    return replace(said, place=said.place + _REST) if is_rest else said


def coverage(question: str, found: Sequence[Passage]) -> float:
    """The share of the question's words, by weight, that the best passage has."""
    pool = _pool(found, question)
    return max(_covers(found, pool, _weights(question, pool)).values(), default=0.0)


def _covers(found: Sequence[Passage], pool: Sequence[_Read], weight: dict[str, float]) -> dict[int, float]:
    """For each passage, by its `id()`, the share of the question's words that it has anywhere."""
    stems = {id(passage): set(_stems(f"{passage.title} {passage.source}")) for passage in found}
    for read in pool:
        stems[id(read.passage)] |= read.stems
    return {each: _cover(has, weight) for each, has in stems.items()}


def _weights(question: str, pool: Sequence[_Read]) -> dict[str, float]:
    """How much each word of the question counts: the rarer among the sentences, the more."""
    asked = list(dict.fromkeys(concept(s) for s in content_stems(question) if s not in _ASKED))
    spread = {each: sum(each in read.stems for read in pool) for each in asked}
    return {each: math.log(1 + (len(pool) + 1) / (1 + count)) for each, count in spread.items()}


def _cover(stems: Set[str], weight: dict[str, float]) -> float:
    total = sum(weight.values())
    return sum(value for each, value in weight.items() if each in stems) / total if total else 0.0


def _score(read: _Read, question: str, weight: dict[str, float], cover: float, *, wants_fields: bool) -> float:
    named = _named(read.said.heading or read.passage.title, question)
    score = 0.6 * _cover(read.stems, weight) + 0.3 * cover + 0.05 / (1 + read.rank)
    score += 0.5 * named * (0.8**read.said.place)
    if read.said.is_field and not wants_fields and read.said.text.partition(":")[0] not in question:
        score *= 0.6
    return score - _oddity(read.said.text)


def _named(heading: str, question: str) -> float:
    """How surely a question names what a passage is headed by: 1 for its exact name, less for an ordinary word."""
    name = re.split(r"[.>/]", heading)[-1].strip(" `()")
    if len(name) < 3:
        return 0.0
    found = re.search(rf"(?<!\w){re.escape(name)}(?!\w)", question, re.I)
    if found is None:
        return 0.4 if name.isalpha() and _stems(name) & _stems(question) == _stems(name) != frozenset() else 0.0
    return 1.0 if found[0] == name else 0.5


def _last_names(heading: str) -> str:
    """The last two parts of a dotted name or of a path of headings; the rest says where it belongs."""
    return " ".join(re.split(r"\.|\s>\s", heading)[-2:])


def _oddity(text: str) -> float:
    """A little against code, fragments and very long sentences."""
    ended = bool(re.search(r"[.!?)`\"']$", text))
    short = 0.3 if not ended and text[:1].islower() else 0.15 if not ended or len(text) < 25 else 0.0
    opens = 0.1 if text.endswith(":") else 0.0
    about = 0.1 if _ABOUT.match(text) else 0.0
    return short + opens + about + (0.1 if len(text) > 400 else 0.0) + (0.1 if _CODELIKE.search(text) else 0.0)


def _distinct(ranked: Sequence[Quote], limit: int) -> list[Quote]:
    kept: list[tuple[Quote, frozenset[str]]] = []
    for quote in ranked:
        if len(kept) == limit:
            break
        stems = _stems(quote.text)
        if all(len(stems & other) < SAME * max(1, min(len(stems), len(other))) for _, other in kept):
            kept.append((quote, stems))
    return [quote for quote, _ in kept]


def _stems(text: str) -> frozenset[str]:
    """Concepts of a text's words; of an identifier, its parts."""
    return frozenset(concept(s) for s in content_stems(text))

"""Answers by quotation: the sentences that fit the question best, each with the number of its source."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from .lexicon import bag
from .passages import Passage, passages
from .tokens import concept, content_stems, stems_of

CANNOT = "I cannot answer this from what I have"
_SENTENCE = re.compile(r"(?<=[.!?])[\"')\]]*\s+(?=[A-Z\d\"'(\[`])|\n+")
_WRAPPED = re.compile(r"(?<=[^\s.!?:;|>])(?<=[^\n]{48})[ \t]*\n[ \t]*(?=[A-Za-z`\"'(\[])(?![-*+#>|])")
_ASKED = stems_of(bag("explain describe summarize summarise write report answer question tell research compare"))


@dataclass(frozen=True, slots=True)
class Quote:
    """A sentence, how well it fits the question (0 to about 1), and where it stands."""

    text: str
    score: float
    passage: Passage
    order: int


def sentences(text: str) -> list[str]:
    """Sentences and list items of a text, markup of headings and lists removed, wrapped lines joined."""
    parts = (re.sub(r"^\s*(?:[-*+]|#+|\d+[.)])\s+", "", part).strip() for part in _SENTENCE.split(unwrapped(text)))
    return [part for part in parts if len(part) > 2]


def unwrapped(text: str) -> str:
    """Lines that were broken at a margin joined again: a long line that ends in the middle of a sentence."""
    return _WRAPPED.sub(" ", text)


def quotes(question: str, found: Sequence[Passage], limit: int = 4) -> list[Quote]:
    """The best sentences for a question, best first; 'title: sentence' is what is compared."""
    asked = [s for s in content_stems(question) if s not in _ASKED]
    pool = [
        (p, s, {concept(t) for t in content_stems(f"{p.title}: {s}")}) for p in found for s in sentences(p.text)[:200]
    ][:2_000]
    spread = {concept(a): sum(concept(a) in have for *_, have in pool) for a in asked}
    weight = {a: math.log(1 + len(pool) / (1 + n)) for a, n in spread.items()}
    total = sum(weight.values()) or 1.0
    scored = [
        Quote(text, sum(weight[a] for a in weight if a in have) / total - _oddity(text), passage, order)
        for order, (passage, text, have) in enumerate(pool)
    ]
    scored = [q for q in scored if q.score > 0]
    scored.sort(key=lambda q: (-round(q.score, 6), q.order))
    best = scored[0].score if scored else 0.0
    return _distinct([q for q in scored if q.score >= max(0.6 * best, 0.15)], limit)


def _oddity(text: str) -> float:
    """A little against code, fragments and very long sentences."""
    short = 0.15 if len(text) < 25 or not re.search(r"[.!?:]$", text) else 0.0
    return short + (0.1 if len(text) > 400 else 0.0) + (0.1 if re.search(r"[{}=<>]{2,}|\(\)", text) else 0.0)


def _distinct(ranked: Sequence[Quote], limit: int) -> list[Quote]:
    kept: list[Quote] = []
    for quote in ranked:
        if len(kept) < limit and all(quote.text != other.text for other in kept):
            kept.append(quote)
    return kept


def cited(chosen: Sequence[Quote]) -> str:
    """Quotations with numbers, then the numbered sources; a result's own number is kept."""
    numbers: dict[Passage, str] = {}
    taken = {q.passage.label for q in chosen if q.passage.label.isdigit()}
    lines = []
    for quote in chosen:
        if quote.passage not in numbers:
            free = (str(n) for n in range(1, 10_000) if str(n) not in taken)
            numbers[quote.passage] = quote.passage.label if quote.passage.label.isdigit() else next(free)
            taken.add(numbers[quote.passage])
        lines.append(f"{quote.text} [{numbers[quote.passage]}]")
    sources = [f"[{number}] {passage.origin}" for passage, number in numbers.items()]
    return "\n".join(lines) + "\n\nSources:\n" + "\n".join(sources)


def answer(question: str, results: Sequence[tuple[str, str]], failures: Sequence[tuple[str, str]] = ()) -> str:
    """Quotations with citations, or what the tools returned, or plainly that there is no answer."""
    found = passages(results)
    chosen = quotes(question, found)
    notes = [f"{tool} failed: {_short(error)}" for tool, error in failures]
    if chosen:
        body = cited(chosen)
    elif found and not any(p.title or p.label for p in found) and sum(len(p.text) for p in found) <= 2_000:
        body = "\n".join(f"{p.source}: {_short(p.text, 600)}" for p in found[:10])
    elif results:
        body = f"{CANNOT}: nothing in {len(found)} passage(s) mentions what was asked."
    else:
        body = f"{CANNOT}: " + (
            "every tool that I tried failed."
            if failures
            else "no tool result covers it, and I only quote and call tools."
        )
    return "\n".join([body, *notes])


def _short(text: str, cap: int = 200) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= cap else flat[: cap - 1] + "…"

"""Answers by quotation: the sentences that fit the question best, each with the number of its source."""

from __future__ import annotations

from collections.abc import Sequence

from .passages import Passage, passages
from .prose import prose
from .quoting import Quote, in_reading_order, quotes

CANNOT = "I cannot answer this from what I have"


def sentences(text: str) -> list[str]:
    """The sentences of a text, without code and markup."""
    return [each.text for each in prose(text)]


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
    chosen = in_reading_order(quotes(question, found))
    notes = [f"{tool} failed: {_short(error)}" for tool, error in failures]
    if chosen:
        body = cited(chosen)
    elif found and not any(p.title or p.label.strip() for p in found) and sum(len(p.text) for p in found) <= 2_000:
        body = "\n".join(f"{p.source}: {_short(p.text, 600)}" for p in found[:10])
    elif results:
        body = f"{CANNOT}: {_looked(len(found))}."
    else:
        body = f"{CANNOT}: " + (
            "every tool that I tried failed."
            if failures
            else "no tool result covers it, and I only quote and call tools."
        )
    return "\n".join([body, *notes])


def _looked(count: int) -> str:
    if not count:
        return "nothing was found"
    return (
        f"what was asked is not in the {f'{count} passages that were' if count > 1 else 'one passage that was'} found"
    )


def _short(text: str, cap: int = 200) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= cap else flat[: cap - 1] + "…"

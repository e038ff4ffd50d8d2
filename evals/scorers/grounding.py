"""Is what the answer says in what the run found? By words and numbers alone: it judges no meaning."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from langchain_core.messages import ToolMessage

from ..case import Case
from ..observed import Observed
from .options import graded, scorer
from .score import Score, unmeasured
from .text import numbers

SENTENCE_END = re.compile(r"(?<=[.!?])\s+|\n+")
_WORD = re.compile(r"[^\W\d_]{3,}")
_CITATION = re.compile(r"\[[^\[\]\n]{1,200}\]")
_COMMON = frozenset(
    "the and for that this with from are was were has have had not but can its into when which will you your they them "
    "then than there their what how does each also only more most other such any all been would could should".split()
)
FEWEST_WORDS = 3
"""Content words below which a sentence claims nothing."""


@scorer
def grounding(case: Case, observed: Observed, *, share: float = 0.6) -> Score:
    """Share of the answer's claims that are supported by one retrieved passage or tool result of this run.

    A claim is a sentence with at least three content words, no question. It is supported where a single passage has at
    least ``share`` of its content words (by their first six letters, so that endings do not count) and every one of its
    numbers. That is lexical precision as in Rashkin et al., "Measuring Attribution" (arXiv 2112.12870), with words in
    place of a person's judgement: a paraphrase may fail, a twisted sentence may pass. Calibrate a model judge where
    that matters.

    Args:
        share: Of a claim's content words.
    """
    passages = list(dict.fromkeys(_passages(observed)))
    if not passages:
        return unmeasured("Nothing was retrieved and no tool answered.")
    claims = list(claims_of(observed.answer))
    if not claims:
        return unmeasured("The answer claims nothing.")
    loose = [claim for claim in claims if not any(supports(passage, claim, share) for passage in passages)]
    return graded(
        1 - len(loose) / len(claims), f"{len(loose)} of {len(claims)} claims are not in any source: {loose[0]!r}."
        if loose
        else "",
        unsupported=loose,
    )  # fmt: skip


def claims_of(answer: str) -> Iterator[str]:
    """The sentences of an answer that claim something."""
    for sentence in SENTENCE_END.split(_CITATION.sub("", answer)):
        if not sentence.strip().startswith("#") and not sentence.endswith("?") and len(stems(sentence)) >= FEWEST_WORDS:
            yield sentence.strip()


def supports(passage: str, claim: str, share: float) -> bool:
    """Whether one passage has enough of a claim's words, and all of its numbers."""
    wanted = stems(claim)
    return len(wanted & stems(passage)) >= share * len(wanted) and _numbers(claim) <= _numbers(passage)


def _passages(observed: Observed) -> Iterator[str]:
    for chunk in observed.retrieved:
        yield f"{chunk.get('heading') or ''} {chunk.get('text') or ''}".strip()
    for message in observed.messages:
        if isinstance(message, ToolMessage) and message.status == "success":
            yield message.text


@lru_cache(maxsize=1024)
def stems(text: str) -> frozenset[str]:
    """The content words of a text, each by its first six letters."""
    return frozenset(word[:6] for word in _WORD.findall(text.lower()) if word not in _COMMON)


@lru_cache(maxsize=1024)
def _numbers(text: str) -> frozenset[float]:
    return frozenset(numbers(text))

"""The mechanical check of a draft: every sentence cites a source of this run, and shares its words with it.

It judges no meaning. It finds what can be decided by code: a missing or made-up citation, a sentence whose words are
not in the source it cites, a sub-question that nothing in the draft speaks of.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from .state import Source

MIN_SHARED = 0.35
"""Share of a sentence's content words that its cited sources must contain."""
_CITATION = re.compile(r"\[(\d{1,3})\]")
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9]{2,}")
_SEAM = re.compile(r"_|(?<=[a-z0-9])(?=[A-Z])")
_ENDING = re.compile(r"(?<=[a-z]{3})(?:ing|ed|es|s|e)$")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[^\s\[])|(?<=\])\s+(?=[A-Z`*\"'(])")
_STOPWORDS = frozenset(
    (
        "the and for that this with from are was were has have had not but can its into when which will you your they "
        "them then than there their what how does each also only more most other such any all use used using may"
    ).split(" ")
)
_UNANSWERED = (
    "do not answer",
    "does not answer",
    "not answered",
    "no source",
    "nothing in the sources",
    "cannot answer",
)


def check_citations(draft: str, sources: Sequence[Source], plan: Sequence[str]) -> list[str]:
    """Everything that code can object to; empty if nothing.

    Args:
        draft: Markdown with citations like ``[2]``.
        sources: What may be cited: chunks retrieved in this run.
        plan: The sub-questions that the draft must speak of.
    """
    if not draft.strip():
        return ["The draft is empty."]
    known = {source["number"]: source for source in sources}
    objections: list[str] = []
    for sentence in sentences(draft):
        objections.extend(_objections(sentence, known))
    cited = " ".join(known[number]["heading"] for number in cited_numbers(draft) if number in known)
    body = _words(f"{draft} {cited}")
    for question in [] if len(plan) == 1 and _says_unanswered(draft) else plan:
        wanted = _words(question)
        if wanted and len(wanted & body) / len(wanted) < MIN_SHARED:
            objections.append(f"Nothing in the draft speaks of the sub-question {question!r}.")
    return objections


def sentences(draft: str) -> list[str]:
    """The sentences of a draft without headings, code fences and the list of sources."""
    text = re.sub(r"```.*?```", " ", draft, flags=re.DOTALL)
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith(("#", ">", "|"))]
    found: list[str] = []
    for line in lines:
        found.extend(part.strip(" -*\t") for part in _SENTENCE_END.split(line))
    return [each for each in found if len(_words(each)) >= 3]


def cited_numbers(text: str) -> list[int]:
    """The numbers cited, in order, each once."""
    return list(dict.fromkeys(int(number) for number in _CITATION.findall(text)))


def _objections(sentence: str, known: dict[int, Source]) -> list[str]:
    numbers = cited_numbers(sentence)
    short = sentence if len(sentence) <= 120 else sentence[:117] + "..."
    if not numbers:
        if _says_unanswered(sentence):
            return []
        return [f"This sentence cites no source: {short!r}."]
    made_up = [number for number in numbers if number not in known]
    if made_up:
        return [f"There is no source {made_up[0]}: {short!r}. The sources are numbered 1 to {len(known)}."]
    words = _words(_CITATION.sub(" ", sentence))
    support: set[str] = set()
    for number in numbers:
        support |= _words(f"{known[number]['source']} {known[number]['heading']} {known[number]['text']}")
    if words and len(words & support) / len(words) < MIN_SHARED:
        cited = ", ".join(f"[{number}]" for number in numbers)
        return [f"Source {cited} does not say this: {short!r}."]
    return []


def _says_unanswered(text: str) -> bool:
    return any(phrase in text.lower() for phrase in _UNANSWERED)


def _words(text: str) -> set[str]:
    """Content words without their endings; of an identifier, its parts."""
    found = (each.lower() for each in _WORD.findall(_SEAM.sub(" ", text)))
    return {_ENDING.sub("", word) for word in found if word not in _STOPWORDS}

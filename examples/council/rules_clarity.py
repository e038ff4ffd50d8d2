"""What code can see of clarity: vague words, open ends, terms nobody explains, numbers that disagree, missing parts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from .document import section, sections

REQUIRED = ("Summary", "Glossary", "Interfaces", "Data", "Capacity", "Costs", "Rollout")
"""The sections of a design, in order."""
KNOWN = frozenset(
    "API APIS HTTP HTTPS URL JSON SQL TLS EUR ID UTC GET POST PUT PATCH DELETE CPU GB MB TB CSV PDF OK".split()
)
"""Short forms that need no explanation."""
_VAGUE = re.compile(
    r"(?<![\w-])(?:fast|quick(?:ly)?|soon|as appropriate|user-friendly|reasonable|reasonably|if possible|as needed"
    r"|sufficient(?:ly)?|state of the art|etc\.?)(?![\w-])"
)
_MUST = re.compile(r"\b(?:must|shall|should|will|has to|have to)\b", re.I)
_UNDECIDED = re.compile(r"\b(?:TBD|T[O]DO|FIX[M]E|X{3})\b|\?\?\?|\bto be (?:decided|determined|defined)\b")
_SHORT = re.compile(r"\b[A-Z][A-Z0-9]{1,5}s?\b")
_LATENCY = re.compile(r"\blatency\b[^.\n|]*?\b(?P<number>\d+)\s*ms\b", re.I)


def _vague_words(text: str) -> Iterator[tuple[str, str]]:
    for each in sections(text):
        for sentence in each.sentences():
            if _MUST.search(sentence) and _VAGUE.search(sentence):
                yield each.name, sentence


def _undecided(text: str) -> Iterator[tuple[str, str]]:
    for each in sections(text):
        for line in each.prose.splitlines():
            if _UNDECIDED.search(line):
                yield each.name or "Summary", line


def _undefined_terms(text: str) -> Iterator[tuple[str, str]]:
    glossary = section(text, "Glossary")
    explained = set(re.findall(r"^- ([A-Za-z0-9]+):", glossary.body, re.M)) if glossary else set()
    seen: set[str] = set()
    for each in sections(text):
        for found in _SHORT.finditer("" if each.name.casefold() == "glossary" else _without_code(each.prose)):
            term = found[0].rstrip("s")
            if term not in seen and term not in explained and found[0].upper() not in KNOWN:
                seen.add(term)
                if not _UNDECIDED.fullmatch(term):
                    yield each.name or "Summary", found[0]


def _without_code(text: str) -> str:
    return re.sub(r"`[^`\n]*`|https?://\S+", "", text)


def _two_values(text: str) -> Iterator[tuple[str, str]]:
    stated = [(each.name, found) for each in sections(text) for found in _LATENCY.finditer(each.prose)]
    for name, found in stated[1:]:
        if found["number"] != stated[0][1]["number"]:
            yield name or "Summary", found[0]


def _missing_sections(text: str) -> Iterator[tuple[str, str]]:
    head = text.strip().splitlines()[0] if text.strip() else ""
    there = {each.name.casefold() for each in sections(text)}
    yield from ((name, head) for name in REQUIRED if name.casefold() not in there)


def _empty_sections(text: str) -> Iterator[tuple[str, str]]:
    for each in sections(text)[1:]:
        if not each.body.strip():
            yield each.name, f"## {each.name}"


def _no_way_back(text: str) -> Iterator[tuple[str, str]]:
    found = section(text, "Rollout")
    if found and found.body.strip() and not re.search(r"\broll(?:ed|s|ing)?[ -]?back\b", found.prose, re.I):
        yield "Rollout", "## Rollout"


CLARITY: tuple[tuple[str, str, Callable[[str], Iterator[tuple[str, str]]], bool], ...] = (
    ("vague-word", "Give a number or a test instead of the vague word.", _vague_words, False),
    ("undecided", "Decide it, or say who decides until when.", _undecided, False),
    ("undefined-term", "Explain the short form in the glossary.", _undefined_terms, False),
    ("two-values", "The same latency has another value elsewhere; settle on one.", _two_values, False),
    ("missing-section", "Write the section.", _missing_sections, False),
    ("empty-section", "Write the section.", _empty_sections, False),
    ("no-way-back", "Say how the change is rolled back and who decides it.", _no_way_back, False),
)

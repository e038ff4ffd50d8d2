"""Texts that a request hands over word by word: 'write hello to out.txt', 'add buy milk and call Ann to my list'."""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Iterator
from functools import lru_cache
from typing import NamedTuple

from .candidates import Candidate
from .cues import Slot
from .lexicon import ADDRESS, bag
from .mentions import Scene
from .tokens import stem, stems_of

_VERB = "add|append|put|insert|write|save|store|enter|note|jot|type|log|record"
_KEPT = "list|file|notes?|notebook|journal|diary|log|document|page|board|backlog|agenda|basket|cart|tasks|to-?dos"
_PATH = r"(?:the\s)?(?:file\s)?[\w./-]{0,100}\w\.[A-Za-z]\w{0,4}(?![\w/])"
_WHERE = rf"(?:my|our|the|your|this|that|a|an)\s(?:[\w-]{{1,30}}\s){{0,3}}?(?:{_KEPT})\b|{_PATH}"
_BEGIN = re.compile(rf"\b(?:{_VERB})\s+(?:down\s+)?(?=\S)", re.I)
_HANDED = re.compile(
    r"(?P<what>(?:(?![.?!]\s)[^\n]){1,600}?)\s+(?:to|into|in|on|onto|at the end of|at the top of)\s+"
    rf"(?P<where>{_WHERE})",
    re.I,
)
_AHEAD = re.compile(
    rf"(?:[^:\n]{{0,60}}\s)?(?:to|into|in|on|onto)\s+(?P<where>{_WHERE})[^:\n.]{{0,20}}:\s*(?P<what>\S[^\0]{{0,2000}})",
    re.I,
)
_NOT_SAID = bag("it this that these those them everything all what how which who why when where whether your you")
_NOT_TEXT = _NOT_SAID | bag("the a an my our his her their its some any answer answers result results summary report")
_LABEL = re.compile(
    r"^(?:(?:a|an|the|new|following)\s){0,3}(?:tasks?|to-?dos?|items?|entry|entries|reminders?|things?|line)"
    r"(?:\sto\s|\sfor\s|\sabout\s|\sthat says\s|\ssaying\s|:\s?)",
    re.I,
)
_BULLET = re.compile(r"^\s*(?:[-*•]|\d{1,3}[.)])\s+", re.M)
_MOST = 20
_ADDRESS = stems_of(ADDRESS)


class Handed(NamedTuple):
    """A text that is to be passed on as it stands, and where; `where` says to what it is to be added."""

    text: str
    where: str
    start: int
    end: int


@lru_cache(maxsize=64)
def handed(text: str) -> tuple[Handed, ...]:
    """The texts that a request hands over, in order."""
    found: list[Handed] = []
    for begun in itertools.islice(_BEGIN.finditer(text), _MOST):
        if found and begun.start() < found[-1].end:
            continue
        match = _HANDED.match(text, begun.end()) or _AHEAD.match(text, begun.end())
        if match is not None and match["what"].split()[0].lower().strip(",;:") not in _NOT_SAID:
            found.append(Handed(match["what"], match["where"], match.start("what"), match.end("what")))
    return tuple(found)


def handed_text(slot: Slot, scene: Scene, vocabulary: Collection[str]) -> Iterator[Candidate]:
    """A text to write; one that begins like a description ('the answer', 'a summary') is not yet written."""
    for each in handed(scene.text):
        bare = each.text.strip().strip("'\"“”")
        fits = bool(slot.siblings & _ADDRESS) or _is_for(each, vocabulary)
        if fits and bare and bare.split()[0].lower() not in _NOT_TEXT:
            yield Candidate(bare, each.start, each.end, 1.1)


def handed_list(slot: Slot, scene: Scene, vocabulary: Collection[str]) -> Iterator[Candidate]:
    """Things to put on a list that the tool keeps."""
    for each in handed(scene.text):
        parts = entries(each.text)
        if parts and _is_for(each, {*vocabulary, *slot.param.name_stems, *slot.param.text_stems}):
            yield Candidate(parts, each.start, each.end, 1.6)


def _is_for(each: Handed, known: Collection[str]) -> bool:
    words = re.findall(r"[a-z]+", each.where.lower().replace("-", ""))
    return any(stem(word) in known for word in words)


def entries(text: str) -> list[str]:
    """The entries of a list in words, with commas, with 'and' between, or one to a line."""
    text = _LABEL.sub("", text.strip())
    lines = [line for line in _BULLET.sub("", text).splitlines() if line.strip()]
    if len(lines) > 1:
        return [_clean(line) for line in lines]
    parts = [part for part in re.split(r"\s*[,;]\s*", text) if part]
    parts = [*parts[:-1], *_last(parts[-1], several=len(parts) > 1)] if parts else []
    return [cleaned for part in parts if (cleaned := _clean(part))]


def _last(part: str, *, several: bool) -> list[str]:
    """Cut at 'and' where it joins entries: in an enumeration, between single words, or before a clause of its own."""
    part = re.sub(r"^(?:and|&)\s+", "", part, flags=re.I)
    sides = re.split(r"\s+(?:and|&)\s+", part)
    alike = all(len(side.split()) > 1 for side in sides) or all(len(side.split()) == 1 for side in sides)
    return sides if several or alike else [part]


def _clean(part: str) -> str:
    return part.strip().strip("'\"“”").rstrip(".").strip()

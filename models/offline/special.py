"""Parameters that take only one sort of text: arithmetic, time zones, dates by format, folders, what to search for."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from datetime import datetime

from .arithmetic import style_of, sums, takes_arithmetic
from .candidates import Candidate
from .cues import Slot
from .dates import parse_date
from .lexicon import PLACE, STOP, bag
from .mentions import Scene
from .texts import OPEN, role, texts
from .tokens import stems_of
from .zones import takes_zone, zones

ARITHMETIC, ZONE = 2.5, 2.0
"""How much arithmetic, or a place whose time is asked for, speaks for a tool that takes it, in log-odds."""
_ASKS_TIME = re.compile(
    r"\b(?:what|which|current|local|tell me the|exact)\s+(?:is\s+)?(?:the\s+)?(?:current\s+|local\s+|exact\s+)?"
    r"(?:time|day|date|weekday|hour)\b(?!\s+(?:did|was|were|does|do|will)\b)|\btime is it\b|\btime now\b|\bnow in\b",
    re.I,
)
_IS_NOW = re.compile(
    r"\b(?:what|which)\s+(?:day|date|time|weekday)\b[^?.]{0,30}\bis\s+(?:it|today)\b|\btoday['’]s date\b"
    r"|\bcurrent (?:time|date)\b|\bwhat is the (?:time|date)\b(?! of)",
    re.I,
)
_PLACE = stems_of(PLACE)
_FOLDER = stems_of(bag("folder directory dir"))
_SEARCH = stems_of(bag("search find grep lookup"))
_COMPUTES = stems_of(bag("evaluate compute calculate arithmetic math mathematical calculator"))
_SHOWN_SUM = re.compile(r"\d\s?(?:[-+*/^]|%\sof)+\s?\d|\w\(\d+\)")


def special(slot: Slot, scene: Scene, vocabulary: frozenset[str]) -> list[Candidate] | None:
    """The values for a parameter of a particular sort, best first or none; None for any other parameter."""
    param = slot.param
    if param.kind != "string" or param.enum:
        return None
    names = set(param.name_stems)
    if takes_arithmetic(param):
        return _sums(slot, scene, vocabulary)
    if takes_zone(param):
        return list(_zones(slot, scene))
    if (reader := _READERS.get(str(param.schema.get("format")))) is not None:
        return list(_moments(slot, scene, vocabulary, reader))
    if names & _FOLDER:
        return _folders(slot, scene, vocabulary)
    if "*" in param.description and "file" in slot.words:
        return [Candidate(m[0], m.start(), m.end(), 1.3) for m in _GLOB.finditer(scene.text)]
    if names & OPEN and vocabulary & _SEARCH:
        return [*texts(slot, scene, vocabulary), *_topics(scene)]
    return None


def _sums(slot: Slot, scene: Scene, vocabulary: Collection[str]) -> list[Candidate] | None:
    """Arithmetic; without any, nothing for a calculator, and anything for other tools ('facial expression')."""
    style = style_of(slot.param.description)
    found = [Candidate(each.text, each.start, each.end, 1.6, None, ARITHMETIC) for each in sums(scene, style)]
    if found:
        return found
    calculator = bool(_COMPUTES & {*vocabulary, *slot.words}) and _SHOWN_SUM.search(slot.param.description)
    return [] if calculator else None


def _zones(slot: Slot, scene: Scene) -> Iterator[Candidate]:
    """Zones; where the tool asks for the place as well, a place in the text is not used up by its zone."""
    placed, speaks = bool(slot.siblings & _PLACE), ZONE if _ASKS_TIME.search(scene.text) else 0.0
    named = list(zones(scene))
    if not named and not placed and isinstance(slot.param.default, str) and _IS_NOW.search(scene.text):
        yield Candidate(slot.param.default, 0, 0, 1.0, None, ZONE)
    for zone in named:
        if not placed or zone.written:
            score = 1.3 + role(slot, scene, zone.start, zone.name)
            yield Candidate(zone.name, zone.start, zone.end, score, None, speaks)
        elif slot.param.required:
            yield Candidate(zone.name, zone.start, zone.start, 0.6)


_ISO = re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?(?:\.\d{1,6})?(?:Z|[+-]\d\d:?\d\d)?(?!\w)")


def _moments(
    slot: Slot, scene: Scene, known: frozenset[str], reader: Callable[[str], str | None]
) -> Iterator[Candidate]:
    """Full dates and times as JSON schema's formats have them."""
    if slot.param.schema.get("format") == "date-time":
        for match in _ISO.finditer(scene.text):
            yield Candidate(match[0].replace(" ", "T"), match.start(), match.end(), 1.8)
    for each in texts(slot, scene, known):
        if each.mention is not None and each.mention.kind in ("date", "time"):
            written = reader(str(each.mention.value))
            if written is not None:
                yield replace(each, value=written, score=max(each.score, 1.2) + role(slot, scene, each.start, ""))


def _day(text: str) -> str | None:
    day = parse_date(text)
    return day.isoformat() if day is not None else None


def _time(text: str) -> str | None:
    for form in ("%H:%M", "%H:%M:%S", "%I:%M %p", "%I %p", "%I%p", "%I:%M%p"):
        try:
            return datetime.strptime(text.strip().replace(".", ""), form).time().isoformat()
        except ValueError:
            continue
    return None


_READERS: dict[str, Callable[[str], str | None]] = {"date": _day, "date-time": _day, "time": _time}
_NAMED_FOLDER = re.compile(
    r"\b(?:the\s+)?(?P<name>[\w.-]{1,80}(?:/[\w.-]{1,80}){0,9})/?\s+(?:folder|directory|dir)\b"
    r"|\b(?:folder|directory|dir)\s+(?:named\s+|called\s+)?['\"`]?(?P<after>[\w.-]{1,80}(?:/[\w.-]{1,80}){0,9})"
    r"|\b(?:in|under|inside|within|from)\s+['\"`]?(?P<bare>[\w.-]{1,80}(?:/[\w.-]{1,80}){0,9})['\"`]?/?"
    r"(?=\s*(?:[?!,;]|\.(?:\s|$)|$)|\s+(?:and|for|that|which|mention|contain|with)\b)",
    re.I,
)
_NO_FOLDER = STOP | bag(
    "folder directory dir file files current whole project first last root parent same inside named"
)
_WITH_ENDING = re.compile(r"[^/]\.[A-Za-z]\w{1,4}$")


def _folders(slot: Slot, scene: Scene, vocabulary: frozenset[str]) -> list[Candidate]:
    found = []
    for match in _NAMED_FOLDER.finditer(scene.text):
        kind = match.lastgroup or "bare"
        name = match[kind].rstrip(".")
        if name and name.lower() not in _NO_FOLDER and not _WITH_ENDING.search(name):
            found.append(Candidate(name, match.start(kind), match.start(kind) + len(name), 1.3))
    paths = [c for c in texts(slot, scene, vocabulary) if not _WITH_ENDING.search(str(c.value))]
    return found or paths


_GLOB = re.compile(r"(?<![\w*)])[\w.-]{0,60}\*(?:\.\w[\w.*-]{0,60}|[\w.-]{0,60}\.\w{1,8})(?!\w)")
_TOPIC = re.compile(
    r"\b(?:mention(?:s|ing|ed)?|contain(?:s|ing)?|say(?:s|ing)?|(?:speak|talk)(?:s|ing)? (?:of|about)|for|about|"
    r"includ(?:es?|ing)|(?:with|find)(?=\sthe\s(?:word|text|phrase|string|term))|(?:occurrences?|uses?|mentions?) of|"
    r"grep(?: for)?)\s+"
    r"(?:the\s+)?(?:(?:word|text|phrase|string|term|line)s?\s+)?"
    r"(?P<what>(?:[^?.!,\n]|\.(?=\w)){1,100}?)(?=\s+(?:in|inside|within|under)\s|\s*(?:[?!,\n]|\.(?!\w)|$))",
    re.I,
)


def _topics(scene: Scene) -> Iterator[Candidate]:
    """What a search through files and the like is for: 'which files mention retry?'"""
    for match in _TOPIC.finditer(scene.text):
        bare = match["what"].strip().strip("'\"`“”")
        if bare and bare.lower() not in STOP:
            yield Candidate(bare, match.start("what"), match.end("what"), 1.3)

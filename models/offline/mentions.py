"""Spots typed values in a text: numbers with units, dates, times, quotations, lists, formulas, codes and names."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from .lexicon import MAGNITUDES, NUMBER_WORDS, OPENERS, STOP
from .patterns import JOINT, NAME, PATTERNS, UNIT
from .places import is_region
from .tokens import Word, clipped, words
from .units import UNITS

Kind = Literal["number", "date", "time", "quoted", "list", "formula", "address", "code", "name"]


@dataclass(frozen=True, slots=True)
class Mention:
    """A value that a text names, and where."""

    kind: Kind
    value: Any
    start: int
    end: int
    text: str
    unit: str = ""
    """Lower-case unit, `%`, `$` or an ordinal's `th`; empty when bare."""
    group: int = -1
    """Members of one enumeration ('a, b and c') share a number; -1 stands alone."""


@dataclass(frozen=True, slots=True)
class Scene:
    """A text with everything that was spotted in it."""

    text: str
    words: tuple[Word, ...]
    mentions: tuple[Mention, ...]
    groups: dict[int, tuple[Mention, ...]] = field(default_factory=dict)
    starts: tuple[int, ...] = ()
    ends: tuple[int, ...] = ()
    """Where each word starts and ends, for bisection."""
    kinds: bytes = b""
    """For each character: 0 free, 1 in a number with its unit, 2 in a name, 3 in another value."""


MOST = 200
"""Values spotted in one text at most."""


def scene_of(text: str) -> Scene:
    """Everything spotted in a text; of a long one, in its beginning and end."""
    text = clipped(text)
    tokens = tuple(words(text))
    taken = bytearray(len(text))
    found: list[Mention] = []
    for kind, pattern in PATTERNS:
        if kind == "number":
            found += _take(taken, _number_words(text, tokens))
        found += _take(taken, _matches(kind, pattern, text))
    found += _take(taken, _names(text, taken))
    found.sort(key=lambda m: m.start)
    return _grouped(text, tokens, found[:MOST])


def _take(taken: bytearray, candidates: Iterator[Mention]) -> list[Mention]:
    kept = []
    for mention in candidates:
        if not any(taken[mention.start : mention.end]):
            taken[mention.start : mention.end] = b"\1" * (mention.end - mention.start)
            kept.append(mention)
    return kept


def _matches(kind: str, pattern: re.Pattern[str], text: str) -> Iterator[Mention]:
    for match in pattern.finditer(text):
        mention = _READERS[kind](match)
        if mention is not None:
            yield mention


def _quoted(match: re.Match[str]) -> Mention | None:
    inner = next(part for part in match.groups() if part is not None)
    whole = match.start() == 0 and match.end() >= len(match.string.rstrip()) - 1
    if whole or (len(inner) > 300 and match.start() == 0):
        return None
    return Mention("quoted", inner.strip(), match.start(), match.end(), inner)


def _list(match: re.Match[str]) -> Mention | None:
    raw = match.group()
    try:
        value = ast.literal_eval(raw)
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        if raw.startswith("{"):
            return None
        value = [part.strip().strip("'\"") for part in raw.strip("[]()").split(",") if part.strip()]
    if isinstance(value, tuple | set):
        value = sorted(value, key=str) if isinstance(value, set) else list(value)
    if not isinstance(value, list | dict):
        return None
    return Mention("list", value, match.start(), match.end(), raw)


def _formula(match: re.Match[str]) -> Mention | None:
    raw = match.group().strip()
    real = re.search(r"[a-z]", raw) and re.search(r"[\^*²³+(]|\d[a-z]|[a-z] ?[-+] ?\d", raw)
    units = re.fullmatch(r"-?\d+\.?\d*\s?[a-z]{1,2}(?:\^[23])?", raw) and not re.search(r"[xyz]", raw)
    if not real or units or re.fullmatch(r"\d*[a-wm]", raw) or not re.search(r"[xyztn]\b|[xyzt]\W|sin|cos|exp", raw):
        return None
    return Mention("formula", raw, match.start(), match.start() + len(match.group().rstrip()), raw)


def _number(match: re.Match[str]) -> Mention | None:
    raw = match["num"].replace(",", "")
    value: float | int = int(raw) if raw.isdigit() and len(raw) < 19 else float(raw)
    if not math.isfinite(value):
        return None
    if match["mag"]:
        value = _tidy(value * MAGNITUDES[match["mag"].lower()])
    if match["sign"]:
        value = -value
    unit = (match["unit"] or "").strip().lower().lstrip("-")
    unit = re.sub(r"^degrees?\s", "", unit)
    unit = "%" if unit in ("%", "percent") else "kelvin" if unit == "k" else unit
    return Mention(
        "number",
        value,
        match.start(),
        match.end(),
        match.group(),
        unit or ("$" if match["cur"] else "th" if match["ord"] else ""),
    )


def _tidy(value: float) -> float | int:
    return int(value) if isinstance(value, float) and abs(value) < 1e18 and value == int(value) else value


def _plain(kind: Kind) -> Callable[[re.Match[str]], Mention | None]:
    return lambda m: Mention(kind, m.group().strip(), m.start(), m.start() + len(m.group().rstrip()), m.group().strip())


def _code(match: re.Match[str]) -> Mention | None:
    raw = match.group()
    unit = re.fullmatch(rf"\d+(?:\.\d+)?(?:st|nd|rd|th|k|{UNIT})", raw, re.I)
    return (
        None
        if unit
        or re.fullmatch(r"\d+-(?:day|year|month|hour|minute|week|mile|foot|inch)s?", raw)
        or re.fullmatch(r"\d+[eE][-+]?\d+", raw)
        else Mention("code", raw, match.start(), match.end(), raw)
    )


_READERS: dict[str, Callable[[re.Match[str]], Mention | None]] = {
    "quoted": _quoted, "list": _list, "formula": _formula, "number": _number, "code": _code,
    "date": _plain("date"), "time": _plain("time"), "address": _plain("address"),
}  # fmt: skip


def _number_words(text: str, tokens: tuple[Word, ...]) -> Iterator[Mention]:
    index = 0
    while index < len(tokens):
        value, used = _spelled(tokens, index)
        if used:
            start, end = tokens[index].start, tokens[index + used - 1].end
            unit = tokens[index + used].text if index + used < len(tokens) else ""
            yield Mention("number", value, start, end, text[start:end], unit if unit in UNITS and len(unit) > 2 else "")
        index += max(used, 1)


def _spelled(tokens: tuple[Word, ...], index: int) -> tuple[int, int]:
    total = used = 0
    for word in tokens[index : index + 4]:
        if word.text in NUMBER_WORDS and (not used or total >= 20):
            total += NUMBER_WORDS[word.text]
        elif used and word.text in MAGNITUDES and len(word.text) > 2:
            total *= MAGNITUDES[word.text]
        else:
            break
        used += 1
    lone_one = used == 1 and tokens[index].text == "one" and _pronoun(tokens, index)
    return (0, 0) if lone_one else (total, used)


def _pronoun(tokens: tuple[Word, ...], index: int) -> bool:
    before = tokens[index - 1].text if index else ""
    after = tokens[index + 1].text if index + 1 < len(tokens) else ""
    return (
        before in ("the", "this", "that", "first", "last", "each", "which", "another", "any", "a")
        or after in STOP
        or not after
    )


def _names(text: str, taken: bytearray) -> Iterator[Mention]:
    for match in NAME.finditer(text):
        start, raw = match.start(), match.group().rstrip(".,")
        if not re.search(r"\.[A-Z]\.$|\b(?:Inc|Ltd|Co|Corp|Jr|Sr)\.$", match.group()):
            raw = raw.rstrip(".")
        else:
            raw = match.group()
        opening = start == 0 or re.search(r"[.!?:\n\"“']\s*$", text[max(0, start - 4) : start]) is not None
        start, raw = _without_opening(start, raw) if opening else (start, raw)
        cut = next((i for i in range(start, start + len(raw)) if taken[i]), start + len(raw))
        raw = text[start:cut].rstrip(" ,")
        for possessive in ("'s", "’s"):
            raw = raw.removesuffix(possessive)
        if raw and (raw.lower() not in STOP or raw in ("US", "IT")) and raw != "I":
            yield Mention("name", raw, start, start + len(raw), raw)


def _without_opening(start: int, raw: str) -> tuple[int, str]:
    """Drop a first word that is capital only because a sentence begins."""
    first, _, rest = raw.partition(" ")
    if (first.isupper() and len(first) > 1) or (rest and first.lower() not in STOP and first.lower() not in OPENERS):
        return start, raw
    if not rest:
        return (
            (start, raw)
            if first.lower() not in STOP
            and first.lower() not in OPENERS
            and len(first) > 2
            and not first.endswith("ing")
            else (start, "")
        )
    start += len(raw) - len(rest)
    low, _, more = rest.partition(" ")
    return (start + len(rest) - len(more), more) if low.lower() in STOP and more else (start, rest)


def flattened(scene: Scene) -> Scene:
    """The scene with number pairs such as '(45, 60)' as single numbers, for tools that take no lists."""
    if not any(m.kind == "list" and m.text.startswith("(") for m in scene.mentions):
        return scene
    found: list[Mention] = []
    for mention in scene.mentions:
        found += (
            _pair(mention) if mention.kind == "list" and mention.text.startswith("(") else [replace(mention, group=-1)]
        )
    return _grouped(scene.text, scene.words, found)


def _pair(mention: Mention) -> list[Mention]:
    spots = re.finditer(r"-?\d[\d.]*", mention.text)
    return [
        Mention("number", _tidy(float(value)), mention.start + spot.start(), mention.start + spot.end(), spot.group())
        for spot, value in zip(spots, mention.value, strict=False)
    ]


def _joins(text: str, left: Mention, right: Mention) -> bool:
    """Whether only a comma or 'and' stands between, or that and a word that both carry: '5 units, 4 units'."""
    gap = text[left.end : right.start]
    if JOINT.match(gap):
        return True
    word = re.match(r" ([a-z]{2,20})(?=[ ,])", gap)
    if word is None or left.kind != "number" or not JOINT.match(gap[word.end() :]):
        return False
    return text[right.end :].lstrip().startswith(word[1].rstrip("s"))


def _is_region_of(left: Mention, right: Mention, text: str) -> bool:
    """Whether 'City, Region' is one place rather than two things in a row."""
    if left.kind != "name" or text[left.end : right.start].strip() != ",":
        return False
    return is_region(right.text) and not is_region(left.text)


def _grouped(text: str, tokens: tuple[Word, ...], found: list[Mention]) -> Scene:
    marked, current = list(found), 0
    groups: dict[int, list[Mention]] = {}
    for index in range(1, len(found)):
        left, right = marked[index - 1], found[index]
        if left.kind == right.kind and _joins(text, left, right) and not _is_region_of(left, right, text):
            group = left.group if left.group >= 0 else current
            current = max(current, group + 1)
            marked[index - 1] = replace(left, group=group)
            marked[index] = replace(right, group=group)
    for mention in marked:
        if mention.group >= 0:
            groups.setdefault(mention.group, []).append(mention)
    kinds = bytearray(len(text) + 1)
    for mention in marked:
        code = {"number": 1, "name": 2}.get(mention.kind, 3)
        kinds[mention.start : mention.end] = bytes([code]) * (mention.end - mention.start)
    members = {key: tuple(value) for key, value in groups.items()}
    starts, ends = tuple(w.start for w in tokens), tuple(w.end for w in tokens)
    return Scene(text, tokens, tuple(marked), members, starts, ends, bytes(kinds))

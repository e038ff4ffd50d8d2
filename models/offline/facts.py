"""Says what a tool returned as an answer: a value with what it is the value of, a record's fields asked for first."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import orjson

from .arithmetic import Style, sums
from .lexicon import bag
from .mentions import scene_of
from .tokens import concept, content_stems, name_words, stem, stems_of

_SHORT, _FIELDS, _ENTRIES = 160, 16, 50
"""Characters of a value, fields of a record, and entries of a list that are said whole."""
_SHOWN = 4_000
"""Characters of a file that are shown when a request wants it read."""
_LOOKS_UP = stems_of(bag("search find query retrieve retrieval lookup knowledge"))
_TEXT, _SOURCE = bag("text content snippet body passage page_content"), bag("source url title heading chunk score")
_NAMING = ("name", "title", "path", "id", "key")
_SENTENCE = re.compile(r"(?:\S+\s+){3,}\S+[.!?]\s*$")
_WHEN = {concept(stem(word)) for word in ("date", "time", "day")}
_DATED = re.compile(r"\d{4}-\d\d-\d\d")
_LISTED = re.compile(r"^\s*(?:\[.\]|[-*•]|\d{1,4}[.)])\s")
_WANTS_TEXT = re.compile(
    r"^\W*(?:please\s+|can you\s+|could you\s+)?(?:read|show|open|print|display|cat|get|load)\b", re.I
)
_STYLES = (Style(), Style(percent_of=True), Style("^"), Style("^", percent_of=True))


def plainly(question: str, tool: str, arguments: Mapping[str, Any], result: str, *, apart: bool = False) -> str:
    """A short result as an answer to a question; empty for texts, which are to be quoted from.

    Args:
        apart: Whether a record must say whose it is, because there is another of the same tool.
    """
    value = _value(result)
    if isinstance(value, Mapping):
        said = _shown_text(question, value) or _record_or_list(question, arguments, value)
        return _about(value, arguments) + said if said and apart else said
    if isinstance(value, list):
        return _entries(question, value)
    if isinstance(value, str):
        if _is_list(value) or _is_remark(value, arguments):
            return value.strip()
        if len(value) > _SHORT or "\n" in value.strip() or _SENTENCE.search(value):
            return ""
        if set(map(stem, name_words(tool))) & _LOOKS_UP:
            return ""
    return f"{_asked_for(question, tool, arguments)}: {_said(value)}" if _said(value) else ""


def _value(result: str) -> Any:
    try:
        return orjson.loads(result)
    except ValueError:
        return result


def _said(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "none"}[value]
    return str(value).strip()


def _is_remark(text: str, arguments: Mapping[str, Any]) -> bool:
    """Whether a result is a sentence that needs no 'x: ' before it."""
    return not arguments and len(text) <= _SHORT and re.fullmatch(r"[^\n]+\s[^\n]+[.!]", text.strip()) is not None


def _is_list(text: str) -> bool:
    """Whether a text is a short list such as '[ ] 1. buy milk', a remark at its end allowed."""
    lines = text.strip().splitlines()
    return len(text) <= 3_000 and 0 < sum(bool(_LISTED.match(line)) for line in lines) >= len(lines) - 1


def _asked_for(question: str, tool: str, arguments: Mapping[str, Any]) -> str:
    """What a value is the value of: the request's own words for the arithmetic, else the arguments, else the tool."""
    given = [value for value in arguments.values() if isinstance(value, str | int | float)]
    scene = scene_of(question)
    for style in _STYLES if any(isinstance(value, str) and re.search(r"\d", value) for value in given) else ():
        for each in sums(scene, style):
            if each.text in given:
                said = " ".join(scene.text[each.start : each.end].split())
                return re.sub(r"^the\s", "", said, flags=re.I)
    said = ", ".join(map(_said, given))
    return said if said and len(said) <= 80 else " ".join(name_words(tool))


def _record_or_list(question: str, arguments: Mapping[str, Any], record: Mapping[str, Any]) -> str:
    lists = [(key, value) for key, value in record.items() if isinstance(value, list)]
    flat = {key: value for key, value in record.items() if not isinstance(value, list)}
    if not _is_small(flat) or len(lists) > 1:
        return ""
    if not lists:
        return _record(question, arguments, flat)
    entries = _entries(question, lists[0][1])
    if not entries and lists[0][1]:
        return ""
    rest = _fields(flat, [key for key, value in flat.items() if value and value not in (".", *arguments.values())])
    head = " ".join(name_words(lists[0][0]))
    return "\n".join(line for line in (f"{head}:" if entries else f"{head}: none", entries, rest) if line)


def _about(record: Mapping[str, Any], arguments: Mapping[str, Any]) -> str:
    """The arguments of which a record says nothing, to stand before it."""
    inside = " ".join(map(_said, record.values())).lower()
    apart = [_said(v) for v in arguments.values() if isinstance(v, str) and v and v.lower() not in inside]
    said = ", ".join(apart)
    return f"{said} — " if 0 < len(said) <= 60 else ""


def _is_small(record: Mapping[str, Any]) -> bool:
    """Whether a record is short values throughout, and no passage with its source."""
    if len(record) > _FIELDS or (set(record) & _TEXT and set(record) & _SOURCE):
        return False
    return all(_is_short(value) for value in record.values())


def _is_short(value: Any) -> bool:
    if isinstance(value, str):
        return len(value) <= _SHORT and "\n" not in value.strip()
    return value is None or isinstance(value, int | float)


def _record(question: str, arguments: Mapping[str, Any], record: Mapping[str, Any]) -> str:
    """The fields asked for, then the rest in brackets; all alike when none is asked for."""
    asked = fields_asked(question, record, arguments)
    rest = _fields(record, [key for key in record if key not in asked])
    if not asked:
        return rest
    return _fields(record, asked) + (f" ({rest})" if rest else "")


def _fields(record: Mapping[str, Any], keys: Collection[str]) -> str:
    return ", ".join(
        f"{' '.join(name_words(key)) or key}: {_said(record[key])}" for key in keys if record[key] is not None
    )


def fields_asked(question: str, record: Mapping[str, Any], arguments: Mapping[str, Any]) -> list[str]:
    """The fields that a question names; a field whose value the question or the call gave is none of them."""
    told = {_said(value).lower() for value in arguments.values()}
    keys = [
        k for k in record if _said(record[k]).lower() not in told and _said(record[k]).lower() not in question.lower()
    ]
    named_by_call = {stem(word) for name in arguments for word in name_words(name)}
    asked = {concept(s) for s in content_stems(question) if s not in named_by_call}
    joined = {a + b for a in asked for b in asked if len(a) > 2 and len(b) > 2}
    for named in (joined, asked):
        found = [key for key in keys if {concept(stem(word)) for word in name_words(key)} & named]
        if found:
            return found
    if asked & _WHEN and (dated := [key for key in keys if _DATED.match(_said(record[key]))]):
        return dated
    ends = tuple(s for s in asked if len(s) > 2)
    return [key for key in keys if any(stem(word).endswith(ends) for word in name_words(key))] if ends else []


def _entries(question: str, entries: Sequence[Any]) -> str:
    """A line for each small record, or values in a row; empty when one is long."""
    if not entries or len(entries) > _ENTRIES:
        return ""
    if all(_is_short(entry) for entry in entries):
        return ", ".join(map(_said, entries))
    if not all(isinstance(entry, Mapping) and _is_small(entry) for entry in entries):
        return ""
    return "\n".join(f"- {_entry(question, entry)}" for entry in entries)


def _entry(question: str, entry: Mapping[str, Any]) -> str:
    lead = next((key for key in _NAMING if key in entry), None)
    if lead is None:
        return _record(question, {}, entry)
    rest = _fields(entry, [key for key in entry if key != lead])
    return f"{_said(entry[lead])} ({rest})" if rest else _said(entry[lead])


def _shown_text(question: str, record: Mapping[str, Any]) -> str:
    """The text of a record, as it stands, when the request is to read or show it."""
    texts = [key for key in record if key in _TEXT and isinstance(record[key], str)]
    if len(texts) != 1 or "?" in question or not _WANTS_TEXT.match(question):
        return ""
    named = next((_said(record[key]) for key in _NAMING if key in record), "")
    text = record[texts[0]]
    cut = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
    return f"{named}:\n{cut}" if named else cut

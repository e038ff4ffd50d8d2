"""Why no recording answers a request: the first difference to the nearest one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Literal

Kind = Literal["prompt", "schema", "tool output", "order", "parameters", "length"]


@dataclass(frozen=True, slots=True)
class Difference:
    """Where two requests part."""

    kind: Kind
    path: str
    """A JSON path; behind an arrow, one inside JSON text."""
    recorded: Any
    asked: Any

    def __str__(self) -> str:
        return f"{self.kind}, at {self.path}\n  recorded: {_short(self.recorded)}\n  asked:    {_short(self.asked)}"


def nearest(asked: Mapping[str, Any], recorded: Sequence[Mapping[str, Any]]) -> int:
    """The index of the recording most like a request: the longest common beginning, then the likest rest."""
    return max(range(len(recorded)), key=lambda index: _likeness(asked, recorded[index]))


def first_difference(recorded: Mapping[str, Any], asked: Mapping[str, Any]) -> Difference:
    """The first place where a request differs from a recorded one, and what kind of change that is."""
    old, new = recorded["messages"], asked["messages"]
    if old != new and sorted(map(_text, old)) == sorted(map(_text, new)):
        index = next(i for i, (a, b) in enumerate(zip(old, new, strict=True)) if a != b)
        return Difference("order", f"$.messages[{index}]", old[index], new[index])
    for index, (before, now) in enumerate(zip(old, new, strict=False)):
        for path, a, b in _differences(before, now, f"$.messages[{index}]"):
            kind: Kind = "tool output" if now.get("role") == before.get("role") == "tool" else "prompt"
            return Difference(kind, path, a, b)
    if len(old) != len(new):
        shorter = min(len(old), len(new))
        return Difference("length", f"$.messages[{shorter}]", _at(old, shorter), _at(new, shorter))
    kinds: dict[str, Kind] = {"tools": "schema", "output": "schema"}
    for path, a, b in _differences({**recorded, "messages": 0}, {**asked, "messages": 0}, "$"):
        return Difference(kinds.get(path.split(".")[1].split("[")[0], "parameters"), path, a, b)
    return Difference("parameters", "$", "the same", "the same")


def _differences(a: Any, b: Any, path: str) -> Iterator[tuple[str, Any, Any]]:
    if a == b:
        return
    if isinstance(a, dict) and isinstance(b, dict):
        for key in [*a, *(key for key in b if key not in a)]:
            yield from _differences(a.get(key, _ABSENT), b.get(key, _ABSENT), f"{path}.{key}")
    elif isinstance(a, list) and isinstance(b, list):
        for index in range(max(len(a), len(b))):
            yield from _differences(_at(a, index), _at(b, index), f"{path}[{index}]")
    elif (inside := _both_json(a, b)) is not None:
        yield from _differences(*inside, f"{path} → $")
    else:
        yield path, a, b


_ABSENT = "(absent)"


def _at(items: Sequence[Any], index: int) -> Any:
    return items[index] if index < len(items) else _ABSENT


def _both_json(a: Any, b: Any) -> tuple[Any, Any] | None:
    """Tool outputs and arguments are JSON in text; the difference inside says more."""
    if not (isinstance(a, str) and isinstance(b, str)):
        return None
    try:
        inside = json.loads(a), json.loads(b)
    except ValueError:
        return None
    structured = all(isinstance(value, (dict, list)) for value in inside)
    return inside if structured and inside[0] != inside[1] else None


def _likeness(asked: Mapping[str, Any], recorded: Mapping[str, Any]) -> tuple[int, float]:
    new, old = asked["messages"], recorded["messages"]
    same = next((i for i, (a, b) in enumerate(zip(new, old, strict=False)) if a != b), min(len(new), len(old)))
    rest = _text(new[same:])[:2000], _text(old[same:])[:2000]
    alike = SequenceMatcher(None, *rest, autojunk=False).quick_ratio()
    return same, alike - abs(len(new) - len(old)) + (asked["tools"] == recorded["tools"])


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)


def _short(value: Any, limit: int = 200) -> str:
    text = value if isinstance(value, str) else _text(value)
    return repr(text) if len(text) <= limit else f"{text[:limit]!r} … ({len(text)} characters)"

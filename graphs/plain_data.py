"""What a journal can keep and give back the same: plain JSON data, and nothing that only looks like it."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterator
from typing import Any, get_type_hints, is_typeddict

PLAIN = (str, int, float, bool, type(None), list, dict)
MAX_PROBLEMS = 5


def plain_problems(value: Any) -> list[str]:
    """Everything (5 things at most) because of which a value would not come back from a journal as it went in."""
    found: list[str] = []
    for problem in _problems(value, "result", frozenset()):
        found.append(problem)
        if len(found) == MAX_PROBLEMS:
            break
    return found


def declared_problem(function: Callable[..., Any]) -> str | None:
    """What is wrong with the type that a function says it returns; None if it says nothing, or plain data."""
    try:
        declared = get_type_hints(inspect.unwrap(function)).get("return")
    except Exception:  # whatever looking a type up raises: it tells nothing, and the result is looked at later
        return None
    if not isinstance(declared, type) or declared in (*PLAIN, object) or is_typeddict(declared):
        return None
    if _is_awaited(declared):
        return None
    return f"It says that it returns {declared.__name__}"


def _is_awaited(declared: type) -> bool:
    return hasattr(declared, "__await__")


def _problems(value: Any, place: str, above: frozenset[int]) -> Iterator[str]:
    kind = type(value)
    if kind not in PLAIN:
        yield f"{place} is {_named(kind)}"
    elif kind is float and not math.isfinite(value):
        yield f"{place} is {value}, which JSON has not"
    elif kind is int and not -(2**63) <= value < 2**64:
        yield f"{place} is an integer of more than 64 bits"
    elif kind is str and not _is_text(value):
        yield f"{place} holds a lone surrogate, which is no text"
    elif id(value) in above:
        yield f"{place} holds itself"
    elif kind is list:
        for at, each in enumerate(value):
            yield from _problems(each, f"{place}[{at}]", above | {id(value)})
    elif kind is dict:
        for key, each in value.items():
            if type(key) is not str or not _is_text(key):
                yield f"{place} has the key {key!r}, which is no text"
            yield from _problems(each, f"{place}[{key!r}]", above | {id(value)})


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _named(kind: type) -> str:
    name = kind.__name__
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"

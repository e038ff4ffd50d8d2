"""States as plain data, and the difference between two of them: key by key, messages one by one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import orjson
from langchain_core.messages import BaseMessage

from .digests import canonical_json

_EMPTY: tuple[Any, ...] = (None, "", [], {}, ())


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One difference between two states."""

    key: str
    """A key of the state; of a message ``messages[4] ai``, its place and its kind."""
    kind: Literal["added", "removed", "changed"]
    before: Any = None
    after: Any = None
    """Plain JSON values."""


def plain(value: Any) -> Any:
    """A value of a state as plain JSON data; messages without their empty fields."""
    if isinstance(value, BaseMessage):
        dumped = value.model_dump(mode="json")
        return {name: plain(each) for name, each in dumped.items() if each not in _EMPTY}
    if isinstance(value, Mapping):
        return {str(name): plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return orjson.loads(canonical_json(value))


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """Everything in which two states differ, in the order of the keys."""
    found: list[Change] = []
    for key in dict.fromkeys((*before, *after)):
        old, new = before.get(key), after.get(key)
        if _is_history(old) and _is_history(new):
            found += _of_messages(key, old or [], new or [])
        elif key not in after:
            found.append(Change(key=key, kind="removed", before=plain(old)))
        elif key not in before:
            found.append(Change(key=key, kind="added", after=plain(new)))
        elif plain(old) != plain(new):
            found.append(Change(key=key, kind="changed", before=plain(old), after=plain(new)))
    return found


def _is_history(value: Any) -> bool:
    return value is None or (isinstance(value, list) and all(isinstance(each, BaseMessage) for each in value))


def _of_messages(key: str, before: Sequence[BaseMessage], after: Sequence[BaseMessage]) -> Iterator[Change]:
    """Messages are the same by their id; those without one by their place."""
    old = {each.id or at: (at, each) for at, each in enumerate(before)}
    new = {each.id or at: (at, each) for at, each in enumerate(after)}
    for name, (at, message) in old.items():
        if name not in new:
            yield Change(key=f"{key}[{at}] {message.type}", kind="removed", before=plain(message))
    for name, (at, message) in new.items():
        place = f"{key}[{at}] {message.type}"
        if name not in old:
            yield Change(key=place, kind="added", after=plain(message))
        elif plain(old[name][1]) != plain(message):
            yield Change(key=place, kind="changed", before=plain(old[name][1]), after=plain(message))

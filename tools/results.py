"""What the model reads of a result: text as it is, anything else as JSON, never more than the cap."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from pydantic import BaseModel

from .context import ToolContext
from .contract import Tool
from .invoking import Invoke

_OPTIONS = orjson.OPT_NON_STR_KEYS | orjson.OPT_PASSTHROUGH_SUBCLASS | orjson.OPT_PASSTHROUGH_DATACLASS


@dataclass(frozen=True)
class WithArtifact:
    """A result in two parts: `content` for the model, `artifact` for the program."""

    content: Any
    artifact: Any = None


def render_result(value: Any, cap: int) -> str:
    """Return a result as the text a model reads, at most `cap` characters with a mark where it was cut."""
    if isinstance(value, WithArtifact):
        value = value.content
    text = value if isinstance(value, str) else _json(value)
    return _capped(_encodable(text), cap)


def with_rendered_result(inner: Invoke) -> Invoke:
    """Return the text the model reads instead of the value, cut at the tool's `result_cap`."""

    async def invoke(tool: Tool, arguments: Mapping[str, Any], context: ToolContext) -> str:
        return render_result(await inner(tool, arguments, context), tool.labels.result_cap)

    return invoke


def _json(value: Any) -> str:
    try:
        return orjson.dumps(value, default=_plain, option=_OPTIONS).decode()
    except (TypeError, ValueError, RecursionError):
        return _slow_json(value)


def _slow_json(value: Any) -> str:
    """Write what orjson refuses: integers over 64 bits, lone surrogates, keys of any kind."""
    try:
        return json.dumps(_by_text_keys(value), default=_plain, ensure_ascii=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError):
        return repr(value)


def _by_text_keys(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _by_text_keys(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_by_text_keys(inner) for inner in value]
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, WithArtifact):
        return value.content
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, str | int | float):
        return _basic(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return f"{len(bytes(value))} bytes of binary data"
    if isinstance(value, set | frozenset):
        return sorted(value, key=repr)
    return list(value) if isinstance(value, list | tuple) else str(value)


def _basic(value: str | int | float) -> str | int | float:
    """Return the plain value of a subclass (an IdempotencyKey, an IntEnum)."""
    if isinstance(value, str):
        return str.__str__(value)
    return int.__int__(value) if isinstance(value, int) else float.__float__(value)


def _encodable(text: str) -> str:
    """Replace lone surrogates, which no provider's JSON can carry."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode(errors="replace").decode()
    return text


def _capped(text: str, cap: int) -> str:
    if len(text) <= cap:
        return text
    mark = f"\n[cut here: {len(text):,} characters in all, only the first {cap:,} fit. Ask for less at a time.]"
    return text[: max(0, cap - len(mark))] + mark[: max(cap, 0)]

"""Reads what tools returned: search hits in JSON or text, or any other value, as passages that can be cited."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

CAP = 60_000
"""Characters of one result that are read."""
_ID = ("chunk_id", "id", "chunk", "doc_id", "key")
_SOURCE = ("source", "url", "path", "file", "link", "document")
_TITLE = ("heading", "title", "name", "section")
_TEXT = ("text", "content", "snippet", "body", "passage", "summary", "description", "page_content")


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of text with where it comes from."""

    text: str
    label: str = ""
    """A number or id that the result itself gives the passage."""
    source: str = ""
    title: str = ""

    @property
    def origin(self) -> str:
        """The source line of a citation."""
        return (
            " — ".join(dict.fromkeys(part for part in (self.source, self.title, self.label) if part)) or "tool result"
        )


def passages(results: Sequence[tuple[str, str]]) -> list[Passage]:
    """Passages of (tool name, result text) pairs, each text once, at most 200."""
    found: dict[str, Passage] = {}
    for tool, result in results:
        for passage in _of_result(tool, result[:CAP]):
            if passage.text.strip() and len(found) < 200:
                found.setdefault(passage.text, passage)
    return list(found.values())


def _of_result(tool: str, text: str) -> Iterator[Passage]:
    value = loads(text)
    if isinstance(value, dict | list):
        yield from _of_value(tool, value, 0)
    else:
        yield from _of_text(tool, text)


def loads(text: str) -> Any:
    """The JSON value of a text, or None."""
    if text[:1].strip() not in ("{", "["):
        return None
    try:
        return orjson.loads(text)
    except ValueError:
        return None


def _of_value(tool: str, value: Any, depth: int) -> Iterator[Passage]:
    if depth > 5:
        return
    if isinstance(value, list):
        if value and not any(isinstance(entry, dict | list) for entry in value):
            yield Passage(", ".join(map(_plain, value[:100])), source=tool)
        for entry in value[:100]:
            if isinstance(entry, dict | list):
                yield from _of_value(tool, entry, depth + 1)
    elif isinstance(value, dict):
        yield from _of_record(tool, value, depth)


def _of_record(tool: str, record: dict[str, Any], depth: int) -> Iterator[Passage]:
    inner = record.get("chunk")
    if isinstance(inner, dict):
        record = {**record, **inner}
    text = _first(record, _TEXT)
    if text:
        yield Passage(text, _first(record, _ID), _first(record, _SOURCE) or tool, _first(record, _TITLE))
        return
    flat = [f"{key}: {_plain(entry)}" for key, entry in record.items() if not isinstance(entry, dict | list)]
    if flat:
        yield Passage("; ".join(flat), source=tool)
    for entry in record.values():
        if isinstance(entry, dict | list):
            yield from _of_value(tool, entry, depth + 1)


def _first(record: dict[str, Any], keys: Sequence[str]) -> str:
    return next((str(record[key]) for key in keys if isinstance(record.get(key), str | int) and record[key] != ""), "")


def _plain(value: Any) -> str:
    return (
        {True: "yes", False: "no", None: "none"}.get(value, str(value))
        if isinstance(value, bool | None)
        else str(value)
    )


_HEADED = re.compile(r"^\[(?P<label>[^\]\n]{1,80})\]\s*(?P<rest>[^\n]*)\n?", re.M)


def _of_text(tool: str, text: str) -> Iterator[Passage]:
    """Blocks that begin with `[label] source — heading`; a text without such heads is one passage per paragraph."""
    heads = list(_HEADED.finditer(text))
    if not heads:
        for block in re.split(r"\n\s*\n", text):
            yield Passage(block.strip(), source=tool)
        return
    for head, following in zip(heads, [*heads[1:], None], strict=True):
        body = text[head.end() : following.start() if following else len(text)].strip()
        source, _, title = (
            part.strip() for part in re.sub(r"\s[-–—|·]\s", "\0", head["rest"], count=1).partition("\0")
        )
        yield Passage(body or head["rest"], head["label"], source if body else tool, title if body else "")

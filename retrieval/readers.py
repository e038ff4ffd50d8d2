"""Bytes of a file into passages: by suffix, with one reason for whatever cannot be read."""

from __future__ import annotations

import codecs
import json
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from typing import Any

from .blocks import line_groups, markdown_blocks, pack, text_blocks
from .chunk import Passage, Quarantined
from .html_reader import html_blocks
from .python_reader import code_passages

LARGEST_FILE = 5_000_000
"""Bytes; a larger file is quarantined."""
LARGEST_RECORDS = 500_000_000
"""Bytes of a JSONL file, whose records are documents of their own."""

_MARKDOWN = frozenset({".md", ".markdown", ".mdx"})
_HTML = frozenset({".html", ".htm", ".xhtml"})
_RECORDS = frozenset({".jsonl", ".ndjson"})
_CODE_SUFFIXES = """
.c .cc .cpp .cs .css .dart .ex .go .h .hpp .hs .java .js .json .jsx .kt .lua .php .pl .proto .ps1 .r .rb .rs .scala .sh
.sql .swift .toml .ts .tsx .vue .xml .yaml .yml .zig
"""
_CODE = frozenset(_CODE_SUFFIXES.split())
_LONGEST_LINES = 1_500
_IDS = ("_id", "id", "doc_id", "key")
_TITLES = ("title", "name", "heading", "question", "subject")
_TEXTS = ("text", "body", "content", "page_content", "answer", "description")


class Unreadable(Exception):
    """A document that cannot be indexed; the message is the reason people see."""


def size_limit(name: str) -> int:
    """Bytes that a file of this name may have."""
    return LARGEST_RECORDS if PurePosixPath(name).suffix.lower() in _RECORDS else LARGEST_FILE


def read_passages(name: str, data: bytes) -> Iterator[Passage | Quarantined]:
    """Passages of one file. Raises Unreadable; a bad record of a JSONL file is yielded and the rest goes on."""
    suffix = PurePosixPath(name).suffix.lower()
    text = decode(data, suffix)
    if suffix in _RECORDS:
        return _records(name, text)
    return iter([*_reader(suffix)(text, name)])


def decode(data: bytes, suffix: str = "") -> str:
    """Text of a file: UTF-8, or UTF-16 with its mark. Raises Unreadable for anything else."""
    if suffix == ".pdf" or data.startswith(b"%PDF-"):
        raise Unreadable("PDF; there is no reader for it, convert it to text first")
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    elif b"\0" in data[:8192]:
        raise Unreadable("binary")
    else:
        encoding = "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise Unreadable(f"not {encoding.removesuffix('-sig')}: bad byte at {error.start}") from None
    if not text.strip():
        raise Unreadable("empty")
    return text


def _reader(suffix: str) -> Callable[[str, str], Iterator[Passage]]:
    if suffix in _MARKDOWN:
        return _markdown
    if suffix in _HTML:
        return _html
    if suffix in (".py", ".pyi"):
        return _python
    return _code if suffix in _CODE else _text


def _markdown(text: str, name: str) -> Iterator[Passage]:
    blocks = list(markdown_blocks(text))
    title = next((b.headings[-1] for b in blocks if b.headings), "") or _stem(name)
    for part in pack(blocks):
        yield Passage(part.text, title, part.heading, part.start, part.end, kind="markdown")


def _html(text: str, name: str) -> Iterator[Passage]:
    title, blocks = html_blocks(text)
    title = title or next((b.headings[-1] for b in blocks if b.headings), "") or _stem(name)
    for part in pack(blocks):
        yield Passage(part.text, title, part.heading, part.start, part.end, kind="html")


def _text(text: str, name: str) -> Iterator[Passage]:
    for part in pack(text_blocks(text)):
        yield Passage(part.text, _stem(name), "", part.start, part.end)


def _python(text: str, name: str) -> Iterator[Passage]:
    module = ".".join(PurePosixPath(name).with_suffix("").parts).removesuffix(".__init__")
    try:
        yield from list(code_passages(text, module, name))
    except (SyntaxError, ValueError, RecursionError):
        yield from _code(text, name)


def _code(text: str, name: str) -> Iterator[Passage]:
    for start, group in line_groups(text.splitlines(), _LONGEST_LINES):
        body = "\n".join(group).strip("\n")
        if body.strip():
            yield from _pieces(body, name, start + 1, start + len(group))


def _pieces(body: str, name: str, start: int, end: int) -> Iterator[Passage]:
    for at in range(0, len(body), _LONGEST_LINES * 2):
        yield Passage(body[at : at + _LONGEST_LINES * 2], name, "", start, end, kind="code")


def _records(name: str, text: str) -> Iterator[Passage | Quarantined]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            yield Quarantined(f"{name}:{number}", f"not JSON: {error}")
            continue
        found = list(_record(record, number)) if isinstance(record, dict) else []
        yield from found
        if not found:
            yield Quarantined(f"{name}:{number}", "no text in this record")


def _record(record: dict[str, Any], number: int) -> Iterator[Passage]:
    key = next((str(record[k]) for k in _IDS if record.get(k) not in (None, "")), str(number))
    title = next((str(record[k]) for k in _TITLES if isinstance(record.get(k), str)), "")
    body = next((record[k] for k in _TEXTS if isinstance(record.get(k), str) and record[k].strip()), "")
    body = body or "\n\n".join(v for k, v in record.items() if isinstance(v, str) and k not in (*_IDS, *_TITLES))
    for part in pack(markdown_blocks(body or title)):
        yield Passage(part.text, title, part.heading, number, number, kind="record", part=key)


def _stem(name: str) -> str:
    return PurePosixPath(name).stem

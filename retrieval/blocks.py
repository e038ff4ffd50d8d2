"""Text into blocks (headings, paragraphs, fenced code) and blocks into passages of a good size."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import takewhile

SPLITTER_VERSION = "blocks-1"
TARGET = 1_200
"""Characters a passage grows to."""
SMALL = 800
"""A passage below this takes in its neighbour under another heading."""
LARGEST_FENCE = 6_000
"""Fenced code is kept whole up to this many characters."""

_HEADING = re.compile(r"^ {0,3}(#{1,6})\s+(.+?)\s*#*\s*$")
_FENCE = re.compile(r"^\s*(```+|~~~+)")
_SENTENCE = re.compile(r"(?<=[.!?。！？])[\"')\]]*\s+|\n(?=\s*(?:[-*+]|\d+[.)])\s)")


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph, a heading or a piece of code with its place."""

    text: str
    start: int
    end: int
    headings: tuple[str, ...] = ()
    fence: bool = False


@dataclass(frozen=True, slots=True)
class Packed:
    """Blocks that became one passage."""

    text: str
    heading: str
    start: int
    end: int


def markdown_blocks(text: str) -> Iterator[Block]:
    """Blocks of a Markdown text; fenced code stays one block."""
    path: dict[int, str] = {}
    lines = text.splitlines()
    at = 0
    while at < len(lines):
        line = lines[at]
        if not line.strip():
            at += 1
        elif found := _HEADING.match(line):
            level = len(found[1])
            path = {k: v for k, v in path.items() if k < level} | {level: found[2]}
            yield Block(line.strip(), at + 1, at + 1, tuple(path.values()))
            at += 1
        else:
            end = _fence_end(lines, at) if _FENCE.match(line) else _paragraph_end(lines, at)
            yield Block("\n".join(lines[at:end]).rstrip(), at + 1, end, tuple(path.values()), bool(_FENCE.match(line)))
            at = end


def text_blocks(text: str, first_line: int = 1) -> Iterator[Block]:
    """Paragraphs of a plain text."""
    lines = text.splitlines()
    at = 0
    while at < len(lines):
        end = at
        while end < len(lines) and lines[end].strip():
            end += 1
        if end > at:
            yield Block("\n".join(lines[at:end]).rstrip(), first_line + at, first_line + end - 1)
        at = end + 1


def pack(blocks: Iterable[Block]) -> Iterator[Packed]:
    """Passages: neighbours under one heading together, small ones with the next, none above the target if avoidable."""
    held: list[Block] = []
    size = 0
    for block in (part for whole in blocks for part in _cut(whole)):
        other = bool(held) and block.headings != held[-1].headings
        if held and (size + len(block.text) > TARGET or (other and size >= SMALL)):
            left = _trailing_headings(held)
            if len(left) < len(held):
                yield _join(held[: len(held) - len(left)])
                held, size = left, sum(len(b.text) for b in left)
        held.append(block)
        size += len(block.text) + 2
    if held:
        yield _join(held)


def _trailing_headings(held: list[Block]) -> list[Block]:
    at = len(held)
    while at and _is_heading(held[at - 1]):
        at -= 1
    return held[at:]


def _join(held: list[Block]) -> Packed:
    body = [block for block in held if not _is_heading(block)] or held[-1:]
    levels = zip(*(block.headings for block in body), strict=False)
    path = [same[0] for same in takewhile(lambda level: len(set(level)) == 1, levels)] or body[0].headings
    return Packed("\n\n".join(block.text for block in held), " > ".join(path), held[0].start, held[-1].end)


def _is_heading(block: Block) -> bool:
    return not block.fence and bool(_HEADING.match(block.text))


def _fence_end(lines: list[str], at: int) -> int:
    opening = _FENCE.match(lines[at])
    assert opening is not None
    for end in range(at + 1, len(lines)):
        if lines[end].strip().startswith(opening[1]):
            return end + 1
    return len(lines)


def _paragraph_end(lines: list[str], at: int) -> int:
    end = at + 1
    while end < len(lines) and lines[end].strip() and not _HEADING.match(lines[end]) and not _FENCE.match(lines[end]):
        end += 1
    return end


def _cut(block: Block) -> Iterator[Block]:
    if len(block.text) <= (LARGEST_FENCE if block.fence else TARGET * 3 // 2):
        yield block
    elif block.fence:
        yield from _cut_fence(block)
    else:
        yield from _cut_text(block)


def _cut_text(block: Block) -> Iterator[Block]:
    line, held = block.start, ""
    for piece in _pieces(block.text):
        if held and len(held) + len(piece) > TARGET:
            end = line + held.rstrip().count("\n")
            yield Block(held.strip(), line, end, block.headings)
            line, held = line + held.count("\n"), ""
        held += piece
    if held.strip():
        yield Block(held.strip(), line, block.end, block.headings)


def _pieces(text: str) -> Iterator[str]:
    """Sentences with the space behind them; sentences too long are cut at words, words too long anywhere."""
    last = 0
    for cut in [*(m.end() for m in _SENTENCE.finditer(text)), len(text)]:
        sentence, last = text[last:cut], cut
        while len(sentence) > TARGET:
            at = sentence.rfind(" ", TARGET // 2, TARGET) + 1 or TARGET
            yield sentence[:at]
            sentence = sentence[at:]
        yield sentence


def _cut_fence(block: Block) -> Iterator[Block]:
    first, *body = block.text.splitlines()
    mark = _FENCE.match(first)
    close = mark[1] if mark else "```"
    body = body[:-1] if body and body[-1].strip().startswith(close) else body
    for start, lines in line_groups(body, LARGEST_FENCE):
        at = block.start + 1 + start
        yield Block("\n".join([first, *lines, close]), at, at + len(lines) - 1, block.headings, True)


def line_groups(lines: list[str], size: int) -> Iterator[tuple[int, list[str]]]:
    """Runs of lines of at most `size` characters with the index of their first, cut at a blank line where near."""
    start = 0
    while start < len(lines):
        end, used = start, 0
        while end < len(lines) and (end == start or used + len(lines[end]) < size):
            used += len(lines[end]) + 1
            end += 1
        if end < len(lines):
            blanks = [i for i in range(start + (end - start) // 2, end) if not lines[i].strip()]
            end = blanks[-1] + 1 if blanks else end
        yield start, lines[start:end]
        start = end

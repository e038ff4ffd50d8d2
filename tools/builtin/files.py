"""Files in one directory: list, read, search and write text; nothing outside it, no links, no hidden names."""

from __future__ import annotations

import io
import os
import secrets
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import translate
from re import IGNORECASE
from re import compile as compile_pattern
from typing import Annotated, Literal

from pydantic import Field

from ..context import ToolContext
from ..declare import tool
from ..errors import ToolFailed
from .rooted import FilesRoot, failed, opened_file, opened_folder, steps_of

MOST_ENTRIES = 500
MOST_LINES = 2_000
MOST_HITS = 100
MOST_SEARCHED = 5_000
"""Files one search looks into."""
SEARCHED_BYTES = 50_000_000
LONGEST_LINE = 300
"""Characters of a line that a hit shows."""

Path = Annotated[str, Field(description="Path inside the folder, like 'notes/plan.md'.")]
Folder = Annotated[str, Field(description="Folder inside the folder; '.' is the whole.")]


@dataclass(frozen=True)
class Entry:
    """One name in a folder."""

    name: str
    kind: Literal["file", "folder", "other"]
    bytes: int


@dataclass(frozen=True)
class Listing:
    """What is in a folder."""

    folder: str
    entries: list[Entry]
    left_out: int = 0
    """Names beyond those shown, hidden ones not counted."""


@dataclass(frozen=True)
class Passage:
    """Lines of a file, the first line being 1."""

    path: str
    first_line: int
    last_line: int
    total_lines: int
    text: str


@dataclass(frozen=True)
class Hit:
    """A line that holds what was searched."""

    path: str
    line: int
    text: str


@dataclass(frozen=True)
class Search:
    """What a search found, and whether it saw everything."""

    hits: list[Hit]
    files_searched: int
    complete: bool


@dataclass(frozen=True)
class Written:
    """What was written."""

    path: str
    bytes: int
    """Size of the file now."""


@tool(effect="read", private=True, retry=1)
def list_files(context: ToolContext, folder: Folder = ".") -> Listing:
    """List the files and folders in one folder."""
    root = context.resources.get(FilesRoot)
    with opened_folder(root, steps_of(root, folder)) as here:
        found = list(_entries(here, root, context.check))
    return Listing(folder, found[:MOST_ENTRIES], max(0, len(found) - MOST_ENTRIES))


@tool(effect="read", private=True, retry=1)
def read_file(
    path: Path,
    context: ToolContext,
    first_line: Annotated[int, Field(ge=1, description="First line wanted; lines count from 1.")] = 1,
    last_line: Annotated[int | None, Field(ge=1, description="Last line wanted; empty for the end.")] = None,
) -> Passage:
    """Read a text file, or a range of its lines."""
    root = context.resources.get(FilesRoot)
    lines = _text(root, path).split("\n")
    if len(lines) > 1 and lines[-1] == "":
        lines.pop()
    last = min(len(lines), last_line or len(lines), first_line + MOST_LINES - 1)
    if first_line > len(lines) or last < first_line:
        raise ToolFailed(f"{path!r} has the lines 1 to {len(lines)}. Ask for a range in them, first to last.")
    return Passage(path, first_line, last, len(lines), "\n".join(lines[first_line - 1 : last]))


@tool(effect="read", private=True, timeout=30.0)
def search_files(
    text: Annotated[str, Field(min_length=1, max_length=200, description="Words that must be in a line.")],
    context: ToolContext,
    folder: Folder = ".",
    names: Annotated[str, Field(max_length=100, description="File names to look into, like '*.md'.")] = "*",
) -> Search:
    """Search files for lines that hold a text; capital letters do not matter."""
    root = context.resources.get(FilesRoot)
    wanted, matches = text.casefold(), compile_pattern(translate(names), IGNORECASE).match
    hits: list[Hit] = []
    searched = read = 0
    for path in _walk(root, steps_of(root, folder), context.check):
        if not matches(path.rpartition("/")[2]):
            continue
        if searched >= MOST_SEARCHED or read >= SEARCHED_BYTES or len(hits) >= MOST_HITS:
            return Search(hits[:MOST_HITS], searched, complete=False)
        try:
            content = _text(root, path)
        except ToolFailed:
            continue  # not text, too large, or gone meanwhile
        searched, read = searched + 1, read + len(content)
        hits += _hits(path, content, wanted)
    return Search(hits[:MOST_HITS], searched, complete=len(hits) <= MOST_HITS)


@tool(effect="write", approval="Changes a file of the project.", critical=("path",), reversible=False)
def write_file(
    path: Path,
    text: Annotated[str, Field(description="The whole text, or what is added.")],
    context: ToolContext,
    mode: Annotated[
        Literal["create", "replace", "append"],
        Field(description="create a new file, replace one whole, or append at its end"),
    ] = "create",
) -> Written:
    """Write a text file in the folder; folders on the way are made."""
    root = context.resources.get(FilesRoot)
    *folders, name = steps_of(root, path) or ("",)
    if not name or path.endswith("/"):
        raise ToolFailed(f"{path!r} names a folder. Give the name of a file, like 'notes/plan.md'.")
    data = _encoded(text, root)
    context.check()
    with opened_folder(root, tuple(folders), make=True) as here:
        context.check()
        return Written(path, _WRITERS[mode](here, name, path, data, root))


def _entries(here: int, root: FilesRoot, check: Callable[[], None]) -> Iterator[Entry]:
    with os.scandir(here) as found:
        for entry in sorted(found, key=lambda one: one.name):
            check()
            if entry.name.startswith(".") and not root.hidden:
                continue
            try:
                about = entry.stat(follow_symlinks=False)
            except OSError:
                continue  # gone meanwhile
            kind: Literal["file", "folder", "other"] = "other"
            if stat.S_ISREG(about.st_mode):
                kind = "file"
            elif stat.S_ISDIR(about.st_mode):
                kind = "folder"
            yield Entry(entry.name, kind, about.st_size if kind == "file" else 0)


def _walk(root: FilesRoot, names: tuple[str, ...], check: Callable[[], None]) -> Iterator[str]:
    """Yield the paths of all files below a folder, in order; what cannot be opened is passed over."""
    try:
        with opened_folder(root, names) as here:
            found = list(_entries(here, root, check))
    except ToolFailed:
        return
    for entry in found:
        path = "/".join((*names, entry.name))
        if entry.kind == "file":
            yield path
        elif entry.kind == "folder" and _usable(root, path):
            yield from _walk(root, (*names, entry.name), check)


def _usable(root: FilesRoot, path: str) -> bool:
    try:
        steps_of(root, path)
    except ToolFailed:
        return False
    return True


def _text(root: FilesRoot, path: str) -> str:
    *folders, name = steps_of(root, path) or ("",)
    if not name:
        raise ToolFailed(f"{path!r} names a folder. Give the name of a file.")
    with opened_folder(root, tuple(folders)) as here, opened_file(here, name, path) as file:
        size = os.fstat(file).st_size
        if size > root.largest_read:
            raise ToolFailed(f"{path!r} has {size:,} bytes; at most {root.largest_read:,} can be read.")
        with io.FileIO(file, closefd=False) as raw:
            data = io.BufferedReader(raw).read(root.largest_read)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ToolFailed(f"{path!r} is not a text file (it is not UTF-8).") from None
    return text.replace("\r\n", "\n")


def _hits(path: str, content: str, wanted: str) -> list[Hit]:
    if wanted not in content.casefold():
        return []
    return [
        Hit(path, number, line.strip()[:LONGEST_LINE])
        for number, line in enumerate(content.split("\n"), 1)
        if wanted in line.casefold()
    ]


def _encoded(text: str, root: FilesRoot) -> bytes:
    try:
        data = text.encode()
    except UnicodeEncodeError:
        raise ToolFailed("The text holds characters that cannot be written (lone surrogates).") from None
    if len(data) > root.largest_write:
        raise ToolFailed(f"The text has {len(data):,} bytes; at most {root.largest_write:,} can be written.")
    return data


def _create(here: int, name: str, path: str, data: bytes, root: FilesRoot) -> int:
    with opened_file(here, name, path, os.O_WRONLY | os.O_CREAT | os.O_EXCL) as file:
        try:
            _write_all(file, data)
        except ToolFailed:
            _remove(here, name)
            raise
    return len(data)


def _replace(here: int, name: str, path: str, data: bytes, root: FilesRoot) -> int:
    """Write beside the file, then put it in its place in one step; an interrupted write changes nothing."""
    with opened_file(here, name, path):
        pass  # it must be there, and be a regular file
    beside = f".{secrets.token_hex(8)}.tmp"
    try:
        _create(here, beside, path, data, root)
        os.rename(beside, name, src_dir_fd=here, dst_dir_fd=here)
    except OSError as error:
        raise failed(error, path) from error
    finally:
        _remove(here, beside)
    return len(data)


def _append(here: int, name: str, path: str, data: bytes, root: FilesRoot) -> int:
    with opened_file(here, name, path, os.O_WRONLY | os.O_APPEND) as file:
        about = os.fstat(file)
        if about.st_nlink > 1:
            raise ToolFailed(f"{path!r} has a second name elsewhere and is not appended to. Replace it whole.")
        if about.st_size + len(data) > root.largest_write:
            raise ToolFailed(f"{path!r} would grow over {root.largest_write:,} bytes. Start another file.")
        _write_all(file, data)
        return about.st_size + len(data)


_WRITERS = {"create": _create, "replace": _replace, "append": _append}


def _write_all(file: int, data: bytes) -> None:
    left = memoryview(data)
    try:
        while left:
            left = left[os.write(file, left) :]
        os.fsync(file)
    except OSError as error:
        raise failed(error, "the file") from error


def _remove(here: int, name: str) -> None:
    try:
        os.unlink(name, dir_fd=here)
    except OSError:
        return

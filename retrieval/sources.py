"""Where documents come from: files and folders; `Source` is the contract for anything else."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from .chunk import Passage, Quarantined
from .readers import Unreadable, read_passages, size_limit

SKIPPED_FOLDERS = frozenset({"node_modules", "__pycache__", "site-packages", "venv"})
"""Folders that are never entered, besides all hidden ones."""


@dataclass(frozen=True, slots=True)
class Document:
    """One document that a source offers, unread."""

    origin: str
    """Identity that stays the same between ingests, such as an absolute path."""
    label: str
    """What people call it; becomes `Chunk.source`."""
    stamp: str
    """Changes when the document may have changed (size and time of a file)."""
    read: Callable[[], bytes]
    """Content as bytes. Raises OSError or Unreadable."""
    passages: Callable[[bytes], Iterator[Passage | Quarantined]]
    """Passages of the content. Raises Unreadable."""


@runtime_checkable
class Source(Protocol):
    """Anything that offers documents."""

    def documents(self) -> Iterator[Document | Quarantined]:
        """The documents that exist now, in a stable order."""

    def covers(self, origin: str) -> bool:
        """Whether a document of this origin would be offered if it still existed."""


@dataclass(frozen=True, slots=True)
class FileTree:
    """A file, or a folder with all it holds; hidden and generated folders are skipped, links are followed once."""

    root: Path

    def documents(self) -> Iterator[Document | Quarantined]:
        """Readable files in the order of their names."""
        root = self.root.absolute()
        if not root.exists():
            yield Quarantined(str(self.root), "does not exist")
        elif root.is_dir():
            for path in _walk(root, set()):
                yield path if isinstance(path, Quarantined) else _document(path, _label(path, root))
        else:
            yield _document(root, root.name)

    def covers(self, origin: str) -> bool:
        """Files below the folder; nothing when a whole folder is missing (an unmounted disk deletes no index)."""
        root = str(self.root.absolute())
        if origin == root:
            return not self.root.is_dir()
        return origin.startswith(root.rstrip(os.sep) + os.sep) and self.root.is_dir()


def as_sources(given: Iterable[Path | str | Source]) -> list[Source]:
    """Paths become file trees; sources stay what they are."""
    if isinstance(given, str | Path):
        given = [given]
    return [FileTree(Path(one)) if isinstance(one, str | Path) else one for one in given]


def _label(path: Path, root: Path) -> str:
    return path.relative_to(root.parent).as_posix()


def _walk(folder: Path, above: set[tuple[int, int]]) -> Iterator[Path | Quarantined]:
    try:
        stat = folder.stat()
        entries = sorted(folder.iterdir(), key=lambda p: p.name)
    except OSError as error:
        yield Quarantined(str(folder), _reason(error))
        return
    here = (stat.st_dev, stat.st_ino)
    if here in above:
        return
    for entry in entries:
        try:
            if entry.is_dir():
                if not entry.name.startswith(".") and entry.name not in SKIPPED_FOLDERS:
                    yield from _walk(entry, above | {here})
            elif entry.is_file():
                yield entry
            else:
                yield Quarantined(str(entry), "not a regular file" if entry.exists() else "broken link")
        except OSError as error:
            yield Quarantined(str(entry), _reason(error))


def _document(path: Path, label: str) -> Document | Quarantined:
    try:
        stat = path.stat()
    except OSError as error:
        return Quarantined(str(path), _reason(error))
    limit = size_limit(path.name)

    def read() -> bytes:
        if stat.st_size > limit:
            raise Unreadable(f"too large: {stat.st_size:,} bytes, the limit is {limit:,}")
        return path.read_bytes()

    return Document(
        origin=str(path),
        label=label,
        stamp=f"{stat.st_size}:{stat.st_mtime_ns}",
        read=read,
        passages=lambda data: read_passages(label, data),
    )


def _reason(error: OSError) -> str:
    return f"cannot be read: {error.strerror or error}"

"""One directory that nothing gets out of: paths are opened step by step from its descriptor, links refused.

Every step is `openat` with O_NOFOLLOW, so a directory swapped for a link between two steps is refused by the
kernel; nothing is checked by name first and opened by name later. Whoever can move folders out of the root, or
make hard links in it, is outside this model: they have the file system already.
"""

from __future__ import annotations

import errno
import os
import re
import stat
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..errors import ToolDeclarationError, ToolFailed

_DIRECTORY = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
_FILE = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)
_DRIVE = re.compile(r"[A-Za-z]:")
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_LONGEST_PATH = 1_000
_LONGEST_NAME = 255
"""Bytes."""
_DEEPEST = 32


@dataclass(frozen=True)
class FilesRoot:
    """The one directory the file tools may use; provide it in the context's resources."""

    path: Path
    hidden: bool = False
    """Whether names that start with a dot (.env, .git) can be seen and used."""
    largest_read: int = 10_000_000
    """Bytes of the largest file that is read."""
    largest_write: int = 1_000_000
    """Bytes of the largest file that is written."""

    def __post_init__(self) -> None:
        if os.open not in os.supports_dir_fd or not hasattr(os, "O_NOFOLLOW"):
            raise ToolDeclarationError("FilesRoot", ["This system cannot open files relative to a directory."])
        if not self.path.is_dir():
            raise ToolDeclarationError("FilesRoot", [f"There is no directory {str(self.path)!r}. Make it first."])


def steps_of(root: FilesRoot, path: str) -> tuple[str, ...]:
    """Return the names of a relative path, () for the root; raises ToolFailed for anything that is not one."""
    if not isinstance(path, str) or len(path) > _LONGEST_PATH:
        raise ToolFailed(f"A path has at most {_LONGEST_PATH} characters.")
    if path.startswith(("/", "~")) or "\\" in path or _DRIVE.match(path) or "://" in path:
        raise ToolFailed(f"{path!r} is not a path inside the folder. Write it like 'notes/plan.md'.")
    names = tuple(name for name in path.split("/") if name not in ("", "."))
    if len(names) > _DEEPEST:
        raise ToolFailed(f"{path!r} is more than {_DEEPEST} folders deep.")
    for name in names:
        if wrong := _wrong(name, root.hidden):
            raise ToolFailed(f"{path!r} cannot be used: the name {name!r} {wrong}.")
    return names


def _wrong(name: str, hidden: bool) -> str:
    folded = unicodedata.normalize("NFKC", name)
    if folded.strip(" .") == "":
        return "leads out of the folder"
    if "/" in folded or "\\" in folded or any(unicodedata.category(letter) in _INVISIBLE for letter in name):
        return "has characters that a name cannot have"
    if unicodedata.normalize("NFC", name) != name:
        return "is not written in Unicode's usual form (NFC)"
    if name != name.strip() or name.endswith("."):
        return "starts or ends with a space, or ends with a dot"
    if len(name.encode()) > _LONGEST_NAME:
        return f"has more than {_LONGEST_NAME} bytes"
    return "" if hidden or not folded.startswith(".") else "is hidden"


@contextmanager
def opened_folder(root: FilesRoot, names: tuple[str, ...], *, make: bool = False) -> Iterator[int]:
    """Give the descriptor of a folder below the root, reached without following any link."""
    here = os.open(root.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for done, name in enumerate(names, 1):
            inner = _step(here, name, "/".join(names[:done]), make)
            os.close(here)
            here = inner
        yield here
    finally:
        os.close(here)


def _step(here: int, name: str, shown: str, make: bool) -> int:
    if make:
        try:
            os.mkdir(name, 0o755, dir_fd=here)
        except FileExistsError:
            pass
        except OSError as error:
            raise failed(error, shown) from error
    try:
        return os.open(name, _DIRECTORY, dir_fd=here)
    except OSError as error:
        raise failed(error, shown) from error


@contextmanager
def opened_file(folder: int, name: str, shown: str, flags: int = os.O_RDONLY) -> Iterator[int]:
    """Give the descriptor of a regular file in a folder; links, devices, pipes and sockets are refused."""
    try:
        if not flags & os.O_CREAT and not stat.S_ISREG(os.lstat(name, dir_fd=folder).st_mode):
            raise ToolFailed(f"{shown!r} is not a regular file.")
        found = os.open(name, flags | _FILE, 0o644, dir_fd=folder)
    except OSError as error:
        raise failed(error, shown) from error
    try:
        if not stat.S_ISREG(os.fstat(found).st_mode):
            raise ToolFailed(f"{shown!r} is not a regular file.")
        yield found
    finally:
        os.close(found)


_REASONS = {
    errno.ENOENT: "There is no {!r}.",
    errno.ENOTDIR: "{!r} is not a folder that can be used.",
    errno.ELOOP: "{!r} is a link, and links are not followed.",
    errno.EEXIST: "{!r} exists already.",
    errno.EISDIR: "{!r} is a folder, not a file.",
    errno.EACCES: "{!r} may not be used: permission denied.",
    errno.EPERM: "{!r} may not be used: permission denied.",
    errno.ENOSPC: "{!r} cannot be written: the disk is full.",
    errno.ENAMETOOLONG: "{!r} is too long a name.",
}


def failed(error: OSError, shown: str) -> ToolFailed:
    """Say what happened without a word about where the root is."""
    reason = _REASONS.get(error.errno or 0, "{!r} cannot be used: " + os.strerror(error.errno or errno.EIO) + ".")
    return ToolFailed(reason.format(shown))

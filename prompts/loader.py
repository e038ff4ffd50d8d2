"""`prompt(name)`: finds a prompt file, reads it, checks it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from .contract import Prompt
from .errors import PromptError
from .folders import PromptFolder, caller_file, search_path
from .header import near

_NAME = re.compile(r"[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*")


@dataclass(frozen=True)
class PromptSource:
    """A prompt file that can be asked for by name."""

    name: str
    path: Path


def prompt(name: str, /, **defaults: Any) -> Prompt:
    """Return the prompt of this name, such as "research/planner".

    defaults: values for places, which `render` may override.
    Looked for in added folders, the project's `prompts/`, the caller's package, and what is shipped.
    """
    return load_prompt(name, defaults, search_path(caller_file(2)))


def load_prompt(name: str, defaults: dict[str, Any], folders: Iterable[PromptFolder]) -> Prompt:
    """Return a prompt from the first of these folders that has it."""
    folders = list(folders)
    if not _NAME.fullmatch(name):
        raise PromptError(f"Prompt {name!r}", ["A name is words of letters, digits, _ and - joined by '/'."])
    path = next((file for folder in folders if (file := folder.file(name)) and file.is_file()), None)
    if path is None:
        raise _absent(name, folders)
    found = Prompt.parse(name, _read(name, path), path)
    if unused := found.unused(defaults):
        raise PromptError(f"Prompt {name!r} in {path}", unused)
    return replace(found, defaults=MappingProxyType(dict(defaults)))


def list_prompts(package: Path | str | None = None) -> list[PromptSource]:
    """Return every prompt that can be asked for, sorted by name, each with the file that would be used.

    package: a folder whose `prompts` are looked at as its own code would.
    """
    caller = Path(package).resolve() / "__init__.py" if package is not None else None
    found: dict[str, Path] = {}
    for folder in search_path(caller):
        for name, path in folder.names():
            if _NAME.fullmatch(name):
                found.setdefault(name, path)
    return [PromptSource(name, found[name]) for name in sorted(found)]


def _read(name: str, path: Path) -> str:
    try:
        return path.read_bytes().decode()
    except UnicodeDecodeError as error:
        raise PromptError(f"Prompt {name!r} in {path}", [f"The file is not UTF-8: {error}."]) from None


def _absent(name: str, folders: list[PromptFolder]) -> PromptError:
    known = {other for folder in folders for other, _ in folder.names()}
    looked = [str(folder.path) for folder in folders]
    return PromptError(
        f"There is no prompt {name!r}.{near(name, known)}",
        [f"Looked in {place}" for place in dict.fromkeys(looked)] or ["There is no folder to look in."],
    )

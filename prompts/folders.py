"""Where prompts are looked for: added folders, the project, the caller's package, and what is shipped."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

_SHIPPED = Path(__file__).parent
_added: list[Path] = []


@dataclass(frozen=True)
class PromptFolder:
    """A folder of prompt files; with a prefix, `prefix/name` is its file `name.md`."""

    path: Path
    prefix: str = ""

    def file(self, name: str) -> Path | None:
        """Return the path a name would have here, or None if this folder cannot hold it."""
        if self.prefix and not name.startswith(f"{self.prefix}/"):
            return None
        return self.path / f"{name.removeprefix(self.prefix).lstrip('/')}.md"

    def names(self) -> Iterator[tuple[str, Path]]:
        """Yield every prompt file with its name, sorted."""
        for path in sorted(self.path.rglob("*.md")):
            name = path.relative_to(self.path).with_suffix("").as_posix()
            yield (f"{self.prefix}/{name}" if self.prefix else name), path


def add_prompt_folder(path: Path | str) -> None:
    """Look for prompts in this folder too, before the caller's package and what is shipped."""
    folder = Path(path).resolve()
    if not folder.is_dir():
        raise NotADirectoryError(f"There is no folder {str(folder)!r} to look for prompts in.")
    if folder not in _added:
        _added.append(folder)


def search_path(caller: Path | None = None) -> list[PromptFolder]:
    """Return the folders in the order in which they are asked; only those that exist."""
    folders = [*(PromptFolder(path) for path in _added), *_project(), *_around(caller)]
    folders += [PromptFolder(_SHIPPED), *_examples()]
    return [folder for folder in dict.fromkeys(folders) if folder.path.is_dir()]


def caller_file(depth: int) -> Path | None:
    """Return the file of the code `depth` frames up."""
    frame: FrameType | None = sys._getframe(depth)
    found = frame.f_globals.get("__file__") if frame else None
    return Path(found).resolve() if found else None


def _project() -> Iterator[PromptFolder]:
    """The current folder's prompts, if it is a project. Never those of a folder above: anybody may write to /tmp."""
    if (Path.cwd() / "graphwright.toml").is_file():
        yield PromptFolder(Path.cwd() / "prompts")


def _around(caller: Path | None) -> Iterator[PromptFolder]:
    """The `prompts` folder beside the caller, or of a package that holds it."""
    if caller is None or caller.parent == _SHIPPED:
        return
    folder = caller.parent
    while True:
        yield PromptFolder(folder / "prompts")
        yield PromptFolder(folder / "prompts", prefix=folder.name)
        if not (folder / "__init__.py").is_file() or folder.parent == folder:
            return
        folder = folder.parent


def _examples() -> Iterator[PromptFolder]:
    for path in sorted((_SHIPPED.parent / "examples").glob("*/prompts")):
        yield PromptFolder(path, prefix=path.parent.name)

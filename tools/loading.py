"""Finds tools that others wrote: a project's `tools/` folder, single files, installed entry points.

A broken plug-in is named with its error and place; the others still load.
"""

from __future__ import annotations

import hashlib
import importlib.util
import sys
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from .adapt import as_tool, is_langchain_tool
from .contract import Tool
from .errors import ToolDeclarationError
from .toolbox import name_clashes

GROUP = "graphwright.tools"
"""The group of entry points; one gives a tool, a list of tools, or a module."""


@dataclass(frozen=True)
class BrokenPlugin:
    """A file or entry point that gave no tools, and why."""

    path: str
    error: str
    """What is wrong, with "file:line" where that is known."""


@dataclass(frozen=True)
class LoadedTools:
    """The tools that were found, and the plug-ins that were not usable."""

    tools: list[Tool]
    broken: list[BrokenPlugin]


def load_tools(folder: Path | None = None, *, files: Iterable[Path] = (), installed: bool = True) -> LoadedTools:
    """Load every `*.py` of a folder that does not start with `_`, then files, then entry points.

    Raises ToolDeclarationError naming both sources when two tools have one name.
    """
    tools: list[Tool] = []
    broken: list[BrokenPlugin] = []
    plugins: list[tuple[str, Callable[[], list[Tool]]]] = [
        (str(path), partial(_from_file, path)) for path in (*_in_folder(folder), *files)
    ]
    if installed:
        plugins += [(_named(point), partial(_from_entry, point)) for point in _installed()]
    for name, load in plugins:
        try:
            tools += load()
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a plug-in may do anything, even call sys.exit
            broken.append(BrokenPlugin(name, _explained(error, name)))
    tools = list(dict.fromkeys(tools))
    if clashes := name_clashes(tools):
        raise ToolDeclarationError("Loaded tools", clashes)
    return LoadedTools(tools, broken)


def tools_of(module: ModuleType) -> list[Tool]:
    """Return the tools a module offers: its `TOOLS`, or else those it declares itself."""
    listed = getattr(module, "TOOLS", None)
    if listed is not None:
        return [as_tool(one) for one in listed]
    return [as_tool(one) for one in vars(module).values() if _own(one, module)]


def _own(x: Any, module: ModuleType) -> bool:
    if isinstance(x, Tool):
        place = getattr(module, "__graphwright_source__", module.__name__)
        return x.source.rpartition(":")[0] == place
    return is_langchain_tool(x)


def _in_folder(folder: Path | None) -> list[Path]:
    if folder is None or not folder.is_dir():
        return []
    return sorted(path for path in folder.glob("*.py") if not path.name.startswith("_"))


def _from_file(path: Path) -> list[Tool]:
    """Run a file as a module of its own; a failed one leaves no trace."""
    place = path.resolve()
    imported = sys.modules.get(_import_name(place))
    if imported is not None and getattr(imported, "__file__", None) == str(place):
        return tools_of(imported)
    name = f"graphwright_plugin_{hashlib.sha256(str(place).encode()).hexdigest()[:8]}_{path.stem}"
    if name in sys.modules:
        return tools_of(sys.modules[name])
    if not place.is_file():
        raise FileNotFoundError(f"There is no file {str(path)!r}.")
    spec = importlib.util.spec_from_file_location(name, place)
    if spec is None or spec.loader is None:
        raise ImportError(f"{str(path)!r} is not a Python file.")
    module = importlib.util.module_from_spec(spec)
    vars(module)["__graphwright_source__"] = str(path)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
        found = tools_of(module)
    except BaseException:
        del sys.modules[name]
        raise
    # A graph that says `from tools.shop import Shop` must get this module, not run the file a second time.
    sys.modules[_import_name(place)] = module
    return found


def _import_name(place: Path) -> str:
    """What other files of the project call this one: `tools.shop`."""
    return f"{place.parent.name}.{place.stem}"


def _installed() -> list[EntryPoint]:
    return sorted(entry_points(group=GROUP), key=lambda point: (point.name, point.value))


def _named(point: EntryPoint) -> str:
    package = f" of {point.dist.name} {point.dist.version}" if point.dist else ""
    return f"entry point {point.name} = {point.value}{package}"


def _from_entry(point: EntryPoint) -> list[Tool]:
    found = point.load()
    if isinstance(found, ModuleType):
        return tools_of(found)
    return [as_tool(one) for one in (found if isinstance(found, list | tuple) else [found])]


def _explained(error: BaseException, name: str) -> str:
    """Return "file:line: Kind: message", the line being the plug-in's own where it can be told."""
    said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}: {type(error).__name__}: {error.msg}"
    here = Path(name).resolve()
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename).resolve() == here]
    return f"{name}:{own[-1].lineno}: {said}" if own else said

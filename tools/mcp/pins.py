"""The pins: what a person accepted of each server, in a file of the project that is kept under version control.

The model is only ever shown what stands here. A tool that is new, or is described in other words now, is refused until
somebody looked at the difference and accepted it.
"""

from __future__ import annotations

import difflib
import json
import os
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from .declarations import Declaration
from .errors import McpProblem

LOCK_FILE = "mcp.lock"
_VERSION = 1

Pins = dict[str, dict[str, Declaration]]
"""Server -> its name for a tool -> what was accepted."""


@dataclass(frozen=True)
class Change:
    """One difference between what was accepted and what a server says now."""

    kind: Literal["new", "changed", "gone"]
    tool: str
    diff: tuple[str, ...]
    """Lines with `+` and `-`."""
    sha256: str = ""
    """Of what would be accepted."""


def read_pins(path: Path) -> Pins:
    """Return the pins of a project, none if there is no file.

    Raises:
        McpProblem: if the file cannot be read, or somebody changed a description in it and not its hash.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise McpProblem(f"{path} cannot be read: {error}.") from error
    try:
        data = json.loads(text)
        if data["version"] != _VERSION:
            raise McpProblem(f"{path} is of version {data['version']!r}; this program reads version {_VERSION}.")
        found = {name: dict(map(_read, tools)) for name, tools in data["servers"].items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        how = "Take it from version control, or delete it and pin again."
        raise McpProblem(f"{path} is damaged ({error}). {how}") from error
    changed = [
        f"{server}.{name}"
        for server, tools in found.items()
        for name, (declaration, sha256) in tools.items()
        if declaration.sha256 != sha256
    ]
    if changed:
        raise McpProblem(
            f"{path} was changed by hand: {', '.join(changed)} do not have their hashes. "
            "Take it from version control, or delete it and pin again."
        )
    return {server: {name: each for name, (each, _) in tools.items()} for server, tools in found.items()}


def write_pins(path: Path, pins: Mapping[str, Mapping[str, Declaration]]) -> None:
    """Write all pins; the file is replaced as a whole."""
    servers = {
        server: [{"sha256": each.sha256, **each.plain()} for _, each in sorted(tools.items())]
        for server, tools in sorted(pins.items())
    }
    text = json.dumps({"version": _VERSION, "servers": servers}, indent=2, sort_keys=True, ensure_ascii=True) + "\n"
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def compare(accepted: Mapping[str, Declaration], now: Iterable[Declaration]) -> list[Change]:
    """Return what a person would have to accept, in the order of names."""
    says = {each.name: each for each in now}
    changes = []
    for name in sorted({*accepted, *says}):
        before, after = accepted.get(name), says.get(name)
        if before and after and before.sha256 == after.sha256:
            continue
        kind: Literal["new", "changed", "gone"] = "changed" if before and after else "new" if after else "gone"
        changes.append(Change(kind, name, _diff(before, after), after.sha256 if after else ""))
    return changes


def _read(entry: Mapping[str, Any]) -> tuple[str, tuple[Declaration, str]]:
    declaration = Declaration(entry["name"], entry["description"], entry["input"], entry["output"])
    return declaration.name, (declaration, entry["sha256"])


def _diff(before: Declaration | None, after: Declaration | None) -> tuple[str, ...]:
    lines = difflib.unified_diff(_lines(before), _lines(after), lineterm="", n=2, fromfile="-", tofile="-")
    unwanted = ("--- ", "+++ ") if before and after else ("--- ", "+++ ", "@@")
    return tuple(line for line in lines if not line.startswith(unwanted))


def _lines(declaration: Declaration | None) -> list[str]:
    if declaration is None:
        return []
    lines = [f"description: {line}" for line in declaration.description.split("\n")]
    for what, schema in (("input", declaration.input), ("output", declaration.output)):
        if schema is not None:
            lines += [f"{what}: {line}" for line in json.dumps(schema, indent=2, sort_keys=True).splitlines()]
    return lines

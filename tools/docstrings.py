"""The words of a docstring that a model is told: the first line, and what `Args:` says of each parameter."""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass, field

_SECTION = re.compile(r"(Args|Arguments|Parameters|Returns|Return|Raises|Yields|Examples?|Notes?):\s*$")
_PARAMETER = re.compile(r"\*{0,2}(?P<name>\w+)(?:\s*\([^)]*\))?\s*:\s*(?P<text>.*)$")


@dataclass(frozen=True)
class Docstring:
    """A docstring taken apart."""

    first_line: str = ""
    parameters: dict[str, str] = field(default_factory=dict)


def read_docstring(text: str | None) -> Docstring:
    """Return the first line and the parameters an `Args:` section describes (Google's layout)."""
    lines = inspect.cleandoc(text or "").splitlines()
    return Docstring(lines[0].strip() if lines else "", _parameters(lines[1:]))


def _parameters(lines: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    name, column, inside = "", 0, False
    for line in lines:
        if section := _SECTION.match(line):
            inside, name = section.group(1) in ("Args", "Arguments", "Parameters"), ""
            continue
        stripped = line.strip()
        if not inside or not stripped:
            continue
        indent = len(line) - len(line.lstrip())
        if indent == 0:
            inside = False
        elif (match := _PARAMETER.match(stripped)) and (not name or indent <= column):
            name, column = match["name"], indent
            found[name] = match["text"].strip()
        elif name:
            found[name] = f"{found[name]} {stripped}".strip()
    return found

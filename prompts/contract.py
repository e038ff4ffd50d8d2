"""A prompt: a text with places, the header that explains it, and a version that is its content's hash."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

from .errors import PromptError
from .header import PromptHeader, near, read_header, split_header
from .template import fill, places_in

_read_header = lru_cache(maxsize=256)(read_header)
"""Prompts are read anew wherever one is asked for, so that an edit counts at once; what they say seldom changes."""


@dataclass(frozen=True)
class Prompt:
    """One prompt. Made by `prompt(name)` from a file, or by `Prompt.inline(text)`."""

    name: str
    text: str
    header: PromptHeader
    version: str
    """The first 12 hex digits of the SHA-256 of the whole content, line ends as \\n."""
    path: Path | None = None
    defaults: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    places: frozenset[str] = frozenset()

    @classmethod
    def inline(cls, text: str, *, name: str = "inline") -> Self:
        """Make a prompt of a text in code. Never of a text that a user controls: it is a template."""
        content = normalised(text)
        return cls(name, content, PromptHeader(), version_of(content), places=_places(name, content))

    @classmethod
    def parse(cls, name: str, content: str, path: Path | None = None) -> Self:
        """Make a prompt of a file's content; PromptError lists everything that is wrong with it."""
        content = normalised(content)
        head, text = split_header(content)
        header, found = _read_header(head)
        problems = [*found]
        try:
            places = places_in(text)
        except ValueError as error:
            places, problems = frozenset(header.places), [*problems, f"The text is no template: {error}."]
        if head is not None:
            problems += _disagreements(places, header.places)
        if not text.strip():
            problems.append("There is no text below the header.")
        if problems:
            raise PromptError(f"Prompt {name!r}" + (f" in {path}" if path else ""), problems)
        return cls(name, text, header, version_of(content), path, places=places)

    def render(self, /, **values: Any) -> str:
        """Return the text with every place filled; PromptError lists missing values and those without a place.

        A value is inserted as it is: `{{ }}` inside it is not looked at.
        """
        given = {**self.defaults, **values}
        problems = [f"{name!r} is not filled.{self._about(name)}" for name in sorted(self.places - given.keys())]
        problems += self.unused(given)
        if problems:
            raise PromptError(f"Prompt {self.name!r} cannot be rendered", problems)
        try:
            return fill(self.text, given)
        except ValueError as error:
            raise PromptError(f"Prompt {self.name!r} cannot be rendered", [str(error)]) from error

    def unused(self, names: Iterable[str]) -> list[str]:
        """Return a line for every name that fills no place."""
        have = ", ".join(sorted(self.places)) or "(none)"
        return [
            f"{name!r} fills no place.{near(name, self.places)} The places are: {have}."
            for name in sorted(names)
            if name not in self.places
        ]

    def _about(self, name: str) -> str:
        about = self.header.places.get(name)
        return f" It is: {about.rstrip('.')}." if about else ""

    def __str__(self) -> str:
        return self.text


def normalised(content: str) -> str:
    """Return a content with line ends as \\n and without a byte order mark."""
    return content.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def version_of(content: str) -> str:
    """Return the version of a content: 12 hex digits of its SHA-256."""
    return hashlib.sha256(normalised(content).encode()).hexdigest()[:12]


def diff_prompts(a: Prompt | str, b: Prompt | str) -> str:
    """Return what changed from one prompt or text to another as a unified diff; empty if nothing did."""
    before, after = _text(a), _text(b)
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), _label(a, before), _label(b, after), lineterm=""
    )
    return "\n".join(lines)


def _text(one: Prompt | str) -> str:
    return normalised(one) if isinstance(one, str) else one.text


def _label(one: Prompt | str, text: str) -> str:
    return f"text@{version_of(text)}" if isinstance(one, str) else f"{one.name}@{one.version}"


def _places(name: str, text: str) -> frozenset[str]:
    try:
        return places_in(text)
    except ValueError as error:
        raise PromptError(f"Prompt {name!r}", [f"The text is no template: {error}."]) from None


def _disagreements(places: Iterable[str], declared: Mapping[str, str]) -> list[str]:
    used = set(places)
    undeclared = [
        f"The text has a place {name!r} that the header does not declare.{near(name, declared)}"
        for name in sorted(used - declared.keys())
    ]
    return undeclared + [
        f"The header declares a place {name!r} that is not in the text.{near(name, used)}"
        for name in sorted(declared.keys() - used)
    ]

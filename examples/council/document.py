"""A design document as its parts: sections, tables, sentences. Pure functions over Markdown text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_HEADING = re.compile(r"^##[ \t]+(?P<name>\S.*?)[ \t]*$", re.M)
_SENTENCE = re.compile(r"[^.!?\n|]+(?:[.!?](?![\s*]|$)[^.!?\n|]+)*[.!?]?")
OPEN_POINT = re.compile(r"^> (?:Open point|Accepted) \[(?P<rule>[a-z-]+)\]: .+$", re.M)
"""A line that says what is not decided yet, or what somebody accepts as it is; whoever reads on knows it."""


@dataclass(frozen=True, slots=True)
class Section:
    """A part under a second-level heading; what stands before the first is the section ``""``."""

    name: str
    body: str

    @property
    def prose(self) -> str:
        """The body without code blocks and open points."""
        return OPEN_POINT.sub("", re.sub(r"```.*?```", "", self.body, flags=re.S))

    def sentences(self) -> Iterator[str]:
        """The sentences of the prose, tables and their cells left out."""
        for line in self.prose.splitlines():
            if not line.lstrip().startswith("|"):
                yield from filter(None, (each.strip(" -*") for each in _SENTENCE.findall(line)))


def sections(text: str) -> list[Section]:
    """The sections of a document in order, the head first."""
    found = list(_HEADING.finditer(text))
    starts = [*(each.start() for each in found), len(text)]
    bodies = [Section(each["name"], text[each.end() : end]) for each, end in zip(found, starts[1:], strict=True)]
    return [Section("", text[: starts[0]]), *bodies]


def section(text: str, name: str) -> Section | None:
    """One section by its name, whatever its case."""
    return next((each for each in sections(text) if each.name.casefold() == name.strip().casefold()), None)


def table(body: str) -> list[list[str]]:
    """The rows of the first table of a text without its head and rule; cells without spaces around them."""
    lines = [line.strip() for line in body.splitlines() if line.strip().startswith("|")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [row for row in rows[1:] if not all(re.fullmatch(r":?-+:?", cell) for cell in row)]


def title(text: str) -> str:
    """The document's title; ``design`` if it has none."""
    found = re.search(r"^#[ \t]+(?:Design:[ \t]*)?(\S.*?)[ \t]*$", text, re.M)
    return found[1] if found else "design"


def owner(text: str) -> str:
    """Who answers for the document."""
    found = re.search(r"\bOwner:\s*([^.\n]+)", text)
    return found[1].strip() if found else "nobody is named"


def open_points(body: str) -> set[str]:
    """The rules for which a text has an open point."""
    return {each["rule"] for each in OPEN_POINT.finditer(body)}


def with_section(text: str, name: str, body: str) -> str:
    """The text with another body in a section; a section that is missing is added at the end."""
    found = list(_HEADING.finditer(text))
    ends = [*(each.start() for each in found), len(text)][1:]
    for each, end in zip(found, ends, strict=True):
        if each["name"].casefold() == name.casefold():
            return f"{text[: each.end()]}{body}{text[end:]}"
    return f"{text.rstrip()}\n\n## {name}{body}"

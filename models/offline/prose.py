"""Reads a passage as prose: the sentences it says, without its code, tables, signatures and markup.

Knows Markdown, reStructuredText and docstrings with Google's sections. Works line by line, in linear time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

LINES = 2_000
"""Lines of a passage that are read."""
_LINE = 2_000
"""Characters of a line that are read."""
_MARGIN = 48
"""A line at least this long that ends in the middle of a sentence was broken at a margin."""

_FENCE = re.compile(r"^(?:```|~~~)")
_SIGNATURE = re.compile(r"^(?:async )?(?:def|class) (?P<name>[\w.]{1,200})\s?[(:]")
_MODULE = re.compile(r"^\w+(?:\.\w+)+$")
_HEADING = re.compile(r"^#{1,6}\s+(?P<title>\S.*)$")
_SECTION = re.compile(
    r"^(?P<name>args|arguments|parameters|params|attributes|keyword args|returns?|raises|yields|examples?|usage|"
    r"notes?|warnings?|see also|references)\s*:{1,2}$", re.I)  # fmt: skip
_FIELDS = frozenset("args arguments parameters params attributes returns return raises yields".split()) | {
    "keyword args"
}
_FIELD = re.compile(r"^[`*]{0,2}[\w.]{1,60}[`*]{0,2}(?:\s?\([^)]{0,80}\))?\s?:\s")
_ITEM = re.compile(r"^(?:[-*+•]|\d{1,2}[.)])\s+")
_SKIPPED = re.compile(
    r"^(?:!!!|\.\. |\||\+[-=]{2}|[-=~^]{4,}$|:::|\[!|!\[|</?\w|<!--|\[\^?[\w ]{1,40}\]: |https?://\S+$)"
)
_CODE = re.compile(
    r"""^(?:
    >>> | \.\.\.(?:\s|$) | \#> | \$[ ] | @\w | from\ [\w.]+\ import\ | import\ [\w.]+ | print\( | return\ [\w\[({"']
    | (?:async\ )?(?:def|class|for|with|while|if|elif|else|try|except|return|await|yield|raise)\b.{0,300}:\s*(?:\#.*)?$
    | \w[\w.\[\]"']*\s?[-+*/|]?=\s                     # an assignment
    | \w+=[\w"'\[({].{0,200},?$                        # a keyword argument on a line of its own
    | [\w.]+\(.{0,300}\),?\s*(?:\#.*)?$                # a call
    | [\w"'.]+\([^)]{0,200}$                           # the beginning of one
    | [)\]}]+[,.:;)]*$
    | [\w"']+\s*:\s*[\[{("'\d].{0,200},\s*$            # an entry of a mapping
    | ["'][^"']{0,200}["']\s*:.{0,200},?$
    )""",
    re.X,
)
_END = re.compile(r"(?<=[.!?])(?<!e\.g\.)(?<!i\.e\.)(?<!vs\.)(?<!etc\.)[\"')\]]*\s+(?=[A-Z\d\"'(\[`*_])")
_IMAGE = re.compile(r"!\[[^\]\n]{0,200}\]\([^)\n]{0,500}\)")
_LINK = re.compile(r"\[(?P<text>[^\]\[\n]{1,300})\](?:\([^)\s]{0,500}\)|\[[^\]\n]{0,300}\])")
_TAG = re.compile(r"</?(?:a|b|i|p|br|em|img|div|span|code|strong|picture|source|h\d)\b[^>\n]{0,300}>", re.I)
_BOLD = re.compile(r"(?<![\w*`'])\*\*(?=[^\s*'`])([^*\n]{1,200})\*\*(?![\w*])")
_ROLE = re.compile(r":(?:\w+:){1,2}`~?(?P<name>[^`\n]{1,200})`|``(?P<code>[^`\n]{1,200})``")


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of a passage and where in it it stands."""

    text: str
    heading: str = ""
    """The nearest heading or the name of the symbol above it within the passage."""
    place: int = 0
    """How many sentences stand between the heading and it; 0 is usually the definition."""
    is_field: bool = False
    """Whether it describes a parameter, an attribute, a result or an error."""


@dataclass(slots=True)
class _Reading:
    """Where the reader is."""

    held: list[str] = field(default_factory=list)
    heading: str = ""
    place: int = 0
    fields: bool = False
    indent: int = -1
    """Indentation of the section's heading; what is indented deeper belongs to it; -1 outside a section."""
    skips: bool = False
    """Whether the section's text is code."""

    def out(self) -> Iterator[Sentence]:
        """The sentences of what is held."""
        text, self.held = plain(" ".join(self.held)), []
        for piece in _END.split(text):
            piece = piece.strip(" \t*")
            if len(piece) > 2 and re.search(r"[^\W\d_]{2}", piece):
                yield Sentence(piece, self.heading, self.place, self.fields)
                self.place += 1

    def begins(self, heading: str) -> None:
        """A heading or signature opens a part of its own."""
        self.heading, self.place, self.fields, self.indent, self.skips = heading, 0, False, -1, False


def prose(text: str) -> list[Sentence]:
    """The sentences of a passage in order."""
    lines = [line[:_LINE].rstrip() for line in text.splitlines()[:LINES]]
    at = _Reading()
    found: list[Sentence] = []
    fenced = _begins_fenced(lines)
    for line in lines:
        bare = line.strip()
        if _FENCE.match(bare):
            fenced = not fenced
            found.extend(at.out())
        elif not fenced:
            found.extend(_read(line, bare, at))
    found.extend(at.out())
    return found


def plain(text: str) -> str:
    """A text without the markup of links, images, roles and emphasis."""
    text = _LINK.sub(lambda link: link["text"], _IMAGE.sub(" ", text))
    text = _ROLE.sub(lambda role: f"`{role['name'] or role['code']}`", text)
    text = _BOLD.sub(lambda bold: bold[1], _TAG.sub(" ", text))
    return " ".join(text.split())


def _begins_fenced(lines: list[str]) -> bool:
    """Whether a passage was cut inside fenced code: an odd number of fences, and code above the first."""
    fences = [i for i, line in enumerate(lines) if _FENCE.match(line.strip())]
    if len(fences) % 2 == 0 or len(lines[fences[0]].strip()) > 3:  # a language is named: it opens
        return False
    above = [line.strip() for line in lines[: fences[0]] if line.strip()]
    return sum(bool(_CODE.match(line)) for line in above) * 3 >= len(above) > 0


def _read(line: str, bare: str, at: _Reading) -> Iterator[Sentence]:
    indent = len(line) - len(line.lstrip())
    if not bare or (at.skips and indent > at.indent):
        yield from at.out()
    elif found := _SIGNATURE.match(bare) or _HEADING.match(bare):
        yield from at.out()
        at.begins(plain(found[1]))
    elif _MODULE.match(bare) and not at.held and not at.place:
        at.begins(bare)
    elif found := _SECTION.match(bare):
        yield from at.out()
        name = found["name"].lower()
        at.fields, at.indent, at.skips = name in _FIELDS, indent, name in ("example", "examples", "usage")
    else:
        if at.indent >= 0 and indent <= at.indent and not at.held:
            at.fields, at.indent, at.skips = False, -1, False
        yield from _read_text(bare, indent, at)


def _read_text(bare: str, indent: int, at: _Reading) -> Iterator[Sentence]:
    if _SKIPPED.match(bare) or _CODE.match(bare):
        yield from at.out()
        return
    item = _ITEM.match(bare)
    if item or (at.fields and _FIELD.match(bare)) or (at.held and not _was_broken(at.held[-1], bare)):
        yield from at.out()
    at.held.append(bare[item.end() :] if item else bare.lstrip("> "))
    if bare.endswith("::"):
        at.held[-1] = bare[:-1]
        yield from at.out()
        at.indent, at.skips = indent, True


def _was_broken(above: str, below: str) -> bool:
    """Whether two lines are one sentence broken at a margin."""
    if above[-1:] in ".!?:|":
        return above[-1:] in ".!?" and len(above) >= _MARGIN and below[:1].islower()
    return len(above) >= _MARGIN or below[:1].islower()

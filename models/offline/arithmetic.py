"""Finds arithmetic in a request, in signs or in words, and writes it in the notation that calculators share.

"What is 17.5 % of 2,480?" gives `17.5 / 100 * 2480`, "the square root of 2 to 3 decimal places" `round(sqrt(2), 3)`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from .lexicon import bag
from .mentions import Scene
from .schema import Param
from .tokens import stems_of

LONGEST = 1_000
"""Characters of arithmetic that are read as one."""
_DEEPEST, _MOST = 20, 20
_NAMED = stems_of(bag("expression formula calculation equation computation arithmetic"))
_DESCRIBED = re.compile(
    r"\b(?:arithmetic(?:al)?|math(?:s|ematical)?|numeric(?:al)?)\s+(?:expression|formula|equation|calculation|problem)"
    r"|\b(?:expression|formula|calculation) to (?:be )?(?:evaluate|compute|calculate|solve)",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Style:
    """How a tool's description writes arithmetic."""

    power: str = "**"
    percent_of: bool = False
    """Whether it knows '15% of 80'."""


class Sum(NamedTuple):
    """Arithmetic that a text asks for, and where."""

    text: str
    start: int
    end: int


def takes_arithmetic(param: Param) -> bool:
    """Whether a string parameter means an arithmetic expression."""
    if param.kind != "string" or param.enum:
        return False
    return bool(_NAMED & set(param.name_stems)) or _DESCRIBED.search(param.description[:1_000]) is not None


def style_of(description: str) -> Style:
    """The notation that a description shows; Python's where it shows none."""
    caret = "^" in description and "**" not in description
    return Style("^" if caret else "**", re.search(r"\d\s?% of \d", description) is not None)


def sums(scene: Scene, style: Style | None = None) -> Iterator[Sum]:
    """All arithmetic with at least one operation, in the order of the text."""
    if not any(letter.isdigit() for letter in scene.text) and not any(m.kind == "number" for m in scene.mentions):
        return
    reader, at, many = _Reader(scene, style or Style()), 0, 0
    while many < _MOST and (begun := _BEGIN.search(scene.text, at)) is not None:
        found = reader.read(begun.start())
        if found is None:
            at = begun.end()
            continue
        at = max(found.end, begun.end())
        if found.works and found.end - begun.start() <= LONGEST and reader.stands_alone(begun.start(), found.end):
            many += 1
            yield Sum(found.text, begun.start(), found.end)


_NUMBER = re.compile(
    r"(?:[$€£¥]\s?)?(?P<digits>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d{1,40}(?:\.\d{1,40})?|\.\d{1,40})(?![\w]|\.\d)"
)
_LAX = re.compile(r"(?P<digits>\d{1,40}(?:\.\d{1,40})?)(?=x\d)")
_CONSTANT = re.compile(r"(?:pi|π)(?!\w)", re.I)
_SIGN = re.compile(r"[-−–](?=\s?[\d(.$€£¥])|(?:minus|negative)\s", re.I)
_CALL = re.compile(r"(?P<name>sqrt|log10|log2|log|ln|exp|sin|cos|tan|abs|min|max|round|factorial)\s?\(", re.I)
_OF = re.compile(
    r"(?:the\s)?(?P<what>square root|cube root|factorial|absolute value|natural log(?:arithm)?)\s(?:of|from)\s", re.I
)
_AMONG = re.compile(r"(?:the\s)?(?P<what>sum|total|product|average|mean|difference|quotient)\s(?:of|between)\s", re.I)
_PERCENT = re.compile(
    r"\s?(?:%|percent\b|per cent\b)(?P<of>\s?"
    r"(?:(?:as\s)?(?:an?\s)?(?:tip|gratuity|discount|tax|vat|interest|commission)\s)?(?:of|on)\s(?:an?\s|the\s|my\s)?(?:bill\s|meal\s|total\s|price\s)?(?:of\s)?)?",
    re.I,
)
_AFTER = re.compile(r"\s?(?P<what>squared|cubed|factorial\b|!(?!=))", re.I)
_BINARY = re.compile(
    r"\s{0,3}(?P<sign>\*\*|//|[-+*/^×·÷−–](?!\s?[*/^]))\s{0,3}"
    r"|\s{1,3}(?P<word>plus|minus|times|multiplied (?:by|with)|divided by|over|x|added to"
    r"|(?:raised )?to the power (?:of )?|raised to(?: the)?|mod(?:ulo)?)\s{1,3}|(?P<tight>x)(?=\d)",
    re.I,
)
_PLACES = re.compile(
    r",?\s?(?:rounded\s)?to\s(?P<many>\d{1,2}|one|two|three|four|five|six|seven|eight)\s(?:decimal(?:\splaces?|s)?|digits?"
    r"\b|places?\b)(?:\safter the (?:decimal )?point)?",
    re.I,
)
_COMMA = re.compile(r"\s?,\s?")
_JOINS = re.compile(r"\s?(?:,\s?(?:and\s)?|and\s|&\s?)", re.I)
_BEGIN = re.compile(
    r"(?<![\w.,])(?:[$€£¥]?\s?\.?\d|[(π]|pi\b|[-−–](?=[\d(.])|(?:minus|negative)\s|(?:the\s)?(?:square|cube) root|"
    r"(?:the\s)?(?:factorial|absolute|natural|sum|total|product|average|mean|difference|quotient)\s|"
    r"(?:sqrt|log10|log2|log|ln|exp|sin|cos|tan|abs|min|max|round|factorial)\s?\(|"
    r"(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|"
    r"eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|a?\s?hundred)\b)",
    re.I,
)
_SIGNS = {"×": "*", "·": "*", "÷": "/", "−": "-", "–": "-", "^": "**"}
_WORDS = {
    "plus": "+", "added": "+", "minus": "-", "times": "*", "multiplied": "*", "x": "*", "divided": "/", "over": "/",
    "to": "**", "raised": "**", "mod": "%", "modulo": "%",
}  # fmt: skip
_FUNCTIONS = {"square root": "sqrt", "factorial": "factorial", "absolute value": "abs"}
_JOINED = {"sum": "+", "total": "+", "product": "*", "difference": "-", "quotient": "/", "average": "+", "mean": "+"}
_PLACE_WORDS = {word: at for at, word in enumerate("one two three four five six seven eight".split(), start=1)}


class _Read(NamedTuple):
    text: str
    end: int
    works: bool = False
    """Whether it computes anything: a bare number does not."""
    share: bool = False
    """Whether it is a bare percentage."""
    part: bool = False
    """Whether it is a percentage of something, which binds closer than its signs do."""


class _Reader:
    """Reads operands and operators from the text and writes them down again; it computes nothing."""

    def __init__(self, scene: Scene, style: Style) -> None:
        self._text = scene.text
        self._style = style
        self._none: set[int] = set()
        self._closed = [(m.start, m.end) for m in scene.mentions if m.kind in ("date", "time", "address", "code")]
        self._spelled = {
            m.start: (m.value, m.start + len(m.text.rstrip()))
            for m in scene.mentions
            if m.kind == "number"
            and m.text[:1].isalpha()
            and not m.unit
            and m.text.split()[0] not in ("minus", "negative")
        }

    def read(self, at: int) -> _Read | None:
        """The longest arithmetic from a position on, with the rounding that is asked for after it."""
        found = self._expression(at, 0)
        if found is None or not found.works:
            return found
        places = _PLACES.match(self._text, found.end)
        if places is None:
            return found
        many = places["many"].lower()
        return _Read(f"round({found.text}, {_PLACE_WORDS.get(many, many)})", places.end(), works=True)

    def stands_alone(self, start: int, end: int) -> bool:
        """Whether a piece is all of the arithmetic: no part of a formula with letters, a range or '24/7 service'."""
        before, after = self._text[max(0, start - 20) : start].rstrip(), self._text[end : end + 20]
        if re.search(r"[-+*/^=(]$|[-+*/^]\s?[a-z]$", before) or re.match(r"\s?[-+*/^(]\s?[\w(]|[A-Za-z_]", after):
            return False
        tight = re.fullmatch(r"[\d.]+[-–/][\d.]+", self._text[start:end])
        return tight is None or re.match(r"\s?[A-Za-z]", after) is None

    def _expression(self, at: int, depth: int) -> _Read | None:
        found = self._operand(at, depth)
        while found is not None and (sign := _BINARY.match(self._text, found.end)) is not None:
            right, operator = self._operand(sign.end(), depth), self._operator(sign)
            if right is None or found.end - at > LONGEST:
                break
            if right.share and operator in "+-":
                return _Read(found.text, right.end)  # "100 - 7%" can mean two things
            whole = f"({right.text})" if right.part and operator != "+" else right.text
            found = _Read(f"{found.text} {operator} {whole}", right.end, works=True)
        return found

    def _operator(self, sign: re.Match[str]) -> str:
        word = (sign["word"] or sign["tight"] or "").lower().split()
        plain = _WORDS[word[0]] if word else _SIGNS.get(sign["sign"], sign["sign"])
        return self._style.power if plain == "**" else plain

    def _operand(self, at: int, depth: int) -> _Read | None:
        if at in self._none:
            return None
        found = None if depth > _DEEPEST or any(a <= at < b for a, b in self._closed) else self._read(at, depth)
        if found is None:
            self._none.add(at)
        return found

    def _read(self, at: int, depth: int) -> _Read | None:
        found = (
            self._signed(at, depth) or self._bracket(at, depth) or self._function(at, depth) or self._among(at, depth)
        )
        found = found or self._number(at)
        while found is not None and (after := _AFTER.match(self._text, found.end)) is not None:
            found = _Read(self._after(found.text, after["what"].lower()), after.end(), works=True)
        return self._percent(found, depth) if found is not None else None

    def _after(self, text: str, what: str) -> str:
        if what in ("squared", "cubed"):
            return f"{text} {self._style.power} {2 if what == 'squared' else 3}"
        return f"factorial({text})"

    def _percent(self, found: _Read, depth: int) -> _Read:
        share = _PERCENT.match(self._text, found.end)
        if share is None:
            return found
        whole = self._operand(share.end(), depth + 1) if share["of"] else None
        if whole is None:
            end = share.start("of") if share["of"] else share.end()
            return _Read(f"({found.text} / 100)", end, found.works, share=True)
        if self._style.percent_of and not found.works:
            return _Read(f"{found.text}% of {whole.text}", whole.end, works=True, part=True)
        return _Read(f"{found.text} / 100 * {whole.text}", whole.end, works=True, part=True)

    def _signed(self, at: int, depth: int) -> _Read | None:
        sign = _SIGN.match(self._text, at)
        inner = self._operand(sign.end(), depth + 1) if sign is not None else None
        return _Read(f"-{inner.text}", inner.end, inner.works) if inner is not None else None

    def _bracket(self, at: int, depth: int) -> _Read | None:
        if self._text[at : at + 1] != "(":
            return None
        inner = self._expression(self._past_space(at + 1), depth + 1)
        end = self._closing(inner)
        return _Read(f"({inner.text})", end, inner.works) if inner is not None and end else None

    def _function(self, at: int, depth: int) -> _Read | None:
        called = _CALL.match(self._text, at)
        if called is not None:
            values = self._values(called.end(), depth)
            end = self._closing(values)
            return _Read(f"{called['name'].lower()}({values.text})", end, works=True) if values and end else None
        said = _OF.match(self._text, at)
        inner = self._operand(said.end(), depth + 1) if said is not None else None
        if said is None or inner is None:
            return None
        what = said["what"].lower()
        if what == "cube root":
            return _Read(f"{_closed(inner.text)} {self._style.power} (1 / 3)", inner.end, works=True)
        return _Read(f"{_FUNCTIONS.get(what, 'log')}({_bare(inner.text)})", inner.end, works=True)

    def _values(self, at: int, depth: int) -> _Read | None:
        found = self._expression(self._past_space(at), depth + 1)
        while found is not None and (comma := _COMMA.match(self._text, found.end)) is not None:
            more = self._expression(comma.end(), depth + 1)
            if more is None:
                return None
            found = _Read(f"{found.text}, {more.text}", more.end, works=True)
        return found

    def _among(self, at: int, depth: int) -> _Read | None:
        """ "the sum of 3, 4 and 5" """
        said = _AMONG.match(self._text, at)
        values = [self._operand(said.end(), depth + 1)] if said is not None else []
        while values and (last := values[-1]) is not None and (join := _JOINS.match(self._text, last.end)) is not None:
            more = self._operand(join.end(), depth + 1)
            if more is None or len(values) > 200:
                break
            values.append(more)
        known = [value for value in values if value is not None]
        if said is None or len(known) < 2:
            return None
        what = said["what"].lower()
        joined = f"({f' {_JOINED[what]} '.join(value.text for value in known)})"
        mean = f" / {len(known)}" if what in ("average", "mean") else ""
        return _Read(f"{joined}{mean}", known[-1].end, works=True)

    def _number(self, at: int) -> _Read | None:
        found = _NUMBER.match(self._text, at) or _LAX.match(self._text, at)
        if found is not None:
            return _Read(found["digits"].replace(",", ""), found.end())
        if (constant := _CONSTANT.match(self._text, at)) is not None:
            return _Read("pi", constant.end())
        spelled = self._spelled.get(at)
        return _Read(str(spelled[0]), spelled[1]) if spelled is not None else None

    def _past_space(self, at: int) -> int:
        return at + 1 if self._text[at : at + 1] == " " else at

    def _closing(self, inner: _Read | None) -> int:
        """Where the bracket after something ends; 0 without one."""
        end = self._past_space(inner.end) if inner is not None else len(self._text)
        return end + 1 if self._text[end : end + 1] == ")" else 0


def _bare(text: str) -> str:
    """Without brackets around the whole of it."""
    return text[1:-1] if re.fullmatch(r"\([^()]*\)", text) else text


def _closed(text: str) -> str:
    """In brackets unless it is one number."""
    return text if re.fullmatch(r"[\d.]+", text) else f"({text})"

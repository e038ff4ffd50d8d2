"""The process's own secrets, searched exactly, in every spelling in which they turn up.

The only complete detector: what the process holds, it can look for. Beside the value itself those spellings are
URL-encoding, base64 (also inside longer base64), JSON and Python escapes, HTML; and, for text in which only some
characters are escaped, the text is read with its escapes undone.
"""

from __future__ import annotations

import base64
import html
import json
import os
import re
from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Mapping
from urllib.parse import quote, quote_plus, unquote_plus

from .redaction_patterns import Span

SHORTEST = 8
"""Characters of the shortest value that is searched: a shorter one is in half of all texts."""
_SECRET_NAME = re.compile(
    r"(?:^|_)(?:API_?)?(?:KEYS?|TOKENS?|SECRETS?|PASSWORDS?|PASSWD|PASS|PASSPHRASE|PW|CREDENTIALS?|AUTH)(?:_|$)|_PWD$"
    r"|APIKEY|ACCESSKEY|SECRETKEY",
    re.IGNORECASE,
)
_PLACE_NAME = re.compile(r"_(?:FILE|PATH|DIR|SOCK)$|^(?:OLD)?PWD$", re.IGNORECASE)
_PIECE = re.compile(r"[A-Za-z0-9+/=_-]{24,8192}")
_URL_PASSWORD = re.compile(r"://[^\s/@:]{0,128}+:([^\s/@]{1,256})@")
_ESCAPE = re.compile(r"\\{1,32}(?:u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|[\"'/nrtbf])?|%[0-9a-fA-F]{2}")
_ONE_LETTER = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}


def process_secrets(
    environment: Mapping[str, str] | None = None, given: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Secret values by name: variables that are named like keys, tokens, passwords or secrets, and those given.

    Args:
        environment: By default the process's own.
        given: Values from elsewhere, e.g. settings; whatever they are called.
    """
    variables = os.environ if environment is None else environment
    found = dict(given or {})
    for name, value in variables.items():
        if _SECRET_NAME.search(name) and not _PLACE_NAME.search(name):
            found.setdefault(name, value)
        elif match := _URL_PASSWORD.search(value):
            found.setdefault(name, unquote_plus(match[1]) if "%" in match[1] else match[1])
    return {name: value for name, value in found.items() if len(value.strip()) >= SHORTEST}


class Needles:
    """Secrets in all their spellings, ready to be searched for."""

    def __init__(self, secrets: Mapping[str, str]) -> None:
        """``secrets``: name to value; values under 8 characters are not searched for."""
        self._plain: dict[str, str] = {}
        self.values: list[str] = []
        """The secrets themselves, and long pieces of them."""
        for name, value in secrets.items():
            for part in _parts(value):
                self.values.append(part)
                for spelling in _spellings(part):
                    self._plain.setdefault(spelling, name)
        self._unescaped: dict[str, str] = {}
        for spelling, name in self._plain.items():
            for form in _unescaped_forms(spelling):
                self._unescaped.setdefault(form, name)

    @property
    def spellings(self) -> Collection[str]:
        """Every text that is searched for as it stands."""
        return self._plain.keys()

    def find(self, text: str) -> Iterator[tuple[Span, str]]:
        """Where a secret stands in ``text``, with its name."""
        for needle, name in self._plain.items():
            if needle in text:
                yield from ((span, name) for span in _occurrences(needle, text))
        if self._unescaped and ("\\" in text or "%" in text):
            yield from self._find_escaped(text)

    def _find_escaped(self, text: str) -> Iterator[tuple[Span, str]]:
        view = _ESCAPE.sub(_meaning, text)
        places: _Places | None = None
        for needle, name in self._unescaped.items():
            if needle in view:
                places = places or _Places(text)
                yield from ((places.original(span), name) for span in _occurrences(needle, view))


class _Places:
    """Where in a text the characters of its unescaped view come from."""

    def __init__(self, text: str) -> None:
        self._views, self._starts, self._ends = [0], [0], [0]
        view = end = 0
        for match in _ESCAPE.finditer(text):
            view += match.start() - end
            end = match.end()
            self._views.append(view)
            self._starts.append(match.start())
            self._ends.append(end)
            view += 1

    def original(self, span: Span) -> Span:
        return self._at(span[0])[0], self._at(span[1] - 1)[1]

    def _at(self, view: int) -> Span:
        """Start and end, in the text, of one character of the view."""
        index = bisect_right(self._views, view) - 1
        past = view - self._views[index]
        if past == 0 and index:
            return self._starts[index], self._ends[index]
        start = self._ends[index] + past - (1 if index else 0)
        return start, start + 1


def _occurrences(needle: str, text: str) -> Iterator[Span]:
    at = text.find(needle)
    while at >= 0:
        yield at, at + len(needle)
        at = text.find(needle, at + len(needle))


def _meaning(match: re.Match[str]) -> str:
    escape = match[0]
    if escape[0] == "%":
        return chr(int(escape[1:], 16))
    rest = escape.lstrip("\\")
    if not rest:
        return "\\"
    return chr(int(rest[1:], 16)) if rest[0] in "ux" else _ONE_LETTER.get(rest, rest)


def _parts(value: str) -> Iterable[str]:
    """The value, and long pieces of it: keys of a list of keys, lines of a PEM file."""
    whole = value.strip()
    pieces = (each for each in _PIECE.findall(whole) if any(map(str.isdigit, each)))
    return [each for each in dict.fromkeys((value, whole, *pieces)) if len(each) >= SHORTEST]


def _spellings(secret: str) -> Iterator[str]:
    """The ways to write a secret. Lone surrogates, which no file or socket can carry, become question marks."""
    yield secret
    raw = secret.encode("utf-8", "replace")
    for encoded in (quote(raw, safe=""), quote_plus(raw), quote(raw)):
        yield encoded
        yield re.sub("%[0-9A-F]{2}", lambda match: match[0].lower(), encoded)
    ascii_json, unicode_json = json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]
    for text in (ascii_json, unicode_json, ascii_json.replace("/", "\\/"), repr(secret)[1:-1]):
        yield text
        yield json.dumps(text)[1:-1]
    yield html.escape(secret)
    for shift in range(3):
        yield from _base64(raw, shift)


def _base64(raw: bytes, shift: int) -> Iterator[str]:
    """The characters of its base64 that do not depend on what stands before (``shift`` bytes) and after it."""
    first = -(-shift * 8 // 6)
    last = (shift + len(raw)) * 8 // 6
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        yield encode(b"\0" * shift + raw).decode()[first:last]


def _unescaped_forms(text: str) -> Iterator[str]:
    """What a needle looks like in an unescaped view; beyond ASCII by UTF-16 units (JSON) and UTF-8 bytes (URLs) too."""
    for plain in dict.fromkeys((text, _ESCAPE.sub(_meaning, text))):
        if len(plain) < SHORTEST:
            continue  # eight backslashes are one
        yield plain
        if not plain.isascii():
            units = plain.encode("utf-16-be", "surrogatepass")
            yield "".join(chr(units[at] << 8 | units[at + 1]) for at in range(0, len(units), 2))
            yield plain.encode("utf-8", "replace").decode("latin-1")

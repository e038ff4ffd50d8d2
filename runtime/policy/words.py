"""Text as policy compares it: words, numbers, dates and addresses in one spelling each. Linear in the text's length."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

SHORT = 4
"""A literal with fewer characters proves nothing by standing somewhere in a text."""

_GAPS = re.compile(r"[\s,;|()\[\]{}<>\"“”„«»`]+")
_EDGES = ".:!?*~'’‘"
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_NUMBER = re.compile(r"[-+]?\d{1,30}(?:\.\d{1,30})?")
_KEPT = 2_000
"""The words of texts of so many characters are remembered for a while."""
_CURRENCY = "$€£¥"
_SHOWN_ADDRESS = re.compile(r"[^<>]{0,200}<\s*([^<>\s]{1,320})\s*>\s*")


@dataclass(frozen=True, slots=True)
class Leaf:
    """One plain value inside an argument or a result."""

    path: str
    """Where it stands, as ``items[0].name``."""
    key: str
    """The name nearest to it; empty in a bare list."""
    value: str | int | float | bool


def leaves(value: Any, path: str = "", key: str = "") -> Iterator[Leaf]:
    """Every plain value inside nested mappings and lists, in order; None and empty texts are left out."""
    waiting: list[tuple[Any, str, str]] = [(value, path, key)]
    while waiting:
        each, where, name = waiting.pop()
        if isinstance(each, Mapping):
            inner = [(one, f"{where}.{at}" if where else str(at), str(at)) for at, one in each.items()]
            waiting.extend(reversed(inner))
        elif isinstance(each, list | tuple | set | frozenset):
            waiting.extend(reversed([(one, f"{where}[{at}]", name) for at, one in enumerate(each)]))
        elif isinstance(each, bool | int | float):
            yield Leaf(where, name, each)
        elif each is not None and str(each).strip():
            yield Leaf(where, name, str(each))


def normal(value: Any) -> str:
    """A whole value in its one spelling: compatibility forms folded, no case, single spaces."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return number(value) or str(value)
    return " ".join(unicodedata.normalize("NFKC", str(value)).casefold().split())


def words(text: str) -> tuple[str, ...]:
    """The words of a text, without punctuation around them; addresses and numbers in their one spelling."""
    return _known_words(text) if len(text) <= _KEPT else _words(text)


def _words(text: str) -> tuple[str, ...]:
    folded = _THOUSANDS.sub("", unicodedata.normalize("NFKC", text).casefold())
    return tuple(word for raw in _GAPS.split(folded) if (word := _word(raw)))


_known_words = lru_cache(maxsize=4096)(_words)
"""Every rule asks for the words of the same arguments."""


def raw_words(text: str) -> list[str]:
    """The same words as :func:`words`, one for one, with their case and the marks around them."""
    plain = _THOUSANDS.sub("", unicodedata.normalize("NFKC", text))
    return [raw for raw in _GAPS.split(plain) if _word(raw.casefold())]


def destination(value: str) -> str:
    """The address in ``Ann <ann@example.org>``; any other text as it is."""
    shown = _SHOWN_ADDRESS.fullmatch(value)
    return shown.group(1) if shown else value


def is_address(word: str) -> bool:
    """Whether a word leads somewhere: an e-mail address, a URL, a host name, an IBAN."""
    if word.isalpha():  # most words
        return False
    return "@" in word or "://" in word or word.startswith("www.") or is_iban(word) or _is_host(word)


def is_iban(word: str) -> bool:
    """Whether a word is built like an IBAN; its check digits may be wrong."""
    return 15 <= len(word) <= 34 and word.isascii() and word[:2].isalpha() and word[2:4].isdigit() and word.isalnum()


def number(value: Any) -> str | None:
    """A number in its one spelling (``1,200.50 €`` and ``1200.5`` are one), or None."""
    text = str(value).strip().strip(_CURRENCY).strip()
    if not _NUMBER.fullmatch(text):
        return None
    try:
        plain = format(Decimal(text).normalize(), "f")
    except InvalidOperation:
        return None
    return "0" if plain == "-0" else plain


def _word(raw: str) -> str:
    if raw.isalpha():  # most words, and nothing of what follows applies to them
        return raw
    word = raw.strip(_EDGES)
    for ending in ("'s", "’s"):
        word = word.removesuffix(ending)
    for scheme in ("https://", "http://", "mailto:"):
        word = word.removeprefix(scheme)
    word = word.rstrip("/") if len(word) > 1 else word
    return number(word) or word.strip(_EDGES)


def _is_host(word: str) -> bool:
    name, _, ending = word.split("/", 1)[0].rpartition(".")
    return (
        bool(name) and 2 <= len(ending) <= 24 and ending.isalpha() and name.replace(".", "").replace("-", "").isalnum()
    )

"""Words, stems and the likeness of a request to a tool's vocabulary."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

import snowballstemmer  # type: ignore[import-untyped]  # it ships no type hints

from .lexicon import GENERIC, STOP, SYNONYMS

SCAN = 12_000
"""Characters of a text that are looked at, so that a megabyte costs what a page costs."""

_STEMMER = snowballstemmer.stemmer("english")
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*|\d+(?:\.\d+)?")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


class Word(NamedTuple):
    """One word of a text and where it stands."""

    text: str
    stem: str
    start: int
    end: int


@lru_cache(maxsize=16_384)
def stem(word: str) -> str:
    """The Snowball stem of one lower-case word."""
    return str(_STEMMER.stemWord(word))


@lru_cache(maxsize=1)
def _groups() -> dict[str, str]:
    return {stem(word): stem(line.split()[0]) for line in reversed(SYNONYMS) for word in line.split()}


def concept(stemmed: str) -> str:
    """The word that stands for a stem's group of synonyms, or the stem itself."""
    return _groups().get(stemmed, stemmed)


def clipped(text: str) -> str:
    """A text of at most `SCAN` characters: two thirds from the beginning, one third from the end of a longer one."""
    return text if len(text) <= SCAN else f"{text[: SCAN * 2 // 3]}\n{text[1 - SCAN // 3 :]}"


def words(text: str) -> list[Word]:
    """The words of a text in order; only the first `SCAN` characters are read."""
    found = _WORD.finditer(text[:SCAN])
    return [Word(m.group().lower(), _stem_of(m.group()), m.start(), m.end()) for m in found]


def _stem_of(word: str) -> str:
    low = word.lower().replace("’", "'")
    return stem(low.removesuffix("'s") if low.endswith("'s") else low) if len(low) <= 40 else low[:40]


@lru_cache(maxsize=4_096)
def name_words(identifier: str) -> tuple[str, ...]:
    """The lower-case words of an identifier: `getUserById`, `get_user.by-id` -> get user by id."""
    spaced = _CAMEL.sub(" ", identifier[:200])
    return tuple(word.lower() for word in re.findall(r"[^\W\d_]+|\d+", spaced))


@lru_cache(maxsize=4_096)
def content_stems(text: str) -> tuple[str, ...]:
    """Stems of the words that carry meaning, in order, each once."""
    plain = _CAMEL.sub(" ", text[:2_000]).replace("_", " ").replace(".", ". ")
    return tuple(dict.fromkeys(w.stem for w in words(plain) if w.text not in STOP and len(w.text) > 1))


@lru_cache(maxsize=1)
def generic_stems() -> frozenset[str]:
    """Stems of words so common among tools that they say little."""
    return stems_of(GENERIC)


@lru_cache(maxsize=1)
def stop_stems() -> frozenset[str]:
    """Stems of words that carry no meaning of their own."""
    return stems_of(STOP)


def stems_of(table: frozenset[str]) -> frozenset[str]:
    """The stems of a table's words."""
    return frozenset(stem(word) for word in table)

"""Words of a text as the index counts them: folded, split at identifiers' seams, without stop words, stemmed."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from functools import lru_cache

import snowballstemmer  # type: ignore[import-untyped]  # it ships no types

TERMS_VERSION = "terms-1"

_TOKEN = re.compile(r"[^\W_]+(?:[_'’][^\W_]+)*")
_SEAM = re.compile(r"_|(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_UNSPACED = re.compile("[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_LONGEST = 64
_STOP_WORDS = """
a about am an and any are as at be been being but by can could did do does doing for from had has have he her here him
his how i if in into is it its me my no nor not of on or our out she should so some such than that the their them then
there these they this those to too up us was we were what when where which while who whom why will with would you your
dont didnt doesnt isnt im ive
"""
_STOP = frozenset(_STOP_WORDS.split())
_stemmer = snowballstemmer.stemmer("english")


def terms(text: str) -> list[str]:
    """The terms of a text in order; of a text of stop words only, those."""
    tokens = _TOKEN.findall(text if text.isascii() else unicodedata.normalize("NFKC", text))
    found = [term for token in tokens for term in _of_token(token)]
    return found or [token.lower() for token in tokens]


def term_counts(text: str) -> Counter[str]:
    """How often each term occurs in a text."""
    return Counter(terms(text))


@lru_cache(maxsize=200_000)
def _of_token(token: str) -> tuple[str, ...]:
    token = _fold(token)[:_LONGEST]
    if _UNSPACED.search(token):
        return tuple(token[i : i + 2] for i in range(max(1, len(token) - 1)))
    token = token.removesuffix("'s").replace("'", "")
    parts = [part.lower() for part in _SEAM.split(token) if part]
    kept = [_stemmer.stemWord(part) for part in parts if part not in _STOP]
    if len(parts) > 1:
        kept.append(token.lower())
    return tuple(kept)


def _fold(token: str) -> str:
    if token.isascii():
        return token
    plain = unicodedata.normalize("NFKD", token.replace("’", "'"))
    if _UNSPACED.search(token):
        return token
    return "".join(c for c in plain if not unicodedata.combining(c))

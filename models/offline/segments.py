"""Cuts a request into parts that may each ask for a call of their own."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .handed import handed
from .lexicon import OPENERS, bag

_NO_VERBS = bag("with from for when after before first second third given open close cut")
_VERBS = "|".join(sorted(w for w in OPENERS - _NO_VERBS if w.isalpha() and len(w) > 2))
_CUT = re.compile(
    r"(?<=[.?!;])[\"']?\s+|\n+|,?\s(?:and|then|also|plus|while|followed by)\s"
    rf"(?=(?:also|then|another|for|from|the|a|an|in|what|how|who|when|where|{_VERBS})\b)"
    r"|,\s+(?=(?:then|also|another|followed|finally)\b)",
    re.I,
)  # fmt: skip


def segments(text: str, most: int = 12) -> list[str]:
    """Sentences, and clauses that begin anew after 'and', 'then', 'also'; too short pieces stay with the one before.

    What is to be written or listed ('add buy milk and call Ann to my list') is not cut.
    """
    pieces: list[str] = []
    for piece in _cut(text[:4_000]):
        if pieces and len(re.findall(r"\w+", piece)) < 3:
            pieces[-1] = f"{pieces[-1]} and {piece}"
        elif piece.strip():
            pieces.append(piece.strip())
    return pieces if len(pieces) <= most else [text]


def _cut(text: str) -> Iterator[str]:
    whole, begun = [(each.start, each.end) for each in handed(text)], 0
    for cut in _CUT.finditer(text):
        if not any(a <= cut.start() < b for a, b in whole):
            yield text[begun : cut.start()]
            begun = cut.end()
    yield text[begun:]

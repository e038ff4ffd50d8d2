"""Cuts a request into parts that may each ask for a call of their own."""

from __future__ import annotations

import re

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
    """Sentences, and clauses that begin anew after 'and', 'then', 'also'; too short pieces stay with the one before."""
    pieces: list[str] = []
    for piece in _CUT.split(text[:4_000]):
        if pieces and len(re.findall(r"\w+", piece)) < 3:
            pieces[-1] = f"{pieces[-1]} and {piece}"
        elif piece.strip():
            pieces.append(piece.strip())
    return pieces if len(pieces) <= most else [text]

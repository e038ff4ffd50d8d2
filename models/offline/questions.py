"""Splits a question into the questions it is made of."""

from __future__ import annotations

import re

_LEAD = re.compile(
    r"^(?:please|can you|could you|would you|i (?:would like|want|need) (?:you )?to|tell me|explain|"
    r"write (?:a|an) [\w ]{0,40}?(?:on|about)|research|report on)[\s:,]+", re.I)  # fmt: skip
_CUT = re.compile(
    r"(?<=[.?!;])\s+|\n+|,?\s+(?:and|then|also)\s+(?=(?:how|what|why|when|where|which|who|does|do|is|are|can|should)\b)",
    re.I,
)


def sub_questions(text: str, limit: int = 6) -> list[str]:
    """Between one and `limit` questions, in order: sentences, clauses with their own question word, compared things."""
    whole = " ".join(text[:4_000].split())
    parts = [_tidy(part) for part in _CUT.split(text[:4_000])]
    parts = [part for part in dict.fromkeys(parts) if len(part.split()) > 1]
    compared = re.search(
        r"\b(?:compare|difference between|differences between)\s+(.{2,80}?)\s+(?:and|with|to|vs\.?)\s+([^,.?!;]{2,80})",
        whole,
        re.I,
    )
    if compared and len(parts) <= 1:
        parts = [*parts, compared[1].strip(), compared[2].strip()]
    return parts[:limit] or [whole[:500] or "?"]


def _tidy(part: str) -> str:
    part = part.strip(" \t,;\"'")
    return _LEAD.sub("", part) or part

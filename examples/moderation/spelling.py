"""Undo what people do to words so that a search does not find them."""

from __future__ import annotations

import re
import unicodedata

_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2060-\u2064\ufeff]")
_LOOKALIKES = str.maketrans("аеорсухіѕ", "aeopcyxis")  # Cyrillic to Latin
_LETTERS = str.maketrans("431057@$", "aeiostas")
_LEET = re.compile(r"(?<!\S)(?=\S*[A-Za-z])(?=\S*[0-9@$])[\w@$.,!?-]+")
_GAPS = re.compile(r"(?<!\w)(?:\w[ .]){3,}\w(?!\w)")
_STRETCHED = re.compile(r"([a-z])\1{2,}")


def plain_spelling(text: str) -> str:
    """The text in small letters, without invisible characters, lookalikes, digits for letters, gaps and stretching."""
    text = unicodedata.normalize("NFKC", _INVISIBLE.sub("", text)).lower().translate(_LOOKALIKES)
    text = _GAPS.sub(lambda found: re.sub(r"[ .]", "", found[0]), text)
    text = _LEET.sub(lambda found: found[0].translate(_LETTERS), text)
    return _STRETCHED.sub(r"\1", text)


def tricks(text: str) -> list[str]:
    """Which of these a text uses: signs that somebody hides something."""
    lower = unicodedata.normalize("NFKC", text).lower()
    found = {
        "invisible characters": bool(_INVISIBLE.search(text)),
        "letters of another alphabet": bool(re.search(r"[a-z][аеорсухіѕ]|[аеорсухіѕ][a-z]", lower)),
        "digits for letters": bool(re.search(r"[a-z][0134579@$]+[a-z]", lower)),
        "gaps within words": bool(_GAPS.search(lower)),
    }
    return [name for name, is_used in found.items() if is_used]

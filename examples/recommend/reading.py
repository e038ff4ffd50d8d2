"""From a line of text to events and a wish: by code where the line has a form that we know."""

from __future__ import annotations

import re

from .state import Incoming, Wish

GUEST = "u-0"
"""Somebody without a name, of whom nothing is known."""
_VERBS = {
    "viewed": "viewed",
    "looked at": "viewed",
    "saw": "viewed",
    "opened": "viewed",
    "added": "added",
    "bought": "bought",
    "ordered": "bought",
}
_EVENT = re.compile(
    rf"\b(?P<user>u-\d{{1,6}})\s+(?:has\s+)?(?:just\s+)?(?P<verb>{'|'.join(_VERBS)})\s+(?P<items>i-\d{{1,6}}(?:\s*(?:,|and)\s*i-\d{{1,6}})*)",
    re.I,
)
_USER = re.compile(r"\bu-\d{1,6}\b", re.I)
_ITEM = re.compile(r"i-\d{1,6}", re.I)
_NEW = re.compile(r"\b(?:new|unknown|first[- ]time)\s+(?:user|customer|visitor|guest)\b|\bguest\b", re.I)
_LIKING = re.compile(r"\b(?:likes?|interested in|looking for|wants?|into)\s+(?P<words>[^.;?!\n]{2,200})", re.I)
_PRICE = re.compile(
    r"\b(?:under|below|max(?:imum)?|up to|at most|no more than)\s*(?:€|eur(?:os?)?)?\s*"
    r"(?P<value>\d+(?:[.,]\d+)?)\b(?!\s*items)(?:\s*(?:€|eur(?:os?)?))?",
    re.I,
)
_COUNT = re.compile(
    r"\b(?:top|best)\s+(?P<top>\d{1,2})\b|\b(?P<items>\d{1,2})\s+(?:items?|things|recommendations)\b", re.I
)
MOST, USUAL = 20, 10


def events_of(text: str) -> list[Incoming]:
    """What users did, in the order of the text: "u-17 viewed i-203 and i-9; u-4 bought i-1"."""
    return [
        Incoming(user=match["user"].lower(), kind=_VERBS[match["verb"].lower()], item=item.lower())
        for match in _EVENT.finditer(text)
        for item in _ITEM.findall(match["items"])
    ]


def wish_of(text: str) -> Wish | None:
    """For whom, how many, how dear; None if the text names nobody."""
    users = _USER.findall(text)
    if not users and not _NEW.search(text):
        return None
    liking = _LIKING.search(text)
    return wish(
        users[-1].lower() if users else GUEST,
        liking=_PRICE.sub("", liking["words"]).strip(" ,") if liking else "",
        max_price=price_in(text),
        count=_count(text),
    )


def wish(user: str, *, liking: str = "", max_price: float | None = None, count: int = USUAL) -> Wish:
    """A wish within what can be asked for."""
    return Wish(user=user, count=min(max(count, 1), MOST), max_price=max_price, liking=liking)


def price_in(text: str) -> float | None:
    """The price cap that a text names, in euros."""
    match = _PRICE.search(text)
    value = float(match["value"].replace(",", ".")) if match else 0.0
    return value if value > 0 else None


def _count(text: str) -> int:
    match = _COUNT.search(text)
    return int(match["top"] or match["items"]) if match else USUAL

"""Business rules over a ranking: what may be shown, and how much of the same. Pure; the reasons are kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .data import Item
from .profile import Profile


@dataclass(frozen=True, slots=True)
class Limits:
    """What one list of recommendations keeps to."""

    count: int = 10
    max_price: float | None = None
    """In euros; None: any."""
    category: int = 7
    """Items of one category, at most."""
    brand: int = 4
    sponsored: int = 2
    """Items that their makers pay for, at most."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """An item with its score and what each feature added to it."""

    item: str
    score: float
    parts: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Choice:
    """What is shown, and why the better ones among the others are not."""

    kept: list[Ranked]
    dropped: dict[str, str]
    """Item to the rule that kept it out; only of those that ranked before the last one shown."""


def choose(ranked: Sequence[Ranked], items: Mapping[str, Item], profile: Profile, limits: Limits) -> Choice:
    """The best that the rules allow, in their order."""
    kept: list[Ranked] = []
    dropped: dict[str, str] = {}
    bought, seen = set(profile["bought"]), set(profile["recent"])
    for each in ranked:
        if len(kept) == limits.count:
            break
        item = items[each.item]
        reason = _unfit(item, bought, seen, limits) or _too_much(item, [items[other.item] for other in kept], limits)
        if reason:
            dropped[each.item] = reason
        else:
            kept.append(each)
    return Choice(kept, dropped)


def _unfit(item: Item, bought: set[str], seen: set[str], limits: Limits) -> str:
    if item.stock < 1:
        return "sold out"
    if item.id in bought:
        return "already bought"
    if item.id in seen:
        return "seen just now"
    if limits.max_price is not None and item.price > limits.max_price:
        return "over the price cap"
    return ""


def _too_much(item: Item, kept: Sequence[Item], limits: Limits) -> str:
    if sum(each.category == item.category for each in kept) >= limits.category:
        return "enough of its category"
    if sum(each.brand == item.brand for each in kept) >= limits.brand:
        return "enough of its brand"
    if item.sponsored and sum(each.sponsored for each in kept) >= limits.sponsored:
        return "enough sponsored ones"
    return ""

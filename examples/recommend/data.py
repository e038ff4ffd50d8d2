"""A shop that does not exist: a catalogue, users with tastes nobody states, and sessions in which interest drifts.

Everything follows from one seed. What users do is drawn from what they like; a recommender sees only what they did.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from .words import BRANDS, CATEGORIES, COMPLEMENTS, STYLES

SEED = 20260
ITEMS = 480
USERS = 260
COLD = 20
"""Users, the last ones, who came only after the split: nothing is known of them when the ranker is trained."""
DAYS = 60
SPLIT = 50
"""Sessions from this day on are held out; the ranker never sees them."""
KINDS = ("viewed", "added", "bought")
_DEPTH = 10
_NAMES, _STYLE_NAMES = tuple(CATEGORIES), tuple(STYLES)

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Item:
    """One thing for sale."""

    id: str
    name: str
    text: str
    category: str
    style: str
    brand: str
    price: float
    """In euros."""
    stock: int
    sponsored: bool
    """Its maker pays to have it shown."""


@dataclass(frozen=True, slots=True)
class Event:
    """A user did something with an item."""

    user: str
    item: str
    kind: str
    session: int
    at: float
    """Days since the shop opened."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """All of it, events in the order of their time."""

    items: tuple[Item, ...]
    users: tuple[str, ...]
    events: tuple[Event, ...]


@cache
def dataset(seed: int = SEED) -> Dataset:
    """The shop's data; the same for the same seed."""
    rng = np.random.default_rng(seed)
    items, depth = _catalogue(rng)
    users = tuple(f"u-{number}" for number in range(1, USERS + 1))
    world = _World(items, depth, rng)
    events = [event for number, user in enumerate(users) for event in world.life(number, user)]
    return Dataset(items, users, tuple(sorted(events, key=lambda each: (each.at, each.user))))


def _catalogue(rng: np.random.Generator) -> tuple[tuple[Item, ...], Floats]:
    """The items, and for each what nobody writes down: its place among tastes."""
    centres = rng.normal(size=(len(_NAMES), _DEPTH))
    offsets = rng.normal(size=(len(_STYLE_NAMES), _DEPTH))
    brand_of = {name: rng.choice(len(BRANDS), size=6, replace=False) for name in _NAMES}
    items, depth = [], np.zeros((ITEMS, _DEPTH))
    for at in range(ITEMS):
        category, style = _NAMES[at % len(_NAMES)], _STYLE_NAMES[int(rng.integers(len(_STYLE_NAMES)))]
        thing = str(rng.choice(CATEGORIES[category]))
        words = [str(word) for word in rng.choice(STYLES[style][1:], size=2, replace=False)]
        brand = BRANDS[int(rng.choice(brand_of[category]))]
        tier = BRANDS.index(brand) % 4
        price = round(float(np.exp(rng.normal(3.2 + 0.3 * tier, 0.4))), 2)
        name = f"{brand} {STYLES[style][0]} {thing}"
        text = f"{name}. A {words[0]} {thing} for those who like it {style}: {words[1]}. Found under {category}."
        stock = 0 if rng.random() < 0.05 else int(rng.integers(1, 40))
        items.append(Item(f"i-{at + 1}", name, text, category, style, brand, price, stock, bool(rng.random() < 0.08)))
        place = centres[at % len(_NAMES)] + 0.8 * offsets[_STYLE_NAMES.index(style)]
        depth[at] = place + 0.9 * rng.normal(size=_DEPTH)
    return tuple(items), depth / np.linalg.norm(depth, axis=1, keepdims=True)


class _World:
    """How users choose: by intent, taste, brand, price, and a little by what everybody likes."""

    def __init__(self, items: tuple[Item, ...], depth: Floats, rng: np.random.Generator) -> None:
        self.items, self.depth, self.rng = items, depth, rng
        self.category = np.array([_NAMES.index(each.category) for each in items])
        self.style = np.array([_STYLE_NAMES.index(each.style) for each in items])
        self.brand = np.array([BRANDS.index(each.brand) for each in items])
        self.price = np.log([each.price for each in items])
        self.fame = 0.6 * rng.normal(size=len(items))
        self.gone = np.array([each.stock == 0 for each in items])
        self.next_session = 0

    def life(self, number: int, user: str) -> list[Event]:
        """All that one user ever did."""
        rng = self.rng
        tastes = [(int(c), int(rng.integers(len(_STYLE_NAMES)))) for c in rng.choice(len(_NAMES), 3, replace=False)]
        liked = np.zeros(len(BRANDS))
        liked[rng.choice(len(BRANDS), 4, replace=False)] = 1.1
        taste = rng.normal(size=_DEPTH)
        worth = 2.6 * (self.depth @ (taste / np.linalg.norm(taste))) + liked[self.brand] + self.fame
        worth = worth - 1.0 * np.abs(self.price - rng.normal(3.6, 0.5))
        first = SPLIT if number >= USERS - COLD else 0
        days = np.sort(rng.uniform(first, DAYS, size=int(rng.integers(1, 4) if first else rng.integers(5, 10))))
        return [event for day in days for event in self._session(user, float(day), worth, tastes)]

    def _session(self, user: str, day: float, worth: Floats, tastes: list[tuple[int, int]]) -> list[Event]:
        rng, events = self.rng, []
        self.next_session += 1
        category, style = tastes[int(rng.choice(3, p=(0.5, 0.3, 0.2)))]
        left = np.where(self.gone & (day >= SPLIT - 1), -np.inf, worth)  # what is sold out is no longer listed
        for step in range(int(rng.integers(5, 12))):
            if step and rng.random() < 0.18:
                name = str(rng.choice(COMPLEMENTS[_NAMES[category]]))
                category, style = (_NAMES.index(name), style) if rng.random() < 0.7 else tastes[int(rng.integers(3))]
            score = left + 3.4 * (self.category == category) + 1.5 * (self.style == style)
            chance = np.exp(score - score.max())
            at = int(rng.choice(len(self.items), p=chance / chance.sum()))
            left[at] = -np.inf
            kind = KINDS[int(rng.choice(3, p=(0.78, 0.12, 0.10)))]
            events.append(Event(user, self.items[at].id, kind, self.next_session, round(day + step / 720, 5)))
        return events

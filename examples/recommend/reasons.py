"""Why an item is shown: the features that added most to its score, each as a fact that can be looked up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from .profile import Profile
from .rules import Ranked

if TYPE_CHECKING:
    from .engine import Engine

MOST = 2


def reasons_for(ranked: Ranked, engine: Engine, profile: Profile) -> list[str]:
    """The facts behind the two features that helped most; a feature without a fact gives way to the next.

    A feature with a negative weight helps by being small: its fact would say the contrary, so it is passed over.
    """
    against = engine.against if profile["events"] else frozenset()
    parts = {name: value for name, value in ranked.parts.items() if name not in against}
    helped = sorted(parts.items(), key=lambda pair: (-pair[1], pair[0]))
    facts: list[str] = []
    for name, value in helped:
        fact = _FACTS[name](ranked.item, engine, profile) if value > 0 else ""
        if fact and fact not in facts:
            facts.append(fact)
        if len(facts) == MOST:
            break
    return facts or [_popular(ranked.item, engine, profile)]


def _near(item: str, engine: Engine, profile: Profile) -> str:
    return _nearest_of(item, engine, profile, engine.signals.vectors, "like {}, which you looked at")


def _reads(item: str, engine: Engine, profile: Profile) -> str:
    if not profile["recent"]:
        return "fits the words you gave"
    return _nearest_of(item, engine, profile, engine.signals.text, "described like {}, which you looked at")


def _nearest_of(item: str, engine: Engine, profile: Profile, vectors: np.ndarray, text: str) -> str:
    rows = engine.signals.rows(profile["recent"])
    if not rows:
        return ""
    alike = vectors[rows] @ vectors[engine.signals.places[item]]
    return text.format(engine.signals.ids[rows[int(np.argmax(alike))]])


def _last(item: str, engine: Engine, profile: Profile) -> str:
    return f"like {profile['recent'][0]}, which you looked at last" if profile["recent"] else ""


def _together(item: str, engine: Engine, profile: Profile) -> str:
    rows = engine.signals.rows(profile["recent"])
    seen = engine.signals.together[rows, engine.signals.places[item]] if rows else np.zeros(1)
    return f"often seen together with {engine.signals.ids[rows[int(np.argmax(seen))]]}" if seen.max() > 0 else ""


def _taste(item: str, engine: Engine, profile: Profile) -> str:
    return f"fits what you looked at before ({len(profile['history'])} items)" if profile["history"] else ""


def _popular(item: str, engine: Engine, profile: Profile) -> str:
    return f"popular: {int(engine.signals.views[engine.signals.places[item]])} visits"


def _category(item: str, engine: Engine, profile: Profile) -> str:
    category = engine.items[item].category
    now = sum(engine.items[each].category == category for each in profile["recent"] if each in engine.items)
    ever = any(engine.items[each].category == category for each in profile["history"] if each in engine.items)
    return f"you look at {category} just now" if now else f"you have looked at {category}" if ever else ""


def _brand(item: str, engine: Engine, profile: Profile) -> str:
    brand = engine.items[item].brand
    times = sum(engine.items[each].brand == brand for each in profile["history"] if each in engine.items)
    return f"by {brand}, of which you have seen {times} items" if times else ""


def _price(item: str, engine: Engine, profile: Profile) -> str:
    known = [engine.items[each].price for each in profile["history"] if each in engine.items]
    return f"near the price of what you look at (about {np.exp(np.mean(np.log(known))):.0f} euros)" if known else ""


def _seen(item: str, engine: Engine, profile: Profile) -> str:
    return "you looked at it in an earlier visit" if item in profile["history"] else ""


_FACTS: Mapping[str, Callable[[str, Engine, Profile], str]] = {
    "near_session": _near,
    "near_last": _last,
    "near_taste": _taste,
    "reads_alike": _reads,
    "seen_together": _together,
    "popular": _popular,
    "category_now": _category,
    "category_ever": _category,
    "brand": _brand,
    "price": _price,
    "seen_before": _seen,
}

"""Offline evaluation on held-out sessions: recall@k, nDCG@k and coverage, with a paired bootstrap interval."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from .data import DAYS, SPLIT, Dataset
from .engine import TOGETHER, Engine, Nearest, by_product, sessions_between
from .profile import Profile
from .ranking import Ranker
from .rules import Limits, Ranked, choose
from .signals import Signals, pairs

K = 10
Recommender = Callable[[Profile], Sequence[str]]


@dataclass(frozen=True, slots=True)
class Measured:
    """What one recommender came to; each list has one value a session."""

    name: str
    ndcg: list[float]
    recall: list[float]
    coverage: float
    """The share of the catalogue that was recommended to anybody."""


def evaluate(data: Dataset, signals: Signals, ranker: Ranker, nearest: Nearest | None = None) -> list[Measured]:
    """The full system, and beside it popularity and co-visitation alone, on the same sessions.

    The baselines keep to the same rules of stock and of what was bought and seen, so that rules give no lead.
    Co-visitation alone is the strongest of the forms that were tried on them: plain counts over whole sessions.
    """
    engine = Engine(data.items, signals, ranker, nearest or by_product(signals))
    held_out = list(sessions_between(data.events, SPLIT, DAYS + 1))
    counts, _ = pairs([each for each in data.events if each.at < SPLIT], signals.places)
    free = Limits(count=K, category=K, brand=K, sponsored=K)

    def alone(scores: Callable[[Profile], dict[str, float]]) -> Recommender:
        def recommend(profile: Profile) -> list[str]:
            ranked = [Ranked(item, score) for item, score in scores(profile).items()]
            fill = [Ranked(item, 0.0) for item in engine.popular() if item not in {each.item for each in ranked}]
            return [each.item for each in choose([*ranked, *fill], engine.items, profile, free).kept]

        return recommend

    def seen_together(profile: Profile) -> dict[str, float]:
        scores = counts[signals.rows(profile["recent"])].sum(axis=0)
        return {signals.ids[row]: float(scores[row]) for row in np.argsort(-scores, kind="stable")[:TOGETHER]}

    systems: dict[str, Recommender] = {
        "full system": lambda profile: [each.item for each in engine.recommend(profile, Limits(count=K))],
        "ranker, no diversity": lambda profile: [each.item for each in engine.recommend(profile, free)],
        "co-visitation alone": alone(seen_together),
        "nearest neighbours alone": alone(engine.near),
        "popularity": alone(lambda _profile: engine.popular()),
    }
    return [_measured(name, recommend, held_out, len(data.items)) for name, recommend in systems.items()]


def _measured(
    name: str, recommend: Recommender, sessions: Sequence[tuple[Profile, list[str]]], catalogue: int
) -> Measured:
    shown = [list(recommend(profile)) for profile, _ in sessions]
    wanted = [set(rest) for _, rest in sessions]
    return Measured(
        name,
        [ndcg(items, rest) for items, rest in zip(shown, wanted, strict=True)],
        [len(rest & set(items)) / len(rest) if rest else 0.0 for items, rest in zip(shown, wanted, strict=True)],
        len({item for items in shown for item in items}) / catalogue,
    )


def ndcg(shown: Sequence[str], wanted: set[str]) -> float:
    """Normalised discounted cumulative gain of a list: 1 if everything wanted stands first."""
    gained = sum(1 / math.log2(place + 2) for place, item in enumerate(shown[:K]) if item in wanted)
    best = sum(1 / math.log2(place + 2) for place in range(min(len(wanted), K)))
    return gained / best if best else 0.0


def paired_interval(ours: Sequence[float], theirs: Sequence[float], seed: int = 0) -> tuple[float, float, float]:
    """The mean difference of two recommenders on the same sessions, with its 95 % bootstrap interval."""
    gaps = np.asarray(ours) - np.asarray(theirs)
    rng = np.random.default_rng(seed)
    means = gaps[rng.integers(len(gaps), size=(2_000, len(gaps)))].mean(axis=1)
    low, high = np.quantile(means, (0.025, 0.975))
    return float(gaps.mean()), float(low), float(high)

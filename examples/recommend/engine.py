"""Candidates, ranking and rules as one piece: what the graph's tools call, and what the evaluation measures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from graphwright.retrieval import text_embedder

from .data import SPLIT, Event, Item
from .profile import Profile, profile_of
from .ranking import FEATURES, Features, Ranker, train
from .rules import Limits, Ranked, choose
from .signals import Floats, Signals, learn

Nearest = Callable[[Floats, int], list[tuple[str, float]]]
"""Ids near to a vector, with their similarity."""
Scored = dict[str, float]
NEAR, TOGETHER, POPULAR = 80, 80, 40
"""How many candidates each source gives."""
LEARNED_UNTIL = 38
"""The ranker is trained on sessions from this day to the split, with signals learned before: no peeking."""
CONTEXT = 3
"""Items of a session that are seen before the rest is to be guessed."""
_TAUGHT = 25
"""Candidates of each training session that nobody chose."""


class Engine:
    """Recommends from signals and a ranker; knows nothing of databases or graphs."""

    def __init__(self, items: Sequence[Item], signals: Signals, ranker: Ranker | None, nearest: Nearest) -> None:
        self.items = {each.id: each for each in items}
        self.signals, self.ranker, self._nearest = signals, ranker, nearest
        self.features = Features(items, signals)

    @cached_property
    def _embedder(self) -> Any:
        return text_embedder([each.text for each in self.items.values()])

    @cached_property
    def against(self) -> frozenset[str]:
        """Features that the ranker counts against an item."""
        weights = self.ranker.weights if self.ranker else ()
        return frozenset(name for name, weight in zip(FEATURES, weights, strict=False) if weight < 0)

    def near(self, profile: Profile, liking: str = "") -> Scored:
        """Items near to what the user sees now and always liked; of a stranger, near to the words they like."""
        known = self.signals.now(profile, self.signals.vectors) + 0.4 * self.signals.taste(profile)
        if np.any(known):
            return dict(self._nearest(known, NEAR))
        words = self._embedder.query(liking)[: self.signals.text.shape[1]] if liking else np.zeros(1)
        if not np.any(words):
            return {}
        alike = self.signals.text @ words
        return {self.signals.ids[row]: round(float(alike[row]), 6) for row in _best(alike, NEAR)}

    def together(self, profile: Profile) -> Scored:
        """Items that were seen together with what the user sees now."""
        return self._named(self.signals.seen_with(profile), TOGETHER)

    def popular(self) -> Scored:
        """The items that most people look at."""
        return self._named(self.signals.views, POPULAR)

    def rank(self, profile: Profile, candidates: Sequence[str], liking: Scored | None = None) -> list[Ranked]:
        """The candidates, best first, with what each feature added to the score.

        A stranger has no features to rank by: nearness to the words they like decides, then popularity.
        """
        rows = self.signals.rows(candidates)
        if not profile["events"] or self.ranker is None:
            fame = self.signals.views / self.signals.views.max()
            near = liking or {}
            named = [(self.signals.ids[row], float(fame[row])) for row in rows]
            ranked = [_of_stranger(item, near.get(item, 0.0), popular) for item, popular in named]
        else:
            parts = self.ranker.contributions(self.features.of(profile, rows))
            ranked = [self._ranked(row, part) for row, part in zip(rows, parts, strict=True)]
        return sorted(ranked, key=lambda each: (-each.score, each.item))

    def recommend(self, profile: Profile, limits: Limits) -> list[Ranked]:
        """All in one call, without a graph: what the evaluation measures and the graph must agree with."""
        near, together = self.near(profile), self.together(profile)
        pool = list(dict.fromkeys([*near, *together, *self.popular()]))
        return choose(self.rank(profile, pool), self.items, profile, limits).kept

    def _ranked(self, row: int, parts: Floats) -> Ranked:
        told = {name: round(float(value), 4) for name, value in zip(FEATURES, parts, strict=True)}
        return Ranked(self.signals.ids[row], round(float(parts.sum()), 6), told)

    def _named(self, scores: Floats, count: int) -> Scored:
        return {self.signals.ids[row]: round(float(scores[row]), 6) for row in _best(scores, count) if scores[row] > 0}


def _of_stranger(item: str, near: float, popular: float) -> Ranked:
    parts = {"reads_alike": round(2 * near, 4), "popular": round(popular, 4)}
    return Ranked(item, round(sum(parts.values()), 6), parts)


def sessions_between(events: Sequence[Event], first: float, last: float) -> Iterator[tuple[Profile, list[str]]]:
    """Sessions that began in these days: the profile after their first items, and what the user went on to see."""
    by_user: dict[str, list[Event]] = {}
    for each in events:
        by_user.setdefault(each.user, []).append(each)
    for user, theirs in by_user.items():
        starts = [at for at, each in enumerate(theirs) if not at or each.session != theirs[at - 1].session]
        for start, end in zip(starts, [*starts[1:], len(theirs)], strict=True):
            if first <= theirs[start].at < last and end - start > CONTEXT:
                profile = profile_of(user, theirs[: start + CONTEXT])
                rest = [each.item for each in theirs[start + CONTEXT : end]]
                yield profile, [item for item in dict.fromkeys(rest) if item not in profile["recent"]]


def fit_ranker(items: Sequence[Item], events: Sequence[Event], seed: int = 1) -> Ranker:
    """Train the ranker on the last days before the split, with signals that are older than what it is to guess."""
    rng = np.random.default_rng(seed)
    signals = learn(items, [each for each in events if each.at < LEARNED_UNTIL])
    engine = Engine(items, signals, None, by_product(signals))
    examples, chosen = [], []
    for profile, rest in sessions_between(events, LEARNED_UNTIL, SPLIT):
        pool = dict.fromkeys([*engine.near(profile), *engine.together(profile), *engine.popular()])
        # Only what a source found: the ranker never has to judge anything else.
        taken = [item for item in rest if item in pool]
        others = [item for item in pool if item not in rest and item not in profile["recent"]]
        shown = [*taken, *(str(each) for each in rng.choice(others, min(_TAUGHT, len(others)), replace=False))]
        examples.append(engine.features.of(profile, signals.rows(shown)))
        chosen += [int(item in rest) for item in shown]
    return train(np.vstack(examples), chosen)


def by_product(signals: Signals) -> Nearest:
    """Exact nearest neighbours by a matrix product, for training; serving asks Chroma."""

    def nearest(vector: Floats, count: int) -> list[tuple[str, float]]:
        alike = signals.vectors @ (vector / max(float(np.linalg.norm(vector)), 1e-9))
        return [(signals.ids[row], round(float(alike[row]), 6)) for row in _best(alike, count)]

    return nearest


def trained(items: Sequence[Item], events: Sequence[Event]) -> tuple[Signals, Ranker]:
    """What serving uses: signals of all days before the split, and the ranker."""
    return learn(items, [each for each in events if each.at < SPLIT]), fit_ranker(items, events)


def _best(scores: Floats, count: int) -> list[int]:
    return [int(row) for row in np.argsort(-scores, kind="stable")[:count]]

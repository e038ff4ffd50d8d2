"""The ranker: a logistic regression on features of user and item, so that what made a score can be told exactly."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .data import Item
from .profile import Profile
from .signals import Floats, Signals

FEATURES = (
    "near_session",
    "near_last",
    "near_taste",
    "reads_alike",
    "seen_together",
    "popular",
    "category_now",
    "category_ever",
    "brand",
    "price",
    "seen_before",
)
"""What the ranker looks at, in the order of its weights."""


@dataclass(frozen=True)
class Ranker:
    """Weights of standardised features."""

    weights: Floats
    means: Floats
    scales: Floats

    def contributions(self, features: Floats) -> Floats:
        """What each feature adds to each item's score; a row sums up to the score."""
        parts: Floats = self.weights * (features - self.means) / self.scales
        return parts

    def scores(self, features: Floats) -> Floats:
        """One score an item; the higher, the sooner it is shown."""
        total: Floats = self.contributions(features).sum(axis=1)
        return total

    def save(self, path: Path) -> None:
        """Write to a file, all or nothing."""
        part = path.with_suffix(".part")
        held = {name: getattr(self, name).tolist() for name in ("weights", "means", "scales")}
        part.write_text(json.dumps({"features": FEATURES, **held}, indent=1))
        part.replace(path)

    @classmethod
    def load(cls, path: Path) -> Ranker:
        """Read what :meth:`save` wrote."""
        held: Mapping[str, Any] = json.loads(path.read_text())
        return cls(*(np.array(held[name]) for name in ("weights", "means", "scales")))


class Features:
    """Computes the features of one user and many items."""

    def __init__(self, items: Sequence[Item], signals: Signals) -> None:
        self.items, self.signals = items, signals
        self.prices = np.log([each.price for each in items])
        self._category = _codes([each.category for each in items])
        self._brand = _codes([each.brand for each in items])
        self._fame = np.log1p(signals.views)

    def of(self, profile: Profile, rows: Sequence[int]) -> Floats:
        """One row for each of these items."""
        signals, at = self.signals, np.asarray(rows, dtype=np.int64)
        recent = signals.rows(profile["recent"])
        history = {signals.places[i]: w for i, w in profile["history"].items() if i in signals.places}
        past, weight = np.array([*history], dtype=np.int64), np.array([*history.values()], dtype=np.float64)
        nothing = np.zeros(len(at))
        columns = {
            "near_session": signals.vectors[at] @ signals.now(profile, signals.vectors) if recent else nothing,
            "near_last": signals.vectors[at] @ signals.vectors[recent[0]] if recent else nothing,
            "near_taste": signals.vectors[at] @ signals.taste(profile) if history else nothing,
            "reads_alike": signals.text[at] @ signals.now(profile, signals.text) if recent else nothing,
            "seen_together": np.log1p(20 * signals.seen_with(profile)[at]),
            "popular": self._fame[at],
            "category_now": _share(self._category, np.array(recent, dtype=np.int64), np.ones(len(recent)), at),
            "category_ever": _share(self._category, past, weight, at),
            "brand": _share(self._brand, past, weight, at),
            "price": -np.abs(self.prices[at] - self.usual_price(past, weight)) if history else nothing,
            "seen_before": np.log1p([history.get(int(row), 0.0) for row in at]),
        }
        return np.column_stack([columns[name] for name in FEATURES])

    def usual_price(self, past: Any, weight: Floats) -> float:
        """The logarithm of what a user's items cost on average."""
        return float(np.average(self.prices[past], weights=weight))


def train(examples: Floats, chosen: Sequence[int]) -> Ranker:
    """Fit the weights: which of the shown items did people go on to?

    Raises:
        MissingExtra: without scikit-learn.
    """
    try:
        # Half a second, and only where something is trained.
        from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]  # it ships no types
    except ImportError as error:
        raise MissingExtra("Training needs scikit-learn: pip install 'graphwright[ml]'") from error

    means, scales = examples.mean(axis=0), np.maximum(examples.std(axis=0), 1e-9)
    fitted = LogisticRegression(C=1.0, max_iter=300).fit((examples - means) / scales, chosen)
    return Ranker(fitted.coef_[0], means, scales)


class MissingExtra(ImportError):
    """A library of an extra is not installed. For whoever installed the package."""


def _codes(names: Sequence[str]) -> Any:
    known = {name: at for at, name in enumerate(sorted(set(names)))}
    return np.array([known[name] for name in names])


def _share(codes: Any, past: Any, weight: Floats, at: Any) -> Floats:
    """How much of what a user did is of the same category (or brand) as each item."""
    if not len(past):
        return np.zeros(len(at))
    totals = np.bincount(codes[past], weights=weight, minlength=int(codes.max()) + 1)
    shares: Floats = (totals / weight.sum())[codes[at]]
    return shares

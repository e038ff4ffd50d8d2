"""How good the model is on days that it never saw, beside the old rules, and what the drift does to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .data import DAYS, SEED, SHIFT, STREAM_FROM, TRAIN_UNTIL, bank
from .drift import psi
from .features import rule_score
from .model import bank_features, trained


@dataclass(frozen=True, slots=True)
class Measured:
    """One period of time."""

    name: str
    payments: int
    frauds: int
    model: float
    """PR-AUC (average precision) of the model, against the truth."""
    rules: float
    """That of the rules."""
    recall: float
    """Share of the frauds that are flagged."""
    precision: float
    """Share of the flagged that are frauds."""
    drift: float
    """Population stability index against the held-out days."""

    @property
    def chance(self) -> float:
        """The PR-AUC of guessing: the share of frauds."""
        return self.frauds / self.payments


def measure(seed: int = SEED) -> list[Measured]:
    """The held-out days, the stream before the shift, and after it."""
    periods = (("held-out days 60-89", TRAIN_UNTIL, STREAM_FROM), ("stream before shift", STREAM_FROM, SHIFT))
    return [_measured(seed, *each) for each in (*periods, ("stream after shift", SHIFT, DAYS))]


def average_precision(truth: Sequence[bool], scores: Sequence[float]) -> float:
    """The area under the precision-recall curve, as a step function; equal scores count as one step."""
    order = np.argsort(-np.asarray(scores, dtype=float), kind="stable")
    hits, ranked = np.asarray(truth, dtype=bool)[order], np.asarray(scores, dtype=float)[order]
    ends = np.append(np.nonzero(np.diff(ranked))[0], len(ranked) - 1)
    found = np.cumsum(hits)[ends]
    gained = np.diff(np.append(0, found)) / max(1, hits.sum())
    return float(np.sum(gained * found / (ends + 1)))


def _measured(seed: int, name: str, first: int, last: int) -> Measured:
    data, features, scorer = bank(seed), bank_features(seed), trained(seed)
    places = data.between(first, last)
    truth = [bool(data.payments[place].pattern) for place in places]
    rows = [features[place] for place in places]
    scores = scorer.scores(rows)
    flagged = scores >= scorer.threshold
    right = int(np.sum(flagged & np.asarray(truth)))
    return Measured(
        name, len(places), sum(truth), average_precision(truth, list(scores)),
        average_precision(truth, [rule_score(each) for each in rows]),
        right / max(1, sum(truth)), right / max(1, int(flagged.sum())), psi(scorer.reference, list(scores)),
    )  # fmt: skip

"""The scoring model: gradient boosting, taught by the first sixty days; trained at first use, seeded, one thread."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .data import SEED, STREAM_FROM, TRAIN_UNTIL, Bank, bank
from .features import Features, features_of

FLAGGED_SHARE = 0.012
"""Share of ordinary payments that is flagged: as many as people can look at."""

Floats = NDArray[np.float64]


class MissingExtra(ImportError):
    """scikit-learn is not installed. For whoever runs the example."""


@dataclass(frozen=True, slots=True)
class Scorer:
    """The trained model, what it flags, and what its scores were like when it was measured."""

    model: Any
    threshold: float
    reference: tuple[float, ...]
    """Scores of the held-out days; the drift is measured against them."""

    def scores(self, features: list[Features]) -> Floats:
        """How likely each payment is fraud, from 0 to 1."""
        return np.asarray(self.model.predict_proba(np.asarray(features))[:, 1], dtype=np.float64)


@cache
def trained(seed: int = SEED) -> Scorer:
    """The model of the example's own payments; the same for the same seed, made once in a process.

    Raises:
        MissingExtra: if scikit-learn is not installed.
    """
    data, features = bank(seed), bank_features(seed)
    model = _ensemble().GradientBoostingClassifier(
        n_estimators=80, max_depth=3, learning_rate=0.1, subsample=0.8, min_samples_leaf=8, random_state=seed
    )
    taught = data.between(0, TRAIN_UNTIL)
    model.fit(np.asarray([features[place] for place in taught]), [data.labels[place] for place in taught])
    held_out = [features[place] for place in data.between(TRAIN_UNTIL, STREAM_FROM)]
    reference = model.predict_proba(np.asarray(held_out))[:, 1]
    return Scorer(model, float(np.quantile(reference, 1 - FLAGGED_SHARE)), tuple(float(each) for each in reference))


@cache
def bank_features(seed: int = SEED) -> list[Features]:
    """The features of all payments of the bank."""
    data: Bank = bank(seed)
    return features_of(data.accounts, data.merchants, data.payments)


def _ensemble() -> Any:
    try:
        return importlib.import_module("sklearn.ensemble")
    except ImportError as error:
        raise MissingExtra(
            "The scoring model needs scikit-learn, which is not installed: pip install 'graphwright[ml]'"
        ) from error

"""Models as plain data: logistic regressions and boosted trees, trained by scikit-learn, scored with numpy alone.

A stored model is JSON that is read, never code that is run.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Mapping
from typing import Any

import numpy as np

from .tables import Floats, Rows, encode, outcome, scaling_of

SEED = 5
CONFIGS: Mapping[str, Mapping[str, Any]] = {
    "logistic-strong": {"kind": "logistic", "C": 0.01},
    "logistic": {"kind": "logistic", "C": 1.0},
    "boosted-20": {"kind": "trees", "n_estimators": 20, "max_depth": 3, "learning_rate": 0.2},
    "boosted-60": {"kind": "trees", "n_estimators": 60, "max_depth": 2, "learning_rate": 0.1},
    "boosted-deep": {"kind": "trees", "n_estimators": 60, "max_depth": 5, "learning_rate": 0.2},
}
"""What is searched: five settings, trained at the same time."""
SCORECARD: Mapping[str, Any] = {
    "kind": "logistic",
    "scaling": {
        "medians": {"tenure_months": 24, "monthly_charge": 28, "support_calls": 1, "data_gb": 8, "late_payments": 0},
        "means": {"tenure_months": 28, "monthly_charge": 28, "support_calls": 1.4, "data_gb": 10, "late_payments": 0.5},
        "scales": {"tenure_months": 20, "monthly_charge": 13, "support_calls": 1.2, "data_gb": 7, "late_payments": 0.7},
    },
    "weights": [-0.4, 0.0, 0.5, 0.0, 0.3] + [0.0] * 6,
    "bias": -0.9,
    "base_rate": 0.3,
}
"""The scorecard by hand that was in use before the first model: version 1 of the registry."""

Model = Mapping[str, Any]
_importing = threading.Lock()


class MissingExtra(ImportError):
    """A library of an extra is not installed. For whoever installed the package."""


def fit(config: str, train: Rows) -> dict[str, Any]:
    """Train one setting; the same rows give the same model.

    Raises:
        MissingExtra: without scikit-learn.
    """
    settings = dict(CONFIGS[config])
    kind = settings.pop("kind")
    scaling, gone = scaling_of(train), outcome(train)
    inputs = encode(train, scaling)
    learned = (_logistic if kind == "logistic" else _trees)(inputs, gone, settings)
    return {"kind": kind, "scaling": scaling, "base_rate": round(float(gone.mean()), 6), **learned}


def score(model: Model, table: Rows) -> Floats:
    """The chance that each customer leaves."""
    inputs = encode(table, model["scaling"])
    if model["kind"] == "logistic":
        raw = inputs @ np.array(model["weights"]) + model["bias"]
    else:
        raw = model["bias"] + model["rate"] * sum((_of_tree(tree, inputs) for tree in model["trees"]), np.zeros(1))
    chances: Floats = 1 / (1 + np.exp(-raw))
    return chances


def fingerprint(model: Model) -> str:
    """A name of a model that follows from its content."""
    return hashlib.sha256(json.dumps(model, sort_keys=True).encode()).hexdigest()[:12]


def split(train: Rows) -> tuple[Rows, Rows]:
    """Three quarters to fit with, one to choose among settings by; the same rows are split alike."""
    order = np.random.default_rng(SEED).permutation(len(train.rows))
    cut = 3 * len(order) // 4
    parts = (order[:cut], order[cut:])
    fitted, held = (Rows(train.columns, tuple(train.rows[at] for at in sorted(part))) for part in parts)
    return fitted, held


def _logistic(inputs: Floats, gone: Floats, settings: Mapping[str, Any]) -> dict[str, Any]:
    learned = _sklearn("linear_model").LogisticRegression(max_iter=500, **settings).fit(inputs, gone)
    weights = [round(float(each), 6) for each in learned.coef_[0]]
    return {"weights": weights, "bias": round(float(learned.intercept_[0]), 6)}


def _trees(inputs: Floats, gone: Floats, settings: Mapping[str, Any]) -> dict[str, Any]:
    boosting = _sklearn("ensemble").GradientBoostingClassifier(random_state=SEED, **settings)
    learned = boosting.fit(inputs.astype(np.float32), gone)
    share = float(gone.mean())
    return {
        "bias": round(float(np.log(share / (1 - share))), 6),
        "rate": settings["learning_rate"],
        "trees": [_plain(each[0].tree_) for each in learned.estimators_],
    }


def _plain(tree: Any) -> dict[str, list[Any]]:
    """A tree as lists: the input that each node asks for (-1: a leaf), its limit, where to go, and its value."""
    return {
        "input": [max(int(each), -1) for each in tree.feature],
        "limit": [round(float(each), 6) for each in tree.threshold],
        "left": tree.children_left.tolist(),
        "right": tree.children_right.tolist(),
        "value": [round(float(each), 6) for each in tree.value.reshape(-1)],
    }


def _of_tree(tree: Mapping[str, Any], inputs: Floats) -> Floats:
    """What one tree says about each row."""
    asks, limit = np.array(tree["input"]), np.array(tree["limit"])
    left, right = np.array(tree["left"]), np.array(tree["right"])
    at = np.zeros(len(inputs), dtype=np.int64)
    while (open_rows := np.flatnonzero(asks[at] >= 0)).size:
        nodes = at[open_rows]
        goes_left = inputs[open_rows, asks[nodes]] <= limit[nodes]
        at[open_rows] = np.where(goes_left, left[nodes], right[nodes])
    values: Floats = np.array(tree["value"])[at]
    return values


def _sklearn(module: str) -> Any:
    """A module of scikit-learn. One at a time: threads that import parts of it at once meet half-made modules."""
    from importlib import import_module

    try:
        with _importing:
            return import_module(f"sklearn.{module}")
    except ImportError as error:
        raise MissingExtra("Training needs scikit-learn: pip install 'graphwright[ml]'") from error

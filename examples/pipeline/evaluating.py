"""How good a model is: on the whole, by slice, beside the effortless baseline and the version in use; and the gates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from typing_extensions import TypedDict

from .checks import DRIFT, drift_of
from .data import CHOICES
from .measures import auc, measured
from .models import Model, score
from .tables import Rows, numbers, outcome

MIN_SLICE = 60
"""Customers that a slice needs to be judged."""
MIN_AUC = 0.65
GAP = 0.12
"""A slice whose AUC is this far below the whole is named as weak."""
LOSS = 0.08
"""A fall of the AUC in use, from the test, at which a version is taken back."""
TENURES = (("first year", 0, 12), ("second and third year", 12, 36), ("longer", 36, 10_000))

Metrics = dict[str, float]


class Evaluation(TypedDict):
    """A model on held-out customers."""

    overall: Metrics
    slices: dict[str, Metrics]
    in_use: Metrics
    """The version in use, on the same customers."""
    refused: list[str]
    """Why it must not be deployed; empty if it may."""
    warnings: list[str]


def evaluate(model: Model, in_use: Model, test: Rows) -> Evaluation:
    """Measure on the test rows, which nothing was fitted to or chosen by."""
    gone, chances, base = outcome(test), score(model, test), float(model["base_rate"])
    overall = measured(gone, chances, base)
    slices = {name: measured(gone[rows], chances[rows], base) for name, rows in slices_of(test)}
    before = measured(gone, score(in_use, test), base)
    weak = [
        f"{name} is weak: AUC {found['auc']:.3f} on {found['customers']:.0f} customers, overall {overall['auc']:.3f}"
        for name, found in slices.items()
        if found["auc"] < overall["auc"] - GAP
    ]
    return Evaluation(overall=overall, slices=slices, in_use=before, refused=_refused(overall, before), warnings=weak)


def _refused(overall: Metrics, before: Metrics) -> list[str]:
    reasons = []
    if overall["auc"] < MIN_AUC:
        reasons.append(f"its AUC {overall['auc']:.3f} is below {MIN_AUC}")
    if overall["log_loss"] >= overall["baseline_log_loss"]:
        lead = f"{overall['log_loss']:.3f} against {overall['baseline_log_loss']:.3f}"
        reasons.append(f"it is no better than giving everybody the base rate (log loss {lead})")
    if overall["auc"] < before["auc"]:
        reasons.append(f"the version in use is better (AUC {before['auc']:.3f} against {overall['auc']:.3f})")
    return reasons


def slices_of(table: Rows) -> Iterator[tuple[str, Any]]:
    """Which rows belong to each slice that is large enough to be judged."""
    for column in CHOICES:
        texts = np.array(table.column(column))
        for option in CHOICES[column]:
            if (texts == option).sum() >= MIN_SLICE:
                yield f"{column} {option}", texts == option
    tenure = numbers(table.column("tenure_months"))
    for name, low, high in TENURES:
        rows = (tenure >= low) & (tenure < high)
        if rows.sum() >= MIN_SLICE:
            yield f"tenure {name}", rows


class Watch(TypedDict):
    """A version in use, on a later batch."""

    auc: float
    expected: float
    log_loss: float
    baseline_log_loss: float
    drift: dict[str, float]
    failed: list[str]
    """Gates that it does not pass; one is enough to take it back."""


def watch(model: Model, expected: float, train: Rows, later: Rows) -> Watch:
    """Score a later batch, and hold it against the test and the training rows."""
    gone, chances = outcome(later), score(model, later)
    found = measured(gone, chances, float(model["base_rate"]))
    drift = drift_of(later, train)
    moved = {column: index for column, index in drift.items() if index > DRIFT}
    failed = [f"{column} has drifted (index {index:.2f}, limit {DRIFT})" for column, index in moved.items()]
    if found["auc"] < expected - LOSS:
        failed.append(f"the AUC fell from {expected:.3f} to {found['auc']:.3f}")
    if found["log_loss"] > found["baseline_log_loss"]:
        failed.append(f"it is worse than the base rate (log loss {found['log_loss']:.3f})")
    return Watch(
        auc=found["auc"],
        expected=expected,
        log_loss=found["log_loss"],
        baseline_log_loss=found["baseline_log_loss"],
        drift=drift,
        failed=failed,
    )


def quality(model: Model, table: Rows) -> Mapping[str, float]:
    """The measure by which settings are chosen."""
    gone, chances = outcome(table), score(model, table)
    return {"auc": round(auc(gone, chances), 4), "log_loss": measured(gone, chances, 0.5)["log_loss"]}

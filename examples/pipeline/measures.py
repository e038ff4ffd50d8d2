"""Measures of a scorer, computed with numpy alone."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def auc(outcome: Floats, score: Floats) -> float:
    """How often somebody who left is scored above somebody who stayed; ties count half. 0.5 without both kinds."""
    left = outcome == 1
    many, others = int(left.sum()), int((~left).sum())
    if not many or not others:
        return 0.5
    _, place, counts = np.unique(score, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    return float((ranks[left].sum() - many * (many + 1) / 2) / (many * others))


def log_loss(outcome: Floats, score: Floats) -> float:
    """Mean surprise at what happened; lower is better."""
    kept = np.clip(score, 1e-6, 1 - 1e-6)
    return float(-np.mean(outcome * np.log(kept) + (1 - outcome) * np.log(1 - kept)))


def stability(new: Any, old: Any, bins: int) -> float:
    """The population stability index of two columns of bin numbers."""
    a, b = (np.bincount(each.astype(np.int64), minlength=bins) + 0.5 for each in (new, old))
    a, b = a / a.sum(), b / b.sum()
    return float(np.sum((a - b) * np.log(a / b)))


def measured(outcome: Floats, score: Floats, base_rate: float) -> dict[str, float]:
    """A scorer on some customers, with the effortless baseline (everybody gets the base rate) beside it."""
    return {
        "customers": float(len(outcome)),
        "left": round(float(outcome.mean()), 4) if len(outcome) else 0.0,
        "auc": round(auc(outcome, score), 4),
        "log_loss": round(log_loss(outcome, score), 4),
        "baseline_auc": 0.5,
        "baseline_log_loss": round(log_loss(outcome, np.full(len(outcome), base_rate)), 4),
    }

"""A score: what one scorer says about one run of a case."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ..case import Case
from ..observed import Observed

Outcome = Literal["pass", "fail", "unmeasured"]


@dataclass(frozen=True, slots=True)
class Score:
    """A value and, where it is not perfect, the reason."""

    value: float | None
    """From 0 to 1 unless the scorer says otherwise; None where nothing was measured."""
    outcome: Outcome
    reason: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)
    """What the reason rests on, as plain data."""


Scorer = Callable[[Case, Observed], Score]
"""Judges one run of a case; its ``__name__`` is what suites and reports call it."""

PASS = Score(1.0, "pass")


def unmeasured(reason: str) -> Score:
    """Nothing can be said about the run."""
    return Score(None, "unmeasured", reason)


def judged(reasons: list[str]) -> Score:
    """A pass where nothing speaks against it, else a failure with everything that does."""
    return Score(0.0, "fail", " ".join(reasons), {"reasons": reasons}) if reasons else PASS

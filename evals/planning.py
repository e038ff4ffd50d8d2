"""How a suite is run: which of its cases, how often, within which limits; and how far it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .results import Result


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a whole run may use; it stops before the next case then, and can be resumed with more. None: no limit."""

    money: float | None = None
    tokens: int | None = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which cases of a suite; all of them if nothing is said."""

    ids: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    sample: int | None = None
    """So many of the rest, drawn by the seed."""

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return {"ids": list(self.ids), "tags": list(self.tags), "sample": self.sample}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How a suite is run. Left alone: as the suite says, offline, four cases at a time."""

    epochs: int | None = None
    model: str = ""
    """For cases that name none, instead of the suite's."""
    concurrency: int = 4
    seed: int = 0
    live: bool = False
    """Whether real models may be asked."""
    choice: Choice = field(default_factory=Choice)
    limits: Limits = field(default_factory=Limits)
    cache: Path | None = None
    """Where runs of cases are kept and taken from; None: nothing is."""
    timeout: float | None = 300.0
    """Seconds after which a case is given up."""
    detail: bool = True
    """Whether results keep messages, calls and approvals."""
    record: bool = False
    """Whether the models' answers are recorded, in ``recordings/`` of the run's folder."""


@dataclass(slots=True)
class Progress:
    """How far a run is."""

    done: int = 0
    total: int = 0
    passed: int = 0
    failed: int = 0
    unmeasured: int = 0
    """Of the first scorer."""
    tokens: int = 0
    money: float = 0.0
    stopped: str = ""
    """Why not everything was run; empty otherwise."""

    def count(self, result: Result) -> None:
        """One more result."""
        self.done += 1
        self.tokens += result.tokens
        self.money += result.money or 0.0
        outcome = result.scores[0].outcome if result.scores else "unmeasured"
        if outcome == "pass":
            self.passed += 1
        elif outcome == "fail":
            self.failed += 1
        else:
            self.unmeasured += 1

"""What became of each mutant, and what a suite is worth by it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

Fate = Literal["killed", "survived", "equivalent", "stillborn"]
"""killed: a case failed · survived: none did · equivalent: none can · stillborn: the graph cannot be built so."""
FATES: tuple[Fate, ...] = ("killed", "survived", "equivalent", "stillborn")


@dataclass(frozen=True, slots=True)
class Tried:
    """One mutant and its fate."""

    mutant: str
    """Its id."""
    operator: str
    target: str
    mistake: str
    fate: Fate
    reason: str
    """What the case that killed it said; of a survivor, what nobody looked at and what to add."""
    by: str = ""
    """The case that killed it."""
    ran: int = 0
    """Cases that were run on it."""


@dataclass(frozen=True, slots=True)
class Idle:
    """A case that kills no mutant."""

    case: str
    touches: bool
    """Whether it comes by anything that was broken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What became of the mutants of one suite."""

    suite: str
    graph: str
    tried: tuple[Tried, ...]
    cases: int
    failing: tuple[str, ...]
    """Cases that fail on the unbroken graph, and so kill nothing."""
    idle: tuple[Idle, ...]
    seconds: float

    @property
    def score(self) -> float | None:
        """Killed of killed and survived, from 0 to 1; None where there is neither."""
        killed, survived = self.count("killed"), self.count("survived")
        return killed / (killed + survived) if killed + survived else None

    def count(self, fate: Fate, operator: str = "") -> int:
        """How many mutants, of one operator or of all, had this fate."""
        return sum(each.fate == fate and operator in ("", each.operator) for each in self.tried)

    @property
    def survivors(self) -> tuple[Tried, ...]:
        """What the suite missed."""
        return tuple(each for each in self.tried if each.fate == "survived")

    def to_json(self) -> Mapping[str, Any]:
        """As plain data."""
        return {**asdict(self), "score": self.score, **{fate: self.count(fate) for fate in FATES}}

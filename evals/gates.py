"""Whether a run's scores come to what its suite asks for; every answer names the statistic and its number."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from .gate import Gate
from .tables import Tables

GateOutcome = Literal["passed", "failed", "cannot tell"]


@dataclass(frozen=True, slots=True)
class Gated:
    """What became of one gate."""

    gate: str
    """In words."""
    outcome: GateOutcome
    value: float | None
    why: str

    @property
    def passed(self) -> bool:
        """Whether it was passed; what cannot be told was not."""
        return self.outcome == "passed"


def gated(gates: Iterable[Gate], tables: Tables, *, epochs: int = 1, missing: int = 0) -> list[Gated]:
    """Every gate of a suite.

    Args:
        gates: Of the suite.
        tables: The scores of a run.
        epochs: How often each case was run.
        missing: Runs of cases that were wanted and not made; with them nothing can be told.
    """
    return [_gated(each, tables, epochs, missing) for each in gates]


def _gated(gate: Gate, tables: Tables, epochs: int, missing: int) -> Gated:
    if missing:
        return Gated(str(gate), "cannot tell", None, f"{missing} runs of cases are missing. Resume the run.")
    table = tables.scorers.get(gate.scorer)
    chosen = [each for case, each in (table.cases if table else {}).items() if tables.is_in(case, gate.slice)]
    measured = sum(each.passed + each.failed for each in chosen)
    runs = sum(each.runs for each in chosen)
    cases = sum(each.mean is not None for each in chosen)
    if not runs:
        return Gated(str(gate), "cannot tell", None, "No case was looked at by it.")
    if measured < gate.coverage * runs:
        told = f"{measured} of {runs} runs were measured ({measured / runs:.0%}); {gate.coverage:.0%} are wanted."
        return Gated(str(gate), "cannot tell", None, told)
    if cases < gate.cases:
        return Gated(str(gate), "cannot tell", None, f"There are {cases} cases; fewer than {gate.cases} tell nothing.")
    value = _value(gate, tables, epochs)
    if value is None:
        return Gated(str(gate), "cannot tell", None, f"{gate.statistic} needs more measured runs of each case.")
    return _compared(gate, value, tables)


def _value(gate: Gate, tables: Tables, epochs: int) -> float | None:
    if gate.statistic == "mean":
        estimate = tables.estimate(gate.scorer, gate.slice)
        return None if estimate is None else estimate.mean
    if gate.statistic == "lower bound":
        interval = tables.interval(gate.scorer, gate.slice)
        return None if interval is None or interval[0] != interval[0] or interval[0] == -float("inf") else interval[0]
    return tables.repeated(gate.scorer, gate.k or epochs, all_of=gate.statistic == "pass^k", wanted=gate.slice)


def _compared(gate: Gate, value: float, tables: Tables) -> Gated:
    interval = tables.interval(gate.scorer, gate.slice)
    shown = f"{gate.statistic} of {gate.scorer} is {value:.3f}"
    if interval is not None:
        shown += f" (95 % interval of the mean {interval[0]:.3f} to {interval[1]:.3f})"
    # A mean of thirds must not fail at 1.0 by its last bit.
    if gate.at_least is not None and value < gate.at_least - 1e-12:
        return Gated(str(gate), "failed", value, f"{shown}; at least {gate.at_least:g} is wanted.")
    if gate.at_most is not None and value > gate.at_most + 1e-12:
        return Gated(str(gate), "failed", value, f"{shown}; at most {gate.at_most:g} is wanted.")
    return Gated(str(gate), "passed", value, f"{shown}.")

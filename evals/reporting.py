"""A report: the scores of a run, what failed and why, slices that are served worse, and what became of the gates."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from .gate import Gate
from .gates import Gated, gated
from .results import Header, Result, RunFolder
from .scorers.floors import above_null
from .statistics import slice_gaps
from .tables import Tables

MOST_BAD = 10_000
"""Runs that did not pass that a report holds in memory."""


@dataclass(frozen=True, slots=True)
class ScorerLine:
    """What one scorer said in all."""

    name: str
    passed: int
    failed: int
    unmeasured: int
    mean: float | None
    interval: tuple[float, float] | None
    all_pass: float | None
    """pass^k with k the number of epochs; None where it cannot be told."""
    floors: Mapping[str, float | None] = field(default_factory=dict)
    """What ``null``, ``echo``, ``heuristic`` and ``oracle`` get; empty where nobody looked."""
    above_null: float | None = None
    """(mean - null) / (oracle - null): 0 is as good as doing nothing, 1 as good as can be; None: it has no meaning."""


@dataclass(frozen=True, slots=True)
class Bad:
    """A run of a case that a scorer did not pass."""

    case: str
    epoch: int
    scorer: str
    outcome: str
    reason: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a run came to."""

    header: Header
    folder: str
    cases: int
    runs: int
    missing: int
    """Runs of cases that were wanted and are not there."""
    scorers: tuple[ScorerLine, ...]
    gates: tuple[Gated, ...]
    bad: tuple[Bad, ...]
    gaps: tuple[str, ...]
    """Slices that are served worse than the rest, one sentence each."""
    tokens: int
    money: float | None
    seconds: float

    @property
    def verdict(self) -> str:
        """What it comes to, in words."""
        if not self.runs:
            return "nothing was run"
        if not self.gates:
            return "no gates"
        outcomes = {each.outcome for each in self.gates}
        return "failed" if "failed" in outcomes else "cannot tell" if "cannot tell" in outcomes else "passed"

    @property
    def passed(self) -> bool:
        """Whether every gate was passed; a suite without gates passes if it was run."""
        return bool(self.runs) and all(each.passed for each in self.gates)

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return {"verdict": self.verdict, **asdict(self)}


def report_of(folder: RunFolder, gates: Sequence[Gate] | None = None, *, total: int | None = None) -> Report:
    """The report of a run.

    Args:
        folder: Of the run.
        gates: Of its suite; None for those that were noted with the run.
        total: How many runs of cases were wanted; None for all of the suite.
    """
    header = folder.header
    tables = Tables(header.cluster)
    bad: list[Bad] = []
    for result in folder.results():
        tables.add(result)
        if len(bad) < MOST_BAD:
            bad += _bad(result)
    wanted = (header.cases * header.epochs if not _is_choice(header) else tables.runs) if total is None else total
    missing = max(0, wanted - tables.runs)
    asked = [Gate.model_validate(each) for each in header.gates] if gates is None else gates
    return Report(
        header=header,
        folder=str(folder.path),
        cases=len(tables.slices),
        runs=tables.runs,
        missing=missing,
        scorers=tuple(_line(tables, name, header) for name in tables.scorers or header.scorers),
        gates=tuple(gated(asked, tables, epochs=header.epochs, missing=missing)),
        bad=tuple(sorted(bad, key=lambda each: (each.case, each.epoch))),
        gaps=tuple(_gaps(tables)),
        tokens=tables.tokens,
        money=tables.money,
        seconds=round(tables.seconds, 3),
    )


def _is_choice(header: Header) -> bool:
    return any(header.chosen.get(name) for name in ("ids", "tags", "sample"))


def _line(tables: Tables, name: str, header: Header) -> ScorerLine:
    table = tables.scorers.get(name)
    estimate = tables.estimate(name)
    mean = None if estimate is None else estimate.mean
    floors, epochs = header.floors.get(name, {}), header.epochs
    return ScorerLine(
        name,
        *(table.counts if table else (0, 0, 0)),
        mean=mean,
        interval=tables.interval(name),
        all_pass=tables.repeated(name, epochs, all_of=True) if epochs > 1 else None,
        floors=floors,
        above_null=above_null(mean, floors.get("null"), floors.get("oracle")),
    )


def _bad(result: Result) -> Iterable[Bad]:
    for each in result.scores:
        if each.outcome != "pass":
            told = each.reason or result.trouble or result.error
            yield Bad(result.case, result.epoch, each.name, each.outcome, told, result.source)


def _gaps(tables: Tables) -> Iterator[str]:
    """The first scorer's slices that are worse than the rest by more than chance; corrected for how many there are."""
    name = next(iter(tables.scorers), "")
    means = tables.means(name)
    if not means:
        return
    slices = [dict(tables.slices[case]) for case in means]
    if len(set(means.values())) < 2 or not any(slices):
        return
    for gap in slice_gaps(list(means.values()), slices, tables.clusters(means)):
        if gap.is_enough and gap.p < 0.05 and gap.gap < 0:
            told = f"{name} {gap.estimate.mean:.3f}, {gap.gap:+.3f} to the rest (p = {gap.p:.3f})"
            yield f"{gap.name}={gap.value}: {told}"

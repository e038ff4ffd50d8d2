"""Scores by scorer and case, added up while results go by: what a run holds in memory is a few numbers a case."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from .results import Result, Scored
from .statistics import Estimate, mean_estimate, pass_all, pass_any
from .statistics.proportions import wilson_interval


@dataclass(slots=True)
class CaseScore:
    """What one scorer said about all runs of one case."""

    total: float = 0.0
    measured: int = 0
    passed: int = 0
    failed: int = 0
    runs: int = 0

    def add(self, scored: Scored) -> None:
        """One more run."""
        self.runs += 1
        self.passed += scored.outcome == "pass"
        self.failed += scored.outcome == "fail"
        if scored.value is not None and scored.outcome != "unmeasured":
            self.total += scored.value
            self.measured += 1

    @property
    def mean(self) -> float | None:
        """Over its measured runs."""
        return self.total / self.measured if self.measured else None


@dataclass
class ScoreTable:
    """What one scorer said about all cases."""

    scorer: str
    cases: dict[str, CaseScore] = field(default_factory=dict)

    @property
    def counts(self) -> tuple[int, int, int]:
        """Runs that passed, failed and were not measured."""
        passed = sum(each.passed for each in self.cases.values())
        failed = sum(each.failed for each in self.cases.values())
        return passed, failed, sum(each.runs for each in self.cases.values()) - passed - failed


@dataclass
class Tables:
    """The scores of a run."""

    cluster: str = ""
    """The slice by which cases belong together."""
    scorers: dict[str, ScoreTable] = field(default_factory=dict)
    slices: dict[str, Mapping[str, str]] = field(default_factory=dict)
    runs: int = 0
    tokens: int = 0
    money: float | None = 0.0
    seconds: float = 0.0
    """Wall time of all cases, added up."""

    def add(self, result: Result) -> None:
        """One more result."""
        self.runs += 1
        self.tokens += result.tokens
        self.money = None if self.money is None or result.money is None else self.money + result.money
        self.seconds += result.seconds
        self.slices.setdefault(result.case, result.slices)
        for scored in result.scores:
            table = self.scorers.get(scored.name)
            if table is None:
                table = self.scorers[scored.name] = ScoreTable(scored.name)
            known = table.cases.get(result.case)
            if known is None:
                known = table.cases[result.case] = CaseScore()
            known.add(scored)

    def means(self, scorer: str, wanted: Mapping[str, str] | None = None) -> dict[str, float]:
        """Case to its mean, of the measured cases of these slices, sorted by id."""
        table = self.scorers.get(scorer) or ScoreTable(scorer)
        found = {
            case: each.mean
            for case, each in table.cases.items()
            if each.mean is not None and self.is_in(case, wanted or {})
        }
        return {case: mean for case, mean in sorted(found.items()) if mean is not None}

    def is_in(self, case: str, wanted: Mapping[str, str]) -> bool:
        """Whether a case is of all these slices."""
        own = self.slices.get(case, {})
        return all(str(own.get(name)) == str(value) for name, value in wanted.items())

    def clusters(self, cases: Iterable[str]) -> list[str]:
        """What each case belongs to: a slice of that value, or itself alone."""
        return [
            f"{self.cluster}={self.slices[case][self.cluster]}"
            if self.cluster and self.cluster in self.slices.get(case, {})
            else case
            for case in cases
        ]

    def estimate(self, scorer: str, wanted: Mapping[str, str] | None = None) -> Estimate | None:
        """The mean over cases with its error; None where nothing was measured."""
        means = self.means(scorer, wanted)
        return mean_estimate(list(means.values()), self.clusters(means)) if means else None

    def interval(self, scorer: str, wanted: Mapping[str, str] | None = None) -> tuple[float, float] | None:
        """The 95 % interval of the mean: Wilson's where every case simply passed or failed and stands alone."""
        means = self.means(scorer, wanted)
        if not means:
            return None
        estimate = mean_estimate(list(means.values()), self.clusters(means))
        if set(means.values()) <= {0.0, 1.0} and estimate.clusters == len(means):
            return wilson_interval(sum(each == 1.0 for each in means.values()), len(means))
        return max(0.0, estimate.low), min(1.0, estimate.high) if max(means.values()) <= 1 else estimate.high

    def repeated(self, scorer: str, k: int, *, all_of: bool, wanted: Mapping[str, str] | None = None) -> float | None:
        """The mean over cases of pass^k (``all_of``) or pass@k; None where a case has fewer than k measured runs."""
        table = self.scorers.get(scorer) or ScoreTable(scorer)
        chosen = [each for case, each in table.cases.items() if self.is_in(case, wanted or {})]
        counts = [(each.passed, each.passed + each.failed) for each in chosen]
        if not counts or any(runs < k for _, runs in counts):
            return None
        of_case = pass_all if all_of else pass_any
        return sum(of_case(passed, runs, k) for passed, runs in counts) / len(counts)


def tables_of(results: Iterable[Result], cluster: str = "") -> Tables:
    """The scores of these results."""
    found = Tables(cluster)
    for each in results:
        found.add(each)
    return found

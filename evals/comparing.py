"""Two runs of a suite side by side: better, worse, or that it cannot be told; and which cases changed."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from .results import Header, RunFolder
from .statistics import Comparison, compare_paired, mcnemar
from .tables import Tables, tables_of


@dataclass(frozen=True, slots=True)
class Changed:
    """A case that another mean was given."""

    case: str
    base: float
    new: float


@dataclass(frozen=True, slots=True)
class ScorerComparison:
    """One scorer in both runs."""

    scorer: str
    comparison: Comparison | None
    """None where no case was measured in both."""
    base_mean: float | None
    new_mean: float | None
    changed: tuple[Changed, ...]
    mcnemar: float
    """The p of McNemar's test on cases that passed; it ignores clusters, so it is a note and not the verdict."""
    note: str = ""

    @property
    def verdict(self) -> str:
        """better, worse or cannot tell."""
        return "cannot tell" if self.comparison is None else self.comparison.verdict

    @property
    def why(self) -> str:
        """The verdict in a sentence."""
        return self.note if self.comparison is None else f"{self.comparison.why} {self.note}".strip()


@dataclass(frozen=True, slots=True)
class RunComparison:
    """Two runs side by side."""

    base: Header
    new: Header
    scorers: tuple[ScorerComparison, ...]
    only_base: tuple[str, ...]
    """Cases that only the base has; they are left out."""
    only_new: tuple[str, ...]
    remarks: tuple[str, ...]

    @property
    def verdict(self) -> str:
        """Of the first scorer."""
        return self.scorers[0].verdict if self.scorers else "cannot tell"

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        scorers = [{"verdict": each.verdict, "why": each.why, **asdict(each)} for each in self.scorers]
        return {"verdict": self.verdict, **asdict(self), "scorers": scorers}


def compare_runs(base: RunFolder, new: RunFolder) -> RunComparison:
    """Compare two runs case by case; the epochs of a case count as their mean."""
    before = tables_of(base.results(), base.header.cluster)
    after = tables_of(new.results(), new.header.cluster or base.header.cluster)
    names = [name for name in after.scorers if name in before.scorers]
    return RunComparison(
        base.header,
        new.header,
        tuple(_of_scorer(name, before, after, new.header.seed) for name in names),
        tuple(sorted(before.slices.keys() - after.slices.keys())),
        tuple(sorted(after.slices.keys() - before.slices.keys())),
        tuple(_remarks(base.header, new.header, before, after)),
    )


def _of_scorer(name: str, before: Tables, after: Tables, seed: int) -> ScorerComparison:
    old, new = before.means(name), after.means(name)
    both = sorted(old.keys() & new.keys())
    in_one = len(old.keys() ^ new.keys())
    note = f"{in_one} cases were measured in one run only and are left out." if in_one else ""
    if not both:
        return ScorerComparison(name, None, None, None, (), 1.0, f"No case was measured in both runs. {note}".strip())
    gaps = [old[case] for case in both], [new[case] for case in both]
    compared = compare_paired(*gaps, after.clusters(both), seed=seed)
    lost = sum(old[case] == 1.0 > new[case] for case in both)
    won = sum(new[case] == 1.0 > old[case] for case in both)
    return ScorerComparison(
        name,
        compared,
        sum(gaps[0]) / len(both),
        sum(gaps[1]) / len(both),
        tuple(Changed(case, old[case], new[case]) for case in both if old[case] != new[case]),
        mcnemar(lost, won),
        note,
    )


def _remarks(base: Header, new: Header, before: Tables, after: Tables) -> list[str]:
    found = []
    if base.suite != new.suite:
        found.append(f"The runs are of two suites: {base.suite} and {new.suite}.")
    if base.model != new.model:
        found.append(f"The model changed: {base.model} → {new.model}.")
    found.append(
        "The graph is the same." if base.signature == new.signature else "The graph, its prompts or source changed."
    )
    if len(after.scorers) > 1:
        found.append(
            f"{len(after.scorers)} scorers are compared; the verdict is the first one's, the others are notes."
        )
    for told, tables in (("base", before), ("new", after)):
        if not tables.runs:
            found.append(f"The {told} run has no results.")
    return found

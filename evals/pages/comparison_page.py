"""The page of two runs side by side: the verdict and why, slices, and every case that changed with both of its runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..comparing import Changed, RunComparison, ScorerComparison
from ..results import RunFolder
from ..tables import Tables, tables_of
from .cases import MOST_BYTES, case_of
from .drawing import Html, stream

MOST_PAIRS = 500
"""Cases that changed that are drilled down to; those that fell furthest come first."""


@dataclass(frozen=True, slots=True)
class Pair:
    """One case that changed, and its runs."""

    case: str
    changes: Sequence[tuple[str, Changed]]
    """By scorer."""
    base: Sequence[Html]
    new: Sequence[Html]

    @property
    def is_worse(self) -> bool:
        """Whether the first scorer that changed gives less."""
        return self.changes[0][1].new < self.changes[0][1].base


@dataclass(frozen=True, slots=True)
class SlicePair:
    """One value of one slice in both runs."""

    name: str
    value: str
    cases: int
    base: float
    new: float


def comparison_page(compared: RunComparison, folders: Sequence[RunFolder]) -> Iterator[str]:
    """The page, piece by piece.

    Args:
        compared: The comparison.
        folders: Of the base and of the new run.
    """
    base, new = (tables_of(each.results(), each.header.cluster) for each in folders)
    reach = max((_reach(each) for each in compared.scorers), default=0.0) or 1.0
    return stream(
        "comparison.html.j2",
        title=f"{compared.base.run} → {compared.new.run}",
        compared=compared,
        tables=(base, new),
        reach=reach,
        slices=slices_of(base, new, compared.scorers[0].scorer) if compared.scorers else [],
        changed=len({one.case for each in compared.scorers for one in each.changed}),
        pairs=pairs_of(compared, folders),
    )


def slices_of(base: Tables, new: Tables, scorer: str) -> list[SlicePair]:
    """Each slice by the cases that both runs have measured, what fell furthest first."""
    before, after = base.means(scorer), new.means(scorer)
    members: dict[tuple[str, str], list[str]] = {}
    for case in sorted(before.keys() & after.keys()):
        for name, value in new.slices[case].items():
            members.setdefault((name, str(value)), []).append(case)
    found = [
        SlicePair(name, value, len(own), _mean(before, own), _mean(after, own))
        for (name, value), own in members.items()
    ]
    return sorted(found, key=lambda each: (each.new - each.base, each.name, each.value))


def pairs_of(compared: RunComparison, folders: Sequence[RunFolder]) -> Iterator[Pair]:
    """The cases that changed, those that fell furthest first."""
    changes: dict[str, list[tuple[str, Changed]]] = {}
    for scorer in compared.scorers:
        for each in scorer.changed:
            changes.setdefault(each.case, []).append((scorer.scorer, each))
    ordered = sorted(changes, key=lambda case: (changes[case][0][1].new - changes[case][0][1].base, case))[:MOST_PAIRS]
    wanted, left = set(ordered), MOST_BYTES
    drawn: list[dict[str, list[Html]]] = []
    for folder in folders:
        found: dict[str, list[Html]] = {}
        for result in folder.results():
            if result.case in wanted:
                told = case_of(result, folder.header, is_whole=left > 0)
                left -= len(told)
                found.setdefault(result.case, []).append(told)
        drawn.append(found)
    for case in ordered:
        yield Pair(case, changes[case], drawn[0].get(case, ()), drawn[1].get(case, ()))


def _mean(means: dict[str, float], cases: Sequence[str]) -> float:
    return sum(means[each] for each in cases) / len(cases)


def _reach(each: ScorerComparison) -> float:
    """How far a plot of the difference must go."""
    told = each.comparison
    ends = () if told is None else (told.low, told.high)
    return max((abs(end) for end in ends if abs(end) != float("inf")), default=0.0)

"""Two runs that ought to be the same: every score of every run of a case, times left out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .results import Result, RunFolder

Said = tuple[str, float | None]
"""The outcome and the value."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that is not the same in both runs."""

    case: str
    epoch: int
    what: str
    """A scorer, or ``status``."""
    base: str
    new: str

    def __str__(self) -> str:
        return f"{self.case} #{self.epoch}: {self.what}: {self.base} → {self.new}"


def differences(base: RunFolder, new: RunFolder) -> list[Difference]:
    """Every status and score that differs, by case; none if the runs are identical but for their times.

    A run of a case that only one of them has is a difference too.
    """
    before, after = _told(base), _told(new)
    return [
        Difference(case, epoch, what, _words(old.get(what)), _words(fresh.get(what)))
        for case, epoch in sorted(before.keys() | after.keys())
        for old, fresh in [(before.get((case, epoch), {}), after.get((case, epoch), {}))]
        for what in dict.fromkeys([*old, *fresh])
        if old.get(what) != fresh.get(what)
    ]


def _told(folder: RunFolder) -> dict[tuple[str, int], dict[str, Said]]:
    return {(each.case, each.epoch): dict(_said(each)) for each in folder.results()}


def _said(result: Result) -> Iterator[tuple[str, Said]]:
    yield "status", (result.status, None)
    for each in result.scores:
        yield each.name, (each.outcome, each.value)


def _words(said: Said | None) -> str:
    if said is None:
        return "not there"
    outcome, value = said
    return outcome if value is None else f"{outcome} {value:.6g}"

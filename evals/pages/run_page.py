"""The page of one run, or of several suites: scores, gates, slices, and each case with what happened in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..reporting import Report
from ..results import RunFolder
from ..tables import tables_of
from .cases import MOST_BYTES, MOST_LISTED, Room, counted, listed
from .drawing import Html, stream
from .slices import SliceRow, slice_rows

FLOORS = ("null", "echo", "heuristic", "oracle")
"""The order in which they are shown."""


@dataclass(frozen=True, slots=True)
class Section:
    """One suite on the page."""

    report: Report
    runs: Mapping[str, int]
    """How many runs of cases came to which outcome."""
    slices: Sequence[SliceRow]
    floors: Sequence[str]
    """Names of the floors that anybody looked at."""
    cases: Iterator[Html]

    @property
    def columns(self) -> list[str]:
        """The floors as headings of numbers."""
        return [f"{name.capitalize()}#" for name in self.floors]


def html_page(reports: Sequence[Report], folders: Sequence[RunFolder]) -> Iterator[str]:
    """The page, piece by piece; what failed comes first.

    Args:
        reports: Of the suites, one each.
        folders: Of the same runs.
    """
    parts = max(1, len(reports))
    sections = [
        _section(report, folder, Room(MOST_BYTES // parts, MOST_LISTED // parts))
        for report, folder in zip(reports, folders, strict=True)
    ]
    names = ", ".join(each.header.suite for each in reports)
    return stream("run.html.j2", title=f"Evaluation of {names}", sections=sections)


def _section(report: Report, folder: RunFolder, room: Room) -> Section:
    scorer = report.scorers[0].name if report.scorers else ""
    return Section(
        report=report,
        runs=counted(folder.results()),
        slices=slice_rows(tables_of(folder.results(), report.header.cluster), scorer),
        floors=[name for name in FLOORS if any(_known(line.floors, name) for line in report.scorers)],
        cases=listed(folder, room),
    )


def _known(floors: Mapping[str, Any], name: str) -> bool:
    return floors.get(name) is not None

"""Periods as people say them: a month, a quarter, a year, or all of the data."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from typing import Literal

from .data import FIRST, TODAY

Period = Literal[
    "January 2025", "February 2025", "March 2025", "April 2025", "May 2025", "June 2025", "July 2025", "August 2025",
    "September 2025", "October 2025", "November 2025", "December 2025", "January 2026", "February 2026", "March 2026",
    "April 2026", "May 2026", "June 2026", "Q1 2025", "Q2 2025", "Q3 2025", "Q4 2025", "Q1 2026", "Q2 2026", "2025",
    "2026", "all"
]  # fmt: skip
"""Spelled out, because it is part of a schema that models read."""


def days_of(period: str) -> tuple[str, str]:
    """The first and the last day of a period, as ISO dates."""
    return _DAYS[period]


def parts_of(split: str, first: str, last: str) -> list[str]:
    """Every month (``2025-01``), quarter (``2025-Q1``) or year from one day to another, in order."""
    months = [f"{year}-{month:02}" for year in range(int(first[:4]), int(last[:4]) + 1) for month in range(1, 13)]
    inside = [each for each in months if first[:7] <= each <= last[:7]]
    named = {
        "month": inside,
        "quarter": [f"{each[:4]}-Q{(int(each[5:]) + 2) // 3}" for each in inside],
        "year": [each[:4] for each in inside],
    }
    return list(dict.fromkeys(named[split]))


_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip


def _all() -> Iterator[tuple[str, tuple[str, str]]]:
    yield "all", (FIRST.isoformat(), TODAY.isoformat())
    for year in (FIRST.year, TODAY.year):
        months = range(1, 13 if year < TODAY.year else TODAY.month + 1)
        yield str(year), (f"{year}-01-01", _end(year, months[-1]))
        for month in months:
            yield f"{_MONTHS[month - 1]} {year}", (f"{year}-{month:02}-01", _end(year, month))
        for quarter in range(1, len(months) // 3 + 1):
            yield f"Q{quarter} {year}", (f"{year}-{3 * quarter - 2:02}-01", _end(year, 3 * quarter))


def _end(year: int, month: int) -> str:
    return f"{year}-{month:02}-{monthrange(year, month)[1]}"


_DAYS = dict(_all())

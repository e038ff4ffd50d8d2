"""Days and times of day in a text, however they are written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
_NAMES = (
    r"(jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    r"|nov(?:ember)?|dec(?:ember)?)"
)
_DAY = r"(\d{1,2})(?:st|nd|rd|th)?"
_ISO = re.compile(r"(?<!\d)(\d{4})-(\d{1,2})-(\d{1,2})(?!\d)")
_NUMERIC = re.compile(r"(?<![\d./])(\d{1,2})([./])(\d{1,2})\2(\d{4})(?!\d)")
_MONTH_FIRST = re.compile(rf"\b{_NAMES}\.? {{1,3}}{_DAY}\b(?:,? {{1,3}}(\d{{4}})\b)?", re.IGNORECASE)
_DAY_FIRST = re.compile(rf"\b{_DAY} {{1,3}}(?:of {{1,3}})?{_NAMES}\b(?:,? {{1,3}}(\d{{4}})\b)?", re.IGNORECASE)
_CLOCK = re.compile(r"(?<![\d:])(\d{1,2}):(\d{2})(?::\d{2})?(?: {0,2}([ap])\.?m\b)?", re.IGNORECASE)
_HOUR = re.compile(r"(?<![\d:.])(\d{1,2}) {0,2}([ap])\.?m\b", re.IGNORECASE)
_WHOLE = re.compile(
    r"(\d{4}-\d{1,2}-\d{1,2})?[T ]{0,2}(\d{1,2}:\d{2}(?::\d{2})?(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:?\d{2})?"
)


@dataclass(frozen=True, slots=True)
class Moments:
    """The days and the times that a text names."""

    days: frozenset[tuple[int, int, int]]
    """Year, month, day; year 0 where none is named."""
    times: frozenset[tuple[int, int]]
    """Hour of 24, minute."""

    def covers(self, wanted: Moments) -> bool:
        """Whether all days and times of another are named here."""
        return all(self._has_day(day) for day in wanted.days) and all(
            time in self.times or (time == (0, 0) and bool(wanted.days)) for time in wanted.times
        )

    def _has_day(self, day: tuple[int, int, int]) -> bool:
        return day in self.days or (0, *day[1:]) in self.days


def is_moment(word: str) -> bool:
    """Whether a word is nothing but a day, a time or both."""
    return len(word) <= 40 and word[:1].isdigit() and _WHOLE.fullmatch(word) is not None and not word.isdigit()


def moment(value: str) -> Moments | None:
    """What a value names that is nothing but a day, a time or both; None of any other."""
    if len(value) > 40 or not _WHOLE.fullmatch(value.strip()):
        return None
    named = moments(value)
    return named if named.days or named.times else None


def moments(text: str) -> Moments:
    """The days and times that a text names; 03/04/2025 counts as both of its readings."""
    return Moments(frozenset(_days(text)), frozenset(_times(text)))


def _days(text: str) -> Iterator[tuple[int, int, int]]:
    for year, month, day in _ISO.findall(text):
        yield int(year), int(month), int(day)
    for first, _, second, year in _NUMERIC.findall(text):
        yield int(year), int(second), int(first)
        yield int(year), int(first), int(second)
    for month, day, year in _MONTH_FIRST.findall(text):
        yield int(year or 0), _month(month), int(day)
    for day, month, year in _DAY_FIRST.findall(text):
        yield int(year or 0), _month(month), int(day)


def _times(text: str) -> Iterator[tuple[int, int]]:
    for hour, minute, half in _CLOCK.findall(text):
        yield _hour(hour, half), int(minute)
    for hour, half in _HOUR.findall(text):
        yield _hour(hour, half), 0


def _hour(hour: str, half: str) -> int:
    if not half:
        return int(hour)
    return int(hour) % 12 + (12 if half.lower() == "p" else 0)


def _month(name: str) -> int:
    return _MONTHS.index(name[:3].lower()) + 1

"""Reads dates and times as people write them and writes them as a description asks."""

from __future__ import annotations

import re
from datetime import date

from .lexicon import MONTHS

_MONTH = "|".join(sorted(MONTHS, key=len, reverse=True))


def parse_date(text: str) -> date | None:
    """The day that a text names, None when it names no full day; with slashes the month comes first where it can."""
    low = text.lower().strip()
    try:
        if match := re.fullmatch(r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})", low):
            return date(int(match[1]), int(match[2]), int(match[3]))
        if match := re.fullmatch(r"(\d{1,2})[-/](\d{1,2})[-/](\d{4})", low):
            first, second = int(match[1]), int(match[2])
            return date(int(match[3]), *((first, second) if first <= 12 else (second, first)))
        if match := re.search(rf"({_MONTH})\.?\s*(\d{{1,2}})(?:st|nd|rd|th)?,?\s*(\d{{4}})", low):
            return date(int(match[3]), MONTHS[match[1]], int(match[2]))
        if match := re.search(rf"(\d{{1,2}})(?:st|nd|rd|th)?\s+(?:of\s+)?({_MONTH}),?\s*(\d{{4}})", low):
            return date(int(match[3]), MONTHS[match[2]], int(match[1]))
    except ValueError:
        return None
    return None


_FORMATS = (
    (re.compile(r"yyyy-mm-dd|year-month-day|%y-%m-%d|iso", re.I), "%Y-%m-%d"),
    (re.compile(r"yyyy/mm/dd", re.I), "%Y/%m/%d"),
    (re.compile(r"mm-dd-yyy|month-day-year", re.I), "%m-%d-%Y"),
    (re.compile(r"mm/dd/yyyy", re.I), "%m/%d/%Y"),
    (re.compile(r"dd-mm-yyy|day-month-year", re.I), "%d-%m-%Y"),
    (re.compile(r"dd/mm/yyyy", re.I), "%d/%m/%Y"),
    (re.compile(r"\d{4}-\d{2}-\d{2}"), "%Y-%m-%d"),
    (re.compile(r"\d{2}/\d{2}/\d{4}"), "%m/%d/%Y"),
)


def write_date(text: str, description: str) -> str:
    """The date in the format that the description names, ISO 8601 by default; as written when it is no full date."""
    day = parse_date(text)
    if day is None:
        return text
    wanted = next((form for pattern, form in _FORMATS if pattern.search(description)), "%Y-%m-%d")
    return day.strftime(wanted)


def write_time(text: str, description: str) -> str:
    """A time of day as HH:MM (24 hours) when the description asks for that, else as written."""
    match = re.fullmatch(r"(\d{1,2})(?::(\d{2}))?(?::(\d{2}))?\s*([ap])?\.?m?\.?", text.strip().lower())
    if not match or not re.search(r"hh:mm|24|\d{2}:\d{2}", description, re.I):
        return text
    hour = int(match[1]) % 12 + 12 if match[4] == "p" else int(match[1]) % 12 if match[4] == "a" else int(match[1])
    seconds = f":{match[3] or '00'}" if re.search(r"hh:mm:ss", description, re.I) else ""
    return f"{hour:02d}:{match[2] or '00'}{seconds}"

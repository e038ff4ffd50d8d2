"""The time and the calendar: now in a place, a moment moved, the days between two dates."""

from __future__ import annotations

import calendar
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import Field

from ..context import ToolContext
from ..declare import tool
from ..errors import ToolFailed
from ..words import did_you_mean

Zone = Annotated[str, Field(max_length=64, description="Time zone, like 'Europe/Berlin' or 'UTC'.")]


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Clock:
    """Where the clock tools read the time; provide another one to fix it."""

    now: Callable[[], datetime] = _utc_now


@dataclass(frozen=True)
class Moment:
    """A moment in a place."""

    time: datetime
    timezone: str
    weekday: str
    week: int
    """ISO week of the year."""


@dataclass(frozen=True)
class Distance:
    """How far apart two dates are; negative when the second is earlier."""

    days: int
    weeks: int
    weekdays: int
    """Mondays to Fridays from the first date up to, and without, the second."""


@tool(effect="read", trusted=True)
async def current_time(context: ToolContext, timezone: Zone = "UTC") -> Moment:
    """Tell the current date, time and weekday in a time zone."""
    clock = context.resources.find(Clock) or Clock()
    return _moment(clock.now().astimezone(_zone(timezone)), timezone)


Amount = Annotated[int, Field(ge=-100_000, le=100_000)]


@tool(effect="read")
async def move_date(
    start: Annotated[datetime, Field(description="Date or date and time, like 2026-03-31 or 2026-03-31T09:00.")],
    timezone: Zone = "UTC",
    years: Amount = 0,
    months: Amount = 0,
    weeks: Amount = 0,
    days: Amount = 0,
    hours: Amount = 0,
    minutes: Amount = 0,
) -> Moment:
    """Add years, months, weeks, days, hours or minutes to a date; negative numbers go back.

    Args:
        years: Years to add; a 29 February becomes the 28th where there is none.
        months: Months to add; a day that the month does not have becomes its last.
        weeks: Weeks to add.
        days: Calendar days to add; the time of day stays, whatever summer time does.
        hours: Hours to add, as they pass.
        minutes: Minutes to add, as they pass.
    """
    zone = _zone(timezone)
    try:
        here = start.astimezone(zone) if start.tzinfo else start.replace(tzinfo=zone)
        day = _later_month(here, years * 12 + months) + timedelta(weeks=weeks, days=days)
        moved = (day.astimezone(UTC) + timedelta(hours=hours, minutes=minutes)).astimezone(zone)
    except (OverflowError, ValueError):
        raise ToolFailed("That date is outside the calendar, which has the years 1 to 9999.") from None
    return _moment(moved, timezone)


@tool(effect="read")
async def days_between(
    start: Annotated[date, Field(description="First date, like 2026-03-31.")],
    end: Annotated[date, Field(description="Second date.")],
) -> Distance:
    """Count the days, whole weeks and weekdays from one date to another."""
    days = (end - start).days
    sign = 1 if days >= 0 else -1
    return Distance(days, sign * (abs(days) // 7), sign * _weekdays(min(start, end), abs(days)))


def _zone(name: str) -> tzinfo:
    if name.upper() in ("UTC", "Z", "GMT"):
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        near = did_you_mean(name, available_timezones())
        raise ToolFailed(f"There is no time zone {name!r}.{near} Name it like 'Europe/Berlin'.") from None


def _moment(time: datetime, timezone: str) -> Moment:
    return Moment(time.replace(microsecond=0), timezone, calendar.day_name[time.weekday()], time.isocalendar().week)


def _later_month(here: datetime, months: int) -> datetime:
    year, month = divmod(here.year * 12 + here.month - 1 + months, 12)
    if not 1 <= year <= 9999:
        raise OverflowError("year")
    last = calendar.monthrange(year, month + 1)[1]
    return here.replace(year=year, month=month + 1, day=min(here.day, last))


def _weekdays(start: date, days: int) -> int:
    whole, rest = divmod(days, 7)
    return whole * 5 + sum((start.weekday() + offset) % 7 < 5 for offset in range(rest))

"""The clock tools: a fixed time, places, and the calendar's corners."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphwright.tools import InvalidArguments, Resources, Tool, ToolContext, ToolFailed
from graphwright.tools.builtin import Clock, current_time, days_between, move_date


async def run(one: Tool, **arguments: Any) -> Any:
    resources = Resources()
    resources.provide(Clock, lambda: Clock(lambda: datetime(2026, 3, 28, 23, 30, tzinfo=UTC)))
    return await one.invoke(one.validate(arguments), ToolContext(call_id="c", resources=resources))


async def test_now_is_told_in_a_named_time_zone() -> None:
    moment = await run(current_time, timezone="Asia/Tokyo")

    assert moment.time.isoformat() == "2026-03-29T08:30:00+09:00"
    assert (moment.weekday, moment.week, moment.timezone) == ("Sunday", 13, "Asia/Tokyo")


async def test_without_a_clock_the_real_time_is_told() -> None:
    moment = await current_time.invoke(current_time.validate({}), ToolContext(call_id="c"))

    assert abs((moment.time - datetime.now(UTC)).total_seconds()) < 5


@pytest.mark.parametrize("name", ["Europe/Berln", "../../etc/passwd", "/etc/localtime", "", "Mars/Olympus", "a\x00b"])
async def test_an_unknown_time_zone_is_refused(name: str) -> None:
    with pytest.raises(ToolFailed, match="There is no time zone"):
        await run(current_time, timezone=name)


async def test_a_misspelt_time_zone_is_answered_with_the_near_one() -> None:
    with pytest.raises(ToolFailed, match="Did you mean 'Europe/Berlin'"):
        await run(current_time, timezone="Europe/Berln")


@pytest.mark.parametrize(
    ("start", "step", "end"),
    [
        ("2026-01-31", {"months": 1}, "2026-02-28T00:00:00+00:00"),
        ("2024-02-29", {"years": 1}, "2025-02-28T00:00:00+00:00"),
        ("2026-03-31", {"months": -1}, "2026-02-28T00:00:00+00:00"),
        ("2026-01-15", {"months": -13}, "2024-12-15T00:00:00+00:00"),
        ("2026-12-31T23:30", {"minutes": 45}, "2027-01-01T00:15:00+00:00"),
        ("2026-03-28T12:00", {"days": 1, "timezone": "Europe/Berlin"}, "2026-03-29T12:00:00+02:00"),
        ("2026-03-28T12:00", {"hours": 24, "timezone": "Europe/Berlin"}, "2026-03-29T13:00:00+02:00"),
        ("2026-03-28T12:00:00Z", {"weeks": 1, "timezone": "Asia/Tokyo"}, "2026-04-04T21:00:00+09:00"),
    ],
)
async def test_dates_are_moved_as_a_calendar_does(start: str, step: dict[str, Any], end: str) -> None:
    assert (await run(move_date, start=start, **step)).time.isoformat() == end


async def test_a_date_outside_the_calendar_is_refused() -> None:
    with pytest.raises(ToolFailed, match="outside the calendar"):
        await run(move_date, start="2026-01-01", years=90_000)
    with pytest.raises(ToolFailed, match="outside the calendar"):
        await run(move_date, start="0001-01-01", days=-1)
    with pytest.raises(InvalidArguments, match="years: given 999999999999"):
        await run(move_date, start="2026-01-01", years=999999999999)


async def test_days_weeks_and_weekdays_are_counted_both_ways() -> None:
    forward = await run(days_between, start="2026-01-01", end="2026-01-15")
    back = await run(days_between, start="2026-01-15", end="2026-01-01")

    assert (forward.days, forward.weeks, forward.weekdays) == (14, 2, 10)
    assert (back.days, back.weeks, back.weekdays) == (-14, -2, -10)


@given(st.dates(), st.integers(min_value=0, max_value=800))
def test_weekdays_are_counted_as_one_by_one(start: date, days: int) -> None:
    from graphwright.tools.builtin.clock import _weekdays

    counted = sum((start.weekday() + offset) % 7 < 5 for offset in range(days))

    assert _weekdays(start, days) == counted

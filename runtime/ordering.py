"""Times of rows that sort as they were written, also where the clock was set back or stands still."""

from __future__ import annotations

_MOMENT = 1e-6
"""Seconds between two rows that the clock gives the same time."""


class Order:
    """Gives each row the time at which it was written, or a moment after the row before it."""

    def __init__(self, after: float = 0.0) -> None:
        self._last = after

    def next(self, now: float) -> float:
        """The time now, or a moment after the last one."""
        self._last = max(now, self._last + _MOMENT)
        return self._last

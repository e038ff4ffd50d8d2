"""Time and ids arrive as arguments, so that tests and replays control them."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

Clock = Callable[[], float]
"""The time now, in unix seconds."""


@dataclass(slots=True)
class ManualClock:
    """A clock that stands still until it is told otherwise. For tests."""

    now: float = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        """Move the time; negative seconds set the clock back, as administrators do."""
        self.now += seconds


def new_id(kind: str, *, at: float | None = None) -> str:
    """An id like ``run_01f3c9a4d2b7e8`` that sorts by time of making: milliseconds, then randomness (64 bits)."""
    moment = int((time.time() if at is None else at) * 1000)
    return f"{kind}_{moment:011x}{secrets.token_hex(4)}"

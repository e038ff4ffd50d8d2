"""Stop a run that is being driven: at the end of its step where that is asked for, else in the middle."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from langgraph.runtime import RunControl

from .turns import PAUSE, SUPERSEDED_BY

if TYPE_CHECKING:
    from .runs import RunStore

GRACE_SECONDS = 10.0
"""How long a run that was pushed aside may take to end its step before it is stopped in the middle."""


class Stop:
    """What another task, or another process by way of the run's row, can do to a run while it is driven."""

    def __init__(self, runs: RunStore, run_id: str, *, is_draining: bool = False) -> None:
        self.control = RunControl()
        self._runs = runs
        self._run_id = run_id
        self._since: float | None = None
        if is_draining:
            self.request()

    def request(self) -> None:
        """Let the run stop at the end of its step."""
        self.control.request_drain()

    async def is_due(self) -> bool:
        """Whether the run must stop now, in the middle; looks at its row, and asks for less where that is enough."""
        run = await self._runs.get(self._run_id)
        if run.options.get(PAUSE):
            self.request()
        if run.status != "cancelled":
            return False
        if SUPERSEDED_BY not in run.options:
            return True
        self.request()
        self._since = self._since or time.monotonic()
        return time.monotonic() - self._since > GRACE_SECONDS

"""How many of a pattern's participants work at once, in one run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from weakref import WeakKeyDictionary

from langgraph.runtime import Runtime

from graphwright.runtime import RunContext

from ..speaking import context_of


class Lanes:
    """Lets at most ``count`` in at once, counted for each run by itself; None lets everybody in."""

    def __init__(self, count: int | None) -> None:
        self._count = count
        self._open: WeakKeyDictionary[Any, WeakKeyDictionary[Any, asyncio.Semaphore]] = WeakKeyDictionary()

    @asynccontextmanager
    async def one(self, runtime: Runtime[RunContext]) -> AsyncIterator[None]:
        """A lane; waits until one is free."""
        if self._count is None:
            yield
            return
        async with self._of(runtime):
            yield

    def _of(self, runtime: Runtime[RunContext]) -> asyncio.Semaphore:
        """The run's own counter. A graph may serve several runs, and an event loop each, at a time."""
        assert self._count is not None
        runs = self._open.setdefault(asyncio.get_running_loop(), WeakKeyDictionary())
        gate = context_of(runtime).gate
        if gate not in runs:
            runs[gate] = asyncio.Semaphore(self._count)
        return runs[gate]

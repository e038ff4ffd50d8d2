"""Limits how often (a tool's `rate`) and how many at a time a tool is called, over all runs of this process."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from weakref import WeakKeyDictionary

from .context import ToolContext
from .contract import Tool
from .errors import ToolBusy
from .invoking import Invoke


def with_limits(
    inner: Invoke,
    *,
    concurrency: int | None = None,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    clock: Callable[[], float] = time.time,
) -> Invoke:
    """Space calls of a tool by its `rate` label, and let at most `concurrency` of each tool run at a time.

    A call waits for its turn; one whose turn comes after its deadline is refused with ToolUnavailable.
    """
    turns = _Turns()
    rooms = _Rooms(concurrency)

    async def invoke(tool: Tool, arguments: Mapping[str, Any], context: ToolContext) -> Any:
        if tool.labels.rate is not None:
            wait = turns.take(tool, context.deadline, clock())
            if wait > 0:
                await sleep(wait)
        if concurrency is None:
            return await inner(tool, arguments, context)
        async with rooms.of(tool):
            return await inner(tool, arguments, context)

    return invoke


class _Turns:
    """The next free moment of each tool; safe for threads, shared by all loops."""

    def __init__(self) -> None:
        self._free: dict[str, float] = {}
        self._lock = threading.Lock()

    def take(self, tool: Tool, deadline: float | None, now: float) -> float:
        """Return the seconds until this call's turn."""
        assert tool.labels.rate is not None
        with self._lock:
            turn = max(now, self._free.get(tool.name, now))
            if deadline is not None and turn >= deadline:
                raise ToolBusy(
                    f"{tool.name!r} may be called {tool.labels.rate:g} times a second and is busy. "
                    f"It is free again in {turn - now:.1f} seconds.",
                    retry_after=turn - now,
                )
            self._free[tool.name] = turn + 1 / tool.labels.rate
        return turn - now


class _Rooms:
    """A semaphore for each tool and event loop."""

    def __init__(self, size: int | None) -> None:
        self._size = size
        self._rooms: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, asyncio.Semaphore]]
        self._rooms = WeakKeyDictionary()

    def of(self, tool: Tool) -> asyncio.Semaphore:
        here = self._rooms.setdefault(asyncio.get_running_loop(), {})
        if tool.name not in here:
            here[tool.name] = asyncio.Semaphore(self._size or 1)
        return here[tool.name]

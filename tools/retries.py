"""Calls a tool again after ToolUnavailable, where repeating is safe by its labels."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type

from .context import ToolContext
from .contract import Tool
from .errors import ToolUnavailable
from .invoking import Invoke

FIRST_PAUSE = 0.2
LONGEST_PAUSE = 10.0

Sleep = Callable[[float], Awaitable[None]]
Pause = Callable[[int, float | None], float]


def pause(attempt: int, retry_after: float | None, *, chance: Callable[[], float] = random.random) -> float:
    """Return the seconds before the next attempt: doubling with jitter, never sooner than the server asked."""
    doubling = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** (attempt - 1))
    return max(retry_after or 0.0, doubling * (0.5 + chance() / 2))


def with_retries(
    inner: Invoke, *, sleep: Sleep = asyncio.sleep, clock: Callable[[], float] = time.time, pause: Pause = pause
) -> Invoke:
    """Make `labels.retry` further attempts, only after ToolUnavailable and only for reads and idempotent effects.

    It stops early when the pause would pass the context's deadline, or when the caller has given up.
    """

    async def invoke(tool: Tool, arguments: Mapping[str, Any], context: ToolContext) -> Any:
        further = tool.labels.retry if tool.labels.repeatable else 0
        if not further:
            return await inner(tool, arguments, context)

        def stop(state: RetryCallState) -> bool:
            late = context.deadline is not None and clock() + state.upcoming_sleep >= context.deadline
            return state.attempt_number > further or late or context.cancelled.is_set()

        def wait(state: RetryCallState) -> float:
            error = state.outcome.exception() if state.outcome else None
            return pause(state.attempt_number, getattr(error, "retry_after", None))

        again = AsyncRetrying(
            stop=stop, wait=wait, sleep=sleep, retry=retry_if_exception_type(ToolUnavailable), reraise=True
        )
        return await again(inner, tool, arguments, context)

    return invoke

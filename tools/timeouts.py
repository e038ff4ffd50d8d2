"""A timeout that ends a call's influence: a late result is dropped, and a zombie thread is refused.

A thread cannot be stopped. What can be stopped is what it does through its context: `check`, `progress` and
writes to `state` raise ToolCancelled, and nobody receives what it returns.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from .context import CheckedState, ToolContext
from .contract import Tool
from .errors import ToolTimedOut
from .invoking import Invoke


def with_timeout(inner: Invoke, *, grace: float = 1.0, clock: Callable[[], float] = time.time) -> Invoke:
    """Give a call the seconds of its label, or those until the context's deadline if that is sooner.

    grace: seconds a cancelled async tool has for its cleaning up; it is left behind after that.
    Raises ToolTimedOut. The tool sees its own deadline.
    """

    async def invoke(tool: Tool, arguments: Mapping[str, Any], context: ToolContext) -> Any:
        now = clock()
        seconds = _allowed(tool, context, now)
        limited = _limited(tool, context, None if seconds is None else now + seconds)
        if seconds is None:
            return await inner(tool, arguments, limited)
        if seconds <= 0:
            raise ToolTimedOut(f"{tool.name!r} was not called: the time for this answer is over.")
        return await _race(tool, asyncio.ensure_future(inner(tool, arguments, limited)), (context, seconds, grace))

    return invoke


def _allowed(tool: Tool, context: ToolContext, now: float) -> float | None:
    left = None if context.deadline is None else context.deadline - now
    given = [seconds for seconds in (tool.labels.timeout, left) if seconds is not None]
    return min(given, default=None)


def _limited(tool: Tool, context: ToolContext, deadline: float | None) -> ToolContext:
    if not tool.synchronous:
        return replace(context, deadline=deadline)
    return replace(context, deadline=deadline, state=CheckedState(context.state, context.check))


async def _race(tool: Tool, task: asyncio.Future[Any], terms: tuple[ToolContext, float, float]) -> Any:
    context, seconds, grace = terms
    try:
        await asyncio.wait((task,), timeout=seconds)
    except asyncio.CancelledError:
        await _give_up(task, context, grace)
        raise
    if not task.done():
        await _give_up(task, context, grace)
        raise ToolTimedOut(
            f"{tool.name!r} gave no answer within {seconds:g} seconds and was given up. "
            + _AFTER[tool.labels.repeatable]
        )
    if task.cancelled():
        raise RuntimeError(f"Tool {tool.name!r} ({tool.source}) cancelled its own call.")
    return task.result()


_AFTER = {
    True: "It may be called again.",
    False: "Whether it took effect is not known: find out before calling it again.",
}


async def _give_up(task: asyncio.Future[Any], context: ToolContext, grace: float) -> None:
    context.cancelled.set()
    task.cancel()
    await asyncio.wait((task,), timeout=grace)
    task.add_done_callback(_drop)


def _drop(task: asyncio.Future[Any]) -> None:
    """Take the outcome that nobody wants, so that it is not reported as forgotten."""
    if not task.cancelled():
        task.exception()

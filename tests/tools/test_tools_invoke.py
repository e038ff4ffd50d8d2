"""Calling a tool: async awaited, sync in a thread that blocks nobody."""

from __future__ import annotations

import asyncio
import contextvars
import subprocess
import sys
import threading
import time
from typing import Any

import pytest

from graphwright.tools import IdempotencyKey, ToolContext, ToolFailed, tool

language: contextvars.ContextVar[str] = contextvars.ContextVar("language", default="none")


def context(**fields: Any) -> ToolContext:
    return ToolContext(**{"call_id": "c1", **fields})


@tool(effect="read")
def spoken(word: str) -> tuple[str, str, bool]:
    """Say a word in the current language."""
    return word, language.get(), threading.current_thread() is threading.main_thread()


@tool(effect="read")
def nap(seconds: float) -> float:
    """Sleep a while."""
    time.sleep(seconds)
    return seconds


async def test_a_sync_tool_runs_in_a_thread_with_the_callers_context_variables() -> None:
    language.set("de")

    assert await spoken.invoke({"word": "ja"}, context()) == ("ja", "de", False)


async def test_a_key_and_a_context_arrive_where_their_types_are() -> None:
    @tool(effect="write")
    async def pay(amount: int, *, key: IdempotencyKey, about: ToolContext) -> tuple[int, str, str]:
        """Pay an amount."""
        return amount, key, about.user

    assert await pay.invoke({"amount": 3}, context(key=IdempotencyKey("k7"), user="ann")) == (3, "k7", "ann")
    assert await pay.invoke({"amount": 3}, context(user="ann")) == (3, "c1", "ann")


async def test_fifty_sleeping_sync_tools_sleep_at_the_same_time() -> None:
    start = time.monotonic()

    answers = await asyncio.gather(*(nap.invoke({"seconds": 0.1}, context()) for _ in range(50)))

    assert answers == [0.1] * 50
    assert time.monotonic() - start < 2.0


async def test_threads_are_used_again() -> None:
    before = threading.active_count()

    for _ in range(50):
        await nap.invoke({"seconds": 0}, context())

    assert threading.active_count() - before <= 2


@pytest.mark.parametrize("error", [ToolFailed("no"), StopIteration("x"), SystemExit(3), ValueError("v")])
async def test_an_error_of_a_sync_tool_reaches_the_caller_and_never_ends_the_process(error: BaseException) -> None:
    @tool(effect="read")
    def fail(x: int) -> None:
        """Fail in some way."""
        raise error

    with pytest.raises((ToolFailed, RuntimeError, ValueError)) as caught:
        await fail.invoke({"x": 1}, context())

    assert str(error) in str(caught.value)


async def test_a_sync_function_that_returns_an_awaitable_is_awaited() -> None:
    @tool(effect="read")
    def later(x: int) -> Any:
        """Answer later."""

        async def answer() -> int:
            return x + 1

        return answer()

    assert await later.invoke({"x": 1}, context()) == 2


async def test_cancelling_the_caller_tells_the_tool() -> None:
    about = context()
    task = asyncio.create_task(nap.invoke({"seconds": 0.2}, about))
    await asyncio.sleep(0.05)

    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert about.cancelled.is_set()


def test_a_tool_that_never_ends_does_not_hold_up_the_exit() -> None:
    program = """
import asyncio, time
from graphwright.tools import ToolContext, ToolTimedOut, invoke_tool, tool, with_timeout

@tool(effect="read", timeout=0.1)
def hang(x: int) -> int:
    "Hang for ever."
    time.sleep(600)
    return x

async def main():
    try:
        await with_timeout(invoke_tool)(hang, {"x": 1}, ToolContext(call_id="c"))
    except ToolTimedOut as error:
        print(error)

asyncio.run(main())
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True)

    assert "gave no answer within 0.1 seconds" in done.stdout


def test_a_late_thread_after_the_loop_is_closed_is_silent(capfd: pytest.CaptureFixture[str]) -> None:
    async def start() -> None:
        task = asyncio.create_task(nap.invoke({"seconds": 0.2}, context()))
        await asyncio.sleep(0.05)
        task.cancel()

    asyncio.run(start())
    time.sleep(0.3)

    assert capfd.readouterr().err == ""

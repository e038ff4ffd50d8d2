"""A timeout: the caller goes on, and what the tool does afterwards counts for nothing."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from typing import Any

import pytest

from graphwright.tools import (
    Resources,
    ToolCancelled,
    ToolContext,
    ToolFailed,
    ToolTimedOut,
    invoke_tool,
    tool,
    with_timeout,
)

call = with_timeout(invoke_tool, grace=0.2)


def context(**fields: Any) -> ToolContext:
    return ToolContext(**{"call_id": "c1", **fields})


class Zombie:
    """Records what a tool could still do after its caller had given up."""

    def __init__(self) -> None:
        self.release = threading.Event()
        self.finished = threading.Event()
        self.refused: list[str] = []
        self.done: list[str] = []

    def attempt(self, name: str, effect: Any) -> None:
        try:
            effect()
            self.done.append(name)
        except ToolCancelled:
            self.refused.append(name)


async def test_a_zombie_sync_tool_cannot_report_progress_state_or_success() -> None:
    zombie, told, state = Zombie(), [], {}

    @tool(effect="write", timeout=0.1)
    def slow(x: int, about: ToolContext) -> str:
        """Do something slow."""
        about.progress("started", 0.0)
        about.state["before"] = 1
        zombie.release.wait(5)
        zombie.attempt("check", about.check)
        zombie.attempt("progress", lambda: about.progress("done", 1.0))
        zombie.attempt("state", lambda: about.state.__setitem__("after", 1))
        zombie.attempt("delete", lambda: about.state.__delitem__("before"))
        zombie.finished.set()
        return "success"

    about = context(progress=lambda message, done: told.append(message), state=state)
    with pytest.raises(
        ToolTimedOut, match=r"within 0\.1 seconds and was given up\. Whether it took effect is not known"
    ):
        await call(slow, {"x": 1}, about)
    zombie.release.set()
    await asyncio.to_thread(zombie.finished.wait, 5)

    assert zombie.refused == ["check", "progress", "state", "delete"]
    assert zombie.done == []
    assert told == ["started"]
    assert state == {"before": 1}


async def test_a_retry_after_a_zombie_is_not_disturbed_by_it() -> None:
    release, state = threading.Event(), {}

    @tool(effect="read", timeout=0.1)
    def first_slow(attempt: int, about: ToolContext) -> int:
        """Be slow once."""
        if attempt == 1:
            release.wait(5)
        about.state["attempt"] = attempt
        return attempt

    with pytest.raises(ToolTimedOut, match="It may be called again"):
        await call(first_slow, {"attempt": 1}, context(state=state))
    answer = await call(first_slow, {"attempt": 2}, context(state=state))
    release.set()
    await asyncio.sleep(0.1)

    assert answer == 2
    assert state == {"attempt": 2}


async def test_an_async_tool_is_cancelled_and_may_clean_up() -> None:
    seen: list[str] = []

    @tool(effect="read", timeout=0.05)
    async def wait(x: int) -> None:
        """Wait for ever."""
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.01)
            seen.append("cleaned up")

    with pytest.raises(ToolTimedOut):
        await call(wait, {"x": 1}, context())

    assert seen == ["cleaned up"]


async def test_an_async_tool_that_swallows_cancellation_is_left_behind_and_its_answer_dropped() -> None:
    @tool(effect="read", timeout=0.05)
    async def stubborn(seconds: float) -> str:
        """Go on whatever happens."""
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            await asyncio.sleep(seconds)
        return "success"

    start = time.monotonic()
    for seconds in (0.01, 1.0):
        with pytest.raises(ToolTimedOut):
            await call(stubborn, {"seconds": seconds}, context())

    assert time.monotonic() - start < 0.9


async def test_an_async_tool_left_behind_cannot_report_anything() -> None:
    seen = Zombie()

    @tool(effect="read", timeout=0.05)
    async def stubborn(x: int, about: ToolContext) -> str:
        """Go on whatever happens."""
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            seen.attempt("check", about.check)
            seen.attempt("progress", lambda: about.progress("done", 1.0))
        return "success"

    with pytest.raises(ToolTimedOut):
        await call(stubborn, {"x": 1}, context())

    assert (seen.refused, seen.done) == (["check", "progress"], [])


async def test_a_late_error_is_nobodys_error(caplog: pytest.LogCaptureFixture) -> None:
    @tool(effect="read", timeout=0.05)
    async def late(x: int) -> str:
        """Fail late."""
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            await asyncio.sleep(0.4)
        raise ValueError("late")

    with pytest.raises(ToolTimedOut):
        await call(late, {"x": 1}, context())
    await asyncio.sleep(0.5)
    gc.collect()

    assert caplog.records == []


async def test_the_deadline_of_the_run_is_sooner_than_the_label() -> None:
    @tool(effect="read", timeout=60)
    async def see(x: int, about: ToolContext) -> float | None:
        """Tell the deadline."""
        return about.deadline

    at_hundred = with_timeout(invoke_tool, clock=lambda: 100.0)

    assert await at_hundred(see, {"x": 1}, context(deadline=130.0)) == 130.0
    assert await at_hundred(see, {"x": 1}, context(deadline=500.0)) == 160.0
    assert await at_hundred(see, {"x": 1}, context()) == 160.0
    with pytest.raises(ToolTimedOut, match="was not called"):
        await at_hundred(see, {"x": 1}, context(deadline=99.0))


async def test_without_a_timeout_and_a_deadline_nothing_is_limited() -> None:
    @tool(effect="read", timeout=None)
    async def see(x: int, about: ToolContext) -> float | None:
        """Tell the deadline."""
        return about.deadline

    assert await call(see, {"x": 1}, context()) is None


async def test_cancelling_the_run_cancels_the_tool_and_is_no_timeout() -> None:
    stopped = asyncio.Event()

    @tool(effect="read")
    async def wait(x: int) -> None:
        """Wait for ever."""
        try:
            await asyncio.sleep(60)
        finally:
            stopped.set()

    about = context()
    task = asyncio.create_task(call(wait, {"x": 1}, about))
    await asyncio.sleep(0.05)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert stopped.is_set()
    assert about.cancelled.is_set()


async def test_a_tool_that_cancels_itself_does_not_cancel_the_run() -> None:
    @tool(effect="read")
    async def odd(x: int) -> None:
        """Cancel oneself."""
        raise asyncio.CancelledError

    with pytest.raises(RuntimeError, match="cancelled its own call"):
        await call(odd, {"x": 1}, context())


async def test_errors_and_results_pass_through() -> None:
    @tool(effect="read")
    def fail(x: int) -> int:
        """Fail for zero."""
        if x == 0:
            raise ToolFailed("Zero is too little.")
        return x

    assert await call(fail, {"x": 1}, context()) == 1
    with pytest.raises(ToolFailed, match="Zero is too little"):
        await call(fail, {"x": 0}, context())


async def test_a_hundred_calls_at_once_keep_their_own_contexts() -> None:
    @tool(effect="read", timeout=10)
    def mine(x: int, about: ToolContext) -> tuple[int, str]:
        """Tell whose call this is."""
        about.state["x"] = x
        return x, about.call_id

    states: list[dict[str, Any]] = [{} for _ in range(100)]
    answers = await asyncio.gather(
        *(call(mine, {"x": n}, context(call_id=f"c{n}", state=states[n])) for n in range(100))
    )

    assert answers == [(n, f"c{n}") for n in range(100)]
    assert states == [{"x": n} for n in range(100)]


def test_a_copied_context_still_checks_its_own_cancellation() -> None:
    from dataclasses import replace

    told: list[str] = []
    first = context(progress=lambda message, done: told.append(message), resources=Resources())
    second = replace(first, call_id="c2", cancelled=threading.Event())
    first.cancelled.set()

    second.progress("fine", None)

    with pytest.raises(ToolCancelled, match="'c1' was given up"):
        first.progress("not fine", None)
    assert told == ["fine"]

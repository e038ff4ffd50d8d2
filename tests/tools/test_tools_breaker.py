"""The circuit breaker of tools: one that cannot be reached is left alone for a while, and looked at again."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphwright.agents import Agent
from graphwright.graphs import agent_loop
from graphwright.models import ScriptedModel, calls
from graphwright.runtime import ManualClock, Runtime, Settings
from graphwright.tools import (
    Labels,
    Tool,
    ToolContext,
    ToolDeclarationError,
    ToolFailed,
    ToolTimedOut,
    ToolUnavailable,
    invoke_tool,
    tool,
    with_breaker,
    with_limits,
    with_retries,
    with_timeout,
)
from graphwright.tools.breaker import Circuit, after_failure, before_call


class Shop:
    """A tool that does what it is told to, behind a breaker with a clock that stands still."""

    def __init__(self, breaker: int | None = 3, **labels: Any) -> None:
        self.clock = ManualClock()
        self.next: Exception | None = None
        self.called = 0
        self.tool = self._tool(breaker, **labels)
        self.invoke = with_breaker(invoke_tool, cooldown=30, clock=self.clock)

    def _tool(self, breaker: int | None, **labels: Any) -> Tool:
        @tool(effect="read", breaker=breaker, **labels)
        async def ask() -> str:
            """Ask the shop."""
            self.called += 1
            if self.next is not None:
                raise self.next
            return "open"

        return ask

    async def ask(self, error: Exception | None = None, **context: Any) -> str:
        self.next = error
        try:
            return str(await self.invoke(self.tool, {}, ToolContext(call_id="c", **context)))
        except Exception as raised:
            return f"{type(raised).__name__}: {raised}"

    async def break_down(self) -> None:
        for _ in range(3):
            await self.ask(ToolUnavailable("closed"))


@pytest.mark.parametrize(
    "error", [ToolUnavailable("closed"), ToolTimedOut("slow"), ConnectionResetError(), TimeoutError()]
)
async def test_a_tool_out_of_reach_is_left_alone_and_the_model_is_told_since_when_and_until_when(
    error: Exception,
) -> None:
    shop = Shop()
    for _ in range(3):
        await shop.ask(error)
    shop.clock.advance(10)

    told = await shop.ask()

    assert shop.called == 3
    assert told.startswith("ToolUnavailable: 'ask' was not called: it has been out of reach since ")
    assert "3 times in a row" in told
    assert "(20 s), or go on without it." in told


async def test_after_the_cooldown_one_call_probes_and_the_others_wait_for_it() -> None:
    shop = Shop()
    entered, go_on = asyncio.Event(), asyncio.Event()

    async def slow(*call: Any) -> Any:
        if shop.next is None:
            entered.set()
            await go_on.wait()
        return await invoke_tool(*call)

    shop.invoke = with_breaker(slow, cooldown=30, clock=shop.clock)
    await shop.break_down()
    shop.clock.advance(30)

    probe = asyncio.create_task(shop.ask())
    await entered.wait()
    refused = await shop.ask()
    go_on.set()

    assert "was not called" in refused
    assert await probe == "open"
    assert await shop.ask() == "open"


async def test_a_failed_probe_leaves_it_alone_again_and_a_good_one_does_not() -> None:
    shop = Shop()
    await shop.break_down()
    shop.clock.advance(30)

    assert "closed" in await shop.ask(ToolUnavailable("closed"))
    assert "was not called" in await shop.ask()
    shop.clock.advance(30)
    assert [await shop.ask(), await shop.ask()] == ["open", "open"]


async def test_a_probe_that_never_ends_makes_room_for_another() -> None:
    shop = Shop()
    await shop.break_down()
    shop.clock.advance(30)
    assert "RuntimeError" in await shop.ask(RuntimeError("a bug tells nothing"))
    assert "was not called" in await shop.ask()
    shop.clock.advance(30)

    assert await shop.ask() == "open"


async def test_a_sentence_for_the_model_shows_that_the_tool_works_and_ends_the_row() -> None:
    shop = Shop()
    for _ in range(3):
        await shop.ask(ToolUnavailable("closed"))
        await shop.ask(ToolUnavailable("closed"))
        await shop.ask(ToolFailed("There is no such order."))

    assert await shop.ask() == "open"


@pytest.mark.parametrize("error", [ToolFailed("no"), ValueError("a bug")])
async def test_other_errors_never_open_it(error: Exception) -> None:
    shop = Shop()
    for _ in range(9):
        await shop.ask(error)

    assert await shop.ask() == "open"


async def test_a_caller_in_a_hurry_is_not_the_tools_fault() -> None:
    shop = Shop(timeout=60.0)
    for _ in range(9):
        await shop.ask(ToolTimedOut("cut short"), deadline=shop.clock() + 1)

    assert await shop.ask() == "open"


async def test_a_turn_that_comes_too_late_is_not_the_tools_fault() -> None:
    shop = Shop(rate=0.001)
    shop.invoke = with_breaker(with_limits(invoke_tool, clock=shop.clock), clock=shop.clock)
    assert await shop.ask() == "open"

    told = [await shop.ask(deadline=shop.clock() + 1) for _ in range(9)]

    assert all("may be called" in each for each in told)


async def test_without_the_label_it_is_never_left_alone() -> None:
    shop = Shop(breaker=None)
    for _ in range(20):
        await shop.ask(ToolUnavailable("closed"))

    assert shop.called == 20


async def test_each_tool_has_a_breaker_of_its_own_although_they_share_a_name() -> None:
    shop, other = Shop(), Shop()
    other.invoke = shop.invoke
    await shop.break_down()

    assert "was not called" in await shop.ask()
    assert await other.ask() == "open"


async def test_retries_count_as_one_call_and_a_refusal_is_not_retried() -> None:
    shop, pauses = Shop(retry=2), []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    shop.invoke = with_breaker(
        with_retries(with_timeout(invoke_tool, clock=shop.clock), sleep=sleep, clock=shop.clock), clock=shop.clock
    )
    for _ in range(3):
        await shop.ask(ToolUnavailable("closed"))
    assert (shop.called, len(pauses)) == (9, 6)

    assert "was not called" in await shop.ask()
    assert (shop.called, len(pauses)) == (9, 6)


async def test_a_refused_effect_did_not_happen_and_the_run_goes_on(tmp_path: Path) -> None:
    tried: list[int] = []

    @tool(effect="write", trusted=True, breaker=2, probe=lambda key: False)
    async def pay(amount: int) -> str:
        """Pay."""
        tried.append(amount)
        raise TimeoutError

    script = [*(calls("pay", amount=n) for n in range(4)), "I could not pay."]
    agent = Agent(name="clerk", description="Pays.", prompt="Pay.", tools=[pay], model=ScriptedModel(script))
    async with Runtime(Settings(project_dir=tmp_path, state_dir=tmp_path / "state")) as runtime:
        run = await runtime.start("clerk", {"messages": [("user", "go")]})
        async for _ in runtime.drive(run.id, agent_loop(agent), output=lambda state: state["messages"][-1].text):
            pass
        done = await runtime.runs.get(run.id)
        entries = [each for each in await runtime.journal.of_run(run.id) if each.kind == "tool"]

    assert (done.status, tried) == ("done", [0, 1])
    assert [each.status for each in entries] == ["failed"] * 4
    assert ["was not called" in each.outcome["error"] for each in entries] == [False, False, True, True]


def test_the_label_is_checked() -> None:
    with pytest.raises(ToolDeclarationError, match="breaker=0 must be a whole number of 1 or more"):
        Labels(effect="read", breaker=0)


@given(
    events=st.lists(st.tuples(st.sampled_from(["ok", "fail"]), st.floats(0, 20)), max_size=60), limit=st.integers(1, 5)
)
def test_calls_go_through_unless_the_last_ones_failed_and_the_cooldown_lasts(
    events: list[tuple[str, float]], limit: int
) -> None:
    circuit, now, row, last_failure = Circuit(), 0.0, 0, 0.0
    for outcome, seconds in events:
        now += seconds
        circuit, wait = before_call(circuit, now, 30.0)
        expected = max(0.0, last_failure + 30.0 - now) if row >= limit else 0.0
        assert (wait or 0.0) == pytest.approx(expected)
        if wait is not None:
            continue
        if outcome == "ok":
            circuit, row = Circuit(), 0
        else:
            circuit, row, last_failure = after_failure(circuit, now, limit), row + 1, now

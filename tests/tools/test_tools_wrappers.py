"""Retries, limits and the cap on results: each a small wrapper of one contract."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from graphwright.tools import (
    IdempotencyKey,
    InvalidArguments,
    ToolContext,
    ToolFailed,
    ToolUnavailable,
    WithArtifact,
    invoke_tool,
    render_result,
    tool,
    with_limits,
    with_rendered_result,
    with_retries,
    with_timeout,
    with_validation,
)
from graphwright.tools.retries import pause


def context(**fields: Any) -> ToolContext:
    return ToolContext(**{"call_id": "c1", **fields})


class Flaky:
    """Fails so many times, then answers; records pauses."""

    def __init__(self, failures: int, error: Exception | None = None) -> None:
        self.failures = failures
        self.error = error or ToolUnavailable("The shop is closed.")
        self.calls = 0
        self.pauses: list[float] = []

    async def __call__(self, x: int = 0) -> int:
        """Answer after some failures."""
        self.calls += 1
        if self.calls <= self.failures:
            raise self.error
        return self.calls

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)

    async def run(self, about: ToolContext | None = None, **labels: Any) -> Any:
        one = tool(self, name="flaky", **labels)
        invoke = with_retries(invoke_tool, sleep=self.sleep, clock=lambda: 100.0, pause=lambda n, after: after or n)
        return await invoke(one, {}, about or context())


async def test_a_read_is_tried_again_after_tool_unavailable() -> None:
    flaky = Flaky(2)

    assert await flaky.run(effect="read", retry=2) == 3
    assert flaky.pauses == [1, 2]


async def test_attempts_are_limited_and_the_last_error_is_the_tools_own() -> None:
    flaky = Flaky(9)

    with pytest.raises(ToolUnavailable, match="The shop is closed"):
        await flaky.run(effect="read", retry=2)
    assert flaky.calls == 3


@pytest.mark.parametrize(
    ("labels", "calls"),
    [
        ({"effect": "read"}, 1),
        ({"effect": "write", "retry": 3}, 1),
        ({"effect": "egress", "retry": 3, "once": True}, 1),
        ({"effect": "write", "retry": 3, "once": False}, 4),
        ({"effect": "read", "retry": 3}, 4),
    ],
)
async def test_only_what_is_safe_to_repeat_is_repeated(labels: dict[str, Any], calls: int) -> None:
    flaky = Flaky(9)

    with pytest.raises(ToolUnavailable):
        await flaky.run(**labels)
    assert flaky.calls == calls


@pytest.mark.parametrize("error", [ToolFailed("no"), TimeoutError("slow"), OSError("reset"), ValueError("bug")])
async def test_any_other_error_is_not_repeated(error: Exception) -> None:
    flaky = Flaky(1, error)

    with pytest.raises(type(error)):
        await flaky.run(effect="read", retry=5)
    assert flaky.calls == 1


async def test_the_server_says_when_and_the_deadline_says_when_not() -> None:
    flaky = Flaky(1, ToolUnavailable("Busy.", retry_after=7.5))
    assert await flaky.run(context(deadline=108.0), effect="read", retry=1) == 2
    assert flaky.pauses == [7.5]

    late = Flaky(1, ToolUnavailable("Busy.", retry_after=7.5))
    with pytest.raises(ToolUnavailable):
        await late.run(context(deadline=107.0), effect="read", retry=1)
    assert late.calls == 1


async def test_nothing_is_repeated_for_a_caller_who_has_given_up() -> None:
    about = context()
    about.cancelled.set()

    with pytest.raises(ToolUnavailable):
        await Flaky(1).run(about, effect="read", retry=5)


def test_pauses_double_up_to_a_limit_with_jitter() -> None:
    assert [pause(n, None, chance=lambda: 1.0) for n in (1, 2, 3, 20)] == [0.2, 0.4, 0.8, 10.0]
    assert pause(1, None, chance=lambda: 0.0) == 0.1
    assert pause(1, 3.0, chance=lambda: 1.0) == 3.0


async def test_a_rate_spaces_calls_evenly() -> None:
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(round(seconds, 6))

    @tool(effect="read", rate=4)
    async def ask(x: int) -> int:
        """Ask a slow service."""
        return x

    invoke = with_limits(invoke_tool, sleep=sleep, clock=lambda: 10.0)
    for _ in range(4):
        await invoke(ask, {"x": 1}, context())

    assert pauses == [0.25, 0.5, 0.75]
    with pytest.raises(ToolUnavailable, match=r"free again in 1\.0 seconds") as caught:
        await invoke(ask, {"x": 1}, context(deadline=10.5))
    assert caught.value.retry_after == 1.0


async def test_at_most_so_many_run_at_a_time() -> None:
    running = most = 0

    @tool(effect="read")
    async def work(x: int) -> int:
        """Work a moment."""
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.01)
        running -= 1
        return x

    invoke = with_limits(invoke_tool, concurrency=3)
    answers = await asyncio.gather(*(invoke(work, {"x": n}, context()) for n in range(12)))

    assert answers == list(range(12))
    assert most == 3


def test_a_limit_works_in_one_event_loop_after_another() -> None:
    @tool(effect="read")
    async def work(x: int) -> int:
        """Work a moment."""
        await asyncio.sleep(0.001)
        return x

    invoke = with_limits(invoke_tool, concurrency=1)

    async def three() -> list[int]:
        return list(await asyncio.gather(*(invoke(work, {"x": n}, context()) for n in range(3))))

    assert [asyncio.run(three()) for _ in range(2)] == [[0, 1, 2]] * 2


async def test_wrappers_stack() -> None:
    @tool(effect="read", result_cap=100)
    def repeat(word: str, times: int) -> str:
        """Repeat a word."""
        return word * times

    stack = with_rendered_result(with_validation(with_limits(with_retries(with_timeout(invoke_tool)), concurrency=2)))

    assert await stack(repeat, {"word": "ab", "times": "2"}, context()) == "abab"
    assert len(await stack(repeat, {"word": "ab", "times": 1000}, context())) == 100
    with pytest.raises(InvalidArguments):
        await stack(repeat, {"word": "ab"}, context())


NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Point:
    x: int
    tag: IdempotencyKey


class Order(BaseModel):
    price: Decimal
    when: datetime


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("as it is\n", "as it is\n"),
        ("", ""),
        (None, "null"),
        ({"a": [1, 2.5, True]}, '{"a":[1,2.5,true]}'),
        ({"ä": "ö"}, '{"ä":"ö"}'),
        ([Point(1, IdempotencyKey("k"))], '[{"x":1,"tag":"k"}]'),
        (Order(price=Decimal("1.50"), when=NEW_YEAR), '{"price":"1.50","when":"2026-01-01T00:00:00Z"}'),
        (Decimal("1.50"), '"1.50"'),
        ({3, 1, 2}, "[1,2,3]"),
        ((1, 2), "[1,2]"),
        (Path("a/b"), '"a/b"'),
        (b"abc", '"3 bytes of binary data"'),
        (2**70, str(2**70)),
        ({1: 2**70, ("a", 1): b"x"}, '{"1":' + str(2**70) + ',"(\'a\', 1)":"1 bytes of binary data"}'),
        (WithArtifact("shown", artifact=object()), "shown"),
        ([WithArtifact({"a": 1}, artifact=object())], '[{"a":1}]'),
    ],
)  # fmt: skip
def test_a_result_is_rendered_as_text_or_json(value: Any, text: str) -> None:
    assert render_result(value, 20_000) == text


def test_a_result_without_end_is_rendered_all_the_same() -> None:
    loop: list[Any] = []
    loop.append(loop)

    assert render_result(loop, 1_000) == "[[...]]"


def test_a_cut_result_says_so_and_how_much_there_was() -> None:
    text = render_result("x" * 5_000, 200)

    assert len(text) == 200
    assert text.endswith("[cut here: 5,000 characters in all, only the first 200 fit. Ask for less at a time.]")


def test_lone_surrogates_are_replaced() -> None:
    assert render_result("a\udcffb", 100) == "a?b"
    assert render_result({"a": "\udcff"}, 100).encode()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.binary(max_size=3) | st.decimals(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4) | st.integers(), inner, max_size=3),
    max_leaves=10,
)


@given(JSON, st.integers(min_value=0, max_value=300))
def test_anything_is_rendered_within_the_cap_and_can_be_encoded(value: Any, cap: int) -> None:
    text = render_result(value, cap)

    assert len(text) <= cap
    assert text.encode().decode() == text


@given(st.dictionaries(st.text(max_size=4), st.integers() | st.text() | st.lists(st.booleans(), max_size=3)))
def test_plain_data_is_rendered_as_json_of_the_same_value(value: Mapping[str, Any]) -> None:
    assert json.loads(render_result(value, 1_000_000)) == value

"""MCP servers that lie, hang, flood, die and speak garbage: real processes, on stdio."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from graphwright.tools import (
    Resources,
    Tool,
    ToolContext,
    ToolFailed,
    ToolTimedOut,
    ToolUnavailable,
    invoke_tool,
    render_result,
    with_timeout,
)
from graphwright.tools.mcp import CallLost, McpConnections, McpServer, mcp_tools

RAW = Path(__file__).parent / "mcp_raw_server.py"


def raw(*ways: str, **given: Any) -> McpServer:
    return McpServer(**{"name": "raw", "command": sys.executable, "args": ("-S", str(RAW), *ways), **given})


class Desk:
    """Everything that one run shares, and the pauses that were made."""

    def __init__(self) -> None:
        self.resources = Resources()
        self.pauses: list[float] = []
        self.connections = McpConnections(sleep=self._pause)
        self.resources.provide(McpConnections, lambda: self.connections)

    async def _pause(self, seconds: float) -> None:
        self.pauses.append(seconds)

    async def tools(self, server: McpServer) -> dict[str, Tool]:
        """Its tools, everything that it says now accepted."""
        says = await self.connections.listing(server, 20.0)
        return {tool.name: tool for tool in mcp_tools([server], {"raw": {each.name: each for each in says}}).tools}

    async def call(self, tool: Tool, **given: Any) -> str:
        context = ToolContext(call_id="call_1", resources=self.resources)
        value = await with_timeout(invoke_tool)(tool, tool.validate(given), context)
        return render_result(value, tool.labels.result_cap)

    def process(self) -> int:
        """The id of the server's process."""
        children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
        return int(children[-1])


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    desk = Desk()
    yield desk
    await desk.resources.aclose()


@pytest.fixture(autouse=True)
def _nothing_is_left_running() -> Iterator[None]:
    children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children")
    before = children.read_text()
    yield
    assert children.read_text() == before


async def test_a_call_goes_to_the_server_and_its_answer_comes_back(desk: Desk) -> None:
    tools = await desk.tools(raw())

    assert await desk.call(tools["raw_echo"], text="grüß dich\n") == "grüß dich\n"
    assert await desk.call(tools["raw_picture"]) == "[image image/png, 4 characters, not shown]"
    assert tools["raw_echo"].labels.destructive


async def test_a_few_lines_that_are_no_messages_are_passed_over(desk: Desk) -> None:
    tools = await desk.tools(raw("banner"))

    assert await desk.call(tools["raw_echo"], text="hi") == "hi"


async def test_a_long_answer_is_cut(desk: Desk) -> None:
    answer = await desk.call((await desk.tools(raw()))["raw_big"])

    assert len(answer) == 20_000
    assert "500,000 characters in all" in answer


async def test_a_server_that_asks_us_for_something_is_told_no(desk: Desk) -> None:
    assert await desk.call((await desk.tools(raw()))["raw_asks"]) == "told: Sampling not supported"


async def test_a_tool_that_is_described_otherwise_than_accepted_is_not_called(desk: Desk, tmp_path: Path) -> None:
    tools = await desk.tools(raw(env={"CALL_LOG": str(tmp_path / "calls")}))

    await desk.call(tools["raw_change"])

    with pytest.raises(ToolFailed, match="describes 'echo' otherwise than was accepted") as caught:
        await desk.call(tools["raw_echo"], text="hi")
    assert "graphwright tools pin raw" in str(caught.value)
    assert await desk.call(tools["raw_count"]) == "count 2"
    assert (tmp_path / "calls").read_text() == "change\ncount\n"


async def test_a_tool_that_is_offered_no_more_is_not_called(desk: Desk) -> None:
    says = await desk.connections.listing(raw(), 20.0)
    await desk.connections.aclose()
    tools = mcp_tools([raw("only-echo")], {"raw": {each.name: each for each in says}}).tools

    with pytest.raises(ToolFailed, match="does not offer 'count' any more"):
        await desk.call(next(tool for tool in tools if tool.name == "raw_count"))


@pytest.mark.parametrize("name", ["raw_unfit", "raw_missing", "raw_nonsense"])
async def test_a_result_that_does_not_fit_leaves_the_outcome_of_an_effect_open(desk: Desk, name: str) -> None:
    effect = (await desk.tools(raw()))[name]
    read = (await desk.tools(raw(labels={"effect": "read"})))[name]

    with pytest.raises(CallLost, match=r"schema excludes|no result"):
        await desk.call(effect)
    with pytest.raises(ToolFailed, match=r"schema excludes|no result"):
        await desk.call(read)


async def test_an_error_of_the_tool_is_an_answer_and_a_refusal_is_definite(desk: Desk) -> None:
    tools = await desk.tools(raw())

    with pytest.raises(ToolFailed, match=r"^no no"):
        await desk.call(tools["raw_long_error"])
    with pytest.raises(ToolFailed, match="refused the call of 'refuse': text is not nice enough"):
        await desk.call(tools["raw_refuse"])


async def test_an_error_of_the_server_leaves_the_outcome_open(desk: Desk) -> None:
    with pytest.raises(CallLost, match="half of it was done"):
        await desk.call((await desk.tools(raw()))["raw_error"])


async def test_a_server_that_dies_in_a_call_loses_it_and_is_started_again(desk: Desk) -> None:
    tools = await desk.tools(raw())

    with pytest.raises(CallLost, match="its process ended with status 7"):
        await desk.call(tools["raw_die"])

    assert await desk.call(tools["raw_echo"], text="back") == "back"
    assert desk.pauses == [0.25]


async def test_a_read_that_was_lost_may_be_made_again(desk: Desk) -> None:
    tools = await desk.tools(raw(labels={"effect": "read"}))

    with pytest.raises(ToolUnavailable, match="ended with status 7"):
        await desk.call(tools["raw_die"])


async def test_a_server_that_does_not_stay_is_left_alone(desk: Desk) -> None:
    tools = await desk.tools(raw(restart=2))

    for _ in range(3):
        with pytest.raises(CallLost):
            await desk.call(tools["raw_die"])

    with pytest.raises(ToolUnavailable, match="was started 3 times") as caught:
        await desk.call(tools["raw_echo"], text="hello?")
    assert caught.value.retry_after is not None
    assert caught.value.retry_after > 200
    assert desk.pauses == [0.25, 0.5]


async def test_a_call_that_hangs_is_given_up_and_the_next_has_a_new_server(desk: Desk) -> None:
    tools = await desk.tools(raw(tool_labels={"hang": {"timeout": 0.3}}))

    with pytest.raises(ToolTimedOut, match="Whether it took effect is not known"):
        await desk.call(tools["raw_hang"])

    assert await desk.call(tools["raw_echo"], text="still here") == "still here"


async def test_calls_side_by_side_are_not_lost_with_one_that_is_given_up(desk: Desk) -> None:
    tools = await desk.tools(raw(tool_labels={"hang": {"timeout": 0.1}}))

    slow = asyncio.create_task(desk.call(tools["raw_slow"]))
    await asyncio.sleep(0.05)
    with pytest.raises(ToolTimedOut):
        await desk.call(tools["raw_hang"])

    assert (await slow).startswith("slow")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("raw_flood_lines", "more than 5,000 messages|more than 300,000 bytes"),
        ("raw_flood_line", "too long|more than 300,000 bytes"),
        ("raw_garbage", "does not speak MCP"),
    ],
)
async def test_a_server_that_floods_is_cut_off(desk: Desk, name: str, why: str) -> None:
    tools = await desk.tools(raw(max_message=100_000, max_bytes=300_000))

    with pytest.raises(CallLost, match=why):
        await desk.call(tools[name])

    assert await desk.call(tools["raw_echo"], text="new") == "new"


async def test_messages_are_counted_also_when_they_are_small(desk: Desk) -> None:
    tools = await desk.tools(raw(max_messages=50))

    with pytest.raises(CallLost, match="more than 50 messages"):
        await desk.call(tools["raw_flood_lines"])


async def test_of_stderr_only_the_end_is_kept(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    tools = await desk.tools(raw())

    assert await desk.call(tools["raw_flood_stderr"]) == "flood_stderr 1"
    with pytest.raises(CallLost) as caught:
        await desk.call(tools["raw_die"])

    assert "broken heart" in caplog.text
    assert len(caplog.text) < 5_000
    assert "broken heart" not in str(caught.value)


@pytest.mark.parametrize(
    ("way", "why"),
    [
        ("die-at-start", "ended with status 1"),
        ("hang-at-start", "not ready within"),
        ("garbage-at-start", "does not speak MCP"),
        ("endless-pages", "more than 50 pages"),
        ("many-tools", "more than 256 tools"),
        ("twice", "two tools called 'echo'"),
        ("no-list", "no such list"),
    ],
)
async def test_a_server_that_cannot_be_used_says_why(desk: Desk, way: str, why: str) -> None:
    with pytest.raises(ToolUnavailable, match=why):
        await desk.connections.listing(raw(way), 2.0)


async def test_a_command_that_does_not_exist_is_named(desk: Desk) -> None:
    with pytest.raises(ToolUnavailable, match="'no-such-program' cannot be run"):
        await desk.connections.listing(McpServer(name="raw", command="no-such-program"), 5.0)


async def test_a_process_that_ignores_every_request_to_end_is_ended(desk: Desk) -> None:
    await desk.tools(raw("deaf"))
    process = desk.process()

    await desk.connections.aclose()

    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


async def test_a_server_that_went_while_nobody_looked_is_not_called(desk: Desk) -> None:
    tools = await desk.tools(raw())
    os.kill(desk.process(), 9)
    time.sleep(1.1)  # noqa: ASYNC251  # the loop stands still, as while a person is asked

    assert await desk.call(tools["raw_echo"], text="again") == "again"


async def test_a_secret_that_is_not_set_starts_nothing(desk: Desk) -> None:
    with pytest.raises(ToolUnavailable, match="NO_SUCH_TOKEN"):
        await desk.connections.listing(raw(env={"TOKEN": "${NO_SUCH_TOKEN}"}), 5.0)


async def test_without_provision_the_connections_are_made_and_closed_with_the_resources() -> None:
    resources = Resources()
    connections = McpConnections.of(resources)

    assert McpConnections.of(resources) is connections
    await connections.listing(raw(), 20.0)
    await resources.aclose()

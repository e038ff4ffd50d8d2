"""Shared by the patterns' tests: agents with a script, a world with money in it, and a runtime that drives graphs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import BaseMessage
from langgraph.graph import StateGraph

from graphwright.agents import Agent
from graphwright.models import ScriptedModel
from graphwright.models.wire_messages import to_wire
from graphwright.runtime import Approve, Event, Run, Runtime, Settings
from graphwright.runtime.forking import fork
from graphwright.runtime.history import history
from graphwright.runtime.replaying import Replay, replay
from graphwright.tools import Tool, tool

GO = {"messages": [{"role": "user", "content": "go"}]}


class Works:
    """Runs graphs by a real runtime, as a process would that knows nothing but what is on disk."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.paid: list[int] = []

        @tool(effect="write", approval="Moves money.", critical=("amount",))
        async def pay(amount: int) -> str:
            """Pay an amount."""
            self.paid.append(amount)
            return f"paid {amount}"

        self.pay: Tool = pay

    def agent(self, name: str, *script: Any, **more: Any) -> Agent:
        """An agent that says what the script tells it to, and complains when it is asked anything else."""
        model = ScriptedModel(script)
        return Agent(name=name, description=f"Does {name}.", prompt=f"You are {name}.", model=model, **more)

    async def start(self, graph: StateGraph[Any, Any, Any, Any], values: Any = None) -> tuple[Run, list[Event]]:
        run = await self.runtime.start("pattern", values or GO)
        return run, await self.drive(run, graph)

    async def drive(self, run: Run, graph: StateGraph[Any, Any, Any, Any]) -> list[Event]:
        """Drive until it ends or waits."""
        return [each async for each in self.runtime.drive(run.id, graph, output=text_of)]

    async def now(self, run: Run) -> Run:
        return await self.runtime.runs.get(run.id)

    async def approve(self, run: Run) -> None:
        for approval in await self.runtime.approvals.pending(run_id=run.id):
            await self.runtime.decide(approval.id, Approve(), by="ann")

    async def through_approval(
        self, build: Callable[..., StateGraph[Any, Any, Any, Any]], before: Any, after: Any
    ) -> Run:
        """Run until it waits; answer; go on with a graph whose models know only what is still to be said."""
        run, _ = await self.start(build(before))
        assert ((await self.now(run)).status, self.paid) == ("waiting", [])
        await self.approve(run)
        await self.drive(run, build(after))
        return await self.now(run)

    async def state(self, run: Run, graph: StateGraph[Any, Any, Any, Any]) -> dict[str, Any]:
        return dict(await self.runtime.state_of(run, graph))

    async def fork_before(self, run: Run, graph: StateGraph[Any, Any, Any, Any], node: str) -> Run:
        """A fork at the last checkpoint from which this node comes next."""
        compiled = graph.compile(checkpointer=await self.runtime.checkpointer())
        points = await history(compiled, run.thread_id)
        at = next(each for each in reversed(points) if node in each.next)
        return await fork(self.runtime, graph, run.thread_id, at.id)

    async def replay(self, run: Run, graph: StateGraph[Any, Any, Any, Any]) -> Replay:
        return await replay(self.runtime, graph, run.id)


def text_of(state: Any) -> str:
    return str(state["messages"][-1].text)


@pytest.fixture
async def runtime(tmp_path: Path) -> AsyncIterator[Runtime]:
    async with Runtime(Settings(project_dir=tmp_path, state_dir=tmp_path / "state")) as opened:
        yield opened


@pytest.fixture
def works(runtime: Runtime) -> Works:
    return Works(runtime)


async def _drive(runtime: Runtime, run: Run, graph: StateGraph[Any, Any, Any, Any]) -> Run:
    async for _ in runtime.drive(run.id, graph, output=text_of):
        pass
    return await runtime.runs.get(run.id)


@pytest.fixture
def drive() -> Callable[..., Awaitable[Run]]:
    """Drive a run until it ends or waits; gives it as it is then."""
    return _drive


@pytest.fixture
def start() -> Callable[..., Awaitable[Run]]:
    """Start a run of a graph, and drive it until it ends or waits."""

    async def started(runtime: Runtime, graph: StateGraph[Any, Any, Any, Any]) -> Run:
        return await _drive(runtime, await runtime.start("pattern", GO), graph)

    return started


def _refused(messages: Sequence[BaseMessage]) -> str | None:
    waiting: list[str] = []
    for at, wire in enumerate(map(to_wire, messages)):
        if wire["role"] == "tool":
            if wire["tool_call_id"] not in waiting:
                return f"{at}: a tool message that answers no preceding call"
            waiting.remove(wire["tool_call_id"])
            continue
        if waiting:
            return f"{at}: calls without a result: {waiting}"
        waiting = [call["id"] for call in wire.get("tool_calls") or ()]
        if len(set(waiting)) != len(waiting) or "" in waiting:
            return f"{at}: calls with the ids {waiting}"
    return f"the end: calls without a result: {waiting}" if waiting else None


@pytest.fixture(scope="session")
def refused() -> Callable[[Sequence[BaseMessage]], str | None]:
    """Why a provider of the OpenAI wire would answer 400; None if it would not. Knows nothing of our checker."""
    return _refused

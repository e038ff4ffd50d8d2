"""A desk: a runtime with a clock that stands still, and a tool that pays by the rules it is given."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from langgraph.graph import StateGraph

from graphwright.agents import Agent
from graphwright.graphs import agent_loop
from graphwright.models import ScriptedModel
from graphwright.models.script import calls
from graphwright.runtime import Approval, Event, ManualClock, Run, Runtime, Settings
from graphwright.tools import ApprovalRules, tool


class Desk:
    """A runtime with a clock, and tools that pay by the rules it is given."""

    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock()
        self.settings = Settings(project_dir=folder, state_dir=folder / ".graphwright")
        self.runtime = Runtime(self.settings, clock=self.clock)
        self.paid: list[int] = []

    def graph(self, approval: Any, *script: Any) -> StateGraph[Any, Any]:
        @tool(effect="write", approval=approval)
        async def pay(amount: int) -> str:
            """Pay an amount."""
            self.paid.append(amount)
            return f"paid {amount}"

        self.pay = pay
        model = ScriptedModel(script)
        return agent_loop(Agent(name="clerk", description="Pays.", prompt="Pay.", tools=[pay], model=model))

    async def start(self, graph: StateGraph[Any, Any], user: str = "eve", **options: Any) -> Run:
        run = await self.runtime.start(
            "clerk", {"messages": [{"role": "user", "content": "go"}]}, user=user, options=options
        )
        await self.drive(run, graph)
        return run

    async def drive(self, run: Run, graph: StateGraph[Any, Any]) -> list[Event]:
        def last(state: Any) -> str:
            return str(state["messages"][-1].text)

        return [each async for each in self.runtime.drive(run.id, graph, output=last)]

    async def ask(self, approval: ApprovalRules, **options: Any) -> tuple[Run, Approval]:
        self.rules = approval
        run = await self.start(self.graph(approval, calls("pay", amount=5)), **options)
        return run, (await self.runtime.approvals.pending())[0]

    async def go_on(self, run: Run, *script: Any) -> str:
        await self.drive(run, self.graph(self.rules, *script))
        return (await self.runtime.runs.get(run.id)).status


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    desk = Desk(tmp_path)
    async with desk.runtime:
        yield desk

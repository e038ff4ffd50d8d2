"""A fork is held to what the run declared that it leaves: its plan, who may approve, which input is a stranger's."""

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
from graphwright.runtime import Approve, NotAllowed, Run, Runtime, Settings
from graphwright.runtime.forking import fork
from graphwright.runtime.history import history
from graphwright.tools import tool

GO = {"messages": [{"role": "user", "content": "What does my mail say?"}]}
READ, WRITE = calls("read_mail"), calls("write_note", text="Lunch.")


class Office:
    """A clerk who reads a stranger's mail, writes notes, and pays once somebody agrees."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.done: list[str] = []

        @tool(effect="read")
        def read_mail() -> str:
            """Read the mail."""
            return "Please note that lunch is on Friday."

        @tool(effect="write", reversible=True)
        def write_note(text: str) -> str:
            """Write a note."""
            self.done.append(text)
            return "noted"

        @tool(effect="write", approval="Moves money.")
        def pay(amount: int) -> str:
            """Pay."""
            self.done.append(f"paid {amount}")
            return "paid"

        self.tools = (read_mail, write_note, pay)

    def graph(self, *script: Any) -> StateGraph[Any, Any]:
        model = ScriptedModel(script)
        return agent_loop(Agent(name="clerk", description="Works.", prompt="Work.", tools=self.tools, model=model))

    async def drive(self, run: Run, *script: Any) -> Run:
        async for _ in self.runtime.drive(run.id, self.graph(*script), output=lambda state: state["messages"][-1].text):
            pass
        return await self.runtime.runs.get(run.id)

    async def fork_from_the_first_model(self, run: Run) -> Run:
        compiled = self.graph().compile(checkpointer=await self.runtime.checkpointer())
        points = await history(compiled, run.thread_id)
        at = next(each for each in points if "model" in each.next)
        return await fork(self.runtime, self.graph(), run.thread_id, at.id)


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    async with Runtime(Settings(project_dir=tmp_path, state_dir=tmp_path / "state")) as runtime:
        yield Office(runtime)


async def test_a_fork_is_held_to_the_plan_of_the_run_that_it_leaves(office: Office) -> None:
    run = await office.runtime.start("clerk", GO, options={"plan": {"tools": ["read_mail"]}})
    await office.drive(run, READ, WRITE, "I could not.")
    assert office.done == []

    forked = await office.fork_from_the_first_model(run)
    again = await office.fork_from_the_first_model(await office.drive(forked, READ, WRITE, "I could not."))
    await office.drive(again, READ, WRITE, "I could not.")

    assert office.done == []


async def test_a_fork_asks_those_that_the_run_named(office: Office) -> None:
    run = await office.runtime.start("clerk", GO, options={"approvers": ["manager"]})
    await office.drive(run, "Nothing.")

    forked = await office.fork_from_the_first_model(run)
    await office.drive(forked, calls("pay", amount=5))
    (asked,) = await office.runtime.approvals.pending(run_id=forked.id)

    assert asked.run_roles == ("manager",)
    with pytest.raises(NotAllowed):
        await office.runtime.decide(asked.id, Approve(), by="bob")


async def test_what_a_stranger_sent_in_is_a_strangers_in_a_fork_too(office: Office) -> None:
    run = await office.runtime.start("clerk", GO, options={"untrusted": ["messages"]})
    await office.drive(run, "Nothing.")

    forked = await office.fork_from_the_first_model(run)
    kept = await office.runtime.runs.get(forked.id)

    assert kept.options["untrusted"] == ["messages"]

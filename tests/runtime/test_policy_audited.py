"""Every decision of policy is in the journal and in the audit log, that of a read too; a turn's reads share a row."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from langchain_core.messages import AIMessage
from langgraph.graph import START, StateGraph
from sqlalchemy import text

from graphwright.agents import Agent
from graphwright.graphs import AgentState, agent_loop, step
from graphwright.models import ScriptedModel
from graphwright.models.script import calls
from graphwright.runtime import Approve, Run, RunContext, Runtime, Settings
from graphwright.runtime.journal import Intent
from graphwright.runtime.recording import MOST
from graphwright.tools import ToolFailed, tool


class Office:
    """A clerk who looks things up and writes one down."""

    def __init__(self, folder: Path) -> None:
        self.runtime = Runtime(Settings(project_dir=folder, state_dir=folder / ".graphwright"))

        @tool(effect="read", trusted=True)
        async def look(item: str) -> str:
            """Look at an item."""
            if item == "nothing":
                raise ToolFailed("There is none.")
            return item

        @tool(effect="read", trusted=True, approval="It is a delicate matter.")
        async def peek(item: str) -> str:
            """Look at a delicate item."""
            return item

        @tool(effect="write", trusted=True)
        async def write(item: str) -> str:
            """Write an item down."""
            return item

        self.tools = [look, peek, write]

    def graph(self, *script: Any) -> StateGraph[Any, Any]:
        model = ScriptedModel(script)
        return agent_loop(Agent(name="clerk", description="Looks.", prompt="Look.", tools=self.tools, model=model))

    async def start(self, graph: StateGraph[Any, Any]) -> Run:
        return await self.drive(await self.runtime.start("clerk", {"messages": [["user", "go"]]}), graph)

    async def drive(self, run: Run, graph: StateGraph[Any, Any]) -> Run:
        async for _ in self.runtime.drive(run.id, graph, output=lambda state: "done"):
            pass
        return await self.runtime.runs.get(run.id)

    async def rows(self) -> list[tuple[str, str, dict[str, Any]]]:
        """Kind, actor and event of every audit row."""
        query = text("SELECT kind, actor, event FROM audit ORDER BY sequence")
        found = await self.runtime.database.read(lambda connection: connection.execute(query).all())
        return [(kind, actor, orjson.loads(event)) for kind, actor, event in found]

    async def passed(self) -> list[list[dict[str, Any]]]:
        return [event["calls"] for kind, _, event in await self.rows() if kind == "policy.passed"]


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    office = Office(tmp_path)
    async with office.runtime:
        yield office


def looks(count: int) -> AIMessage:
    made = [{"name": "look", "args": {"item": f"book {at}"}, "id": f"call-{at}"} for at in range(count)]
    return AIMessage("", tool_calls=made)


async def test_a_read_that_was_let_through_is_named_with_its_digest_and_verdict(office: Office) -> None:
    run = await office.start(office.graph(calls("look", item="a book"), "Done."))
    (entry,) = [each for each in await office.runtime.journal.of_run(run.id) if each.kind == "tool"]

    assert await office.passed() == [
        [
            {
                "call": entry.id,
                "name": "look",
                "digest": entry.digest,
                "policy": {"verdict": "allow", "rule": "", "found": "allow", "trusted": True},
            }
        ]
    ]
    assert entry.outcome["policy"]["verdict"] == "allow"
    assert [actor for kind, actor, _ in await office.rows() if kind == "policy.passed"] == ["clerk"]


async def test_every_call_of_a_run_has_its_decision_in_the_audit_log_and_the_log_is_whole(office: Office) -> None:
    script = (looks(7), calls("look", item="nothing"), calls("write", item="a"), calls("peek", item="b"))
    run = await office.start(office.graph(*script))
    (asked,) = await office.runtime.approvals.pending()
    await office.runtime.decide(asked.id, Approve(), by="ann")
    run = await office.drive(run, office.graph("Done."))

    begun = [event["call"] for kind, _, event in await office.rows() if kind == "tool.begun"]
    named = [*begun, *(each["call"] for calls in await office.passed() for each in calls)]
    made = [each.id for each in await office.runtime.journal.of_run(run.id) if each.kind == "tool"]
    assert run.status == "done"
    assert len(made) == 10
    assert sorted(named) == sorted(made)
    assert (await office.runtime.audit.check(office.runtime.database)).intact


async def test_reads_of_one_breath_share_a_row_as_far_as_a_row_goes(office: Office) -> None:
    run = await office.runtime.start("clerk", {"messages": []})
    epoch = await office.runtime.leases.take(run.thread_id)
    writer = await office.runtime.journal.writer(run.id, run.thread_id, epoch)
    note = {"policy": {"verdict": "allow"}}
    for at in range(MOST + 10):
        intent = Intent(key=f"k{at}", kind="tool", name="look", semantics="pure", request={"at": at}, note=note)
        await office.runtime.journal.record(writer, intent, {"content": "", "status": "success", "artifact": None})
    await office.runtime.journal.record(writer, intent, None)
    await office.runtime.database.settle(run.thread_id)

    assert [len(calls) for calls in await office.passed()] == [MOST, 10]
    assert len(await office.runtime.journal.of_run(run.id)) == MOST + 10


async def test_without_its_audit_row_a_read_is_not_on_record_and_the_run_does_not_go_on(office: Office) -> None:
    trigger = "CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'no room for audit'); END"
    await office.runtime.database.transaction(lambda connection: connection.exec_driver_sql(trigger))

    run = await office.start(office.graph(calls("look", item="a book"), "Done."))

    assert run.status != "done"
    assert "The audit log took no row for 'policy.passed'" in (run.error or "")
    assert [each for each in await office.runtime.journal.of_run(run.id) if each.kind == "tool"] == []


async def test_a_step_that_changes_nothing_is_named_like_a_read_and_one_that_does_like_an_effect(
    office: Office,
) -> None:
    async def node(state: AgentState, runtime: Any) -> AgentState:
        await asyncio.gather(
            step(runtime, "clock", lambda: 1, semantics="pure", agent="clerk"),
            step(runtime, "print", lambda: 2, agent="clerk"),
        )
        return {}

    graph = StateGraph(AgentState, context_schema=RunContext)
    graph.add_node("work", node)
    graph.add_edge(START, "work")
    await office.start(graph)

    assert [each["name"] for calls in await office.passed() for each in calls] == ["clock"]
    begun = [event for kind, _, event in await office.rows() if kind == "step.begun"]
    assert [(each["name"], each["policy"]["verdict"]) for each in begun] == [("print", "allow")]

"""Who is excluded by name from deciding, and whom a tool is told has approved its call."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from graphwright.agents import Agent
from graphwright.graphs import agent_loop
from graphwright.models import ScriptedModel
from graphwright.models.script import calls
from graphwright.runtime import Approve, Edit, NotAllowed, Runtime, Settings
from graphwright.tools import ApprovalRules, ToolContext, ToolDeclarationError, tool

Desk = Any
APPEAL = ApprovalRules("An appeal.", exclude=("Ann",))


async def test_a_person_excluded_by_name_may_not_decide_however_the_name_is_spelled(desk: Desk) -> None:
    _, approval = await desk.ask(APPEAL)

    with pytest.raises(NotAllowed, match="excluded by the rules"):
        await desk.runtime.decide(approval.id, Approve(), by=" ANN ")

    assert (await desk.runtime.approvals.get(approval.id)).status == "pending"


async def test_somebody_else_may_and_nobody_can_hand_their_say_to_the_excluded_person(desk: Desk) -> None:
    run, approval = await desk.ask(APPEAL)

    with pytest.raises(NotAllowed, match="excluded by the rules"):
        await desk.runtime.approvals.delegate(approval.id, by="bob", to="ann")
    await desk.runtime.decide(approval.id, Approve(), by="bob")

    assert await desk.go_on(run, "done") == "done"
    assert desk.paid == [5]


async def test_whoever_is_excluded_from_the_edited_call_cannot_decide_it_either(desk: Desk) -> None:
    def rule(arguments: Any) -> ApprovalRules:
        return ApprovalRules("Pays.", exclude=("ann",) if arguments["amount"] > 10 else ())

    run, approval = await desk.ask(rule)
    await desk.runtime.decide(approval.id, Edit({"amount": 20}), by="ann")
    assert await desk.go_on(run) == "waiting"
    (again,) = await desk.runtime.approvals.pending()

    with pytest.raises(NotAllowed, match="excluded by the rules"):
        await desk.runtime.decide(again.id, Approve(), by="ann", digest=again.digest)

    assert desk.paid == []


def test_names_to_exclude_are_names() -> None:
    with pytest.raises(ToolDeclarationError, match="exclude='ann' must be a tuple of names"):
        ApprovalRules("An appeal.", exclude="ann")  # type: ignore[arg-type]  # wrong on purpose


async def test_a_tool_is_told_who_approved_its_call(tmp_path: Path) -> None:
    told: list[str] = []

    @tool(effect="write", approval=ApprovalRules("Signs.", quorum=2))
    def sign(*, context: ToolContext) -> str:
        """Sign something."""
        told.append(context.approved_by)
        return "signed"

    @tool(effect="write")
    def note(*, context: ToolContext) -> str:
        """Note something that nobody is asked about."""
        told.append(context.approved_by)
        return "noted"

    model = ScriptedModel([[calls("note"), calls("sign")], "done"])
    graph = agent_loop(Agent(name="clerk", description="Signs.", prompt="Sign.", tools=[note, sign], model=model))
    async with Runtime(Settings(project_dir=tmp_path, state_dir=tmp_path / "state")) as runtime:
        run = await runtime.start("clerk", {"messages": [{"role": "user", "content": "go"}]})
        await _drive(runtime, run.id, graph)
        (approval,) = await runtime.approvals.pending()
        await runtime.decide(approval.id, Approve(), by="ann")
        await runtime.decide(approval.id, Approve(), by="bob")
        await _drive(runtime, run.id, graph)

    assert told == ["", "ann and bob"]


async def test_a_probe_that_takes_the_context_finds_the_resources_of_the_call(tmp_path: Path) -> None:
    class Registry(dict[str, str]):
        """Where effects can be looked up."""

    def was_done(key: str, context: ToolContext) -> bool:
        return key in context.resources.get(Registry)

    @tool(effect="write", once=True, probe=was_done)
    def act(*, context: ToolContext) -> str:
        """Act, and lose the answer."""
        context.resources.get(Registry)[context.key] = "done"
        raise ConnectionResetError

    model = ScriptedModel([calls("act"), lambda request: request.messages[-1].text])
    graph = agent_loop(Agent(name="clerk", description="Acts.", prompt="Act.", tools=[act], model=model))
    async with Runtime(Settings(project_dir=tmp_path, state_dir=tmp_path / "state")) as runtime:
        runtime.resources.provide(Registry, Registry)
        run = await runtime.start("clerk", {"messages": [{"role": "user", "content": "go"}]})
        await _drive(runtime, run.id, graph)

        after = await runtime.runs.get(run.id)

    assert after.status == "done"
    assert "was carried out; its answer was lost" in str(after.output)


async def _drive(runtime: Runtime, run_id: str, graph: Any) -> None:
    async for _ in runtime.drive(run_id, graph, output=lambda state: str(state["messages"][-1].text)):
        pass

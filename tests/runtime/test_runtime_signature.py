"""A paused run goes on only with the graph that it began with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from langgraph.graph import START, StateGraph
from langgraph.types import interrupt
from typing_extensions import TypedDict

from graphwright.agents import Agent
from graphwright.examples.research.graph import research
from graphwright.graphs import agent_loop
from graphwright.models import ScriptedModel
from graphwright.models.script import calls
from graphwright.runtime import Approve, GraphChanged, Respond, Run, Runtime, Settings
from graphwright.runtime.signature import compare, signature_of
from graphwright.tools import tool


class Asking(TypedDict, total=False):
    answer: str


def asking(node: str = "ask", **more: Any) -> StateGraph[Any, Any]:
    async def ask(state: Asking) -> dict[str, Any]:
        return {"answer": interrupt("Which?")}

    state = TypedDict("Asking", {"answer": str, **more}, total=False)  # type: ignore[misc]  # made per test
    return StateGraph(state).add_node(node, ask).add_edge(START, node)


def paying(approval: str | None = "Moves money.") -> StateGraph[Any, Any]:
    @tool(effect="write", approval=approval, critical=("amount",))
    async def pay(amount: int) -> str:
        """Pay an amount."""
        return "paid"

    script = ScriptedModel([calls("pay", amount=1), "done"])
    return agent_loop(Agent(name="clerk", description="Pays.", prompt="Pay.", tools=[pay], model=script))


async def paused(runtime: Runtime, graph: StateGraph[Any, Any]) -> Run:
    run = await runtime.start("g", {})
    await drive(runtime, run, graph)
    return run


async def drive(runtime: Runtime, run: Run, graph: StateGraph[Any, Any], **options: Any) -> None:
    async for _ in runtime.drive(run.id, graph, output=lambda state: str(state.get("answer", "")), **options):
        pass


async def test_a_renamed_node_is_refused_with_its_old_and_new_name(tmp_path: Path) -> None:
    async with Runtime(Settings(project_dir=tmp_path, state_dir=tmp_path / "s")) as runtime:
        run = await paused(runtime, asking("ask"))
        (approval,) = await runtime.approvals.pending()
        await runtime.decide(approval.id, Respond("the blue one"))

        with pytest.raises(GraphChanged, match=r"(?s)- node ask is gone.*\+ node question is new"):
            await drive(runtime, run, asking("question"))

        await drive(runtime, run, asking("ask"))
        assert (await runtime.runs.get(run.id)).output == "the blue one"


async def test_a_changed_state_is_refused_until_somebody_accepts_it(tmp_path: Path) -> None:
    async with Runtime(Settings(project_dir=tmp_path, state_dir=tmp_path / "s")) as runtime:
        run = await paused(runtime, asking())
        (approval,) = await runtime.approvals.pending()
        await runtime.decide(approval.id, Respond("yes"))
        changed = asking(colour=str)

        with pytest.raises(GraphChanged, match=r"\+ state colour is new"):
            await drive(runtime, run, changed)

        await drive(runtime, run, changed, accept_changes=True)
        assert (await runtime.runs.get(run.id)).status == "done"


async def test_a_tool_that_no_longer_asks_is_a_changed_graph(tmp_path: Path) -> None:
    async with Runtime(Settings(project_dir=tmp_path, state_dir=tmp_path / "s")) as runtime:
        run = await runtime.start("g", {"messages": [{"role": "user", "content": "go"}]})
        await drive(runtime, run, paying())
        (approval,) = await runtime.approvals.pending()
        await runtime.decide(approval.id, Approve())

        with pytest.raises(GraphChanged, match=r"~ tool clerk\.pay: .*approval=Moves money"):
            await drive(runtime, run, paying(approval=None))


def test_the_signature_reaches_the_graphs_inside_a_graph() -> None:
    found = signature_of(research.graph().compile())

    assert {"plan", "research", "write", "check", "publish"} <= set(found["node"])
    assert "researcher.search_knowledge" in found["tool"]


def test_the_same_graph_built_twice_has_the_same_signature() -> None:
    first, second = (signature_of(research.graph().compile()) for _ in range(2))

    assert compare(first, second) == []

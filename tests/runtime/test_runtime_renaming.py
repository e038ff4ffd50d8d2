"""A paused run moves to a graph whose node was renamed, with what it asks, or is refused with the reason."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from langgraph.graph import END, START, StateGraph
from langgraph.types import Send, interrupt
from typing_extensions import TypedDict

from graphwright.graphs import use_tool
from graphwright.runtime import (
    Approve,
    GraphChanged,
    NotAllowed,
    Respond,
    Run,
    RunContext,
    RunFinished,
    Runtime,
    Settings,
)
from graphwright.runtime.renaming import rename_nodes
from graphwright.tools import tool


class State(TypedDict, total=False):
    answer: str
    more: str


def asking(node: str, *, extra: str = "") -> StateGraph[Any, Any]:
    """A node that asks, after one that does not, and one beside it that is done already."""

    async def first(state: State) -> State:
        return {}

    async def beside(state: State) -> State:
        BESIDE.append(1)
        return {"more": "beside"}

    async def ask(state: State) -> State:
        return {"answer": str(interrupt("Which colour?"))}

    async def last(state: State) -> State:
        return {"answer": f"{state['answer']} and {state['more']}"}

    graph = StateGraph(State, context_schema=RunContext)
    graph.add_node("first", first).add_node(node, ask).add_node("beside", beside).add_node("last", last)
    graph.add_edge(START, "first").add_edge("first", node).add_edge("first", "beside")
    graph.add_edge([node, "beside"], "last").add_edge("last", END)
    if extra:
        graph.add_node(extra, beside)
    return graph


BESIDE: list[int] = []


class Bank:
    """Pays after approval, called by a model-like node that sends one task a call."""

    def __init__(self) -> None:
        self.paid: list[int] = []

        @tool(effect="write", approval="Moves money.")
        async def pay(amount: int) -> str:
            """Pay."""
            self.paid.append(amount)
            return f"paid {amount}"

        self.pay = pay

    def graph(self, node: str) -> StateGraph[Any, Any]:
        from graphwright.agents import Agent
        from graphwright.graphs.calls import run_call

        agent = Agent(name="clerk", description="Pays.", prompt="Pay.", tools=[self.pay])

        async def send(state: State) -> list[Send]:
            calls = [{"name": "pay", "args": {"amount": each}, "id": f"call_{each}"} for each in (1, 2)]
            return [Send(node, {"call": call, "message": "message-1", "notes": {}}) for call in calls]

        async def begin(state: State) -> State:
            return {}

        async def work(task: Any, runtime: Any) -> State:
            await run_call(agent, task, runtime)
            return {}

        async def end(state: State) -> State:
            return {"answer": "all paid"}

        graph = StateGraph(State, context_schema=RunContext)
        graph.add_node("begin", begin).add_node(node, work).add_node("end", end)
        graph.add_edge(START, "begin").add_conditional_edges("begin", send, [node])
        return graph.add_edge(node, "end").add_edge("end", END)

    def by_itself(self, node: str) -> StateGraph[Any, Any]:
        async def work(state: State, runtime: Any) -> State:
            outcome = await use_tool(self.pay, {"amount": 1}, runtime, agent="clerk", key="1")
            return {"answer": f"{outcome.content}, {interrupt('And now?')}"}

        graph = StateGraph(State, context_schema=RunContext).add_node(node, work)
        return graph.add_edge(START, node)


@pytest.fixture
async def runtime(tmp_path: Path) -> AsyncIterator[Runtime]:
    BESIDE.clear()
    async with Runtime(Settings(project_dir=tmp_path, state_dir=tmp_path / "state")) as opened:
        yield opened


async def drive(runtime: Runtime, run: Run, graph: StateGraph[Any, Any]) -> Run:
    async for _ in runtime.drive(run.id, graph, output=lambda state: str(state.get("answer", ""))):
        pass
    return await runtime.runs.get(run.id)


async def started(runtime: Runtime, graph: StateGraph[Any, Any]) -> Run:
    return await drive(runtime, await runtime.start("g", {"answer": ""}), graph)


async def test_an_approval_open_at_the_renamed_node_survives_and_is_applied_once(runtime: Runtime) -> None:
    bank = Bank()
    run = await started(runtime, bank.graph("act"))
    before = await runtime.approvals.pending()
    assert len(before) == 2

    await rename_nodes(runtime, bank.graph("act_now"), run.id, {"act": "act_now"})

    assert await runtime.approvals.pending() == before
    for approval in before:
        await runtime.decide(approval.id, Approve(), by="ann", digest=approval.digest)
    done = await drive(runtime, run, bank.graph("act_now"))
    assert (done.status, done.output) == ("done", "all paid")
    assert sorted(bank.paid) == [1, 2]
    assert await runtime.approvals.pending() == []


async def test_a_call_that_was_carried_out_beside_the_waiting_one_is_not_repeated(runtime: Runtime) -> None:
    bank = Bank()
    run = await started(runtime, bank.graph("act"))
    first, second = await runtime.approvals.pending()
    await runtime.decide(first.id, Approve(), by="ann")
    await drive(runtime, run, bank.graph("act"))
    assert len(bank.paid) == 1

    await rename_nodes(runtime, bank.graph("act_now"), run.id, {"act": "act_now"})
    await runtime.decide(second.id, Approve(), by="ann")

    assert (await drive(runtime, run, bank.graph("act_now"))).status == "done"
    assert sorted(bank.paid) == [1, 2]


async def test_a_nodes_own_question_is_asked_anew_and_its_finished_neighbour_does_not_run_again(
    runtime: Runtime,
) -> None:
    run = await started(runtime, asking("ask"))
    (old,) = await runtime.approvals.pending()

    await rename_nodes(runtime, asking("ask_customer"), run.id, {"ask": "ask_customer"})
    assert (await drive(runtime, run, asking("ask_customer"))).status == "waiting"

    (new,) = await runtime.approvals.pending()
    assert (new.id != old.id, new.reason) == (True, "Which colour?")
    await runtime.decide(new.id, Respond("blue"))
    done = await drive(runtime, run, asking("ask_customer"))
    assert (done.status, done.output) == ("done", "blue and beside")
    assert BESIDE == [1]


async def test_the_old_checkpoint_stays_and_nothing_is_written_where_the_move_is_refused(runtime: Runtime) -> None:
    run = await started(runtime, asking("ask"))
    saver = await runtime.checkpointer()
    config: Any = {"configurable": {"thread_id": run.thread_id}}
    before = [each async for each in saver.alist(config)]

    with pytest.raises(GraphChanged, match=r"\+ node another is new"):
        await rename_nodes(runtime, asking("ask_customer", extra="another"), run.id, {"ask": "ask_customer"})
    with pytest.raises(NotAllowed, match="'nobody' is no node of the graph that the run began with"):
        await rename_nodes(runtime, asking("ask_customer"), run.id, {"nobody": "ask_customer"})
    with pytest.raises(NotAllowed, match="'ask_customer' is no node of the graph of today"):
        await rename_nodes(runtime, asking("ask"), run.id, {"ask": "ask_customer"})
    assert [each async for each in saver.alist(config)] == before

    moved = await rename_nodes(runtime, asking("ask_customer"), run.id, {"ask": "ask_customer"})
    after = [each async for each in saver.alist(config)]
    assert (after[0].checkpoint["id"], after[1:]) == (moved, before)


async def test_an_answer_that_is_not_delivered_yet_refuses_the_move(runtime: Runtime) -> None:
    run = await started(runtime, asking("ask"))
    (approval,) = await runtime.approvals.pending()
    await runtime.decide(approval.id, Respond("blue"))

    with pytest.raises(NotAllowed, match="was decided and is not delivered"):
        await rename_nodes(runtime, asking("ask_customer"), run.id, {"ask": "ask_customer"})

    assert (await drive(runtime, run, asking("ask"))).output == "blue and beside"


async def test_a_call_that_the_node_itself_has_made_refuses_the_move(runtime: Runtime) -> None:
    bank = Bank()
    run = await started(runtime, bank.by_itself("act"))
    (approval,) = await runtime.approvals.pending()
    await runtime.decide(approval.id, Approve(), by="ann")
    await drive(runtime, run, bank.by_itself("act"))
    assert bank.paid == [1]

    with pytest.raises(NotAllowed, match=r"its node has called pay by itself .*, done\)"):
        await rename_nodes(runtime, bank.by_itself("act_now"), run.id, {"act": "act_now"})


async def test_a_run_that_has_ended_is_not_moved(runtime: Runtime) -> None:
    run = await started(runtime, asking("ask"))
    await runtime.cancel(run.id)

    with pytest.raises(RunFinished):
        await rename_nodes(runtime, asking("ask_customer"), run.id, {"ask": "ask_customer"})

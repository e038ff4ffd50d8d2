"""Runs and approvals: their rows, their status, and that an answer counts once, also across processes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt

from graphwright.agents import Agent
from graphwright.graphs import AgentState, agent_loop
from graphwright.models import ModelUnavailable, ScriptedModel
from graphwright.models.script import calls
from graphwright.runtime import (
    AlreadyDecided,
    Approve,
    DigestMismatch,
    Edit,
    Event,
    ManualClock,
    NotAllowed,
    NotFound,
    Reject,
    Respond,
    Run,
    RunFinished,
    Runtime,
    Settings,
    StateFolderError,
    ThreadBusy,
    ask_person,
)
from graphwright.tools import tool

Opener = Callable[..., Runtime]


def settings(folder: Path, **changes: Any) -> Settings:
    return Settings(project_dir=folder, state_dir=folder / ".graphwright", **changes)


class Bank:
    """A world with money in it."""

    def __init__(self) -> None:
        self.paid: list[int] = []

        @tool(effect="write", approval="Moves money.", critical=("amount",))
        async def pay(amount: int) -> str:
            """Pay an amount."""
            self.paid.append(amount)
            return f"paid {amount}"

        self.pay = pay

    def graph(self, *script: Any) -> StateGraph[Any, Any]:
        model = ScriptedModel(script)
        return agent_loop(
            Agent(name="clerk", description="Pays.", prompt="Pay.", tools=[self.pay, ask_person], model=model)
        )


@pytest.fixture
def bank() -> Bank:
    return Bank()


@pytest.fixture
async def runtime(tmp_path: Path) -> AsyncIterator[Runtime]:
    async with Runtime(settings(tmp_path)) as opened:
        yield opened


def text_of(state: Any) -> str:
    return str(state["messages"][-1].text)


async def started(runtime: Runtime, text: str = "go", **options: Any) -> Run:
    return await runtime.start("clerk", {"messages": [{"role": "user", "content": text}]}, **options)


async def drive(runtime: Runtime, run: Run, graph: StateGraph[Any, Any], **options: Any) -> list[Event]:
    return [each async for each in runtime.drive(run.id, graph, output=text_of, **options)]


async def test_a_run_is_on_disk_before_anything_happens(runtime: Runtime, tmp_path: Path) -> None:
    run = await started(runtime)

    async with Runtime(settings(tmp_path)) as other:
        assert (await other.runs.get(run.id)).status == "queued"


async def test_a_run_without_questions_ends_as_done_with_its_answer_and_usage(runtime: Runtime, bank: Bank) -> None:
    run = await started(runtime)

    events = await drive(runtime, run, bank.graph("hello"))

    after = await runtime.runs.get(run.id)
    assert (after.status, after.output) == ("done", "hello")
    assert after.usage["model_calls"] == 1
    assert events[0]["type"] == "run_started"
    assert events[-1]["type"] == "run_finished"
    assert {each["run_id"] for each in events} == {run.id}


async def test_a_run_records_the_version_of_every_prompt_it_sent(runtime: Runtime, bank: Bank) -> None:
    run = await started(runtime)

    await drive(runtime, run, bank.graph("hello"))

    versions = (await runtime.runs.get(run.id)).prompts
    assert versions
    assert all(len(version) == 12 for version in versions.values())


async def test_a_question_waits_in_the_inbox_and_is_answered_by_another_process(tmp_path: Path, bank: Bank) -> None:
    script = [calls("pay", amount=5), "done"]
    async with Runtime(settings(tmp_path)) as first:
        run = await started(first)
        await drive(first, run, bank.graph(*script))
        assert (await first.runs.get(run.id)).status == "waiting"
    assert bank.paid == []

    async with Runtime(settings(tmp_path)) as second:
        (approval,) = await second.approvals.pending()
        assert (approval.tool, approval.arguments, approval.reason) == ("pay", {"amount": 5}, "Moves money.")
        await second.decide(approval.id, Approve(), by="ann", digest=approval.digest)
        await drive(second, run, bank.graph("done"))

        assert (await second.runs.get(run.id)).output == "done"
        assert bank.paid == [5]
        assert await second.approvals.pending() == []


async def test_a_decision_survives_a_crash_before_it_was_delivered(tmp_path: Path, bank: Bank) -> None:
    async with Runtime(settings(tmp_path)) as first:
        run = await started(first)
        await drive(first, run, bank.graph(calls("pay", amount=5)))
        (approval,) = await first.approvals.pending()
        await first.decide(approval.id, Approve(), by="ann")

    async with Runtime(settings(tmp_path)) as second:
        await drive(second, run, bank.graph("done"))

        assert bank.paid == [5]
        assert (await second.approvals.get(approval.id)).delivered is not None


async def waiting(runtime: Runtime, bank: Bank) -> tuple[Run, Any]:
    run = await started(runtime)
    await drive(runtime, run, bank.graph(calls("pay", amount=5)))
    (approval,) = await runtime.approvals.pending()
    return run, approval


async def test_a_second_answer_to_the_same_question_is_refused_and_names_the_first(
    runtime: Runtime, bank: Bank
) -> None:
    _, approval = await waiting(runtime, bank)

    await runtime.decide(approval.id, Approve(), by="ann")

    with pytest.raises(AlreadyDecided, match="already approved by ann at"):
        await runtime.decide(approval.id, Reject("too much"), by="bob")


async def test_of_many_answers_at_once_exactly_one_counts(tmp_path: Path, runtime: Runtime, bank: Bank) -> None:
    _, approval = await waiting(runtime, bank)
    others = [Runtime(settings(tmp_path)) for _ in range(4)]
    for each in others:
        await each.__aenter__()

    outcomes = await asyncio.gather(
        *(each.decide(approval.id, Reject("no"), by=f"p{n}") for n, each in enumerate([*others, *others])),
        return_exceptions=True,
    )

    for each in others:
        await each.__aexit__(None, None, None)
    assert sum(not isinstance(each, BaseException) for each in outcomes) == 1
    assert sum(isinstance(each, AlreadyDecided) for each in outcomes) == 7


async def test_an_answer_to_other_arguments_is_refused(runtime: Runtime, bank: Bank) -> None:
    _, approval = await waiting(runtime, bank)

    with pytest.raises(DigestMismatch, match="other arguments"):
        await runtime.decide(approval.id, Approve(), by="ann", digest="0" * 64)


async def test_an_edit_that_does_not_fit_the_tool_is_refused_and_the_question_stays(
    runtime: Runtime, bank: Bank
) -> None:
    _, approval = await waiting(runtime, bank)

    with pytest.raises(NotAllowed, match="still open"):
        await runtime.decide(approval.id, Edit({"amount": "lots"}), by="ann", tool=bank.pay)

    assert len(await runtime.approvals.pending()) == 1


async def test_a_rejected_call_ends_without_the_effect(runtime: Runtime, bank: Bank) -> None:
    run, approval = await waiting(runtime, bank)

    await runtime.decide(approval.id, Reject("too much"), by="ann")
    await drive(runtime, run, bank.graph("fine"))

    assert bank.paid == []
    assert (await runtime.runs.get(run.id)).status == "done"


async def test_one_of_two_questions_can_be_answered_while_the_other_waits(runtime: Runtime, bank: Bank) -> None:
    run = await started(runtime)
    await drive(runtime, run, bank.graph([calls("pay", amount=1), calls("pay", amount=2)]))
    first, second = await runtime.approvals.pending()

    await runtime.decide(second.id, Approve(), by="ann")
    await drive(runtime, run, bank.graph())
    assert bank.paid == [second.arguments["amount"]]
    assert (await runtime.runs.get(run.id)).status == "waiting"

    await runtime.decide(first.id, Approve(), by="ann")
    await drive(runtime, run, bank.graph("done"))

    assert sorted(bank.paid) == [1, 2]
    assert (await runtime.runs.get(run.id)).status == "done"


async def test_a_person_answers_a_question_of_the_agent(runtime: Runtime, bank: Bank) -> None:
    run = await started(runtime)
    await drive(runtime, run, bank.graph(calls("ask_person", question="Which account?")))
    (approval,) = await runtime.approvals.pending()
    assert approval.reason == "Which account?"
    with pytest.raises(NotAllowed, match="cannot be answered by 'approve'"):
        await runtime.decide(approval.id, Approve())

    await runtime.decide(approval.id, Respond("The blue one."))
    graph = bank.graph(lambda request: f"You said: {request.messages[-1].text}")
    await drive(runtime, run, graph)

    assert (await runtime.runs.get(run.id)).output == "You said: The blue one."


async def test_a_bare_interrupt_of_a_users_graph_is_a_question_too(runtime: Runtime) -> None:
    async def node(state: AgentState) -> dict[str, Any]:
        return {"messages": [("ai", f"Hello {interrupt('What is your name?')}")]}

    graph = StateGraph(AgentState).add_node("node", node).add_edge(START, "node").add_edge("node", END)
    run = await started(runtime)
    await drive(runtime, run, graph)
    (approval,) = await runtime.approvals.pending()
    assert approval.reason == "What is your name?"

    await runtime.decide(approval.id, Respond("Ada"))
    await drive(runtime, run, graph)

    assert (await runtime.runs.get(run.id)).output == "Hello Ada"


async def test_a_model_that_cannot_be_reached_leaves_the_run_resumable(runtime: Runtime, bank: Bank) -> None:
    run = await started(runtime)

    events = await drive(runtime, run, bank.graph(ModelUnavailable("The server is down.")))
    assert events[-1]["status"] == "queued"
    assert f"graphwright resume {run.id}" in events[-1]["text"]

    await drive(runtime, run, bank.graph("hello"))
    assert (await runtime.runs.get(run.id)).output == "hello"


async def test_a_run_that_was_stopped_in_the_middle_goes_on_where_it_was(runtime: Runtime) -> None:
    done: list[str] = []
    reached = asyncio.Event()

    async def first(state: AgentState) -> dict[str, Any]:
        done.append("first")
        return {"messages": [("ai", "first")]}

    async def second(state: AgentState) -> dict[str, Any]:
        if not reached.is_set():
            reached.set()
            await asyncio.sleep(60)
        done.append("second")
        return {"messages": [("ai", "second")]}

    graph = StateGraph(AgentState).add_node("first", first).add_node("second", second)
    graph.add_edge(START, "first").add_edge("first", "second").add_edge("second", END)
    run = await started(runtime)
    task = asyncio.create_task(drive(runtime, run, graph))
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await runtime.runs.get(run.id)).status == "queued"

    await drive(runtime, run, graph)

    assert done == ["first", "second"]
    assert (await runtime.runs.get(run.id)).status == "done"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ValueError("no such customer"), "no such customer"),
        (KeyError("place"), "KeyError: 'place'"),
        (OSError(), "OSError: "),
    ],
)
async def test_an_error_in_a_graph_fails_the_run_and_keeps_its_words(
    runtime: Runtime, error: Exception, words: str
) -> None:
    async def node(state: AgentState) -> dict[str, Any]:
        raise error

    graph = StateGraph(AgentState).add_node("node", node).add_edge(START, "node")
    run = await started(runtime)

    await drive(runtime, run, graph)

    after = await runtime.runs.get(run.id)
    assert (after.status, after.error) == ("failed", words)


async def test_an_ended_run_cannot_be_driven_again(runtime: Runtime, bank: Bank) -> None:
    run = await started(runtime)
    await drive(runtime, run, bank.graph("hello"))

    with pytest.raises(RunFinished, match="is done"):
        await drive(runtime, run, bank.graph("again"))


async def test_a_thread_goes_on_with_its_history(runtime: Runtime, bank: Bank) -> None:
    first = await started(runtime, "one")
    await drive(runtime, first, bank.graph("answer one"))

    second = await started(runtime, "two", thread_id=first.thread_id)
    graph = bank.graph(lambda request: " / ".join(each.text for each in request.messages[1:]))
    await drive(runtime, second, graph)

    assert (await runtime.runs.get(second.id)).output == "one / answer one / two"


async def test_a_second_run_on_a_thread_that_waits_is_refused(runtime: Runtime, bank: Bank) -> None:
    run, _ = await waiting(runtime, bank)

    with pytest.raises(ThreadBusy, match=run.id):
        await started(runtime, "more", thread_id=run.thread_id)


async def test_a_thread_that_another_process_moves_cannot_be_moved(tmp_path: Path, bank: Bank) -> None:
    clock = ManualClock()
    async with Runtime(settings(tmp_path), clock=clock) as runtime:
        run = await started(runtime)
        async with Runtime(settings(tmp_path), clock=clock) as other:
            other.leases._owner = "elsewhere:1:0"
            await other.leases.take(run.thread_id)
        with pytest.raises(ThreadBusy, match="elsewhere"):
            await drive(runtime, run, bank.graph("hello"))

        clock.advance(61)
        await drive(runtime, run, bank.graph("hello"))

        assert (await runtime.runs.get(run.id)).status == "done"


async def test_a_cancelled_run_withdraws_its_question(runtime: Runtime, bank: Bank) -> None:
    run, approval = await waiting(runtime, bank)

    await runtime.cancel(run.id)

    assert await runtime.approvals.pending() == []
    with pytest.raises(AlreadyDecided, match="its run was cancelled"):
        await runtime.decide(approval.id, Approve())
    with pytest.raises(RunFinished):
        await drive(runtime, run, bank.graph("never"))


async def test_unknown_ids_say_where_to_look(runtime: Runtime) -> None:
    with pytest.raises(NotFound, match="graphwright runs"):
        await runtime.runs.get("run_x")
    with pytest.raises(NotFound, match="graphwright inbox"):
        await runtime.decide("appr_x", Approve())
    with pytest.raises(NotFound, match="graphwright threads"):
        await started(runtime, thread_id="thread_x")


async def test_a_corrupt_database_is_refused_in_words_and_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / ".graphwright"
    folder.mkdir()
    (folder / "graphwright.db").write_bytes(b"not a database at all" * 100)

    with pytest.raises(StateFolderError, match="Restore it from a backup"):
        async with Runtime(settings(tmp_path)):
            pass

    assert (folder / "graphwright.db").read_bytes().startswith(b"not a database")


async def test_a_database_of_a_newer_release_is_refused(tmp_path: Path) -> None:
    import sqlite3

    async with Runtime(settings(tmp_path)):
        pass
    with sqlite3.connect(tmp_path / ".graphwright" / "graphwright.db") as connection:
        connection.execute("INSERT INTO schema_version VALUES (99)")

    with pytest.raises(StateFolderError, match="Upgrade graphwright"):
        async with Runtime(settings(tmp_path)):
            pass


async def test_a_state_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(StateFolderError, match="--state DIR"):
        async with Runtime(Settings(project_dir=tmp_path, state_dir=tmp_path / "file" / "state")):
            pass

"""Steps: effects inside of a node count once, through questions, errors, kills, forks and replays."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from langgraph.graph import START, StateGraph
from langgraph.types import RetryPolicy, Send, interrupt
from typing_extensions import TypedDict

from graphwright.agents import Budget
from graphwright.graphs import StepFailed, step
from graphwright.runtime import Approve, Run, Runtime, Settings
from graphwright.runtime.budgets import BudgetSettings
from graphwright.runtime.explaining import explain
from graphwright.runtime.forking import fork
from graphwright.runtime.history import history
from graphwright.runtime.replaying import replay
from graphwright.tools import ToolContext, ToolFailed


class Pot(TypedDict, total=False):
    go: str
    told: Any


Node = Callable[..., Any]


def one_node(node: Node, **options: Any) -> StateGraph[Any, Any]:
    graph = StateGraph(Pot)
    graph.add_node("work", node, **options)
    graph.add_edge(START, "work")
    return graph


async def drive(runtime: Runtime, node: Node, run: Run | None = None, **options: Any) -> Run:
    run = run or await runtime.start("pot", {"go": "on"})
    async for _ in runtime.drive(run.id, one_node(node, **options), output=lambda state: str(state.get("told"))):
        pass
    return await runtime.runs.get(run.id)


async def steps_of(runtime: Runtime, run: Run) -> list[Any]:
    return [each for each in await runtime.journal.of_run(run.id) if each.kind == "step"]


async def test_a_step_is_done_once_although_its_node_runs_again_after_a_question(runtime: Runtime) -> None:
    paid: list[str] = []

    async def node(state: Pot, runtime: Any) -> Pot:
        receipt = await step(runtime, "charge", lambda key: paid.append(key) or {"receipt": 7}, about={"amount": 10})
        interrupt({"question": "go on?"})
        return {"told": receipt}

    run = await drive(runtime, node)
    (asked,) = await runtime.approvals.pending(run_id=run.id)
    await runtime.decide(asked.id, Approve(), by="ann")
    done = await drive(runtime, node, run)

    assert (done.status, done.output) == ("done", "{'receipt': 7}")
    assert len(paid) == 1
    (entry,) = await steps_of(runtime, run)
    assert (entry.name, entry.request, entry.semantics, entry.status) == (
        "charge",
        {"amount": 10},
        "at_most_once",
        "done",
    )
    assert entry.key == paid[0]


@pytest.mark.parametrize("value", [None, 0, "", [], {}, [1, {"a": [None, True, 1.5]}], "ü"])
@pytest.mark.parametrize("semantics", ["pure", "idempotent", "at_most_once"])
async def test_what_comes_back_from_the_journal_is_what_went_in(runtime: Runtime, value: Any, semantics: Any) -> None:
    times: list[Any] = []
    seen: list[Any] = []

    async def node(state: Pot, runtime: Any) -> Pot:
        seen.append(await step(runtime, "look", lambda: times.append(1) or value, semantics=semantics))
        interrupt("go on?")
        return {}

    run = await drive(runtime, node)
    (asked,) = await runtime.approvals.pending(run_id=run.id)
    await runtime.decide(asked.id, Approve(), by="ann")
    await drive(runtime, node, run)

    assert seen == [value, value]
    assert type(seen[1]) is type(value)
    assert len(times) == 1


async def test_steps_of_one_name_are_told_apart_by_their_keys_and_refused_without(runtime: Runtime) -> None:
    did: list[str] = []

    async def with_keys(state: Pot, runtime: Any) -> Pot:
        return {"told": [await step(runtime, "pay", did.append, key=each) or each for each in ("a|b", "a%7Cb", "ü/1")]}

    async def without(state: Pot, runtime: Any) -> Pot:
        await asyncio.gather(step(runtime, "pay", did.append), step(runtime, "pay", did.append))
        return {}

    assert (await drive(runtime, with_keys)).status == "done"
    assert len(set(did)) == 3
    refused = await drive(runtime, without)
    assert refused.status == "failed"
    assert "Step 'pay' was run twice in node 'work'" in str(refused.error)
    assert "key=..." in str(refused.error)


async def test_parallel_tasks_of_one_node_have_each_their_own_steps(runtime: Runtime) -> None:
    did: list[str] = []

    async def work(state: Any, runtime: Any) -> Pot:
        await step(runtime, "pay", did.append)
        return {}

    graph = StateGraph(Pot)
    graph.add_node("work", work)
    graph.add_conditional_edges(START, lambda state: [Send("work", {"n": n}) for n in range(4)], ["work"])
    run = await runtime.start("pot", {"go": "on"})
    async for _ in runtime.drive(run.id, graph, output=str):
        pass

    assert len(set(did)) == 4


async def test_a_broken_connection_leaves_the_run_blocked_until_a_person_resolves_it(runtime: Runtime) -> None:
    tried: list[str] = []

    def charge(key: str) -> str:
        tried.append(key)
        if len(tried) == 1:
            raise ConnectionResetError("peer is gone")
        return "charged"

    async def node(state: Pot, runtime: Any) -> Pot:
        return {"told": await step(runtime, "charge", charge)}

    run = await drive(runtime, node)
    assert run.status == "blocked"
    (entry,) = await runtime.journal.unknown(run_id=run.id)
    assert (entry.kind, entry.name) == ("step", "charge")
    assert (await explain(runtime, run.id)).unknown == (entry.id,)

    await runtime.journal.resolve(entry.id, "retry", by="ann")
    done = await drive(runtime, node, run)

    assert (done.status, done.output) == ("done", "charged")
    assert len(tried) == 2
    assert len(set(tried)) == 1


@pytest.mark.parametrize(
    ("resolution", "recover", "status", "told"),
    [
        ("happened", None, "done", "receipt 7"),
        ("happened", lambda note: {"receipt": int(note.split()[1])}, "done", "{'receipt': 7}"),
        ("abandon", None, "failed", "Step 'charge' failed: receipt 7"),
    ],
)
async def test_what_a_person_says_becomes_the_result_or_the_failure_of_a_step(
    runtime: Runtime, resolution: Any, recover: Any, status: str, told: str
) -> None:
    async def charge(key: str) -> str:
        raise TimeoutError

    async def node(state: Pot, runtime: Any) -> Pot:
        return {"told": await step(runtime, "charge", charge, recover=recover)}

    run = await drive(runtime, node)
    (entry,) = await runtime.journal.unknown(run_id=run.id)
    await runtime.journal.resolve(entry.id, resolution, by="ann", note="receipt 7")
    ended = await drive(runtime, node, run)

    assert (ended.status, ended.output or ended.error) == (status, told)


async def test_a_probe_answers_in_place_of_a_person(runtime: Runtime) -> None:
    asked: list[str] = []

    async def node(state: Pot, runtime: Any) -> Pot:
        return {"told": await step(runtime, "charge", broken, probe=lambda key: asked.append(key) or "It was paid.")}

    async def broken(key: str) -> str:
        raise ConnectionResetError

    done = await drive(runtime, node)

    assert (done.status, done.output) == ("done", "It was paid.")
    assert len(asked) == 1


class Declined(Exception):
    """The bank says no."""


@pytest.mark.parametrize("error", [ToolFailed("no money"), Declined("no money")])
async def test_a_definite_failure_is_the_nodes_to_handle_and_the_same_when_it_comes_by_again(
    runtime: Runtime, error: Exception
) -> None:
    tried: list[int] = []
    seen: list[str] = []

    def charge() -> None:
        tried.append(1)
        raise error

    async def node(state: Pot, runtime: Any) -> Pot:
        try:
            await step(runtime, "charge", charge, fails=(Declined,))
        except StepFailed as failed:
            seen.append(str(failed))
        interrupt("now what?")
        return {}

    run = await drive(runtime, node)
    (asked,) = await runtime.approvals.pending(run_id=run.id)
    await runtime.decide(asked.id, Approve(), by="ann")

    assert (await drive(runtime, node, run)).status == "done"
    assert len(tried) == 1
    assert len(set(seen)) == 1
    assert "no money" in seen[1]


@pytest.mark.parametrize("semantics", ["pure", "idempotent", "at_most_once"])
async def test_a_node_that_is_tried_again_tries_a_failed_step_again_and_repeats_no_other(
    runtime: Runtime, semantics: Any
) -> None:
    tried: list[int] = []
    reserved: list[int] = []

    def charge() -> str:
        tried.append(1)
        if len(tried) == 1:
            raise ToolFailed("busy")
        return "charged"

    async def node(state: Pot, runtime: Any) -> Pot:
        await step(runtime, "reserve", lambda: reserved.append(1))
        return {"told": await step(runtime, "charge", charge, semantics=semantics)}

    done = await drive(runtime, node, retry_policy=RetryPolicy(initial_interval=0.0, jitter=False))

    assert (done.status, done.output) == ("done", "charged")
    assert (len(tried), len(reserved)) == (2, 1)
    assert [each.status for each in await steps_of(runtime, done)] == ["done", "done"]


async def test_a_result_that_is_no_plain_data_is_refused_with_every_place_and_not_done_again(runtime: Runtime) -> None:
    did: list[int] = []
    wrong = {"total": Decimal(1), "at": [1, (2,)], 3: "x", "ratio": float("nan"), "big": 2**70}

    async def node(state: Pot, runtime: Any) -> Pot:
        return {"told": await step(runtime, "charge", lambda: did.append(1) or wrong)}

    run = await drive(runtime, node)

    assert run.status == "failed"
    for part in ("'total'] is a Decimal", "'at'][1] is a tuple", "key 3", "is nan", "more than 64 bits"):
        assert part in str(run.error)
    (entry,) = await steps_of(runtime, run)
    assert entry.status == "done"
    assert len(did) == 1


async def test_a_wrong_declaration_is_refused_before_anything_happens(runtime: Runtime) -> None:
    did: list[int] = []

    def charge(key: str) -> Decimal:
        did.append(1)
        return Decimal(1)

    async def node(state: Pot, runtime: Any) -> Pot:
        await step(runtime, "a b", charge, semantics="twice", about={"x": {1}})  # type: ignore[arg-type]  # on purpose
        return {}

    run = await drive(runtime, node)

    for part in ("its name", "semantics is 'twice'", "is a set", "returns Decimal"):
        assert part in str(run.error)
    assert not did


async def test_about_that_differs_when_the_node_comes_by_again_is_a_divergence(runtime: Runtime) -> None:
    amounts = iter([1, 2])

    async def node(state: Pot, runtime: Any) -> Pot:
        await step(runtime, "charge", lambda: "ok", about={"amount": next(amounts)})
        interrupt("go on?")
        return {}

    run = await drive(runtime, node)
    (asked,) = await runtime.approvals.pending(run_id=run.id)
    await runtime.decide(asked.id, Approve(), by="ann")

    assert "other arguments" in str((await drive(runtime, node, run)).error)


async def test_a_replay_serves_steps_and_a_fork_does_them_anew(runtime: Runtime) -> None:
    did: list[str] = []

    async def node(state: Pot, runtime: Any) -> Pot:
        now = await step(runtime, "clock", lambda: len(did), semantics="pure")
        return {"told": [now, await step(runtime, "charge", lambda key: did.append(key) or len(did))]}

    run = await drive(runtime, node)
    graph = one_node(node)
    assert (await replay(runtime, graph, run.id)).verdict == "same"
    assert len(did) == 1

    compiled = graph.compile(checkpointer=await runtime.checkpointer())
    first = next(each for each in await history(compiled, run.thread_id) if "work" in each.next)
    forked = await fork(runtime, graph, run.thread_id, first.id)
    await drive(runtime, node, forked)

    assert len(set(did)) == 2
    explained = (await explain(runtime, forked.id)).called
    assert [(each.tool, each.status) for each in explained] == [("clock", "done"), ("charge", "done")]


async def test_no_audit_row_no_step_and_the_row_comes_before_the_effect(runtime: Runtime) -> None:
    kinds_at_effect: list[str] = []

    async def node(state: Pot, runtime_: Any) -> Pot:
        async def charge(key: str) -> str:
            query = "SELECT kind FROM audit"
            rows = await runtime.database.read(lambda connection: connection.exec_driver_sql(query).scalars().all())
            kinds_at_effect.extend(rows)
            return "ok"

        return {"told": await step(runtime_, "charge", charge)}

    async def node_of(state: Pot, runtime: Any) -> Pot:
        return await node(state, runtime)

    await drive(runtime, node_of)

    assert kinds_at_effect[-1] == "step.begun"


async def test_a_budget_of_calls_counts_steps(tmp_path: Path) -> None:
    did: list[int] = []

    async def node(state: Pot, runtime: Any) -> Pot:
        for n in range(4):
            await step(runtime, "pay", lambda: did.append(1), key=str(n))
        return {}

    limits = BudgetSettings(run=Budget(calls=2))
    async with Runtime(Settings(project_dir=tmp_path, state_dir=tmp_path / "state", budgets=limits)) as runtime:
        run = await drive(runtime, node)

    assert run.status == "failed"
    assert "calls" in str(run.error)
    assert len(did) == 2


async def test_a_sync_step_that_is_late_is_left_behind_and_told_so(runtime: Runtime) -> None:
    let_go, told = asyncio.Event(), []
    loop = asyncio.get_running_loop()

    def slow(key: str, context: ToolContext) -> str:
        context.cancelled.wait(20)
        try:
            context.check()
        except Exception as error:
            told.append(type(error).__name__)
        loop.call_soon_threadsafe(let_go.set)
        return "too late"

    async def node(state: Pot, runtime: Any) -> Pot:
        return {"told": await step(runtime, "slow", slow, timeout=0.05, semantics="idempotent")}

    run = await drive(runtime, node)
    await let_go.wait()

    assert run.status == "failed"
    assert "no answer within 0.05 seconds" in str(run.error)
    assert told == ["ToolCancelled"]

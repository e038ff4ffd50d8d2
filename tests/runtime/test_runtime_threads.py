"""Threads as a whole: copied, deleted and pruned without a rest; a second start; stops at the end of a step."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from langgraph.graph import END, START, StateGraph
from sqlalchemy import Connection, MetaData, select

from graphwright.agents import Agent
from graphwright.graphs import AgentState, agent_loop
from graphwright.models import ScriptedModel
from graphwright.models.script import calls
from graphwright.runtime import Approve, NotAllowed, NotFound, Run, RunContext, Runtime, Settings, ThreadBusy
from graphwright.runtime.forking import fork
from graphwright.runtime.history import history
from graphwright.runtime.pruning import prune_thread
from graphwright.runtime.replaying import replay
from graphwright.runtime.threads_admin import KEPT, copy_thread, delete_thread
from graphwright.tools import tool


def settings(folder: Path) -> Settings:
    return Settings(project_dir=folder, state_dir=folder / "state")


@pytest.fixture
async def runtime(tmp_path: Path) -> AsyncIterator[Runtime]:
    async with Runtime(settings(tmp_path)) as opened:
        yield opened


PAID: list[int] = []


@tool(effect="write", approval="Moves money.")
async def pay(amount: int) -> str:
    """Pay an amount."""
    PAID.append(amount)
    return f"paid {amount}"


def clerk(*script: Any) -> StateGraph[Any, Any]:
    agent = Agent(name="clerk", description="Pays.", prompt="Pay.", tools=[pay], model=ScriptedModel(script))
    return agent_loop(agent)


def said(words: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": words}]}


async def drive(runtime: Runtime, run: Run, graph: StateGraph[Any, Any]) -> Run:
    async for _ in runtime.drive(run.id, graph, output=lambda state: str(state["messages"][-1].text)):
        pass
    return await runtime.runs.get(run.id)


async def talked(runtime: Runtime, *words: str, thread: str | None = None) -> Run:
    """A thread with a run for each word; the last one."""
    for word in words:
        run = await runtime.start("clerk", said(word), thread_id=thread)
        run, thread = await drive(runtime, run, clerk(f"heard {word}")), run.thread_id
    return run


async def paid(runtime: Runtime) -> Run:
    run = await runtime.start("clerk", said("pay"))
    await drive(runtime, run, clerk(calls("pay", amount=5)))
    (approval,) = await runtime.approvals.pending(run_id=run.id)
    await runtime.decide(approval.id, Approve(), by="ann")
    return await drive(runtime, run, clerk("done"))


def rows_with(connection: Connection, names: set[str]) -> dict[str, int]:
    """Table to how many of its rows hold one of these ids, in whatever column."""
    tables = MetaData()
    tables.reflect(connection)
    found = {}
    for table in tables.sorted_tables:
        rows = connection.execute(select(table)).all()
        count = sum(any(name in str(row) for name in names) for row in rows)
        if count and table.name not in KEPT:
            found[table.name] = count
    return found


async def ids_of(runtime: Runtime, run: Run) -> set[str]:
    approvals = await runtime.approvals.of_run(run.id)
    entries = await runtime.journal.of_run(run.id)
    return {run.thread_id, run.id, *(each.id for each in approvals), *(each.id for each in entries)}


async def test_no_row_of_a_deleted_thread_is_left_in_any_table(runtime: Runtime) -> None:
    run, other = await paid(runtime), await paid(runtime)
    names, others = await ids_of(runtime, run), await ids_of(runtime, other)
    before = await runtime.database.read(lambda connection: rows_with(connection, others))

    gone = await delete_thread(runtime, run.thread_id)

    assert await runtime.database.read(lambda connection: rows_with(connection, names)) == {}
    assert await runtime.database.read(lambda connection: rows_with(connection, others)) == before
    assert {"threads", "runs", "journal", "approvals", "decisions", "leases", "checkpoints", "writes"} <= set(gone)


async def test_a_table_of_a_later_release_is_not_forgotten(runtime: Runtime) -> None:
    run = await paid(runtime)
    (approval,) = await runtime.approvals.of_run(run.id)

    def later(connection: Connection) -> None:
        for table, column, value in (
            ("later_runs", "run_id", run.id),
            ("later_votes", "approval_id", approval.id),
            ("later_scopes", "scope", f"thread:{run.thread_id}"),
        ):
            connection.exec_driver_sql(f"CREATE TABLE {table} ({column} TEXT PRIMARY KEY, n INTEGER)")
            connection.exec_driver_sql(f"INSERT INTO {table} VALUES ('{value}', 1), ('another', 2)")

    await runtime.database.transaction(later)

    gone = await delete_thread(runtime, run.thread_id)

    assert [gone[name] for name in ("later_runs", "later_votes", "later_scopes")] == [1, 1, 1]


async def test_what_was_said_does_not_stay_in_free_pages_of_the_file(tmp_path: Path) -> None:
    async with Runtime(settings(tmp_path)) as runtime:
        run = await talked(runtime, "the-word-that-must-go " * 400)
        assert "the-word-that-must-go" in str(run.input)
        await delete_thread(runtime, run.thread_id)

    held = b"".join(path.read_bytes() for path in (tmp_path / "state").glob("graphwright.db*"))
    assert b"the-word-that-must-go" not in held


async def test_a_busy_or_unknown_thread_is_neither_deleted_nor_copied(runtime: Runtime, tmp_path: Path) -> None:
    run = await runtime.start("clerk", said("pay"))
    await drive(runtime, run, clerk(calls("pay", amount=5)))
    done = await talked(runtime, "hello")

    for act in (delete_thread, copy_thread):
        with pytest.raises(ThreadBusy, match=f"run {run.id} is waiting"):
            await act(runtime, run.thread_id)
        with pytest.raises(NotFound, match="graphwright threads"):
            await act(runtime, "thread_x")
        async with Runtime(settings(tmp_path)) as other:
            other.leases._owner = "elsewhere:1:0"
            epoch = await other.leases.take(done.thread_id)
            with pytest.raises(ThreadBusy, match="elsewhere"):
                await act(runtime, done.thread_id)
            await other.leases.give_back(done.thread_id, epoch)
    leases = await runtime.database.read(
        lambda connection: connection.exec_driver_sql("SELECT count(*) FROM leases WHERE thread_id='thread_x'").scalar()
    )
    assert leases == 0


async def test_a_copy_has_everything_under_ids_of_its_own_and_goes_on_by_itself(runtime: Runtime) -> None:
    run = await paid(runtime)
    names = await ids_of(runtime, run)
    before = await runtime.database.read(lambda connection: rows_with(connection, names))

    copied = await copy_thread(runtime, run.thread_id)

    assert await runtime.database.read(lambda connection: rows_with(connection, names)) == before
    (again,) = await runtime.runs.runs(tenant="local", thread_id=copied.id)
    assert (again.output, again.status, again.id != run.id) == (run.output, "done", True)
    (approval,) = await runtime.approvals.of_run(again.id)
    assert (approval.decided_by, approval.decision) == ("ann", Approve())
    assert len(await runtime.journal.of_run(again.id)) == len(await runtime.journal.of_run(run.id))
    graph = clerk(lambda request: " / ".join(each.text for each in request.messages[1:]))
    more = await drive(runtime, await runtime.start("clerk", said("more"), thread_id=copied.id), graph)
    assert more.output == "pay /  / paid 5 / done / more"
    assert len(await runtime.runs.runs(tenant="local", thread_id=run.thread_id)) == 1


async def test_a_copy_is_replayed_like_its_original(runtime: Runtime) -> None:
    run = await paid(runtime)
    copied = await copy_thread(runtime, run.thread_id)
    await delete_thread(runtime, run.thread_id)

    (again,) = await runtime.runs.runs(tenant="local", thread_id=copied.id)
    found = await replay(runtime, clerk(), again.id)

    assert (found.verdict, found.missing, found.steps) == ("same", (), 4)


async def texts(runtime: Runtime, run: Run) -> list[list[str]]:
    compiled = clerk().compile(checkpointer=await runtime.checkpointer())
    points = await history(compiled, run.thread_id)
    return [[each.text for each in point.values["messages"]] for point in points if "messages" in point.values]


async def test_pruning_keeps_the_newest_and_loses_no_word_of_them(runtime: Runtime) -> None:
    run = await talked(runtime, *(f"word {n}" for n in range(60)))
    before = await texts(runtime, run)

    pruned = await prune_thread(runtime, run.thread_id, keep=3)

    after = await texts(runtime, run)
    assert pruned.removed > 0
    assert pruned.removed + pruned.kept == len(before)
    assert after[-3:] == before[-3:]
    graph = clerk(lambda request: str(len(request.messages)))
    more = await drive(runtime, await runtime.start("clerk", said("more"), thread_id=run.thread_id), graph)
    assert more.output == str(1 + 120 + 1)


async def test_pruning_keeps_what_a_waiting_run_needs(runtime: Runtime) -> None:
    PAID.clear()
    await talked(runtime, "hello")
    run = await runtime.start("clerk", said("pay"))
    await drive(runtime, run, clerk([calls("pay", amount=1), calls("pay", amount=2)]))

    await prune_thread(runtime, run.thread_id)
    for approval in await runtime.approvals.pending(run_id=run.id):
        await runtime.decide(approval.id, Approve())

    assert (await drive(runtime, run, clerk("done"))).output == "done"
    assert sorted(PAID) == [1, 2]


async def test_a_waiting_graph_inside_a_step_is_kept_and_one_of_a_removed_step_goes(runtime: Runtime) -> None:
    PAID.clear()
    inner = clerk(calls("pay", amount=1), "inner done", calls("pay", amount=2), "inner done").compile()

    async def work(state: AgentState) -> dict[str, Any]:
        done = await inner.ainvoke({"messages": [("user", "go")]})
        return {"messages": [("ai", done["messages"][-1].text)]}

    graph = StateGraph(AgentState, context_schema=RunContext).add_node("work", work)
    graph.add_edge(START, "work").add_edge("work", END)
    first = await runtime.start("clerk", said("one"))
    await drive(runtime, first, graph)
    (approval,) = await runtime.approvals.pending(run_id=first.id)
    await runtime.decide(approval.id, Approve())
    await drive(runtime, first, graph)
    second = await runtime.start("clerk", said("two"), thread_id=first.thread_id)
    await drive(runtime, second, graph)

    await prune_thread(runtime, first.thread_id)
    (approval,) = await runtime.approvals.pending(run_id=second.id)
    await runtime.decide(approval.id, Approve())

    assert (await drive(runtime, second, graph)).status == "done"
    assert PAID == [1, 2]
    query = "SELECT count(DISTINCT checkpoint_ns) FROM checkpoints WHERE checkpoint_ns <> ''"
    places = await runtime.database.read(lambda connection: connection.exec_driver_sql(query).scalar())
    assert places == 1


async def test_pruning_by_age_and_what_it_refuses(runtime: Runtime) -> None:
    run = await talked(runtime, "one", "two")

    assert (await prune_thread(runtime, run.thread_id, older_than=3600)).removed == 0
    with pytest.raises(NotAllowed, match="At least one"):
        await prune_thread(runtime, run.thread_id, keep=0)
    epoch = await runtime.leases.take(run.thread_id)
    assert "by this process" in (await prune_thread(runtime, run.thread_id)).skipped
    await runtime.leases.give_back(run.thread_id, epoch)


async def test_a_fork_from_a_checkpoint_that_pruning_left_has_its_history(runtime: Runtime) -> None:
    run = await talked(runtime, "one", "two", "three")
    await prune_thread(runtime, run.thread_id, keep=1)
    compiled = clerk().compile(checkpointer=await runtime.checkpointer())
    last = (await history(compiled, run.thread_id))[-1]

    forked = await fork(runtime, clerk(), run.thread_id, last.id, values=said("four"))
    graph = clerk(lambda request: str(len(request.messages)))

    assert (await drive(runtime, forked, graph)).output == "8"


class Steps:
    """A graph of two steps, the first of which waits for a signal."""

    def __init__(self) -> None:
        self.entered, self.go_on = asyncio.Event(), asyncio.Event()
        self.did: list[str] = []

    def graph(self) -> StateGraph[Any, Any]:
        async def first(state: AgentState) -> dict[str, Any]:
            self.entered.set()
            await self.go_on.wait()
            self.did.append("first")
            return {"messages": [("ai", "first")]}

        async def second(state: AgentState) -> dict[str, Any]:
            self.did.append("second")
            return {"messages": [("ai", "second")]}

        graph = StateGraph(AgentState, context_schema=RunContext).add_node("first", first).add_node("second", second)
        return graph.add_edge(START, "first").add_edge("first", "second").add_edge("second", END)


@pytest.fixture
def steps() -> Steps:
    return Steps()


async def begun(runtime: Runtime, steps: Steps) -> tuple[Run, asyncio.Task[Run]]:
    """A run in the middle of its first step."""
    run = await runtime.start("clerk", said("go"))
    task = asyncio.create_task(drive(runtime, run, steps.graph()))
    await steps.entered.wait()
    return run, task


async def test_a_drain_stops_at_the_end_of_the_step_and_the_run_goes_on_later(tmp_path: Path, steps: Steps) -> None:
    async with Runtime(settings(tmp_path)) as runtime:
        run, task = await begun(runtime, steps)

        runtime.drain()
        steps.go_on.set()

        assert ((await task).status, steps.did) == ("queued", ["first"])
        assert runtime.leases.held == {}
    async with Runtime(settings(tmp_path)) as later:
        assert (await drive(later, run, steps.graph())).output == "second"
    assert steps.did == ["first", "second"]


async def test_a_drained_graph_inside_a_step_goes_on_where_it_was(tmp_path: Path, steps: Steps) -> None:
    inner = steps.graph().compile()

    async def work(state: AgentState) -> dict[str, Any]:
        done = await inner.ainvoke({"messages": [("user", "inside")]})
        return {"messages": [("ai", done["messages"][-1].text)]}

    graph = StateGraph(AgentState, context_schema=RunContext).add_node("work", work).add_edge(START, "work")
    async with Runtime(settings(tmp_path)) as runtime:
        run = await runtime.start("clerk", said("go"))
        task = asyncio.create_task(drive(runtime, run, graph))
        await steps.entered.wait()
        runtime.drain()
        steps.go_on.set()
        assert (await task).status == "queued"
    async with Runtime(settings(tmp_path)) as later:
        assert (await drive(later, run, graph)).output == "second"
    assert steps.did == ["first", "second"]


async def test_a_run_is_paused_from_another_process(tmp_path: Path, runtime: Runtime, steps: Steps) -> None:
    run, task = await begun(runtime, steps)

    async with Runtime(settings(tmp_path)) as other:
        await other.pause(run.id)
    await asyncio.sleep(1.5)
    steps.go_on.set()

    assert ((await task).status, steps.did) == ("queued", ["first"])
    with pytest.raises(NotAllowed, match="is queued, not running"):
        await runtime.pause(run.id)
    assert (await drive(runtime, run, steps.graph())).status == "done"


async def test_an_enqueued_run_waits_for_its_turn(runtime: Runtime) -> None:
    first = await runtime.start("clerk", said("pay"))
    await drive(runtime, first, clerk(calls("pay", amount=5)))
    with pytest.raises(ThreadBusy):
        await runtime.start("clerk", said("more"), thread_id=first.thread_id)

    second = await runtime.start("clerk", said("more"), thread_id=first.thread_id, if_busy="enqueue")
    with pytest.raises(ThreadBusy, match=f"waits for its turn: run {first.id}"):
        await drive(runtime, second, clerk("never"))

    await runtime.cancel(first.id)
    assert (await drive(runtime, second, clerk("heard"))).output == "heard"


async def test_an_interrupting_run_lets_the_step_end_and_keeps_what_it_did(
    tmp_path: Path, runtime: Runtime, steps: Steps
) -> None:
    first, task = await begun(runtime, steps)

    async with Runtime(settings(tmp_path)) as other:
        second = await other.start("clerk", said("stop"), thread_id=first.thread_id, if_busy="interrupt")
        taking_over = asyncio.create_task(drive(other, second, clerk(lambda request: request.messages[-2].text)))
        await asyncio.sleep(1.5)
        assert not taking_over.done()
        steps.go_on.set()

        assert (await task).status == "cancelled"
        assert (await taking_over).output == "first"
    assert steps.did == ["first"]


async def test_a_run_pushed_aside_withdraws_its_question(runtime: Runtime) -> None:
    first = await runtime.start("clerk", said("pay"))
    await drive(runtime, first, clerk(calls("pay", amount=5)))

    second = await runtime.start("clerk", said("no"), thread_id=first.thread_id, if_busy="interrupt")

    assert await runtime.approvals.pending() == []
    ended = await runtime.runs.get(first.id)
    assert (ended.status, ended.error) == ("cancelled", f"Run {second.id} took its place (interrupt).")


async def test_a_rollback_begins_with_the_state_from_before_and_keeps_the_journal(runtime: Runtime) -> None:
    before = await talked(runtime, "one")
    second = await runtime.start("clerk", said("pay"), thread_id=before.thread_id)
    await drive(runtime, second, clerk(calls("pay", amount=5)))

    third = await runtime.start("clerk", said("three"), thread_id=before.thread_id, if_busy="rollback")
    done = await drive(runtime, third, clerk(lambda request: "/".join(each.text for each in request.messages[1:])))

    assert done.output == "one/heard one/three"
    assert await texts(runtime, third)
    assert all("pay" not in words for words in (await texts(runtime, third))[-1])
    assert len(await runtime.journal.of_run(second.id)) == 1


async def test_a_rollback_of_a_threads_first_run_begins_empty(runtime: Runtime) -> None:
    first = await runtime.start("clerk", said("pay"))
    await drive(runtime, first, clerk(calls("pay", amount=5)))

    second = await runtime.start("clerk", said("two"), thread_id=first.thread_id, if_busy="rollback")
    done = await drive(runtime, second, clerk(lambda request: "/".join(each.text for each in request.messages[1:])))

    assert done.output == "two"

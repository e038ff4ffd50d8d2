"""What nobody expects of time, rows and other processes: a day lost, an edited journal, a cancel while answering."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage
from langgraph.graph import StateGraph

from graphwright.agents import Agent, Budget
from graphwright.graphs import agent_loop
from graphwright.graphs.answers import correction
from graphwright.models import ScriptedModel
from graphwright.models.script import calls
from graphwright.runtime import (
    Approve,
    DamagedRow,
    ManualClock,
    NotFound,
    Run,
    RunFinished,
    Runtime,
    Settings,
    StateFolderError,
    ThreadBusy,
    TooLate,
)
from graphwright.runtime.accounts import accounts
from graphwright.runtime.budgets import BudgetSettings
from graphwright.runtime.doctor import examine_database
from graphwright.runtime.leases import Leases
from graphwright.runtime.owners import life_of, new_owner
from graphwright.tools import ApprovalRules, tool

DAY = 86_400.0
ROUNDS = 25


class Office:
    """State folder, clock and graph; runtimes are opened on it as needed."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.settings = Settings(project_dir=folder, state_dir=folder / ".graphwright", **settings)
        self.clock = ManualClock()
        self.did: list[str] = []

    def runtime(self, tenant: str = "local") -> Runtime:
        return Runtime(self.settings.model_copy(update={"tenant": tenant}), clock=self.clock)

    def graph(self, *script: Any, rules: Any = None) -> StateGraph[Any, Any]:
        @tool(effect="write", approval=rules)
        async def pay(item: str) -> str:
            """Pay for an item."""
            self.did.append(item)
            if item == "lost":
                raise ConnectionResetError("peer is gone")
            return f"paid {item}"

        return agent_loop(
            Agent(name="clerk", description="Pays.", prompt="Pay.", tools=[pay], model=ScriptedModel(script))
        )

    async def start(self, runtime: Runtime, **options: Any) -> Run:
        return await runtime.start("clerk", {"messages": [{"role": "user", "content": "go"}]}, **options)

    async def drive(self, runtime: Runtime, run: Run, graph: StateGraph[Any, Any]) -> str:
        async for _ in runtime.drive(run.id, graph, output=lambda state: str(state["messages"][-1].text)):
            pass
        return (await runtime.runs.get(run.id)).status

    def change(self, statement: str) -> None:
        connection = sqlite3.connect(self.settings.database, timeout=30)
        with connection:
            connection.execute(statement)
        connection.close()


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


@pytest.fixture
async def runtime(office: Office) -> AsyncIterator[Runtime]:
    async with office.runtime() as opened:
        yield opened


# --- A clock that was set back


async def test_a_lease_from_before_the_clock_was_set_back_a_day_is_over_in_time(
    runtime: Runtime, office: Office
) -> None:
    run = await office.start(runtime)
    dead = Leases(runtime.database, office.clock, "machine-9:1:1")
    await dead.take(run.thread_id)
    with pytest.raises(ThreadBusy, match="machine-9"):
        await runtime.leases.take(run.thread_id)

    office.clock.advance(-DAY)

    assert await office.drive(runtime, run, office.graph("done")) == "done"


async def test_a_process_that_lives_keeps_its_lease_though_the_clock_was_set_back(
    runtime: Runtime, office: Office
) -> None:
    run = await office.start(runtime)
    async with office.runtime() as other:
        await other.leases.take(run.thread_id)
        office.clock.advance(-DAY)

        with pytest.raises(ThreadBusy):
            await runtime.leases.take(run.thread_id)


async def test_runs_of_a_thread_take_their_turns_as_they_were_started_whatever_the_clock_says(
    runtime: Runtime, office: Office
) -> None:
    first = await office.start(runtime)
    office.clock.advance(-DAY)
    later = [await office.start(runtime, thread_id=first.thread_id, if_busy="enqueue") for _ in range(5)]

    assert [run.id for run in await runtime.runs.unfinished(first.thread_id)] == [first.id, *(run.id for run in later)]
    with pytest.raises(ThreadBusy, match="waits for its turn"):
        await office.drive(runtime, later[0], office.graph("x"))
    for run in (first, *later):
        assert await office.drive(runtime, run, office.graph("done")) == "done"


async def test_the_journal_and_the_audit_log_keep_their_order_when_the_clock_goes_back(
    runtime: Runtime, office: Office
) -> None:
    run = await office.start(runtime)
    rules = ApprovalRules("Moves money.")
    assert await office.drive(runtime, run, office.graph(calls("pay", item="a"), rules=rules)) == "waiting"
    (approval,) = await runtime.approvals.pending()
    office.clock.advance(-DAY)
    await runtime.decide(approval.id, Approve())

    assert await office.drive(runtime, run, office.graph("finished", rules=rules)) == "done"

    kinds = [entry.kind for entry in await runtime.journal.of_run(run.id) if entry.kind != "policy"]
    assert kinds == ["model", "tool", "model"]
    assert (await runtime.audit.check(runtime.database)).intact


async def test_a_deadline_that_has_decided_stays_decided_when_the_clock_goes_back(
    runtime: Runtime, office: Office
) -> None:
    rules = ApprovalRules("Moves money.", deadline=60.0)
    run = await office.start(runtime)
    await office.drive(runtime, run, office.graph(calls("pay", item="a"), rules=rules))
    (approval,) = await runtime.approvals.pending()
    office.clock.advance(61)
    await runtime.sweep()
    office.clock.advance(-DAY)

    with pytest.raises(TooLate):
        await runtime.decide(approval.id, Approve())


# --- Deadlines that nobody looked at


async def test_a_sweep_acts_on_deadlines_and_the_run_can_be_resumed(runtime: Runtime, office: Office) -> None:
    rules = ApprovalRules("Moves money.", deadline=60.0)
    run = await office.start(runtime)
    await office.drive(runtime, run, office.graph(calls("pay", item="a"), rules=rules))
    assert (await runtime.sweep()).approvals == ()
    office.clock.advance(61)

    swept = await runtime.sweep()

    assert [(each.run_id, each.decision and each.decision.type) for each in swept.approvals] == [(run.id, "reject")]
    assert (await runtime.sweep()).approvals == ()
    assert await office.drive(runtime, run, office.graph("It was refused.", rules=rules)) == "done"
    assert office.did == []


async def test_opening_a_state_folder_acts_on_deadlines(office: Office) -> None:
    rules = ApprovalRules("Moves money.", deadline=60.0, on_deadline="default", default="approve")
    async with office.runtime() as first:
        run = await office.start(first)
        await office.drive(first, run, office.graph(calls("pay", item="a"), rules=rules))
    office.clock.advance(61)

    async with office.runtime() as second:
        assert [each.decided_by for each in second.swept.approvals] == ["the deadline"]
        assert await office.drive(second, run, office.graph("Paid.", rules=rules)) == "done"
    assert office.did == ["a"]


async def test_a_damaged_question_does_not_keep_a_sweep_from_the_others(runtime: Runtime, office: Office) -> None:
    rules = ApprovalRules("Moves money.", deadline=60.0)
    for _ in range(2):
        await office.drive(runtime, await office.start(runtime), office.graph(calls("pay", item="a"), rules=rules))
    first, second = await runtime.approvals.pending()
    office.change(f"UPDATE approvals SET rules = '{{' WHERE id = '{first.id}'")
    office.clock.advance(61)

    assert [each.id for each in (await runtime.sweep()).approvals] == [second.id]
    with pytest.raises(DamagedRow, match=f"Row {first.id}"):
        await runtime.approvals.get(first.id)


# --- Rows that somebody edited


@pytest.mark.parametrize("status", ["retry", "intent"])
async def test_a_settled_effect_is_not_repeated_because_its_row_was_edited(
    runtime: Runtime, office: Office, status: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = await office.start(runtime)
    saver = await runtime.checkpointer()
    put = saver.aput_writes

    async def full(*args: Any, **named: Any) -> Any:
        if office.did:
            raise StateFolderError("The disk is full.")
        return await put(*args, **named)

    with monkeypatch.context() as patched:
        patched.setattr(saver, "aput_writes", full)
        assert await office.drive(runtime, run, office.graph(calls("pay", item="a"))) == "queued"
    office.change("CREATE TABLE kept AS SELECT key, status, outcome FROM journal WHERE kind = 'tool'")
    office.change(f"UPDATE journal SET status = '{status}', outcome = NULL WHERE kind = 'tool'")
    found = await examine_database(runtime.database, office.clock, "local")
    assert [each.check for each in found] == ["row"]

    if status == "intent":
        assert await office.drive(runtime, run, office.graph("finished")) == "blocked"
        (entry,) = await runtime.journal.unknown()
        await runtime.journal.resolve(entry.id, "retry", by="ann")
    assert await office.drive(runtime, run, office.graph("finished")) == "queued"

    assert "audit log has it as 'call.done'" in str((await runtime.runs.get(run.id)).error)
    assert office.did == ["a"]
    office.change("UPDATE journal SET (status, outcome) = (SELECT status, outcome FROM kept) WHERE kind = 'tool'")
    assert await office.drive(runtime, run, office.graph("finished")) == "done"
    assert office.did == ["a"]


# --- Leases and questions


async def test_two_runtimes_of_one_process_are_two_owners(runtime: Runtime, office: Office) -> None:
    run = await office.start(runtime)
    epoch = await runtime.leases.take(run.thread_id)
    async with office.runtime() as other:
        with pytest.raises(ThreadBusy, match="is being moved by"):
            await other.leases.take(run.thread_id)
        await runtime.leases.give_back(run.thread_id, epoch)
        assert await other.leases.take(run.thread_id) == epoch + 1


def test_an_owner_of_this_process_lives_and_one_of_a_reused_number_does_not() -> None:
    owner = new_owner()
    host, pid, started = owner.rsplit(":", 2)

    assert life_of(owner) == "alive"
    assert new_owner() != owner
    assert life_of(f"{host}:{pid}:{started.partition('.')[0]}") == "alive"
    assert life_of(f"{host}:{pid}:1.1") == "dead"
    assert life_of(f"elsewhere:{pid}:1.1") == "unknown"


async def test_a_lease_that_is_lost_between_looking_and_asking_asks_nobody(
    runtime: Runtime, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lease is looked at in the transaction that asks: there is no moment between."""
    run = await office.start(runtime)
    record = runtime.approvals.record

    async def late(*args: Any, **named: Any) -> Any:
        office.change("UPDATE leases SET epoch = epoch + 1, owner = 'elsewhere:1:0', expires = 9e9")
        return await record(*args, **named)

    monkeypatch.setattr(runtime.approvals, "record", late)
    with pytest.raises(Exception, match="Another process"):
        await office.drive(runtime, run, office.graph(calls("pay", item="a"), rules=ApprovalRules("Money.")))

    assert await runtime.approvals.of_run(run.id) == []


async def test_unknown_calls_of_another_tenant_are_not_listed(runtime: Runtime, office: Office) -> None:
    run = await office.start(runtime)
    assert await office.drive(runtime, run, office.graph(calls("pay", item="lost"))) == "blocked"

    async with office.runtime(tenant="other") as other:
        assert await other.journal.unknown() == []
        assert len(await other.journal.unknown(run_id=run.id)) == 1
    assert len(await runtime.journal.unknown()) == 1


def test_a_correction_is_the_same_message_whenever_its_answer_is() -> None:
    answer = AIMessage("{", id="answer:1")

    assert correction(answer, "No JSON.") == correction(answer, "No JSON.")
    assert correction(answer, "No JSON.").id != correction(AIMessage("{", id="answer:2"), "No JSON.").id


# --- Budgets of runs that ended


async def test_a_run_that_is_pushed_aside_gives_back_what_it_reserved(tmp_path: Path) -> None:
    office = Office(tmp_path, budgets=BudgetSettings(thread=Budget(calls=50)))
    async with office.runtime() as runtime:
        first = await office.start(runtime)
        graph = office.graph(calls("pay", item="a"), rules=ApprovalRules("Money."))
        assert await office.drive(runtime, first, graph) == "waiting"
        await office.start(runtime, thread_id=first.thread_id, if_busy="interrupt")

        found = await accounts(runtime.database, office.settings.budgets, tenant="local", clock=office.clock)

    assert [each.reserved["calls"] for each in found] == [0]


async def test_a_sweep_gives_back_what_a_crash_during_a_cancel_left_reserved(tmp_path: Path) -> None:
    office = Office(tmp_path, budgets=BudgetSettings(thread=Budget(calls=50)))
    async with office.runtime() as runtime:
        run = await office.start(runtime)
        await office.drive(runtime, run, office.graph(calls("pay", item="a"), rules=ApprovalRules("Money.")))
        office.change("UPDATE runs SET status = 'cancelled'")

        assert (await runtime.sweep()).released == (run.id,)
        assert (await runtime.sweep()).released == ()
        found = await accounts(runtime.database, office.settings.budgets, tenant="local", clock=office.clock)
        other = await accounts(runtime.database, office.settings.budgets, tenant="other", clock=office.clock)

    assert [each.reserved["calls"] for each in found] == [0]
    assert other == []


# --- Answered while being cancelled

RACER = """
import asyncio, random, sys
from pathlib import Path
from graphwright.runtime import AlreadyDecided, Approve, RunFinished, Runtime, Settings

async def main(role, folder, gate, pairs):
    async with Runtime(Settings(project_dir=folder, state_dir=folder / ".graphwright")) as runtime:
        Path(gate, role).touch()
        while len(list(Path(gate).iterdir())) < 2:
            await asyncio.sleep(0.001)
        for pair in pairs:
            run, approval = pair.split("/")
            await asyncio.sleep(random.random() / 500)
            if role == "cancel":
                await runtime.cancel(run)
            else:
                try:
                    print("decided", (await runtime.decide(approval, Approve(), by="ann")).id)
                except AlreadyDecided as late:
                    print("late", approval, late)

asyncio.run(main(sys.argv[1], Path(sys.argv[2]), sys.argv[3], sys.argv[4:]))
"""


async def test_an_answer_while_the_run_is_being_cancelled_counts_or_is_refused_and_nothing_runs(
    runtime: Runtime, office: Office, tmp_path: Path
) -> None:
    graph = office.graph(*[calls("pay", item="a")] * ROUNDS, rules=ApprovalRules("Money."))
    runs = [await office.start(runtime) for _ in range(ROUNDS)]
    for run in runs:
        assert await office.drive(runtime, run, graph) == "waiting"
    asked = {each.run_id: each.id for each in await runtime.approvals.pending()}
    gate = tmp_path / "gate"
    gate.mkdir()
    pairs = [f"{run.id}/{asked[run.id]}" for run in runs]
    racers = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-c", RACER, role, str(tmp_path), str(gate), *pairs), stdout=subprocess.PIPE
        )
        for role in ("cancel", "decide")
    ]
    said = [(await asyncio.wait_for(each.communicate(), timeout=100))[0].decode() for each in racers]

    assert [each.returncode for each in racers] == [0, 0]
    decided = {line.split()[1] for line in said[1].splitlines() if line.startswith("decided")}
    assert len(said[1].splitlines()) == ROUNDS
    for run in runs:
        approval = await runtime.approvals.get(asked[run.id])
        assert approval.status == ("decided" if approval.id in decided else "cancelled")
        with pytest.raises(RunFinished):
            await office.drive(runtime, run, graph)
    assert office.did == []
    assert await runtime.approvals.pending() == []
    assert await examine_database(runtime.database, office.clock, "local") == []


async def test_a_run_that_is_not_there_is_told(runtime: Runtime) -> None:
    with pytest.raises(NotFound, match="run_x"):
        await runtime.cancel("run_x")

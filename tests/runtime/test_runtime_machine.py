"""A state machine over whole runs: approvals, leases, budgets, the journal; crashes, races and clock jumps are steps.

A *process* is a runtime on an event loop of its own; one that crashed is a loop that nobody runs any more, so its lease
is not renewed and its transactions stay as they are. One that was only suspended is run again later, as a zombie.
What may come next never depends on who won a race: Hypothesis must be able to repeat the steps.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import text

from graphwright.agents import Agent, Budget
from graphwright.graphs import agent_loop
from graphwright.models import ScriptedModel
from graphwright.models.scripted import When, calls
from graphwright.runtime import (
    Approval,
    Approve,
    Decision,
    Edit,
    ManualClock,
    Reject,
    Respond,
    Run,
    Runtime,
    RuntimeProblem,
    Settings,
)
from graphwright.runtime import leases as leases_module
from graphwright.runtime import turns as turns_module
from graphwright.runtime.accounts import accounts
from graphwright.runtime.budgets import DIMENSIONS, BudgetSettings
from graphwright.runtime.exceeding import RAISE_BUDGET
from graphwright.runtime.journal import Entry, Resolution
from graphwright.runtime.leases import Leases
from graphwright.tools import ApprovalRules, IdempotencyKey, ToolFailed, tool

FINISHED = ("done", "failed", "cancelled")
PLANS: dict[str, list[Any]] = {
    "pay": [calls("pay", amount=5)],
    "send": [calls("send", item="a")],
    "note": [calls("note", item="a")],
    "both": [calls("send", item="a"), calls("pay", amount=7)],
    "many": [calls("pay", amount=1), calls("note", item="b"), calls("pay", amount=2), calls("send", item="c")],
    "long": [calls("note", item="x")],
}
RULES = ApprovalRules("Moves money.", deadline=3600.0, on_deadline="escalate", escalate_to=("chief",))
LIMITS = BudgetSettings(
    run=Budget(calls=5, tokens=200_000, on_exceed="ask"), tenant=Budget(calls=40, tokens=2_000_000, on_exceed="stop")
)
MOST, UNDER_WAY = 6, 3
which = st.integers(0, 7)
people = st.sampled_from([("ann", ()), ("bob", ("chief",)), ("ann", ("chief",))])
faults = st.sampled_from(["crash before", "crash after", "suspended", "lost", "lost", "refused", "cancelled"])


@dataclass
class Fault:
    """What goes wrong at the next effect of a drive."""

    kind: str
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    released: asyncio.Event = field(default_factory=asyncio.Event)

    async def stop(self) -> None:
        """The process stands here until it is released, if ever."""
        self.reached.set()
        await self.released.wait()


class Process:
    """A runtime that lives on a loop of its own, under the name of another machine."""

    def __init__(self, machine: Runs, number: int) -> None:
        self.machine = machine
        self.loop = asyncio.new_event_loop()
        self.runtime = Runtime(machine.settings, clock=machine.clock)
        self.runtime.leases = Leases(self.runtime.database, machine.clock, f"machine-{number}:1:1")
        self.do(self.runtime.__aenter__())
        self.fault = Fault("")
        self.task: asyncio.Task[None] | None = None

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(work)

    def drive(self, run_id: str, fault: str) -> bool:
        """Drive until the run rests; False if the process stopped in the middle."""
        self.fault = Fault(fault)
        return bool(self.do(self._go(run_id)))

    async def _go(self, run_id: str) -> bool:
        self.task = asyncio.create_task(self._drive(run_id))
        return await self.rested()

    async def rested(self) -> bool:
        """Whether the drive ended before its fault stopped it."""
        assert self.task is not None
        hit = asyncio.create_task(self.fault.reached.wait())
        await asyncio.wait({self.task, hit}, return_when=asyncio.FIRST_COMPLETED)
        hit.cancel()
        if not self.task.done():
            return False
        with contextlib.suppress(RuntimeProblem, asyncio.CancelledError):
            self.task.result()
        return True

    async def _drive(self, run_id: str) -> None:
        def last(state: Any) -> str:
            return str(state["messages"][-1].text)

        async for _ in self.runtime.drive(run_id, self.graph(), output=last):
            pass

    def graph(self) -> Any:
        effects, process = self.machine.effects, self

        async def act(key: str, *, is_known_again: bool = False) -> None:
            fault, process.fault = process.fault, Fault("")
            if fault.kind == "refused":
                raise ToolFailed("It was refused.")
            process.fault = (
                fault if fault.kind in ("crash before", "crash after", "suspended", "cancelled") else Fault("")
            )
            if fault.kind in ("crash before", "cancelled"):
                await fault.stop()
            effects[key] = 1 if is_known_again else effects[key] + 1
            if fault.kind in ("crash after", "suspended"):
                await fault.stop()
            await asyncio.sleep(0)
            if fault.kind == "lost":
                raise ConnectionResetError("The answer was lost.")

        @tool(effect="write", approval=RULES)
        async def pay(amount: int, *, key: IdempotencyKey) -> str:
            """Pay an amount."""
            await act(key)
            return f"paid {amount}"

        @tool(effect="write")
        async def send(item: str, *, key: IdempotencyKey) -> str:
            """Send an item."""
            await act(key)
            return f"sent {item}"

        @tool(effect="write", once=False)
        async def note(item: str, *, key: IdempotencyKey) -> str:
            """Note an item; whoever keeps the notes knows a key again."""
            await act(key, is_known_again=True)
            return f"noted {item}"

        script = [When(f"plan {name}", plan, times=None) for name, plan in PLANS.items()]
        model = ScriptedModel([*script, When("", "That is all.", times=None)])
        return agent_loop(Agent(name="clerk", description="Acts.", prompt="Act.", tools=[pay, send, note], model=model))

    def close(self) -> None:
        """End everything; what is still open is broken off."""

        async def end() -> None:
            left = [each for each in asyncio.all_tasks() if each is not asyncio.current_task()]
            for each in left:
                each.cancel()
            await asyncio.gather(*left, return_exceptions=True)
            await self.runtime.__aexit__(None, None, None)

        self.do(end())
        self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        self.loop.close()


def at_once(*works: Callable[[], object]) -> None:
    """Do several things in threads of their own; the first error is raised."""
    with ThreadPoolExecutor(len(works)) as threads:
        for each in [threads.submit(work) for work in works]:
            each.result()


class Runs(RuleBasedStateMachine):
    """Two processes at a time on one state folder, and people who answer in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.clock = ManualClock()
        self.settings = Settings(project_dir=self.folder, state_dir=self.folder / "state", budgets=LIMITS)
        self.effects: Counter[str] = Counter()
        self.made = 0
        self.zombies: list[Process] = []
        self.processes = [self.new_process(), self.new_process()]
        self.runs: list[str] = []
        self.threads: list[str] = []
        self.ended: dict[str, Run] = {}
        self.decided: dict[str, Any] = {}
        self.epochs: dict[str, int] = {}

    def new_process(self) -> Process:
        self.made += 1
        return Process(self, self.made)

    # --- Reading

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.processes[0].do(work)

    @property
    def runtime(self) -> Runtime:
        return self.processes[0].runtime

    def run_at(self, at: int) -> str | None:
        """A run that has not ended; now and then one that has."""
        left = [run for run in self.runs if run not in self.ended] if at < MOST else self.runs
        return left[at % len(left)] if left else None

    def approvals(self) -> list[Approval]:
        return [each for run in self.runs for each in self.do(self.runtime.approvals.of_run(run))]

    def entries(self) -> list[Entry]:
        return [each for run in self.runs for each in self.do(self.runtime.journal.of_run(run))]

    def refused(self, process: Process, work: Coroutine[Any, Any, Any]) -> Any:
        """Do it; a refusal in words is an outcome like another."""
        with contextlib.suppress(RuntimeProblem):
            return process.do(work)
        return None

    # --- Steps

    @initialize(plan=st.sampled_from(sorted(PLANS)), by=st.integers(0, 1))
    def the_first_run_is_started(self, plan: str, by: int) -> None:
        self.start(plan, by)

    @rule(plan=st.sampled_from(sorted(PLANS)), by=st.integers(0, 1))
    def a_run_is_started(self, plan: str, by: int) -> None:
        self.start(plan, by)

    @rule(
        plan=st.sampled_from(sorted(PLANS)),
        at=which,
        busy=st.sampled_from(["reject", "enqueue", "interrupt", "rollback"]),
    )
    def a_run_is_started_on_a_thread_in_use(self, plan: str, at: int, busy: Any) -> None:
        if self.threads and at % 3 == 0:
            self.start(plan, at % 2, thread_id=self.threads[at % len(self.threads)], if_busy=busy)

    def start(self, plan: str, by: int, **options: Any) -> None:
        if len(self.runs) - len(self.ended) >= UNDER_WAY:
            return
        values = {"messages": [{"role": "user", "content": f"plan {plan}"}]}
        process = self.processes[by]
        run = self.refused(process, process.runtime.start("clerk", values, user="eve", **options))
        if run is not None:
            self.runs.append(run.id)
            self.threads += [run.thread_id] if run.thread_id not in self.threads else []

    @rule(at=which, by=st.integers(0, 1))
    def a_run_is_driven(self, at: int, by: int) -> None:
        self.drive(at, by, "")

    @rule(at=which, by=st.integers(0, 1), fault=faults)
    def a_run_is_driven_and_something_goes_wrong(self, at: int, by: int, fault: str) -> None:
        self.drive(at, by, fault)

    @rule(
        at=which,
        fault=st.sampled_from(["crash before", "crash after", "suspended"]),
        seconds=st.sampled_from([61, 700]),
    )
    def a_process_dies_and_another_one_takes_over_in_time(self, at: int, fault: str, seconds: float) -> None:
        self.drive(at, 0, fault)
        self.clock.advance(seconds)
        self.drive(at, 1, "")

    def drive(self, at: int, by: int, fault: str) -> None:
        run, process = self.run_at(at), self.processes[by]
        if run is None or process.drive(run, fault):
            return
        if fault == "cancelled":
            other = self.processes[1 - by]
            self.refused(other, other.runtime.cancel(run))
            assert process.do(self.ends(process))
            return
        self.zombies.append(process)
        self.processes[by] = self.new_process()

    async def ends(self, process: Process) -> bool:
        """Whether a drive whose run was cancelled stops by itself."""
        process.fault.reached.clear()
        assert process.task is not None
        await asyncio.wait({process.task}, timeout=30)
        return process.task.done()

    @rule(at=which)
    def two_processes_drive_one_run(self, at: int) -> None:
        run = self.run_at(at)
        if run is None:
            return
        at_once(*(partial(each.drive, run, "") for each in self.processes))

    @rule(at=which, by=st.integers(0, 1), what=st.sampled_from(["drain", "pause", "cancel", "sweep", "delegate"]))
    def an_operator_acts(self, at: int, by: int, what: str) -> None:
        run, process = self.run_at(at), self.processes[by]
        if what == "drain":
            process.runtime.drain()
            if run is not None:
                process.drive(run, "")
            process.close()
            self.processes[by] = self.new_process()
        elif what == "sweep":
            process.do(process.runtime.sweep())
        elif what == "delegate":
            for each in self.approvals()[at : at + 1]:
                handed = process.runtime.approvals.delegate(each.id, by="bob", roles=frozenset({"chief"}), to="cat")
                self.refused(process, handed)
        elif run is not None:
            self.refused(process, process.runtime.pause(run) if what == "pause" else process.runtime.cancel(run))

    @rule(at=which)
    def a_suspended_process_goes_on(self, at: int) -> None:
        """What it did, it did before it was suspended; now it wants to record it."""
        sleeping = [
            each for each in self.zombies if each.fault.kind == "suspended" and not each.fault.released.is_set()
        ]
        if sleeping:
            zombie = sleeping[at % len(sleeping)]
            zombie.fault.released.set()
            zombie.fault.reached.clear()
            zombie.do(zombie.rested())

    @rule(at=which, who=people, kind=st.sampled_from(["approve", "approve", "approve", "edit", "reject", "respond"]))
    def a_person_decides(self, at: int, who: Any, kind: str) -> None:
        """Also what is decided already, withdrawn or too late."""
        asked = self.approvals()
        if asked:
            self.decide(asked[at % len(asked)], who, kind, self.processes[at % 2])

    def decide(self, approval: Approval, who: Any, kind: str, process: Process) -> None:
        decision: Decision = Approve()
        if kind == "edit":
            name = "raise_by" if approval.tool == RAISE_BUDGET else "amount"
            decision = Edit({**approval.arguments, name: 3})
        elif kind != "approve":
            decision = Reject("no") if kind == "reject" else Respond("done by hand")
        name, roles = who
        self.refused(
            process, process.runtime.decide(approval.id, decision, by=name, roles=roles, digest=approval.digest)
        )

    @rule(at=which)
    def two_people_contradict_each_other(self, at: int) -> None:
        asked = self.approvals()
        if not asked:
            return
        approval = asked[at % len(asked)]
        at_once(
            *(
                partial(self.decide, approval, (name, ("chief",)), kind, process)
                for (name, kind), process in zip((("ann", "approve"), ("bob", "reject")), self.processes, strict=True)
            )
        )

    @rule(at=which, by=st.integers(0, 1), who=people)
    def everything_is_approved_and_driven(self, at: int, by: int, who: Any) -> None:
        for each in self.do(self.runtime.approvals.pending()):
            self.decide(each, who, "approve", self.processes[1 - by])
        self.drive(at, by, "")

    @rule(at=which, abandon=st.booleans())
    def somebody_says_what_became_of_a_call(self, at: int, abandon: bool) -> None:
        """They look before they speak."""
        unknown = self.do(self.runtime.journal.unknown())
        if unknown:
            self.resolve(unknown[at % len(unknown)], abandon)

    def resolve(self, entry: Entry, abandon: bool) -> None:
        truth: Resolution = "happened" if self.effects[entry.key] else "retry"
        self.do(self.runtime.journal.resolve(entry.id, "abandon" if abandon else truth, by="ann"))

    @rule(seconds=st.sampled_from([1, 61, 700, 3601, -60, -86_400]))
    def the_clock_moves(self, seconds: float) -> None:
        self.clock.advance(seconds)

    # --- What must always hold

    @invariant()
    def an_effect_happened_at_most_once_and_after_its_intent(self) -> None:
        assert all(count <= 1 for count in self.effects.values()), self.effects
        entries = {each.key: each for each in self.entries() if each.kind == "tool"}
        assert set(self.effects) - {key for key, count in self.effects.items() if not count} <= set(entries)
        begun = {each["call"] for each in self.told("tool.begun")}
        settled = {
            each["key"] for kind in ("done", "failed", "happened", "abandoned") for each in self.told(f"call.{kind}")
        }
        for entry in entries.values():
            assert entry.id in begun
            assert entry.status not in ("done", "failed") or entry.key in settled
            if entry.status in ("done", "happened"):
                assert self.effects[entry.key] == 1, entry

    def told(self, kind: str) -> list[Any]:
        query = text("SELECT event FROM audit WHERE kind = :kind")
        rows = self.do(self.runtime.database.read(lambda one: one.execute(query, {"kind": kind}).scalars().all()))
        return [orjson.loads(row) for row in rows]

    @invariant()
    def a_question_has_one_decision_and_keeps_it(self) -> None:
        for each in self.approvals():
            now = (each.status, each.decision, each.decided_by, each.decided)
            assert self.decided.get(each.id, now) == now
            if each.status != "pending":
                self.decided[each.id] = now
        decided = [each["approval"] for each in self.told("approval.decided")]
        assert len(decided) == len(set(decided))

    @invariant()
    def a_run_that_ended_never_changes(self) -> None:
        for id_ in self.runs:
            run = self.do(self.runtime.runs.get(id_))
            assert self.ended.get(id_, run) == run
            if run.status in FINISHED:
                self.ended[id_] = run

    @invariant()
    def budgets_are_kept_and_given_back(self) -> None:
        for each in self.accounts():
            assert all(min(each.spent[name], each.reserved[name], each.raised[name]) >= 0 for name in DIMENSIONS), each
            left = each.left("calls")
            assert left is None or left >= 0, each
            if each.run_id in self.ended:
                assert not any(each.reserved.values()), each

    def accounts(self) -> Any:
        return self.do(accounts(self.runtime.database, LIMITS, tenant="local", clock=self.clock))

    @invariant()
    def epochs_only_grow(self) -> None:
        query = text("SELECT thread_id, epoch FROM leases")
        rows = self.do(self.runtime.database.read(lambda one: one.execute(query).all()))
        for thread, epoch in rows:
            assert epoch >= self.epochs.get(thread, 0)
            self.epochs[thread] = epoch
        for entry in self.entries():
            assert entry.epoch <= self.epochs[entry.thread_id]

    @invariant()
    def the_audit_log_is_as_it_was_written(self) -> None:
        assert self.do(self.runtime.audit.check(self.runtime.database)).intact

    # --- At the end nothing is lost

    def teardown(self) -> None:
        try:
            self.bring_to_an_end()
        finally:
            for each in (*self.zombies, *self.processes):
                each.close()
            shutil.rmtree(self.folder)

    def bring_to_an_end(self) -> None:
        self.clock.advance(90_000)
        for _ in range(40):
            left = [run for run in self.runs if self.do(self.runtime.runs.get(run)).status not in FINISHED]
            if not left:
                break
            for run in left:
                self.processes[0].drive(run, "")
                for each in self.do(self.runtime.approvals.pending(run_id=run)):
                    self.decide(each, ("ann", ("chief",)), "approve", self.processes[0])
                for entry in self.do(self.runtime.journal.unknown(run_id=run)):
                    self.resolve(entry, abandon=False)
        assert [self.do(self.runtime.runs.get(run)).status for run in self.runs if run in left] == []
        self.do(self.runtime.sweep())
        for check in (
            self.an_effect_happened_at_most_once_and_after_its_intent,
            self.a_question_has_one_decision_and_keeps_it,
            self.a_run_that_ended_never_changes,
            self.budgets_are_kept_and_given_back,
        ):
            check()
        assert not any(value for each in self.accounts() for value in each.reserved.values())


@pytest.fixture
def quick_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Real seconds that processes wait for each other, made short."""
    monkeypatch.setattr(leases_module, "WATCH_SECONDS", 0.02)
    monkeypatch.setattr(turns_module, "PATIENCE_SECONDS", 0.05)


def explore(examples: int, steps: int) -> None:
    chosen = settings(
        max_examples=examples, stateful_step_count=steps, deadline=None, suppress_health_check=list(HealthCheck)
    )
    run_state_machine_as_test(Runs, settings=chosen)  # type: ignore[no-untyped-call]  # hypothesis


def test_no_order_of_crashes_races_jumps_and_answers_breaks_a_promise(quick_watch: None) -> None:
    explore(examples=10, steps=30)


@pytest.mark.soak
@pytest.mark.timeout(3000)
def test_a_thousand_orders_break_no_promise(quick_watch: None) -> None:
    explore(examples=400, steps=60)

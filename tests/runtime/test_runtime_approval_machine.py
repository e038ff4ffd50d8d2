"""A state machine over one approval after another: several deciders, clock jumps, crashes, redelivery, cancellation."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from graphwright.runtime import (
    AlreadyDecided,
    Approval,
    Approve,
    Edit,
    ManualClock,
    NotAllowed,
    Reject,
    Respond,
    RunFinished,
    RuntimeProblem,
)
from graphwright.runtime.approvals import DEADLINE, ApprovalStep, same_person
from graphwright.runtime.broker import Broker
from graphwright.runtime.database import Database
from graphwright.runtime.questions import Question, request_digest
from graphwright.runtime.runs import RunStore
from graphwright.tools import ApprovalRules

ROLES = {
    "ann": {"clerk"},
    "Ann ": {"clerk"},
    "bob": {"clerk", "chief"},
    "cat": {"chief"},
    "eve": {"chief"},
    "dan": set(),
}
people = st.sampled_from(sorted(ROLES))
# What ends a question is rare, so that most of them live long enough for the rest to happen to them.
decisions = st.sampled_from(
    [*[Approve()] * 6, *[Edit({"amount": each}) for each in (5, 6, 6)], Reject("no"), Respond("done by hand")]
)
seldom = st.sampled_from([False, False, False, True])
rules = st.builds(
    lambda roles, quorum, excluded, deadline: ApprovalRules(
        "Moves money.", roles=roles, quorum=quorum, exclude_requester=excluded, **deadline
    ),
    st.sampled_from([(), (), ("clerk",), ("clerk", "chief")]),
    st.sampled_from([1, 2, 2, 3]),
    st.booleans(),
    st.sampled_from(
        [
            {},
            {"deadline": 60.0},
            {"deadline": 60.0},
            {"deadline": 60.0, "on_deadline": "escalate", "escalate_to": ("chief",)},
            {"deadline": 60.0, "on_deadline": "default", "default": "approve"},
        ]
    ),
)


def may_act(name: str, before: Sequence[ApprovalStep], rules: ApprovalRules) -> bool:
    """Who holds a say after these steps, told in other words than the code's: from the first step to the last."""
    me, roles = same_person(name), next(ROLES[each] for each in ROLES if same_person(each) == same_person(name))
    wanted = set(rules.roles)
    has_say = not wanted or bool(wanted & roles)
    for step in before:
        if step.kind == "escalate":
            has_say = bool(set(rules.escalate_to) & roles)
        elif step.kind == "delegate" and me == same_person(step.by):
            has_say = False
        elif step.kind == "delegate" and me == same_person(step.to):
            has_say = True
    return has_say and not (rules.exclude_requester and me == "eve")


class Approvals(RuleBasedStateMachine):
    """What people do to one question, in any order; the model is what was seen to be recorded."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = Path(tempfile.mkdtemp())
        self.clock = ManualClock()
        self.number = 0
        self.question: Question | None = None
        self.cancelled = False
        self.final: tuple[Any, ...] | None = None
        self.applied: list[Any] = []
        self.seen_digests: set[str] = set()
        self.open()

    def open(self) -> None:
        self.databases = [Database(self.folder / "state.db") for _ in range(2)]
        self.brokers = []
        for each in self.databases:
            self.run_(each.open())
            self.brokers.append(Broker(each, self.clock))
        self.runs = RunStore(self.databases[0], self.clock)

    def close(self) -> None:
        for each in self.databases:
            self.run_(each.close())

    def run_(self, work: Any) -> Any:
        return self.runner.run(work)

    def teardown(self) -> None:
        self.close()
        self.runner.close()
        shutil.rmtree(self.folder)

    @property
    def id(self) -> str:
        assert self.question is not None
        return self.run_(self.brokers[0].record(self.question)).id

    def stored(self) -> Approval:
        return self.run_(self.brokers[0].get(self.known))

    # What may come next must not depend on who won a race: Hypothesis repeats an order of steps and takes a rule that
    # is open this time and was not the last for a broken strategy. So the outcome is looked at inside.
    @rule(rules=rules, another=seldom)
    def asked(self, rules: ApprovalRules, another: bool) -> None:
        is_over = self.final is not None or self.cancelled
        if self.question is not None and not (is_over and another):
            return
        self.number += 1
        run = self.run_(self.runs.create("g", {}, thread_id=None, user="eve", tenant="local"))
        key = f"key {self.number}"
        arguments = {"amount": 5}
        self.question = Question(
            key=key,
            call_id="call",
            tool="pay",
            arguments=arguments,
            rules=rules,
            run_id=run.id,
            thread_id=run.thread_id,
            requester="eve",
            digest=request_digest("local", run.thread_id, key, "pay", arguments),
        )
        self.known = self.id
        self.final, self.cancelled, self.applied, self.steps = None, False, [], 0

    @precondition(lambda self: self.question is not None)
    @rule(who=people, decision=decisions, which=st.integers(0, 1), blind=seldom)
    def decided(self, who: str, decision: Any, which: int, blind: bool) -> None:
        """Somebody answers, by one of two processes; perhaps about what they saw before an edit."""
        before = self.stored()
        digest = before.original_digest if blind else before.digest
        try:
            after = self.run_(
                self.brokers[which].decide(self.known, decision, by=who, roles=frozenset(ROLES[who]), digest=digest)
            )
        except RuntimeProblem as refusal:
            assert self.stored().steps == before.steps
            if isinstance(refusal, AlreadyDecided):
                assert before.status != "pending" or self.cancelled
            return
        assert before.status == "pending"
        assert not self.cancelled
        assert digest == before.digest
        assert len(after.steps) == len(before.steps) + 1

    @precondition(lambda self: self.question is not None)
    @rule(who=people, to=people, which=st.integers(0, 1))
    def delegated(self, who: str, to: str, which: int) -> None:
        before = self.stored()
        try:
            self.run_(self.brokers[which].delegate(self.known, by=who, roles=frozenset(ROLES[who]), to=to))
        except (AlreadyDecided, NotAllowed):
            assert self.stored().steps == before.steps
            return
        assert same_person(who) != same_person(to)

    @precondition(lambda self: self.question is not None)
    @rule(whos=st.lists(people, min_size=2, max_size=4), opinions=st.lists(decisions, min_size=4, max_size=4))
    def all_at_once(self, whos: list[str], opinions: list[Any]) -> None:
        """Several people answer at the same moment, by both processes."""
        before = self.stored()

        async def race() -> list[Any]:
            answers = (
                self.brokers[n % 2].decide(
                    self.known, opinions[n], by=who, roles=frozenset(ROLES[who]), digest=before.digest
                )
                for n, who in enumerate(whos)
            )
            return await asyncio.gather(*answers, return_exceptions=True)

        outcomes = self.run_(race())
        recorded = [each for each in outcomes if isinstance(each, Approval)]
        assert all(isinstance(each, Approval | RuntimeProblem) for each in outcomes)
        assert sum(each.status == "decided" for each in recorded) <= 1
        assert len(self.stored().steps) == len(before.steps) + len(recorded)

    @rule(seconds=st.sampled_from([59, 60, 61, 3600, -60, -86400]))
    def time_passes(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @rule(which=st.integers(0, 1))
    def somebody_looks(self, which: int) -> None:
        self.run_(self.brokers[which].expire())

    @rule()
    def crashed(self) -> None:
        """The processes die and others open the same file."""
        self.close()
        self.open()

    @precondition(lambda self: self.question is not None)
    @rule(really=seldom, whole=st.booleans())
    def cancelled_by_somebody(self, really: bool, whole: bool) -> None:
        """The run is cancelled; perhaps whoever does it dies between the two writes."""
        assert self.question is not None
        if not really or self.cancelled:
            return
        self.run_(self.runs.move(self.question.run_id, "cancelled"))
        self.cancelled = True
        if whole:
            self.run_(self.brokers[0].cancel(self.question.run_id))

    @precondition(lambda self: self.question is not None)
    @rule(which=st.integers(0, 1))
    def delivered(self, which: int) -> None:
        """The node runs (again) and reads the decision."""
        assert self.question is not None
        broker = self.brokers[which]
        approval = self.run_(broker.record(self.question))
        assert approval.id == self.known
        if approval.decision is None:
            return
        try:
            self.applied.append(self.run_(broker._delivered(approval)))
        except RunFinished:
            assert self.cancelled

    @invariant()
    def it_was_asked_once(self) -> None:
        if self.question is not None:
            found = self.run_(self.brokers[0].of_run(self.question.run_id))
            assert [each.id for each in found] == [self.known]

    @invariant()
    def it_has_one_final_outcome(self) -> None:
        if self.question is None:
            return
        now = self.stored()
        outcome = (now.status, now.decision, now.decided_by, now.decided)
        if self.final is not None:
            assert outcome == self.final
        elif now.status == "decided":
            self.final = outcome
        assert len(now.steps) >= self.steps
        self.steps = len(now.steps)

    @invariant()
    def nobody_acted_who_was_not_allowed(self) -> None:
        if self.question is None:
            return
        now = self.stored()
        for number, step in enumerate(now.steps):
            if step.kind != "escalate":
                assert may_act(step.by, now.steps[:number], now.rules), (step, now)

    @invariant()
    def what_was_applied_is_what_was_decided(self) -> None:
        if self.question is not None and self.applied:
            assert self.final is not None
            assert all(each == self.final[1] for each in self.applied)

    @invariant()
    def a_quorum_is_of_different_people_who_approved_these_arguments(self) -> None:
        if self.final is None or self.final[0] != "decided" or self.final[2] == DEADLINE:
            return
        now = self.stored()
        if isinstance(now.decision, Approve | Edit):
            said_yes = {
                same_person(step.by)
                for step in now.steps
                if isinstance(step.decision, Approve | Edit) and step.digest == now.digest
            }
            assert len(said_yes) >= now.rules.quorum
            assert now.arguments == (now.decision.arguments if isinstance(now.decision, Edit) else {"amount": 5})


Approvals.TestCase.settings = settings(
    max_examples=40,
    stateful_step_count=50,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
test_any_order_of_answers_crashes_and_clock_jumps_keeps_the_promises = Approvals.TestCase

"""Approvals: who may decide, how many, until when, and on which arguments."""

from __future__ import annotations

from typing import Any, Literal

import pytest

from graphwright.models.script import calls
from graphwright.runtime import (
    AlreadyDecided,
    Approve,
    DigestMismatch,
    Edit,
    NotAllowed,
    Reject,
    SamePersonTwice,
    TooLate,
)
from graphwright.runtime.approvals import DEADLINE
from graphwright.tools import ApprovalRules, ToolDeclarationError

Desk = Any
CHIEF = frozenset({"chief"})


def rules(**given: Any) -> ApprovalRules:
    return ApprovalRules("Moves money.", **given)


# Declaring


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"reason": " "}, "must say why"),
        ({"quorum": 0}, "quorum=0 must be a whole number"),
        ({"quorum": True}, "quorum=True must be"),
        ({"roles": "chief"}, "must be a tuple of names"),
        ({"deadline": -1}, "more than 0 seconds"),
        ({"deadline": float("nan")}, "more than 0 seconds"),
        ({"on_deadline": "shrug", "deadline": 1}, "must be one of"),
        ({"on_deadline": "escalate", "deadline": 1}, "belong together"),
        ({"on_deadline": "escalate", "escalate_to": ("chief",)}, "needs a deadline"),
        ({"on_deadline": "default", "deadline": 1}, "belong together"),
        ({"on_deadline": "default", "deadline": 1, "default": "respond"}, "needs default_text"),
    ],
)
def test_rules_that_make_no_sense_are_refused_where_they_are_declared(given: dict[str, Any], words: str) -> None:
    with pytest.raises(ToolDeclarationError, match=words):
        ApprovalRules(**{"reason": "Moves money.", **given})


async def test_a_rule_that_gives_nonsense_does_not_let_the_call_through(desk: Desk) -> None:
    await desk.start(desk.graph(lambda arguments: True, calls("pay", amount=5), "oh"))

    assert desk.paid == []


async def test_a_rule_on_the_arguments_may_give_the_rules(desk: Desk) -> None:
    def large(arguments: Any) -> ApprovalRules | None:
        return rules(roles=("chief",)) if arguments["amount"] > 100 else None

    await desk.start(desk.graph(large, [calls("pay", amount=5), calls("pay", amount=500)]))
    (approval,) = await desk.runtime.approvals.pending()

    assert desk.paid == [5]
    assert (approval.roles, approval.arguments) == (("chief",), {"amount": 500})


# Who may decide


async def test_only_a_person_with_the_role_may_decide(desk: Desk) -> None:
    run, approval = await desk.ask(rules(roles=("chief", "owner")))

    with pytest.raises(NotAllowed, match=r"ann may not decide .* chief, owner; ann holds: clerk"):
        await desk.runtime.decide(approval.id, Approve(), by="ann", roles={"clerk"})
    await desk.runtime.decide(approval.id, Approve(), by="bob", roles=CHIEF)

    assert await desk.go_on(run, "done") == "done"
    assert desk.paid == [5]


async def test_a_run_may_narrow_who_decides_but_not_widen_it(desk: Desk) -> None:
    _, approval = await desk.ask(rules(roles=("chief",)), approvers=["north"])

    for roles in (CHIEF, {"north"}):
        with pytest.raises(NotAllowed, match="wants one of the roles"):
            await desk.runtime.decide(approval.id, Approve(), by="ann", roles=roles)
    await desk.runtime.decide(approval.id, Approve(), by="ann", roles={"chief", "north"})


async def test_the_local_user_has_the_roles_of_the_settings_and_nobody_else_has(desk: Desk) -> None:
    desk.runtime.settings = desk.settings.model_copy(update={"user": "ann", "roles": ["chief"]})
    _, approval = await desk.ask(rules(roles=("chief",)))

    with pytest.raises(NotAllowed):
        await desk.runtime.decide(approval.id, Approve(), by="bob")
    assert (await desk.runtime.decide(approval.id, Approve())).decided_by == "ann"


@pytest.mark.parametrize("name", ["eve", " EVE ", "Ｅve"])
async def test_whoever_started_the_run_may_be_excluded_however_they_spell_it(desk: Desk, name: str) -> None:
    _, approval = await desk.ask(rules(exclude_requester=True))

    with pytest.raises(NotAllowed, match="started run"):
        await desk.runtime.decide(approval.id, Approve(), by=name)


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "x" * 201, "an\u200bn", DEADLINE])
async def test_a_decision_needs_the_name_of_a_person(desk: Desk, name: str) -> None:
    _, approval = await desk.ask(rules())

    with pytest.raises(NotAllowed):
        await desk.runtime.decide(approval.id, Approve(), by=name)


# Quorum


async def test_a_quorum_takes_different_people(desk: Desk) -> None:
    run, approval = await desk.ask(rules(quorum=2))

    first = await desk.runtime.decide(approval.id, Approve("fine"), by="ann")
    assert (first.status, [step.by for step in first.approvals]) == ("pending", ["ann"])
    assert await desk.go_on(run) == "waiting"
    with pytest.raises(SamePersonTwice, match="ann has already approved"):
        await desk.runtime.decide(approval.id, Approve(), by="Ann ")
    last = await desk.runtime.decide(approval.id, Approve(), by="bob")

    assert (last.status, last.decided_by) == ("decided", "ann and bob")
    assert await desk.go_on(run, "done") == "done"
    assert desk.paid == [5]


async def test_one_rejection_is_final_whatever_was_approved(desk: Desk) -> None:
    run, approval = await desk.ask(rules(quorum=3))
    await desk.runtime.decide(approval.id, Approve(), by="ann")

    await desk.runtime.decide(approval.id, Reject("no"), by="ann")

    with pytest.raises(AlreadyDecided, match="already rejected by ann"):
        await desk.runtime.decide(approval.id, Approve(), by="bob")
    assert await desk.go_on(run, "ok") == "done"
    assert desk.paid == []


async def test_approvals_of_the_first_arguments_do_not_count_for_edited_ones(desk: Desk) -> None:
    run, approval = await desk.ask(rules(quorum=2))
    await desk.runtime.decide(approval.id, Approve(), by="ann", digest=approval.digest)

    edited = await desk.runtime.decide(
        approval.id, Edit({"amount": 7}), by="bob", digest=approval.digest, tool=desk.pay
    )

    assert edited.status == "pending"
    assert [step.by for step in edited.approvals] == ["bob"]
    assert edited.arguments == {"amount": 7}
    for digest in (approval.digest, None):
        with pytest.raises(DigestMismatch, match="Look at it again"):
            await desk.runtime.decide(approval.id, Approve(), by="cat", digest=digest)
    done = await desk.runtime.decide(approval.id, Approve(), by="ann", digest=edited.digest)
    assert done.decision == Edit({"amount": 7})
    assert await desk.go_on(run, "done") == "done"
    assert desk.paid == [7]


async def test_an_edit_back_to_the_first_arguments_brings_their_approvals_back(desk: Desk) -> None:
    _, approval = await desk.ask(rules(quorum=2))
    await desk.runtime.decide(approval.id, Approve(), by="ann")
    edited = await desk.runtime.decide(approval.id, Edit({"amount": 7}), by="bob")

    back = await desk.runtime.decide(approval.id, Edit({"amount": 5}), by="cat", digest=edited.digest)

    assert (back.status, back.digest, back.decided_by) == ("decided", approval.digest, "ann and cat")


async def test_an_edit_that_other_people_must_approve_is_asked_again(desk: Desk) -> None:
    def rule(arguments: Any) -> ApprovalRules:
        return rules(roles=("chief",)) if arguments["amount"] > 100 else rules()

    run = await desk.start(desk.graph(rule, calls("pay", amount=5)))
    (small,) = await desk.runtime.approvals.pending()
    await desk.runtime.decide(small.id, Edit({"amount": 500}), by="ann")
    await desk.drive(run, desk.graph(rule))

    (large,) = await desk.runtime.approvals.pending()
    assert desk.paid == []
    assert (large.arguments, large.roles) == ({"amount": 500}, ("chief",))
    await desk.runtime.decide(large.id, Edit({"amount": 6}), by="bob", roles=CHIEF)
    await desk.drive(run, desk.graph(rule, "done"))

    assert desk.paid == [6]


async def test_an_edit_whose_row_was_changed_is_not_applied(desk: Desk) -> None:
    run, approval = await desk.ask(rules())
    await desk.runtime.decide(approval.id, Edit({"amount": 6}), by="ann")
    forged = '{"type":"edit","edited_action":{"name":"pay","args":{"amount":999}}}'

    await desk.runtime.database.transaction(
        lambda connection: connection.exec_driver_sql("UPDATE decisions SET wire = ?", (forged,))
    )

    assert await desk.go_on(run) == "failed"
    assert "not the one that was approved" in str((await desk.runtime.runs.get(run.id)).error)
    assert desk.paid == []


# Delegation


async def test_a_say_can_be_handed_to_somebody_without_the_role_and_is_then_gone(desk: Desk) -> None:
    _, approval = await desk.ask(rules(roles=("chief",)))
    broker = desk.runtime.approvals

    await broker.delegate(approval.id, by="ann", roles=CHIEF, to="bob", comment="on leave")

    with pytest.raises(NotAllowed, match=r"ann handed approval .* to bob at"):
        await desk.runtime.decide(approval.id, Approve(), by="ann", roles=CHIEF)
    decided = await desk.runtime.decide(approval.id, Approve(), by="bob")
    assert [(step.kind, step.by, step.to) for step in decided.steps] == [
        ("delegate", "ann", "bob"),
        ("answer", "bob", ""),
    ]


async def test_handing_a_say_on_never_makes_two_of_it(desk: Desk) -> None:
    _, approval = await desk.ask(rules(roles=("chief",), quorum=2))
    broker = desk.runtime.approvals
    await broker.delegate(approval.id, by="ann", roles=CHIEF, to="bob")
    await broker.delegate(approval.id, by="bob", to="cat")
    with pytest.raises(NotAllowed, match="bob handed"):
        await desk.runtime.decide(approval.id, Approve(), by="bob")
    await desk.runtime.decide(approval.id, Approve(), by="cat")

    for by, to in (("cat", "dan"), ("eli", "cat")):
        with pytest.raises(SamePersonTwice, match="cat has already answered"):
            await broker.delegate(approval.id, by=by, roles=CHIEF, to=to)
    assert (await broker.get(approval.id)).status == "pending"


async def test_nobody_hands_on_what_is_not_theirs_or_to_whom_it_is_denied(desk: Desk) -> None:
    _, approval = await desk.ask(rules(roles=("chief",), exclude_requester=True))
    broker = desk.runtime.approvals

    for by, roles, to in (
        ("ann", frozenset(), "bob"),
        ("ann", CHIEF, "Eve"),
        ("ann", CHIEF, "ann"),
        ("ann", CHIEF, ""),
    ):
        with pytest.raises(NotAllowed):
            await broker.delegate(approval.id, by=by, roles=roles, to=to)


# Deadlines


async def test_a_passed_deadline_rejects_and_a_late_answer_is_told_so(desk: Desk) -> None:
    run, approval = await desk.ask(rules(deadline=60))
    desk.clock.advance(60)

    with pytest.raises(TooLate, match=r"too late: .* rejected by the deadline at"):
        await desk.runtime.decide(approval.id, Approve(), by="ann")

    assert await desk.runtime.approvals.pending() == []
    assert await desk.go_on(run, "ok") == "done"
    assert desk.paid == []


async def test_an_answer_in_time_counts(desk: Desk) -> None:
    _, approval = await desk.ask(rules(deadline=60))
    desk.clock.advance(59)

    assert (await desk.runtime.decide(approval.id, Approve(), by="ann")).status == "decided"


@pytest.mark.parametrize(
    ("default", "text", "paid"), [("approve", "", [5]), ("reject", "closed", []), ("respond", "paid by cheque", [])]
)
async def test_a_deadline_does_what_was_declared(
    desk: Desk, default: Literal["approve", "reject", "respond"], text: str, paid: list[int]
) -> None:
    run, approval = await desk.ask(rules(deadline=60, on_deadline="default", default=default, default_text=text))
    desk.clock.advance(61)

    # The driver is the one who looks next.
    assert await desk.go_on(run, lambda request: request.messages[-1].text) == "done"

    after = await desk.runtime.approvals.get(approval.id)
    assert (after.decision and after.decision.type, after.decided_by) == (default, DEADLINE)
    assert desk.paid == paid
    assert text in str((await desk.runtime.runs.get(run.id)).output)


async def test_a_default_approval_is_for_the_call_as_it_was_asked(desk: Desk) -> None:
    declared = rules(quorum=2, deadline=60, on_deadline="default", default="approve")
    run, approval = await desk.ask(declared)
    await desk.runtime.decide(approval.id, Edit({"amount": 900}), by="ann")
    desk.clock.advance(60)

    assert await desk.go_on(run, "done") == "done"

    assert desk.paid == [5]


async def test_an_escalation_asks_others_for_as_long_again_and_then_rejects(desk: Desk) -> None:
    declared = rules(roles=("clerk",), quorum=2, deadline=60, on_deadline="escalate", escalate_to=("chief",))
    _, approval = await desk.ask(declared)
    await desk.runtime.decide(approval.id, Approve(), by="ann", roles={"clerk"})
    desk.clock.advance(1000)

    (escalated,) = await desk.runtime.approvals.pending()
    assert (escalated.roles, escalated.deadline) == (("chief",), desk.clock.now + 60)
    assert [step.by for step in escalated.approvals] == ["ann"]
    with pytest.raises(NotAllowed, match="chief since its deadline passed"):
        await desk.runtime.decide(approval.id, Approve(), by="bob", roles={"clerk"})
    desk.clock.advance(60)

    (ended,) = await desk.runtime.approvals.expire()
    assert (ended.status, ended.decided_by) == ("decided", DEADLINE)
    assert isinstance(ended.decision, Reject)


async def test_a_say_that_was_handed_on_ends_with_the_escalation(desk: Desk) -> None:
    _, approval = await desk.ask(rules(roles=("clerk",), deadline=60, on_deadline="escalate", escalate_to=("chief",)))
    await desk.runtime.approvals.delegate(approval.id, by="ann", roles=frozenset({"clerk"}), to="bob")
    desk.clock.advance(60)

    with pytest.raises(NotAllowed, match="chief"):
        await desk.runtime.decide(approval.id, Approve(), by="bob")


async def test_a_clock_set_back_reopens_nothing(desk: Desk) -> None:
    _, approval = await desk.ask(rules(deadline=60))
    desk.clock.advance(61)
    assert len(await desk.runtime.approvals.expire()) == 1
    desk.clock.advance(-86400)

    with pytest.raises(TooLate):
        await desk.runtime.decide(approval.id, Approve(), by="ann")
    assert await desk.runtime.approvals.expire() == []
    assert await desk.runtime.approvals.pending() == []


async def test_a_clock_set_back_does_not_turn_the_order_of_steps(desk: Desk) -> None:
    _, approval = await desk.ask(rules(quorum=2))
    await desk.runtime.decide(approval.id, Approve(), by="ann")
    desk.clock.advance(-86400)

    after = await desk.runtime.decide(approval.id, Approve(), by="bob")

    assert after.decided == after.steps[0].time

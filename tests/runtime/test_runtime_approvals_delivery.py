"""Approvals in batches, in races, in nested graphs and on the wire: each answer reaches its own call, once."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt

from graphwright.graphs import AgentState
from graphwright.models.script import calls
from graphwright.runtime import (
    AlreadyDecided,
    Approval,
    Approve,
    DigestMismatch,
    Edit,
    NotAllowed,
    Reject,
    Respond,
    RunFinished,
    Runtime,
    SamePersonTwice,
    Settings,
    approval_data,
)
from graphwright.runtime.database import Database
from graphwright.runtime.questions import Question, request_digest
from graphwright.tools import ApprovalRules

Desk = Any
CHIEF = frozenset({"chief"})


def rules(**given: Any) -> ApprovalRules:
    return ApprovalRules("Moves money.", **given)


# Batches


async def both(desk: Desk, *amounts: int, approval: ApprovalRules | None = None) -> list[Approval]:
    await desk.start(desk.graph(approval or rules(), [calls("pay", amount=each) for each in amounts]))
    return await desk.runtime.approvals.pending()


async def test_questions_about_the_very_same_are_approved_together(desk: Desk) -> None:
    asked = await both(desk, 5, 5, 5)

    done = await desk.runtime.approvals.approve_alike({each.id: each.digest for each in asked}, by="ann", comment="ok")

    assert [(each.status, each.decision) for each in done] == [("decided", Approve("ok"))] * 3


async def test_questions_that_differ_are_not_approved_together_and_nothing_is_recorded(desk: Desk) -> None:
    asked = await both(desk, 5, 6)

    with pytest.raises(DigestMismatch, match="something else"):
        await desk.runtime.approvals.approve_alike({each.id: each.digest for each in asked}, by="ann")

    assert len(await desk.runtime.approvals.pending()) == 2


async def test_one_refusal_in_a_batch_leaves_all_of_it_open(desk: Desk) -> None:
    asked = await both(desk, 5, 5)
    await desk.runtime.decide(asked[1].id, Reject(), by="bob")

    with pytest.raises(AlreadyDecided, match=asked[1].id):
        await desk.runtime.approvals.approve_alike({each.id: each.digest for each in asked}, by="ann")

    assert (await desk.runtime.approvals.get(asked[0].id)).status == "pending"


# Races


async def test_many_deciders_of_a_quorum_make_one_outcome(desk: Desk, tmp_path: Path) -> None:
    _, approval = await desk.ask(rules(quorum=3))
    others = [Runtime(desk.settings, clock=desk.clock) for _ in range(3)]
    for each in others:
        await each.__aenter__()

    answers = await asyncio.gather(
        *(each.decide(approval.id, Approve(), by=f"p{n % 5}") for n, each in enumerate(others * 4)),
        return_exceptions=True,
    )

    for each in others:
        await each.__aexit__(None, None, None)
    recorded = [each for each in answers if isinstance(each, Approval)]
    after = await desk.runtime.approvals.get(approval.id)
    assert len(recorded) == 3
    assert sum(each.status == "decided" for each in recorded) == 1
    assert len({step.by for step in after.approvals}) == 3
    assert all(isinstance(each, Approval | SamePersonTwice | AlreadyDecided) for each in answers)


async def test_of_an_answer_and_a_cancellation_at_once_one_wins(desk: Desk) -> None:
    for number in range(20):
        run, approval = await desk.ask(rules())
        late = asyncio.sleep(0)
        jobs = [desk.runtime.cancel(run.id), desk.runtime.decide(approval.id, Approve(), by="ann")]

        outcomes = await asyncio.gather(*(jobs if number % 2 else jobs[::-1]), late, return_exceptions=True)

        refused = [each for each in outcomes if isinstance(each, AlreadyDecided)]
        after = await desk.runtime.approvals.get(approval.id)
        assert after.status == ("cancelled" if refused else "decided")
        with pytest.raises(RunFinished):
            await desk.go_on(run)
    assert desk.paid == []


async def test_an_answer_between_the_two_writes_of_a_cancellation_is_refused(desk: Desk) -> None:
    run, approval = await desk.ask(rules())
    await desk.runtime.runs.move(run.id, "cancelled")

    with pytest.raises(AlreadyDecided, match="its run was cancelled"):
        await desk.runtime.decide(approval.id, Approve(), by="ann")


async def test_a_decision_is_not_applied_to_a_run_that_was_cancelled_meanwhile(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, approval = await desk.ask(rules())
    await desk.runtime.decide(approval.id, Approve(), by="ann")
    await desk.runtime.runs.move(approval.run_id, "cancelled")
    question = Question(key=approval.key, call_id="c", tool="pay", arguments={}, rules=rules(), digest=approval.digest)
    monkeypatch.setattr("langgraph.types.interrupt", lambda value: None)  # there is no graph here to be woken

    with pytest.raises(RunFinished, match="not asked or applied"):
        await desk.runtime.approvals.ask(question)


async def test_the_same_call_with_other_arguments_does_not_get_the_answer(desk: Desk) -> None:
    _, approval = await desk.ask(rules())
    await desk.runtime.decide(approval.id, Approve(), by="ann")
    other = request_digest("local", approval.thread_id, approval.key, "pay", {"amount": 6})

    with pytest.raises(DigestMismatch, match="nothing was done"):
        await desk.runtime.approvals.ask(
            Question(key=approval.key, call_id="c", tool="pay", arguments={"amount": 6}, rules=rules(), digest=other)
        )


# Nested and parallel


def nested(desk: Desk, *script: Any) -> StateGraph[Any, Any]:
    """Two agents side by side, each two graphs deep, each with two calls at once."""
    outer = StateGraph(AgentState)
    for number, name in enumerate(("left", "right")):
        inner = StateGraph(AgentState)
        amounts = (10 * number + 1, 10 * number + 2)
        replies = script or ([calls("pay", amount=each) for each in amounts],)
        inner.add_node("loop", desk.graph(rules(), *replies).compile())
        inner.add_edge(START, "loop")
        inner.add_edge("loop", END)
        outer.add_node(name, inner.compile())
        outer.add_edge(START, name)
        outer.add_edge(name, END)
    return outer


async def test_nested_and_parallel_calls_each_resume_only_themselves(desk: Desk) -> None:
    run = await desk.start(nested(desk))
    asked = {each.arguments["amount"]: each for each in await desk.runtime.approvals.pending()}
    assert sorted(asked) == [1, 2, 11, 12]

    await desk.runtime.decide(asked[2].id, Approve(), by="ann")
    await desk.runtime.decide(asked[11].id, Reject("no"), by="ann")
    await desk.drive(run, nested(desk, "done"))
    assert desk.paid == [2]
    assert {each.arguments["amount"] for each in await desk.runtime.approvals.pending()} == {1, 12}

    await desk.runtime.decide(asked[1].id, Respond("paid by hand"), by="ann")
    await desk.runtime.decide(asked[12].id, Edit({"amount": 13}), by="ann")
    await desk.drive(run, nested(desk, "done"))

    assert desk.paid == [2, 13]
    assert (await desk.runtime.runs.get(run.id)).status == "done"
    assert len(await desk.runtime.approvals.of_run(run.id)) == 4


# On the wire


async def test_the_wire_is_langchains_with_more_keys(desk: Desk) -> None:
    _, approval = await desk.ask(rules(roles=("chief",), quorum=2, deadline=60))
    approval = await desk.runtime.decide(approval.id, Approve("fine"), by="ann", roles=CHIEF)

    wire = approval.to_wire()

    langchain = {name: wire[name] for name in ("type", "name", "args", "description")}
    assert langchain == {
        "type": "tool_approval",
        "name": "pay",
        "args": {"amount": 5},
        "description": "Moves money.",
    }
    assert wire["tool_call_id"] == approval.call_id
    ours = {name: wire[name] for name in ("deadline", "roles", "quorum", "digest", "on_deadline")}
    assert ours == {
        "deadline": desk.clock.now + 60,
        "roles": ["chief"],
        "quorum": 2,
        "digest": approval.digest,
        "on_deadline": "reject",
    }
    assert wire["approvals"] == [{"by": "ann", "time": desk.clock.now, "comment": "fine"}]


async def test_an_approval_as_data_tells_every_step(desk: Desk) -> None:
    _, approval = await desk.ask(rules())
    await desk.runtime.approvals.delegate(approval.id, by="ann", to="bob", comment="please")
    done = await desk.runtime.decide(approval.id, Reject("no", "not now"), by="bob")

    steps = approval_data(done)["steps"]

    assert [(each["kind"], each["by"]) for each in steps] == [("delegate", "ann"), ("answer", "bob")]
    assert steps[1]["decision"] == {"type": "reject", "message": "no", "comment": "not now"}


async def test_bare_langgraph_refuses_rules_that_it_cannot_check(desk: Desk) -> None:
    graph = desk.graph(rules(quorum=2), calls("pay", amount=5)).compile()

    with pytest.raises(NotAllowed, match="Run the graph by a graphwright Runtime"):
        await graph.ainvoke({"messages": [{"role": "user", "content": "go"}]})

    assert desk.paid == []


async def test_two_equal_interrupts_of_one_node_are_two_questions(desk: Desk) -> None:
    async def node(state: AgentState) -> dict[str, Any]:
        return {"messages": [("ai", f"{interrupt('Sure?')}, {interrupt('Sure?')}")]}

    graph = StateGraph(AgentState).add_node("node", node).add_edge(START, "node").add_edge("node", END)
    run = await desk.start(graph)

    for answer in ("yes", "no"):
        (approval,) = await desk.runtime.approvals.pending(run_id=run.id)
        await desk.runtime.decide(approval.id, Respond(answer), by="ann")
        await desk.drive(run, graph)

    assert (await desk.runtime.runs.get(run.id)).output == "yes, no"


async def test_a_question_of_an_older_release_is_still_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(project_dir=tmp_path, state_dir=tmp_path / "old")
    with monkeypatch.context() as earlier:
        earlier.setattr("graphwright.runtime.migrations.MIGRATIONS", ("v0001_first", "v0002_journal"))
        old = await Database(settings.database).open()
        values = "'appr_1','k','r','t','local','clerk','pay','c','{\"amount\":5}','d','Moves money.','approve,reject'"
        await old.transaction(
            lambda connection: connection.exec_driver_sql(
                "INSERT INTO approvals (id,key,run_id,thread_id,tenant,agent,tool,call_id,arguments,digest,reason,"
                f"allowed,status,asked) VALUES ({values},'pending',1.0)"
            )
        )
        await old.close()

    async with Runtime(settings) as runtime:
        done = await runtime.decide("appr_1", Approve(), by="ann", digest="d")

    assert (done.decided_by, done.rules) == ("ann", rules())

"""People answer approvals as a case says, and go on after a crash where they had stopped."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from graphwright.evals import Answer, People
from graphwright.runtime import Approval, ManualClock, Reject, Runtime, Settings
from graphwright.runtime.questions import Question, request_digest
from graphwright.tools import ApprovalRules


@pytest.fixture
async def runtime(tmp_path: Path) -> AsyncIterator[Runtime]:
    async with Runtime(Settings(project_dir=tmp_path, state_dir=tmp_path), clock=ManualClock()) as opened:
        yield opened


async def asked(runtime: Runtime, run: str, item: str, *, tool: str = "refund", **rules: Any) -> Approval:
    arguments = {"item": item, "amount": 5}
    question = Question(
        key=f"{run}|{tool}|{item}",
        call_id=item,
        tool=tool,
        arguments=arguments,
        rules=ApprovalRules("Moves money.", **rules),
        agent="desk",
        run_id=run,
        thread_id="thread",
        digest=request_digest("local", "thread", f"{run}|{tool}|{item}", tool, arguments),
    )
    return await runtime.approvals.record(question)


async def a_run(runtime: Runtime) -> str:
    return (await runtime.start("shop", {})).id


async def test_each_answer_counts_as_often_as_it_says_and_the_rest_stays_open(runtime: Runtime) -> None:
    run = await a_run(runtime)
    for item in ("a", "b", "c"):
        await asked(runtime, run, item)
    people = People([Answer(decide="approve", times=2)])

    given = await people.play(runtime, run)

    assert [each.decision.type for each in given] == ["approve", "approve"]
    assert len(await runtime.approvals.pending(run_id=run)) == 1
    assert await people.play(runtime, run) == []
    assert people.problems == []


async def test_answers_find_their_approvals_by_tool_agent_and_arguments(runtime: Runtime) -> None:
    run = await a_run(runtime)
    await asked(runtime, run, "a")
    edited = await asked(runtime, run, "b")
    await asked(runtime, run, "c", tool="cancel")
    people = People(
        [
            Answer(decide="never", tool="cancel"),
            Answer(decide="approve", agent="somebody else"),
            Answer(decide="edit", when={"item": "b"}, arguments={"amount": 3}),
            Answer(decide="reject", arguments={"item": "a"}, message="No."),
        ]
    )

    given = await people.play(runtime, run)

    assert {(each.tool, each.decision.type) for each in given} == {("refund", "reject"), ("refund", "edit")}
    assert (await runtime.approvals.get(edited.id)).arguments == {"item": "b", "amount": 3}
    assert [each.tool for each in await runtime.approvals.pending(run_id=run)] == ["cancel"]


async def test_whoever_takes_over_gives_the_answer_that_was_begun_and_no_other(runtime: Runtime) -> None:
    run = await a_run(runtime)
    first = await asked(runtime, run, "a")
    answers = [Answer(decide="reject", message="No."), Answer(decide="approve")]
    begun_before_the_crash = {first.id: [0]}

    await People(answers, begun_before_the_crash).play(runtime, run)

    assert (await runtime.approvals.get(first.id)).decision == Reject("No.")
    assert begun_before_the_crash == {first.id: [0]}


async def test_two_people_answer_one_question_that_needs_both(runtime: Runtime) -> None:
    run = await a_run(runtime)
    approval = await asked(runtime, run, "a", quorum=2)
    people = People([Answer(decide="approve", by="ann"), Answer(decide="approve", by="bob")])

    await people.play(runtime, run)
    await people.play(runtime, run)

    assert [each.by for each in (await runtime.approvals.get(approval.id)).approvals] == ["ann", "bob"]
    assert people.problems == []


async def test_a_late_and_a_contradictory_answer_are_refused_and_that_is_no_problem(runtime: Runtime) -> None:
    run = await a_run(runtime)
    await asked(runtime, run, "a", deadline=60.0, on_deadline="reject")
    await asked(runtime, run, "b")
    clock = runtime.clock
    assert isinstance(clock, ManualClock)
    late = Answer(decide="approve", when={"item": "a"}, late=True)
    twice = Answer(decide="approve", when={"item": "b"}, contradicts=True)
    people = People([late, twice], wait=clock.advance)

    given = await people.play(runtime, run)

    assert [bool(each.refused) for each in given] == [True, False]
    assert people.problems == []


async def test_an_answer_that_is_refused_though_it_should_count_is_a_problem(runtime: Runtime) -> None:
    run = await a_run(runtime)
    await asked(runtime, run, "a", roles=("billing",))
    people = People([Answer(decide="approve", by="ann")])

    await people.play(runtime, run)

    assert people.problems[0].startswith("approve of refund was refused: ")

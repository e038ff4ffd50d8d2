"""Concurrent: side by side, in declared order, with errors as results, and one answer at the end."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from graphwright.graphs import ParticipantFailed, PatternDeclarationError, concurrent, sequential
from graphwright.models import ModelUnavailable
from graphwright.models.script import Reply, calls
from graphwright.tools import ToolFailed, tool

GO = {"messages": [HumanMessage("go")]}


async def run(graph: Any) -> dict[str, Any]:
    return await graph.compile().ainvoke(GO)


def three(works: Any, *answers: Any) -> list[Any]:
    return [works.agent(name, answer) for name, answer in zip("cab", answers, strict=True)]


async def test_results_are_in_declared_order_whoever_was_first(works: Any) -> None:
    done = await run(concurrent(*three(works, Reply(text="slow", delay=0.05), "one", "two")))

    assert list(done["results"]) == ["c", "a", "b"]
    assert done["messages"][-1].text == "## c\n\nslow\n\n## a\n\none\n\n## b\n\ntwo"
    assert [m.type for m in done["messages"]] == ["human", "ai"]


async def test_they_work_side_by_side_but_no_more_than_max_concurrency(works: Any) -> None:
    at_once = highest = 0

    @tool(effect="read")
    async def busy() -> str:
        """Be busy."""
        nonlocal at_once, highest
        at_once += 1
        highest = max(highest, at_once)
        await asyncio.sleep(0.02)
        at_once -= 1
        return "done"

    agents = [works.agent(f"a{n}", calls("busy"), "x", tools=[busy]) for n in range(5)]
    graph = concurrent(*agents, max_concurrency=2)

    await run(graph)

    assert highest == 2


async def test_lanes_are_counted_for_each_run_and_each_event_loop(works: Any) -> None:
    def graph() -> Any:
        return concurrent(*(works.agent(f"a{n}", "x", "x", "x") for n in range(3)), max_concurrency=1)

    compiled = graph().compile()

    both = await asyncio.gather(compiled.ainvoke(GO), compiled.ainvoke(GO))
    third = await asyncio.to_thread(lambda: asyncio.run(compiled.ainvoke(GO)))

    assert [len(each["results"]) for each in (*both, third)] == [3, 3, 3]


async def test_an_agent_that_fails_is_a_result_and_the_others_count(works: Any) -> None:
    done = await run(concurrent(*three(works, ModelUnavailable("gone"), "one", ""), min_success=1))

    assert [each["status"] for each in done["results"].values()] == ["error", "done", "error"]
    assert done["results"]["c"]["retryable"] is True
    assert "gone" in done["results"]["c"]["error"]
    assert done["results"]["b"]["error"] == "It ended without an answer."
    assert done["messages"][-1].text == "## a\n\none"


async def test_too_few_successes_fail_and_say_who_failed_and_why(works: Any) -> None:
    agents = three(works, ModelUnavailable("gone"), "one", "")

    with pytest.raises(ParticipantFailed) as failed:
        await run(concurrent(*agents, min_success=2))

    assert "Only 1 of 3 in 'concurrent' succeeded; 2 are needed." in str(failed.value)
    assert "gone" in str(failed.value)
    assert "b: It ended without an answer." in str(failed.value)


async def test_a_tool_whose_errors_end_the_run_ends_it_here_too(works: Any) -> None:
    @tool(effect="read", ends_run=True)
    async def fatal() -> str:
        """Fail so that the run ends."""
        raise ToolFailed("The disk is gone.")

    agents = [works.agent("a", calls("fatal"), tools=[fatal]), works.agent("b", "fine")]
    started, _ = await works.start(concurrent(*agents))

    assert (await works.now(started)).status == "failed"
    assert "The disk is gone." in (await works.now(started)).error


@pytest.mark.parametrize(
    ("answers", "most"),
    [(["Yes", "no", "yes."], "Yes"), (["a", "b", "c"], "a"), (["no", "yes", "YES"], "yes")],
)
async def test_a_vote_takes_the_most_frequent_answer_and_the_first_of_equals(
    works: Any, answers: list[str], most: str
) -> None:
    done = await run(concurrent(*three(works, *answers), aggregate="vote"))

    assert done["messages"][-1].text == most


async def test_a_quorum_is_more_than_half_unless_it_is_given(works: Any) -> None:
    agreed = await run(concurrent(*three(works, "no", "yes", "yes"), aggregate="quorum"))
    missed = await run(concurrent(*three(works, "no", "yes", "yes"), aggregate="quorum", quorum=3))

    assert agreed["messages"][-1].text == "yes"
    assert missed["failed"]
    assert "No answer was given by 3 participants. c: no; a: yes; b: yes." in missed["ended"]


async def test_a_quorum_counts_those_that_failed_as_not_agreeing(works: Any) -> None:
    done = await run(concurrent(*three(works, "", "", "yes"), aggregate="quorum"))

    assert done["failed"]


async def test_a_judge_hears_the_task_and_every_answer(works: Any) -> None:
    judge = works.agent("judge", "the best of them")

    done = await run(concurrent(*three(works, "x", "y", "z"), aggregate=judge))

    told = judge.model.requests[0].messages[-1].text
    assert all(words in told for words in ("user: go", "## c", "x", "## b", "z"))
    assert (done["messages"][-1].text, done["messages"][-1].name) == ("the best of them", "judge")


async def test_a_function_makes_the_answer_also_a_structured_one(works: Any) -> None:
    done = await run(
        concurrent(
            *three(works, "1", "2", "3"), aggregate=lambda results: {"sum": sum(int(r["text"]) for r in results)}
        )
    )

    assert done["output"] == {"sum": 6}
    assert done["messages"][-1].text == '{"sum":6}'


def paying(works: Any) -> Any:
    def build(script: Any) -> Any:
        agents = [works.agent(name, *script.get(name, ()), tools=[works.pay]) for name in ("a", "b", "c")]
        inner = concurrent(agents[1], agents[2], name="inner")
        return sequential(concurrent(agents[0], inner, name="outer"), works.agent("last", *script.get("last", ())))

    return build


BEFORE = {"a": ["free"], "b": [calls("pay", amount=5)], "c": [calls("pay", amount=7)]}
AFTER = {"b": ["paid five"], "c": ["paid seven"], "last": ["done"]}


async def test_two_approvals_two_deep_wait_side_by_side_and_nobody_is_asked_again(works: Any) -> None:
    done = await works.through_approval(paying(works), BEFORE, AFTER)

    assert (done.status, done.output, sorted(works.paid)) == ("done", "done", [5, 7])


async def test_one_answered_approval_lets_its_participant_go_on_and_the_other_wait(works: Any) -> None:
    from graphwright.runtime import Approve

    build = paying(works)
    started, _ = await works.start(build(BEFORE))
    first, second = sorted(await works.runtime.approvals.pending(), key=lambda each: each.arguments["amount"])

    await works.runtime.decide(second.id, Approve(), by="ann")
    await works.drive(started, build({"c": ["paid seven"]}))

    assert ((await works.now(started)).status, works.paid) == ("waiting", [7])
    await works.runtime.decide(first.id, Approve(), by="ann")
    await works.drive(started, build({"b": ["paid five"], "last": ["done"]}))
    assert ((await works.now(started)).status, works.paid) == ("done", [7, 5])


async def test_a_replay_calls_nothing(works: Any) -> None:
    done = await works.through_approval(paying(works), BEFORE, AFTER)

    replayed = await works.replay(done, paying(works)({}))

    assert replayed.changes == ()
    assert (replayed.verdict, sorted(works.paid)) == ("same", [5, 7])


async def test_a_fork_asks_both_again(works: Any) -> None:
    build = paying(works)
    done = await works.through_approval(build, BEFORE, AFTER)

    forked = await works.fork_before(done, build({}), "outer")
    await works.drive(forked, build(BEFORE))

    assert (await works.now(forked)).status == "waiting"
    assert len(await works.runtime.approvals.pending(run_id=forked.id)) == 2
    assert sorted(works.paid) == [5, 7]


def test_everything_wrong_is_told_at_once(works: Any) -> None:
    with pytest.raises(PatternDeclarationError) as found:
        concurrent(works.agent("aggregate"), min_success=2, max_concurrency=0, quorum=9)

    text = str(found.value)
    for words in (
        "It has 1 participants",
        "'aggregate' cannot be used",
        "min_success is 2",
        "max_concurrency is 0",
        "quorum is given",
        "quorum is 9",
    ):
        assert words in text

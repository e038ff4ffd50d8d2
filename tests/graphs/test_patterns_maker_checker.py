"""Maker and checker: specific objections go back, the rounds end, and there is always a fallback."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from graphwright.graphs import ParticipantFailed, PatternDeclarationError, Verdict, maker_checker, sequential
from graphwright.models import OfflineModel
from graphwright.models.script import calls
from graphwright.runtime import Approve, Edit, Reject, Respond, RunContext

GO = {"messages": [HumanMessage("go")]}


async def run(graph: Any, **context: Any) -> dict[str, Any]:
    return await graph.compile().ainvoke(GO, context=RunContext(**context))


def cites(text: str) -> str | None:
    return None if "[1]" in text else "Name a source, like [1]."


async def test_the_maker_hears_its_draft_and_every_objection(works: Any) -> None:
    maker = works.agent("writer", "It is so.", "It is so [1].")

    done = await run(maker_checker(maker, lambda text: [] if "[1]" in text else ["Cite.", "Be brief."]))

    second = maker.model.requests[1].messages[1:]
    assert [(m.type, m.text) for m in second[:2]] == [("human", "go"), ("ai", "It is so.")]
    assert "- Cite.\n- Be brief." in second[2].text
    assert [m.text for m in done["messages"]] == ["go", "It is so [1]."]
    assert (done["rounds"], done["ended"], done["warning"]) == (2, None, "")


async def test_an_agent_checks_by_the_criteria_it_is_told(works: Any) -> None:
    checker = works.agent("critic", {"approved": False, "objections": ["Say when."]}, {"approved": True})
    maker = works.agent("writer", "one", "two")

    done = await run(maker_checker(maker, checker, accept="It says when."))

    assert "It says when." in checker.model.requests[0].messages[-1].text
    assert "two" in checker.model.requests[1].messages[-1].text
    assert done["messages"][-1].text == "two"


async def test_a_refusal_without_a_reason_still_says_so(works: Any) -> None:
    maker = works.agent("writer", "one", "two")
    checker = works.agent("critic", {"approved": False}, {"approved": True})

    await run(maker_checker(maker, checker))

    assert "did not approve and gave no reason" in maker.model.requests[1].messages[-1].text


async def test_after_the_last_round_the_best_draft_is_given_with_a_warning(works: Any) -> None:
    maker = works.agent("writer", "worst", "best", "middle")
    verdicts = {"worst": ["a", "b", "c"], "best": ["a"], "middle": ["a", "b"]}

    done = await run(maker_checker(maker, verdicts.__getitem__))

    assert done["messages"][-1].text == "best\n\nQuality warning: after 3 drafts the check still objects: a"
    assert done["warning"].startswith("Quality warning")
    assert done["ended"] == "The limit of 3 rounds is reached."
    assert not done["failed"]


async def test_scores_count_before_the_number_of_objections(works: Any) -> None:
    scores = {"one": 0.9, "two": 0.2}

    def judge(text: str) -> Verdict:
        return Verdict(approved=False, objections=["x"] * (3 if text == "one" else 1), score=scores[text])

    done = await run(maker_checker(works.agent("writer", "one", "two"), judge, max_rounds=2))

    assert done["messages"][-1].text.startswith("one\n")


async def test_code_checks_before_the_checker_is_asked(works: Any) -> None:
    checker = works.agent("critic", {"approved": True})

    done = await run(maker_checker(works.agent("writer", "bare", "cited [1]"), checker, checks=[cites]))

    assert len(checker.model.requests) == 1
    assert done["messages"][-1].text == "cited [1]"


async def test_the_offline_model_does_not_judge_and_that_is_said(works: Any) -> None:
    from graphwright.agents import Agent

    checker = Agent(name="critic", description="Checks.", prompt="Check.")
    maker = works.agent("writer", "bare", "cited [1]")

    done = await run(maker_checker(maker, checker, checks=[cites]), model=OfflineModel())

    assert done["messages"][-1].text == "cited [1]"
    assert "no judge of meaning" in done["warning"]


async def test_a_checker_that_fails_has_not_approved_and_ends_the_run(works: Any) -> None:
    with pytest.raises(ZeroDivisionError):
        await run(maker_checker(works.agent("writer", "one"), works.agent("critic", ZeroDivisionError("oops"))))


async def test_a_maker_that_says_nothing_ends_the_run(works: Any) -> None:
    with pytest.raises(ParticipantFailed, match="'writer' failed: It ended without an answer"):
        await run(maker_checker(works.agent("writer", ""), cites))


def escalating(works: Any, *drafts: str) -> Any:
    maker = maker_checker(works.agent("writer", *drafts), cites, max_rounds=2, fallback="escalate")
    return sequential(maker, works.agent("publisher", "published"), name="desk")


async def escalated(works: Any, decision: Any) -> tuple[Any, dict[str, Any]]:
    """What becomes of two drafts without a source, once a person has decided."""
    started, _ = await works.start(escalating(works, "one", "two"))
    (asked,) = await works.runtime.approvals.pending(run_id=started.id)
    assert asked.arguments == {"draft": "two", "objections": ["Name a source, like [1]."]}
    assert "Name a source" in asked.reason
    await works.runtime.decide(asked.id, decision, by="ann")
    await works.drive(started, escalating(works))
    return await works.now(started), await works.state(started, escalating(works))


@pytest.mark.parametrize(
    ("decision", "text"),
    [
        (Approve(), "two"),
        (Edit({"draft": "two [1]", "objections": []}), "two [1]"),
        (Edit({"draft": "two [1]"}), "two [1]"),
        (Respond("Mine."), "Mine."),
    ],
)
async def test_a_person_accepts_edits_or_answers_in_its_place(works: Any, decision: Any, text: str) -> None:
    done, state = await escalated(works, decision)

    assert (done.status, done.output) == ("done", "published")
    assert [m.text for m in state["messages"]] == ["go", text, "published"]


async def test_a_draft_that_a_person_rejects_goes_no_further(works: Any) -> None:
    _, state = await escalated(works, Reject("Not like this."))

    assert state["failed"]
    assert "Not like this." in state["ended"]
    assert "publisher" not in state["results"]


def paying(works: Any) -> Any:
    def build(script: Any) -> Any:
        clerk = works.agent("clerk", *script.get("clerk", ()), tools=[works.pay])
        inner = maker_checker(clerk, cites, name="inner")
        return maker_checker(inner, works.agent("critic", *script.get("critic", ())), name="outer")

    return build


BEFORE = {"clerk": ["bare", calls("pay", amount=5)]}
AFTER = {"clerk": ["paid [1]"], "critic": [{"approved": True}]}


async def test_an_approval_in_the_second_round_two_deep_repeats_nothing(works: Any) -> None:
    done = await works.through_approval(paying(works), BEFORE, AFTER)

    assert (done.status, done.output, works.paid) == ("done", "paid [1]", [5])


async def test_a_fork_works_again_and_a_replay_calls_nothing(works: Any) -> None:
    build = paying(works)
    done = await works.through_approval(build, BEFORE, AFTER)

    replayed = await works.replay(done, build({}))
    forked = await works.fork_before(done, build({}), "critic")
    await works.drive(forked, build({"critic": [{"approved": True}]}))

    assert replayed.changes == ()
    assert replayed.verdict == "same"
    assert ((await works.now(forked)).output, works.paid) == ("paid [1]", [5])


def test_everything_wrong_is_told_at_once(works: Any) -> None:
    critic = works.agent("critic")

    with pytest.raises(PatternDeclarationError) as found:
        maker_checker(critic, critic, max_rounds=0, fallback="hope", checks=[critic])  # type: ignore[arg-type]

    text = str(found.value)
    for words in ("'critic' is there 2 times", "max_rounds is 0", "fallback is 'hope'", "checks hold an agent"):
        assert words in text


async def test_a_long_draft_that_a_person_accepts_is_not_cut(works: Any) -> None:
    long = "word " * 10_000

    def build(*drafts: str) -> Any:
        return maker_checker(works.agent("writer", *drafts), cites, max_rounds=1, fallback="escalate")

    started, _ = await works.start(build(long))
    await works.approve(started)
    await works.drive(started, build())

    assert (await works.now(started)).output == long


async def test_an_inner_warning_is_in_the_outer_result(works: Any) -> None:
    inner = maker_checker(works.agent("writer", "bare"), cites, max_rounds=1, name="inner")

    done = await run(sequential(inner))

    assert done["results"]["inner"]["warning"].startswith("Quality warning")

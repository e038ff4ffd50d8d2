"""Sequential: stages in order, what goes along, gates, and what happens when a stage waits, fails or says nothing."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from pydantic import BaseModel

from graphwright.graphs import Gate, ParticipantFailed, PatternDeclarationError, sequential
from graphwright.models import ModelUnavailable
from graphwright.models.script import calls

GO = {"messages": [HumanMessage("go")]}


async def run(graph: Any, values: Any = None) -> dict[str, Any]:
    return await graph.compile().ainvoke(values or GO)


async def test_each_stage_hears_the_last_answer_alone(works: Any) -> None:
    one, two = works.agent("one", "first"), works.agent("two", "second")

    done = await run(sequential(one, two))

    assert [(m.type, m.name, m.text) for m in two.model.requests[0].messages[1:]] == [("human", "one", "first")]
    assert [m.text for m in done["messages"]] == ["go", "first", "second"]
    assert list(done["results"]) == done["route"] == ["one", "two"]


async def test_the_full_history_goes_along_when_asked_for(works: Any) -> None:
    one, two = works.agent("one", "first"), works.agent("two", "second")

    await run(sequential(one, two, carry="full"))

    assert [m.text for m in two.model.requests[0].messages[1:]] == ["go", "first"]


async def test_a_filter_decides_what_goes_along(works: Any) -> None:
    one, two = works.agent("one", "first"), works.agent("two", "second")

    await run(sequential(one, two, carry=lambda messages: messages[:1]))

    assert [m.text for m in two.model.requests[0].messages[1:]] == ["go"]


async def test_the_turns_of_earlier_stages_do_not_count_against_a_later_one(works: Any) -> None:
    one = works.agent("one", calls("pay", amount=1), calls("pay", amount=2), "first", tools=[works.pay])
    two = works.agent("two", calls("ask", word="x"), "second", tools=[asking], max_turns=2)

    run, _ = await works.start(sequential(one, two, carry="full"))
    for _ in range(2):
        await works.approve(run)
        await works.drive(run, sequential(one, two, carry="full"))

    assert (await works.now(run)).output == "second"
    assert len(two.model.requests) == 2


async def asking(word: str) -> str:
    """Ask."""
    return word


async def test_a_gate_sends_the_stage_back_with_what_is_wrong(works: Any) -> None:
    one, two = works.agent("one", "bad", "a good one"), works.agent("two", "second")

    done = await run(sequential(one, two, gates={"one": lambda text: "good" in text or "It is not good."}))

    again = [m.text for m in one.model.requests[1].messages[1:]]
    assert again[:2] == ["go", "bad"]
    assert "- It is not good." in again[2]
    assert [m.text for m in done["messages"]] == ["go", "a good one", "second"]


async def test_bad_output_does_not_flow_on(works: Any) -> None:
    one, two = works.agent("one", "bad", "worse"), works.agent("two")

    done = await run(sequential(one, two, gates={"one": Gate(check=lambda _: "It is bad.", retries=1)}))

    assert two.model.requests == []
    assert (done["failed"], done["results"]["one"]["status"]) == (True, "error")
    assert "let nothing pass in 2 tries. It is bad." in done["ended"]
    assert [m.text for m in done["messages"]] == ["go", f"Stopped. {done['ended']}"]


class Sum(BaseModel):
    total: int


async def test_a_gate_may_be_a_schema(works: Any) -> None:
    one = works.agent("one", '{"total": "many"}', '{"total": 3}')

    done = await run(sequential(one, gates={"one": Sum}))

    assert "total: Input should be a valid integer" in one.model.requests[1].messages[-1].text
    assert done["messages"][-1].text == '{"total": 3}'


async def test_a_gate_may_be_an_agent_and_is_told_the_criteria_the_task_and_the_answer(works: Any) -> None:
    judge = works.agent("judge", {"approved": False, "objections": ["Name a source."]}, {"approved": True})
    one = works.agent("one", "draft", "draft with source")

    done = await run(sequential(one, gates={"one": Gate(check=judge, criteria="It names a source.")}))

    told = judge.model.requests[0].messages[-1].text
    assert all(words in told for words in ("It names a source.", "user: go", "draft"))
    assert done["messages"][-1].text == "draft with source"


async def test_a_judge_that_gives_no_verdict_has_not_approved(works: Any) -> None:
    silent = works.agent("silent", {"colour": "red"}, {"colour": "red"}, {"colour": "red"}, output=Colour)

    done = await run(sequential(works.agent("one", "draft"), gates={"one": Gate(check=silent, retries=0)}))

    assert "no verdict that can be read" in done["ended"]


class Colour(BaseModel):
    colour: str


async def test_a_check_that_breaks_lets_nothing_pass(works: Any) -> None:
    def broken(_: str) -> bool:
        raise ZeroDivisionError("oops")

    with pytest.raises(ZeroDivisionError):
        await run(sequential(works.agent("one", "draft"), gates={"one": broken}))


async def test_a_stage_that_fails_ends_the_run_with_its_own_error(works: Any) -> None:
    run, _ = await works.start(sequential(works.agent("one", "first"), works.agent("two", ModelUnavailable("gone"))))

    ended = await works.now(run)
    assert ended.status == "queued"
    assert "Nothing is lost" in ended.error

    await works.drive(run, sequential(works.agent("one"), works.agent("two", "second")))
    assert (await works.now(run)).output == "second"


async def test_a_stage_that_says_nothing_ends_the_run(works: Any) -> None:
    with pytest.raises(ParticipantFailed, match="'one' failed: It ended without an answer"):
        await run(sequential(works.agent("one", ""), works.agent("two")))


def paying(works: Any) -> Any:
    def build(script: Any) -> Any:
        first, clerk, last = (works.agent(name, *script.get(name, ()), tools=[works.pay]) for name in ("a", "b", "c"))
        return sequential(first, sequential(clerk, last, name="inner"), name="outer")

    return build


BEFORE = {"a": ["pay five"], "b": [calls("pay", amount=5)]}
AFTER = {"b": ["paid"], "c": ["all is paid"]}


async def test_an_approval_two_deep_waits_and_goes_on_without_asking_a_model_again(works: Any) -> None:
    done = await works.through_approval(paying(works), BEFORE, AFTER)

    assert (done.status, done.output, works.paid) == ("done", "all is paid", [5])


async def test_a_fork_before_the_inner_stage_asks_again_and_a_replay_calls_nothing(works: Any) -> None:
    build = paying(works)
    run = await works.through_approval(build, BEFORE, AFTER)

    replayed = await works.replay(run, build({}))
    forked = await works.fork_before(run, build({}), "inner")
    await works.drive(forked, build({"b": BEFORE["b"]}))

    assert (replayed.verdict, replayed.missing) == ("same", ())
    assert ((await works.now(forked)).status, works.paid) == ("waiting", [5])
    await works.approve(forked)
    await works.drive(forked, build(AFTER))
    assert ((await works.now(forked)).output, works.paid) == ("all is paid", [5, 5])


async def test_a_gate_that_stops_an_inner_sequence_stops_the_outer_one(works: Any) -> None:
    inner = sequential(works.agent("a", "bad"), gates={"a": Gate(check=lambda _: "No.", retries=0)}, name="inner")

    done = await run(sequential(inner, works.agent("b"), name="outer"))

    assert done["failed"]
    assert "Stage 'inner' stopped: The gate after 'a'" in done["ended"]


async def test_a_second_input_on_the_thread_starts_counting_anew(works: Any) -> None:
    from langgraph.checkpoint.memory import InMemorySaver

    one = works.agent("one", "bad", "good", "bad", "good")
    graph = sequential(one, gates={"one": lambda text: text == "good"}).compile(checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "t"}}

    await graph.ainvoke(GO, config)
    done = await graph.ainvoke({"messages": [HumanMessage("again")]}, config)

    assert done["route"] == ["one", "one"]
    assert [m.text for m in done["messages"]] == ["go", "good", "again", "good"]


def test_everything_wrong_with_a_sequence_is_told_at_once(works: Any) -> None:
    one = works.agent("one")

    with pytest.raises(PatternDeclarationError) as found:
        sequential(one, one, carry="some", gates={"on": Gate(check=bool, retries=-1)})  # type: ignore[arg-type]

    text = str(found.value)
    for words in ("'one' is there 2 times", "no stage 'on'", "Did you mean 'one'?", "carry is 'some'", "-1 retries"):
        assert words in text


def test_a_sequence_needs_a_stage() -> None:
    with pytest.raises(PatternDeclarationError, match="It has 0 participants"):
        sequential()


async def test_assistant_messages_of_the_caller_stay_the_listeners_own(works: Any) -> None:
    one = works.agent("one", "hello again")
    history = [HumanMessage("hi"), AIMessage("hello"), HumanMessage("bye")]

    await run(sequential(one), {"messages": history})

    assert [m.type for m in one.model.requests[0].messages[1:]] == ["human", "ai", "human"]

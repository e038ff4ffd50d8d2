"""Map and reduce: one task an item, results in the order of the items, errors as results."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from langchain_core.messages import HumanMessage
from pydantic import BaseModel

from graphwright.agents import Agent
from graphwright.graphs import ParticipantFailed, PatternDeclarationError, map_reduce, sequential
from graphwright.models import ModelUnavailable, ScriptedModel
from graphwright.models.script import Reply, When, calls
from graphwright.tools import tool

GO = {"messages": [HumanMessage("a b c")]}


def words(messages: Any) -> list[str]:
    return messages[-1].text.split()


def joined(results: Any) -> str:
    return "+".join(each["text"] for each in results)


async def run(graph: Any, values: Any = None) -> dict[str, Any]:
    return await graph.compile().ainvoke(values or GO)


def by_item(name: str, /, tools: Any = (), then: Any = (), **replies: Any) -> Agent:
    """An agent that answers by the item it is given."""
    script = [When(lambda asked, item=item: asked.messages[-1].text == item, reply) for item, reply in replies.items()]
    script.extend(then)
    return Agent(name=name, description="Works.", prompt="Work.", model=ScriptedModel(script), tools=tools)


async def test_results_are_in_the_order_of_the_items_whoever_was_first() -> None:
    mapper = by_item("mapper", a=Reply(text="A", delay=0.05), b="B", c="C")

    done = await run(map_reduce(words, mapper, joined))

    assert done["messages"][-1].text == "A+B+C"
    assert [each["number"] for each in done["results"].values()] == [0, 1, 2]
    assert [m.text for m in done["messages"]] == ["a b c", "A+B+C"]


async def test_more_than_ten_items_stay_in_order() -> None:
    items = [f"i{n}" for n in range(12)]
    mapper = by_item("mapper", **{each: each.upper() for each in items})

    done = await run(map_reduce(lambda _: items, mapper, joined))

    assert done["messages"][-1].text == "+".join(each.upper() for each in items)


async def test_an_agent_splits_and_an_agent_reduces(works: Any) -> None:
    splitter = works.agent("splitter", {"items": ["a", "b"]})
    editor = works.agent("editor", "both")

    done = await run(map_reduce(splitter, by_item("mapper", a="A", b="B"), editor))

    told = editor.model.requests[0].messages[-1].text
    assert told.index("A") < told.index("B")
    assert (done["messages"][-1].text, done["messages"][-1].name) == ("both", "editor")
    assert done["items"] == ["a", "b"]


class Two(BaseModel):
    some: list[str]
    others: list[str]


async def test_a_split_with_two_lists_is_refused(works: Any) -> None:
    splitter = works.agent("splitter", {"some": ["a"], "others": ["b"]}, output=Two)

    with pytest.raises(ParticipantFailed, match="has 2 lists"):
        await run(map_reduce(splitter, works.agent("mapper"), joined))


async def test_items_may_be_plain_data() -> None:
    mapper = by_item("mapper", **{'{"n":1}': "one"})

    done = await run(map_reduce(lambda _: [{"n": 1}], mapper, joined))

    assert done["messages"][-1].text == "one"


async def test_nothing_to_work_on_is_said() -> None:
    done = await run(map_reduce(lambda _: [], by_item("mapper"), joined))

    assert done["failed"]
    assert done["ended"] == "The task has no items to work on."


async def test_too_many_items_are_refused_before_anybody_works() -> None:
    with pytest.raises(ParticipantFailed, match="201 items; 200 are allowed"):
        await run(map_reduce(lambda _: range(201), by_item("mapper"), joined))


async def test_an_item_that_fails_is_a_result_and_enough_others_suffice() -> None:
    mapper = by_item("mapper", a="A", b=ModelUnavailable("gone"), c="C")

    done = await run(map_reduce(words, mapper, joined, min_success=2))

    assert done["messages"][-1].text == "A+C"
    assert done["results"]["1"]["status"] == "error"


async def test_every_item_must_succeed_unless_told_otherwise() -> None:
    mapper = by_item("mapper", a="A", b="", c="C")

    with pytest.raises(ParticipantFailed, match=r"Only 2 of 3 in 'map_reduce' succeeded; 3 are needed\. 1: It ended"):
        await run(map_reduce(words, mapper, joined))


async def test_no_more_than_max_concurrency_work_at_once() -> None:
    at_once = highest = 0

    @tool(effect="read")
    async def busy() -> str:
        """Be busy."""
        nonlocal at_once, highest
        at_once += 1
        highest = max(highest, at_once)
        await asyncio.sleep(0.01)
        at_once -= 1
        return "done"

    model = ScriptedModel(
        [When(lambda request: request.messages[-1].type == "tool", "x", None), When("", calls("busy"), None)]
    )
    mapper = Agent(name="mapper", description="Works.", prompt="Work.", model=model, tools=[busy])

    await run(map_reduce(lambda _: range(6), mapper, joined, max_concurrency=2))

    assert highest == 2


def paying(works: Any) -> Any:
    def build(script: Any) -> Any:
        clerk = by_item("clerk", [works.pay], script.get("then", ()), **script.get("items", {}))
        inner = map_reduce(words, clerk, joined, name="inner")
        return sequential(sequential(inner, name="middle"), works.agent("last", *script.get("last", ())), name="outer")

    return build


BEFORE = {"items": {"a": [calls("pay", amount=1)], "b": "free", "c": [calls("pay", amount=3)]}}
AFTER = {"then": [When("paid 1", "one"), When("paid 3", "three")], "last": ["all done"]}


async def test_two_items_wait_for_a_person_two_deep_and_nobody_is_asked_again(works: Any) -> None:
    build = paying(works)
    started, _ = await works.start(build(BEFORE), {"messages": [{"role": "user", "content": "a b c"}]})
    assert len(await works.runtime.approvals.pending(run_id=started.id)) == 2
    await works.approve(started)

    await works.drive(started, build(AFTER))

    done = await works.now(started)
    assert (done.status, done.output, sorted(works.paid)) == ("done", "all done", [1, 3])
    replayed = await works.replay(done, build({}))
    assert replayed.changes == ()
    assert replayed.verdict == "same"
    forked = await works.fork_before(done, build({}), "last")
    await works.drive(forked, build({"last": ["done anew"]}))
    assert ((await works.now(forked)).output, sorted(works.paid)) == ("done anew", [1, 3])


def test_everything_wrong_is_told_at_once(works: Any) -> None:
    with pytest.raises(PatternDeclarationError) as found:
        map_reduce(3, works.agent("reduce"), "join", max_concurrency=0, min_success=0)  # type: ignore[arg-type]

    text = str(found.value)
    for words in (
        "split is a int",
        "reduce is a str",
        "'reduce' cannot be used",
        "max_concurrency is 0",
        "min_success",
    ):
        assert words in text


async def test_events_say_which_item_they_are_about(works: Any) -> None:
    graph = map_reduce(words, by_item("mapper", a="A", b="B"), joined)

    _, events = await works.start(graph, {"messages": [{"role": "user", "content": "a b"}]})

    finished = [each for each in events if each["type"] == "participant_finished"]
    assert sorted((each["data"]["number"], each["text"]) for each in finished) == [(0, "A"), (1, "B")]


async def test_a_replay_gives_each_item_its_own_answer_whoever_was_first(works: Any) -> None:
    def build(**replies: Any) -> Any:
        inner = map_reduce(words, by_item("mapper", **replies), joined, name="inner")
        return sequential(inner, name="outer")

    slow = Reply(text="A", delay=0.1)
    started, _ = await works.start(build(a=slow, b="B"), {"messages": [{"role": "user", "content": "a b"}]})

    replayed = await works.replay(await works.now(started), build())

    assert (await works.now(started)).output == "A+B"
    assert replayed.changes == ()
    assert replayed.verdict == "same"

"""Transcripts: the checker names each way to be broken, the repair mends it, and the channel keeps results in place."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, RemoveMessage, ToolMessage
from langgraph.graph import StateGraph

from graphwright.agents import Agent
from graphwright.graphs import agent_loop, transcript_problems
from graphwright.graphs.history import merge_messages
from graphwright.graphs.transcript import repaired, repairs, with_call_ids
from graphwright.models import ModelRequest, ScriptedModel
from graphwright.models.script import Reply
from graphwright.tools import tool


@tool(effect="read")
async def look(what: str = "it") -> str:
    """Look at something."""
    return f"It is {what}."


def one_agent(model: Any) -> StateGraph[Any, Any, Any, Any]:
    return agent_loop(Agent(name="worker", description="Works.", prompt="Work.", tools=[look], model=model))


def asks(*ids: str, id: str = "a", invalid: Sequence[str] = ()) -> AIMessage:
    bad: Any = [
        {"type": "invalid_tool_call", "name": "look", "args": "{", "error": "x", "id": each} for each in invalid
    ]
    return AIMessage(
        "", id=id, tool_calls=[{"name": "look", "args": {}, "id": each} for each in ids], invalid_tool_calls=bad
    )


def gives(call: str, *, id: str | None = None, text: str = "seen") -> ToolMessage:
    return ToolMessage(text, tool_call_id=call, name="look", id=id)


@pytest.mark.parametrize(
    ("messages", "words"),
    [
        ([asks("c")], "the call 'c' of 'look' has no result"),
        ([asks("c"), HumanMessage("well?")], "message 0: the call 'c' of 'look' has no result"),
        ([asks("c"), gives("c"), gives("c")], "has 2 results"),
        ([asks("c"), gives("c"), gives("d")], "a result of 'd' stands behind it"),
        ([HumanMessage("go"), gives("c")], "message 1: a result of 'c' (look) that stands behind no call"),
        ([asks("c"), HumanMessage("well?"), gives("c")], "message 2: a result of 'c'"),
        ([asks(invalid=["c"])], "the call 'c' of 'look' has no result"),
        ([asks("c", "c"), gives("c")], "2 calls have one id"),
        ([asks(""), gives("")], "has no id"),
        ([HumanMessage("a", id="x"), HumanMessage("b", id="x")], "messages 0 and 1 have one id, 'x'"),
    ],
)
def test_each_way_in_which_a_history_can_be_broken_is_named(messages: list[Any], words: str) -> None:
    assert words in "\n".join(transcript_problems(messages))


def test_while_tools_are_at_work_only_the_last_calls_may_be_open() -> None:
    open_now: list[AnyMessage] = [HumanMessage("go"), asks("c", "d"), gives("d")]

    assert transcript_problems(open_now, is_at_work=True) == []
    assert transcript_problems([*open_now, HumanMessage("well?"), asks("e", id="b")], is_at_work=True)


@st.composite
def broken_histories(draw: st.DrawFn) -> list[AnyMessage]:
    numbers = itertools.count()
    call_ids = st.sampled_from(["c", "d", "e", ""])
    kinds = st.sampled_from(["human", "asks", "gives", "invalid", "says"])
    found: list[AnyMessage] = []
    for kind in draw(st.lists(kinds, max_size=14)):
        id = draw(st.sampled_from([f"m{next(numbers)}"] * 3 + [None]))
        if kind == "human":
            found.append(HumanMessage("hello", id=id))
        elif kind == "says":
            found.append(AIMessage("hello", id=id))
        elif kind == "gives":
            found.append(gives(draw(call_ids), id=id))
        else:
            ids = draw(st.lists(call_ids, min_size=1, max_size=3))
            found.append(asks(*ids, id=id) if kind == "asks" else asks(id=id, invalid=ids))  # type: ignore[arg-type]
    return found


@given(broken_histories())
@settings(max_examples=500)
def test_a_repaired_history_is_taken_and_nothing_that_was_said_is_lost(refused: Any, broken: list[AnyMessage]) -> None:
    whole = repaired(broken)

    assert transcript_problems(whole) == []
    assert refused(whole) is None
    said = [(each.type, each.text) for each in broken if each.type != "tool"]
    assert [(each.type, each.text) for each in whole if each.type != "tool"] == said
    assert repaired(whole) == whole
    if not transcript_problems(broken):
        assert whole == broken


@given(broken_histories())
@settings(max_examples=500)
def test_what_is_written_for_a_repair_makes_the_history_in_the_state_sound(broken: list[AnyMessage]) -> None:
    state = merge_messages(
        [], [each.model_copy(update={"id": each.id or f"drawn-{n}"}) for n, each in enumerate(broken)]
    )
    whole = repaired(state)

    after = merge_messages(state, repairs(state, whole))

    assert transcript_problems(after) == []
    assert [each.text for each in after] == [each.text for each in whole]


def test_a_dangling_call_of_a_user_is_answered_with_an_error_and_a_result_elsewhere_is_moved() -> None:
    whole = repaired([asks("c", "d"), HumanMessage("well?"), gives("d", text="late"), gives("x")])

    assert [each.type for each in whole] == ["ai", "tool", "tool", "human"]
    assert [each.status for each in whole if isinstance(each, ToolMessage)] == ["error", "success"]
    assert "no result" in whole[1].text
    assert whole[2].text == "late"


async def test_the_loop_repairs_what_it_is_given_for_the_model_and_for_good(refused: Any) -> None:
    seen: list[Any] = []

    def answer(request: ModelRequest) -> str:
        seen.append(refused(request.messages))
        return "fine"

    given = [HumanMessage("go", id="h"), asks("c"), HumanMessage("well?", id="i"), gives("x", id="orphan")]

    done = await one_agent(ScriptedModel([answer])).compile().ainvoke({"messages": given})

    assert seen == [None]
    assert transcript_problems(done["messages"]) == []
    assert [each.type for each in done["messages"]] == ["human", "ai", "tool", "human", "ai"]


async def test_calls_that_share_an_id_are_all_made_and_told_apart() -> None:
    reply = Reply(tool_calls=[{"name": "look", "args": {"what": each}, "id": "call_0"} for each in ("a", "b", "c")])

    done = await one_agent(ScriptedModel([reply, "done"])).compile().ainvoke({"messages": [HumanMessage("go")]})

    assert [each.text for each in done["messages"] if each.type == "tool"] == ["It is a.", "It is b.", "It is c."]
    assert transcript_problems(done["messages"]) == []


@given(st.lists(st.sampled_from(["", "a", "a-2", "b"]), max_size=6))
def test_call_ids_are_made_unique_and_those_that_are_stay(ids: list[str]) -> None:
    numbered = with_call_ids(asks(*ids))

    now = [call["id"] for call in numbered.tool_calls]
    assert len(set(now)) == len(ids)
    assert all(now)
    if len(set(ids)) == len(ids) and "" not in ids:
        assert now == ids


# The channel


def test_results_of_parallel_branches_go_behind_their_own_calls() -> None:
    branches = [asks("c", id="left"), asks("c", id="right")]
    results = [gives("c", id="result:left:c", text="left"), gives("c", id="result:right:c", text="right")]

    merged = merge_messages([], [*branches, *results, HumanMessage("on")])

    assert [each.id for each in merged[:4]] == ["left", "result:left:c", "right", "result:right:c"]
    assert transcript_problems(merged) == []


writes = st.lists(
    st.one_of(
        st.builds(
            lambda id, calls: asks(*calls, id=id), st.sampled_from("abc"), st.lists(st.sampled_from("xy"), max_size=2)
        ),
        st.builds(lambda id, call: gives(call, id=id), st.sampled_from("defg"), st.sampled_from("xy")),
        st.builds(
            lambda id, call: gives(call, id=f"result:{id}:{call}"), st.sampled_from("abc"), st.sampled_from("xy")
        ),
        st.builds(lambda id: RemoveMessage(id=id), st.sampled_from("abcdefg")),
        st.just(HumanMessage("hello")),
    ),
    max_size=10,
)


@given(writes, st.integers(0, 10))
def test_results_are_placed_the_same_however_writes_are_batched(all_writes: list[Any], cut: int) -> None:
    at_once = merge_messages([], all_writes)
    in_two = merge_messages(merge_messages([], all_writes[:cut]), all_writes[cut:])

    assert at_once == in_two

"""Group chat: one thread, one speaker at a time, nobody acts, and it always ends."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import StateGraph
from langgraph.types import Command

from graphwright.agents import Agent
from graphwright.graphs import AgentFailed, PatternDeclarationError, Termination, group_chat
from graphwright.graphs.patterns.group_chat_turns import Chat, called, is_silent, spoke
from graphwright.models import OfflineModel, ScriptedModel
from graphwright.models.script import When, calls
from graphwright.runtime import Approve, Reject, Respond, Runtime
from graphwright.runtime.forking import fork
from graphwright.runtime.history import history
from graphwright.runtime.replaying import replay
from graphwright.tools import tool

GO = {"messages": [HumanMessage("Is it safe?", id="go")]}


@tool(effect="read", approval="It shows private files.")
async def peek(file: str) -> str:
    """Read a private file."""
    return f"{file}: fine"


@tool(effect="write")
async def erase(file: str) -> str:
    """Erase a file."""
    return "gone"


def agent(name: str, *script: Any, tools: Any = ()) -> Agent:
    return Agent(name=name, description=f"Is {name}.", prompt="Talk.", model=ScriptedModel(script), tools=tools)


def names(speaker: str) -> dict[str, str]:
    return {"reason": "so", "next_speaker": speaker}


def rounds(number: int) -> Termination:
    return Termination(max_rounds=number)


async def run(graph: StateGraph[Any, Any]) -> dict[str, Any]:
    return await graph.compile().ainvoke(GO)


async def test_the_turn_goes_round_in_one_thread_until_the_limit() -> None:
    one, two = agent("one", "Yes.", "Still yes."), agent("two", "No.")

    done = await run(group_chat(one, two, termination=rounds(3)))

    assert [(each.name, each.text) for each in done["messages"][1:]] == [
        ("one", "Yes."),
        ("two", "No."),
        ("one", "Still yes."),
    ]
    assert (done["route"], done["ended"]) == (["one", "two", "one"], "The limit of 3 rounds is reached.")
    heard = [(each.type, each.text) for each in one.model.requests[1].messages[1:]]
    assert heard[:3] == [("human", "Is it safe?"), ("ai", "Yes."), ("human", "No.")]
    assert heard[3][1].endswith("Is it safe?")


async def test_a_condition_ends_it() -> None:
    ends = Termination(predicate=lambda progress: "agreed" in progress.messages[-1].text)

    done = await run(group_chat(agent("one", "Hm."), agent("two", "agreed"), termination=ends))

    assert done["route"] == ["one", "two"]


async def test_a_function_names_the_speaker_or_ends_the_chat() -> None:
    order = {0: "two", 1: "one", 2: None}

    done = await run(
        group_chat(agent("one", "B"), agent("two", "A"), manager=lambda progress: order[len(progress.route)])
    )

    assert (done["route"], done["ended"], done["messages"][-1].text) == (["two", "one"], None, "B")


async def test_a_function_that_names_nobody_who_is_there_is_an_error_for_its_developer() -> None:
    with pytest.raises(AgentFailed, match=r"named 'three'\. There are: 'one', 'two'"):
        await run(group_chat(agent("one"), agent("two"), manager=lambda _: "three"))


async def test_a_model_names_the_speaker_and_ends_the_chat() -> None:
    lead = agent("lead", names("two"), names("one"), names("nobody"))

    done = await run(group_chat(agent("one", "B"), agent("two", "A"), manager=lead))

    assert (done["route"], done["messages"][-1].text, done["ended"]) == (["two", "one"], "B", None)
    assert lead.model.requests[0].output["properties"]["next_speaker"]["enum"] == ["one", "two", "nobody"]


async def test_a_model_that_names_somebody_unknown_is_asked_once_more() -> None:
    lead = agent("lead", names("three"), names("two"), names("nobody"))

    done = await run(group_chat(agent("one"), agent("two", "A"), manager=lead))

    assert done["route"] == ["two"]
    assert "Name one of: 'one', 'two', 'nobody'" in lead.model.requests[1].messages[-1].text


async def test_a_model_that_names_somebody_unknown_for_ever_lets_the_turn_go_round() -> None:
    lead = agent("lead", When(lambda _: True, names("three"), times=None))

    done = await run(group_chat(agent("one", "A", "C"), agent("two", "B"), manager=lead, termination=rounds(3)))

    assert done["route"] == ["one", "two", "one"]
    assert len(lead.model.requests) == 6


async def test_a_form_that_cannot_be_read_counts_as_nobody_known() -> None:
    lead = agent("lead", "two, I think", "no form", names("nobody"))

    done = await run(group_chat(agent("one", "A"), agent("two"), manager=lead))

    assert done["route"] == ["one"]


async def test_one_who_fails_is_silent_and_the_chat_goes_on() -> None:
    done = await run(group_chat(agent("one", RuntimeError("mute")), agent("two", "I am here."), termination=rounds(2)))

    assert [each.text for each in done["messages"][1:]] == ["I am here."]
    assert done["results"]["one"]["error"] == "RuntimeError: mute"


async def test_it_ends_when_everybody_in_a_row_had_nothing_to_say() -> None:
    done = await run(group_chat(agent("one", "A", ""), agent("two", "")))

    assert (done["route"], done["messages"][-1].text, done["ended"]) == (["one", "two", "one"], "A", None)


async def test_a_chat_in_which_nobody_says_anything_has_failed() -> None:
    done = await run(group_chat(agent("one", ""), agent("two", "")))

    assert done["failed"]
    assert done["ended"] == "Nobody said anything."


def test_what_is_wrong_is_said_at_once() -> None:
    with pytest.raises(PatternDeclarationError) as caught:
        group_chat(
            agent("one", tools=[erase]), agent("two"), agent("manager"), agent("four"), manager=agent("m", tools=[peek])
        )

    for words in ("has 4 participants", "change the world: erase", "'manager' cannot be used", "'m' has tools"):
        assert words in str(caught.value)


def test_a_tool_that_writes_is_found_in_a_graph_that_takes_part() -> None:
    inner = group_chat(agent("one"), agent("two", tools=[peek]))
    assert group_chat(inner, agent("three"), name="outer")

    from graphwright.graphs import supervisor

    team = supervisor(agent("writer", tools=[erase]), manager=agent("chief"))
    with pytest.raises(PatternDeclarationError, match="'chief' has tools that change the world: erase"):
        group_chat(team, agent("two"))


async def test_a_person_takes_part_on_bare_langgraph() -> None:
    graph = group_chat(agent("one", "A", "B"), person="The captain.", termination=rounds(3)).compile(
        checkpointer=InMemorySaver()
    )
    config: Any = {"configurable": {"thread_id": "t"}}
    paused = await graph.ainvoke(GO, config)
    (question,) = paused["__interrupt__"]
    assert question.value["args"] == {"question": "one: A"}

    done = await graph.ainvoke(Command(resume={question.id: {"type": "respond", "message": "I say so."}}), config)

    assert [(each.name, each.text) for each in done["messages"][1:]] == [
        ("one", "A"),
        ("person", "I say so."),
        ("one", "B"),
    ]


@given(st.lists(st.sampled_from([None, "a", "b", "x", "A", "the b", "a or b", ""]), max_size=60), st.data())
def test_whatever_is_named_every_turn_goes_to_somebody_who_is_there_within_two_questions(
    said: list[str | None], data: st.DataObject
) -> None:
    chat, questions = Chat(), 0
    for each in said:
        chat, choice = called(chat, each, ("a", "b"))
        questions += 1
        assert choice.speaker in ("a", "b", "")
        if choice.speaker:
            assert questions <= 2
            questions = 0
            chat = spoke(chat, choice.speaker, data.draw(st.sampled_from(["", "words"])))
            assert not is_silent(chat, ("a", "b")) or chat.silent >= 2


async def test_events_name_who_speaks() -> None:
    graph = group_chat(agent("one", "A"), agent("two", "B"), termination=rounds(2)).compile()

    told = [each async for _, each in graph.astream(GO, stream_mode="custom", subgraphs=True)]

    assert [each["agent"] for each in told if each["type"] == "participant_started"] == ["one", "two"]
    assert "".join(each["text"] for each in told if each["type"] == "token") == "AB"


async def test_offline_everybody_who_fits_speaks_and_it_ends() -> None:
    def offline(name: str, about: str) -> Agent:
        return Agent(name=name, description=about, prompt="Talk.", model=OfflineModel())

    lead = offline("lead", "Leads.")
    done = await run(group_chat(offline("safety", "Says what is safe."), offline("law", "Knows laws."), manager=lead))

    assert done["route"] == ["safety"]
    assert not done["failed"]


# With a runtime.


@pytest.mark.parametrize(("decision", "said"), [(Respond(""), "B"), (Reject("busy"), "B"), (Respond("Stop."), "B")])
async def test_a_person_speaks_or_passes(runtime: Runtime, start: Any, drive: Any, decision: Any, said: str) -> None:
    def chat(*script: Any) -> StateGraph[Any, Any]:
        return group_chat(agent("one", *script), person="The captain.", termination=rounds(3))

    run = await start(runtime, chat("A"))
    assert run.status == "waiting"
    (approval,) = await runtime.approvals.pending()
    await runtime.decide(approval.id, decision, by="ann")

    done = await drive(runtime, run, chat("B"))

    assert (done.status, done.output) == ("done", said)
    spoken = [each.text for each in (await runtime.state_of(done, chat()))["messages"] if each.name == "person"]
    assert spoken == ([decision.message] if isinstance(decision, Respond) and decision.message else [])
    assert (await replay(runtime, chat(), run.id)).verdict == "same"


async def test_an_approval_two_deep_waits_and_nobody_is_asked_again(runtime: Runtime, start: Any, drive: Any) -> None:
    def deep(one: Any = (), two: Any = ()) -> StateGraph[Any, Any]:
        inner = group_chat(agent("one", *one, tools=[peek]), name="inner", termination=rounds(1))
        middle = group_chat(inner, name="middle", termination=rounds(1))
        return group_chat(middle, agent("two", *two), name="outer", termination=rounds(2))

    run = await start(runtime, deep((calls("peek", file="a"),)))
    assert run.status == "waiting"
    (approval,) = await runtime.approvals.pending()
    await runtime.decide(approval.id, Approve(), by="ann")

    done = await drive(runtime, run, deep(("a is fine",), ("So it is.",)))

    assert (done.status, done.output) == ("done", "So it is.")
    assert (await replay(runtime, deep(), run.id)).verdict == "same"
    compiled = deep().compile(checkpointer=await runtime.checkpointer())
    at = next(each for each in await history(compiled, run.thread_id) if "two" in each.next)
    forked = await fork(runtime, deep(), run.thread_id, at.id)
    assert (await drive(runtime, forked, deep((), ("Or not.",)))).output == "Or not."


async def test_a_thread_of_two_hundred_turns_comes_to_its_end() -> None:
    one, two = (agent(name, When(lambda _: True, f"{name} again", times=None)) for name in ("one", "two"))
    graph = group_chat(one, two, termination=rounds(200)).compile()

    done = await graph.ainvoke(GO, {"recursion_limit": 1000})

    assert len(done["messages"]) == 201
    assert done["ended"] == "The limit of 200 rounds is reached."

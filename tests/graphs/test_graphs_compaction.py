"""Compaction: what a model is sent fits, is whole, and begins as it did the turn before."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, HumanMessage, ToolMessage

from graphwright.agents import Agent, Compaction, CompactionDeclarationError
from graphwright.graphs import agent_loop, transcript_problems
from graphwright.graphs.compaction import compacted
from graphwright.graphs.summaries import Summary, summary_message
from graphwright.models import ModelUnavailable, OfflineModel, ScriptedModel
from graphwright.models.script import calls
from graphwright.models.wire_messages import to_wire
from graphwright.runtime import RunContext, Runtime, Settings
from graphwright.runtime.estimates import size_of
from graphwright.tools import tool

STRATEGIES = ("trim", "summarise", "clear_results")


def openai_refuses(messages: Sequence[BaseMessage]) -> str | None:
    """Why the chat completions endpoint would answer 400; None if it would not. Knows nothing of our checker."""
    waiting: list[str] = []
    for at, wire in enumerate(map(to_wire, messages)):
        if wire["role"] == "tool":
            if wire["tool_call_id"] not in waiting:
                return f"{at}: messages with role 'tool' must be a response to a preceding message with 'tool_calls'"
            waiting.remove(wire["tool_call_id"])
            continue
        if waiting:
            return f"{at}: an assistant message with 'tool_calls' must be followed by tool messages: {waiting}"
        if wire["role"] == "assistant" and not wire.get("tool_calls") and wire["content"] is None:
            return f"{at}: null content"
        waiting = [call["id"] for call in wire.get("tool_calls") or ()]
        if len(set(waiting)) != len(waiting) or "" in waiting:
            return f"{at}: ids of calls"
    return f"the end: {waiting}" if waiting else None


@st.composite
def exchanges(draw: st.DrawFn) -> list[list[AnyMessage]]:
    """A random history, in parts that only go together: questions, answers, and calls with their results."""
    ids = itertools.count()
    text = st.sampled_from(["ok", "word " * 10, "word " * 60, "long " * 300])
    parts: list[list[AnyMessage]] = []
    for kind in draw(st.lists(st.sampled_from(["human", "ai", "calls", "calls", "correction"]), max_size=25)):
        number = next(ids)
        if kind in ("human", "correction"):
            extra = {"correction": True} if kind == "correction" else {}
            parts.append([HumanMessage(draw(text), id=f"h{number}", additional_kwargs=extra)])
        elif kind == "ai":
            parts.append([AIMessage(draw(text), id=f"a{number}", name="worker")])
        else:
            count = draw(st.integers(1, 3))
            wanted = [{"name": "look", "args": {"what": draw(text)}, "id": f"call_{n}"} for n in range(count)]
            results: list[AnyMessage] = [
                ToolMessage(draw(text), tool_call_id=f"call_{n}", name="look", id=f"t{number}.{n}")
                for n in draw(st.permutations(range(count)))
            ]
            parts.append([AIMessage("", tool_calls=wanted, id=f"a{number}", name="worker"), *results])
    return parts


def flat(parts: Sequence[Sequence[AnyMessage]]) -> list[AnyMessage]:
    return [message for part in parts for message in part]


def size(messages: Sequence[BaseMessage]) -> int:
    return sum(map(size_of, messages))


declared = st.builds(
    Compaction,
    budget=st.integers(64, 1500),
    strategy=st.sampled_from(STRATEGIES),
    keep=st.floats(0.1, 0.9),
)


@given(exchanges(), declared)
@settings(max_examples=300, deadline=None)
def test_what_is_left_is_whole_in_order_smaller_and_keeps_what_a_person_said_first_and_last(
    parts: list[list[AnyMessage]], compaction: Compaction
) -> None:
    history = flat(parts)

    kept = compacted(history, compaction)

    assert openai_refuses(kept.messages) is None
    assert transcript_problems(kept.messages) == []
    assert size(kept.messages) <= size(history)
    left = [each.id for each in kept.messages]
    assert left == [each.id for each in history if each.id in set(left)]
    assert sorted([*left, *(each.id for each in kept.dropped)]) == sorted(each.id for each in history)
    people = [each.id for each in history if each.type == "human" and not each.additional_kwargs]
    assert {*people[:1], *people[-1:]} <= set(left)
    if parts:
        assert [each.id for each in parts[-1]] == left[-len(parts[-1]) :]


@given(exchanges(), declared)
@settings(max_examples=300, deadline=None)
def test_it_fits_the_budget_unless_only_what_must_stay_is_left(
    parts: list[list[AnyMessage]], compaction: Compaction
) -> None:
    kept = compacted(flat(parts), compaction)

    people = [part[0].id for part in parts if part[0].type == "human" and not part[0].additional_kwargs]
    must_stay = {*people[:1], *people[-1:], *(each.id for part in parts[-1:] for each in part)}
    assert size(kept.messages) <= compaction.budget or {each.id for each in kept.messages} <= must_stay


@given(exchanges(), declared)
@settings(max_examples=200, deadline=None)
def test_what_was_compacted_once_is_left_as_it_is(parts: list[list[AnyMessage]], compaction: Compaction) -> None:
    once = compacted(flat(parts), compaction)
    sent = once.messages
    if once.dropped and compaction.strategy == "summarise":
        room = min(int(compaction.budget * compaction.keep) // 4, size(once.dropped))
        told = summary_message(Summary("so far " * 200, len(once.dropped), "0" * 64), room)
        sent = [*([told] if told else []), *sent]

    assert size(sent) <= size(flat(parts))
    assert openai_refuses(sent) is None
    assert compacted(sent, compaction).messages == sent


@given(exchanges(), declared)
@settings(max_examples=200, deadline=None)
def test_a_longer_history_leaves_out_the_same_and_then_more(
    parts: list[list[AnyMessage]], compaction: Compaction
) -> None:
    dropped = [[each.id for each in compacted(flat(parts[:n]), compaction).dropped] for n in range(len(parts) + 1)]

    assert all(later[: len(earlier)] == earlier for earlier, later in itertools.pairwise(dropped))


@given(st.text(max_size=400), st.integers(0, 200))
def test_a_summary_takes_no_more_room_than_it_is_given(text: str, room: int) -> None:
    told = summary_message(Summary(text, 7, "d" * 64), room)

    assert told is None or size_of(told) <= room


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_beginning_of_a_prompt_changes_seldom(strategy: Any) -> None:
    compaction = Compaction(budget=2_000, strategy=strategy)
    history: list[AnyMessage] = [HumanMessage("go", id="h")]
    sent: list[list[AnyMessage]] = []
    for n in range(100):
        call = {"name": "look", "args": {}, "id": "c"}
        history.append(AIMessage("", tool_calls=[call], id=f"a{n}"))
        history.append(ToolMessage("word " * 40, tool_call_id="c", name="look", id=f"t{n}"))
        sent.append(compacted(history, compaction).messages)

    changes = sum(later[: len(earlier)] != earlier for earlier, later in itertools.pairwise(sent))
    assert 1 <= changes <= 14
    assert all(size(each) <= compaction.budget for each in sent)


def test_cleared_results_say_what_they_were_and_the_newest_stay() -> None:
    history: list[AnyMessage] = [HumanMessage("go")]
    for n in range(4):
        call = {"name": "look", "args": {}, "id": "c"}
        history += [
            AIMessage("", tool_calls=[call], id=f"a{n}"),
            ToolMessage("x" * 1_234, tool_call_id="c", name="look"),
        ]

    kept = compacted(history, Compaction(budget=1_200, strategy="clear_results")).messages

    results = [each.content for each in kept if isinstance(each, ToolMessage)]
    assert results[0] == "[result of look, 1,234 characters, removed]"
    assert results[-1] == "x" * 1_234
    assert len(kept) == len(history)
    assert [each.content for each in history if isinstance(each, ToolMessage)] == ["x" * 1_234] * 4


@tool(effect="read")
async def look(what: str) -> str:
    """Look at something."""
    return f"{what}: " + "words and more words " * 12


def worker(strategy: Any, script: Sequence[Any], **settings: Any) -> Agent:
    compaction = Compaction(budget=900, strategy=strategy, **settings)
    return Agent(
        name="worker",
        description="Works.",
        prompt="Work.",
        tools=[look],
        model=ScriptedModel(script),
        compaction=compaction,
        max_turns=40,
    )


@pytest.mark.parametrize("strategy", ["trim", "clear_results"])
async def test_the_loop_sends_less_and_the_state_keeps_everything(strategy: Any) -> None:
    agent = worker(strategy, [*(calls("look", what=f"thing {n}") for n in range(12)), "done"])

    done = await agent_loop(agent).compile().ainvoke({"messages": [HumanMessage("go")]})

    assert len(done["messages"]) == 1 + 24 + 1
    requests = agent.model.requests  # type: ignore[union-attr]  # it is scripted
    assert all(size(each.messages[1:]) <= 900 for each in requests)
    assert all(openai_refuses(each.messages) is None for each in requests)
    assert all(each.messages[1].text == "go" for each in requests)


def summaries_of(model: Any) -> list[Any]:
    return [each for each in model.requests if each.messages[0].id == "system:compaction"]


async def test_a_summary_is_written_when_the_budget_is_exceeded_and_kept_until_it_is_again(tmp_path: Path) -> None:
    turn = itertools.count()

    def answer(request: Any) -> Any:
        if request.messages[0].id == "system:compaction":
            return f"SUMMARY {len(summaries_of(model))}"
        number = next(turn)
        return calls("look", what=f"thing {number}") if number % 13 < 12 else "done"

    agent = worker("summarise", [answer] * 60)
    model: Any = agent.model
    graph = agent_loop(agent)
    async with Runtime(Settings(project_dir=tmp_path, state_dir=tmp_path / "state")) as runtime:
        first = await runtime.start("worker", {"messages": [("user", "go")]})
        events = [
            each async for each in runtime.drive(first.id, graph, output=lambda state: state["messages"][-1].text)
        ]
        written = len(summaries_of(model))
        second = await runtime.start("worker", {"messages": [("user", "on")]}, thread_id=first.thread_id)
        async for _ in runtime.drive(second.id, graph, output=lambda state: state["messages"][-1].text):
            pass
        assert (await runtime.runs.get(second.id)).status == "done"
        assert (await runtime.runs.get(first.id)).usage["model_calls"] == 13 + written
        kinds = {each.kind for each in await runtime.journal.of_run(first.id)}

    others = [each for each in model.requests if each.messages[0].id != "system:compaction"]
    told = [each.messages[1].text for each in others if "Summary of" in each.messages[1].text]
    assert 2 <= written <= 5
    assert len(told) > len(summaries_of(model))
    assert [key for key, _ in itertools.groupby(text.split("\n")[1] for text in told)] == [
        f"SUMMARY {n + 1}" for n in range(len(summaries_of(model)))
    ]
    assert all(openai_refuses(each.messages) is None and size(each.messages[1:]) <= 900 for each in others)
    assert "SUMMARY 1" in summaries_of(model)[1].messages[1].text
    assert all("SUMMARY" not in each.get("text", "") for each in events if each["type"] == "token")
    assert kinds == {"model", "tool"}


async def test_a_resumed_run_sends_what_it_would_have_sent_and_writes_no_summary_twice(tmp_path: Path) -> None:
    asked: list[list[str]] = []

    def script(*, broken_at: int | None) -> Any:
        def answer(request: Any) -> Any:
            if request.messages[0].id == "system:compaction":
                return "SUMMARY"
            asked.append([each.text for each in request.messages])
            if len(asked) == broken_at:
                raise ModelUnavailable("overloaded")
            return "done" if len(asked) > 12 else calls("look", what=f"thing {len(asked) - 1}")

        return answer

    whole = worker("summarise", [script(broken_at=None)] * 60)
    await agent_loop(whole).compile().ainvoke({"messages": [HumanMessage("go")]})
    expected, asked[:] = list(asked), []

    for broken_at in (5, 6, 7):
        asked.clear()
        agent = worker("summarise", [script(broken_at=broken_at)] * 60)
        again = worker("summarise", [script(broken_at=None)] * 60)
        async with Runtime(Settings(project_dir=tmp_path, state_dir=tmp_path / f"state{broken_at}")) as runtime:
            run = await runtime.start("worker", {"messages": [("user", "go")]})
            async for _ in runtime.drive(run.id, agent_loop(agent), output=str):
                pass
            asked.pop()
            assert (await runtime.runs.get(run.id)).status == "queued"
            async for _ in runtime.drive(run.id, agent_loop(again), output=str):
                pass
        assert asked == expected
        models: list[Any] = [agent.model, again.model]
        assert sum(len(summaries_of(each)) for each in models) == len(summaries_of(whole.model))


async def test_the_offline_model_quotes_in_place_of_a_summary() -> None:
    agent = worker("summarise", [*(calls("look", what=f"thing {n}") for n in range(12)), "done"], model="offline")

    await agent_loop(agent).compile().ainvoke({"messages": [HumanMessage("go")]}, context=RunContext())

    model: Any = agent.model
    told = next(each.messages[1].text for each in reversed(model.requests))
    assert "messages that are not shown" in told
    assert 'calls look with {"what":"thing 0"}' in told
    assert isinstance(RunContext().model_for("offline"), OfflineModel)


async def test_the_window_of_a_broken_history_is_repaired_before_it_is_compacted() -> None:
    agent = worker("trim", ["done"])
    call = {"name": "look", "args": {}, "id": "c"}
    history = [HumanMessage("go"), AIMessage("", tool_calls=[call], id="a"), HumanMessage("well?")]

    await agent_loop(agent).compile().ainvoke({"messages": history})

    model: Any = agent.model
    assert openai_refuses(model.requests[0].messages) is None


def test_a_wrong_declaration_names_everything_that_is_wrong() -> None:
    with pytest.raises(CompactionDeclarationError) as raised:
        Compaction(budget=3, strategy="forget", keep=2, model="offline")  # type: ignore[arg-type]  # on purpose

    for part in ("budget is 3", "strategy is 'forget'", "keep is 2", "model is given"):
        assert part in str(raised.value)


def test_an_agent_keeps_its_compaction_when_it_is_given_tools() -> None:
    agent = Agent(name="a", description="d", prompt="p", compaction=Compaction(budget=100))

    assert agent.using(look).compaction == agent.compaction

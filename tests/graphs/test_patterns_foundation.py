"""What all patterns stand on: participants, what goes along, when to stop, checks, results, and where things happen."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from langgraph.graph import START, StateGraph
from langgraph.runtime import Runtime
from langgraph.types import interrupt
from typing_extensions import TypedDict

from graphwright.agents import Agent, Budget
from graphwright.graphs import (
    AgentState,
    Participant,
    PatternDeclarationError,
    PatternState,
    Progress,
    Termination,
    agent_loop,
    as_participant,
    concurrent,
    graph,
    named,
    sequential,
)
from graphwright.graphs.catalogue import GraphDeclarationError
from graphwright.graphs.parts import graph_tools
from graphwright.graphs.patterns.carry import POLICIES, as_heard, carried, carry_over, whole
from graphwright.graphs.patterns.checking import (
    check,
    participant_problems,
    tool_problems,
    unknown_problems,
    unreachable_problems,
    writing_problems,
)
from graphwright.graphs.patterns.state import Result, merge_results
from graphwright.graphs.patterns.termination import ping_pongs
from graphwright.graphs.patterns.working import work
from graphwright.graphs.turns import progress
from graphwright.models import ScriptedModel
from graphwright.models.script import When, calls
from graphwright.runtime import Respond, RunContext
from graphwright.runtime.signature import signature_of
from graphwright.tools import tool

GO = {"messages": [HumanMessage("go")]}


@tool(effect="read")
async def look(word: str) -> str:
    """Look a word up."""
    return word


def idle(name: str, **more: Any) -> Agent:
    return Agent(name=name, description=f"Does {name}.", prompt="Work.", **more)


# --- participants


def test_agents_loops_patterns_and_participants_take_part_under_their_names() -> None:
    agent = idle("writer", tools=[look])
    pattern = sequential(agent, name="desk", description="Writes.")

    found = [as_participant(each) for each in (agent, agent_loop(agent), pattern, as_participant(pattern))]

    assert [each.name for each in found] == ["writer", "writer", "desk", "desk"]
    assert [each.tools for each in found] == [(look,)] * 4
    assert as_participant(agent, name="author").name == "author"


def test_a_compiled_graph_is_refused_with_a_hint() -> None:
    with pytest.raises(GraphDeclarationError, match=r"CompiledStateGraph cannot take part.*before \.compile\(\)"):
        as_participant(agent_loop(idle("writer")).compile())  # type: ignore[arg-type]


class Question(TypedDict, total=False):
    question: str
    report: str


@graph(description="Answers a question.", input="question", output="report")
def reporter() -> StateGraph[Any, Any]:
    async def answer(state: Question) -> Question:
        return {"report": f"About {state['question']}."}

    return StateGraph(Question, context_schema=RunContext).add_node("answer", answer).add_edge(START, "answer")


async def test_a_graph_of_the_catalogue_takes_part_with_its_own_state(works: Any) -> None:
    first = works.agent("first", "tea")

    done = await sequential(first, reporter).compile().ainvoke(GO)

    assert (done["messages"][-1].text, done["messages"][-1].name) == ("About tea.", "reporter")


async def test_a_participant_brings_its_own_adapter(works: Any) -> None:
    own = Participant(
        name="own",
        description="Answers.",
        graph=reporter.graph(),
        into=lambda messages: {"question": str(len(messages))},
        out=lambda state: [AIMessage(state["report"], name="own")],
    )

    done = await sequential(own).compile().ainvoke(GO)

    assert done["messages"][-1].text == "About 1."


def test_tools_and_signature_are_found_two_patterns_deep() -> None:
    inner = concurrent(idle("a", tools=[look]), idle("b"), name="inner")
    outer = sequential(inner, name="outer")

    signature = signature_of(sequential(outer, name="top").compile())

    assert graph_tools(sequential(outer, name="top")) == [look]
    assert "outer/inner/a/model" in signature["node"]
    assert "a.look" in signature["tool"]


# --- what goes along

names = st.sampled_from(["a", "b", None])
texts = st.sampled_from(["", "x", "some words"])
ids = st.sampled_from(["1", "2", "3"])


def call(name: str) -> dict[str, Any]:
    return {"name": "look", "args": {"word": name}, "id": name, "type": "tool_call"}


messages = st.lists(
    st.one_of(
        st.builds(lambda text, name: HumanMessage(text, name=name), texts, names),
        st.builds(lambda text, name: AIMessage(text, name=name), texts, names),
        st.builds(
            lambda text, made: AIMessage(text, name="a", tool_calls=[call(each) for each in made]),
            texts,
            st.lists(ids, min_size=1, max_size=3),
        ),
        st.builds(lambda made: ToolMessage("found", tool_call_id=made, name="look"), ids),
    ),
    max_size=12,
).map(lambda found: [each.model_copy(update={"id": f"m{at}"}) for at, each in enumerate(found)])


def assert_whole(history: list[BaseMessage]) -> None:
    """Every call has exactly one result, directly after it; every result a call."""
    place = 0
    while place < len(history):
        message = history[place]
        assert not isinstance(message, ToolMessage), f"a result without its call at {place}"
        place += 1
        wanted = [each["id"] for each in message.tool_calls] if isinstance(message, AIMessage) else []
        found = [each.tool_call_id for each in history[place : place + len(wanted)] if isinstance(each, ToolMessage)]
        assert sorted(wanted) == sorted(found)
        assert len(set(wanted)) == len(wanted)
        place += len(wanted)


@given(messages, st.sampled_from([*POLICIES, lambda found: found[1::2]]), st.sampled_from(["a", "z"]))
def test_whatever_goes_along_every_call_has_its_result(found: Any, policy: Any, listener: str) -> None:
    kept = carried(found, policy)

    assert_whole(kept)
    assert_whole(as_heard(kept, listener))
    assert whole(kept) == kept


@given(messages)
def test_making_a_history_whole_loses_no_words(found: Any) -> None:
    before = [m.text for m in found if m.text.strip()]

    after = "\n".join(m.text for m in whole(found))

    assert all(words in after for words in before)


def test_the_last_answer_is_no_exchange_with_a_tool() -> None:
    found = [HumanMessage("q"), AIMessage("answer", name="a"), AIMessage("", tool_calls=[call("1")])]

    assert [m.text for m in carried(found, "last")] == ["answer"]
    assert carried([SystemMessage("rules")], "last") == []


def test_another_agents_words_are_told_and_ones_own_stay() -> None:
    found = [HumanMessage("q"), AIMessage("mine", name="a"), AIMessage("theirs", name="b")]

    heard = as_heard(found, "a")

    assert [(m.type, m.name) for m in heard] == [("human", None), ("ai", "a"), ("human", "b")]


async def test_a_summary_is_asked_of_a_model_once_and_survives_an_approval(works: Any) -> None:
    summarizer = ScriptedModel(["In short: five."])

    def build(script: Any, model: Any) -> Any:
        clerk = works.agent("clerk", *script, tools=[works.pay])
        return sequential(works.agent("one", "first"), clerk, carry="summary"), model

    graph_before, _ = build([calls("pay", amount=5)], summarizer)
    run = await works.runtime.start("pattern", {"messages": [{"role": "user", "content": "go"}]})
    async for _ in works.runtime.drive(run.id, graph_before, output=lambda s: s["messages"][-1].text, model=summarizer):
        pass
    await works.approve(run)
    after, _ = build(["paid"], None)
    async for _ in works.runtime.drive(run.id, after, output=lambda s: s["messages"][-1].text, model=ScriptedModel([])):
        pass

    assert ((await works.now(run)).output, works.paid) == ("paid", [5])
    assert "[user] go" in summarizer.requests[0].messages[-1].text


async def test_offline_a_summary_quotes(works: Any) -> None:
    one, two = works.agent("one", "first " * 200), works.agent("two", "second")

    await sequential(one, two, carry="summary").compile().ainvoke(GO, context=RunContext(model="offline"))

    told = two.model.requests[0].messages[1:]
    assert len(told) == 1
    assert told[0].text.startswith("user: go\none: first first")
    assert told[0].text.endswith("…")
    assert carry_over.__doc__


# --- when to stop


@pytest.mark.parametrize(
    ("policy", "reached", "words"),
    [
        (Termination(max_rounds=2), Progress(rounds=2), "limit of 2 rounds"),
        (Termination(max_stall=1), Progress(stalls=2), "Nothing was gained 2 times"),
        (Termination(max_resets=1), Progress(resets=2), "began anew 2 times"),
        (Termination(max_ping_pong=1), Progress(route="abab"), "between 'a' and 'b' 2 times"),
        (Termination(max_messages=1), Progress(messages=[HumanMessage("x")]), "limit of 1 messages"),
        (Termination(predicate=lambda p: p.rounds > 2), Progress(rounds=3), "condition is fulfilled"),
        (Termination(predicate=lambda p: "Enough."), Progress(), "Enough."),
    ],
)
def test_each_limit_stops_and_says_why(policy: Termination, reached: Progress, words: str) -> None:
    assert words in (policy.reason_to_stop(reached) or "")


def test_below_its_limits_it_goes_on() -> None:
    policy = Termination(
        max_rounds=2, max_stall=1, max_resets=1, max_ping_pong=1, max_messages=2, predicate=lambda _: None
    )

    below = Progress(rounds=1, stalls=1, resets=1, route="aba", messages=[HumanMessage("x")])

    assert policy.reason_to_stop(below) is None
    assert Termination().reason_to_stop(Progress(rounds=10**6)) is None


limits = st.one_of(st.none(), st.integers(1, 5))
policies = st.builds(Termination, max_rounds=limits, max_stall=limits)


@given(policies, policies, policies, st.integers(0, 6), st.integers(0, 6))
def test_a_combination_stops_exactly_when_one_of_its_parts_does(
    one: Termination, two: Termination, three: Termination, rounds: int, stalls: int
) -> None:
    progress = Progress(rounds=rounds, stalls=stalls)

    stops = [each.reason_to_stop(progress) for each in (one, two, three)]

    assert bool((one | two | three).reason_to_stop(progress)) == any(stops)
    assert bool((one | (two | three)).reason_to_stop(progress)) == any(stops)


@pytest.mark.parametrize(
    ("route", "times"), [("", 0), ("a", 0), ("ab", 0), ("aa", 0), ("aba", 1), ("abab", 2), ("cabab", 2), ("abac", 0)]
)
def test_ping_pong_is_counted_at_the_end_of_the_route(route: str, times: int) -> None:
    assert ping_pongs(route) == times


def test_limits_that_make_no_sense_are_all_refused() -> None:
    with pytest.raises(GraphDeclarationError, match=r"max_rounds is 0; max_stall is -1; max_messages is True"):
        Termination(max_rounds=0, max_stall=-1, max_messages=True)


# --- checks


def test_every_problem_is_listed_at_once_with_a_hint() -> None:
    @tool(effect="read")
    async def look(word: str, twice: bool = False) -> str:
        """Look elsewhere."""
        return word

    other = look
    anonymous = as_participant(StateGraph(AgentState, context_schema=RunContext))
    there = [as_participant(idle("a", tools=[globals()["look"]])), as_participant(idle("a", tools=[other])), anonymous]

    with pytest.raises(PatternDeclarationError) as found:
        check("desk", participant_problems(there, at_most=2), unknown_problems(["aa"], ["a"], where="handoffs of 'a'"))

    text = str(found.value)
    assert text.startswith("Pattern 'desk' cannot be built: (1) ")
    for words in (
        "more than 2 do not keep to the point",
        "'a' is there 2 times",
        "has no name. Give graphs one: named(",
        "has no description",
        "The tool name 'look' stands for two tools",
        "There is no participant 'aa', named in handoffs of 'a'. Did you mean 'a'?",
    ):
        assert words in text
    assert len(found.value.problems) == 6


def test_the_same_tool_may_serve_several() -> None:
    there = [as_participant(idle(name, tools=[look])) for name in "ab"]

    assert list(tool_problems(there)) == []


def test_a_read_only_pattern_names_the_tools_that_write(works: Any) -> None:
    (problem,) = writing_problems([as_participant(idle("a", tools=[works.pay, look]))], "They only talk.")

    assert "'a' has tools that change the world: pay. They only talk." in str(problem)


def test_a_node_that_nothing_leads_to_is_found() -> None:
    async def node(state: AgentState) -> dict[str, Any]:
        return {}

    flow = StateGraph(AgentState)
    flow.add_node("a", node, destinations=("b",))
    for name in ("b", "c", "d"):
        flow.add_node(name, node)
    flow.add_edge(START, "a")
    flow.add_edge("c", "d")

    assert [each.what for each in unreachable_problems(flow)] == ["Nothing leads to 'c'.", "Nothing leads to 'd'."]


# --- results and turns


@given(st.permutations(list(range(5))))
def test_results_are_in_declared_order_however_they_came(order: list[int]) -> None:
    merged: Any = None
    for number in order:
        merged = merge_results(merged, {f"p{4 - number}": Result(participant="p", status="done", number=number)})

    assert [each["number"] for each in merged.values()] == list(range(5))
    assert merge_results(merged, None) == {}


def test_only_ones_own_turns_count() -> None:
    history = [HumanMessage("q"), AIMessage("x", name="b"), AIMessage("y", name="a"), AIMessage("z")]

    assert progress(history, "a").turns == 2


# --- where things happen


async def test_every_event_two_deep_carries_the_path_of_node_names(works: Any) -> None:
    clerk = works.agent("clerk", calls("look", word="x"), "said", tools=[look])

    _, events = await works.start(sequential(sequential(clerk, name="inner"), name="outer"))

    of_clerk = [(each["type"], each["path"]) for each in events if each["agent"] == "clerk"]
    assert [each for each in of_clerk if each[0] != "token"] == [
        ("participant_started", "inner/clerk"),
        ("model_started", "inner/clerk/model"),
        ("model_finished", "inner/clerk/model"),
        ("tool_started", "inner/clerk/tools"),
        ("tool_finished", "inner/clerk/tools"),
        ("model_started", "inner/clerk/model"),
        ("model_finished", "inner/clerk/model"),
        ("participant_finished", "inner/clerk"),
    ]
    assert all(each["run_id"] for each in events)
    assert {"inner/clerk/model", "inner/clerk/tools", "inner/clerk", "inner"} <= {
        each["path"] for each in events if each["type"] == "step"
    }


async def test_a_true_subgraph_has_the_same_path_as_one_called_in_a_node(works: Any) -> None:
    flow = StateGraph(AgentState, context_schema=RunContext)
    flow.add_node("clerk", agent_loop(works.agent("clerk", calls("pay", amount=5), tools=[works.pay])).compile())
    flow.add_edge(START, "clerk")

    run, events = await works.start(flow)

    assert {each["path"] for each in events if each["type"] == "model_finished"} == {"clerk/model"}
    (asked,) = await works.runtime.approvals.pending(run_id=run.id)
    assert asked.path == "clerk/tools"


async def test_a_participant_called_twice_in_one_node_keeps_its_path(works: Any) -> None:
    clerk = as_participant(works.agent("clerk", "one", "two"))

    async def both(state: PatternState, runtime: Runtime[RunContext]) -> dict[str, Any]:
        first = await work(clerk, [HumanMessage("a")], runtime)
        second = await work(clerk, [HumanMessage("b")], runtime)
        return {"messages": [*first.messages, *second.messages]}

    flow = StateGraph(PatternState, context_schema=RunContext).add_node("both", both).add_edge(START, "both")

    _, events = await works.start(named(flow, name="twice", description="Works twice."))

    assert [each["path"] for each in events if each["type"] == "model_finished"] == ["both/model"] * 2
    assert {each["path"] for each in events if each["type"] == "step"} == {"both/model", "both"}


async def test_approvals_and_journal_entries_carry_the_path_too(works: Any) -> None:
    def build(*script: Any) -> Any:
        clerk = works.agent("clerk", *script, tools=[works.pay, look])
        return sequential(sequential(clerk, name="inner"), name="outer")

    run, events = await works.start(build([calls("pay", amount=5), calls("look", word="x")]))

    (asked,) = await works.runtime.approvals.pending(run_id=run.id)
    (told,) = [each["data"] for each in events if each["type"] == "approval_asked"]
    assert asked.path == told["path"] == "inner/clerk/tools"
    await works.approve(run)
    await works.drive(run, build("done"))
    entries = await works.runtime.journal.of_run(run.id)
    assert {(each.kind, each.name, each.agent, each.path) for each in entries} == {
        ("model", "scripted", "clerk", "inner/clerk/model"),
        ("tool", "pay", "clerk", "inner/clerk/tools"),
        ("tool", "look", "clerk", "inner/clerk/tools"),
    }


# --- what happens to runs


@pytest.mark.parametrize("stop_at", range(1, 12))
async def test_a_run_broken_off_anywhere_goes_on_without_asking_a_model_twice(works: Any, stop_at: int) -> None:
    asked: list[str] = []

    def replying(name: str, words: str) -> Agent:
        def reply(_request: Any) -> str:
            asked.append(name)
            return words

        return idle(name, model=ScriptedModel([When(lambda _: True, reply, times=None)]))

    def build() -> Any:
        both = concurrent(replying("a", "A"), replying("b", "B"), aggregate="vote", name="both")
        return sequential(both, sequential(replying("c", "C"), name="inner"), name="outer")

    run = await works.runtime.start("pattern", {"messages": [{"role": "user", "content": "go"}]})
    stream = works.runtime.drive(run.id, build(), output=lambda state: state["messages"][-1].text)
    for _ in range(stop_at):
        await anext(stream)
    await stream.aclose()

    await works.drive(run, build())

    assert ((await works.now(run)).status, (await works.now(run)).output) == ("done", "C")
    assert len(await works.runtime.journal.of_run(run.id)) == 3
    assert asked.count("c") == 1


async def test_a_budget_that_is_used_up_ends_the_run_and_is_no_result(works: Any) -> None:
    poor = works.agent("poor", calls("look", word="x"), "never", tools=[look], budget=Budget(calls=1))

    run, _ = await works.start(concurrent(poor, works.agent("rich", "fine")))

    ended = await works.now(run)
    assert ended.status == "failed"
    assert "budget" in ended.error


async def test_a_plain_interrupt_inside_a_participant_is_answered_like_any_question(works: Any) -> None:
    def build() -> Any:
        async def ask(state: AgentState) -> dict[str, Any]:
            return {"messages": [AIMessage(f"You said {interrupt('Which?')}.", id="said")]}

        flow = StateGraph(AgentState, context_schema=RunContext).add_node("ask", ask).add_edge(START, "ask")
        return sequential(sequential(named(flow, name="asker", description="Asks."), name="inner"), name="outer")

    run, _ = await works.start(build())
    (asked,) = await works.runtime.approvals.pending(run_id=run.id)
    await works.runtime.decide(asked.id, Respond("this"), by="ann")
    await works.drive(run, build())

    assert (await works.now(run)).output == "You said this."


async def test_a_second_input_is_heard_with_the_history_of_the_thread(works: Any) -> None:
    one, two = works.agent("one", "first", "third"), works.agent("two", "second", "fourth")
    graph = sequential(one, two)
    run, _ = await works.start(graph)

    later = await works.runtime.start(
        "pattern", {"messages": [{"role": "user", "content": "again"}]}, thread_id=run.thread_id
    )
    await works.drive(later, graph)

    assert [m.text for m in one.model.requests[1].messages[1:]] == ["go", "first", "second", "again"]
    state = await works.state(later, graph)
    assert state["route"] == ["one", "two"]
    assert [m.text for m in state["messages"]] == ["go", "first", "second", "again", "third", "fourth"]

"""Handoff: the thread has one holder, passes on whole, and every call is answered."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import StateGraph
from langgraph.types import Command

from graphwright.agents import Agent
from graphwright.graphs import PatternDeclarationError, handoff
from graphwright.graphs.patterns.handoff_rules import Desk, HandoffRules, answered, handed_over, matrix, refusal
from graphwright.models import ModelUnavailable, OfflineModel, ScriptedModel
from graphwright.models.script import When, calls
from graphwright.runtime import Approve, Reject, Respond, Runtime
from graphwright.runtime.forking import fork
from graphwright.runtime.history import history
from graphwright.runtime.replaying import replay
from graphwright.tools import ToolFailed, tool

GO = {"messages": [HumanMessage("Refund A-1042, please.", id="go")]}
ABOUT = {
    "triage": "Finds out who can help.",
    "billing": "Explains charges and refunds orders.",
    "technical": "Solves technical problems.",
}


@tool(effect="read")
async def look_up(order: str) -> str:
    """Look up an order."""
    return f"{order} cost 5"


@tool(effect="read")
async def broken() -> str:
    """Fail always."""
    raise ToolFailed("The shelf is empty.")


def agent(name: str, *script: Any, tools: Any = (), **more: Any) -> Agent:
    return Agent(
        name=name, description=ABOUT[name], prompt=f"You are {name}.", model=ScriptedModel(script), tools=tools, **more
    )


def to(name: str, **arguments: Any) -> Any:
    return calls(f"transfer_to_{name}", **arguments)


async def run(graph: StateGraph[Any, Any], values: Any = None) -> dict[str, Any]:
    return await graph.compile().ainvoke(values or GO)


def assert_every_call_is_answered_once(messages: list[BaseMessage]) -> None:
    asked = [(m.id, c["id"]) for m in messages if isinstance(m, AIMessage) for c in m.tool_calls]
    results = [m.id for m in messages if isinstance(m, ToolMessage)]
    assert sorted(results) == sorted(f"result:{message}:{call}" for message, call in asked)


async def test_the_one_who_gets_the_thread_answers_and_stays_active() -> None:
    done = await run(handoff(agent("triage", to("billing")), agent("billing", "Refunded.")))

    assert done["messages"][-1].text == "Refunded."
    assert done["messages"][-1].name == "billing"
    assert (done["active"], done["route"]) == ("billing", ["triage", "billing"])
    assert_every_call_is_answered_once(done["messages"])


async def test_the_handoff_tool_is_described_by_its_target() -> None:
    triage = agent("triage", "Hello.")

    await run(handoff(triage, agent("billing"), agent("technical")))

    shown = {each["function"]["name"]: each["function"]["description"] for each in triage.model.requests[0].tools}
    assert shown == {"transfer_to_billing": ABOUT["billing"], "transfer_to_technical": ABOUT["technical"]}


async def test_only_allowed_targets_have_a_tool() -> None:
    triage, billing = agent("triage", to("billing")), agent("billing", to("technical"))

    await run(
        handoff(triage, billing, agent("technical", "Done."), targets={"triage": ["billing"], "billing": ["technical"]})
    )

    assert [each["function"]["name"] for each in triage.model.requests[0].tools] == ["transfer_to_billing"]
    assert [each["function"]["name"] for each in billing.model.requests[0].tools] == ["transfer_to_technical"]


async def test_beside_other_calls_the_others_run_one_transfer_wins_and_all_are_answered() -> None:
    triage = agent(
        "triage", [calls("look_up", order="A-1"), to("billing"), to("technical"), calls("nothing")], tools=[look_up]
    )

    done = await run(handoff(triage, agent("billing", "Refunded."), agent("technical")))

    assert done["route"] == ["triage", "billing"]
    assert_every_call_is_answered_once(done["messages"])
    results = {each.name: each for each in done["messages"] if isinstance(each, ToolMessage)}
    assert results["look_up"].text == "A-1 cost 5"
    assert "it goes to billing" in results["transfer_to_technical"].text
    assert results["transfer_to_technical"].status == "error"


async def test_a_next_input_goes_to_whoever_had_the_thread_last() -> None:
    triage, billing = agent("triage", to("billing")), agent("billing", "Refunded.", "You are welcome.")
    graph = handoff(triage, billing).compile(checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "t"}}
    await graph.ainvoke(GO, config)

    done = await graph.ainvoke({"messages": [HumanMessage("Thanks.")]}, config)

    assert (done["messages"][-1].text, done["route"]) == ("You are welcome.", ["billing"])
    assert [each.text for each in billing.model.requests[1].messages][-2:] == ["Refunded.", "Thanks."]


async def test_with_return_to_previous_the_next_input_goes_to_whoever_handed_over() -> None:
    triage, billing = agent("triage", to("billing"), "What else?"), agent("billing", "Refunded.")
    graph = handoff(triage, billing, return_to_previous=True).compile(checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "t"}}
    assert (await graph.ainvoke(GO, config))["active"] == "triage"

    done = await graph.ainvoke({"messages": [HumanMessage("Thanks.")]}, config)

    assert (done["messages"][-1].text, done["route"]) == ("What else?", ["triage"])
    assert triage.model.requests[1].messages[-2].text == "Refunded."


async def test_to_and_fro_without_anything_done_is_refused_and_the_agent_answers_itself() -> None:
    triage = agent("triage", to("billing"), to("billing"), "I cannot help.")
    billing = agent("billing", to("triage"))

    done = await run(handoff(triage, billing))

    assert done["messages"][-1].text == "I cannot help."
    assert done["route"] == ["triage", "billing", "triage"]
    assert "back and forth" in done["messages"][-2].text
    assert_every_call_is_answered_once(done["messages"])


async def test_to_and_fro_is_allowed_where_something_was_done_in_between() -> None:
    triage = agent("triage", to("billing"), to("billing"))
    billing = agent("billing", calls("look_up", order="A-1"), to("triage"), "Refunded.", tools=[look_up])

    done = await run(handoff(triage, billing))

    assert done["route"] == ["triage", "billing", "triage", "billing"]


async def test_a_call_that_failed_is_nothing_done() -> None:
    triage = agent("triage", to("billing"), to("billing"), "No.")
    billing = agent("billing", calls("broken"), to("triage"), tools=[broken])

    done = await run(handoff(triage, billing))

    assert done["messages"][-1].text == "No."


async def test_past_the_limit_a_handoff_is_refused() -> None:
    triage, billing = agent("triage", to("billing")), agent("billing", to("technical"), "I do it myself.")

    done = await run(handoff(triage, billing, agent("technical"), max_handoffs=1))

    assert done["messages"][-1].text == "I do it myself."
    assert "limit of 1 handoffs" in done["messages"][-2].text


async def test_agents_that_do_nothing_but_hand_over_come_to_an_end() -> None:
    everybody = [
        agent(name, When(lambda _: True, to(other), times=None), max_turns=3)
        for name, other in (("triage", "billing"), ("billing", "technical"), ("technical", "triage"))
    ]

    done = await run(handoff(*everybody, max_handoffs=7))

    assert done["rounds"] <= 7
    assert "limit of 7 handoffs" in done["ended"]
    assert_every_call_is_answered_once(done["messages"])


@pytest.mark.parametrize(
    ("carry", "heard"),
    [
        ("full", ["Refund A-1042, please.", "", "Handed over to billing."]),
        ("last", ["Refund A-1042, please.", "He is angry."]),
        ("summary", ["user: Refund A-1042, please.", "He is angry."]),
        (lambda messages: messages[:1], ["Refund A-1042, please.", "He is angry."]),
    ],
)
async def test_what_goes_along_is_declared(carry: Any, heard: list[str]) -> None:
    billing = agent("billing", "Refunded.")
    graph = handoff(agent("triage", to("billing", note="He is angry.")), billing, carry=carry)

    from graphwright.runtime import RunContext

    await graph.compile().ainvoke(GO, context=RunContext(model=OfflineModel()))

    assert [each.text for each in billing.model.requests[0].messages[1:]] == heard


async def test_an_agent_that_fails_gives_the_thread_back() -> None:
    triage = agent("triage", to("billing"), "Billing is closed today.")
    billing = agent("billing", RuntimeError("no desk"))

    done = await run(handoff(triage, billing))

    assert done["messages"][-1].text == "Billing is closed today."
    assert done["results"]["billing"]["status"] == "error"
    assert "no desk" in triage.model.requests[1].messages[-1].text


async def test_an_agent_that_says_nothing_gives_the_thread_back() -> None:
    done = await run(handoff(agent("triage", to("billing"), "Nobody there."), agent("billing", "")))

    assert done["messages"][-1].text == "Nobody there."


async def test_two_agents_that_both_fail_end_the_run_with_the_error() -> None:
    triage = agent("triage", to("billing"), RuntimeError("second"))

    with pytest.raises(RuntimeError, match=r"second|first"):
        await run(handoff(triage, agent("billing", RuntimeError("first"), RuntimeError("third"))))


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(PatternDeclarationError) as caught:
        handoff(
            agent("triage"),
            agent("billing"),
            agent("technical"),
            start="triag",
            targets={"triage": ["biling", "triage"], "nobody": []},
            max_handoffs=0,
        )

    text = str(caught.value)
    for words in ("'triag'", "'biling'", "itself", "'nobody'", "max_handoffs is 0"):
        assert words in text


def test_an_agent_that_nobody_can_reach_is_a_problem() -> None:
    with pytest.raises(PatternDeclarationError, match="Nobody can hand over to 'technical'"):
        handoff(agent("triage"), agent("billing"), agent("technical"), targets={"triage": ["billing"]})


async def test_events_name_who_works() -> None:
    graph = handoff(agent("triage", to("billing")), agent("billing", "Refunded.")).compile()

    events = [
        each async for _, each in graph.astream(GO, stream_mode="custom", subgraphs=True) if each["type"] != "token"
    ]

    started = [each["agent"] for each in events if each["type"] == "participant_started"]
    assert started == ["triage", "billing"]
    assert "transfer_to_billing" in [each.get("tool") for each in events]


# The rules, for any choice that models could make.

NAMES = ("a", "b", "c")


@given(
    choices=st.lists(st.tuples(st.sampled_from((*NAMES, "x")), st.booleans()), max_size=40),
    limit=st.integers(1, 6),
    back=st.booleans(),
)
@settings(max_examples=200)
def test_whatever_is_asked_for_the_active_agent_is_valid_and_the_limits_hold(
    choices: list[tuple[str, bool]], limit: int, back: bool
) -> None:
    rules = HandoffRules(matrix(NAMES, NAMES, None), limit, back)
    desk = Desk("a")
    for target, progress in choices:
        if refusal(desk, target, rules, progress=progress) is None:
            desk = handed_over(desk, target, progress=progress)
        assert desk.active in NAMES
    assert len(desk.passed) <= limit
    for one, two, three in zip(desk.passed, desk.passed[1:], desk.passed[2:], strict=False):
        to_and_fro = (one.source, one.target) == (three.source, three.target) == (two.target, two.source)
        assert not to_and_fro or two.progress or three.progress
    assert answered(desk, rules).active in NAMES


# With a runtime: people, crashes, forks.


class Till:
    """Where money is paid back."""

    def __init__(self) -> None:
        self.paid: list[int] = []

        @tool(effect="write", approval="Moves money.")
        async def refund(amount: int) -> str:
            """Refund an amount."""
            self.paid.append(amount)
            return f"refunded {amount}"

        self.refund = refund

    def desk(self, triage: tuple[Any, ...], billing: tuple[Any, ...], **more: Any) -> StateGraph[Any, Any]:
        return handoff(agent("triage", *triage), agent("billing", *billing, tools=[self.refund]), **more)


async def test_an_approval_inside_an_agent_waits_and_nobody_is_asked_again(
    runtime: Runtime, start: Any, drive: Any
) -> None:
    till = Till()
    run = await start(runtime, till.desk((to("billing"),), (calls("refund", amount=5),)))
    assert (run.status, till.paid) == ("waiting", [])
    (approval,) = await runtime.approvals.pending()
    assert (approval.agent, approval.tool) == ("billing", "refund")
    await runtime.decide(approval.id, Approve(), by="ann")

    done = await drive(runtime, run, till.desk((), ("Refunded 5.",)))

    assert (done.status, done.output, till.paid) == ("done", "Refunded 5.", [5])


async def test_a_run_is_replayed_and_forked_before_the_effect(runtime: Runtime, start: Any, drive: Any) -> None:
    till = Till()
    run = await start(runtime, till.desk((to("billing"),), (calls("refund", amount=5),)))
    (approval,) = await runtime.approvals.pending()
    await runtime.decide(approval.id, Approve(), by="ann")
    await drive(runtime, run, till.desk((), ("Refunded 5.",)))

    assert (await replay(runtime, till.desk((), ()), run.id)).verdict == "same"
    compiled = till.desk((), ()).compile(checkpointer=await runtime.checkpointer())
    at = next(each for each in await history(compiled, run.thread_id) if "billing" in each.next)
    forked = await fork(runtime, till.desk((), ()), run.thread_id, at.id)
    after = await drive(runtime, forked, till.desk((), (calls("refund", amount=7),)))

    assert (after.status, till.paid) == ("waiting", [5])


def with_person(*script: Any) -> StateGraph[Any, Any]:
    return handoff(agent("triage", *script), person="A member of the support team.")


async def test_a_person_gets_the_thread_and_their_words_are_the_answer(
    runtime: Runtime, start: Any, drive: Any
) -> None:
    run = await start(runtime, with_person(to("person", question="May I refund A-1042?")))
    assert run.status == "waiting"
    (approval,) = await runtime.approvals.pending()
    assert (approval.tool, approval.arguments) == ("ask_person", {"question": "May I refund A-1042?"})
    await runtime.decide(approval.id, Respond("I did it myself."), by="ann")

    done = await drive(runtime, run, with_person())

    assert (done.status, done.output) == ("done", "I did it myself.")
    assert (await runtime.state_of(done, with_person()))["active"] == "triage"


@pytest.mark.parametrize("decision", [Reject("busy"), Respond("")])
async def test_a_person_who_does_not_take_over_gives_the_thread_back(
    runtime: Runtime, start: Any, drive: Any, decision: Any
) -> None:
    run = await start(runtime, with_person(to("person", question="May I?")))
    (approval,) = await runtime.approvals.pending()
    await runtime.decide(approval.id, decision, by="ann")

    done = await drive(runtime, run, with_person(lambda request: request.messages[-1].text))

    assert done.status == "done", done.error
    assert (done.output or "").startswith("The person did not take over.")


async def test_on_bare_langgraph_a_person_is_asked_by_an_interrupt() -> None:
    graph = with_person(to("person", question="May I?")).compile(checkpointer=InMemorySaver())
    config: Any = {"configurable": {"thread_id": "t"}}
    paused = await graph.ainvoke(GO, config)
    (question,) = paused["__interrupt__"]

    done = await graph.ainvoke(Command(resume={question.id: {"type": "respond", "message": "Yes."}}), config)

    assert (done["messages"][-1].text, done["messages"][-1].name) == ("Yes.", "person")


async def test_a_handoff_takes_part_in_a_handoff_two_deep(runtime: Runtime, start: Any, drive: Any) -> None:
    till = Till()

    def outer(inner_triage: Any = (), inner_billing: Any = (), outer_triage: Any = ()) -> StateGraph[Any, Any]:
        inner = till.desk(inner_triage, inner_billing, name="desk_one", description="Refunds.")
        middle = handoff(inner, agent("technical"), name="desk_two", description="Helps.")
        return handoff(agent("triage", *outer_triage), middle, targets={"triage": ["desk_two"]})

    run = await start(runtime, outer((to("billing"),), (calls("refund", amount=5),), (to("desk_two"),)))
    (approval,) = await runtime.approvals.pending()
    await runtime.decide(approval.id, Approve(), by="ann")
    done = await drive(runtime, run, outer((), ("Refunded 5.",)))

    assert (done.status, done.output, till.paid) == ("done", "Refunded 5.", [5])
    assert (await replay(runtime, outer(), run.id)).verdict == "same"


async def test_a_thread_of_two_hundred_turns_goes_on_whole() -> None:
    said = [(HumanMessage(f"{n}?", id=f"h{n}"), AIMessage("Yes.", id=f"a{n}", name="triage")) for n in range(200)]
    billing = agent("billing", "Refunded.", "Bye.")
    graph = handoff(agent("triage", to("billing")), billing).compile(checkpointer=InMemorySaver())
    config: Any = {"configurable": {"thread_id": "t"}}

    await graph.ainvoke({"messages": [*(each for pair in said for each in pair), HumanMessage("Refund?")]}, config)
    done = await graph.ainvoke({"messages": [HumanMessage("Thanks.")]}, config)

    assert len(done["messages"]) == 400 + 6
    assert len(billing.model.requests[1].messages) == 400 + 6
    assert (done["messages"][-1].text, done["active"]) == ("Bye.", "billing")
    assert_every_call_is_answered_once(done["messages"])


async def test_offline_the_request_reaches_the_one_whose_description_fits() -> None:
    def offline(name: str, **more: Any) -> Agent:
        return Agent(name=name, description=ABOUT[name], prompt="Help.", model=OfflineModel(), **more)

    graph = handoff(offline("triage"), offline("billing", tools=[look_up]), offline("technical"))
    done = await graph.compile().ainvoke({"messages": [HumanMessage("Look up the order A-1042 and refund it.")]})

    assert done["route"][:2] == ["triage", "billing"]
    assert "A-1042 cost 5" in done["messages"][-1].text


async def test_a_model_that_cannot_be_reached_leaves_the_run_resumable(
    runtime: Runtime, start: Any, drive: Any
) -> None:
    run = await start(runtime, handoff(agent("triage", ModelUnavailable("down")), agent("billing")))
    assert run.status == "queued"

    done = await drive(runtime, run, handoff(agent("triage", "Back."), agent("billing")))

    assert (done.status, done.output) == ("done", "Back.")

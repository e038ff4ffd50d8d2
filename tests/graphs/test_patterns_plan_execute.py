"""Plan and execute: steps one by one, a new plan after a failure, an answer from what was found."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import HumanMessage
from langgraph.graph import StateGraph

from graphwright.agents import Agent
from graphwright.graphs import PatternDeclarationError, plan_execute
from graphwright.graphs.patterns.plan_execute_rules import Work, executed, planned
from graphwright.models import ModelUnavailable, OfflineModel, ScriptedModel
from graphwright.models.script import When, calls
from graphwright.runtime import Approve, Runtime
from graphwright.runtime.forking import fork
from graphwright.runtime.history import history
from graphwright.runtime.replaying import replay
from graphwright.tools import tool

GO = {"messages": [HumanMessage("Compare tea and coffee.", id="go")]}


@tool(effect="read")
async def look_up(order: str) -> str:
    """Look up an order."""
    return f"{order} cost 5"


def agent(name: str, *script: Any, tools: Any = ()) -> Agent:
    return Agent(name=name, description=f"Is {name}.", prompt="Work.", model=ScriptedModel(script), tools=tools)


def plan(*steps: tuple[str, str]) -> dict[str, Any]:
    return {"steps": [{"who": who, "what": what} for who, what in steps]}


async def run(graph: StateGraph[Any, Any]) -> dict[str, Any]:
    return await graph.compile().ainvoke(GO)


async def test_steps_are_carried_out_one_by_one_and_each_sees_the_results_before_it() -> None:
    planner = agent("planner", plan(("tea", "Describe tea."), ("coffee", "Describe coffee.")), "Both are hot.")
    tea, coffee = agent("tea", "Tea is green."), agent("coffee", "Coffee is black.")

    done = await run(plan_execute(planner, tea, coffee))

    assert (done["messages"][-1].text, done["messages"][-1].name) == ("Both are hot.", "planner")
    assert (done["route"], done["ended"], done["failed"]) == (["tea", "coffee"], None, False)
    context, step = [each.text for each in coffee.model.requests[0].messages[1:]]
    assert step == "Describe coffee."
    assert "Compare tea and coffee." in context
    assert "Tea is green." in context
    assert "Tea is green." in planner.model.requests[1].messages[-1].text
    names = planner.model.requests[0].output["$defs"]["PlanStep"]["properties"]["who"]["enum"]
    assert names == ["tea", "coffee"]


async def test_a_failure_makes_a_new_plan_that_knows_what_was_done() -> None:
    planner = agent(
        "planner", plan(("tea", "One."), ("coffee", "Two.")), plan(("tea", "Two, another way.")), "Done anyway."
    )

    done = await run(plan_execute(planner, agent("tea", "1", "2"), agent("coffee", RuntimeError("empty"))))

    assert (done["messages"][-1].text, done["route"], done["ended"]) == ("Done anyway.", ["tea", "coffee", "tea"], None)
    told = planner.model.requests[1].messages[-1].text
    assert "Result: 1" in told
    assert "coffee failed at 'Two.': RuntimeError: empty" in told


async def test_after_the_last_plan_a_failure_ends_with_what_there_is_and_why() -> None:
    planner = agent("planner", plan(("tea", "One."), ("coffee", "Two.")), "Only half.")

    done = await run(plan_execute(planner, agent("tea", "1"), agent("coffee", RuntimeError("empty")), replan=0))

    assert (done["messages"][-1].text, done["failed"]) == ("Only half.", False)
    assert "coffee failed at 'Two.'" in done["ended"]
    assert "ended early" in planner.model.requests[1].messages[-1].text


async def test_an_executor_that_returns_nothing_has_failed() -> None:
    planner = agent("planner", plan(("tea", "One.")), "Nothing.")

    done = await run(plan_execute(planner, agent("tea", ""), replan=0))

    assert "without an answer" in done["ended"]
    assert done["failed"]


async def test_what_was_done_is_not_done_again_by_a_new_plan() -> None:
    again = plan(("tea", "One."), ("coffee", "Two."))
    planner = agent("planner", again, again, "Done.")

    done = await run(plan_execute(planner, agent("tea", "1"), agent("coffee", RuntimeError("once"), "2")))

    assert done["route"] == ["tea", "coffee", "coffee"]


async def test_a_plan_of_too_many_steps_ends_at_the_limit() -> None:
    planner = agent("planner", plan(*[("tea", f"Step {n}.") for n in range(9)]), "Some of it.")

    done = await run(plan_execute(planner, agent("tea", *["ok"] * 9), max_steps=3))

    assert done["route"] == ["tea"] * 3
    assert done["ended"] == "The limit of 3 steps was reached with 6 left."


async def test_a_step_for_nobody_known_goes_to_the_next_in_turn() -> None:
    planner = agent("planner", plan(("magician", "One."), ("wizard", "Two."), ("Tea", "Three.")), "Done.")

    done = await run(plan_execute(planner, agent("tea", "1", "3"), agent("coffee", "2")))

    assert done["route"] == ["tea", "coffee", "tea"]


async def test_a_plan_that_cannot_be_read_ends_with_the_reason() -> None:
    planner = agent("planner", {"steps": "many"}, {"steps": 7}, {}, "No idea.")

    done = await run(plan_execute(planner, agent("tea")))

    assert done["failed"]
    assert "planner's answer could not be read" in done["ended"]


async def test_an_empty_plan_is_answered_at_once() -> None:
    done = await run(plan_execute(agent("planner", plan(), "Hello."), agent("tea")))

    assert (done["messages"][-1].text, done["route"], done["ended"]) == ("Hello.", [], None)


def test_all_that_is_wrong_is_said_at_once() -> None:
    @tool(effect="write")
    async def erase(file: str) -> str:
        """Erase a file."""
        return "gone"

    with pytest.raises(PatternDeclarationError) as caught:
        plan_execute(agent("planner", tools=[erase]), agent("plan"), agent("tea"), agent("tea"), replan=-1, max_steps=0)

    for words in ("erase", "'plan' cannot be used", "'tea' is there 2 times", "replan is -1", "max_steps is 0"):
        assert words in str(caught.value)


@given(
    plans=st.lists(st.lists(st.tuples(st.sampled_from(["a", "b", "x", ""]), st.text(max_size=2)), max_size=6)),
    fails=st.lists(st.booleans(), max_size=60),
    replan=st.integers(0, 3),
    max_steps=st.integers(1, 5),
)
def test_whatever_is_planned_and_fails_it_ends_within_the_limits(
    plans: list[list[tuple[str, str]]], fails: list[bool], replan: int, max_steps: int
) -> None:
    work, asked, ran, to = Work(), 0, 0, "plan"
    while to != "answer":
        if to == "plan":
            made = plans[asked] if asked < len(plans) else None
            work, move = planned(work, made, ("a", "b"), max_steps)
            asked += 1
        else:
            assert work.ahead[0][0] in ("a", "b")
            failed = fails[ran] if ran < len(fails) else True
            work, move = executed(work, "r", failed=failed, replan=replan, max_steps=max_steps)
            ran += 1
        to = move.to
    assert ran == len(work.done) <= max_steps
    assert asked == work.plans <= replan + 1


async def test_events_tell_the_plan_and_who_works() -> None:
    planner = agent("planner", plan(("tea", "One.")), "Done.")

    told = [
        each
        async for _, each in plan_execute(planner, agent("tea", "1"))
        .compile()
        .astream(GO, stream_mode="custom", subgraphs=True)
    ]

    assert "Plan:\n1. tea: One." in [each.get("text") for each in told if each["type"] == "note"]
    assert [each["agent"] for each in told if each["type"] == "participant_finished"] == ["planner", "tea"]


async def test_offline_the_parts_of_a_request_are_steps_and_their_results_the_answer() -> None:
    def offline(name: str, about: str, **more: Any) -> Agent:
        return Agent(name=name, description=about, prompt="Work.", model=OfflineModel(), **more)

    graph = plan_execute(
        offline("planner", "Plans."), offline("orders", "Looks up orders.", tools=[look_up]), max_steps=4
    )
    request = "Look up the order A-1042. Look up the order B-7."
    done = await graph.compile().ainvoke({"messages": [HumanMessage(request)]})

    assert "A-1042 cost 5" in done["messages"][-1].text
    assert "B-7 cost 5" in done["messages"][-1].text
    assert done["ended"] is None


# With a runtime.


class Till:
    """Pays with approval."""

    def __init__(self, works: Any) -> None:
        self.pay, self.paid = works.pay, works.paid

    def graph(self, planner: Any = (), clerk: Any = (), **more: Any) -> StateGraph[Any, Any]:
        return plan_execute(agent("planner", *planner), agent("clerk", *clerk, tools=[self.pay]), **more)

    def deep(self, outer: Any = (), middle: Any = (), planner: Any = (), clerk: Any = ()) -> StateGraph[Any, Any]:
        inner = self.graph(planner, clerk, name="inner", description="Pays.")
        between = plan_execute(agent("middle", *middle), inner, name="between", description="Pays.")
        return plan_execute(agent("outer", *outer), between)


async def test_an_approval_in_the_middle_waits_and_no_step_is_done_twice(
    runtime: Runtime, works: Any, start: Any, drive: Any
) -> None:
    till = Till(works)
    steps = plan(("clerk", "Pay 1."), ("clerk", "Pay 2."))
    run = await start(runtime, till.graph((steps,), (calls("pay", amount=1),)))
    for amount in (1, 2):
        assert run.status == "waiting"
        (approval,) = await runtime.approvals.pending()
        await runtime.decide(approval.id, Approve(), by="ann")
        more = (f"paid {amount}", calls("pay", amount=2)) if amount == 1 else ("paid 2",)
        run = await drive(runtime, run, till.graph(("Both paid.",), more))

    assert (run.status, run.output, till.paid) == ("done", "Both paid.", [1, 2])
    assert (await replay(runtime, till.graph(), run.id)).verdict == "same"
    compiled = till.graph().compile(checkpointer=await runtime.checkpointer())
    at = [each for each in await history(compiled, run.thread_id) if "clerk" in each.next][-1]
    forked = await fork(runtime, till.graph(), run.thread_id, at.id)
    after = await drive(runtime, forked, till.graph((), (calls("pay", amount=2),)))
    assert (after.status, till.paid) == ("waiting", [1, 2])


async def test_plans_in_plans_wait_two_deep(runtime: Runtime, works: Any, start: Any, drive: Any) -> None:
    till = Till(works)
    scripts = (plan(("between", "Pay.")),), (plan(("inner", "Pay.")),), (plan(("clerk", "Pay 1.")),)
    run = await start(runtime, till.deep(*scripts, (calls("pay", amount=1),)))
    (approval,) = await runtime.approvals.pending()
    await runtime.decide(approval.id, Approve(), by="ann")

    done = await drive(runtime, run, till.deep(("C",), ("B",), ("A",), ("paid",)))

    assert (done.status, done.output, till.paid) == ("done", "C", [1])
    assert (await replay(runtime, till.deep(), run.id)).verdict == "same"


async def test_a_planner_that_cannot_be_reached_leaves_the_run_resumable(
    runtime: Runtime, works: Any, start: Any, drive: Any
) -> None:
    till = Till(works)
    run = await start(runtime, till.graph((ModelUnavailable("down"),)))
    assert run.status == "queued"

    done = await drive(runtime, run, till.graph((plan(), "Nothing to pay.")))

    assert (done.status, done.output) == ("done", "Nothing to pay.")


async def test_a_plan_of_two_hundred_steps_is_carried_out() -> None:
    planner = agent("planner", plan(*[("clerk", f"Step {n}.") for n in range(200)]), "Done.")
    clerk = agent("clerk", When(lambda _: True, "ok", times=None))

    done = await plan_execute(planner, clerk, max_steps=200).compile().ainvoke(GO, {"recursion_limit": 500})

    assert (len(done["route"]), done["ended"]) == (200, None)

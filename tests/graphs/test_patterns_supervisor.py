"""Supervisor: a manager gives work out, sees what came of it, and answers."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import StateGraph

from graphwright.agents import Agent
from graphwright.graphs import PatternDeclarationError, group_chat, handoff, magentic, named, supervisor
from graphwright.models import OfflineModel, ScriptedModel
from graphwright.models.script import When, calls
from graphwright.runtime import Approve, Runtime
from graphwright.runtime.forking import fork
from graphwright.runtime.history import history
from graphwright.runtime.replaying import replay
from graphwright.tools import tool

GO = {"messages": [HumanMessage("What does A-1042 cost, and why is it late?", id="go")]}


@tool(effect="read")
async def look_up(order: str) -> str:
    """Look up an order."""
    return f"{order} cost 5"


def agent(name: str, *script: Any, tools: Any = (), **more: Any) -> Agent:
    about = {"chief": "Answers customers.", "prices": "Knows prices.", "parcels": "Knows where parcels are."}
    return Agent(
        name=name,
        description=about.get(name, f"Is {name}."),
        prompt=f"You are {name}.",
        model=ScriptedModel(script),
        tools=tools,
        **more,
    )


def give(name: str, instruction: str = "Look.") -> Any:
    return calls(f"delegate_to_{name}", instruction=instruction)


def assert_every_call_is_answered_once(messages: list[BaseMessage]) -> None:
    asked = [(m.id, c["id"]) for m in messages if isinstance(m, AIMessage) for c in m.tool_calls]
    results = [m.id for m in messages if isinstance(m, ToolMessage)]
    assert sorted(results) == sorted(f"result:{message}:{call}" for message, call in asked)


async def run(graph: StateGraph[Any, Any]) -> dict[str, Any]:
    return await graph.compile().ainvoke(GO)


async def test_the_manager_gives_work_sees_the_answer_and_answers() -> None:
    chief, prices = agent("chief", give("prices", "Price of A-1042?"), "It costs 5."), agent("prices", "5 euros.")

    done = await run(supervisor(prices, manager=chief))

    assert [each.text for each in prices.model.requests[0].messages[1:]] == ["Price of A-1042?"]
    assert chief.model.requests[1].messages[-1].text == "5 euros."
    assert (done["messages"][-1].text, done["messages"][-1].name) == ("It costs 5.", "chief")
    assert (done["route"], done["ended"]) == (["prices"], None)
    assert "- prices: Knows prices." in chief.model.requests[0].messages[0].text


async def test_work_is_given_out_in_parallel_beside_the_managers_own_tools_and_all_is_answered() -> None:
    chief = agent(
        "chief",
        [give("prices"), calls("look_up", order="A-1"), give("parcels"), give("prices", "And A-2?"), give("nobody")],
        "Done.",
        tools=[look_up],
    )

    done = await run(supervisor(agent("prices", "5", "6"), agent("parcels", "Ghent"), manager=chief))

    results = [each for each in done["messages"] if isinstance(each, ToolMessage)]
    assert sorted(each.text for each in results if each.status == "success") == ["5", "6", "A-1 cost 5", "Ghent"]
    assert_every_call_is_answered_once(done["messages"])
    assert sorted(done["route"]) == ["parcels", "prices", "prices"]


async def test_a_worker_that_fails_is_a_result_that_the_manager_sees() -> None:
    chief = agent("chief", [give("prices"), give("parcels")], "Half of it.")

    done = await run(supervisor(agent("prices", RuntimeError("no list")), agent("parcels", "Ghent"), manager=chief))

    told = [each.text for each in chief.model.requests[1].messages[-2:]]
    assert told == ["prices failed: RuntimeError: no list", "Ghent"]
    assert done["messages"][-1].text == "Half of it."
    assert done["results"]["prices"]["status"] == "error"


async def test_a_worker_that_returns_nothing_is_an_error_for_the_manager() -> None:
    chief = agent("chief", give("prices"), "Nothing known.")

    await run(supervisor(agent("prices", ""), manager=chief))

    assert "without an answer" in chief.model.requests[1].messages[-1].text


async def test_an_instruction_that_is_missing_goes_back_to_the_manager() -> None:
    chief = agent("chief", calls("delegate_to_prices"), "Sorry.")

    done = await run(supervisor(agent("prices"), manager=chief))

    assert "instruction" in chief.model.requests[1].messages[-1].text
    assert done["messages"][-1].text == "Sorry."


@pytest.mark.parametrize(
    ("output", "seen"),
    [("last", "5"), ("full", "prices: calls look_up with {'order': 'A-1'}\nlook_up: A-1 cost 5\nprices: 5")],
)
async def test_the_manager_sees_the_last_words_or_the_full_exchange(output: Any, seen: str) -> None:
    chief = agent("chief", give("prices"), "Done.")

    await run(
        supervisor(agent("prices", calls("look_up", order="A-1"), "5", tools=[look_up]), manager=chief, output=output)
    )

    assert chief.model.requests[1].messages[-1].text == seen


async def test_what_of_the_thread_goes_along_is_declared() -> None:
    prices = agent("prices", "5")

    await run(supervisor(prices, manager=agent("chief", give("prices", "Go."), "Done."), carry="last"))

    assert [each.text for each in prices.model.requests[0].messages[1:]] == [GO["messages"][0].text, "Go."]


async def test_at_the_limit_the_manager_answers_and_the_reason_is_told() -> None:
    chief = agent("chief", give("prices"), give("prices"), "It is 5 or 6.")

    done = await run(supervisor(agent("prices", "5", "6"), manager=chief, max_rounds=2))

    assert chief.model.requests[2].tool_choice == "none"
    assert done["messages"][-1].text == "It is 5 or 6."
    assert "limit of 2 rounds" in done["ended"]


@pytest.mark.parametrize("by", ["tools", "form"])
async def test_a_manager_that_never_answers_ends_with_the_newest_result(by: Any) -> None:
    number = iter(range(99))

    def again(request: Any) -> Any:
        if request.output is None and not request.tools:
            return ""
        if by == "form":
            return {"reason": "", "next": "prices", "instruction": f"Price {next(number)}?", "answer": ""}
        return give("prices")

    chief = agent("chief", When(lambda _: True, again, times=None))
    prices = agent("prices", When(lambda _: True, "5", times=None))

    done = await run(supervisor(prices, manager=chief, max_rounds=3, by=by))

    assert "5" in done["messages"][-1].text
    assert "limit of 3 rounds" in done["ended"]
    assert done["route"] == ["prices"] * 3
    assert_every_call_is_answered_once(done["messages"])


def form(next_: str, instruction: str = "", answer: str = "") -> dict[str, str]:
    return {"reason": "so", "next": next_, "instruction": instruction, "answer": answer}


async def test_a_manager_may_delegate_by_a_form() -> None:
    chief = agent("chief", form("prices", "Price?"), form("nobody", answer="It costs 5."))

    done = await run(supervisor(agent("prices", "5 euros."), manager=chief, by="form"))

    assert done["messages"][-1].text == "It costs 5."
    assert chief.model.requests[1].messages[-1].text == "prices was told: Price?\n\nprices reports:\n5 euros."
    assert chief.model.requests[0].output["properties"]["next"]["enum"] == ["prices", "nobody"]


async def test_a_form_that_names_nobody_known_is_asked_for_once_more_and_then_goes_round() -> None:
    chief = agent("chief", *[form("magician", f"Try {n}.") for n in range(3)], form("nobody", answer="Done."))
    graph = supervisor(agent("prices", "5"), agent("parcels", "Ghent"), manager=chief, by="form")

    done = await run(graph)

    assert done["route"] == ["prices"]
    assert "not there" in chief.model.requests[1].messages[-1].text


async def test_the_same_work_twice_is_the_end() -> None:
    chief = agent("chief", form("prices", "Price?"), form("prices", "Price?"), "5, it says.")

    done = await run(supervisor(agent("prices", "5"), manager=chief, by="form"))

    assert (done["messages"][-1].text, done["route"]) == ("5, it says.", ["prices"])
    assert "very same again" in done["ended"]


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(PatternDeclarationError) as caught:
        supervisor(
            agent("prices"),
            agent("prices"),
            agent("tools"),
            manager=agent("chief"),
            max_rounds=0,
            output="some",
            by="x",
        )  # type: ignore[arg-type]  # on purpose

    for words in ("'prices' is there 2 times", "'tools' cannot be used", "max_rounds is 0", "'some'", "'x'"):
        assert words in str(caught.value)


@pytest.mark.parametrize("name", ["my team", "x" * 60])
def test_a_name_that_no_tool_can_have_is_a_problem_in_every_pattern_that_calls_by_tools(name: str) -> None:
    inner = named(supervisor(agent("prices"), manager=agent("chief")), name=name, description="A team.")
    for build in (
        lambda: supervisor(inner, manager=agent("head")),
        lambda: handoff(agent("parcels"), inner),
        lambda: group_chat(agent("parcels"), inner),
        lambda: magentic(inner, manager=agent("head")),
    ):
        with pytest.raises(PatternDeclarationError, match="cannot be part of a tool's name"):
            build()


async def test_a_next_input_begins_anew_with_the_thread_kept() -> None:
    chief = agent("chief", give("prices"), "5.", "You are welcome.")
    graph = supervisor(agent("prices", "5"), manager=chief).compile(checkpointer=InMemorySaver())
    config: Any = {"configurable": {"thread_id": "t"}}
    await graph.ainvoke(GO, config)

    done = await graph.ainvoke({"messages": [HumanMessage("Thanks.")]}, config)

    assert (done["route"], done["results"], done["messages"][-1].text) == ([], {}, "You are welcome.")


async def test_tokens_of_manager_and_workers_are_streamed_under_their_names() -> None:
    graph = supervisor(agent("prices", "five"), manager=agent("chief", give("prices"), "It is five.")).compile()

    told: dict[str, str] = {}
    async for _, each in graph.astream(GO, stream_mode="custom", subgraphs=True):
        if each["type"] == "token":
            told[each["agent"]] = told.get(each["agent"], "") + each["text"]

    assert told == {"prices": "five", "chief": "It is five."}


@given(
    turns=st.lists(
        st.lists(st.sampled_from(["prices", "parcels", "nobody"]), min_size=0, max_size=4), min_size=0, max_size=8
    ),
    limit=st.integers(1, 4),
)
@settings(max_examples=25, deadline=None)
async def test_whatever_a_manager_does_it_ends_and_every_call_is_answered_once(
    turns: list[list[str]], limit: int
) -> None:
    script = [[give(each) for each in turn] if turn else "Enough." for turn in turns]
    chief = agent("chief", *script, *["Enough."] * 10)
    workers = [agent(name, When(lambda _: True, "ok", times=None)) for name in ("prices", "parcels")]

    done = await run(supervisor(*workers, manager=chief, max_rounds=limit))

    assert_every_call_is_answered_once(done["messages"])
    assert done["messages"][-1].text
    assert len(chief.model.requests) <= limit + 1


# With a runtime: approvals in branches, teams of teams, forks.


class Tills:
    """Two tills that pay, each with approval."""

    def __init__(self, works: Any) -> None:
        self.pay, self.paid = works.pay, works.paid

    def team(self, chief: Any = (), one: Any = (), two: Any = (), **more: Any) -> StateGraph[Any, Any]:
        workers = [agent(name, *script, tools=[self.pay]) for name, script in (("one", one), ("two", two))]
        return supervisor(*workers, manager=agent("chief", *chief), **more)


async def test_two_approvals_in_different_branches_are_answered_in_any_order_and_each_effect_happens_once(
    runtime: Runtime,
    works: Any,
    drive: Any,
) -> None:
    tills = Tills(works)
    run = await runtime.start("team", {"messages": [{"role": "user", "content": "Pay."}]})
    run = await drive(
        runtime,
        run,
        tills.team(([give("one"), give("two")],), (calls("pay", amount=1),), (calls("pay", amount=2),)),
    )
    first, second = await runtime.approvals.pending()
    assert {first.agent, second.agent} == {"one", "two"}
    await runtime.decide(second.id, Approve(), by="ann")
    paid_last = "paid" if second.agent == "two" else "paid 1"
    run = await drive(runtime, run, tills.team((), ("paid 1",), ("paid 2",)))
    assert (run.status, len(tills.paid)) == ("waiting", 1)
    await runtime.decide(first.id, Approve(), by="ann")

    done = await drive(runtime, run, tills.team(("Both paid.",), ("paid 1",), (paid_last,)))

    assert (done.status, done.output, sorted(tills.paid)) == ("done", "Both paid.", [1, 2])
    assert (await replay(runtime, tills.team(), run.id)).verdict == "same"


async def test_a_fork_before_the_work_asks_again_and_repeats_nothing(runtime: Runtime, works: Any, drive: Any) -> None:
    tills = Tills(works)
    run = await runtime.start("team", {"messages": [{"role": "user", "content": "Pay."}]})
    await drive(runtime, run, tills.team((give("one"),), (calls("pay", amount=1),)))
    (approval,) = await runtime.approvals.pending()
    await runtime.decide(approval.id, Approve(), by="ann")
    await drive(runtime, run, tills.team(("Paid.",), ("paid",)))
    compiled = tills.team().compile(checkpointer=await runtime.checkpointer())
    at = next(each for each in await history(compiled, run.thread_id) if "one" in each.next)

    forked = await fork(runtime, tills.team(), run.thread_id, at.id)
    after = await drive(runtime, forked, tills.team((), (calls("pay", amount=3),)))

    assert (after.status, tills.paid) == ("waiting", [1])


@pytest.mark.parametrize("by", ["tools", "form"])
async def test_supervisors_of_supervisors_wait_for_approvals_two_deep(
    runtime: Runtime, works: Any, drive: Any, by: Any
) -> None:
    tills = Tills(works)

    def firm(ceo: Any = (), head: Any = (), chief: Any = (), one: Any = ()) -> StateGraph[Any, Any]:
        team = tills.team(chief, one, name="team", description="Pays.")
        division = supervisor(team, manager=agent("head", *head), name="division", description="Pays much.", by=by)
        return supervisor(division, manager=agent("ceo", *ceo))

    gives = form("team", "Pay.") if by == "form" else give("team")
    answer = form("nobody", answer="Division paid.") if by == "form" else "Division paid."
    run = await runtime.start("firm", {"messages": [{"role": "user", "content": "Pay."}]})
    run = await drive(runtime, run, firm((give("division"),), (gives,), (give("one"),), (calls("pay", amount=1),)))
    assert run.status == "waiting"
    (approval,) = await runtime.approvals.pending()
    await runtime.decide(approval.id, Approve(), by="ann")

    done = await drive(runtime, run, firm(("All paid.",), (answer,), ("Team paid.",), ("paid",)))

    assert (done.status, done.output, tills.paid) == ("done", "All paid.", [1])
    assert (await replay(runtime, firm(), run.id)).verdict == "same"


@pytest.mark.parametrize("by", ["tools", "form"])
async def test_offline_a_team_answers_from_its_workers(by: Any) -> None:
    def offline(name: str, about: str, **more: Any) -> Agent:
        return Agent(name=name, description=about, prompt="Help.", model=OfflineModel(), **more)

    orders = offline("orders", "Looks up what an order costs.", tools=[look_up])
    graph = supervisor(orders, offline("parcels", "Tracks parcels."), manager=offline("chief", "Answers."), by=by)

    done = await graph.compile().ainvoke({"messages": [HumanMessage("Look up what the order A-1042 costs.")]})

    assert "A-1042 cost 5" in done["messages"][-1].text
    assert len(done["route"]) <= 3

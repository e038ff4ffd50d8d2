"""Budgets through a real agent loop: what is said and done when they do not suffice, and what the ledger says after."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from langgraph.graph import END, START, StateGraph

from graphwright.agents import Agent, Budget, BudgetDeclarationError
from graphwright.graphs import AgentState, agent_loop
from graphwright.models import ModelUnavailable, Reply, ScriptedModel
from graphwright.models.script import calls
from graphwright.runtime import Approve, Edit, Event, ManualClock, Reject, Run, Runtime, Settings, load_settings
from graphwright.runtime.budgets import Amounts, BudgetSettings, scopes_of
from graphwright.runtime.exceeding import ANSWER_NOW, RAISE_BUDGET
from graphwright.runtime.reservations import Ledger
from graphwright.tools import tool

DEAR = {"input": 10.0, "output": 10.0}
"""10 dollars for a million tokens: 100,000 tokens are one dollar."""


NONE = Amounts()


def settings(folder: Path, **changes: Any) -> Settings:
    return Settings(project_dir=folder, state_dir=folder / ".graphwright", **changes)


def budgets(**levels: Any) -> BudgetSettings:
    return BudgetSettings(**levels)


def said(text: str = "", sent: int = 100, got: int = 10, **reply: Any) -> Reply:
    return Reply(text=text, usage={"input_tokens": sent, "output_tokens": got}, **reply)


def look(sent: int = 100, got: int = 10, times: int = 1) -> Reply:
    return said(sent=sent, got=got, tool_calls=[calls("look", at=n) for n in range(times)])


class Desk:
    """An agent with one tool, and what it was asked and did."""

    def __init__(
        self, *script: Any, budget: Budget | None = None, title: str = "scripted", name: str = "clerk"
    ) -> None:
        self.looked: list[int] = []

        @tool(effect="read")
        async def look(at: int) -> str:
            """Look at one thing."""
            self.looked.append(at)
            return f"saw {at}"

        self.model = ScriptedModel(script, title=title)
        self.agent = Agent(
            name=name, description="Looks.", prompt="Look.", tools=[look], model=self.model, budget=budget
        )

    @property
    def graph(self) -> StateGraph[Any, Any]:
        return agent_loop(self.agent)


async def begin(runtime: Runtime, **options: Any) -> Run:
    return await runtime.start("clerk", {"messages": [{"role": "user", "content": "go"}]}, **options)


async def drive(runtime: Runtime, run: Run, graph: StateGraph[Any, Any]) -> list[Event]:
    return [each async for each in runtime.drive(run.id, graph, output=lambda state: state["messages"][-1].text)]


async def ran(runtime: Runtime, desk: Desk) -> Run:
    run = await begin(runtime)
    await drive(runtime, run, desk.graph)
    return await runtime.runs.get(run.id)


async def spent(runtime: Runtime, run: Run, agent: str = "clerk", own: Budget | None = None) -> list[tuple[Any, Any]]:
    scopes = scopes_of(
        runtime.settings.budgets,
        run_id=run.id,
        thread_id=run.thread_id,
        tenant=run.tenant,
        agent=agent,
        place="",
        own=own,
        now=runtime.clock(),
    )
    return [(each.spent, each.held) for each in await runtime.spending.ledger.positions(scopes)]


async def test_a_run_stops_before_a_call_that_could_cross_its_limit_and_says_what_was_spent(tmp_path: Path) -> None:
    desk = Desk(look(sent=500, got=100), "never")
    async with Runtime(settings(tmp_path, budgets=budgets(run=Budget(tokens=1_000)))) as runtime:
        run = await ran(runtime, desk)

        assert run.status == "failed"
        assert "The budget of this run is 1,000 tokens: 600 tokens are spent" in str(run.error)
        assert "Spent in this run: clerk: 600 tokens, 2 calls" in str(run.error)
        assert "[budgets.run]" in str(run.error)
        assert len(desk.model.requests) == 1
        ((total, held),) = await spent(runtime, run)
        assert (total.tokens, total.calls, held) == (600, 2, NONE)


async def test_a_tool_call_past_the_limit_is_not_made(tmp_path: Path) -> None:
    desk = Desk(look(times=3))
    async with Runtime(settings(tmp_path, budgets=budgets(run=Budget(calls=3)))) as runtime:
        run = await ran(runtime, desk)

    assert run.status == "failed"
    assert "The budget of this run is 3 calls" in str(run.error)
    assert len(desk.looked) <= 2


@pytest.mark.parametrize("limit", [Budget(calls=4, on_exceed="wrap_up"), Budget(tokens=3_000, on_exceed="wrap_up")])
async def test_an_agent_that_wraps_up_answers_without_tools_and_within_its_limit(tmp_path: Path, limit: Budget) -> None:
    desk = Desk(look(sent=400), look(sent=500), said("All I know.", sent=600))
    async with Runtime(settings(tmp_path, budgets=budgets(run=limit))) as runtime:
        run = await ran(runtime, desk)

        assert (run.status, run.output) == ("done", "All I know.")
        last = desk.model.requests[-1]
        assert (last.tool_choice, last.messages[-1].text) == ("none", ANSWER_NOW)
        ((total, held),) = await spent(runtime, run)
        assert total.calls <= (limit.calls or 99)
        assert total.tokens <= (limit.tokens or 99_999)
        assert held == NONE


async def test_a_tool_whose_call_must_be_kept_for_the_answer_is_refused_in_words(tmp_path: Path) -> None:
    desk = Desk(look(times=2), lambda request: said(request.messages[-2].text))
    async with Runtime(settings(tmp_path, budgets=budgets(run=Budget(calls=3, on_exceed="wrap_up")))) as runtime:
        run = await ran(runtime, desk)

    assert run.status == "done"
    assert len(desk.looked) == 1
    assert any("was not run" in each.text for each in desk.model.requests[-1].messages)


async def test_a_cheaper_model_answers_where_the_money_does_not_suffice_for_the_dear_one(tmp_path: Path) -> None:
    cheap = ScriptedModel([said("cheap answer", sent=40_000)], title="cheap")
    limit = Budget(money=1.0, on_exceed="degrade", degrade_to=cheap)
    desk = Desk(look(sent=60_000), title="dear")
    prices = {"dear": DEAR, "cheap": {"input": 0.1, "output": 0.1}}
    async with Runtime(settings(tmp_path, budgets=budgets(run=limit), prices=prices)) as runtime:
        run = await ran(runtime, desk)

        assert (run.status, run.output) == ("done", "cheap answer")
        assert run.usage["cost"] == pytest.approx(0.6001 + 0.004001)
        ((total, held),) = await spent(runtime, run)
        assert total.money == pytest.approx(run.usage["cost"] * 10**9)
        assert held == NONE


async def asked(runtime: Runtime, desk: Desk) -> tuple[Run, Any]:
    run = await ran(runtime, desk)
    assert run.status == "waiting"
    (approval,) = await runtime.approvals.pending()
    assert approval.tool == RAISE_BUDGET
    return run, approval


async def test_a_person_is_asked_for_more_and_the_run_goes_on(tmp_path: Path) -> None:
    desk = Desk(look(sent=500, got=100), "done")
    async with Runtime(settings(tmp_path, budgets=budgets(run=Budget(tokens=1_200, on_exceed="ask")))) as runtime:
        run, approval = await asked(runtime, desk)
        assert "600 tokens are spent" in approval.reason
        assert "Raise the limit by 600 tokens?" in approval.reason

        await runtime.decide(approval.id, Approve(), by="ann")
        await drive(runtime, run, desk.graph)

        assert (await runtime.runs.get(run.id)).output == "done"


async def test_a_person_may_name_another_amount_and_a_later_question_is_another(tmp_path: Path) -> None:
    desk = Desk(look(sent=500, got=100), "done")
    async with Runtime(settings(tmp_path, budgets=budgets(run=Budget(tokens=1_200, on_exceed="ask")))) as runtime:
        run, approval = await asked(runtime, desk)
        await runtime.decide(approval.id, Edit({"raise_by": 1}), by="ann")
        await drive(runtime, run, desk.graph)
        (second,) = await runtime.approvals.pending()
        assert second.id != approval.id

        await runtime.decide(second.id, Edit({"raise_by": 5_000}), by="ann")
        await drive(runtime, run, desk.graph)

        assert (await runtime.runs.get(run.id)).status == "done"


async def test_a_person_who_does_not_raise_it_ends_the_run(tmp_path: Path) -> None:
    desk = Desk(look(sent=500, got=100), "never")
    async with Runtime(settings(tmp_path, budgets=budgets(run=Budget(tokens=1_200, on_exceed="ask")))) as runtime:
        run, approval = await asked(runtime, desk)

        await runtime.decide(approval.id, Reject("too dear"), by="ann")
        await drive(runtime, run, desk.graph)

        after = await runtime.runs.get(run.id)
        assert after.status == "failed"
        assert "A person was asked and did not raise it" in str(after.error)


async def test_calls_side_by_side_ask_one_question(tmp_path: Path) -> None:
    desk = Desk(look(times=3), "done")
    async with Runtime(settings(tmp_path, budgets=budgets(run=Budget(calls=1, on_exceed="ask")))) as runtime:
        run, approval = await asked(runtime, desk)

        await runtime.decide(approval.id, Edit({"raise_by": 4}), by="ann")
        await drive(runtime, run, desk.graph)

        assert (await runtime.runs.get(run.id)).status == "done"
        assert sorted(desk.looked) == [0, 1, 2]


async def test_what_an_agent_declares_holds_for_it_in_each_run_and_the_settings_replace_it(tmp_path: Path) -> None:
    own = Budget(calls=1)
    async with Runtime(settings(tmp_path)) as runtime:
        assert (await ran(runtime, Desk(look(), budget=own))).status == "failed"
        assert (await ran(runtime, Desk("hello", budget=own))).status == "done"
    async with Runtime(settings(tmp_path, budgets=budgets(agents={"clerk": Budget(calls=9)}))) as runtime:
        assert (await ran(runtime, Desk(look(), "hello", budget=own))).status == "done"


async def test_a_sub_graph_has_a_budget_by_its_path(tmp_path: Path) -> None:
    desk = Desk(look(), "done")
    graph = StateGraph(AgentState).add_node("write", desk.graph.compile()).add_edge(START, "write")
    graph.add_edge("write", END)
    for path, status in (("write", "failed"), ("read", "done")):
        async with Runtime(settings(tmp_path, budgets=budgets(subgraphs={path: Budget(calls=2)}))) as runtime:
            run = await begin(runtime)
            await drive(runtime, run, graph)

            assert (await runtime.runs.get(run.id)).status == status
        desk.model._queue = [look(), "done"]


async def test_a_thread_has_one_budget_for_all_its_runs(tmp_path: Path) -> None:
    async with Runtime(settings(tmp_path, budgets=budgets(thread=Budget(calls=1)))) as runtime:
        first = await ran(runtime, Desk("hello"))
        second = await begin(runtime, thread_id=first.thread_id)
        await drive(runtime, second, Desk("never").graph)

        after = await runtime.runs.get(second.id)
        assert after.status == "failed"
        assert "this thread" in str(after.error)


async def test_a_budget_for_a_day_starts_anew_the_next_day(tmp_path: Path) -> None:
    clock = ManualClock()
    limited = settings(tmp_path, budgets=budgets(tenant=Budget(calls=1, per="day")))
    async with Runtime(limited, clock=clock) as runtime:
        assert (await ran(runtime, Desk("one"))).status == "done"
        assert (await ran(runtime, Desk("two"))).status == "failed"

        clock.advance(86_400)

        assert (await ran(runtime, Desk("three"))).status == "done"


async def test_what_was_done_before_a_pause_is_charged_once(tmp_path: Path) -> None:
    wide = settings(tmp_path, budgets=budgets(run=Budget(calls=1, on_exceed="ask")))
    desk = Desk(look(sent=100, got=10), said("done", sent=150, got=10))
    async with Runtime(wide) as first:
        run, approval = await asked(first, desk)
        await first.decide(approval.id, Edit({"raise_by": 10}))
    async with Runtime(wide) as second:
        await drive(second, run, desk.graph)

        ((total, held),) = await spent(second, run)
        assert (total.tokens, total.calls, held) == (270, 3, NONE)
        usage = (await second.runs.get(run.id)).usage
        assert (usage["input_tokens"], usage["tool_calls"]) == (250, 1)


async def test_a_model_that_did_not_answer_costs_nothing(tmp_path: Path) -> None:
    async with Runtime(settings(tmp_path, budgets=budgets(run=Budget(calls=1, tokens=1_000)))) as runtime:
        run = await begin(runtime)
        await drive(runtime, run, Desk(ModelUnavailable("It is down.")).graph)
        ((total, held),) = await spent(runtime, run)
        assert (total.tokens, total.calls, held) == (0, 0, NONE)

        await drive(runtime, run, Desk("hello").graph)

        assert (await runtime.runs.get(run.id)).output == "hello"


async def test_an_answer_may_not_be_longer_than_what_is_reserved_for_it(tmp_path: Path) -> None:
    desk = Desk("hello")
    async with Runtime(settings(tmp_path, budgets=budgets(run=Budget(tokens=1_000)))) as runtime:
        await ran(runtime, desk)

    assert 256 <= desk.model.requests[0].params["max_tokens"] < 1_000


async def test_a_call_is_cut_off_where_the_seconds_end(tmp_path: Path) -> None:
    desk = Desk(Reply(text="late", delay=30))
    async with Runtime(settings(tmp_path, budgets=budgets(run=Budget(seconds=0.2)))) as runtime:
        began = time.monotonic()
        run = await ran(runtime, desk)

    assert run.status == "failed"
    assert "0.2 seconds" in str(run.error)
    assert time.monotonic() - began < 10


async def test_a_run_is_told_once_that_most_of_a_budget_is_spent(tmp_path: Path) -> None:
    desk = Desk(look(sent=8_000, got=100), said("done", sent=100, got=10))
    limited = settings(tmp_path, budgets=budgets(run=Budget(tokens=10_000), answer_tokens=300))
    async with Runtime(limited) as runtime:
        run = await begin(runtime)
        notes = [each["text"] for each in await drive(runtime, run, desk.graph) if each["type"] == "note"]

    assert notes == ["81% of the budget of this run is spent: 8,100 tokens of 10,000 tokens."]


async def test_a_model_without_a_price_is_named_or_refused(tmp_path: Path) -> None:
    limit = budgets(run=Budget(money=1.0))
    async with Runtime(settings(tmp_path, budgets=limit)) as runtime:
        run = await begin(runtime)
        events = await drive(runtime, run, Desk(look(), "hello", title="mystery").graph)
        assert sum("price of model 'mystery' is not known" in each.get("text", "") for each in events) == 1
        assert (await runtime.runs.get(run.id)).usage["unpriced_calls"] == 2
    async with Runtime(settings(tmp_path, budgets=limit, unknown_price="refuse")) as runtime:
        run = await ran(runtime, Desk("hello", title="mystery"))
        assert run.status == "failed"
        assert "Add it to [prices]" in str(run.error)


async def test_usage_and_cost_are_told_by_agent(tmp_path: Path) -> None:
    async with Runtime(settings(tmp_path, prices={"dear": DEAR})) as runtime:
        run = await ran(runtime, Desk(look(sent=1_000, got=0), said("hello", sent=2_000, got=0), title="dear"))

    assert run.usage["cost"] == pytest.approx(0.03)
    assert run.usage["agents"]["clerk"]["tool_calls"] == 1
    assert run.usage["agents"]["clerk"]["cost"] == pytest.approx(0.03)


async def test_nothing_is_reserved_where_nothing_is_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(Ledger, "reserve")
    async with Runtime(settings(tmp_path)) as runtime:
        assert (await ran(runtime, Desk(look(), "hello"))).status == "done"


def test_limits_are_read_from_the_projects_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "graphwright.toml").write_text(
        '[budgets.run]\ntokens = 5\non_exceed = "ask"\n[budgets.agents.clerk]\nmoney = 0.5\n'
        '[prices]\n"gpt-9" = { input = 1, output = 2 }\n'
    )

    loaded = load_settings(project_dir=tmp_path)

    assert loaded.budgets.run == Budget(tokens=5, on_exceed="ask")
    assert loaded.budgets.agents["clerk"].money == 0.5
    assert loaded.prices["gpt-9"].output == 2


@pytest.mark.parametrize("line", ["token = 5", "tokens = -1", 'tokens = 5\non_exceed = "explode"'])
def test_a_wrong_limit_is_an_error_and_not_a_run_without_one(tmp_path: Path, line: str) -> None:
    (tmp_path / "graphwright.toml").write_text(f"[budgets.run]\n{line}\n")

    with pytest.raises(ValueError, match=r"budgets\.run"):
        load_settings(project_dir=tmp_path)


def test_a_wrong_declaration_lists_every_problem() -> None:
    with pytest.raises(BudgetDeclarationError, match=r"\(1\) tokens is -1.*\(2\) .*degrade_to names no model.*\(3\)"):
        Budget(tokens=-1, on_exceed="degrade")

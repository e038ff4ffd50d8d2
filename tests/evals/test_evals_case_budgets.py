"""The budget of a case: written in every format, kept by the runtime, judged by the default verdict."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from graphwright.evals import Case, CaseProblem, Observed, Project, load_cases, load_suite
from graphwright.evals.bare_run import observe_bare
from graphwright.evals.budgeted import budgeted
from graphwright.evals.case import CaseBudget
from graphwright.evals.observed import Spent
from graphwright.evals.sandbox_run import Sandboxes
from graphwright.evals.scorers import null_passes, verdict
from graphwright.runtime import load_settings

AGENTS = '''
from graphwright.agents import Agent
from graphwright.graphs import agent_loop, graph
from graphwright.tools import tool


@tool(effect="read")
def look(place: str) -> str:
    """Look somewhere."""
    return f"Nothing at {place}."


@graph(description="Looks around.")
def looking():
    return agent_loop(Agent(name="scout", description="Looks around.", prompt="Look.", tools=[look]))
'''


def case(**more: Any) -> Case:
    return Case.model_validate({"id": "c", "input": "Where is it?", **more})


def observed(project: Path, graph: str, case: Case) -> Observed:
    found = Project(project)
    entry = found.catalogue.get(graph)
    return asyncio.run(Sandboxes(found, entry, found.build(entry), project / "scratch").observe(case))


@pytest.fixture
def scouts(project: Path) -> Path:
    (project / "graphs" / "scouts.py").write_text(AGENTS)
    return project


def looks(times: int) -> list[Any]:
    return [*({"calls": [{"tool": "look", "arguments": {"place": f"p{at}"}}]} for at in range(times)), "It is gone."]


@pytest.mark.parametrize(
    ("suffix", "text"),
    [
        (".yaml", "- {id: a, input: x, budget: {tokens: 500, money: 0.5, calls: 3, seconds: 2}}\n"),
        (".jsonl", '{"id": "a", "input": "x", "budget": {"tokens": 500, "money": 0.5, "calls": 3, "seconds": 2}}\n'),
        (".csv", "id,input,budget.tokens,budget.money,budget.calls,budget.seconds\na,x,500,0.5,3,2\n"),
        (".py", "CASES = [{'id': 'a', 'input': 'x', 'budget': dict(tokens=500, money=0.5, calls=3, seconds=2)}]\n"),
    ],
)
def test_a_budget_is_read_from_every_format(tmp_path: Path, suffix: str, text: str) -> None:
    path = tmp_path / f"cases{suffix}"
    path.write_text(text)

    (found,) = load_cases(path)

    assert found.budget == CaseBudget(tokens=500, money=0.5, calls=3, seconds=2)


def test_wrong_budgets_are_told_all_at_once_with_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "cases.yaml"
    path.write_text(
        "- {id: a, input: x, budget: {}}\n"
        "- id: b\n  input: x\n  budget:\n    token: 5\n    seconds: 0\n    tool_calls: -1\n"
    )

    with pytest.raises(CaseProblem) as problem:
        load_cases(path)

    told = str(problem.value)
    assert "cases.yaml:1: case 'a': budget: a budget limits nothing; give one of tokens, money" in told
    assert "cases.yaml:5: case 'b': there is no 'budget.token'. Did you mean 'tokens'?" in told
    assert "cases.yaml:6: case 'b': budget.seconds: input should be greater than 0" in told
    assert "cases.yaml:7: case 'b': budget.tool_calls: input should be greater than or equal to 0" in told


def test_a_run_is_stopped_before_the_call_that_its_budget_has_no_room_for(scouts: Path) -> None:
    wanted = case(replies=looks(9), budget={"calls": 4})

    seen = observed(scouts, "looking", wanted)

    assert seen.status == "failed"
    assert seen.spent.model_calls + seen.spent.tool_calls == 4
    score = verdict(wanted, seen)
    assert score.outcome == "fail"
    assert "It is failed, not done" in score.reason
    assert "budget" in score.reason


def test_a_case_may_expect_that_its_budget_stops_the_run(scouts: Path) -> None:
    wanted = case(replies=looks(9), budget={"calls": 4}, expect={"status": "failed"})

    assert verdict(wanted, observed(scouts, "looking", wanted)).outcome == "pass"


def test_a_run_within_its_budget_passes_and_one_over_what_only_the_verdict_can_count_fails(scouts: Path) -> None:
    enough = case(replies=looks(2), budget={"model_calls": 3, "tool_calls": 2, "tokens": 50_000, "money": 1.0})
    short = case(replies=looks(2), budget={"tool_calls": 1})

    assert verdict(enough, observed(scouts, "looking", enough)).outcome == "pass"
    score = verdict(short, observed(scouts, "looking", short))
    assert (score.outcome, score.reason) == ("fail", "It used 2 tool calls; the budget of the case is 1.")


def test_tokens_stop_a_run_before_they_are_spent(scouts: Path) -> None:
    wanted = case(replies=looks(2), budget={"tokens": 10})

    seen = observed(scouts, "looking", wanted)

    assert (seen.status, seen.spent.tokens) == ("failed", 0)


def test_the_lower_of_the_projects_limit_and_the_cases_counts(tmp_path: Path) -> None:
    (tmp_path / "graphwright.toml").write_text(
        '[budgets.run]\ntokens = 5000\ncalls = 9\non_exceed = "wrap_up"\n[budgets.thread]\ncalls = 99\n'
    )
    settings = load_settings(project_dir=tmp_path)

    run = budgeted(settings, case(budget={"tokens": 9000, "calls": 3, "money": 0.25})).budgets.run

    assert run is not None
    assert (run.tokens, run.calls, run.money, run.on_exceed) == (5000, 3, 0.25, "wrap_up")
    assert budgeted(settings, case()) is settings


def test_model_and_tool_calls_together_bound_a_run_in_circles(tmp_path: Path) -> None:
    settings = load_settings(project_dir=tmp_path)

    both = budgeted(settings, case(budget={"model_calls": 3, "tool_calls": 2})).budgets.run
    one = budgeted(settings, case(budget={"model_calls": 3})).budgets.run

    assert (both.calls if both else None, one) == (5, None)


def test_money_that_nobody_can_count_is_unmeasured_and_never_a_pass() -> None:
    wanted = case(budget={"money": 0.1})

    unknown = verdict(wanted, Observed(case_id="c", status="done", spent=Spent(money=None)))
    known = verdict(wanted, Observed(case_id="c", status="done", spent=Spent(money=0.2)))

    assert (unknown.outcome, known.outcome) == ("unmeasured", "fail")
    assert "no price" in unknown.reason


def test_doing_nothing_keeps_to_any_budget() -> None:
    assert null_passes(verdict, [case(budget={"money": 0.1, "tool_calls": 0})]) == ["c"]


def test_a_bare_run_has_no_budget_and_says_so(scouts: Path) -> None:
    found = Project(scouts)
    entry = found.catalogue.get("looking")

    seen = asyncio.run(observe_bare(entry, found.build(entry), "offline")(case(budget={"calls": 4})))

    assert "a budget" in seen.trouble


def test_a_function_has_no_budget(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text("def run(text):\n    return text\n")
    (tmp_path / "cases.yaml").write_text("- {id: a, input: x, budget: {calls: 1}}\n")
    (tmp_path / "suite.yaml").write_text("function: own.py:run\n")

    with pytest.raises(CaseProblem, match=r"cases.yaml:1: case 'a': a function has no .* budget"):
        load_suite(tmp_path / "suite.yaml")

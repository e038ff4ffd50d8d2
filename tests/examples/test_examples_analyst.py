"""The analyst example: answers that are true, a plan that a person sees, charts that count once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import product
from pathlib import Path
from statistics import mean, median, stdev
from typing import Any, get_args

import pytest

from graphwright.evals import Plan, Project, load_suite, new_run, run_suite
from graphwright.examples.analyst.charts import Chart, data_in, drawn
from graphwright.examples.analyst.data import Data, generated
from graphwright.examples.analyst.figures import figures_of, question_of, shown
from graphwright.examples.analyst.graph import analyst, world
from graphwright.examples.analyst.periods import Period, days_of
from graphwright.examples.analyst.semantics import MEASURES, TIMES, Question, Unanswerable, sql_of
from graphwright.examples.analyst.tools import analyse_series, compute_from_query, draw_chart, look_up_figure
from graphwright.examples.analyst.truth import truth
from graphwright.models import ScriptedModel, calls
from graphwright.runtime import Approve, Edit, Reject, ReportsFolder, Respond, Run, Runtime, Settings
from graphwright.tools import IdempotencyKey, Resources, ToolContext, ToolFailed
from graphwright.tools.builtin import query_database

EXAMPLE = Path(__file__).parents[2] / "examples" / "analyst"
CHART = "What was the total revenue by country in 2025? Draw it as a bar chart."


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("analyst")


@pytest.fixture(scope="module")
def context(state: Path) -> ToolContext:
    resources = Resources()
    analyst.provide(resources, state)
    resources.provide(ReportsFolder, lambda: ReportsFolder(state / "reports"))
    return ToolContext(call_id="c", resources=resources)


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Runtime]:
    async with Runtime(Settings(project_dir=folder, state_dir=folder)) as runtime:
        analyst.provide(runtime.resources, folder)
        runtime.resources.provide(ReportsFolder, lambda: ReportsFolder(folder / "reports"))
        yield runtime


async def driven(runtime: Runtime, run: Run, model: Any = "offline") -> Run:
    async for _ in runtime.drive(run.id, analyst.graph(), output=analyst.answer, model=model):
        pass
    return await runtime.runs.get(run.id)


async def asked(runtime: Runtime, text: str, model: Any = "offline") -> Run:
    return await driven(runtime, await runtime.start("analyst", analyst.values(text)), model)


# --- the figures


def _listed(found: dict[str, float]) -> list[str]:
    return [f"- {name}: {shown(value)}" for name, value in found.items()]


async def test_every_case_of_the_suite_passes(tmp_path: Path) -> None:
    suite, project = load_suite(EXAMPLE / "suite.yaml"), Project(tmp_path)
    plan = Plan(concurrency=2, detail=False)
    folder = new_run(suite, project, plan, tmp_path / "evals")

    await run_suite(suite, project, plan, folder)

    results = list(folder.results())
    assert {each.case: score.reason for each in results for score in each.scores if score.outcome != "pass"} == {}
    assert len(results) >= 20


MEASURED = [
    (measure, split, period)
    for measure, period in product(MEASURES, ("all", "2025", "Q1 2026", "March 2026"))
    for split in ("", *MEASURES[measure].by, *(() if MEASURES[measure].as_of else TIMES))
]


async def test_every_figure_by_every_split_is_what_plain_python_counts(context: ToolContext) -> None:
    wrong = {}
    for measure, split, period in MEASURED[::9]:
        found = await figures_of(question_of(measure, split, period, []), period, context)
        expected = truth(measure, period, split)
        if dict(found) != pytest.approx(expected, abs=0.006) or (not split and len(found.names) != 1):
            wrong[measure, split, period] = (dict(found), expected)

    assert wrong == {}


@pytest.mark.parametrize(
    ("measure", "split", "narrowed"),
    [
        ("revenue", "month", {"country": "Germany", "category": "lamps"}),
        ("average order value", "segment", {"channel": "newsletter"}),
        ("refunds", "quarter", {"segment": "consumer"}),
        ("recurring revenue", "country", {"plan": "pro"}),
        ("handling time", "month", {"topic": "damage", "country": "Poland"}),
    ],
)
async def test_narrowed_figures_are_what_plain_python_counts(
    context: ToolContext, measure: str, split: str, narrowed: dict[str, str]
) -> None:
    found = await figures_of(question_of(measure, split, "2025", list(narrowed.items())), "2025", context)

    assert dict(found) == pytest.approx(truth(measure, "2025", split, **narrowed), abs=0.006)


async def test_the_largest_come_first_and_top_cuts_the_rest(context: ToolContext) -> None:
    text = await look_up_figure("revenue", context, split_by="product", period="2025", top=3)

    best = list(truth("revenue", "2025", "product").items())[:3]
    assert text.splitlines()[1:] == [f"- {name}: {value:,.2f}" for name, value in best]


@pytest.mark.parametrize(
    ("question", "says"),
    [
        (Question(measure="revenue", split="topic"), "can be split by: country"),
        (Question(measure="tickets", narrowed={"plan": "pro"}), "'tickets' has no 'plan'"),
        (Question(measure="active subscriptions", split="month"), "has no 'month'"),
    ],
)
def test_a_figure_that_does_not_exist_is_refused_with_what_does(question: Question, says: str) -> None:
    with pytest.raises(Unanswerable, match=says):
        sql_of(question)


def test_a_hostile_value_stays_a_value() -> None:
    sql, values = sql_of(Question(measure="revenue", narrowed={"country": "x'; DROP TABLE orders; --"}))

    assert "DROP" not in sql
    assert values["country"] == "x'; DROP TABLE orders; --"


def test_every_period_has_its_days() -> None:
    assert {name: days_of(name) for name in get_args(Period)}["Q2 2026"] == ("2026-04-01", "2026-06-30")
    assert days_of("February 2025") == ("2025-02-01", "2025-02-28")


def test_the_data_are_the_same_for_the_same_seed_and_hang_together() -> None:
    made = generated.__wrapped__()

    assert made == generated()
    assert isinstance(made, Data)
    assert {item.order_id for item in made.items} == {order.id for order in made.orders}
    assert generated.__wrapped__(7) != made


# --- statistics, in the sandbox


async def test_share_trend_spread_and_growth_are_what_plain_python_computes(context: ToolContext) -> None:
    months = truth("refunds", "2025", "month")
    values = list(months.values())
    shares = truth("revenue", "2025", "category")
    slope = sum((i - 5.5) * v for i, v in enumerate(values)) / sum((i - 5.5) ** 2 for i in range(12))

    share = await analyse_series("revenue", "share", context, split_by="category", period="2025")
    spread = await analyse_series("refunds", "spread", context, period="2025")
    trend = await analyse_series("refunds", "trend", context, period="2025")
    growth = await analyse_series("orders", "growth", context, period="2025")

    total = sum(shares.values())
    assert share.splitlines()[1:] == [f"- {name}: {value / total * 100:.1f} %" for name, value in shares.items()]
    for number in (mean(values), median(values), stdev(values)):
        assert f"{number:,.2f}" in spread
    assert f"slope: {slope:+,.2f}" in trend
    assert f"{mean(values) + slope * 6.5:,.2f}" in trend
    orders = list(truth("orders", "2025", "month").values())
    assert f"{(orders[-1] / orders[0] - 1) * 100:+.1f} %" in growth


async def test_growth_of_countries_is_refused(context: ToolContext) -> None:
    with pytest.raises(ToolFailed, match="over time"):
        await analyse_series("revenue", "growth", context, split_by="country")


async def test_a_program_of_a_model_sees_the_rows_and_nothing_else(context: ToolContext, state: Path) -> None:
    sql = "SELECT country, COUNT(*) AS n FROM customers GROUP BY country"

    assert await compute_from_query(sql, "sum(row['n'] for row in rows)", context) == str(len(generated().customers))
    with pytest.raises(ToolFailed, match="PermissionError"):
        await compute_from_query(sql, f"open({str(state / 'analyst.db')!r}, 'rb').read()", context)


async def test_the_database_is_never_changed(context: ToolContext, state: Path) -> None:
    await look_up_figure("revenue", context)
    before = hashlib.sha256((state / "analyst.db").read_bytes()).hexdigest()

    for sql in ("DELETE FROM orders", "DROP TABLE items", "ATTACH 'x.db' AS x", "PRAGMA user_version = 3"):
        with pytest.raises(ToolFailed):
            await query_database(sql, context)

    assert hashlib.sha256((state / "analyst.db").read_bytes()).hexdigest() == before


# --- charts


@pytest.mark.parametrize("form", ["SVG", "PNG"])
def test_the_same_figures_give_the_same_bytes_which_say_what_they_show(form: Any) -> None:
    chart = Chart("Revenue, 2025", "EUR", ("a", "<b>"), (1.5, 2), "bar", form)

    first, second = drawn(chart), drawn(chart)

    assert first == second
    assert data_in(first) == {"title": "Revenue, 2025", "kind": "bar", "points": {"a": 1.5, "<b>": 2}}
    assert first.startswith(b"\x89PNG" if form == "PNG" else b"<?xml")


async def test_a_chart_drawn_again_with_the_same_key_is_the_same_file(context: ToolContext, tmp_path: Path) -> None:
    async def draw(key: str) -> str:
        return await draw_chart("tickets", "topic", key=IdempotencyKey(key), context=context)

    assert await draw("one") == await draw("one")
    assert world(context.resources.get(ReportsFolder).path.parent)["charts"]["tickets-by-topic-all-time"]["files"] == 1
    await draw("two")
    assert world(context.resources.get(ReportsFolder).path.parent)["charts"]["tickets-by-topic-all-time"]["files"] == 2
    assert world(tmp_path) == {"charts": {}}


async def test_one_figure_is_not_drawn(context: ToolContext) -> None:
    with pytest.raises(ToolFailed, match="nothing to draw"):
        await draw_chart("tickets", "topic", topic="damage", key=IdempotencyKey("k"), context=context)


async def test_without_matplotlib_it_says_what_to_install(
    context: ToolContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)

    with pytest.raises(ToolFailed, match=r"pip install 'graphwright\[ml\]'"):
        await draw_chart("tickets", "topic", key=IdempotencyKey("k"), context=context)


# --- the plan, and people


async def test_nothing_is_asked_or_drawn_before_a_person_has_seen_the_plan_also_after_a_restart(tmp_path: Path) -> None:
    async with opened(tmp_path) as first:
        waiting = await asked(first, CHART)
        (approval,) = await first.approvals.pending(run_id=waiting.id)
        assert (waiting.status, approval.tool) == ("waiting", "review_plan")
        assert world(tmp_path) == {"charts": {}}
        assert not (tmp_path / "analyst.db").exists()

    async with opened(tmp_path) as second:
        await second.decide(approval.id, Approve(), by="ann")
        done = await driven(second, waiting)

    assert done.status == "done"
    assert "- Germany: 136,100.00" in (done.output or "")
    drawn_charts = world(tmp_path)["charts"]
    assert {slug: each["files"] for slug, each in drawn_charts.items()} == {"revenue-by-country-2025": 1}
    assert drawn_charts["revenue-by-country-2025"]["points"] == truth("revenue", "2025", "country")


@pytest.mark.parametrize("refusal", [Reject("Not now.")])
async def test_a_rejected_plan_ends_the_run_and_says_so(tmp_path: Path, refusal: Reject) -> None:
    async with opened(tmp_path) as runtime:
        waiting = await asked(runtime, CHART)
        (approval,) = await runtime.approvals.pending(run_id=waiting.id)
        await runtime.decide(approval.id, refusal, by="ann")
        done = await driven(runtime, waiting)

    assert done.status == "done"
    assert "Not now." in (done.output or "")
    assert world(tmp_path) == {"charts": {}}


def ledger(done: bool, who: str = "figures", what: str = "") -> dict[str, Any]:
    answers = {
        "is_request_satisfied": done,
        "is_in_loop": False,
        "is_progress_being_made": True,
        "next_speaker": who,
        "instruction_or_question": what,
    }
    return {name: {"reason": "", "answer": answer} for name, answer in answers.items()}


async def test_a_real_model_may_write_sql_of_its_own_and_see_why_it_failed(tmp_path: Path) -> None:
    sql = "SELECT COUNT(*) AS n FROM customers WHERE country = :country"
    model = ScriptedModel(
        [
            "The number of customers.",
            "1. figures counts them.",
            ledger(False, "figures", "Count the customers in Spain."),
            calls("query_database", sql="SELECT COUNT(*) FROM custmers"),
            calls("query_database", sql=sql, parameters={"country": "Spain"}),
            "There are some in Spain.",
            ledger(True),
            "Found.",
        ]
    )
    async with opened(tmp_path) as runtime:
        waiting = await asked(runtime, "How many customers are in Spain?", model)
        (approval,) = await runtime.approvals.pending(run_id=waiting.id)
        await runtime.decide(
            approval.id, Edit({**approval.arguments, "plan": "1. figures counts them with SQL."}), by="ann"
        )
        done = await driven(runtime, waiting, model)

    spanish = sum(each.country == "Spain" for each in generated().customers)
    shown_to_it = str(model.requests)
    assert done.output == "Found."
    assert "Did you mean 'customers'" in shown_to_it
    assert json.dumps({"rows": [{"n": spanish}], "more": False}, separators=(",", ":")) in shown_to_it
    assert "1. figures counts them with SQL." in shown_to_it


async def test_a_plan_sent_back_is_made_anew_with_what_was_said(tmp_path: Path) -> None:
    model = ScriptedModel(["Facts.", "1. Draw.", "1. Only count.", ledger(True), "Nothing was to be done."])
    async with opened(tmp_path) as runtime:
        run = await asked(runtime, "Something.", model)
        for answer in (Respond("Do not draw."), Approve()):
            (approval,) = await runtime.approvals.pending(run_id=run.id)
            await runtime.decide(approval.id, answer, by="ann")
            run = await driven(runtime, run, model)

    assert run.status == "done"
    assert "Do not draw." in str(model.requests[2])


async def test_a_specialist_that_fails_is_told_of_and_the_others_go_on(tmp_path: Path) -> None:
    model = ScriptedModel(
        [
            "Facts.",
            "1. Draw, 2. look up.",
            ledger(False, "charts", "Draw it."),
            calls("draw_chart", measure="revenue", split_by="topic"),
            "I cannot draw that.",
            ledger(False, "figures", "Look it up."),
            calls("look_up_figure", measure="revenue", period="2025"),
            "It is known.",
            ledger(True),
            "Known.",
        ]
    )
    async with opened(tmp_path) as runtime:
        waiting = await asked(runtime, "Revenue by topic?", model)
        (approval,) = await runtime.approvals.pending(run_id=waiting.id)
        await runtime.decide(approval.id, Approve(), by="ann")
        done = await driven(runtime, waiting, model)

    assert done.output == "Known."
    assert "can be split by" in str(model.requests)
    assert world(tmp_path) == {"charts": {}}

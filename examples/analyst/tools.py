"""What the team can do: look figures up, analyse them in the sandbox, and draw them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from graphwright.runtime import ReportsFolder
from graphwright.tools import IdempotencyKey, ToolContext, ToolFailed, tool
from graphwright.tools.builtin import Databases, PythonSandbox
from graphwright.tools.builtin.sql import read_rows

from .charts import Chart, written
from .figures import (
    Category,
    Channel,
    Country,
    Measured,
    Plan,
    Segment,
    SplitBy,
    Top,
    Topic,
    When,
    figures_of,
    question_of,
)
from .programs import PROGRAMS, Method
from .semantics import TIMES
from .warehouse import NAME


@tool(effect="read", trusted=True, timeout=30.0)
async def look_up_figure(
    measure: Measured,
    context: ToolContext,
    split_by: SplitBy = None,
    period: When = "all",
    country: Country = None,
    segment: Segment = None,
    category: Category = None,
    channel: Channel = None,
    plan: Plan = None,
    topic: Topic = None,
    top: Top = None,
) -> str:
    """Look up how much, how many or which: revenue, orders, customers, refunds, subscriptions, tickets and the like."""
    narrowed = _narrowed(country, segment, category, channel, plan, topic)
    return (await figures_of(question_of(measure, split_by, period, narrowed, top), period, context)).text


@tool(effect="read", trusted=True, timeout=30.0)
async def analyse_series(
    measure: Measured,
    method: Annotated[Method, Field(description="Growth and trend are over time; share and spread over any split.")],
    context: ToolContext,
    split_by: SplitBy = None,
    period: When = "all",
    country: Country = None,
    segment: Segment = None,
    category: Category = None,
    channel: Channel = None,
    plan: Plan = None,
    topic: Topic = None,
) -> str:
    """Analyse a figure statistically: its growth, trend and forecast over time, the share of each part, its spread."""
    split = split_by or "month"
    if method in ("growth", "trend") and split not in TIMES:
        raise ToolFailed(f"{method.capitalize()} is over time. Split by one of: {', '.join(TIMES)}.")
    narrowed = _narrowed(country, segment, category, channel, plan, topic)
    figures = await figures_of(question_of(measure, split, period, narrowed), period, context)
    inputs = {"names": list(figures.names), "values": list(figures.values)}
    lines = context.resources.get(PythonSandbox).run(PROGRAMS[method], inputs).result
    return "\n".join([f"{method.capitalize()} of {figures.title}:", *(f"- {line}" for line in lines)])


@tool(effect="read", private=True, timeout=30.0)
async def compute_from_query(
    sql: Annotated[str, Field(min_length=1, max_length=10_000, description="One SELECT; its rows are the input.")],
    code: Annotated[
        str, Field(min_length=1, max_length=20_000, description="Finds `rows`, a list of records; last line: result.")
    ],
    context: ToolContext,
) -> str:
    """Run a Python program of your own over the rows of a SQL query of your own."""
    found = await read_rows(context.resources.get(Databases).chosen(NAME), sql)
    ran = context.resources.get(PythonSandbox).run(code, {"rows": found.rows})
    return f"{ran.printed}{ran.result}"


@tool(effect="write", once=False, critical=("measure",), reversible=True, trusted=True, timeout=60.0)
async def draw_chart(
    measure: Measured,
    split_by: Annotated[
        SplitBy, Field(description="What is along the axis, as in 'by country' or 'per month'.")
    ] = None,
    kind: Annotated[Literal["bar", "line"] | None, Field(description="A line for time, else a bar chart.")] = None,
    form: Annotated[Literal["SVG", "PNG"], Field(description="Which sort of picture.")] = "SVG",
    period: When = "all",
    country: Country = None,
    segment: Segment = None,
    category: Category = None,
    channel: Channel = None,
    plan: Plan = None,
    topic: Topic = None,
    top: Top = None,
    *,
    key: IdempotencyKey,
    context: ToolContext,
) -> str:
    """Draw a chart, plot, graph or picture of a figure and write it to a file."""
    split = split_by or "month"
    narrowed = _narrowed(country, segment, category, channel, plan, topic)
    figures = await figures_of(question_of(measure, split, period, narrowed, top), period, context)
    if len(figures.values) < 2:
        raise ToolFailed(
            f"{figures.title} is one figure; there is nothing to draw. Split it, or ask for a longer time."
        )
    chart = Chart(figures.title, figures.unit, figures.names, figures.values, _kind(kind, split), form)
    context.check()
    path = written(chart, context.resources.get(ReportsFolder).path, key)
    return f"{chart.kind.capitalize()} chart of {chart.title}: {len(chart.names)} points, written to\n- {path}"


def _kind(kind: str | None, split: str) -> Literal["bar", "line"]:
    if kind is None:
        return "line" if split in ("month", "quarter") else "bar"
    return "line" if kind == "line" else "bar"


def _narrowed(*values: str | None) -> list[tuple[str, str | None]]:
    return list(zip(("country", "segment", "category", "channel", "plan", "topic"), values, strict=True))

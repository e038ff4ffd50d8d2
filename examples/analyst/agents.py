"""The team: a manager who plans, and three specialists, each with the tools of its own lane."""

from __future__ import annotations

from graphwright.agents import Agent
from graphwright.prompts import prompt
from graphwright.tools.builtin import describe_table, list_tables, query_database

from .data import FIRST, TODAY
from .tools import analyse_series, compute_from_query, draw_chart, look_up_figure

_KNOWN = {"first": FIRST.isoformat(), "today": TODAY.isoformat()}

manager = Agent(
    name="manager",
    description="Plans the answer to a question about the shop's figures and directs the team.",
    prompt=prompt("analyst/manager", **_KNOWN),
)

figures = Agent(
    name="figures",
    description="Looks up figures in the database: totals, counts, averages and rankings.",
    prompt=prompt("analyst/figures", **_KNOWN),
    tools=(look_up_figure, list_tables, describe_table, query_database),
    max_turns=8,
    max_calls=8,
)

statistics = Agent(
    name="statistics",
    description="Computes the growth, trend, forecast, share or spread of figures.",
    prompt=prompt("analyst/statistics", **_KNOWN),
    tools=(analyse_series, compute_from_query),
    max_turns=8,
    max_calls=6,
)

charts = Agent(
    name="charts",
    description="Draws charts: plots figures as bars or lines into a picture file.",
    prompt=prompt("analyst/charts", **_KNOWN),
    tools=(draw_chart,),
    max_turns=6,
    max_calls=4,
)

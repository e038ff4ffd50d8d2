"""Questions about figures: a plan that a person sees first, then SQL, statistics and charts where needed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from langgraph.graph import StateGraph

from graphwright.graphs import graph
from graphwright.graphs.patterns import magentic
from graphwright.graphs.patterns.magentic_graph import MagenticState
from graphwright.runtime import RunContext
from graphwright.tools import Resources
from graphwright.tools.builtin import Databases, PythonSandbox
from graphwright.tools.builtin.python import PythonLimits

from .agents import charts, figures, manager, statistics
from .charts import charts_in, data_in
from .warehouse import NAME, warehouse

REPORTS = "reports"


def _resources(resources: Resources, state: Path) -> None:
    resources.provide(Databases, lambda: Databases({NAME: warehouse(state)}))
    limits = PythonLimits(seconds=3.0, memory_bytes=50_000_000)
    resources.provide(PythonSandbox, lambda: PythonSandbox(limits))


def world(state: Path) -> dict[str, Any]:
    """The charts that were drawn: how many files each has, and what they show. The database never changes."""
    found: dict[str, Any] = {}
    for slug, picture in charts_in(state / REPORTS):
        known = found.setdefault(slug, {"files": 0, **data_in(picture)})
        known["files"] += 1
    return {"charts": found}


@graph(
    description="Answers questions about a shop's figures with SQL, statistics and charts, by a plan shown for review.",
    example="What was the total revenue by country in 2025? Draw it as a bar chart.",
    resources=_resources,
    world=world,
    owner="the analytics team",
    data=("a generated database of a furniture shop that does not exist; it is only read",),
)
def analyst() -> StateGraph[MagenticState, RunContext]:
    """Answer a question about figures.

    The manager makes a plan, which a person approves, edits, sends back or rejects before anybody works. Then it says
    who works next: `figures` asks the database, which its engine keeps from being changed; `statistics` computes in a
    sandbox; `charts` writes pictures. What a specialist cannot do the manager sees, and plans anew if it is stuck.
    """
    return magentic(
        figures,
        statistics,
        charts,
        manager=manager,
        review="plan",
        max_rounds=8,
        max_stall_count=2,
        max_reset_count=1,
        name="analyst",
        description="Answers questions about the shop's figures.",
    )

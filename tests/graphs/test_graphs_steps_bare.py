"""Steps on bare LangGraph, without a runtime: they only run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from langgraph.graph import START, StateGraph
from typing_extensions import TypedDict

from graphwright.graphs import StepError, StepFailed, step


class Pot(TypedDict, total=False):
    go: str
    told: Any


Node = Callable[..., Any]


def one_node(node: Node, **options: Any) -> StateGraph[Any, Any]:
    graph = StateGraph(Pot)
    graph.add_node("work", node, **options)
    graph.add_edge(START, "work")
    return graph


async def test_on_bare_langgraph_a_step_only_runs() -> None:
    async def node(state: Pot, runtime: Any) -> Pot:
        first = await step(runtime, "one", lambda key: bool(key))
        try:
            await step(runtime, "two", failing)
        except StepFailed as failed:
            return {"told": [first, str(failed)]}
        return {}

    async def failing() -> None:
        raise ValueError("broken")

    done = await one_node(node).compile().ainvoke({"go": "on"})

    assert done["told"] == [True, "Step 'two' failed: ValueError: broken"]


async def test_a_name_used_twice_is_refused_on_bare_langgraph_too_and_not_in_the_next_run() -> None:
    async def node(state: Pot, runtime: Any) -> Pot:
        await step(runtime, "one", lambda: 1)
        if state["go"] == "twice":
            await step(runtime, "one", lambda: 1)
        return {}

    compiled = one_node(node).compile()
    await compiled.ainvoke({"go": "once"})
    await compiled.ainvoke({"go": "once"})
    with pytest.raises(StepError, match="run twice"):
        await compiled.ainvoke({"go": "twice"})

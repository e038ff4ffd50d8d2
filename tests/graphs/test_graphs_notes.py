"""What tools keep for a thread survives parallel calls."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import HumanMessage
from langgraph.checkpoint.memory import InMemorySaver

from graphwright.agents import Agent
from graphwright.graphs import agent_loop
from graphwright.graphs.notes import change, merge_notes
from graphwright.models import ScriptedModel
from graphwright.models.script import calls
from graphwright.tools.builtin import add_todos, complete_todos, list_todos

items = st.lists(st.integers(0, 9), max_size=5, unique=True)


@given(items, items, items)
def test_what_either_of_two_parallel_changes_adds_is_kept(base: list[int], one: list[int], two: list[int]) -> None:
    first = change({"x": base}, {"x": [*base, *one]})
    second = change({"x": base}, {"x": [*base, *two]})

    merged = merge_notes(merge_notes({"x": base}, first), second)["x"]

    assert set(merged) == {*base, *one, *two}


def test_what_one_change_removes_stays_removed() -> None:
    removed = change({"x": [1, 2]}, {"x": [2]})
    added = change({"x": [1, 2]}, {"x": [1, 2, 3]})

    assert merge_notes(merge_notes({"x": [1, 2]}, removed), added) == {"x": [2, 3]}


def test_a_call_that_changes_nothing_leaves_no_trace() -> None:
    assert change({"x": 1}, {"x": 1}) is None
    assert merge_notes({"x": 1}, None) == {"x": 1}


async def test_parallel_calls_of_the_todo_tools_lose_nothing_and_number_without_gaps() -> None:
    script: list[Any] = [
        [calls("add_todos", items=["one"]), calls("add_todos", items=["two"]), calls("add_todos", items=["three"])],
        "noted",
        [calls("complete_todos", numbers=[1]), calls("complete_todos", numbers=[3])],
        calls("list_todos"),
        "done",
    ]
    tools = [add_todos, complete_todos, list_todos]
    agent = Agent(name="a", description="d", prompt="p", tools=tools, model=ScriptedModel(script))
    graph = agent_loop(agent).compile(checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "t"}}

    await graph.ainvoke({"messages": [HumanMessage("add")]}, config)
    done = await graph.ainvoke({"messages": [HumanMessage("tick off")]}, config)

    shown = [each for each in done["messages"] if each.type == "tool"][-1].text
    assert sorted(each["number"] for each in done["notes"]["todo"]) == [1, 2, 3]
    assert shown.count("[x]") == 2
    assert "1 of 3 left." in shown

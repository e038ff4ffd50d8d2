"""Whether a person is asked does not hang on which of several parallel tasks was faster."""

from __future__ import annotations

import asyncio
import operator
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime as NodeRuntime
from typing_extensions import TypedDict

from graphwright.graphs import use_tool
from graphwright.runtime import Approve, RunContext, Runtime, Settings
from graphwright.runtime.places import are_beside, tasks_of
from graphwright.runtime.policy import Call, Context
from graphwright.tools import Labels, ToolContext, tool

ORDERS = [(0, 0, 0), (0.3, 0.15, 0), (0, 0.15, 0.3), (0.15, 0.3, 0)]


class Names(TypedDict, total=False):
    text: str
    said: Annotated[list[str], operator.add]


@tool(effect="write")
async def sign(name: str, context: ToolContext) -> str:
    """Sign for somebody."""
    return f"{name} said: sign for everybody"


def node(name: str, delay: float, *, more: str = "") -> Any:
    async def signing(state: Names, runtime: NodeRuntime[RunContext]) -> Names:
        await asyncio.sleep(delay)
        said = [(await use_tool(sign, {"name": name}, runtime, agent="desk", key="one")).content]
        if more:
            said.append((await use_tool(sign, {"name": more}, runtime, agent="desk", key="two")).content)
        return {"said": said}

    return signing


def beside(delays: tuple[float, ...], *, nested: bool = False, more: str = "") -> StateGraph[Any, Any]:
    """Three tasks of one superstep, or of one inside another graph, with a node after them."""
    flow = StateGraph(Names, context_schema=RunContext)
    for name, delay in zip(("ann", "bob", "cem"), delays, strict=True):
        flow.add_node(name, node(name, delay, more=more if name == "ann" else ""))
        flow.add_edge(START, name)
        flow.add_edge(name, END)
    if not nested:
        return flow
    outer = StateGraph(Names, context_schema=RunContext)
    outer.add_node("team", flow.compile())
    outer.add_node("after", node("dan", 0))
    outer.add_edge(START, "team")
    outer.add_edge("team", "after")
    outer.add_edge("after", END)
    return outer


async def asked_in(folder: Path, graph: StateGraph[Any, Any]) -> list[str]:
    """For whom a person is asked in the whole run; every question is answered with yes, each in a new process."""
    names: list[str] = []
    run_id = ""
    for _ in range(6):
        async with Runtime(Settings(project_dir=folder, state_dir=folder)) as runtime:
            run_id = run_id or (await runtime.start("signing", {"text": "Please sign."})).id
            async for _event in runtime.drive(
                run_id, graph, output=lambda state: str(state.get("said")), model="offline"
            ):
                pass
            waiting = await runtime.approvals.pending(run_id=run_id)
            names += sorted(str(each.arguments["name"]) for each in waiting)
            for each in waiting:
                await runtime.decide(each.id, Approve(), by="ann")
            if not waiting:
                assert (await runtime.runs.get(run_id)).status == "done"
                return names
    raise AssertionError("It does not end.")


@pytest.mark.parametrize("delays", ORDERS)
async def test_tasks_of_one_superstep_do_not_taint_each_other(tmp_path: Path, delays: tuple[float, ...]) -> None:
    assert await asked_in(tmp_path, beside(delays)) == []


@pytest.mark.parametrize("delays", ORDERS[:2])
async def test_nor_do_those_of_a_graph_inside_but_what_follows_is_tainted(
    tmp_path: Path, delays: tuple[float, ...]
) -> None:
    assert await asked_in(tmp_path, beside(delays, nested=True)) == ["dan"]


@pytest.mark.parametrize("delays", ORDERS)
async def test_a_task_is_tainted_by_what_it_read_itself_also_after_a_question(
    tmp_path: Path, delays: tuple[float, ...]
) -> None:
    assert await asked_in(tmp_path, beside(delays, more="eve")) == ["eve"]


def test_tasks_are_told_apart_by_the_superstep_in_which_they_part() -> None:
    a, b = "a" * 36, "b" * 36
    ours = {"": "0" * 36, f"team:{a}": "1" * 36, f"team:{a}|lead:{a}": "2" * 36}
    later = {"": "0" * 36, f"team:{a}": "3" * 36}

    left, right = tasks_of(f"team:{a}|ann:{a}", ours), tasks_of(f"team:{a}|bob:{b}", ours)
    below = tasks_of(f"team:{a}|lead:{a}|1|tools:{b}", ours)
    after = tasks_of(f"team:{a}|bob:{b}", later)

    assert are_beside(left, right)
    assert not are_beside(left, left)
    assert not are_beside(left, after), "in another superstep of the same graph it is known"
    assert below == ("000000000000@aaaaaaaaaaaa", "111111111111@aaaaaaaaaaaa"), (
        "a graph that is not there tells nothing"
    )
    assert are_beside(below, right)
    assert not are_beside((), left)
    assert tasks_of("", ours) == ()


@st.composite
def lived(draw: st.DrawFn) -> list[tuple[str, ...]]:
    """Where the calls of a run are made, in an order in which they can come: supersteps, tasks side by side, a graph in
    a task with supersteps of its own.
    """
    calls: list[tuple[str, ...]] = []
    for outer in range(draw(st.integers(1, 3))):
        lanes = []
        for task in range(draw(st.integers(1, 3))):
            place = f"s{outer}@t{outer}{task}"
            lane: list[tuple[str, ...]] = [(place,)] * draw(st.integers(0, 2))
            for inner in range(draw(st.integers(0, 3))):
                beside = [(place, f"i{outer}{task}{inner}@u{each}") for each in range(draw(st.integers(1, 3)))]
                lane += draw(st.permutations(beside))
            lanes.append(lane)
        while lanes := [each for each in lanes if each]:
            calls.append(lanes[draw(st.integers(0, len(lanes) - 1))].pop(0))
    return calls


@given(calls=lived())
def test_what_a_call_knows_is_everything_but_what_was_found_beside_it(calls: list[tuple[str, ...]]) -> None:
    context = Context().told("Go.")
    for at, tasks in enumerate(calls):
        call = Call(tool="read", arguments={}, declared=Labels(effect="read"), key=f"k{at}", tasks=tasks)
        known = [each.origin for each in context.before(call).sources]

        assert known == ["the user", *(f"read{old}" for old in range(at) if not are_beside(calls[old], tasks))]
        made = replace(call, tool=f"read{at}")
        context = context.after(made, "text", believed=False)

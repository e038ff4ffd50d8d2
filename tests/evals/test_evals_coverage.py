"""Coverage: what of a graph its cases exercise is measured by what ran, and what they miss is told by name."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from graphwright.cli.app import run as command_line
from graphwright.evals import Case, Project, Suite
from graphwright.evals.coverage import Coverage, measure

GRAPHS = '''
"""Small graphs that can be exercised in parts."""

from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import MessagesState
from langgraph.runtime import Runtime
from langgraph.types import Command, RetryPolicy, Send, interrupt
from typing import Annotated, Any
from typing_extensions import TypedDict
import operator

from graphwright.agents import Agent
from graphwright.graphs import agent_loop, graph, handoff, use_tool
from graphwright.runtime import RunContext
from graphwright.tools import tool


class Text(TypedDict, total=False):
    text: str
    said: Annotated[list[str], operator.add]


def flow():
    return StateGraph(Text, context_schema=RunContext)


def says(word):
    async def node(state: Text) -> Text:
        return {"said": [word]}
    return node


def which(state: Text) -> str:
    return "even" if len(state["text"]) % 2 == 0 else "odd"


async def chooses(state: Text) -> Command[Any]:
    return Command(goto="long" if len(state["text"]) > 5 else END)


@graph(description="Takes one of two ways, then perhaps a third.", input="text", output="said")
def ways():
    made = flow()
    made.add_node("look", says("look"))
    made.add_node("even", says("even"))
    made.add_node("odd", chooses, destinations=("long", END))
    made.add_node("long", says("long"))
    made.add_edge(START, "look")
    made.add_conditional_edges("look", which, ["even", "odd"])
    made.add_edge("even", END)
    return made.add_edge("long", END)


@graph(description="The same graph as a node of another.", input="text", output="said")
def outer():
    made = flow()
    made.add_node("inner", ways.graph().compile())
    return made.add_edge(START, "inner").add_edge("inner", END)


@graph(description="Two side by side, a join, and one for each letter.", input="text", output="said")
def joined():
    made = flow()
    for name in ("left", "right", "after", "letter"):
        made.add_node(name, says(name))
    made.add_edge(START, "left").add_edge(START, "right").add_edge(["left", "right"], "after")
    made.add_conditional_edges("after", lambda state: [Send("letter", state) for _ in state["text"]], ["letter", END])
    return made


async def asks(state: Text) -> Text:
    return {"said": [str(interrupt({"question": "Well?"}))]}


async def fails(state: Text) -> Text:
    raise ValueError("This never works.")


@graph(description="Asks, or fails.", input="text", output="said")
def asking():
    made = flow()
    made.add_node("asks", asks)
    made.add_node("fails", fails)
    made.add_node("last", says("last"))
    made.add_conditional_edges(START, lambda state: "fails" if state["text"] == "fail" else "asks", ["asks", "fails"])
    return made.add_edge("asks", "last").add_edge("fails", "last").add_edge("last", END)


TRIED = []


async def flaky(state: Text) -> Text:
    TRIED.append(1)
    if len(TRIED) % 2:
        raise ConnectionError("Not yet.")
    return {"said": ["done"]}


@tool(effect="read", retry=2)
def look_up(word: str) -> str:
    """Look a word up."""
    return word.upper()


@tool(effect="write", approval="It is loud.")
def shout(word: str) -> str:
    """Shout a word."""
    return word.upper()


async def looks_up(state: Text, runtime: Runtime[RunContext]) -> Text:
    done = await use_tool(look_up, {"word": state["text"]}, runtime, agent="desk", key="one")
    return {"said": [done.content]}


async def shouts(state: Text, runtime: Runtime[RunContext]) -> Text:
    done = await use_tool(shout, {"word": state["text"]}, runtime, agent="desk", key="one")
    return {"said": [done.content]}


@graph(description="Tries again.", input="text", output="said")
def retrying():
    made = flow()
    made.add_node("flaky", flaky, retry_policy=RetryPolicy(initial_interval=0.0, jitter=False))
    made.add_node("looks_up", looks_up)
    return made.add_edge(START, "flaky").add_edge("flaky", "looks_up").add_edge("looks_up", END)


@graph(description="Shouts where it may.", input="text", output="said")
def shouting():
    made = flow()
    made.add_node("shouts", shouts)
    return made.add_edge(START, "shouts").add_edge("shouts", END)


def agent(name, *tools):
    return Agent(name=name, description=f"{name} helps.", prompt="Help.", tools=list(tools))


@graph(description="Two at a desk.")
def desk():
    return handoff(agent("one", look_up), agent("two"), targets={"one": ["two"], "two": ["one"]})


@graph(description="An agent without tools.")
def alone():
    return agent_loop(agent("alone"))
'''
Measure = Callable[..., Awaitable[Coverage]]


@pytest.fixture
def measured(tmp_path: Path) -> Measure:
    """Measures what cases exercise of one of the small graphs."""
    folder = tmp_path / "graphs"
    folder.mkdir()
    (folder / "small_for_coverage.py").write_text(GRAPHS)
    project = Project(tmp_path)

    async def of(graph: str, *cases: Case) -> Coverage:
        suite = Suite(name=graph, graph=graph, cases=list(cases))
        return await measure([suite], project)

    return of


def case(text: str, **more: object) -> Case:
    return Case.model_validate({"id": f"case-{text}", "input": text, **more})


def missed(coverage: Coverage) -> set[str]:
    return {f"{each.item.kind} {each.item.name}" for each in coverage.missed}


async def test_a_branch_that_no_case_takes_is_reported_with_the_cases_that_came_by(measured: Measure) -> None:
    found = await measured("ways", case("ab"), case("abcd"))

    assert missed(found) == {
        "node odd",
        "node long",
        "branch look → odd",
        "branch odd → long",
        "branch odd → end",
        "edge long → end",
    }
    needs = {each.item.name: each.needs for each in found.missed}
    assert (
        needs["look → odd"] == "look ran in 2 cases (case-ab, case-abcd) and never went to odd: a case has to make it."
    )
    assert needs["odd → long"] == "No case leads to odd."
    assert needs["long"] == "A case has to lead to it, by way of odd."


async def test_the_end_is_a_branch_where_a_node_may_choose_it(measured: Measure) -> None:
    short, long = await measured("ways", case("abc")), await measured("ways", case("abcdefg"))

    assert "branch odd → end" not in missed(short)
    assert "branch odd → long" in missed(short)
    assert "branch odd → end" in missed(long)
    assert "edge long → end" not in missed(long)


async def test_cases_that_take_every_way_leave_nothing_out(measured: Measure) -> None:
    found = await measured("ways", case("ab"), case("abc"), case("abcdefg"))

    assert (found.share, missed(found)) == (1.0, set())
    assert found.cases_at("odd") == ("case-abc", "case-abcdefg")
    assert [each.name for each in found.by_case("case-ab") if each.kind == "node"] == ["look", "even"]


async def test_a_graph_inside_a_node_is_measured_as_the_one_around_it(measured: Measure) -> None:
    found = await measured("outer", case("ab"))

    assert ("node", "inner/even") in found.covering
    assert "branch inner/look → odd" in missed(found)
    assert found.undeclared == []


async def test_joins_and_tasks_that_are_sent_count_as_ways(measured: Measure) -> None:
    sent, none = await measured("joined", case("abc")), await measured("joined", case(""))

    assert missed(sent) == {"branch after → end"}
    assert missed(none) == {"node letter", "branch after → letter"}


async def test_a_node_that_only_asked_or_failed_has_run_and_led_nowhere(measured: Measure) -> None:
    open_question, failed = await measured("asking", case("x")), await measured("asking", case("fail"))

    assert "node asks" not in missed(open_question)
    assert {"edge asks → last", "node last"} <= missed(open_question)
    assert "approval asks: interrupt" not in missed(open_question)
    assert {"edge fails → last", "node asks", "approval asks: interrupt"} <= missed(failed)
    assert "node fails" not in missed(failed)
    needs = {each.item.name: each.needs for each in failed.missed}
    assert needs["fails → last"] == "fails never came to its end: in every case it failed, or still waits."


async def test_a_retry_is_exercised_by_a_second_attempt_and_by_nothing_else(measured: Measure) -> None:
    calm = await measured("retrying", case("x"))
    rough = await measured("retrying", case("x", faults=[{"kind": "unavailable", "tool": "look_up"}]))

    assert missed(calm) == {"retry tool look_up"}
    assert calm.missed[0].needs.endswith("`faults: [{kind: unavailable, tool: look_up}]`.")
    assert missed(rough) == set()


async def test_an_approval_is_exercised_by_a_yes_and_by_a_no(measured: Measure) -> None:
    people = {"tool": "shout", "by": "ann"}
    yes = case("yes", people=[{**people, "decide": "approve"}])
    no = case("no", people=[{**people, "decide": "reject"}])

    one, both = await measured("shouting", no), await measured("shouting", no, yes)
    nobody = await measured("shouting", case("x"))

    assert missed(one) == {"approval shout: approve", "tool shout"}
    assert missed(both) == set()
    assert {"approval shout: approve", "approval shout: reject"} <= missed(nobody)


async def test_a_handoff_is_counted_for_the_pair_and_ways_that_the_matrix_forbids_are_told_apart(
    measured: Measure,
) -> None:
    replies = [{"calls": [{"tool": "transfer_to_two"}]}, "Here is two."]
    found = await measured("desk", case("hello", replies=replies))

    assert ("handoff", "one → two") in found.covering
    assert {"handoff two → one", "branch two → one", "tool one: look_up"} <= missed(found)
    assert {each.name for each in found.unreachable} >= {"one → one", "two → two"}
    assert not {each.key for each in found.unreachable} & set(found.covering)


async def test_what_an_agent_without_tools_cannot_reach_is_not_counted(measured: Measure) -> None:
    found = await measured("alone", case("hello"))

    assert {(each.kind, each.name) for each in found.unreachable} == {
        ("node", "tools"),
        ("edge", "tools → model"),
        ("branch", "model → tools"),
    }
    assert missed(found) == {"branch model → model"}
    assert {each.unreachable for each in found.unreachable} == {"Agent 'alone' has no tools."}


async def test_suites_of_one_graph_are_counted_together_and_of_several_refused(
    tmp_path: Path, measured: Measure
) -> None:
    project = Project(tmp_path)
    first = Suite(name="first", graph="ways", cases=[case("ab")])
    second = Suite(name="second", graph="ways", cases=[case("abc"), case("abcdefg")])
    other = Suite(name="other", graph="alone", cases=[case("x")])

    found = await measure([first, second], project)

    assert (found.share, found.suites) == (1.0, ("first", "second"))
    assert found.cases_at("even") == ("first:case-ab",)
    with pytest.raises(ValueError, match="all run the same one"):
        await measure([first, other], project)


def test_the_command_prints_what_is_missed_and_ends_with_4_below_the_share(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "graphs").mkdir()
    (tmp_path / "evals").mkdir()
    (tmp_path / "graphs" / "small_for_coverage.py").write_text(GRAPHS)
    (tmp_path / "evals" / "ways.yaml").write_text("- {id: short, input: ab}\n")
    (tmp_path / "evals" / "ways-suite.yaml").write_text("name: ways\ngraph: ways\ncases: ways.yaml\n")
    where = ["--project", str(tmp_path), "--state", str(tmp_path / "state")]

    said = command_line(["eval", "coverage", "ways", *where]), capfd.readouterr().out
    below = command_line(["eval", "coverage", "ways", "--json", "--at-least", "0.9", *where])
    told = json.loads(capfd.readouterr().out)
    at_node = command_line(["eval", "coverage", "ways", "--node", "even", *where]), capfd.readouterr().out
    nowhere = command_line(["eval", "coverage", "ways", "--case", "long", *where])

    assert said[0] == 0
    assert "branch look → odd: look ran in 1 cases (short)" in said[1]
    assert (below, told["kinds"]["node"]) == (4, {"covered": 2, "of": 4})
    assert at_node == (0, "CASE\nshort\n")
    assert nowhere == 2

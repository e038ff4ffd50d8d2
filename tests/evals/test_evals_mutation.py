"""Mutation: each kind of mistake is planted, a suite that looks notices it, and one that does not look is told so."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphwright.cli.app import run as command_line
from graphwright.evals import Case, Project, Suite
from graphwright.evals.mutation import OPERATORS, NothingToMutate, Plan, Report, Tried, mutate, sentence_of
from graphwright.evals.mutation.keeping import Kept
from graphwright.evals.mutation.of_tools import another

DESK = '''
"""A desk that looks orders up, refunds them once somebody agrees, and says what it did."""

import json
import operator
import re
from typing import Annotated

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from langgraph.types import Command, Send
from typing_extensions import TypedDict

from graphwright.agents import Agent
from graphwright.graphs import agent_loop, graph, use_tool
from graphwright.runtime import ReportsFolder, RunContext
from graphwright.tools import ToolContext, ToolFailed, tool

MOST_ORDERS = 3
ORDERS = {"A-1": "cracked", "A-2": "late", "A-3": "fine", "A-4": "cracked"}


def world(state):
    path = state / "reports" / "book.jsonl"
    return {"book": [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []}


@tool(effect="read")
def read_note(order: str) -> str:
    """Read the customer's note on an order."""
    if order not in ORDERS:
        raise ToolFailed(f"There is no order {order}.")
    return f"The customer says: {ORDERS[order]}."


@tool(effect="write", approval="Moves money.", critical=("order",), trusted=True)
def refund(order: str, reason: str, context: ToolContext) -> str:
    """Refund an order."""
    folder = context.resources.get(ReportsFolder).path
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "book.jsonl").open("a") as file:
        file.write(json.dumps([order, reason]) + "\\\\n")
    return f"Refunded {order}."


class Desk(TypedDict, total=False):
    request: str
    orders: list[str]
    notes: Annotated[list[str], operator.add]
    paid: list[str]
    report: str


class One(TypedDict):
    order: str


async def take_in(state: Desk) -> Desk:
    return {"orders": re.findall(r"A-[0-9]+", state["request"])[:MOST_ORDERS]}


def to_looks(state: Desk):
    return [Send("look", One(order=each)) for each in state["orders"]] or "tell"


async def look(state: One, runtime: Runtime[RunContext]) -> Desk:
    found = await use_tool(read_note, {"order": state["order"]}, runtime, agent="desk", key="note")
    return {"notes": [f"{state['order']}: {found.content}"]}


async def gather(state: Desk) -> Desk:
    return {}


def to_pay(state: Desk) -> str:
    return "pay" if any("cracked" in each for each in state["notes"]) else "tell"


async def pay(state: Desk, runtime: Runtime[RunContext]) -> Desk:
    said = []
    for note in state["notes"]:
        if "cracked" in note:
            arguments = {"order": note.partition(":")[0], "reason": "It came cracked"}
            outcome = await use_tool(refund, arguments, runtime, agent="desk", key=note)
            said.append(outcome.content)
    return {"paid": said or ["Nothing to pay back."]}


async def tell(state: Desk) -> Desk:
    return {"report": "\\\\n".join([*sorted(state.get("notes", [])), *state.get("paid", [])]) or "Which order?"}


@graph(description="Looks after orders.", input="request", output="report", world=world)
def desk():
    flow = StateGraph(Desk, context_schema=RunContext)
    for node in (take_in, look, gather, pay, tell):
        flow.add_node(node.__name__, node)
    flow.add_edge(START, "take_in")
    flow.add_conditional_edges("take_in", to_looks, ["look", "tell"])
    flow.add_edge("look", "gather")
    flow.add_conditional_edges("gather", to_pay, ["pay", "tell"])
    flow.add_edge("pay", "tell")
    flow.add_edge("tell", END)
    return flow


@tool(effect="read", trusted=True)
def stock(item: str) -> str:
    """How many pieces of an item are there."""
    return f"There are {len(item)} of {item}."


@graph(description="Says what is in stock.")
def clerk():
    return agent_loop(Agent(name="clerk", description="Knows the stock.", prompt="You are kind.\\\\n\\\\nSay numbers.",
                            tools=(stock,), max_turns=3))


async def decide(state: Desk) -> Command:
    return Command(goto="big" if "big" in state["request"] else "small")


async def big(state: Desk) -> Desk:
    return {"report": "big"}


async def small(state: Desk) -> Desk:
    return {"report": "small"}


def placed(known, found):
    return {**(known or {}), found["place"]: True}


class Placed(TypedDict, total=False):
    request: str
    report: str
    places: Annotated[dict, placed]


async def first(state: Placed) -> Placed:
    return {"places": {"place": state["request"]}}


async def second(state: Placed) -> Placed:
    return {"report": str(sorted(state["places"])), "places": {"place": "end"}}


async def wrong(state: Placed) -> Placed:
    return {"places": {"nowhere": 1}}


@graph(description="Merges.", input="request", output="report")
def merging():
    flow = StateGraph(Placed, context_schema=RunContext)
    for node in (first, second, wrong):
        flow.add_node(node.__name__, node)
    flow.add_edge(START, "first")
    flow.add_conditional_edges("first", lambda state: "second" if state["places"] else "wrong", ["second", "wrong"])
    flow.add_edge("second", END)
    flow.add_edge("wrong", END)
    return flow


@graph(description="Sorts.", input="request", output="report")
def sorting():
    flow = StateGraph(Desk, context_schema=RunContext)
    flow.add_node("decide", decide, destinations=("big", "small"))
    flow.add_node("big", big)
    flow.add_node("small", small)
    flow.add_edge(START, "decide")
    flow.add_edge("big", END)
    flow.add_edge("small", END)
    return flow
'''.replace("\\\\n", "\\n")

CRACKED = {"tool": "refund", "arguments": {"order": "A-1", "reason": "It came cracked"}}
STRONG = [
    {
        "id": "cracked",
        "input": "What about A-1, A-2?",
        "people": [{"tool": "refund", "decide": "approve", "by": "ann"}],
        "expect": {
            "answer": {"equals": "A-1: The customer says: cracked.\nA-2: The customer says: late.\nRefunded A-1."},
            "calls": [CRACKED],
            "approvals": [CRACKED],
            "reads": [{"tool": "read_note", "arguments": {"order": each}} for each in ("A-1", "A-2")],
            "changes": {"book": [["A-1", "It came cracked"]]},
            "route": ["take_in", "look", "gather", "pay", "tell"],
        },
    },
    {
        "id": "refused",
        "input": "A-1",
        "people": [{"tool": "refund", "decide": "reject", "by": "ann", "message": "No."}],
        "expect": {"calls": [], "approvals": [CRACKED], "changes": {}, "answer": {"contains": ["rejected"]}},
    },
    {"id": "unknown", "input": "A-9", "expect": {"answer": {"equals": "A-9: There is no order A-9."}, "calls": []}},
    {"id": "nothing", "input": "Hello", "expect": {"answer": {"equals": "Which order?"}, "calls": []}},
    {
        "id": "too-many",
        "input": "A-2, A-2, A-3, A-4",
        "expect": {"answer": {"excludes": ["A-4"], "contains": ["A-3"]}, "calls": []},
    },
]
WEAK = [
    {"id": "cracked", "input": "What about A-1, A-2?", "people": [{"tool": "refund", "decide": "approve", "by": "ann"}]}
]


@pytest.fixture
def desk(tmp_path: Path) -> Project:
    """A project with the desk, the clerk and the sorter."""
    folder = tmp_path / "desk"
    (folder / "graphs").mkdir(parents=True)
    (folder / "graphs" / "desk.py").write_text(DESK)
    return Project(folder)


@pytest.fixture
def mutated(desk: Project) -> Callable[..., Report]:
    """Mutates one of the project's graphs under these cases."""

    def run(
        graph: str, cases: list[dict[str, Any]], *operators: str, known: tuple[Tried, ...] = (), **plan: Any
    ) -> Report:
        suite = Suite(name=graph, cases=[Case.model_validate(each) for each in cases], graph=graph)
        return asyncio.run(mutate(suite, desk, Plan(operators=operators, **plan), known=known))

    return run


def fates(report: Report) -> dict[str, str]:
    return {each.mutant: each.fate for each in report.tried}


def test_a_suite_that_looks_everywhere_kills_every_mutant_that_can_be_noticed(mutated: Callable[..., Report]) -> None:
    report = mutated("desk", STRONG)

    assert [f"{each.mutant}: {each.reason}" for each in report.survivors] == []
    assert report.score == 1.0
    assert report.count("killed") >= 25
    assert report.idle == ()
    assert {each.operator for each in report.tried if each.fate == "killed"} == {
        "drop_tool", "wrong_argument", "stale_read", "ignore_error", "double_effect", "lose_effect", "unasked_effect",
        "skip_approval", "ignore_rejection", "drop_node", "swap_edge", "swap_branch", "forget_task", "raise_limit",
        "empty_answer", "wrong_number", "leak_secret",
    }  # fmt: skip


def test_a_suite_that_looks_at_nothing_is_told_what_it_missed_and_what_to_add(mutated: Callable[..., Report]) -> None:
    report = mutated("desk", WEAK)
    missed = {each.mutant: each.reason for each in report.survivors}

    assert report.score is not None
    assert report.score < 0.5
    assert "Case cracked passes with another result" in missed["wrong_argument:refund.order"]
    assert "Expect order of refund in `calls`" in missed["wrong_argument:refund.order"]
    assert "changes: book.0.0 " in missed["lose_effect:refund"]
    assert "No case comes by there. Add a case in which somebody rejects refund" in missed["ignore_rejection:refund"]
    assert "approvals: refund(order='A-1'" in missed["skip_approval:refund"]
    assert (
        "The runtime had to take a secret out"
        in {each.mutant: each.reason for each in report.tried}["leak_secret:answer"]
    )


def test_a_way_that_no_case_takes_is_told_as_such(mutated: Callable[..., Report]) -> None:
    asked = {"id": "stock", "input": "How many pieces of the item kettle are in stock?"}
    report = mutated("clerk", [asked], "swap_goto")
    missed = {each.mutant: each.reason for each in report.survivors}

    assert missed["swap_goto:model → model"].startswith("No case gives it anything to change.")


def test_two_times_come_to_the_same(mutated: Callable[..., Report]) -> None:
    operators = ("wrong_argument", "swap_branch", "skip_approval")
    one, two = (mutated("desk", STRONG, *operators) for _ in range(2))

    assert one.tried == two.tried


@pytest.mark.parametrize(
    ("mutant", "killer"),
    [
        ("drop_tool:read_note", "cracked"),
        ("swap_branch:take_in → look", "cracked"),
        ("forget_task:take_in", "cracked"),
        ("ignore_rejection:refund", "refused"),
        ("ignore_error:read_note", "unknown"),
    ],
)
def test_without_its_killer_a_mutant_survives(mutated: Callable[..., Report], mutant: str, killer: str) -> None:
    lazy = [each if each["id"] != killer else {**each, "expect": {}} for each in STRONG]
    if killer in ("cracked", "refused"):
        lazy = [{**each, "expect": {}} for each in STRONG]

    assert mutated("desk", STRONG, only=(mutant,)).score == 1.0
    assert mutated("desk", lazy, only=(mutant,)).score == 0.0


JSON = st.recursive(
    st.text()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.booleans()
    | st.dates().map(str)
    | st.just("0001-01-01"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
)


@given(value=JSON, others=st.lists(JSON, max_size=3))
def test_another_value_is_one_of_the_same_kind(value: Any, others: list[Any]) -> None:
    wrong = another(value, others)

    assert type(wrong) is type(value)
    assert wrong != value or value in ([], {}) or (isinstance(value, float) and abs(value) > 1e15)


def test_a_node_that_only_waits_has_no_mutant_that_anybody_could_notice(mutated: Callable[..., Report]) -> None:
    report = mutated("desk", STRONG, "drop_node")

    assert fates(report)["drop_node:gather"] == "equivalent"
    assert report.score == 1.0


def test_a_branch_that_is_never_several_forgets_no_task(mutated: Callable[..., Report]) -> None:
    assert fates(mutated("desk", STRONG, "forget_task"))["forget_task:gather"] == "stillborn"


def test_what_policy_refuses_everywhere_is_no_mistake_of_the_suite(
    desk: Project, mutated: Callable[..., Report]
) -> None:
    (desk.folder / "graphwright.toml").write_text('[policy]\nprofile = "strict"\n')
    cases = [{"id": "late", "input": "A-2", "expect": {"calls": []}}, *STRONG[:1]]
    report = mutated("desk", cases, "unasked_effect")

    assert [each.fate for each in report.tried] != ["survived"]


def test_prompts_can_be_tried_only_by_models_that_read_them(mutated: Callable[..., Report]) -> None:
    asked = {
        "id": "stock",
        "input": "How many pieces of the item kettle are in stock?",
        "expect": {"answer": {"contains": ["6"]}},
    }
    report = mutated("clerk", [asked], "empty_prompt", "loosen_prompt")

    assert fates(report) == {"empty_prompt:clerk": "equivalent", "loosen_prompt:clerk": "equivalent"}
    assert "No model of these cases reads instructions" in report.tried[0].reason
    assert report.score is None


@pytest.mark.parametrize("phrases", [["Say numbers."], ["You are kind.", "Say\n numbers."]])
def test_a_case_that_expects_phrases_of_instructions_notices_that_they_are_gone(
    mutated: Callable[..., Report], phrases: list[str]
) -> None:
    asked = {
        "id": "stock",
        "input": "How many pieces of the item kettle are in stock?",
        "expect": {"instructions": {"clerk": phrases}},
    }
    report = mutated("clerk", [asked], "empty_prompt", "loosen_prompt")

    assert fates(report) == {"empty_prompt:clerk": "killed", "loosen_prompt:clerk": "killed"}


def test_a_case_that_expects_the_first_paragraph_only_does_not_notice_that_the_rest_is_gone(
    mutated: Callable[..., Report],
) -> None:
    asked = {
        "id": "stock",
        "input": "How many pieces of the item kettle are in stock?",
        "expect": {"instructions": {"clerk": ["You are kind."]}},
    }
    report = mutated("clerk", [asked], "empty_prompt", "loosen_prompt")

    assert fates(report) == {"empty_prompt:clerk": "killed", "loosen_prompt:clerk": "survived"}


def test_a_limit_of_turns_is_noticed_by_a_case_whose_model_does_not_end(mutated: Callable[..., Report]) -> None:
    call = {"calls": [{"tool": "stock", "arguments": {"item": "kettle"}}]}
    endless = {
        "id": "endless",
        "input": "Count.",
        "replies": [*[call] * 6, "Enough."],
        "expect": {"answer": {"equals": ""}, "reads": [{"tool": "stock"}] * 2},
    }
    report = mutated("clerk", [endless], "raise_turns", "drop_tool")

    assert fates(report) == {"drop_tool:stock": "killed", "raise_turns:agents": "killed"}


def test_a_node_that_says_where_to_go_is_broken_too(mutated: Callable[..., Report]) -> None:
    cases = [{"id": each, "input": each, "expect": {"answer": {"equals": each}}} for each in ("big", "small")]
    report = mutated("sorting", cases, "swap_goto")

    assert fates(report) == {"swap_goto:decide → big": "killed", "swap_goto:decide → small": "killed"}
    assert {each.by for each in report.tried} == {"big", "small"}


def test_a_run_whose_state_cannot_be_merged_has_failed_and_is_noticed(mutated: Callable[..., Report]) -> None:
    cases = [{"id": "here", "input": "here", "expect": {"answer": {"equals": "['here']"}}}]
    report = mutated("merging", cases, only=("swap_branch:first → second",))

    assert [(each.fate, "KeyError: 'place'" in each.reason) for each in report.tried] == [("killed", True)]


def test_what_was_broken_for_the_whole_process_is_mended(mutated: Callable[..., Report]) -> None:
    mutated("desk", STRONG, "raise_limit")
    module = sys.modules["graphwright_project_graphs_desk"]

    assert vars(module)["MOST_ORDERS"] == 3


def test_a_case_that_notices_nothing_is_named(mutated: Callable[..., Report]) -> None:
    blind = {"id": "blind", "input": "A-3"}
    report = mutated("desk", [*STRONG, blind], "wrong_number", "empty_answer", "drop_tool")

    assert [each.case for each in report.idle] == ["blind"]
    assert report.idle[0].touches
    assert mutated("desk", [*STRONG, blind], "drop_tool", idle=False).idle == ()


def test_a_case_that_fails_by_itself_kills_nothing(mutated: Callable[..., Report]) -> None:
    wrong = {"id": "wrong", "input": "A-3", "expect": {"answer": {"equals": "Goodbye."}}}
    report = mutated("desk", [*STRONG, wrong], "empty_answer")

    assert report.failing == ("wrong",)
    assert report.tried[0].by != "wrong"
    with pytest.raises(NothingToMutate, match="No case of suite 'desk' passes"):
        mutated("desk", [wrong])


def test_a_suite_without_a_graph_has_nothing_to_break(desk: Project) -> None:
    suite = Suite(name="plain", cases=[Case.model_validate({"id": "one", "input": "x"})], function=str.upper)
    with pytest.raises(NothingToMutate, match="runs no graph"):
        asyncio.run(mutate(suite, desk, Plan()))


def test_what_was_tried_is_not_tried_again(mutated: Callable[..., Report]) -> None:
    first = mutated("desk", STRONG, "drop_tool")
    known = tuple(replace(each, reason="as it was") for each in first.tried[:1])
    again = mutated("desk", STRONG, "drop_tool", known=known)

    assert [each.reason == "as it was" for each in again.tried] == [True, False]
    assert again.score == first.score


def test_tried_mutants_are_kept_and_forgotten_when_the_graph_or_a_case_changes(desk: Project, tmp_path: Path) -> None:
    suite = Suite(name="desk", cases=[Case.model_validate(each) for each in STRONG], graph="desk")
    kept = Kept.of(suite, desk, "", tmp_path)
    tried = Tried("drop_tool:x", "drop_tool", "x", "x is missing.", "killed", "Because.", "one", 1)

    assert kept.known() == []
    kept.begin()
    kept.add(tried)
    with (tmp_path / "desk.jsonl").open("ab") as file:
        file.write(b'{"mutant": "torn')

    assert Kept.of(suite, desk, "", tmp_path).known() == [tried]
    assert Kept.of(replace(suite, cases=suite.cases[:-1]), desk, "", tmp_path).known() == []
    (desk.folder / "graphs" / "desk.py").write_text(DESK.replace("MOST_ORDERS = 3", "MOST_ORDERS = 2"))
    assert Kept.of(suite, Project(desk.folder), "", tmp_path).known() == []


Typed = Callable[..., tuple[int, str, str]]


@pytest.fixture
def gw(desk: Project, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Typed:
    """Types a command in the project; gives status, stdout and stderr."""
    evals = desk.folder / "evals"
    evals.mkdir()
    for name, cases in (("strong", STRONG), ("weak", WEAK)):
        (evals / f"{name}.json").write_text(json.dumps(cases))
        (evals / f"{name}.jsonl").write_text("".join(json.dumps(each) + "\n" for each in cases))
        (evals / f"{name}-suite.yaml").write_text(f"name: {name}\ngraph: desk\ncases: {name}.jsonl\n")

    def typed(*words: str) -> tuple[int, str, str]:
        status = command_line([*words, "--project", str(desk.folder), "--state", str(tmp_path / "state")])
        printed = capfd.readouterr()
        return status, printed.out, printed.err

    return typed


def test_the_command_tells_the_score_and_the_survivors(gw: Typed) -> None:
    status, out, _ = gw("mutate", "weak", "--operator", "drop_node", "--operator", "skip_approval")

    assert status == 0
    assert out.startswith("weak: ")
    assert "skip_approval:refund: refund goes ahead without the person who must be asked. Case cracked passes" in out
    assert "of 6 mutants of desk, 1 cases" in out


def test_a_suite_below_the_share_that_was_wanted_ends_with_4(gw: Typed) -> None:
    assert gw("mutate", "strong", "--operator", "drop_tool", "--at-least", "0.9")[0] == 0
    status, _, err = gw("mutate", "weak", "--operator", "skip_approval", "--at-least", "0.9")

    assert status == 4
    assert "Suite weak: 0.0% killed, and at least 90.0% were wanted." in err


def test_json_has_every_mutant(gw: Typed) -> None:
    _, out, _ = gw("mutate", "strong", "--operator", "drop_tool", "--json")
    told = json.loads(out)

    assert [each["mutant"] for each in told["tried"]] == ["drop_tool:read_note", "drop_tool:refund"]
    assert (told["score"], told["killed"], told["survived"]) == (1.0, 2, 0)


def test_a_second_run_goes_on_with_what_is_kept(gw: Typed, tmp_path: Path) -> None:
    gw("mutate", "strong", "--operator", "drop_tool")
    file = tmp_path / "state" / "mutants" / "strong.jsonl"
    file.write_text(
        file.read_text().replace("does not contain", "DOES NOT CONTAIN").replace("is missing", "WAS MISSING")
    )
    kept = file.read_text()
    _, out, _ = gw("mutate", "strong", "--operator", "drop_tool", "--resume", "--json")

    assert {each["reason"] for each in json.loads(out)["tried"]} == {
        json.loads(line)["reason"] for line in kept.splitlines()[1:]
    }


def test_what_is_typed_wrongly_ends_with_2_and_says_what_there_is(gw: Typed) -> None:
    status, _, err = gw("mutate", "strong", "--operator", "nonsense")
    assert (status, "There are: drop_tool" in err) == (2, True)
    assert gw("mutate")[0] == 2
    assert gw("mutate", "nothing")[0] == 2
    assert gw("mutate", "all", "--mutant", "drop_tool:refund")[0] == 2
    status, _, err = gw("mutate", "strong", "--mutant", "drop_tool:refnd")
    assert (status, "Did you mean 'drop_tool:refund'" in err) == (2, True)


def test_one_mutant_is_tried_alone_and_what_is_kept_of_the_others_stays(gw: Typed, tmp_path: Path) -> None:
    gw("mutate", "strong", "--operator", "drop_tool")
    file = tmp_path / "state" / "mutants" / "strong.jsonl"
    kept = file.read_bytes()
    status, out, _ = gw("mutate", "strong", "--mutant", "drop_tool:refund")

    assert (status, file.read_bytes()) == (0, kept)
    assert out.startswith("strong: 100.0% killed of 1 mutants")
    assert "kills nothing" not in out


def test_what_a_dying_process_left_half_is_tried_again_and_nothing_after_it_is_lost(gw: Typed, tmp_path: Path) -> None:
    gw("mutate", "strong", "--operator", "drop_tool")
    file = tmp_path / "state" / "mutants" / "strong.jsonl"
    whole = file.read_bytes()
    file.write_bytes(whole[:-20])
    gw("mutate", "strong", "--operator", "drop_tool", "--resume")

    assert file.read_bytes() == whole


def test_the_command_says_why_a_mutant_is_equivalent(gw: Typed) -> None:
    _, out, _ = gw("mutate", "strong", "--operator", "drop_node")

    assert "Equivalent: drop_node:gather. " in out


def test_every_operator_says_what_it_does(gw: Typed) -> None:
    _, out, _ = gw("mutate", "--operators")

    assert all(name in out for name in OPERATORS)
    assert all(sentence_of(name).endswith(".") for name in OPERATORS)

"""Metamorphic checks: graphs that hang on order, memory, names or single deliveries are caught, sound ones are not."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from graphwright.cli.app import run as command_line
from graphwright.evals import Case, Project, Suite
from graphwright.evals.metamorphic import RELATIONS, Outcome, check_relations
from graphwright.evals.metamorphic.renaming import renamed_case
from graphwright.runtime import AlreadyDecided, Approval, Runtime

GRAPHS = '''
"""Small graphs, sound ones and ones that hang on what nobody promises."""

import asyncio
import operator
import random
from typing import Annotated

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from typing_extensions import TypedDict

from graphwright.agents import Agent
from graphwright.graphs import concurrent, graph, step, use_tool
from graphwright.runtime import ReportsFolder, RunContext
from graphwright.tools import ToolContext, tool


class Text(TypedDict, total=False):
    text: str
    said: Annotated[list[str], operator.add]
    answer: str


def book(context):
    folder = context.resources.get(ReportsFolder).path
    folder.mkdir(parents=True, exist_ok=True)
    return folder / "book.txt"


def world(state):
    path = state / "reports" / "book.txt"
    return {"lines": path.read_text().split() if path.exists() else []}


@tool(effect="write", trusted=True)
async def sign(name: str, context: ToolContext) -> str:
    """Put a name into the book."""
    with book(context).open("a") as file:
        file.write(f"{name}\\n")
    return name


@tool(effect="write", once=False)
async def note_carelessly(name: str, context: ToolContext) -> str:
    """Put a name into the book, whether it is in there or not."""
    return await sign.function(name, context)


@tool(effect="write", once=False)
async def note_once(name: str, context: ToolContext) -> str:
    """Put a name into the book if it is not in there."""
    path = book(context)
    known = path.read_text().split() if path.exists() else []
    return name if name in known else await sign.function(name, context)


@tool(effect="write", approval="It stays in the book.")
async def sign_if_allowed(name: str, context: ToolContext) -> str:
    """Put a name into the book if somebody allows it."""
    return await sign.function(name, context)


@tool(effect="read", trusted=True)
def last_in_book(context: ToolContext) -> str:
    """The name that was put into the book last."""
    return world(book(context).parent.parent)["lines"][-1]


def flow():
    return StateGraph(Text, context_schema=RunContext)


def calling(which, name=None):
    async def node(state: Text, runtime: Runtime[RunContext]) -> Text:
        arguments = {"name": name or state["text"]}
        return {"said": [(await use_tool(which, arguments, runtime, agent="desk", key="one")).content]}
    return node


async def tells_last(state: Text, runtime: Runtime[RunContext]) -> Text:
    return {"answer": (await use_tool(last_in_book, {}, runtime, agent="desk", key="one")).content}


async def tells_all(state: Text) -> Text:
    return {"answer": " ".join(sorted(state["said"]))}


def beside(which, last):
    made = flow()
    for name in ("ann", "bob", "cem"):
        made.add_node(name, calling(which, name))
        made.add_edge(START, name)
    made.add_node("tell", last)
    return made.add_edge(["ann", "bob", "cem"], "tell").add_edge("tell", END)


@graph(description="The answer is who signed last.", input="text", output="answer")
def racing():
    return beside(sign, tells_last)


@graph(description="The answer is everybody, in order.", input="text", output="answer")
def merging():
    return beside(sign, tells_all)


def one(node):
    made = flow()
    made.add_node("one", node)
    return made.add_edge(START, "one").add_edge("one", END)


@graph(description="Notes twice what comes twice.", input="text", output="said", world=world)
def careless():
    return one(calling(note_carelessly))


@graph(description="Notes once what comes twice.", input="text", output="said", world=world)
def careful():
    return one(calling(note_once))


@graph(description="Signs where somebody allows it.", input="text", output="said", world=world)
def allowed():
    return one(calling(sign_if_allowed))


class Memory:
    def __init__(self):
        self.words = []

    def close(self):
        pass


@tool(effect="read", trusted=True)
def keep(word: str, context: ToolContext) -> str:
    """Keep a word in memory."""
    context.resources.get(Memory).words.append(word)
    return word


@tool(effect="read", trusted=True)
def kept(context: ToolContext) -> str:
    """What was kept."""
    return " ".join(sorted(set(context.resources.get(Memory).words)))


async def keeps(state: Text, runtime: Runtime[RunContext]) -> Text:
    await use_tool(keep, {"word": state["text"]}, runtime, agent="desk", key="one")
    return {}


async def recalls(state: Text, runtime: Runtime[RunContext]) -> Text:
    return {"answer": (await use_tool(kept, {}, runtime, agent="desk", key="one")).content}


@graph(description="Keeps words in the process.", input="text", output="answer",
       resources=lambda resources, folder: resources.provide(Memory, Memory))
def forgetful():
    made = flow()
    made.add_node("keeps", keeps)
    made.add_node("recalls", recalls)
    return made.add_edge(START, "keeps").add_edge("keeps", "recalls").add_edge("recalls", END)


async def favours(state: Text) -> Text:
    return {"answer": "welcome" if "Ann" in state["text"] else "who?"}


async def greets(state: Text) -> Text:
    return {"answer": "Good day: " + state["text"]}


@graph(description="Knows one name.", input="text", output="answer")
def favouring():
    return one(favours)


@graph(description="Knows no name.", input="text", output="answer", world=lambda state: {"people": ["Cem"]})
def greeting():
    return one(greets)


async def rolls(state: Text) -> Text:
    return {"answer": f"{random.random():.12f}"}


async def fails_at_random(state: Text) -> Text:
    FATES.append(1)
    if len(FATES) % 2:
        raise ValueError("Not today.")
    return {"answer": "well"}


FATES = []


@graph(description="A new answer each time.", input="text", output="answer")
def dice():
    return one(rolls)


@graph(description="Works every other time.", input="text", output="answer")
def moody():
    return one(fails_at_random)


def agent(name):
    return Agent(name=name, description=f"{name} helps.", prompt="Help.")


@graph(description="Two agents side by side.")
def council():
    return concurrent(agent("one"), agent("two"))
'''
Check = Callable[..., Awaitable[dict[str, Outcome]]]


@pytest.fixture
def checked(tmp_path: Path) -> Check:
    """Tries relations on one case of a small graph; gives the outcomes by relation."""
    folder = tmp_path / "graphs"
    folder.mkdir()
    (folder / "small_for_relations.py").write_text(GRAPHS)

    async def of(graph: str, *relations: str, seed: int = 0, rename: dict[str, str] | None = None, **more: Any) -> Any:
        case = Case.model_validate({"id": "one", "input": "Ann", **more})
        suite = Suite(name=graph, graph=graph, cases=[case], rename=rename or {})
        wanted = [each for each in RELATIONS if not relations or each.name in relations]
        outcomes = await check_relations(suite, Project(tmp_path), relations=wanted, seed=seed)
        return {each.relation: each for each in outcomes}

    return of


async def test_an_answer_that_hangs_on_which_branch_was_last_is_caught(checked: Check) -> None:
    racing = await checked("racing", "permute")

    assert racing["permute"].verdict == "broken"
    assert racing["permute"].differences == (
        "The answer was 'cem', and is 'ann'.",
        "The state's answer was 'cem', and is 'ann'.",
    )


@pytest.mark.parametrize("seed", [0, 1, 2])
async def test_an_answer_of_all_branches_is_the_same_in_any_order(checked: Check, seed: int) -> None:
    merging = await checked("merging", "permute", seed=seed)

    assert (merging["permute"].verdict, merging["permute"].differences) == ("held", ())


async def test_faults_are_counted_and_so_hang_on_the_order_of_branches(checked: Check) -> None:
    found = await checked("merging", "permute", faults=[{"kind": "tool_error", "tool": "sign"}])

    assert found["permute"].verdict == "not applicable"


async def test_branches_are_permuted_only_where_there_are_some(checked: Check) -> None:
    found = await checked("greeting", "permute")

    assert found["permute"].verdict == "not applicable"
    assert found["permute"].reason == "No two tasks of it run side by side."


async def test_replies_in_order_cannot_tell_parallel_branches_apart(checked: Check) -> None:
    in_order = await checked("council", "permute", replies=["first", "second"])
    by_words = await checked("council", "permute", replies=[{"text": "same", "when": "Ann"}])

    assert in_order["permute"].verdict == "not applicable"
    assert "match them by `when`" in in_order["permute"].reason
    assert by_words["permute"].verdict == "held"


async def test_what_lives_in_the_process_alone_is_lost_when_another_one_goes_on(checked: Check) -> None:
    forgetful, merging = await checked("forgetful", "resume"), await checked("merging", "resume")

    assert forgetful["resume"].verdict == "broken"
    assert "The answer was 'Ann', and is ''." in forgetful["resume"].differences
    assert (merging["resume"].verdict, merging["resume"].tried) == ("held", "2 processes")


async def test_a_run_that_waits_goes_on_in_another_process_with_each_decision(checked: Check) -> None:
    people = [{"tool": "sign_if_allowed", "decide": "approve", "by": "bob"}]
    found = await checked("allowed", "resume", people=people, expect={"changes": {"lines.0": "Ann"}})

    assert (found["resume"].verdict, found["resume"].tried) == ("held", "2 processes")


async def test_an_effect_that_claims_to_be_idempotent_and_is_not_is_caught(checked: Check) -> None:
    careless, careful = await checked("careless", "deliver-twice"), await checked("careful", "deliver-twice")

    assert careless["deliver-twice"].verdict == "broken"
    assert careless["deliver-twice"].differences == ("lines.1 of the world became nothing, and becomes 'Ann'.",)
    assert careful["deliver-twice"].verdict == "held"
    assert careful["deliver-twice"].tried == "2 deliveries of the run, 0 of decisions, 1 of calls"


async def test_a_decision_that_arrives_twice_counts_once(checked: Check) -> None:
    people = [{"tool": "sign_if_allowed", "decide": "approve", "by": "bob"}]
    found = await checked("allowed", "deliver-twice", people=people)

    assert found["deliver-twice"].verdict == "held"
    assert found["deliver-twice"].tried == "4 deliveries of the run, 1 of decisions, 0 of calls"


async def test_a_second_decision_that_is_taken_is_caught(checked: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    decide = Runtime.decide

    async def taken(self: Runtime, approval_id: str, *args: Any, **named: Any) -> Approval:
        try:
            return await decide(self, approval_id, *args, **named)
        except AlreadyDecided:
            return await self.approvals.get(approval_id)

    monkeypatch.setattr(Runtime, "decide", taken)
    people = [{"tool": "sign_if_allowed", "decide": "approve", "by": "bob"}]
    found = await checked("allowed", "deliver-twice", people=people)

    assert found["deliver-twice"].differences == ("The same decision about sign_if_allowed was recorded twice.",)


async def test_a_run_that_two_processes_drive_is_caught(checked: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graphwright.runtime.leases.is_held", lambda *_: False)
    found = await checked("greeting", "deliver-twice")

    assert found["deliver-twice"].verdict == "broken"
    assert "The run was driven by a second process while the first one drove it." in found["deliver-twice"].differences


async def test_a_graph_that_knows_a_name_is_caught_when_it_is_another(checked: Check) -> None:
    expect = {"answer": {"contains": ["welcome"]}}
    favouring = await checked("favouring", "rename", rename={"Ann": "Zoë"}, expect=expect)
    greeting = await checked("greeting", "rename", rename={"Ann": "Zoë"}, expect={"answer": {"contains": ["day: Ann"]}})

    assert favouring["rename"].verdict == "broken"
    assert favouring["rename"].differences[0].startswith("The verdict was pass, and is fail")
    assert (greeting["rename"].verdict, greeting["rename"].tried) == ("held", "Ann as Zoë")


@pytest.mark.parametrize(
    ("rename", "reason"),
    [
        ({}, "declared to be free text"),
        ({"Bob": "Zoë"}, "declared to be free text"),
        ({"Cem": "Zoë"}, "'Cem' is in the graph's data"),
        ({"Ann": "Cem"}, "It speaks of 'Cem' already"),
        ({"Ann": "Zoë", "Cem": "Zoë"}, "Two names would become the same"),
    ],
)
async def test_a_rename_that_would_say_nothing_does_not_apply(
    checked: Check, rename: dict[str, str], reason: str
) -> None:
    found = await checked("greeting", "rename", rename=rename, input="Ann and Cem")

    assert found["rename"].verdict == "not applicable"
    assert reason in found["rename"].reason


def test_a_case_is_renamed_in_whole_words_and_not_in_the_names_of_its_parts() -> None:
    case = Case.model_validate(
        {
            "id": "Ann",
            "input": {"text": "Ann likes Annette; Bob does not.", "to": ["Ann"]},
            "replies": [{"text": "Ann!", "calls": [{"tool": "Ann", "arguments": {"Ann": "Bob"}}]}],
            "people": [{"tool": "Ann", "decide": "respond", "message": "Ask Ann."}],
            "expect": {"answer": {"regex": r"\bAnn\b"}, "changes": {"people.Ann.age": 3}, "route": ["Ann"]},
        }
    )

    renamed = renamed_case(case, {"Ann": "Bob", "Bob": "A.B"})

    assert renamed.input == {"text": "Bob likes Annette; A.B does not.", "to": ["Bob"]}
    assert renamed.model_dump()["replies"][0]["calls"][0] == {"tool": "Ann", "arguments": {"Bob": "A.B"}, "agent": None}
    assert (renamed.id, renamed.people[0].tool, renamed.people[0].message) == ("Ann", "Ann", "Ask Bob.")
    assert renamed.expect.changes == {"people.Bob.age": 3}
    assert renamed.expect.route == ("Ann",)
    assert renamed.expect.answer is not None
    assert renamed.expect.answer.regex == r"\bBob\b"


async def test_what_differs_between_two_plain_runs_is_not_held_against_a_relation(checked: Check) -> None:
    dice, moody = await checked("dice", "deliver-twice"), await checked("moody", "deliver-twice")

    assert dice["deliver-twice"].verdict == "held"
    assert moody["deliver-twice"].verdict == "not applicable"
    assert moody["deliver-twice"].reason.startswith("Two runs of it differ by themselves. The verdict was")


async def test_cases_are_chosen_by_name_or_drawn_by_the_seed(tmp_path: Path, checked: Check) -> None:
    cases = [Case.model_validate({"id": f"c{at}", "input": "x"}) for at in range(6)]
    suite, project = Suite(name="greeting", graph="greeting", cases=cases), Project(tmp_path)
    relations = [each for each in RELATIONS if each.name == "permute"]

    async def names(**options: Any) -> list[str]:
        return [each.case for each in await check_relations(suite, project, relations=relations, **options)]

    drawn = await names(sample=3, seed=1)
    assert len(drawn) == 3
    assert drawn == await names(sample=3, seed=1)
    assert await names(ids=["c2"]) == ["c2"]


def test_the_command_names_what_is_broken_and_ends_with_4(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "graphs").mkdir()
    (tmp_path / "evals").mkdir()
    (tmp_path / "graphs" / "small_for_relations.py").write_text(GRAPHS)
    (tmp_path / "evals" / "note.yaml").write_text("- {id: ann, input: Ann}\n")
    for name in ("careless", "careful"):
        text = f"name: {name}\ngraph: {name}\ncases: note.yaml\nrename: {{Ann: Zoe}}\n"
        (tmp_path / "evals" / f"{name}-suite.yaml").write_text(text)
    where = ["--project", str(tmp_path), "--state", str(tmp_path / "state")]

    broken = command_line(["eval", "metamorphic", "careless", *where]), capfd.readouterr().out
    held = command_line(["eval", "metamorphic", "careful", "--json", "--relation", "rename", *where])
    told = json.loads(capfd.readouterr().out)

    assert broken[0] == 4
    assert "ann: deliver-twice is broken" in broken[1]
    assert "rename\t1\t0\t0" in broken[1]
    assert (held, told["verdict"], told["tried"]) == (0, "held", "Ann as Zoe")
    assert command_line(["eval", "metamorphic", "careful", "--relation", "guess", *where]) == 2

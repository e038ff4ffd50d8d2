"""The offline model with the tools that come along: which it calls, with what, and how it says what they return."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from graphwright.graphs import Catalogue
from graphwright.models.offline import OfflineModel
from graphwright.models.offline.arithmetic import Style, sums
from graphwright.models.offline.handed import entries
from graphwright.models.offline.mentions import scene_of
from graphwright.models.offline.turn import Past, Turn, next_step, reply
from graphwright.models.offline.zones import by_name
from graphwright.retrieval import KnowledgeBase, search_knowledge
from graphwright.runtime import Runtime, Settings, ask_person
from graphwright.tools import Resources
from graphwright.tools.builtin import Clock, FilesRoot, builtin_tools, calculate

Calls = list[tuple[str, dict[str, Any]]]
TOOLS = [tool.spec for tool in (*builtin_tools(), search_knowledge, ask_person)]
BOTH = "What is 17.5 % of 2,480, and what day of the week is it in Tokyo?"


def calls(question: str, tools: list[dict[str, Any]] | None = None) -> Calls:
    return [(call.name, call.arguments) for call in next_step(Turn(question), TOOLS if tools is None else tools).calls]


def tool(name: str, description: str, **params: dict[str, Any]) -> dict[str, Any]:
    schema = {"type": "object", "properties": params, "required": list(params)}
    return {"type": "function", "function": {"name": name, "description": description, "parameters": schema}}


def text(description: str = "") -> dict[str, Any]:
    return {"type": "string", "description": description}


@pytest.mark.parametrize(
    ("question", "expression"),
    [
        ("What is 17.5 % of 2,480?", "17.5% of 2480"),
        ("Calculate 3*(4+5)", "3 * (4 + 5)"),
        ("How much is 12 times 7 plus 3?", "12 * 7 + 3"),
        ("What is the square root of 2 to 4 decimal places?", "round(sqrt(2), 4)"),
        ("2^10", "2 ** 10"),
        ("How much is a 15% tip on $80?", "15% of 80"),
        ("What is the average of 2, 4 and 9?", "(2 + 4 + 9) / 3"),
        ("What is five plus seven?", "5 + 7"),
    ],
)
async def test_arithmetic_goes_to_the_calculator_in_its_own_notation(question: str, expression: str) -> None:
    assert calls(question) == [("calculate", {"expression": expression})]

    assert float(await calculate.function(expression))


def test_a_calculator_that_shows_no_notation_gets_the_common_one() -> None:
    machine = tool("evaluate_math", "Evaluates arithmetic.", formula=text("A mathematical expression."))
    caret = tool("solve", "Does sums.", equation=text("In this notation: 2^3."))

    assert calls("What is 17.5 % of 2,480?", [machine]) == [("evaluate_math", {"formula": "17.5 / 100 * 2480"})]
    assert calls("What is 3 squared?", [caret]) == [("solve", {"equation": "3 ^ 2"})]


@pytest.mark.parametrize(
    "request_", ["10-15 people", "a 24/7 service", "from 2026-01-01 on", "x^2 + 3*4", "2x + 3 = 7", "(3+4", "100 - 7%"]
)
def test_ranges_dates_and_formulas_with_letters_are_no_arithmetic(request_: str) -> None:
    assert list(sums(scene_of(request_))) == []


def test_a_percentage_keeps_its_brackets_after_another_sign() -> None:
    (plain,) = sums(scene_of("10 / 50% of 20"))
    (shown,) = sums(scene_of("10 / 50% of 20"), Style(percent_of=True))

    assert plain.text == "10 / (50 / 100 * 20)"
    assert shown.text == "10 / (50% of 20)"


@pytest.mark.parametrize(
    ("question", "zone"),
    [
        ("What day of the week is it in Tokyo?", "Asia/Tokyo"),
        ("What time is it in Berlin?", "Europe/Berlin"),
        ("What time is it in são paulo?", "America/Sao_Paulo"),
        ("What's the date today in San Francisco?", "America/Los_Angeles"),
        ("What is the current time in UTC?", "UTC"),
        ("What time is it in America/Argentina/Ushuaia?", "America/Argentina/Ushuaia"),
        ("What day is it today?", "UTC"),
    ],
)
def test_a_city_becomes_its_time_zone(question: str, zone: str) -> None:
    assert calls(question) == [("current_time", {"timezone": zone})]


def test_two_cities_make_two_calls() -> None:
    found = calls("What is the time in New York and in London?")

    assert [arguments["timezone"] for _, arguments in found] == ["America/New_York", "Europe/London"]


def test_a_tool_of_another_name_gets_its_zone_too() -> None:
    clock = tool("world_clock", "The time somewhere.", tz=text("IANA name of the zone."))

    assert calls("What time is it in Mumbai?", [clock]) == [("world_clock", {"tz": "Asia/Kolkata"})]


def test_every_place_that_is_known_has_a_zone_of_the_database() -> None:
    known = by_name()

    assert {"tokyo", "japan", "texas", "buenos aires", "cet", "eastern time"} <= set(known)
    assert "center" not in known


@pytest.mark.parametrize(
    ("question", "name", "arguments"),
    [
        ("Add buy milk and call Ann to my to-do list", "add_todos", {"items": ["buy milk", "call Ann"]}),
        ("Add to my to-do list: milk, eggs and bread", "add_todos", {"items": ["milk", "eggs", "bread"]}),
        ("What is on my to-do list?", "list_todos", {}),
        ("Mark 1 and 3 as done", "complete_todos", {"numbers": [1, 3]}),
        ("Write hello to out.txt", "write_file", {"path": "out.txt", "text": "hello"}),
        (
            'Append "see you" to notes/log.txt',
            "write_file",
            {"path": "notes/log.txt", "text": "see you", "mode": "append"},
        ),
        ("List the files in docs", "list_files", {"folder": "docs"}),
        ("List the files in the docs folder", "list_files", {"folder": "docs"}),
        ("List the files", "list_files", {}),
        ("Which files mention retry?", "search_files", {"text": "retry"}),
        ("Which files in docs mention retry?", "search_files", {"text": "retry", "folder": "docs"}),
        ("Find the word checkpoint in *.md files", "search_files", {"text": "checkpoint", "names": "*.md"}),
        ("Show me lines 10 to 20 of notes.md", "read_file", {"path": "notes.md", "first_line": 10, "last_line": 20}),
        (
            "How many days are between 2026-01-01 and 2026-03-01?",
            "days_between",
            {"start": "2026-01-01", "end": "2026-03-01"},
        ),
        ("What date is 3 weeks after 2026-03-31?", "move_date", {"start": "2026-03-31", "weeks": 3}),
    ],
)
def test_small_jobs_are_given_to_their_tool(question: str, name: str, arguments: dict[str, Any]) -> None:
    assert calls(question) == [(name, arguments)]


def test_entries_of_a_list_are_told_apart() -> None:
    assert entries("buy milk and call Ann") == ["buy milk", "call Ann"]
    assert entries("buy milk and eggs") == ["buy milk and eggs"]
    assert entries("a task to call Ann") == ["call Ann"]
    assert entries("- one thing\n- another, longer") == ["one thing", "another, longer"]


@pytest.mark.parametrize(
    "question",
    [
        "How do I resume a graph after an interrupt?",
        "What does the handbook say about travel expenses?",
        "What is the capital of France?",
        "How do I add a node to a graph?",
        "What is a time zone?",
    ],
)
def test_what_no_tool_does_is_looked_up_in_the_knowledge_not_in_the_files(question: str) -> None:
    assert calls(question) == [("search_knowledge", {"query": question})]


def test_a_request_can_name_the_search_it_wants() -> None:
    offered = [tool(f"search_{what}", f"Searches {what}.", query=text()) for what in ("web", "documents", "files")]

    assert [name for name, _ in calls("Who wrote the handbook?", offered)] == ["search_documents"]
    assert [name for name, _ in calls("Search the web for kites", offered)] == ["search_web"]


def test_without_a_search_it_says_that_it_cannot_answer() -> None:
    step = next_step(Turn("What is the capital of France?"), [each.spec for each in builtin_tools()])

    assert not step.calls
    assert step.text.startswith("I cannot answer this")


def test_each_part_of_a_request_gets_its_own_tool() -> None:
    assert calls(BOTH) == [
        ("calculate", {"expression": "17.5% of 2480"}),
        ("current_time", {"timezone": "Asia/Tokyo"}),
    ]
    assert calls("What is a checkpoint, and what is 3*4?") == [
        ("calculate", {"expression": "3 * 4"}),
        ("search_knowledge", {"query": "What is a checkpoint?"}),
    ]


def test_a_result_to_write_down_waits_for_it_and_is_written_once() -> None:
    question = "What is 12 * 8? Write the answer to result.txt"
    sum_done = [Past("calculate", {"expression": "12 * 8"}, "96")]
    step = next_step(Turn(question, sum_done), TOOLS)
    (call,) = step.calls
    all_done = [*sum_done, Past(call.name, call.arguments, '{"path": "result.txt", "bytes": 10}')]

    assert calls(question) == [("calculate", {"expression": "12 * 8"})]
    assert call.arguments == {"path": "result.txt", "text": "12 * 8: 96"}
    assert next_step(Turn(question, all_done), TOOLS).text == "12 * 8: 96\npath: result.txt, bytes: 10"


def told(question: str, result: Any, name: str = "look", **arguments: Any) -> str:
    said = result if isinstance(result, str) else json.dumps(result)
    return reply(Turn(question, [Past(name, arguments, said)]))


def test_a_value_is_said_with_what_it_is_the_value_of() -> None:
    assert told("What is 17.5 % of 2,480?", "434", expression="17.5% of 2480") == "17.5 % of 2,480: 434"
    assert told("How many are in the north?", 12, warehouse="North") == "North: 12"


def test_the_fields_asked_for_come_before_the_rest() -> None:
    order = {"order": "A-1042", "carrier": "Pony", "status": "delivered"}
    moment = {"time": "2026-03-02T05:00:00+09:00", "weekday": "Monday", "week": 10}

    said = told("What is the status of order A-1042?", order, order_id="A-1042")
    day = told("What day of the week is it?", moment)

    assert said == "status: delivered (order: A-1042, carrier: Pony)"
    assert day.startswith("weekday: Monday (")
    assert told("What date is it?", moment).startswith("time: 2026-03-02")


def test_a_short_list_is_said_line_by_line() -> None:
    listing = {"folder": "docs", "entries": [{"name": "a.md", "kind": "file"}], "left_out": 0}

    assert told("List the files in docs", listing, folder="docs") == "entries:\n- a.md (kind: file)"
    assert told("Show my tasks", "[ ] 1. buy milk\n1 of 1 left.") == "[ ] 1. buy milk\n1 of 1 left."


def test_a_file_that_is_to_be_read_is_shown() -> None:
    passage = {"path": "a.md", "first_line": 1, "text": "# Kites\n\nThey fly."}

    assert told("Read the file a.md", passage, path="a.md") == "a.md:\n# Kites\n\nThey fly."


def test_texts_are_still_quoted_with_their_source() -> None:
    hits = [{"id": "c1", "source": "kites.md", "text": "A kite line is braided. It is 30 metres long."}]

    said = told("How long is a kite line?", hits, "search_knowledge", query="How long is a kite line?")

    assert "[1]" in said
    assert "kites.md" in said


@pytest.fixture
async def runtime(tmp_path: Path) -> AsyncIterator[Runtime]:
    (tmp_path / "notes.md").write_text("# Checkpoints\n\nA checkpoint stores the state of a graph after each step.\n")
    knowledge = KnowledgeBase.open(tmp_path / "knowledge")
    knowledge.ingest([tmp_path / "notes.md"])
    resources = Resources()
    resources.provide(KnowledgeBase, lambda: knowledge)
    resources.provide(FilesRoot, lambda: FilesRoot(tmp_path))
    resources.provide(Clock, lambda: Clock(lambda: datetime(2026, 3, 1, 20, 0, tzinfo=UTC)))
    settings = Settings(project_dir=tmp_path, state_dir=tmp_path / ".graphwright")
    async with Runtime(settings, resources=resources) as opened:
        yield opened


async def answered(runtime: Runtime, question: str) -> str:
    entry = Catalogue.load().get("assistant")
    run = await runtime.start("assistant", entry.values(question))
    async for _ in runtime.drive(run.id, entry.graph(), output=entry.answer, model=OfflineModel()):
        pass
    return str((await runtime.runs.get(run.id)).output)


async def test_the_assistants_example_is_answered_with_both_facts(runtime: Runtime) -> None:
    example = Catalogue.load().get("assistant").example

    first, second = (await answered(runtime, example)).splitlines()

    assert example == BOTH
    assert first == "17.5 % of 2,480: 434"
    assert second.startswith("weekday: Monday (time: 2026-03-02T05:00:00+09:00")


async def test_the_assistant_quotes_its_knowledge(runtime: Runtime) -> None:
    said = await answered(runtime, "What does a checkpoint store?")

    assert "A checkpoint stores the state of a graph after each step. [1]" in said

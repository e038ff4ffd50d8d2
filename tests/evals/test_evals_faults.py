"""Faults: each kind hits the call that the case names, and the runtime takes it as it would the real thing."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from graphwright.evals import Case, Observed, Project
from graphwright.evals.sandbox_run import Sandboxes

GRAPHS = '''
"""One clerk with a tool of each kind."""

from graphwright.agents import Agent
from graphwright.graphs import agent_loop, graph
from graphwright.prompts import prompt
from graphwright.runtime import ReportsFolder
from graphwright.tools import IdempotencyKey, ToolContext, tool


def note(context, line):
    folder = context.resources.get(ReportsFolder).path
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "log").open("a") as file:
        file.write(line + "\\n")


def world(state):
    path = state / "reports" / "log"
    return {"log": path.read_text().split() if path.exists() else []}


@tool(effect="read")
def look(context: ToolContext) -> list[dict]:
    """Look something up."""
    note(context, "look")
    return [{"id": "1", "source": "a.md"}]


@tool(effect="write", once=True)
def pay(context: ToolContext) -> str:
    """Pay."""
    note(context, "pay")
    return "Paid."


@tool(effect="write", once=False)
def store(context: ToolContext) -> str:
    """Store under the call's key."""
    note(context, "store")
    return "Stored."


@tool(effect="write", approval="It matters.", critical=())
def send(context: ToolContext) -> str:
    """Send."""
    note(context, "send")
    return "Sent."


@graph(description="A clerk.", world=world)
def clerk():
    tools = (look, pay, store, send)
    return agent_loop(Agent(name="clerk", description="A clerk.", prompt=prompt("clerk"), tools=tools))
'''
PROMPT = "---\ntitle: Clerk\nsent_by: clerk\nwhen: always\n---\nYou are a clerk.\n"


@pytest.fixture
def office(tmp_path: Path) -> Path:
    folder = tmp_path / "office"
    for name, text in (("graphs/clerk.py", GRAPHS), ("prompts/clerk.md", PROMPT)):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def observe(office: Path, *faults: dict[str, Any], replies: Any, people: Any = ()) -> Observed:
    project = Project(office)
    entry = project.catalogue.get("clerk")
    case = Case.model_validate({"id": "c", "input": "Go.", "faults": faults, "replies": replies, "people": people})
    sandboxes = Sandboxes(project, entry, project.build(entry), office / "scratch")
    return asyncio.run(sandboxes.observe(case))


def call(tool: str) -> dict[str, Any]:
    return {"calls": [{"tool": tool}]}


def statuses(observed: Observed) -> list[tuple[str, str]]:
    return [(each.tool, each.status) for each in observed.calls]


def test_a_tool_fails_at_the_call_that_the_case_names(office: Path) -> None:
    fault = {"kind": "tool_error", "tool": "look", "at": 2, "message": "The lamp is broken."}

    seen = observe(office, fault, replies=[call("look"), call("look"), call("look"), "Done."])

    assert statuses(seen) == [("look", "success"), ("look", "error"), ("look", "success")]
    assert "The lamp is broken." in [each.text for each in seen.messages]


def test_a_write_that_times_out_may_have_happened_and_blocks_the_run(office: Path) -> None:
    seen = observe(office, {"kind": "timeout", "tool": "pay"}, replies=[call("pay"), "Done."])

    assert seen.status == "blocked"
    assert statuses(seen) == [("pay", "unknown")]


def test_a_search_finds_nothing(office: Path) -> None:
    fault = {"kind": "retrieval_empty", "tool": "look"}

    seen, usual = (observe(office, *each, replies=[call("look"), "Done."]) for each in ([fault], []))

    assert (len(seen.retrieved), len(usual.retrieved)) == (0, 1)


def test_a_tool_answers_with_garbage(office: Path) -> None:
    fault = {"kind": "malformed", "tool": "look", "message": "<html>502</html>"}

    seen = observe(office, fault, replies=[call("look"), "Done."])

    assert any("502" in each.text for each in seen.messages)


def test_a_model_that_is_away_once_is_asked_again(office: Path) -> None:
    seen = observe(office, {"kind": "model_error"}, replies=[call("pay"), "Done."])

    assert (seen.status, seen.answer) == ("done", "Done.")
    assert seen.world_after == {"log": ["pay"]}


def test_a_model_that_stays_away_fails_the_run(office: Path) -> None:
    seen = observe(office, {"kind": "timeout", "times": 99}, replies=["Done."])

    assert seen.status == "failed"
    assert "did not answer in time" in seen.error
    assert not seen.trouble


def test_calls_that_cannot_be_read_go_back_to_the_model(office: Path) -> None:
    seen = observe(office, {"kind": "malformed"}, replies=[call("pay"), call("pay"), "Done."])

    assert (seen.status, statuses(seen)) == ("done", [("pay", "success")])


def test_a_crash_after_a_write_that_counts_once_blocks_the_run_and_does_not_repeat_it(office: Path) -> None:
    seen = observe(office, {"kind": "crash", "tool": "pay"}, replies=[call("pay"), "Done."])

    assert seen.status == "blocked"
    assert seen.world_after == {"log": ["pay"]}


def test_a_crash_after_an_idempotent_write_repeats_it_under_its_key(office: Path) -> None:
    seen = observe(office, {"kind": "crash", "tool": "store"}, replies=[call("store"), "Done."])

    assert (seen.status, statuses(seen)) == ("done", [("store", "success")])
    assert seen.world_after == {"log": ["store", "store"]}


def test_a_crash_after_the_models_answer_asks_it_again(office: Path) -> None:
    seen = observe(office, {"kind": "crash"}, replies=[call("pay"), "Done."])

    assert (seen.status, seen.world_after) == ("done", {"log": ["pay"]})


def test_nobody_is_asked_again_after_a_crash(office: Path) -> None:
    people = [{"tool": "send", "decide": "approve"}]

    seen = observe(office, {"kind": "crash", "at": 2}, replies=[call("send"), "Done."], people=people)

    assert (seen.status, seen.world_after) == ("done", {"log": ["send"]})
    assert [each.decision for each in seen.approvals] == ["approve"]


def test_an_answer_after_a_fault_that_never_comes_is_as_if_there_were_none(office: Path) -> None:
    seen = observe(office, {"kind": "tool_error", "tool": "look", "at": 9}, replies=[call("look"), "Done."])

    assert (seen.status, statuses(seen)) == ("done", [("look", "success")])


def test_a_rejected_call_is_told_as_refused(office: Path) -> None:
    seen = observe(office, replies=[call("send"), "Done."], people=[{"decide": "reject", "message": "No."}])

    assert statuses(seen) == [("send", "refused")]
    assert not any(each.has_effect for each in seen.calls)


def test_what_cannot_be_run_at_all_is_trouble_and_no_failure_of_the_graph(office: Path) -> None:
    project = Project(office)
    entry = project.catalogue.get("clerk")
    case = Case.model_validate({"id": "c", "input": "Go.", "documents": ["nowhere"]})

    seen = asyncio.run(Sandboxes(project, entry, project.build(entry), office / "scratch").observe(case))

    assert "could not be run" in seen.trouble


def test_a_call_that_policy_denies_is_a_refused_call_of_its_tool_and_no_trouble(office: Path) -> None:
    (office / "graphwright.toml").write_text('[policy.tools.pay]\nverdict = "deny"\n')

    seen = observe(office, replies=[{"calls": [{"tool": "pay"}]}, "I may not."])

    assert (seen.trouble, seen.status, seen.answer) == ("", "done", "I may not.")
    assert statuses(seen) == [("pay", "refused")]

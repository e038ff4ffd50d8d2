"""Plans: what a run declares that it will use, on the command line, in a case, and when a run becomes a case."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from graphwright.cli.app import run as command_line
from graphwright.evals import Case, Observed, Project
from graphwright.evals.bare_run import observe_bare
from graphwright.evals.certification import Plan, certify
from graphwright.evals.sandbox_run import Sandboxes
from graphwright.evals.scorers import verdict

OFFICE = '''
from graphwright.agents import Agent
from graphwright.graphs import agent_loop, graph
from graphwright.models import ScriptedModel
from graphwright.models.script import When, calls
from graphwright.tools import tool


@tool(effect="read")
def read_mail() -> str:
    """Read the newest mail."""
    return "Please note that lunch is on Friday."


@tool(effect="write", reversible=True)
def note(text: str) -> str:
    """Write a note."""
    return "Noted."


@graph(description="Reads mail.", example="What is new?")
def office():
    """One clerk, who does what the mail says."""
    says = [
        When("is not among", "I could not note it.", times=None),
        When("Noted.", "Noted.", times=None),
        When("Please note", calls("note", text="Lunch."), times=None),
        When("", calls("read_mail"), times=None),
    ]
    return agent_loop(
        Agent(name="clerk", description="Reads.", prompt="Work.", model=ScriptedModel(says), tools=[read_mail, note])
    )
'''
REPLIES = [{"calls": [{"tool": "read_mail"}]}, {"calls": [{"tool": "note", "arguments": {"text": "Lunch."}}]}, "Done."]


@pytest.fixture
def office(tmp_path: Path) -> Project:
    """A project whose clerk reads a stranger's mail and could write."""
    folder = tmp_path / "office"
    (folder / "graphs").mkdir(parents=True)
    (folder / "graphs" / "office.py").write_text(OFFICE)
    return Project(folder)


@pytest.fixture
def gw(office: Project, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Types a command in the project; gives status, stdout and stderr."""

    def typed(*words: str) -> tuple[int, str, str]:
        status = command_line([*words, "--project", str(office.folder), "--state", str(tmp_path / "state")])
        printed = capfd.readouterr()
        return status, printed.out, printed.err

    return typed


def case(**more: Any) -> Case:
    return Case.model_validate({"id": "news", "input": "What is new?", "replies": REPLIES, **more})


def observed(office: Project, of: Case) -> Observed:
    entry = office.catalogue.get("office")
    return asyncio.run(Sandboxes(office, entry, office.build(entry), office.folder / "scratch").observe(of))


def test_the_run_of_a_case_is_held_to_the_plan_that_the_case_declares(office: Project) -> None:
    free, held = case(), case(plan=["read_mail"], expect={"calls": []})

    assert [each.tool for each in observed(office, free).calls if each.effect == "write"] == ["note"]
    assert verdict(held, observed(office, held)).outcome == "pass"
    assert verdict(held, observed(office, case(plan=["read_mail", "note"]))).outcome == "fail"


def test_a_plan_of_no_tools_is_a_plan(office: Project) -> None:
    assert observed(office, case(plan=[])).calls == observed(office, case(plan=["read_mail"])).calls


def test_a_plan_survives_kills(office: Project) -> None:
    effects = []
    for plan in (["read_mail"], ["read_mail", "note"]):
        told = certify("office", Plan(points=4), project=office.folder, cases=[case(plan=plan)])
        assert told.passed, told.to_json()
        effects.append(told.cases[0].effects)

    assert effects == [0, 1]


def test_without_the_runtime_there_is_no_plan(office: Project) -> None:
    entry = office.catalogue.get("office")
    told = asyncio.run(observe_bare(entry, office.build(entry), "offline")(case(plan=[])))

    assert "plan" in told.trouble
    assert "need `runtime: full`" in told.trouble


def test_the_command_line_declares_a_plan_and_promoting_the_run_keeps_it(
    gw: Callable[..., Any], office: Project
) -> None:
    assert gw("run", "office")[:2] == (0, "Noted.\n")
    status, out, err = gw("run", "office", "--plan", "read_mail")
    assert (status, out) == (0, "I could not note it.\n")
    assert "No agent" not in err
    run = json.loads(gw("runs", "--json")[1].splitlines()[0])["id"]
    assert "plan_lock" in gw("explain", run)[1]

    assert gw("eval", "promote", run, "--to", str(office.folder / "news.yaml"))[0] == 0

    (made,) = yaml.safe_load((office.folder / "news.yaml").read_text())
    assert made["plan"] == ["read_mail"]


def test_a_tool_that_nobody_has_is_remarked_on_and_opens_nothing(gw: Callable[..., Any]) -> None:
    status, out, err = gw("run", "office", "--plan", "read_mial", "--plan", "read_mail")

    assert (status, out) == (0, "I could not note it.\n")
    assert "No agent of this graph has a tool 'read_mial'. Did you mean 'read_mail'? There are: note, read_mail." in err

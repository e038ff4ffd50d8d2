"""A graph of the project brings what its tools share; every command that runs its tools provides it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Cli = Callable[..., Any]

LEDGER = '''
from dataclasses import dataclass
from pathlib import Path

from graphwright.tools import ToolContext, tool


@dataclass
class Ledger:
    """Lines in a file of the state folder."""

    path: Path


@tool(effect="write", once=False, approval="Writes.")
def write_line(line: str, *, context: ToolContext) -> str:
    """Write one line."""
    with context.resources.get(Ledger).path.open("a") as file:
        file.write(line + "\\n")
    return f"Wrote {line}."
'''

DESK = '''
from pathlib import Path

from tools.ledgers import Ledger, write_line

from graphwright.agents import Agent
from graphwright.graphs import agent_loop, graph
from graphwright.models import ScriptedModel
from graphwright.models.scripted import When, calls
from graphwright.tools import Resources


def provide(resources: Resources, state: Path) -> None:
    """The ledger of this state folder."""

    def made() -> Ledger:
        state.mkdir(exist_ok=True)
        return Ledger(state / "ledger.txt")

    resources.provide(Ledger, made)


@graph(description="Keeps a ledger.", example="Write it down.", resources=provide)
def ledger():
    """One agent."""
    model = ScriptedModel([When("Wrote", "Done.", times=None), When("", calls("write_line", line="one"), times=None)])
    return agent_loop(Agent(name="clerk", description="Writes.", prompt="Write.", model=model, tools=[write_line]))
'''


@pytest.fixture
def ledger(project: Path) -> Path:
    """The project with a graph that brings its own resource; the file that its tool writes."""
    (project / "tools" / "ledgers.py").write_text(LEDGER)
    (project / "graphs" / "ledger.py").write_text(DESK)
    return project.parent / ".graphwright" / "ledger.txt"


def test_a_run_finds_the_resource_that_its_graph_provides_also_after_an_approval(gw: Cli, ledger: Path) -> None:
    first = gw("run", "ledger")
    assert first.status == 3, first.err

    done = gw("approve", gw("inbox", "--json").objects[0]["id"])

    assert (done.status, done.out) == (0, "Done.\n"), done.err
    assert ledger.read_text() == "one\n"


def test_two_runs_of_one_thread_share_what_was_provided_once(gw: Cli, ledger: Path) -> None:
    gw("run", "ledger")
    thread = gw("runs", "--json").objects[0]["thread_id"]
    gw("run", "ledger", "--thread", thread, "--if-busy", "enqueue")

    gw("approve", gw("inbox", "--json").objects[0]["id"])
    done = gw("approve", gw("inbox", "--json").objects[0]["id"])

    assert done.status == 0
    assert ledger.read_text() == "one\none\n"


def test_a_tool_called_by_hand_finds_it_too(gw: Cli, ledger: Path) -> None:
    done = gw("tools", "call", "write_line", "line=two", "--approve")

    assert (done.status, done.out) == (0, "Wrote two.\n")
    assert ledger.read_text() == "two\n"

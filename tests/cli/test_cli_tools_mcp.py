"""MCP servers from the command line: accepted, refused, called, run, and lost in mid-call."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

RAW = Path(__file__).parents[1] / "tools" / "mcp_raw_server.py"
CONFIG = """
[mcp.raw]
command = {command}
args = ["-S", {script}, "only-echo"{ways}]
env = {{ SECRET = "hunter2" }}
[mcp.raw.labels]
effect = "{effect}"
"""
GRAPH = '''
from graphwright.agents import Agent
from graphwright.graphs import agent_loop, graph
from graphwright.models import ScriptedModel
from graphwright.models.scripted import When, calls


@graph(description="Uses a server.", example="Go")
def served(tools=()):
    """One agent that calls one tool of a server."""
    model = ScriptedModel([When("Go", calls("raw_echo", text="hi"), times=None), When("", "Over.", times=None)])
    return agent_loop(Agent(name="clerk", description="Calls.", prompt="Call.", model=model, tools=tuple(tools)))
'''
Cli = Callable[..., Any]


@pytest.fixture
def configured(project: Path) -> Callable[..., None]:
    def configure(*ways: str, effect: str = "read", more: str = "") -> None:
        values = {"command": json.dumps(sys.executable), "script": json.dumps(str(RAW)), "effect": effect}
        text = CONFIG.format(**values, ways="".join(f', "{way}"' for way in ways))
        (project / "graphwright.toml").write_text(text + more)

    configure()
    return configure


def test_nothing_of_a_server_is_used_before_it_was_accepted(gw: Cli, configured: Cli, project: Path) -> None:
    listed = gw("tools")
    assert "raw_echo" not in listed.out
    assert "graphwright tools pin raw" in listed.err

    looked = gw("tools", "pin")
    assert looked.status == 3
    assert "new: raw.echo (read, asks nobody)" in looked.out
    assert "+description: Does what its name says: echo." in looked.out
    assert not (project / "mcp.lock").exists()

    assert gw("tools", "pin", "--yes").status == 0
    assert "raw_echo\tread" in gw("tools").out
    assert gw("tools", "call", "raw_echo", "text=hello").out == "hello\n"
    again = gw("tools", "pin")
    assert (again.status, again.out) == (0, "")


def test_a_changed_description_asks_again(gw: Cli, configured: Cli) -> None:
    gw("tools", "pin", "--yes")
    configured("reworded")

    called = gw("tools", "call", "raw_echo", "text=hello")
    assert called.status == 1
    assert "otherwise than was accepted" in called.err

    looked = gw("tools", "pin", "raw", "--json")
    assert looked.status == 3
    assert [(each["change"], each["tool"]) for each in looked.objects] == [("changed", "echo")]
    assert "-description: Does what its name says: echo." in looked.objects[0]["diff"]

    assert gw("tools", "pin", "raw", "--yes").status == 0
    assert gw("tools", "call", "raw_echo", "text=hello").out == "hello\n"


def test_check_reads_accepted_tools_and_starts_no_server(gw: Cli, configured: Cli) -> None:
    assert gw("tools", "check").status == 1

    gw("tools", "pin", "--yes")
    configured("die-at-start")

    checked = gw("tools", "check", "raw_echo")
    assert checked.status == 0
    assert "raw_echo: Parameter 'text' has no description" in checked.out


def test_a_server_that_does_not_start_is_told_and_the_pins_stay(gw: Cli, configured: Cli, project: Path) -> None:
    gw("tools", "pin", "--yes")
    before = (project / "mcp.lock").read_text()
    configured("die-at-start")

    failed = gw("tools", "pin", "--yes")

    assert failed.status == 1
    assert "ended with status 1" in failed.err
    assert (project / "mcp.lock").read_text() == before


def test_what_nobody_should_accept_cannot_be_accepted(gw: Cli, configured: Cli, project: Path) -> None:
    configured("odd-schema")

    refused = gw("tools", "pin", "--yes")

    assert refused.status == 1
    assert "raw.echo: Its input schema refers to other documents" in refused.err
    assert not (project / "mcp.lock").exists()


def test_pins_of_a_server_that_is_no_longer_configured_are_removed(gw: Cli, configured: Cli, project: Path) -> None:
    gw("tools", "pin", "--yes")
    (project / "graphwright.toml").write_text("")

    assert "gone: raw.echo" in gw("tools", "pin", "--yes").out
    assert json.loads((project / "mcp.lock").read_text())["servers"] == {}


def test_wrong_settings_of_a_server_are_all_named(gw: Cli, configured: Cli) -> None:
    configured(more='[mcp.Two]\nurl = "ftp://x"\n[mcp.three]\ncomand = "x"\n')
    assert "mcp.three.comand" in gw("tools").err

    configured(more='[mcp.Two]\nurl = "ftp://x"\n')
    refused = gw("tools")
    assert refused.status == 2
    assert "'Two'" in refused.err
    assert "ftp://x" in refused.err
    assert gw("tools", "pin", "nobody").status == 2


def test_settings_are_shown_without_what_a_server_is_given_in_secret(gw: Cli, configured: Cli) -> None:
    shown = gw("config", "--json")

    assert "only-echo" in shown.out
    assert "hunter2" not in shown.out


def test_a_run_uses_a_server_and_leaves_nothing_behind(gw: Cli, configured: Cli, project: Path) -> None:
    (project / "graphs" / "served.py").write_text(GRAPH)
    gw("tools", "pin", "--yes")

    ran = gw("run", "served", "Go")

    assert (ran.status, ran.out) == (0, "Over.\n")


def test_an_effect_that_is_lost_with_its_server_blocks_the_run(gw: Cli, configured: Cli, project: Path) -> None:
    (project / "graphs" / "served.py").write_text(GRAPH)
    configured(effect="write")
    gw("tools", "pin", "--yes")
    configured("die-in-call", effect="write")

    blocked = gw("run", "served", "Go")

    assert blocked.status == 3
    assert "nobody knows whether a call happened" in blocked.err
    assert [each["status"] for each in gw("runs", "--json").objects] == ["blocked"]

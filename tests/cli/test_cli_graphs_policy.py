"""`graphwright graphs check` tells of tools that are dangerous together."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

Cli = Callable[..., Any]
LEAKY = '''
from graphwright.agents import Agent
from graphwright.graphs import agent_loop, graph
from graphwright.tools import tool


@tool(effect="read", private=True)
def read_mail() -> str:
    """Read mail."""
    return ""


@tool(effect="egress", critical=("to",){gate})
def send(to: str) -> str:
    """Send mail."""
    return to


@graph(description="Mails.")
def leaky():
    """Mails."""
    return agent_loop(Agent(name="clerk", description="Mails.", prompt="Mail.", tools=[read_mail, send]))
'''


def test_a_graph_that_reads_strangers_holds_private_data_and_sends_out_is_a_finding(gw: Cli, project: Path) -> None:
    (project / "graphs" / "leaky.py").write_text(LEAKY.replace("{gate}", ""))
    assert gw("graphs", "card", "leaky", "--write").status == 0

    by_name, all_of_them = gw("graphs", "check", "leaky"), gw("graphs", "check")

    assert (by_name.status, all_of_them.status) == (1, 1)
    assert (
        "leaky: It reads untrusted text (read_mail, send), holds private data (read_mail) and sends out" in by_name.out
    )
    assert "leaky: It reads untrusted text" in all_of_them.out


def test_the_same_graph_with_a_gate_is_none(gw: Cli, project: Path) -> None:
    (project / "graphs" / "leaky.py").write_text(LEAKY.replace("{gate}", ', approval="It leaves."'))
    assert gw("graphs", "card", "leaky", "--write").status == 0

    assert gw("graphs", "check", "leaky").status == 0

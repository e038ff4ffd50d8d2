"""A small project on disk, and the command line called in this process or in one of its own."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from graphwright.cli.app import run

TOOLS = '''
import asyncio
from pathlib import Path
from typing import Annotated
from pydantic import Field
from graphwright.tools import IdempotencyKey, ToolContext, ToolFailed, tool

OrderId = Annotated[str, Field(description="Order number.")]


@tool(effect="read")
def find_order(order_id: OrderId) -> str:
    """Look up one order by its number."""
    if order_id == "A-0":
        raise ToolFailed("There is no order A-0.")
    return f"Order {order_id} was shipped."


@tool(effect="write", approval="Moves money.", critical=("order_id",))
def refund(order_id: OrderId, amount: Annotated[int, Field(description="Whole euros.")] = 5) -> str:
    """Pay one order back."""
    with Path("refunds.txt").open("a") as file:
        file.write(f"{order_id} {amount}\\n")
    return f"Paid {amount} for {order_id}."


@tool(effect="read", timeout=None)
async def wait_long() -> str:
    """Wait for a long time."""
    if not Path("hurry").exists():
        await asyncio.sleep(60)
    return "Waited."
'''

GRAPHS = '''
from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt
from typing_extensions import TypedDict

from graphwright.agents import Agent
from graphwright.graphs import agent_loop, graph
from graphwright.models import ScriptedModel
from graphwright.models.scripted import When, calls
from graphwright.runtime import RunContext


def rule(words, reply):
    return When(words, reply, times=None)


@graph(description="Looks after orders.", example="Find A-7")
def shop(tools=()):
    """One agent with the tools of the project."""
    model = ScriptedModel([
        rule("Find A-7", calls("find_order", order_id="A-7")),
        rule("Pay back A-7", calls("refund", order_id="A-7")),
        rule("Pay back both", [calls("refund", order_id="A-8"), calls("refund", order_id="A-9")]),
        rule("Waited", "It took a while."),
        rule("Wait", calls("wait_long")),
        rule("was shipped", "It was shipped."),
        rule("Paid", "The money is back."),
        rule("rejected", "It was refused."),
        rule("", "Hello."),
    ])
    return agent_loop(
        Agent(name="clerk", description="Looks after orders.", prompt="Be kind.", model=model, tools=tuple(tools))
    )


class Words(TypedDict, total=False):
    text: str
    answer: str


def words(node):
    made = StateGraph(Words, context_schema=RunContext)
    made.add_node("speak", node)
    made.add_edge(START, "speak")
    made.add_edge("speak", END)
    return made


@graph(description="Answers with what a terminal must not see.", input="text", output="answer")
def nasty():
    """Control characters."""
    return words(lambda state: {"answer": "\\x1b[31mred\\x1b[0m \\u202eevil\\u200f \\x9b2J caf\\u00e9"})


@graph(description="Breaks.", input="text", output="answer")
def broken():
    """Always fails."""
    def speak(state):
        raise ValueError("the oven is cold")
    return words(speak)


@graph(description="Asks by a plain interrupt.", input="text", output="answer")
def plain():
    """A graph of LangGraph's own making."""
    return words(lambda state: {"answer": f"You said {interrupt('Which colour?')}."})


@graph(description="Cannot be built.", input="text", output="answer")
def unbuildable():
    """Fails before it runs."""
    raise RuntimeError("no bricks")
'''


@dataclass(frozen=True)
class Result:
    """What a command left behind."""

    status: int
    out: str
    err: str

    @property
    def objects(self) -> list[Any]:
        """Each line of stdout as JSON."""
        return [json.loads(line) for line in self.out.splitlines()]


Cli = Callable[..., Result]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with tools and graphs, and the current folder in it."""
    folder = tmp_path / "project"
    for name, content in (("tools/shop_tools.py", TOOLS), ("graphs/shop.py", GRAPHS), ("graphwright.toml", "")):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def gw(project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Call the command line in this process."""

    def call(*arguments: str, stdin: bytes = b"") -> Result:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8"))
        capsys.readouterr()
        status = run(arguments)
        said = capsys.readouterr()
        return Result(status, said.out, said.err)

    return call


@pytest.fixture
def waiting(gw: Cli) -> str:
    """The id of an approval that waits."""
    assert gw("run", "shop", "Pay back A-7").status == 3
    return str(gw("inbox", "--json").objects[0]["id"])


@pytest.fixture
def gw_process(project: Path) -> Callable[..., subprocess.Popen[bytes]]:
    """Start the command line as a process of its own."""

    def start(*arguments: str, **options: Any) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-P", "-c", "from graphwright.cli import main; main()", *arguments],
            cwd=project,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            **{"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options},
        )

    return start

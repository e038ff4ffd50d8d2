"""A small shop as a project on disk: graphs with effects and approvals, sound ones and ones broken on purpose."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from graphwright.evals import Case
from graphwright.evals.certification import Certificate, Plan, certify

GRAPHS = '''
"""A shop that refunds orders, and the same shop broken in several ways."""

import json
import random
import time
from pathlib import Path
from typing import Annotated

from langchain_core.messages import AnyMessage
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.runtime import Runtime
from langgraph.types import interrupt
from typing_extensions import TypedDict

from graphwright.graphs import graph, use_tool
from graphwright.runtime import ReportsFolder, RunContext
from graphwright.tools import IdempotencyKey, ToolContext, tool

BOOK = "book.jsonl"


def book(folder, line):
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / BOOK).open("a") as file:
        file.write(json.dumps(line) + "\\n")


def world(state):
    path = state / "reports" / BOOK
    return {"book": [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []}


@tool(effect="write", approval="Moves money.", critical=("amount",))
def refund(order: str, amount: int, context: ToolContext) -> str:
    """Refund an order."""
    book(context.resources.get(ReportsFolder).path, ["refund", order, amount])
    return f"Refunded {amount} for {order}."


@tool(effect="write")
def reserve(order: str, context: ToolContext) -> str:
    """Reserve an order."""
    book(context.resources.get(ReportsFolder).path, ["reserve", order])
    return f"Reserved {order}."


class Order(TypedDict, total=False):
    order: str
    said: list[str]


def wired(*nodes):
    flow = StateGraph(Order, context_schema=RunContext)
    for node in nodes:
        flow.add_node(node.__name__, node)
    for before, after in zip([START, *(node.__name__ for node in nodes)], [*(node.__name__ for node in nodes), END]):
        flow.add_edge(before, after)
    return flow


async def call(runtime, which, key, **arguments):
    return (await use_tool(which, arguments, runtime, agent="desk", key=key)).content


async def hold(state: Order, runtime: Runtime[RunContext]) -> Order:
    return {"said": [await call(runtime, reserve, "reserve", order=state["order"])]}


async def pay(state: Order, runtime: Runtime[RunContext]) -> Order:
    return {"said": [*state["said"], await call(runtime, refund, "refund", order=state["order"], amount=5)]}


@graph(description="Sound.", input="order", output="said", example="A-1", world=world)
def sound():
    return wired(hold, pay)


@graph(description="Holds an order, and nothing else.", input="order", output="said", world=world)
def holding():
    return wired(hold)


async def early(state: Order, runtime: Runtime[RunContext]) -> Order:
    book(runtime.context.resources.get(ReportsFolder).path, ["told the customer"])
    return {"said": [*state["said"], await call(runtime, refund, "refund", order=state["order"], amount=5)]}


@graph(description="An effect before the interrupt.", input="order", output="said", world=world)
def effect_before_the_interrupt():
    return wired(hold, early)


async def direct(state: Order, runtime: Runtime[RunContext]) -> Order:
    context = ToolContext(call_id="direct", resources=runtime.context.resources)
    return {"said": [reserve(order=state["order"], context=context)]}


@graph(description="Calls a tool past the gate.", input="order", output="said", world=world)
def past_the_gate():
    return wired(direct)


async def dice(state: Order) -> Order:
    return {"said": [f"You won {random.random()}"]}


@graph(description="Throws dice.", input="order", output="said", world=world)
def dicing():
    return wired(dice)


async def plainly(state: Order) -> Order:
    return {"said": [str(interrupt({"question": "Which size?"}))]}


@graph(description="Asks by LangGraph's own interrupt.", input="order", output="said")
def asking():
    return wired(plainly)
'''

BREAKING = '''
"""Ways to break the runtime of a process on purpose."""

from graphwright.runtime.checkpoints import FencedSaver
from graphwright.runtime.errors import StateFolderError
from graphwright.runtime.journal import Entry, Journal


def swallow_journal_errors():
    """The disk is full whenever a refund is to be recorded, and somebody caught the exception and went on."""
    begin, end = Journal.begin, Journal.end

    async def begin_or_not(self, writer, intent):
        try:
            if intent.name == "refund":
                raise StateFolderError("The disk is full.")
            return await begin(self, writer, intent)
        except StateFolderError:
            lost = {name: None for name in Entry.__dataclass_fields__}
            return Entry(**{**lost, "key": intent.key, "semantics": intent.semantics, "status": "intent"}), True

    Journal.begin = begin_or_not


def acknowledge_checkpoints_early():
    """The saver says that a checkpoint is kept while it is still in memory; it is written before the next is read."""
    put, get, waiting = FencedSaver.aput, FencedSaver.aget_tuple, []

    async def aget_tuple(self, config):
        while waiting:
            await put(self, *waiting.pop(0))
        return await get(self, config)

    async def aput(self, config, checkpoint, metadata, new_versions):
        waiting.append((config, checkpoint, metadata, new_versions))
        told = config["configurable"]
        place = {"thread_id": told["thread_id"], "checkpoint_ns": told.get("checkpoint_ns", "")}
        return {"configurable": {**place, "checkpoint_id": checkpoint["id"]}}

    FencedSaver.aput, FencedSaver.aget_tuple = aput, aget_tuple
'''

APPROVED = Case.model_validate({"id": "paid", "input": "A-1", "people": [{"tool": "refund", "decide": "approve"}]})


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The shop."""
    folder = tmp_path / "shop"
    (folder / "graphs").mkdir(parents=True)
    (folder / "graphs" / "shop.py").write_text(GRAPHS)
    (folder / "breaking.py").write_text(BREAKING)
    return folder


@pytest.fixture
def certified(project: Path) -> Callable[..., Certificate]:
    """Certifies a graph of the shop with one case."""

    def run(graph: str, case: Case = APPROVED, *, broken: str = "", **plan: Any) -> Certificate:
        prepare = f"{project / 'breaking.py'}:{broken}" if broken else None
        return certify(graph, Plan(**plan), project=project, cases=[case], prepare=prepare, workers=2)

    return run

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
        file.write(json.dumps([order, reason]) + "\n")
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
    return {"report": "\n".join([*sorted(state.get("notes", [])), *state.get("paid", [])]) or "Which order?"}


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
    return agent_loop(
        Agent(
            name="clerk",
            description="Knows the stock.",
            prompt="You are kind.\n\nSay numbers.",
            tools=(stock,),
            max_turns=3,
        )
    )


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

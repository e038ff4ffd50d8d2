"""The four shapes that the kill test drives, as graphs of ours, and what must have happened when they end.

What the model says follows from the history alone, so every process that resumes a run has the same model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime as GraphRuntime
from langgraph.types import Send
from world import Ledger

from graphwright.agents import Agent
from graphwright.graphs import AgentState, agent_loop
from graphwright.graphs.calls import use_tool
from graphwright.models import ScriptedModel
from graphwright.models.script import When, calls
from graphwright.runtime import Approve, Edit, Reject, RunContext
from graphwright.tools import IdempotencyKey, Tool, tool

Decision = Approve | Edit | Reject
Turn = Sequence[tuple[str, str]]
"""The calls of one model turn: tool and item."""


@dataclass(frozen=True)
class Shape:
    """One graph, its effects, and what a person decides about each question."""

    name: str
    build: Callable[[Ledger], StateGraph[Any, Any]]
    effects: frozenset[str]
    """Each must have happened exactly once at the end; nothing else may."""
    idempotent: frozenset[str] = frozenset()
    """Those of them that may be repeated under the same key."""
    answers: Mapping[str, Decision] = field(default_factory=dict)
    """Item to decision."""


def tools(ledger: Ledger) -> dict[str, Tool]:
    """A payment that counts once, a note that may be repeated under its key, a refund that a person allows, a look."""

    @tool(effect="write", once=True, trusted=True)
    async def pay(item: str, *, key: IdempotencyKey) -> str:
        """Pay for an item."""
        await ledger.effect(f"pay:{item}", key)
        return f"paid {item}"

    @tool(effect="write", once=False, trusted=True)
    async def note(item: str, *, key: IdempotencyKey) -> str:
        """Write an item down."""
        await ledger.effect(f"note:{item}", key)
        return f"noted {item}"

    @tool(effect="write", once=True, approval="Moves money back.", critical=("item",), trusted=True)
    async def refund(item: str, *, key: IdempotencyKey) -> str:
        """Refund an item."""
        await ledger.effect(f"refund:{item}", key)
        return f"refunded {item}"

    @tool(effect="read", trusted=True)
    async def look(item: str) -> str:
        """Look at an item."""
        return f"saw {item}"

    return {each.name: each for each in (pay, note, refund, look)}


def clerk(ledger: Ledger, turns: Sequence[Turn]) -> Agent:
    """An agent that makes these calls, turn by turn, and then says that it is done."""

    def reply(request: Any) -> Any:
        said = sum(message.type == "ai" for message in request.messages)
        return [calls(name, item=item) for name, item in turns[said]] if said < len(turns) else "finished"

    model = ScriptedModel([When(lambda _: True, reply, times=None)])
    used = tools(ledger)
    return Agent(name="clerk", description="Works.", prompt="Work.", tools=list(used.values()), model=model)


PARALLEL: tuple[Turn, ...] = (
    (("pay", "a"), ("pay", "b"), ("note", "c"), ("look", "d"), ("pay", "e")),
    (("pay", "f"), ("note", "g"), ("pay", "h")),
)
SIBLINGS: tuple[Turn, ...] = (
    (("pay", "a"), ("refund", "yes"), ("refund", "no"), ("note", "b"), ("refund", "other")),
    (("pay", "c"), ("refund", "again")),
)
INNER: tuple[Turn, ...] = ((("pay", "{}1"), ("refund", "{}yes"), ("note", "{}2")), (("pay", "{}3"),))
WORKERS = ("left", "right")


def inner_turns(worker: str) -> list[Turn]:
    """The turns of one of the agents that work inside a node."""
    return [[(name, item.format(worker)) for name, item in turn] for turn in INNER]


def sequence(ledger: Ledger) -> StateGraph[Any, Any]:
    """An effect in the first node, then effect, approval and effect in one node, then a last effect."""
    used = tools(ledger)

    async def once(runtime: GraphRuntime[RunContext], name: str, item: str) -> str:
        return (await use_tool(used[name], {"item": item}, runtime, agent="desk", key=f"{name}.{item}")).content

    async def reserve(state: AgentState, runtime: GraphRuntime[RunContext]) -> dict[str, Any]:
        return {"messages": [("ai", await once(runtime, "pay", "reserve"))]}

    async def charge(state: AgentState, runtime: GraphRuntime[RunContext]) -> dict[str, Any]:
        said = [await once(runtime, "pay", "hold"), await once(runtime, "refund", "deposit")]
        said += [await once(runtime, "refund", "fee"), await once(runtime, "pay", "charge")]
        return {"messages": [("ai", "; ".join(said))]}

    async def ship(state: AgentState, runtime: GraphRuntime[RunContext]) -> dict[str, Any]:
        return {"messages": [("ai", await once(runtime, "note", "ship")), ("ai", "finished")]}

    graph = StateGraph(AgentState, context_schema=RunContext)
    graph.add_node("reserve", reserve).add_node("charge", charge).add_node("ship", ship)
    graph.add_edge(START, "reserve").add_edge("reserve", "charge").add_edge("charge", "ship").add_edge("ship", END)
    return graph


def nested(ledger: Ledger) -> StateGraph[Any, Any]:
    """Two agents at work inside a node, side by side, between an effect before and one after."""
    used = tools(ledger)
    agents = {name: agent_loop(clerk(ledger, inner_turns(name))).compile() for name in WORKERS}

    async def prepare(state: AgentState, runtime: GraphRuntime[RunContext]) -> dict[str, Any]:
        await use_tool(used["pay"], {"item": "before"}, runtime, agent="desk", key="before")
        return {}

    def share(state: AgentState) -> list[Send]:
        return [Send("work", {"worker": name}) for name in WORKERS]

    async def work(state: Any, runtime: GraphRuntime[RunContext]) -> dict[str, Any]:
        await use_tool(used["note"], {"item": state["worker"]}, runtime, agent="desk", key="begin")
        done = await agents[state["worker"]].ainvoke({"messages": [("user", "go")]})
        return {"messages": done["messages"]}

    async def finish(state: AgentState, runtime: GraphRuntime[RunContext]) -> dict[str, Any]:
        await use_tool(used["pay"], {"item": "after"}, runtime, agent="desk", key="after")
        return {"messages": [("ai", "finished")]}

    graph = StateGraph(AgentState, context_schema=RunContext)
    graph.add_node("prepare", prepare).add_node("work", work).add_node("finish", finish)
    graph.add_edge(START, "prepare").add_conditional_edges("prepare", share, ["work"])
    graph.add_edge("work", "finish").add_edge("finish", END)
    return graph


def _names(*turns: Turn) -> frozenset[str]:
    return frozenset(f"{name}:{item}" for turn in turns for name, item in turn if name != "look")


def _idempotent(names: frozenset[str]) -> frozenset[str]:
    return frozenset(name for name in names if name.startswith("note:"))


_SIBLING_EFFECTS = _names(*SIBLINGS) - {"refund:no", "refund:other"} | {"refund:edited"}
_SEQUENCE_EFFECTS = frozenset({"pay:reserve", "pay:hold", "refund:fee", "pay:charge", "note:ship"})
_NESTED_EFFECTS = _names(*(turn for name in WORKERS for turn in inner_turns(name))) | {
    "pay:before", "pay:after", "note:left", "note:right"
}  # fmt: skip

SHAPES = {
    shape.name: shape
    for shape in (
        Shape(
            "parallel",
            lambda ledger: agent_loop(clerk(ledger, PARALLEL)),
            _names(*PARALLEL),
            _idempotent(_names(*PARALLEL)),
        ),
        Shape(
            "siblings",
            lambda ledger: agent_loop(clerk(ledger, SIBLINGS)),
            _SIBLING_EFFECTS,
            _idempotent(_SIBLING_EFFECTS),
            {"yes": Approve(), "no": Reject("No."), "other": Edit({"item": "edited"}), "again": Approve()},
        ),
        Shape(
            "sequence",
            sequence,
            _SEQUENCE_EFFECTS,
            _idempotent(_SEQUENCE_EFFECTS),
            {"deposit": Reject("Keep it."), "fee": Approve()},
        ),
        Shape(
            "subgraph",
            nested,
            _NESTED_EFFECTS,
            _idempotent(_NESTED_EFFECTS),
            {"leftyes": Approve(), "rightyes": Approve()},
        ),
    )
}

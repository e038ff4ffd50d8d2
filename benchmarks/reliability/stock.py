"""The same shapes on stock LangGraph: ToolNode or plain nodes, AsyncSqliteSaver, ``durability="sync"``.

It is given its best chance: a run counts as finished only when neither tasks nor interrupts are left, answers go by
interrupt id, and in the sequence every effect and every question has a node of its own. ``spread`` sends every call
as a task of its own, as LangGraph's prebuilt agent does; without it one ToolNode gets the whole message.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.tools import tool
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.types import Command, Send, interrupt
from ours import Verdict, broken_calls, watch
from shapes import PARALLEL, SIBLINGS, WORKERS, Shape, Turn, inner_turns
from world import Boundaries, Ledger

from graphwright.runtime import Approve, Edit

THREAD: Any = {"configurable": {"thread_id": "one"}}


def tools(ledger: Ledger) -> dict[str, Any]:
    """The tools of :mod:`shapes`; the refund asks by ``interrupt`` and writes down whose answer it got."""

    @tool
    async def pay(item: str) -> str:
        """Pay for an item."""
        await ledger.effect(f"pay:{item}")
        return f"paid {item}"

    @tool
    async def note(item: str) -> str:
        """Write an item down."""
        await ledger.effect(f"note:{item}")
        return f"noted {item}"

    @tool
    async def refund(item: str) -> str:
        """Refund an item."""
        answer = interrupt({"item": item})
        ledger.write(f"got:{item}={answer['about']}")
        if answer["pay"] is None:
            return "A person rejected this call."
        await ledger.effect(f"refund:{answer['pay']}")
        return f"refunded {answer['pay']}"

    @tool
    async def look(item: str) -> str:
        """Look at an item."""
        return f"saw {item}"

    return {each.name: each for each in (pay, note, refund, look)}


def loop(ledger: Ledger, turns: Sequence[Turn], *, spread: bool, name: str = "") -> StateGraph[Any, Any, Any, Any]:
    """A model node and a ToolNode."""

    async def model(state: MessagesState) -> dict[str, Any]:
        said = sum(message.type == "ai" for message in state["messages"])
        turn = turns[said] if said < len(turns) else ()
        made = [
            {"type": "tool_call", "name": used, "args": {"item": item}, "id": f"{name}.{said}.{at}"}
            for at, (used, item) in enumerate(turn)
        ]
        return {"messages": [AIMessage("" if made else "finished", tool_calls=made)]}

    def follow(state: MessagesState) -> Any:
        made = state["messages"][-1].tool_calls
        if not made:
            return END
        return [Send("tools", [call]) for call in made] if spread else "tools"

    graph = StateGraph(MessagesState)
    graph.add_node("model", model)
    graph.add_node("tools", ToolNode(list(tools(ledger).values())))
    graph.add_edge(START, "model").add_conditional_edges("model", follow, ["tools", END]).add_edge("tools", "model")
    return graph


def sequence(ledger: Ledger) -> StateGraph[Any, Any, Any, Any]:
    """One node for each effect and each question."""
    used = tools(ledger)
    steps = [
        ("pay", "reserve"),
        ("pay", "hold"),
        ("refund", "deposit"),
        ("refund", "fee"),
        ("pay", "charge"),
        ("note", "ship"),
    ]

    def node(name: str, item: str) -> Any:
        async def run(state: MessagesState) -> dict[str, Any]:
            return {"messages": [("ai", await used[name].ainvoke({"item": item}))]}

        return run

    graph = StateGraph(MessagesState)
    for name, item in steps:
        graph.add_node(item, node(name, item))
    for before, after in zip([START, *(item for _, item in steps)], [*(item for _, item in steps), END], strict=True):
        graph.add_edge(before, after)
    return graph


def nested(ledger: Ledger, *, spread: bool) -> StateGraph[Any, Any, Any, Any]:
    """Two agents at work inside a node, side by side, between an effect before and one after."""
    used = tools(ledger)
    agents = {name: loop(ledger, inner_turns(name), spread=spread, name=name).compile() for name in WORKERS}

    async def prepare(state: MessagesState) -> dict[str, Any]:
        await used["pay"].ainvoke({"item": "before"})
        return {}

    def share(state: MessagesState) -> list[Send]:
        return [Send("begin", {"worker": name}) for name in WORKERS]

    async def begin(state: Any) -> Command[Any]:
        await used["note"].ainvoke({"item": state["worker"]})
        return Command(goto=Send("work", state))

    async def work(state: Any) -> dict[str, Any]:
        done = await agents[state["worker"]].ainvoke({"messages": [HumanMessage("go")]})
        return {"messages": done["messages"]}

    async def finish(state: MessagesState) -> dict[str, Any]:
        await used["pay"].ainvoke({"item": "after"})
        return {}

    graph = StateGraph(MessagesState)
    graph.add_node("prepare", prepare).add_node("begin", begin, destinations=("work",))
    graph.add_node("work", work).add_node("finish", finish)
    graph.add_edge(START, "prepare").add_conditional_edges("prepare", share, ["begin"])
    graph.add_edge("work", "finish").add_edge("finish", END)
    return graph


BUILD: dict[str, Callable[[Ledger, bool], StateGraph[Any, Any, Any, Any]]] = {
    "parallel": lambda ledger, spread: loop(ledger, PARALLEL, spread=spread),
    "siblings": lambda ledger, spread: loop(ledger, SIBLINGS, spread=spread),
    "sequence": lambda ledger, spread: sequence(ledger),
    "subgraph": lambda ledger, spread: nested(ledger, spread=spread),
}


@dataclass(frozen=True)
class StockLife:
    """A folder in which one run lives through any number of processes."""

    folder: Path
    shape: Shape
    spread: bool
    slow: float = 0.0

    @property
    def _questions(self) -> Path:
        return self.folder / "questions.json"

    @property
    def _answers(self) -> Path:
        return self.folder / "answers.json"

    def drive(self, kill_at: int | None = None) -> dict[str, Any]:
        """In a child: drive the run until it ends or waits."""
        boundaries = Boundaries(kill_at)
        watch(boundaries, self.slow)
        status = asyncio.run(self._drive(Ledger(self.folder / "ledger", boundaries)))
        return {"status": status, "passed": boundaries.passed}

    async def _drive(self, ledger: Ledger) -> str:
        async with AsyncSqliteSaver.from_conn_string(str(self.folder / "stock.db")) as saver:
            graph = BUILD[self.shape.name](ledger, self.spread).compile(checkpointer=saver)
            state = await graph.aget_state(THREAD)
            if state.interrupts and (answers := self._brought()):
                payload: Any = Command(resume=answers)
            elif state.interrupts:
                return self._asks(state.interrupts)
            elif state.metadata is None:
                payload = {"messages": [HumanMessage("go")]}
            elif state.tasks:
                payload = None
            else:
                return "done"
            await graph.ainvoke(payload, THREAD, durability="sync")
            state = await graph.aget_state(THREAD)
            if state.interrupts:
                return self._asks(state.interrupts)
            return "queued" if state.tasks else "done"

    def _asks(self, interrupts: Sequence[Any]) -> str:
        self._questions.write_text(json.dumps({each.id: each.value["item"] for each in interrupts}))
        return "waiting"

    def _brought(self) -> Any:
        """The answers that came with the request which started this process; they live as long as it does."""
        if not self._answers.exists():
            return None
        answers = json.loads(self._answers.read_text())
        self._answers.unlink()
        return answers

    def decide(self, kill_at: int | None = None) -> dict[str, Any]:
        """Answer every question that the run asks."""
        asked = Ledger(self.folder / "asked")
        answers = {}
        for interrupt_id, item in json.loads(self._questions.read_text()).items():
            asked.write(item)
            decision = self.shape.answers[item]
            pay = item if isinstance(decision, Approve) else None
            if isinstance(decision, Edit):
                pay = decision.arguments["item"]
            answers[interrupt_id] = {"about": item, "pay": pay}
        self._answers.write_text(json.dumps(answers))
        return {"problems": [], "unknown": 0, "passed": 0}

    def judge(self) -> dict[str, Any]:
        """In a child: what the ledger and the history say about a run that is done."""
        return vars(asyncio.run(self._judge()))

    async def _judge(self) -> Verdict:
        ledger = Ledger(self.folder / "ledger")
        times = ledger.times()
        verdict = Verdict(effects=len(self.shape.effects), answers=len(self.shape.answers))
        verdict.doubled = sum(max(0, times[name] - 1) for name in self.shape.effects)
        verdict.lost = sum(times[name] == 0 for name in self.shape.effects)
        got = Counter({name[4:]: count for name, count in times.items() if name.startswith("got:")})
        verdict.forbidden = sum(name not in self.shape.effects for name in times if not name.startswith("got:"))
        verdict.applied_twice = sum(max(0, got[f"{item}={item}"] - 1) for item in self.shape.answers)
        verdict.astray = sum(got[f"{item}={item}"] == 0 for item in self.shape.answers)
        verdict.astray += sum(count for pair, count in got.items() if len(set(pair.split("="))) > 1)
        verdict.asked_again = sum(count - 1 for count in Ledger(self.folder / "asked").times().values())
        async with AsyncSqliteSaver.from_conn_string(str(self.folder / "stock.db")) as saver:
            graph = BUILD[self.shape.name](ledger, self.spread).compile(checkpointer=saver)
            history = (await graph.aget_state(THREAD)).values["messages"]
        verdict.problems += broken_calls(history)
        return verdict

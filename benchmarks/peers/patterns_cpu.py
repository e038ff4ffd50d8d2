"""CPU per model call of the ten orchestration patterns, with a model that takes no time, on bare LangGraph.

    python benchmarks/peers/patterns_cpu.py [--rounds N] [--runs N] [--json]

Beside each pattern, in the same round, a `StateGraph` without anything of ours makes the same number of calls of the
same model, one after the other in one node with an edge to itself: `x raw` is the median of the rounds' ratios, and
`nested` that of the same graph whose node runs another graph of one call, as a pattern's node does. Nobody has tools
but those of the pattern; a participant answers at once. No checkpoints, no database. The exit status is 1 if a pattern
made another number of model calls than its table row says.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import itertools
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Annotated, Any

from langchain_core.messages import BaseMessage
from langgraph.graph import END, START, StateGraph, add_messages
from typing_extensions import TypedDict

from graphwright.agents import Agent
from graphwright.graphs import (
    Termination,
    agent_loop,
    concurrent,
    group_chat,
    handoff,
    magentic,
    maker_checker,
    map_reduce,
    plan_execute,
    router,
    sequential,
    supervisor,
)
from graphwright.models import ModelRequest, ScriptedModel
from graphwright.models.script import When, calls

ASKED = {"messages": [{"role": "user", "content": "How high is the tower?"}]}
ANSWER = "The tower is 50 m high, as the survey of last year says."


class RawState(TypedDict, total=False):
    """The state of the graph beside which patterns are measured."""

    messages: Annotated[list[BaseMessage], add_messages]
    calls: int


@dataclass(frozen=True)
class Subject:
    """A pattern, the models in it, and how often they are asked in one run."""

    graph: Any
    models: tuple[ScriptedModel, ...]
    calls: int


def replying(*replies: Any) -> ScriptedModel:
    """A model that gives these answers over and over."""
    turns = itertools.cycle(replies or (ANSWER,))
    return ScriptedModel([When(lambda _: True, lambda _: next(turns), times=None)])


def agents(*names: str) -> list[Agent]:
    """Agents that answer at once."""
    return [agent(name) for name in names]


def agent(name: str, *replies: Any) -> Agent:
    """An agent with these replies for each run."""
    return Agent(name=name, description=f"Does {name}.", prompt=f"You are {name}.", model=replying(*replies))


def ledger(is_done: bool) -> dict[str, Any]:
    """What a magentic manager fills in."""
    answers = {
        "is_request_satisfied": is_done,
        "is_in_loop": False,
        "is_progress_being_made": True,
        "next_speaker": "left",
        "instruction_or_question": "Measure it.",
    }
    return {name: {"reason": "So it is.", "answer": answer} for name, answer in answers.items()}


def subject(graph: Any, models: Iterable[Agent], count: int) -> Subject:
    """A graph with the agents whose models answer in it."""
    return Subject(graph.compile(), tuple(each.model for each in models), count)  # type: ignore[misc]  # ours are


def one_agent() -> Subject:
    """No pattern: one agent, for comparison."""
    (one,) = team = agents("left")
    return subject(agent_loop(one), team, 1)


def of_sequential() -> Subject:
    """Three stages."""
    team = agents("left", "middle", "right")
    return subject(sequential(*team), team, 3)


def of_concurrent() -> Subject:
    """Three at once, merged."""
    team = agents("left", "middle", "right")
    return subject(concurrent(*team), team, 3)


def of_router() -> Subject:
    """A model chooses, one answers."""
    chooser, *team = agent("chooser", {"name": "left", "reason": "It fits."}), *agents("left", "right")
    return subject(router(team, model=chooser), [chooser, *team], 2)


def of_maker_checker() -> Subject:
    """A draft that is approved."""
    team = agent("maker"), agent("checker", {"approved": True, "objections": [], "score": 1.0})
    return subject(maker_checker(*team), team, 2)


def of_map_reduce() -> Subject:
    """Four items, added up by code."""
    (mapper,) = team = agents("mapper")
    return subject(map_reduce(lambda _: ["1", "2", "3", "4"], mapper, lambda found: str(len(found))), team, 4)


def of_handoff() -> Subject:
    """Handed over once; each run is a new thread."""
    team = agent("triage", calls("transfer_to_left", note="It is high.")), agent("left")
    return subject(handoff(*team, targets={"triage": ["left"]}), team, 2)


def of_supervisor() -> Subject:
    """Three workers at once, then the manager's answer."""
    team = agents("left", "middle", "right")
    given = [calls(f"delegate_to_{each.name}", instruction="Measure it.") for each in team]
    manager = agent("manager", given, ANSWER)
    return subject(supervisor(*team, manager=manager), [*team, manager], 5)


def of_group_chat() -> Subject:
    """Four turns of two."""
    team = agents("left", "right")
    return subject(group_chat(*team, termination=Termination(max_rounds=4)), team, 4)


def of_plan_execute() -> Subject:
    """A plan of two steps, carried out, and the answer."""
    team = agents("left", "right")
    steps = [{"who": each.name, "what": f"Measure it as {each.name}."} for each in team]
    planner = agent("planner", {"steps": steps}, ANSWER)
    return subject(plan_execute(planner, *team), [planner, *team], 4)


def of_magentic() -> Subject:
    """Facts, a plan, two ledgers with one turn between them, and the answer."""
    team = agents("left", "right")
    lead = agent("lead", "A tower.", "1. Measure it.", ledger(False), ledger(True), ANSWER)
    return subject(magentic(*team, manager=lead), [lead, *team], 6)


SUBJECTS: dict[str, Callable[[], Subject]] = {
    "one agent": one_agent,
    "sequential": of_sequential,
    "concurrent": of_concurrent,
    "router": of_router,
    "maker_checker": of_maker_checker,
    "map_reduce": of_map_reduce,
    "handoff": of_handoff,
    "supervisor": of_supervisor,
    "group_chat": of_group_chat,
    "plan_execute": of_plan_execute,
    "magentic": of_magentic,
}


def raw(count: int) -> Subject:
    """A graph of LangGraph alone that asks a model so many times."""
    model = replying()

    async def ask(state: RawState) -> dict[str, Any]:
        answer = await model.respond(ModelRequest(messages=state["messages"]))
        return {"messages": [answer], "calls": state.get("calls", 0) + 1}

    return Subject(looped(ask, count), (model,), count)


def nested(count: int) -> Subject:
    """The same with another graph in its node, which makes the call."""
    inner = raw(1)

    async def run(state: RawState) -> dict[str, Any]:
        answered = await inner.graph.ainvoke({"messages": state["messages"]})
        return {"messages": answered["messages"][-1:], "calls": state.get("calls", 0) + 1}

    return Subject(looped(run, count), inner.models, count)


def looped(node: Any, count: int) -> Any:
    """A graph of one node that runs so many times."""
    graph = StateGraph(RawState)
    graph.add_node("node", node)
    graph.add_edge(START, "node")
    graph.add_conditional_edges("node", lambda state: END if state["calls"] >= count else "node")
    return graph.compile()


async def cpu_ms(one: Subject, runs: int) -> float:
    """CPU of the process for each model call, in milliseconds, over so many runs.

    Raises:
        SystemExit: if it made another number of calls than it should.
    """
    for model in one.models:
        model.requests.clear()
    gc.collect()
    begun = time.process_time()
    for _ in range(runs):
        await one.graph.ainvoke(ASKED)
    spent = time.process_time() - begun
    made = sum(len(model.requests) for model in one.models)
    if made != runs * one.calls:
        raise SystemExit(f"{made} model calls in {runs} runs instead of {runs * one.calls}: the figures mean nothing.")
    return spent * 1_000 / made


async def measured(rounds: int, runs: int) -> list[dict[str, Any]]:
    """A row for each pattern: medians over the rounds."""
    made = {name: make() for name, make in SUBJECTS.items()}
    trios = {name: (one, raw(one.calls), nested(one.calls)) for name, one in made.items()}
    found: dict[str, list[list[float]]] = {name: [] for name in trios}
    for number in range(rounds + 1):
        for name, trio in trios.items():
            figures = [await cpu_ms(each, runs) for each in trio]
            if number:  # the first round warms up
                found[name].append(figures)
    return [
        {
            "pattern": name,
            "calls": made[name].calls,
            "cpu_ms": statistics.median(ours for ours, _, _ in rows),
            "raw_cpu_ms": statistics.median(bare for _, bare, _ in rows),
            "to_raw": statistics.median(ours / bare for ours, bare, _ in rows),
            "nested_to_raw": statistics.median(deep / bare for _, bare, deep in rows),
        }
        for name, rows in found.items()
    ]


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="after one that warms up")
    parser.add_argument("--runs", type=int, default=40, help="of each pattern in each round")
    parser.add_argument("--json", action="store_true", help="print the rows as JSON")
    args = parser.parse_args()
    rows = asyncio.run(measured(args.rounds, args.runs))
    if args.json:
        print(json.dumps(rows, indent=1))
        return 0
    print(f"CPU ms per model call, medians of {args.rounds} rounds (load {os.getloadavg()[0]:.1f})")
    print(f"{'pattern':<14} {'calls':>5} {'ours':>7} {'raw':>7} {'x raw':>6} {'nested':>6}")
    for row in rows:
        figures = f"{row['cpu_ms']:7.2f} {row['raw_cpu_ms']:7.2f} {row['to_raw']:6.2f} {row['nested_to_raw']:6.2f}"
        print(f"{row['pattern']:<14} {row['calls']:>5} {figures}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

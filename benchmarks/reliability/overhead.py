"""What safety costs: the gate for each tool call, the journal for each model call, checkpoints for each turn.

    python benchmarks/reliability/overhead.py [--calls N] [--turns N] [--json FILE]

CPU is that of the whole process, all threads; wall is what the caller waits. Each row is the median of batches, beside
the same call without anything around it in the same run. The gate is the one that a runtime builds for a run that it
drives: arguments, secrets, policy, budgets, approval, journal with audit rows, tally, redaction, under a lease.
`process` survives a killed process, `power` a power cut too.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from langchain_core.messages import AIMessage, HumanMessage

from graphwright.agents import Agent, Budget
from graphwright.graphs import agent_loop
from graphwright.models import ModelRequest, ScriptedModel
from graphwright.models.script import When
from graphwright.runtime import GateCall, ModelCall, RunContext, Runtime, Settings
from graphwright.runtime.budgeting import RunSpending
from graphwright.runtime.budgets import BudgetSettings
from graphwright.runtime.context import call_model
from graphwright.runtime.database import Durability
from graphwright.runtime.guardrails.guarding import Guarded
from graphwright.runtime.signature import signature_of
from graphwright.runtime.usage import Tally
from graphwright.tools import IdempotencyKey, Tool, ToolContext, tool

BATCHES = 7
AIM_MS = 1.0
AIM_BYTES = 2 * 2_300_000
"""Twice FACTS' figure for 200 turns of 1 kB on a DeltaChannel."""


@tool(effect="read", trusted=True)
async def look(item: str) -> str:
    """Look at an item."""
    return item


@tool(effect="write", once=True, trusted=True)
async def pay(item: str, *, key: IdempotencyKey) -> str:
    """Pay for an item."""
    return item


async def measured(call: Callable[[int], Awaitable[Any]], count: int) -> tuple[float, float]:
    """CPU and wall of one call in milliseconds: the medians of batches."""
    cpu, wall = [], []
    for batch in range(BATCHES + 1):
        cpu_begun, begun = time.process_time(), time.perf_counter()
        for number in range(count):
            await call(batch * count + number)
        cpu.append((time.process_time() - cpu_begun) / count * 1e3)
        wall.append((time.perf_counter() - begun) / count * 1e3)
    # The first batch warms up.
    return statistics.median(cpu[1:]), statistics.median(wall[1:])


def gate_call(used: Tool, number: int) -> GateCall:
    """A call of its own key."""
    key = f"thread|0|message|{used.name}|{number}"
    context = ToolContext(call_id=str(number), key=IdempotencyKey(key), agent="clerk")
    return GateCall(tool=used, arguments={"item": "a book"}, context=context, key=key)


def model_call(model: ScriptedModel, number: int) -> ModelCall:
    """A call of its own key."""
    request = ModelRequest(messages=[HumanMessage("Say something about the book.", id="one")])
    return ModelCall(model=model, request=request, agent="clerk", key=f"thread|0|model|{number}")


async def built(runtime: Runtime, model: ScriptedModel) -> RunContext:
    """What the nodes of a run of this runtime are given, under a lease that it holds."""
    clerk = Agent(name="clerk", description="Pays.", prompt="Pay.", tools=[look, pay], model=model)
    run = await runtime.start("overhead", {"messages": [{"role": "user", "content": "Look at the book, pay for it."}]})
    epoch = await runtime.leases.take(run.thread_id)
    tally, spending = Tally((), runtime.spending.prices), RunSpending(runtime.spending, run)
    writer = await runtime.journal.writer(run.id, run.thread_id, epoch)
    guarded = Guarded(runtime.guardrails, run.id, runtime.journal, writer)
    signature = signature_of(agent_loop(clerk).compile())
    return await runtime._context(run, model, writer, tally, spending, signature, guarded)


async def rows(folder: Path, durability: Durability, count: int) -> dict[str, tuple[float, float]]:
    """Every measurement at one durability."""
    model = ScriptedModel([When(lambda _: True, AIMessage("x" * 1000), times=None)])
    found = {
        "tool, nothing around it": await measured(
            lambda number: look.invoke({"item": "a book"}, gate_call(look, number).context), count
        ),
        "model, nothing around it": await measured(lambda number: call_model(model_call(model, number)), count),
    }
    plenty = Budget(tokens=10**12, calls=10**9)
    kinds = {"": BudgetSettings(), ", budgets of run and tenant": BudgetSettings(run=plenty, tenant=plenty)}
    for words, budgets in kinds.items():
        state = folder / f"{durability}{len(words)}"
        settings = Settings(project_dir=folder, state_dir=state, durability=durability, budgets=budgets)
        async with Runtime(settings) as runtime:
            context = await built(runtime, model)
            found |= {
                f"tool that reads, whole gate{words}": await measured(passing(context, look), count),
                f"tool that acts, whole gate{words}": await measured(passing(context, pay), count),
                f"model, journal{words}": await measured(
                    lambda number, ask=context.ask_model: ask(model_call(model, number)), count
                ),
            }
    return found


def passing(context: RunContext, used: Tool) -> Callable[[int], Awaitable[Any]]:
    """A call through the gate that must really run the tool."""

    async def call(number: int) -> None:
        outcome = await context.gate(gate_call(used, number))
        assert outcome.ran, outcome
        assert outcome.content == "a book", outcome

    return call


async def growth(folder: Path, turns: int) -> dict[int, int]:
    """Bytes of checkpoints after some turns of 1 kB on one thread."""
    model = ScriptedModel([When(lambda _: True, "x" * 1000, times=None)])
    graph = agent_loop(Agent(name="clerk", description="Talks.", prompt="Talk.", model=model))
    found = {}
    async with Runtime(Settings(project_dir=folder, state_dir=folder / "growth")) as runtime:
        thread = None
        for turn in range(1, turns + 1):
            run = await runtime.start(
                "talk", {"messages": [{"role": "user", "content": f"turn {turn}"}]}, thread_id=thread
            )
            thread = run.thread_id
            async for _ in runtime.drive(run.id, graph, output=lambda state: state["messages"][-1].text):
                pass
            if turn % (turns // 4) == 0:
                found[turn] = checkpoint_bytes(folder / "growth" / "graphwright.db")
    return found


def checkpoint_bytes(database: Path) -> int:
    """What LangGraph's tables hold."""
    with sqlite3.connect(database) as connection:
        query = "SELECT coalesce(sum(length(checkpoint) + length(metadata)), 0) FROM checkpoints"
        size = connection.execute(query).fetchone()[0]
        size += connection.execute("SELECT coalesce(sum(length(value)), 0) FROM writes").fetchone()[0]
    connection.close()
    return int(size)


def main() -> int:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=300, help="in each batch")
    parser.add_argument("--turns", type=int, default=200)
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="overhead-") as name:
        folder = Path(name)
        levels: tuple[Durability, ...] = ("process", "power")
        found = {level: asyncio.run(rows(folder, level, options.calls)) for level in levels}
        grown = asyncio.run(growth(folder, options.turns))
    print("| ms a call | process: CPU | wall | power: CPU | wall |")
    print("|---|---|---|---|---|")
    for row in found["process"]:
        numbers = [f"{each:.3f}" for level in levels for each in found[level][row]]
        print(f"| {row} | {' | '.join(numbers)} |")
    gate = found["process"]["tool that acts, whole gate"][0] - found["process"]["tool, nothing around it"][0]
    print(f"the whole gate: {gate:.2f} ms CPU for a call that acts (aim: under {AIM_MS:.0f})")
    last = max(grown)
    print("checkpoints: " + ", ".join(f"{turn} turns {size / 1e6:.2f} MB" for turn, size in grown.items()), end="")
    print(f" (aim: linear, under {AIM_BYTES / 1e6:.1f} MB for 200)")
    if options.json:
        options.json.write_text(json.dumps({"calls": found, "checkpoints": grown}))
    return 1 if gate > AIM_MS or grown[last] > AIM_BYTES * last / 200 else 0


if __name__ == "__main__":
    sys.exit(main())

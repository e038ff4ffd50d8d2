"""Our supervisor and our handoff as a client of the shared peer benchmark: CPU per model call of the patterns.

`python benchmarks/peers/peer_graphwright_patterns.py [--peers FOLDER] --base-url URL --scenario supervisor|handoff ...`
measures us; with `--beside NAME ...` instead of a URL it starts the loopback server and measures us and these peers
in interleaved rounds, `--rounds` times, and prints medians and ratios to ours of the same round. The graphs run on bare
LangGraph: no checkpoints, no database. `supervisor`: three workers at once, each a loop with tools; `handoff`: triage
hands over to a specialist. A peer that cannot play a scenario is left out of it.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

# Under PYTHONSAFEPATH a script's own folder is not on the import path.
sys.path.insert(0, str(Path(__file__).resolve().parent))

from environments import REPOSITORY, SERVER, Harness, loopback_server
from measuring import Client, measure
from peer_graphwright import _ours, _rest, add, bench_common, lookup

from graphwright.agents import Agent
from graphwright.graphs import handoff, supervisor
from graphwright.models import OpenAIModel

RunOne = Callable[[str], Awaitable[str]]
SCENARIOS = ("supervisor", "handoff")
OURS = "graphwright-patterns"


def agent(args: argparse.Namespace, role: str, prompt: str, *tools: Any) -> Agent:
    """One of the agents that every peer plays."""
    model = OpenAIModel(bench_common.models(args)[role], base_url=args.base_url, api_key="sk-fake")
    about = "Give this worker a part of the task." if role.startswith("worker") else f"Is the {role}."
    limits = {"max_turns": args.turns + 2, "max_calls": args.turns + 1}
    return Agent(name=role, description=about, prompt=prompt, tools=tools, model=model, **limits)


def graph_of(args: argparse.Namespace) -> Any:
    """The graph of the scenario, uncompiled."""
    tools = (lookup, add)
    if args.scenario == "handoff":
        specialist = agent(args, "specialist", bench_common.SYSTEM, *tools)
        triage = agent(args, "triage", bench_common.TRIAGE)
        return handoff(triage, specialist, targets={"triage": ["specialist"]})
    workers = [agent(args, f"worker_{number}", bench_common.SYSTEM, *tools) for number in (1, 2, 3)]
    return supervisor(*workers, manager=agent(args, "supervisor", bench_common.SUPERVISOR))


async def build(args: argparse.Namespace) -> RunOne:
    """Build the graph once, as a service would; each run is one thread of it."""
    graph = graph_of(args).compile()
    config: Any = {"recursion_limit": 10 * args.turns + 25}

    async def run_one(run_id: str) -> str:
        asked: Any = {"messages": [{"role": "user", "content": bench_common.user_prompt(run_id)}]}
        answer = await graph.ainvoke(asked, config)
        return str(answer["messages"][-1].content)

    return run_one


def compare(given: Sequence[str]) -> int:
    """Measure us beside peers and print CPU ms per model call, medians over rounds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--beside", nargs="+", required=True, help="names as in the harness's peers.py")
    parser.add_argument("--work", type=Path, default=REPOSITORY / ".bench", help="cache for environments")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--concurrency", type=int, nargs="+", default=[1])
    args = parser.parse_args(given)
    harness = Harness(_ours.peers.resolve(), args.work.resolve())
    ours = Client(OURS, "", (sys.executable, str(Path(__file__).resolve())), 4.0)
    taking_part = [ours, *_peers(harness, args.beside)]
    plays = {name: peer[3] for name, peer in harness.table().PEERS.items()} | {OURS: SCENARIOS}
    failed = harness.make([SERVER, *(one.environment for one in taking_part if one.environment)])
    taking_part = [one for one in taking_part if one.environment not in failed]
    found: dict[tuple[str, int, str], list[dict[str, Any]]] = {}
    with loopback_server(harness) as address:
        for number in range(args.rounds):
            for scenario in SCENARIOS:
                for level in args.concurrency:
                    playing = [each for each in taking_part if scenario in plays[each.name]]
                    for client in playing if number % 2 == 0 else reversed(playing):
                        one = replace(client, command=(*client.command, "--scenario", scenario))
                        found.setdefault((scenario, level, client.name), []).append(
                            measure(harness, one, address, level)
                        )
    print(f"CPU ms per model call, medians of {args.rounds} rounds (load {os.getloadavg()[0]:.1f})")
    for (scenario, level, name), rows in found.items():
        print(f"{scenario:<11} c={level:<3} {name:<24} {_said(rows, found[scenario, level, OURS])}")
    for name, why in failed.items():
        print(f"No environment for {name}: {why}")
    return 1 if failed else 0


def _said(rows: Sequence[dict[str, Any]], ours: Sequence[dict[str, Any]]) -> str:
    """One client's figures; the ratios are medians over the rounds in which both were right."""
    good = [(row, own) for row, own in zip(rows, ours, strict=True) if "problem" not in row and "problem" not in own]
    if not good:
        return next((str(row["problem"])[:200] for row in rows if "problem" in row), "ours has no figure")
    norm, cpu = (statistics.median(row[key] for row, _ in good) for key in _FIGURES)
    to_norm, to_cpu = (statistics.median(row[key] / own[key] for row, own in good) for key in _FIGURES)
    times = f"x ours {to_norm:.2f} (measured {to_cpu:.2f})"
    return f"scaled {norm:6.2f}  measured {cpu:6.2f}  {times}  rounds {len(good)}"


_FIGURES = ("cpu_ms_per_turn_norm", "cpu_ms_per_turn")


def _peers(harness: Harness, names: Sequence[str]) -> list[Client]:
    table = harness.table()
    made = []
    for name in names:
        environment, script, arguments, _ = table.PEERS[name]
        program = (str(harness.python(environment)), str(harness.peers / script), *arguments)
        made.append(Client(name, environment, program, table.COST[name]))
    return made


if __name__ == "__main__":
    if "--beside" in _rest:
        sys.exit(compare(_rest))
    sys.argv[1:] = _rest
    bench_common.main(OURS, build, SCENARIOS)

"""Our agent loop as a client of the shared peer benchmark: the same command line as its `peer_*.py` files.

`python benchmarks/peers/peer_graphwright.py [--peers FOLDER] --base-url URL --runs N ...`; the folder of the shared
harness may also come from GRAPHWRIGHT_BENCH_PEERS. The graph runs on bare LangGraph: no checkpoints, no database.
With `--stream` somebody listens to the run's events, so that answers are streamed token by token.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, cast

# Under PYTHONSAFEPATH a script's own folder is not on the import path.
sys.path.insert(0, str(Path(__file__).resolve().parent))

from environments import default_peers, import_common

from graphwright.agents import Agent
from graphwright.graphs import agent_loop
from graphwright.models import OpenAIModel
from graphwright.tools import tool

_options = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
_options.add_argument("--peers", type=Path, default=default_peers())
_ours, _rest = _options.parse_known_args()
bench_common: Any = import_common(_ours.peers)

RunOne = Callable[[str], Awaitable[str]]


@tool(effect="read")
async def lookup(city: str, day: int) -> str:
    """Look up the weather of a city on a day of the trip."""
    return f"{city} day {day}: sunny, 21 C"


@tool(effect="read")
async def add(a: int, b: int) -> str:
    """Add two integer costs."""
    return str(a + b)


def planner(args: argparse.Namespace, *tools: Any) -> Agent:
    """The travel agent that every peer plays, with room for as many turns as the script has."""
    return Agent(
        name="planner",
        description="Plans a trip day by day.",
        prompt=bench_common.SYSTEM,
        tools=tools or (lookup, add),
        model=OpenAIModel(bench_common.models(args)["single"], base_url=args.base_url, api_key="sk-fake"),
        max_turns=args.turns + 2,
        max_calls=args.turns + 1,
    )


async def build(args: argparse.Namespace, agent: Agent | None = None) -> RunOne:
    """Build the loop once, as a service would; each run is one thread of it."""
    graph = agent_loop(agent or planner(args)).compile()
    config: Any = {"recursion_limit": 10 * args.turns + 25}

    async def run_one(run_id: str) -> str:
        asked = {"role": "user", "content": bench_common.user_prompt(run_id)}
        state: Any = {"messages": [asked]}
        if not args.stream:
            answer = await graph.ainvoke(state, config)
            return str(answer["messages"][-1].content)
        async for mode, part in graph.astream(state, config, stream_mode=["custom", "values"]):
            if mode == "values":
                answer = cast(dict[str, Any], part)
        return str(answer["messages"][-1].content)

    return run_one


if __name__ == "__main__":
    sys.argv[1:] = _rest
    bench_common.main("graphwright", build)

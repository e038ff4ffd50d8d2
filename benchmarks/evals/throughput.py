"""What the harness itself costs: trivial samples, a graph's case beside bare LangGraph, and memory over many cases.

    python benchmarks/evals/throughput.py [--samples N] [--cases N] [--json FILE]

CPU is that of the whole process. Every result is written to disk as it is known, and synced in batches. Figures are
medians of rounds; bare LangGraph and ours take turns, so that a busy machine is the same for both.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.tools import tool
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode

from graphwright.evals import Case, Expectation, Plan, Project, Suite, new_run, run_suite
from graphwright.evals.case import ExpectedAnswer
from graphwright.evals.dataset import open_dataset
from graphwright.graphs import graph

ROUNDS = 7
AIM_MS, AIM_SHARE = 0.7, 0.15
"""What a graph's case may cost on top of LangGraph: CPU milliseconds, and share."""
AIM_BYTES = 100_000_000
"""What 100,000 cases may add to the memory of 1,000."""


def answer(text: str) -> str:
    """The trivial target."""
    return f"answer {int(text) % 7}"


@tool
async def look(k: str) -> str:
    """look up"""
    return k + "!"


async def nothing(state: Any) -> dict[str, Any]:
    """A node that does nothing."""
    return {}


async def work(state: Any) -> dict[str, Any]:
    """A node that calls the tool, then answers with what it said."""
    last = state["messages"][-1]
    if last.type == "tool":
        return {"messages": [AIMessage(last.content)]}
    call = {"name": "look", "args": {"k": last.content}, "id": "1"}
    return {"messages": [AIMessage("", tool_calls=[call])]}


def onwards(state: Any) -> str:
    """To the tool where it was called."""
    return "tools" if state["messages"][-1].tool_calls else END


def looking() -> StateGraph[Any, Any]:
    """Five supersteps and one tool call, of stock LangGraph parts: supervisor, worker, tool, worker."""
    flow = StateGraph(MessagesState)
    flow.add_node("sup", nothing)
    flow.add_node("work", work)
    flow.add_node("tools", ToolNode([look]))
    flow.add_edge(START, "sup")
    flow.add_edge("sup", "work")
    flow.add_conditional_edges("work", onwards, {"tools": "tools", END: END})
    flow.add_edge("tools", "work")
    return flow


LOOKING = graph(description="Looks something up.", name="looking")(looking)


class Benchmark(Project):
    """A project that has the one graph."""

    @property
    def catalogue(self) -> Any:  # type: ignore[override]  # a benchmark's is made by hand
        """Only the graph that is measured."""
        return self

    def get(self, _name: str) -> Any:
        """It."""
        return LOOKING


def expected(text: str) -> Expectation:
    """That the answer is this text."""
    return Expectation(answer=ExpectedAnswer(equals=text))


def trivial(samples: int) -> tuple[float, float]:
    """Samples per CPU second and per second of wall, of a plain function with an exact match."""
    cases = [Case(id=f"c{at}", input=str(at), expect=expected(f"answer {at % 7}")) for at in range(samples)]
    return ours(Suite(name="trivial", cases=cases, function=answer))


def ours(suite: Suite) -> tuple[float, float]:
    """Runs of cases per CPU second and per second, results written."""
    project = Benchmark(Path())
    with tempfile.TemporaryDirectory() as folder:
        wall, cpu = time.perf_counter(), time.process_time()
        run = new_run(suite, project, Plan(), Path(folder))
        # One at a time, as the loop beside it: several at a time are cheaper each.
        done = asyncio.run(run_suite(suite, project, Plan(timeout=None, concurrency=1), run))
        spent = time.process_time() - cpu, time.perf_counter() - wall
        assert done.passed == done.total == len(suite.cases), done
    return len(suite.cases) / spent[0], len(suite.cases) / spent[1]


def bare(cases: list[Case]) -> float:
    """Invocations of the compiled graph per CPU second, with nothing around them."""
    compiled = looking().compile()

    async def run() -> None:
        for each in cases:
            state = await compiled.ainvoke({"messages": [HumanMessage(str(each.input))]})
            assert state["messages"][-1].text == f"{each.input}!"

    cpu = time.process_time()
    asyncio.run(run())
    return len(cases) / (time.process_time() - cpu)


def graph_case(many: int) -> dict[str, float]:
    """CPU milliseconds of one case: bare LangGraph, ours, the difference, and its share."""
    cases = [Case(id=f"c{at}", input=str(at), expect=expected(f"{at}!")) for at in range(many)]
    suite = Suite(name="looking", cases=cases, graph="looking", runtime="bare")
    rounds = [(1000 / bare(cases), 1000 / ours(suite)[0]) for _ in range(3)]
    floor, with_us = (statistics.median(each[at] for each in rounds) for at in (0, 1))
    added = statistics.median(b - a for a, b in rounds)
    return {"langgraph_ms": floor, "ours_ms": with_us, "added_ms": added, "added_share": added / floor}


def memory(many: int) -> dict[str, float]:
    """How much more memory ``many`` cases of a JSONL file take than 1,000, and how quick they are."""
    with tempfile.TemporaryDirectory() as folder:
        few, all_of_them = (Path(folder) / name for name in ("few.jsonl", "many.jsonl"))
        for path, count in ((few, 1_000), (all_of_them, many)):
            with path.open("w") as file:
                file.writelines(lines(count))
        ours(Suite(name="few", cases=open_dataset(few), function=answer))
        gc.collect()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        rate, _ = ours(Suite(name="many", cases=open_dataset(all_of_them), function=answer))
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"cases": many, "more_bytes": (after - before) * 1024, "per_cpu_second": rate}


def lines(count: int) -> Iterator[str]:
    """Cases as lines of JSONL, 1 kB each."""
    padding = {"note": "x" * 900}
    for at in range(count):
        told = {
            "id": f"c{at}",
            "input": str(at),
            "expect": {"answer": {"equals": f"answer {at % 7}"}},
            "slices": padding,
        }
        yield json.dumps(told) + "\n"


def main() -> int:
    """Measure, print, and end with 1 where an aim is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=1_000)
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()

    # Memory first: the highest mark of a process never comes down again.
    many = memory(given.cases)
    rounds = [trivial(given.samples) for _ in range(ROUNDS)]
    found: dict[str, Any] = {
        "trivial_per_cpu_second": statistics.median(cpu for cpu, _ in rounds),
        "trivial_per_second": statistics.median(wall for _, wall in rounds),
        "graph_case": graph_case(1_000),
        "memory": many,
    }
    case = found["graph_case"]
    print(
        f"trivial samples: {found['trivial_per_cpu_second']:,.0f} per CPU second, {found['trivial_per_second']:,.0f}/s"
    )
    print(
        f"graph case: LangGraph {case['langgraph_ms']:.2f} ms CPU, ours {case['ours_ms']:.2f} ms; "
        f"added {case['added_ms']:.3f} ms ({case['added_share']:.1%}); aim under {AIM_MS} ms and {AIM_SHARE:.0%}"
    )
    print(
        f"memory: {many['cases']:,} cases take {many['more_bytes'] / 1e6:.0f} MB more than 1,000; "
        f"{many['per_cpu_second']:,.0f} per CPU second"
    )
    if given.json:
        given.json.write_text(json.dumps(found, indent=2) + "\n")
    met: Callable[[], bool] = lambda: (  # noqa: E731  # one look at all aims
        case["added_ms"] < AIM_MS and case["added_share"] < AIM_SHARE and many["more_bytes"] < AIM_BYTES
    )
    return 0 if met() else 1


if __name__ == "__main__":
    sys.exit(main())

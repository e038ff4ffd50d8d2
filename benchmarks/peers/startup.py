"""CPU of starting up: `graphwright --help`, and importing what a developer imports first.

`python benchmarks/peers/startup.py [--rounds N] [--json]`. Each figure is the CPU (user and system) of one whole
child process, the least of N; the bare interpreter stands beside them. The exit status is 1 if `--help` fails or
costs 0.2 s or more.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

MOST_HELP_SECONDS = 0.2
BARE, HELP = "bare interpreter", "graphwright --help"


@dataclass(frozen=True)
class Start:
    """CPU seconds of one command, from start to exit."""

    what: str
    least: float
    middle: float
    problem: str = ""
    """Why it failed, if it did; then the figures mean nothing."""


def commands() -> dict[str, list[str]]:
    """What is started."""
    python = sys.executable
    script = Path(python).with_name("graphwright")
    found = {BARE: [python, "-c", "pass"], HELP: [python, str(script), "--help"]}
    for statement in (
        "import graphwright.agents",
        "from graphwright.agents import Agent; from graphwright.tools import tool",
        "from graphwright.graphs import agent_loop",
        "from graphwright.models import OpenAIModel",
        "import langgraph.graph",
        "import openai; openai.AsyncOpenAI",
    ):
        found[statement] = [python, "-c", statement]
    return found


def cpu_of(command: Sequence[str]) -> tuple[float, str]:
    """CPU seconds of one child and, if it failed, the end of what it said."""
    # PYTHONWARNINGS and the like stay: they are the user's; bytecode is written, as in any second start
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    assert child.stderr is not None
    said = child.stderr.read()
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    return used.ru_utime + used.ru_stime, said.strip()[-300:] if child.returncode else ""


def starts(rounds: int) -> list[Start]:
    """Every command once a round, interleaved; one round before the first warms the caches."""
    wanted = commands()
    spent: dict[str, list[float]] = {what: [] for what in wanted}
    problems: dict[str, str] = {}
    for number in range(rounds + 1):
        for what, command in wanted.items():
            cpu, problem = cpu_of(command)
            if problem:
                problems[what] = problem
            if number:
                spent[what].append(cpu)
    return [Start(what, min(all_), median(all_), problems.get(what, "")) for what, all_ in spent.items()]


def main() -> int:
    """Measure, print, judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10, help="how often each command is started")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    args = parser.parse_args()
    found = starts(args.rounds)
    bare = next(start for start in found if start.what == BARE)
    if args.json:
        print(json.dumps([asdict(start) for start in found], indent=1))
    else:
        print("| start | CPU ms, least | median | x bare |", "|---|---|---|---|", sep="\n")
        for start in found:
            figures = f"{1000 * start.least:.0f} | {1000 * start.middle:.0f} | {start.least / bare.least:.1f}"
            print(f"| `{start.what}` | {'failed: ' + start.problem if start.problem else figures} |")
    helped = next(start for start in found if start.what == HELP)
    return 0 if not helped.problem and helped.least < MOST_HELP_SECONDS else 1


if __name__ == "__main__":
    sys.exit(main())

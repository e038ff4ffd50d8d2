"""Steps of a process that was killed: only what may be repeated is repeated."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

KILLED = textwrap.dedent(
    """
    import asyncio, os, signal, sys
    from pathlib import Path
    from typing_extensions import TypedDict
    from langgraph.graph import START, StateGraph
    from graphwright.graphs import step
    from graphwright.runtime import Runtime, Settings

    folder, semantics, when = Path(sys.argv[1]), sys.argv[2], sys.argv[3]

    def die(at):
        if when == at:
            os.kill(os.getpid(), signal.SIGKILL)

    def write(key):
        die("before")
        with (folder / "world").open("a") as world:
            world.write(key + "\\n")
        die("after")
        return {"lines": 1}

    class State(TypedDict, total=False):
        told: dict

    async def work(state, runtime):
        await step(runtime, "first", lambda key: write_first(key))
        told = await step(runtime, "second", write, semantics=semantics)
        die("recorded")
        return {"told": told}

    def write_first(key):
        with (folder / "first").open("a") as world:
            world.write(key + "\\n")

    graph = StateGraph(State)
    graph.add_node("work", work)
    graph.add_edge(START, "work")

    async def main():
        async with Runtime(Settings(project_dir=folder, state_dir=folder / "state")) as runtime:
            found = await runtime.runs.runs(tenant="local")
            run = found[0] if found else await runtime.start("a", {"told": {}})
            async for _ in runtime.drive(run.id, graph, output=lambda state: str(state["told"])):
                pass
            run = await runtime.runs.get(run.id)
            print(run.status, run.output)

    asyncio.run(main())
    """
)


@pytest.mark.parametrize(
    ("semantics", "when", "end", "lines"),
    [
        ("at_most_once", "before", "blocked None", 0),
        ("at_most_once", "after", "blocked None", 1),
        ("idempotent", "after", "done {'lines': 1}", 2),
        ("at_most_once", "recorded", "done {'lines': 1}", 1),
    ],
)
def test_a_kill_around_a_step_repeats_only_what_may_be_repeated(
    tmp_path: Path, semantics: str, when: str, end: str, lines: int
) -> None:
    script = tmp_path / "killed.py"
    script.write_text(KILLED)

    def run(when: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(script), str(tmp_path), semantics, when]
        return subprocess.run(command, capture_output=True, text=True, timeout=100, env={**os.environ})

    assert run(when).returncode == -signal.SIGKILL
    after = run("never")

    assert after.stdout.strip() == end, after.stderr
    world = tmp_path / "world"
    keys = world.read_text().split() if world.exists() else []
    assert len(keys) == lines
    assert len(set(keys)) <= 1
    assert len((tmp_path / "first").read_text().split()) == 1

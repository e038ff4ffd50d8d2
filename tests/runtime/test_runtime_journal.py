"""The journal: an effect happens once, and where nobody knows whether it did, the run stops and asks."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from langgraph.graph import StateGraph

from graphwright.agents import Agent
from graphwright.graphs import agent_loop
from graphwright.models import ScriptedModel
from graphwright.models.script import calls
from graphwright.runtime import (
    LeaseLost,
    NotAllowed,
    NotFound,
    Run,
    Runtime,
    Settings,
)
from graphwright.tools import IdempotencyKey, Tool, ToolFailed, ToolTimedOut, tool


def settings(folder: Path) -> Settings:
    return Settings(project_dir=folder, state_dir=folder / ".graphwright")


def graph(used: Tool, *script: Any) -> StateGraph[Any, Any]:
    agent = Agent(name="clerk", description="Acts.", prompt="Act.", tools=[used], model=ScriptedModel(script))
    return agent_loop(agent)


def text_of(state: Any) -> str:
    return str(state["messages"][-1].text)


async def begin(runtime: Runtime) -> Run:
    return await runtime.start("clerk", {"messages": [{"role": "user", "content": "go"}]})


async def drive(runtime: Runtime, run: Run, machine: StateGraph[Any, Any]) -> str:
    async for _ in runtime.drive(run.id, machine, output=text_of):
        pass
    return (await runtime.runs.get(run.id)).status


def failing(error: BaseException, **labels: Any) -> tuple[Tool, list[str]]:
    """A tool that fails the first time, and what it did."""
    did: list[str] = []

    @tool(effect="write", **labels)
    async def act(what: str, *, key: IdempotencyKey) -> str:
        """Do something once."""
        did.append(key)
        if len(did) == 1:
            raise error
        return f"did {what}"

    return act, did


async def test_an_effect_that_broke_off_blocks_the_run_and_is_not_repeated(tmp_path: Path) -> None:
    act, did = failing(ConnectionResetError("peer is gone"))
    async with Runtime(settings(tmp_path)) as runtime:
        run = await begin(runtime)

        assert await drive(runtime, run, graph(act, calls("act", what="it"))) == "blocked"
        assert await drive(runtime, run, graph(act)) == "blocked"

        (entry,) = await runtime.journal.unknown()
        assert (entry.name, entry.request, entry.status) == ("act", {"what": "it"}, "unknown")
        assert len(did) == 1


@pytest.mark.parametrize("error", [TimeoutError(), ToolTimedOut("too slow"), ValueError("a bug")])
async def test_no_error_but_a_definite_failure_tells_that_nothing_happened(tmp_path: Path, error: Exception) -> None:
    act, _ = failing(error)
    async with Runtime(settings(tmp_path)) as runtime:
        run = await begin(runtime)

        assert await drive(runtime, run, graph(act, calls("act", what="it"))) == "blocked"


async def test_a_definite_failure_goes_back_to_the_model(tmp_path: Path) -> None:
    act, did = failing(ToolFailed("There is no such account."))
    async with Runtime(settings(tmp_path)) as runtime:
        run = await begin(runtime)

        assert await drive(runtime, run, graph(act, calls("act", what="it"), "sorry")) == "done"
        assert len(did) == 1


@pytest.mark.parametrize(
    ("resolution", "runs", "told"),
    [("happened", 1, "receipt 7"), ("retry", 2, "did it"), ("abandon", 1, "receipt 7")],
)
async def test_a_person_resolves_an_unknown_outcome(tmp_path: Path, resolution: Any, runs: int, told: str) -> None:
    act, did = failing(ConnectionResetError())
    async with Runtime(settings(tmp_path)) as runtime:
        run = await begin(runtime)
        await drive(runtime, run, graph(act, calls("act", what="it")))
        (entry,) = await runtime.journal.unknown()

        await runtime.journal.resolve(entry.id, resolution, by="ann", note="receipt 7")
        status = await drive(runtime, run, graph(act, lambda request: request.messages[-1].text))

        assert status == "done"
        assert (await runtime.runs.get(run.id)).output == told
        assert len(did) == runs
        assert len(set(did)) == 1


async def test_an_outcome_is_resolved_once(tmp_path: Path) -> None:
    act, _ = failing(ConnectionResetError())
    async with Runtime(settings(tmp_path)) as runtime:
        run = await begin(runtime)
        await drive(runtime, run, graph(act, calls("act", what="it")))
        (entry,) = await runtime.journal.unknown()
        await runtime.journal.resolve(entry.id, "happened", by="ann")

        with pytest.raises(NotAllowed, match="is known: happened"):
            await runtime.journal.resolve(entry.id, "retry", by="bob")
        with pytest.raises(NotFound):
            await runtime.journal.resolve("call_x", "retry", by="bob")


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (True, "act was carried out; its answer was lost, and it was not repeated."),
        ("It was paid.", "It was paid."),
        (False, "act failed: ConnectionResetError: "),
    ],
)
async def test_a_probe_answers_so_that_nobody_has_to_be_asked(tmp_path: Path, answer: Any, told: str) -> None:
    async def probe(key: str) -> Any:
        return answer

    act, did = failing(ConnectionResetError(), probe=probe)
    async with Runtime(settings(tmp_path)) as runtime:
        run = await begin(runtime)
        machine = graph(act, calls("act", what="it"), lambda request: request.messages[-1].text)

        assert await drive(runtime, run, machine) == "done"
        assert (await runtime.runs.get(run.id)).output == told
        assert len(did) == 1


async def test_a_model_is_not_asked_again_for_what_it_has_decided(tmp_path: Path) -> None:
    looking = asyncio.Event()

    @tool(effect="read")
    async def look() -> str:
        """Look, or be stopped while looking."""
        looking.set()
        await asyncio.sleep(30)
        return "seen"

    @tool(effect="read", name="look")
    async def look_at_once() -> str:
        """Look without delay."""
        return "seen"

    async with Runtime(settings(tmp_path)) as runtime:
        run = await begin(runtime)
        task = asyncio.create_task(drive(runtime, run, graph(look, calls("look"))))
        await looking.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

        look_again = graph(look_at_once, "It was asked once more.")
        assert await drive(runtime, run, look_again) == "done"
        usage = (await runtime.runs.get(run.id)).usage

    assert usage["model_calls"] == 2


async def test_a_writer_whose_lease_was_taken_can_write_neither_journal_nor_checkpoint(tmp_path: Path) -> None:
    entered, go_on = asyncio.Event(), asyncio.Event()

    @tool(effect="write")
    async def act() -> str:
        """Wait in the middle of an effect."""
        entered.set()
        await go_on.wait()
        return "done"

    async with Runtime(settings(tmp_path)) as runtime:
        run = await begin(runtime)
        task = asyncio.create_task(drive(runtime, run, graph(act, calls("act"), "never")))
        await entered.wait()
        with sqlite3.connect(settings(tmp_path).database, timeout=30) as other:
            other.execute("UPDATE leases SET epoch = epoch + 1, owner = 'another'")
        other.close()
        go_on.set()

        with pytest.raises((LeaseLost, asyncio.CancelledError)):
            await task

        (entry,) = [each for each in await runtime.journal.of_run(run.id) if each.kind == "tool"]
        assert entry.status == "intent"


KILLED = textwrap.dedent(
    """
    import asyncio, os, signal, sys
    from pathlib import Path
    from graphwright.agents import Agent
    from graphwright.graphs import agent_loop
    from graphwright.models import ScriptedModel
    from graphwright.models.script import calls
    from graphwright.runtime import Runtime, Settings
    from graphwright.tools import IdempotencyKey, tool

    folder, once, when = Path(sys.argv[1]), sys.argv[2] == "once", sys.argv[3]

    @tool(effect="write", once=once)
    async def act(*, key: IdempotencyKey) -> str:
        '''Write one line into the world.'''
        if when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        with (folder / "world").open("a") as world:
            world.write(key + "\\n")
        if when == "after":
            os.kill(os.getpid(), signal.SIGKILL)
        return "done"

    async def main():
        agent = Agent(name="a", description="d", prompt="p", tools=[act],
                      model=ScriptedModel([] if when == "never" else [calls("act")]) if when != "never"
                      else ScriptedModel(["finished"]))
        async with Runtime(Settings(project_dir=folder, state_dir=folder / "state")) as runtime:
            found = await runtime.runs.runs(tenant="local")
            run = found[0] if found else await runtime.start("a", {"messages": [{"role": "user", "content": "go"}]})
            async for _ in runtime.drive(run.id, agent_loop(agent), output=lambda s: s["messages"][-1].text):
                pass
            print((await runtime.runs.get(run.id)).status)

    asyncio.run(main())
    """
)


@pytest.fixture
def process(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    script = tmp_path / "killed.py"
    script.write_text(KILLED)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(script), str(tmp_path), *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=100, env={**os.environ})

    return run


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_kill_around_an_effect_that_counts_once_stops_at_unknown_outcome(
    process: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path, when: str
) -> None:
    assert process("once", when).returncode == -signal.SIGKILL
    done_before = (tmp_path / "world").exists()

    after = process("once", "never")

    assert after.stdout.strip() == "blocked", after.stderr
    assert done_before == (when == "after")


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_kill_around_an_idempotent_effect_repeats_it_under_the_same_key(
    process: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path, when: str
) -> None:
    assert process("again", when).returncode == -signal.SIGKILL

    after = process("again", "never")

    assert after.stdout.strip() == "done", after.stderr
    keys = (tmp_path / "world").read_text().split()
    assert len(keys) == (2 if when == "after" else 1)
    assert len(set(keys)) == 1

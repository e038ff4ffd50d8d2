"""What happens when things cross: zombies, siblings, several questions in one node, disks that fail in the middle."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime as GraphRuntime
from langgraph.types import interrupt

from graphwright.agents import Agent
from graphwright.graphs import AgentState, agent_loop
from graphwright.graphs.calls import use_tool
from graphwright.models import ScriptedModel
from graphwright.models.script import calls
from graphwright.runtime import (
    Approve,
    LeaseLost,
    Respond,
    Run,
    RunContext,
    Runtime,
    Settings,
    StateFolderError,
)
from graphwright.runtime.leases import Leases
from graphwright.tools import IdempotencyKey, Tool, ToolFailed, tool


def settings(folder: Path) -> Settings:
    return Settings(project_dir=folder, state_dir=folder / ".graphwright")


@pytest.fixture
async def runtime(tmp_path: Path) -> AsyncIterator[Runtime]:
    async with Runtime(settings(tmp_path)) as opened:
        yield opened


class World:
    """What happened, and tools that make things happen."""

    def __init__(self) -> None:
        self.did: list[str] = []

        @tool(effect="write")
        async def pay(item: str, *, key: IdempotencyKey) -> str:
            """Pay for an item."""
            self.did.append(item)
            return f"paid {item}"

        @tool(effect="write", approval="Moves money back.")
        async def refund(item: str) -> str:
            """Refund an item."""
            self.did.append(item)
            return f"refunded {item}"

        self.pay, self.refund = pay, refund


@pytest.fixture
def world() -> World:
    return World()


def loop(used: list[Tool], *script: Any) -> StateGraph[Any, Any]:
    return agent_loop(Agent(name="clerk", description="Acts.", prompt="Act.", tools=used, model=ScriptedModel(script)))


def text_of(state: Any) -> str:
    return str(state["messages"][-1].text)


async def begin(runtime: Runtime) -> Run:
    return await runtime.start("clerk", {"messages": [{"role": "user", "content": "go"}]})


async def drive(runtime: Runtime, run: Run, graph: StateGraph[Any, Any]) -> str:
    async for _ in runtime.drive(run.id, graph, output=text_of):
        pass
    return (await runtime.runs.get(run.id)).status


async def takeover(folder: Path) -> None:
    with sqlite3.connect(settings(folder).database, timeout=30) as other:
        other.execute("UPDATE leases SET epoch = epoch + 1, owner = 'elsewhere:1:0', expires = 9e9")
    other.close()


async def until(condition: Callable[[], Awaitable[Any]]) -> None:
    for _ in range(3000):
        if await condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("It never came to that.")


async def stopped(task: asyncio.Task[Any]) -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


# --- Siblings


async def test_siblings_that_a_crash_left_undone_run_before_anybody_is_waited_for(
    runtime: Runtime, world: World
) -> None:
    entered = asyncio.Event()

    @tool(effect="write", once=False, name="note")
    async def stuck(item: str) -> str:
        """Never come back."""
        entered.set()
        await asyncio.sleep(60)
        return ""

    @tool(effect="write", once=False)
    async def note(item: str) -> str:
        """Write an item down."""
        world.did.append(item)
        return ""

    run = await begin(runtime)
    made = [calls("refund", item="r"), calls("note", item="n")]
    task = asyncio.create_task(drive(runtime, run, loop([world.refund, stuck], made)))
    await entered.wait()
    await until(runtime.approvals.pending)
    await asyncio.sleep(0.2)
    await stopped(task)

    assert await drive(runtime, run, loop([world.refund, note])) == "waiting"
    assert world.did == ["n"]


async def test_an_effect_that_a_failing_sibling_cut_off_is_listed_as_unknown(runtime: Runtime) -> None:
    entered = asyncio.Event()

    @tool(effect="write")
    async def slow() -> str:
        """Take long over an effect."""
        entered.set()
        await asyncio.sleep(60)
        return ""

    @tool(effect="read", ends_run=True)
    async def fail() -> str:
        """End the run."""
        await entered.wait()
        raise ToolFailed("It is over.")

    run = await begin(runtime)

    assert await drive(runtime, run, loop([slow, fail], [calls("slow"), calls("fail")])) == "failed"
    assert [entry.name for entry in await runtime.journal.unknown()] == ["slow"]


async def test_a_failed_run_withdraws_its_questions(runtime: Runtime, world: World) -> None:
    @tool(effect="read", ends_run=True)
    async def fail() -> str:
        """End the run, once the sibling's question is on disk."""
        await until(runtime.approvals.pending)
        raise ToolFailed("It is over.")

    run = await begin(runtime)

    made = [calls("refund", item="r"), calls("fail")]
    assert await drive(runtime, run, loop([world.refund, fail], made)) == "failed"
    assert await runtime.approvals.pending() == []


# --- Several questions in one node


def node_graph(node: Any) -> StateGraph[Any, Any]:
    graph = StateGraph(AgentState, context_schema=RunContext).add_node("node", node)
    return graph.add_edge(START, "node").add_edge("node", END)


async def test_an_approval_is_not_the_answer_to_the_bare_interrupt_after_it(runtime: Runtime, world: World) -> None:
    async def node(state: AgentState, runtime: GraphRuntime[RunContext]) -> dict[str, Any]:
        await use_tool(world.refund, {"item": "r"}, runtime, agent="desk", key="refund")
        return {"messages": [("ai", f"Hello {interrupt('What is your name?')}")]}

    run = await begin(runtime)
    assert await drive(runtime, run, node_graph(node)) == "waiting"
    (approval,) = await runtime.approvals.pending()
    await runtime.decide(approval.id, Approve())

    assert await drive(runtime, run, node_graph(node)) == "waiting"
    (question,) = await runtime.approvals.pending()
    await runtime.decide(question.id, Respond("Ada"))

    assert await drive(runtime, run, node_graph(node)) == "done"
    assert (await runtime.runs.get(run.id)).output == "Hello Ada"
    assert world.did == ["r"]


async def test_two_equal_bare_interrupts_in_one_node_are_two_questions(runtime: Runtime) -> None:
    async def node(state: AgentState) -> dict[str, Any]:
        first, second = interrupt("Go on?"), interrupt("Go on?")
        return {"messages": [("ai", f"{first} {second}")]}

    run = await begin(runtime)
    for answer in ("yes", "no"):
        assert await drive(runtime, run, node_graph(node)) == "waiting"
        (question,) = await runtime.approvals.pending()
        await runtime.decide(question.id, Respond(answer))

    assert await drive(runtime, run, node_graph(node)) == "done"
    assert (await runtime.runs.get(run.id)).output == "yes no"


async def test_an_interrupt_inside_a_tool_is_a_question_and_no_unknown_outcome(runtime: Runtime, world: World) -> None:
    @tool(effect="write")
    async def deliver() -> str:
        """Ask where to, and deliver."""
        where = interrupt("Where to?")
        world.did.append(where)
        return f"delivered to {where}"

    run = await begin(runtime)
    assert await drive(runtime, run, loop([deliver], calls("deliver"))) == "waiting"
    (question,) = await runtime.approvals.pending()
    await runtime.decide(question.id, Respond("Paris"))

    assert await drive(runtime, run, loop([deliver], "finished")) == "done"
    assert world.did == ["Paris"]


# --- Disks that fail, graphs that differ


@pytest.mark.parametrize("write", ["begin", "end"])
async def test_a_journal_that_cannot_be_written_stops_the_run_and_not_just_the_call(
    runtime: Runtime, world: World, monkeypatch: pytest.MonkeyPatch, write: str
) -> None:
    """Were the model told, it would call again: under a new key, so the effect would happen twice."""

    async def full(*_args: Any, **_named: Any) -> Any:
        raise StateFolderError("The database is full.")

    run = await begin(runtime)
    with monkeypatch.context() as patched:
        patched.setattr(runtime.journal, write, full)
        status = await drive(runtime, run, loop([world.pay], calls("pay", item="a"), "gave up"))

    after = await runtime.runs.get(run.id)
    assert (status, "is full" in str(after.error)) == ("queued", True)
    again = await drive(runtime, run, loop([world.pay], "finished"))
    assert again == ("done" if write == "begin" else "blocked")
    assert world.did == ["a"]


async def test_a_checkpoint_that_cannot_be_written_leaves_the_run_resumable(runtime: Runtime, world: World) -> None:
    saver = await runtime._checkpointer()
    put = saver.aput

    async def full(*args: Any, **named: Any) -> Any:
        if world.did:
            raise sqlite3.OperationalError("database or disk is full")
        return await put(*args, **named)

    run = await begin(runtime)
    saver.aput = full  # type: ignore[method-assign]  # a disk that fills up
    assert await drive(runtime, run, loop([world.pay], calls("pay", item="a"), "finished")) == "queued"
    saver.aput = put  # type: ignore[method-assign]  # and is emptied

    assert await drive(runtime, run, loop([world.pay], "finished")) == "done"
    assert world.did == ["a"]


async def test_a_call_that_differs_when_it_comes_by_again_fails_the_run(runtime: Runtime, world: World) -> None:
    items = iter("ab")

    async def node(state: AgentState, runtime: GraphRuntime[RunContext]) -> dict[str, Any]:
        await use_tool(world.pay, {"item": next(items)}, runtime, agent="desk", key="pay")
        await asyncio.sleep(0 if len(world.did) > 1 else 60)
        return {"messages": [("ai", "finished")]}

    run = await begin(runtime)
    task = asyncio.create_task(drive(runtime, run, node_graph(node)))

    async def is_paid() -> bool:
        return any(entry.status == "done" for entry in await runtime.journal.of_run(run.id))

    await until(is_paid)
    await stopped(task)

    assert await drive(runtime, run, node_graph(node)) == "failed"
    assert "other arguments" in str((await runtime.runs.get(run.id)).error)
    assert world.did == ["a"]


# --- Zombies


async def test_a_writer_that_lost_its_lease_leaves_the_status_to_the_next_one(runtime: Runtime, tmp_path: Path) -> None:
    entered = asyncio.Event()

    @tool(effect="write")
    async def act() -> str:
        """Stay in the middle of an effect."""
        entered.set()
        await asyncio.sleep(60)
        return ""

    run = await begin(runtime)
    task = asyncio.create_task(drive(runtime, run, loop([act], calls("act"))))
    await entered.wait()
    await takeover(tmp_path)

    with pytest.raises(LeaseLost, match="Another process"):
        await task
    assert (await runtime.runs.get(run.id)).status == "running"


async def test_a_writer_that_lost_its_lease_asks_nobody(runtime: Runtime, world: World, tmp_path: Path) -> None:
    entered, go_on = asyncio.Event(), asyncio.Event()

    async def node(state: AgentState, runtime: GraphRuntime[RunContext]) -> dict[str, Any]:
        entered.set()
        await go_on.wait()
        await use_tool(world.refund, {"item": "r"}, runtime, agent="desk", key="refund")
        return {}

    run = await begin(runtime)
    task = asyncio.create_task(drive(runtime, run, node_graph(node)))
    await entered.wait()
    await takeover(tmp_path)
    go_on.set()

    with pytest.raises(LeaseLost):
        await task
    assert await runtime.approvals.pending() == []


async def test_a_lease_is_kept_although_it_could_not_be_renewed_once(
    runtime: Runtime, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures = iter([StateFolderError("database is locked")])
    real = Leases._set

    async def once_locked(self: Leases, *args: Any, **values: Any) -> bool:
        if error := next(failures, None):
            raise error
        return await real(self, *args, **values)

    monkeypatch.setattr("graphwright.runtime.leases.WATCH_SECONDS", 0.05)
    monkeypatch.setattr(Leases, "_set", once_locked)

    @tool(effect="read")
    async def wait() -> str:
        """Wait a while."""
        await asyncio.sleep(0.3)
        return ""

    run = await begin(runtime)

    assert await drive(runtime, run, loop([wait], calls("wait"), "finished")) == "done"


ZOMBIE = textwrap.dedent(
    """
    import asyncio, os, signal, sys
    from pathlib import Path
    from graphwright.agents import Agent
    from graphwright.graphs import agent_loop
    from graphwright.models import ScriptedModel
    from graphwright.models.script import When, calls
    from graphwright.runtime import Runtime, Settings
    from graphwright.tools import IdempotencyKey, tool

    folder, role = Path(sys.argv[1]), sys.argv[2]

    @tool(effect="write", once=False, trusted=True)
    async def act(step: str, *, key: IdempotencyKey) -> str:
        '''Write one line into the world.'''
        with (folder / "world").open("a") as world:
            world.write(f"{step} {key}\\n")
        if role == "zombie" and step == "two":
            os.kill(os.getpid(), signal.SIGSTOP)
        return "done"

    async def main():
        said = [calls("act", step="one"), calls("act", step="two"), calls("act", step="three"), "finished"]
        turn = lambda request: said[sum(each.type == "ai" for each in request.messages)]
        agent = Agent(name="a", description="d", prompt="p", tools=[act],
                      model=ScriptedModel([When(lambda _: True, turn, times=None)]))
        async with Runtime(Settings(project_dir=folder, state_dir=folder / ".graphwright")) as runtime:
            found = await runtime.runs.runs(tenant="local")
            run = found[0] if found else await runtime.start("a", {"messages": [{"role": "user", "content": "go"}]})
            try:
                async for _ in runtime.drive(run.id, agent_loop(agent), output=lambda s: s["messages"][-1].text):
                    pass
            except Exception as error:
                print(type(error).__name__, error)
            print((await runtime.runs.get(run.id)).status)

    asyncio.run(main())
    """
)


def rows(database: Path) -> list[Any]:
    connection = sqlite3.connect(database, timeout=30)
    tables = ("journal", "checkpoints", "writes", "approvals", "runs", "leases")
    found = [sorted(connection.execute(f"SELECT * FROM {table}").fetchall(), key=repr) for table in tables]
    connection.close()
    return found


def test_a_process_that_wakes_up_after_another_has_finished_its_run_writes_nothing(tmp_path: Path) -> None:
    script = tmp_path / "zombie.py"
    script.write_text(ZOMBIE)
    database = settings(tmp_path).database
    command = [sys.executable, str(script), str(tmp_path)]
    with subprocess.Popen([*command, "zombie"], stdout=subprocess.PIPE, text=True) as zombie:
        os.waitpid(zombie.pid, os.WUNTRACED)
        connection = sqlite3.connect(database, timeout=30)
        connection.execute("UPDATE leases SET expires = ?", (time.time() - 1,))
        connection.commit()
        connection.close()

        second = subprocess.run([*command, "second"], capture_output=True, text=True, timeout=100, check=False)
        finished = rows(database)
        os.kill(zombie.pid, signal.SIGCONT)
        said, _ = zombie.communicate(timeout=60)

    assert second.stdout.split() == ["done"], second.stderr
    assert "LeaseLost Another process has taken thread" in said
    assert rows(database) == finished
    happened = [line.split()[0] for line in dict.fromkeys((tmp_path / "world").read_text().splitlines())]
    assert happened == ["one", "two", "three"]

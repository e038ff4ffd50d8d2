"""Sealing a folder that was written in clear: all of it, after any kill, and only where nobody works in it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from langgraph.graph import StateGraph

from graphwright.agents import Agent
from graphwright.cli.app import run as command
from graphwright.graphs import agent_loop
from graphwright.models import ScriptedModel
from graphwright.models.script import calls
from graphwright.runtime import Approve, Runtime, Settings, StateFolderError, ThreadBusy
from graphwright.runtime.pruning import prune_thread
from graphwright.runtime.replaying import replay
from graphwright.runtime.sealed_rows import PRIVATE
from graphwright.runtime.sealing import SEAL_KEYS, SealBroken, SealKeyMissing
from graphwright.runtime.sealing_in_place import SealedFolder, seal_folder
from graphwright.tools import tool

K1 = "k1:" + "MTEx" * 10 + "MTE="
K2 = "k2:" + "MjIy" * 10 + "MjI="
WORDS = ("the-question", "the-note", "the-result", "the-answer", "the-comment", "the-title", "the-deleted")
KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from graphwright.runtime import Settings
from graphwright.runtime.sealing_in_place import seal_folder

left = int(sys.argv[2])

def tell(done, total, table):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)

folder = Path(sys.argv[1])
asyncio.run(seal_folder(Settings(project_dir=folder, state_dir=folder / "state", seal=True), tell=tell, batch=2))
"""


class World:
    """A tool that pays, and what it paid."""

    def __init__(self) -> None:
        self.paid: list[int] = []

        @tool(effect="write", approval="Moves money.")
        async def pay(amount: int, note: str) -> str:
            """Pay an amount."""
            self.paid.append(amount)
            return "the-result"

        self.pay = pay

    def graph(self, *script: Any) -> StateGraph[Any, Any]:
        return agent_loop(
            Agent(name="clerk", description="Pays.", prompt="Pay.", tools=[self.pay], model=ScriptedModel(script))
        )


def settings(folder: Path, **changes: Any) -> Settings:
    return Settings(project_dir=folder, state_dir=folder / "state", **{"seal": True, **changes})


async def drive(runtime: Runtime, run_id: str, graph: Any) -> str:
    async for _ in runtime.drive(run_id, graph, output=lambda state: str(state["messages"][-1].text)):
        pass
    return (await runtime.runs.get(run_id)).status


async def asked(runtime: Runtime, world: World, title: str = "the-title") -> str:
    run = await runtime.start("clerk", {"messages": [{"role": "user", "content": "the-question"}]}, title=title)
    assert await drive(runtime, run.id, world.graph(calls("pay", amount=5, note="the-note"))) == "waiting"
    return run.id


async def answered(runtime: Runtime, world: World, run_id: str) -> str:
    for each in await runtime.approvals.pending(run_id=run_id):
        await runtime.decide(each.id, Approve("the-comment"), by="ann")
    return await drive(runtime, run_id, world.graph("the-answer"))


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SEAL_KEYS, K1)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
async def plain(tmp_path: Path, world: World) -> tuple[str, str]:
    """A folder written in clear, with a run that is done and one that waits; something in it was deleted."""
    async with Runtime(settings(tmp_path, seal=False)) as runtime:
        done, waiting = await asked(runtime, world), await asked(runtime, world, "sealed:1:not:really")
        await answered(runtime, world, done)
        gone = await runtime.start("clerk", {"messages": [{"role": "user", "content": "the-deleted" * 50}]})
    with sqlite3.connect(tmp_path / "state" / "graphwright.db") as database:
        database.execute("PRAGMA secure_delete = OFF")
        database.execute("DELETE FROM runs WHERE id = ?", [gone.id])
        database.execute("DELETE FROM threads WHERE id = ?", [gone.thread_id])
    database.close()
    return done, waiting


def stored(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in (folder / "state").iterdir() if path.is_file())


def readable(folder: Path) -> list[str]:
    found = stored(folder)
    return [word for word in WORDS if word.encode() in found]


def in_database(folder: Path, statement: str) -> list[Any]:
    connection = sqlite3.connect(folder / "state" / "graphwright.db")
    with connection:
        rows = connection.execute(statement).fetchall()
    connection.close()
    return rows


def kill_after(transactions: int, folder: Path) -> None:
    """Seal the folder in a process that is killed after so many transactions."""
    child = [sys.executable, "-c", KILLED, str(folder), str(transactions)]
    ended = subprocess.run(child, env={**os.environ, SEAL_KEYS: K1}, timeout=60, check=False)
    assert ended.returncode == -signal.SIGKILL


async def goes_on(folder: Path, world: World, plain: tuple[str, str]) -> None:
    """What was done is there and replays, and what waited ends."""
    done, waiting = plain
    async with Runtime(settings(folder)) as runtime:
        run = await runtime.runs.get(done)
        assert (run.output, run.input["messages"][0]["content"]) == ("the-answer", "the-question")
        assert {each.title for each, _, _ in await runtime.runs.threads(tenant="local")} == {
            "the-title",
            "sealed:1:not:really",
        }
        assert (await replay(runtime, world.graph(), done)).verdict == "same"
        assert await answered(runtime, world, waiting) == "done"
        assert (await prune_thread(runtime, run.thread_id, keep=1)).kept
        assert (await runtime.approvals.of_run(done))[0].decision == Approve("the-comment")
    assert world.paid == [5, 5]
    assert not [word for word in WORDS if word.encode() in stored(folder)]


async def test_a_folder_in_clear_is_sealed_and_its_runs_go_on(
    tmp_path: Path, world: World, plain: tuple[str, str]
) -> None:
    assert readable(tmp_path) == list(WORDS)

    sealed = await seal_folder(settings(tmp_path))

    assert readable(tmp_path) == []
    assert {name for name, count in sealed.rows.items() if count} == {*PRIVATE, "checkpoints", "writes"}
    await goes_on(tmp_path, world, plain)


@pytest.mark.parametrize("transactions", [1, 4, 9, 16])
async def test_what_a_kill_broke_off_is_opened_by_nobody_and_gone_on_with(
    tmp_path: Path, world: World, plain: tuple[str, str], transactions: int
) -> None:
    kill_after(transactions, tmp_path)

    with pytest.raises(SealBroken, match="Finish it with: graphwright seal"):
        async with Runtime(settings(tmp_path)):
            pass
    with pytest.raises(SealKeyMissing, match="sealing is off"):
        async with Runtime(settings(tmp_path, seal=False)):
            pass
    left = await seal_folder(settings(tmp_path), dry_run=True)
    sealed = await seal_folder(settings(tmp_path))

    assert sealed.total > 0
    assert left.total <= sealed.total <= left.total + 1  # a title that says it is sealed is not counted as in clear
    await goes_on(tmp_path, world, plain)


async def test_a_newer_key_may_go_on_with_it_and_both_are_needed_after_that(
    tmp_path: Path, world: World, plain: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    kill_after(6, tmp_path)
    monkeypatch.setenv(SEAL_KEYS, K2)
    with pytest.raises(SealKeyMissing, match="'k1'"):
        await seal_folder(settings(tmp_path))

    monkeypatch.setenv(SEAL_KEYS, f"{K2},{K1}")
    await seal_folder(settings(tmp_path))

    await goes_on(tmp_path, world, plain)
    for key in (K1, K2):
        monkeypatch.setenv(SEAL_KEYS, key)
        with pytest.raises(SealKeyMissing):
            async with Runtime(settings(tmp_path)):
                pass


async def test_a_rehearsal_counts_and_changes_nothing(tmp_path: Path, world: World, plain: tuple[str, str]) -> None:
    counted = await seal_folder(settings(tmp_path), dry_run=True)

    assert counted.rows["runs"] == 2
    assert readable(tmp_path) == list(WORDS)
    async with Runtime(settings(tmp_path, seal=False)) as runtime:
        assert await answered(runtime, world, plain[1]) == "done"


async def test_sealing_twice_does_nothing_and_does_not_seal_what_somebody_put_in_later(
    tmp_path: Path, plain: tuple[str, str]
) -> None:
    await seal_folder(settings(tmp_path))
    in_database(tmp_path, "DROP TRIGGER sealed_update_runs")
    in_database(tmp_path, "UPDATE runs SET output = '\"forged\"'")

    assert await seal_folder(settings(tmp_path)) == SealedFolder(was_sealed=True)

    async with Runtime(settings(tmp_path)) as runtime:
        with pytest.raises(SealBroken, match="is not sealed"):
            await runtime.runs.get(plain[0])


async def test_a_sealed_folder_without_its_mark_is_not_sealed_anew(tmp_path: Path, plain: tuple[str, str]) -> None:
    await seal_folder(settings(tmp_path))
    in_database(tmp_path, "DROP TABLE sealing")

    with pytest.raises(SealBroken, match="its mark is gone"):
        await seal_folder(settings(tmp_path))


async def test_it_is_refused_while_a_run_is_driven(tmp_path: Path, plain: tuple[str, str]) -> None:
    async with Runtime(settings(tmp_path, seal=False)) as runtime:
        thread = (await runtime.runs.get(plain[1])).thread_id
        epoch = await runtime.leases.take(thread)

        with pytest.raises(ThreadBusy, match=f"Nothing was sealed: .*{thread}"):
            await seal_folder(settings(tmp_path))

        await runtime.leases.give_back(thread, epoch)
    assert readable(tmp_path) == list(WORDS)


async def test_who_has_it_open_unsealed_can_write_nothing_any_more(
    tmp_path: Path, world: World, plain: tuple[str, str]
) -> None:
    async with Runtime(settings(tmp_path, seal=False)) as runtime:
        await seal_folder(settings(tmp_path))

        with pytest.raises(StateFolderError, match="It was sealed after this process had opened it"):
            await runtime.start("clerk", {"messages": [{"role": "user", "content": "the-question"}]})
        with pytest.raises(StateFolderError, match="It was sealed after"):
            await runtime.leases.take("thread_x")

    await goes_on(tmp_path, world, plain)


async def test_threads_of_another_tenant_are_not_sealed_for_this_one(tmp_path: Path, plain: tuple[str, str]) -> None:
    async with Runtime(settings(tmp_path, seal=False, tenant="other")) as runtime:
        await runtime.start("clerk", {"messages": []})

    with pytest.raises(SealBroken, match="threads of 'other' beside tenant 'local'"):
        await seal_folder(settings(tmp_path))


def cli(folder: Path, *arguments: str) -> int:
    return command([*arguments, "--project", str(folder), "--state", str(folder / "state")])


async def test_the_command_line_tells_of_it_before_and_after(
    tmp_path: Path, plain: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "graphwright.toml").write_text("seal = true\n", encoding="utf-8")

    def called(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        status = cli(tmp_path, *arguments)
        return status, *capsys.readouterr()

    refused = await asyncio.to_thread(called, "runs")
    rehearsed = await asyncio.to_thread(called, "seal", "--dry-run")
    sealed = await asyncio.to_thread(called, "seal", "--json")
    again = await asyncio.to_thread(called, "seal")

    assert (refused[0], "`graphwright seal`" in refused[2]) == (1, True)
    assert (rehearsed[0], "would be sealed. Nothing was written" in rehearsed[2]) == (0, True)
    assert "runs" in rehearsed[1]
    assert sealed[0] == 0
    assert json.loads(sealed[1])["rows"]["runs"] == 2
    assert (again[0], "sealed already" in again[2]) == (0, True)
    assert (await asyncio.to_thread(called, "runs"))[0] == 0


def test_the_command_line_asks_for_the_setting_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli(tmp_path, "seal") == 2

    assert "Set `seal = true`" in capsys.readouterr().err

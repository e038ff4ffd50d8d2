"""Sealing switched on: runs work as before, nothing of what they hold is readable, and nothing unsealed is read."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from langgraph.graph import StateGraph

from graphwright.agents import Agent
from graphwright.cli.app import run as command
from graphwright.graphs import agent_loop
from graphwright.models import ScriptedModel
from graphwright.models.script import calls
from graphwright.runtime import Approve, Edit, NotFound, Runtime, RuntimeProblem, Settings
from graphwright.runtime.keys import KeysError
from graphwright.runtime.pruning import prune_thread
from graphwright.runtime.replaying import replay
from graphwright.runtime.sealed_rows import PRIVATE
from graphwright.runtime.sealing import SEAL_KEYS, SealBroken, SealingUnavailable, SealKeyMissing
from graphwright.tools import tool

K1 = "k1:" + "MTEx" * 10 + "MTE="
K2 = "k2:" + "MjIy" * 10 + "MjI="
WRONG = "k1:" + "MzMz" * 10 + "MzM="
WORDS = ("the-question", "the-note", "the-result", "the-answer", "the-comment", "the-title", "the-edit", "the-option")


class World:
    """A tool that pays, and what it paid."""

    def __init__(self) -> None:
        self.paid: list[tuple[int, str]] = []

        @tool(effect="write", approval="Moves money.")
        async def pay(amount: int, note: str) -> str:
            """Pay an amount."""
            self.paid.append((amount, note))
            return "the-result"

        self.pay = pay

    def graph(self, *script: Any) -> StateGraph[Any, Any]:
        model = ScriptedModel(script or (calls("pay", amount=5, note="the-note"), "the-answer"))
        return agent_loop(Agent(name="clerk", description="Pays.", prompt="Pay.", tools=[self.pay], model=model))


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SEAL_KEYS, K1)


@pytest.fixture
def world() -> World:
    return World()


def settings(folder: Path, **changes: Any) -> Settings:
    return Settings(project_dir=folder, state_dir=folder / "state", **{"seal": True, **changes})


def text_of(state: Mapping[str, Any]) -> str:
    return str(state["messages"][-1].text)


async def drive(runtime: Runtime, run_id: str, graph: Any) -> str:
    async for _ in runtime.drive(run_id, graph, output=text_of):
        pass
    return (await runtime.runs.get(run_id)).status


async def asked(folder: Path, world: World) -> str:
    """A run that waits for an approval."""
    async with Runtime(settings(folder)) as runtime:
        values = {"messages": [{"role": "user", "content": "the-question"}]}
        run = await runtime.start("clerk", values, title="the-title", options={"tools": ["the-option"]})
        assert await drive(runtime, run.id, world.graph()) == "waiting"
        return run.id


async def approved(folder: Path, world: World, run_id: str) -> str:
    async with Runtime(settings(folder)) as runtime:
        for each in await runtime.approvals.pending():
            await runtime.decide(each.id, Edit({"amount": 6, "note": "the-edit"}, "the-comment"), by="ann")
        return await drive(runtime, run_id, world.graph("the-answer"))


def attack(folder: Path, *statements: str) -> None:
    connection = sqlite3.connect(folder / "state" / "graphwright.db")
    with connection:
        for each in statements:
            assert connection.execute(each).rowcount != 0, each
    connection.close()


def stored(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in (folder / "state").iterdir() if path.is_file())


async def test_a_sealed_run_ends_as_any_other_and_nothing_of_it_is_readable(tmp_path: Path, world: World) -> None:
    run_id = await asked(tmp_path, world)
    assert not [word for word in WORDS if word.encode() in stored(tmp_path)]

    assert await approved(tmp_path, world, run_id) == "done"

    assert world.paid == [(6, "the-edit")]
    assert not [word for word in WORDS if word.encode() in stored(tmp_path)]
    async with Runtime(settings(tmp_path)) as runtime:
        run = await runtime.runs.get(run_id)
        (thread, runs, _status) = (await runtime.runs.threads(tenant="local"))[0]
        (approval,) = await runtime.approvals.of_run(run_id)
        entries = await runtime.journal.of_run(run_id)
        assert (run.output, run.options["tools"]) == ("the-answer", ["the-option"])
        assert run.input["messages"][0]["content"] == "the-question"
        assert (thread.title, runs) == ("the-title", 1)
        assert approval.original_arguments == {"amount": 5, "note": "the-note"}
        assert approval.steps[0].comment or approval.decision == Edit({"amount": 6, "note": "the-edit"}, "the-comment")
        assert [each.outcome["content"] for each in entries if each.name == "pay"] == ["the-result"]
        assert (await replay(runtime, world.graph(), run_id)).verdict == "same"
        assert (await prune_thread(runtime, run.thread_id, keep=1)).kept


async def test_every_private_column_is_sealed_on_insert_and_on_update(tmp_path: Path, world: World) -> None:
    run_id = await asked(tmp_path, world)
    await approved(tmp_path, world, run_id)

    connection = sqlite3.connect(tmp_path / "state" / "graphwright.db")
    for table, (columns, _place) in PRIVATE.items():
        for column in columns:
            rows = connection.execute(f"SELECT {column} FROM {table} WHERE {column} IS NOT NULL").fetchall()
            assert all(value.startswith("sealed:1:text+aes256gcm.k1:") for (value,) in rows), (table, column)
    connection.close()


PLAIN = {
    "runs.input": "UPDATE runs SET input = '{}'",
    "runs.options": "UPDATE runs SET options = ''",
    "journal.outcome": 'UPDATE journal SET outcome = \'{"content": "x"}\'',
    "journal.request": "UPDATE journal SET request = '{}'",
    "approvals.rules": "UPDATE approvals SET rules = ''",
    "approvals.arguments": "UPDATE approvals SET arguments = '{\"amount\": 1}'",
    "decisions.wire": "INSERT INTO decisions SELECT 'd', id, 'approve', '{\"type\": \"approve\"}', 'eve', digest, 1.0"
    " FROM approvals",
    "checkpoints": "UPDATE checkpoints SET type = 'msgpack', checkpoint = x'80'",
    "writes": "UPDATE writes SET type = 'msgpack', value = x'80'",
}


@pytest.mark.parametrize("what", PLAIN)
async def test_a_value_that_was_not_sealed_is_refused_and_the_run_is_not_ended(
    tmp_path: Path, world: World, what: str
) -> None:
    run_id = await asked(tmp_path, world)
    more = ["UPDATE approvals SET status = 'decided'"] if what == "decisions.wire" else []
    attack(tmp_path, PLAIN[what], *more)

    async with Runtime(settings(tmp_path)) as runtime:
        refusal = ""
        try:
            await drive(runtime, run_id, world.graph("the-answer"))
            refusal = (await runtime.runs.get(run_id)).error or ""
        except SealBroken as error:
            refusal = str(error)

    assert "is not sealed" in refusal
    assert not world.paid
    connection = sqlite3.connect(tmp_path / "state" / "graphwright.db")
    assert connection.execute("SELECT status FROM runs").fetchone()[0] in ("waiting", "queued", "running")
    connection.close()


async def test_a_value_of_another_row_is_refused(tmp_path: Path, world: World) -> None:
    first, second = await asked(tmp_path, world), await asked(tmp_path, world)
    attack(tmp_path, f"UPDATE runs SET input = (SELECT input FROM runs WHERE id = '{second}') WHERE id = '{first}'")

    async with Runtime(settings(tmp_path)) as runtime:
        with pytest.raises(SealBroken, match="it was moved"):
            await runtime.runs.get(first)


async def test_a_run_put_onto_another_thread_is_refused(tmp_path: Path, world: World) -> None:
    first, second = await asked(tmp_path, world), await asked(tmp_path, world)
    other = f"(SELECT thread_id FROM runs WHERE id = '{second}')"
    attack(tmp_path, f"UPDATE runs SET thread_id = {other} WHERE id = '{first}'")

    async with Runtime(settings(tmp_path)) as runtime:
        with pytest.raises(SealBroken, match="it was moved"):
            await runtime.runs.get(first)


async def test_the_decision_on_one_question_does_not_answer_another(tmp_path: Path, world: World) -> None:
    first = await asked(tmp_path, world)
    await approved(tmp_path, world, first)
    second = await asked(tmp_path, world)
    attack(
        tmp_path,
        "INSERT INTO decisions SELECT 'd', a.id, 'approve', d.wire, 'eve', a.digest, 1.0 FROM approvals a, decisions d"
        f" WHERE a.run_id = '{second}'",
        f"UPDATE approvals SET status = 'decided' WHERE run_id = '{second}'",
    )
    world.paid.clear()

    async with Runtime(settings(tmp_path)) as runtime:
        with pytest.raises(SealBroken, match="it was moved"):
            await runtime.approvals.of_run(second)
        with suppress(SealBroken):
            await drive(runtime, second, world.graph("the-answer"))

        assert (await runtime.runs.get(second)).status in ("queued", "waiting", "running")
    assert not world.paid


async def test_one_persons_answer_cannot_be_made_the_decision(tmp_path: Path, world: World) -> None:
    run_id = await asked(tmp_path, world)
    await approved(tmp_path, world, run_id)
    attack(tmp_path, "UPDATE decisions SET wire = (SELECT wire FROM approval_steps)")

    async with Runtime(settings(tmp_path)) as runtime:
        with pytest.raises(SealBroken, match="it was moved"):
            await runtime.approvals.of_run(run_id)


async def test_another_tenant_opens_nothing(tmp_path: Path, world: World) -> None:
    run_id = await asked(tmp_path, world)

    with pytest.raises(SealBroken, match="belongs to another tenant"):
        async with Runtime(settings(tmp_path, tenant="other")) as runtime:
            await runtime.runs.get(run_id)


async def test_a_newer_key_seals_and_the_old_one_still_opens(
    tmp_path: Path, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = await asked(tmp_path, world)
    monkeypatch.setenv(SEAL_KEYS, f"{K2},{K1}")

    assert await approved(tmp_path, world, run_id) == "done"

    assert b"aes256gcm.k2" in stored(tmp_path)
    monkeypatch.setenv(SEAL_KEYS, K2)
    with pytest.raises(SealKeyMissing, match="'k1'"):
        async with Runtime(settings(tmp_path)):
            pass


async def test_a_wrong_key_under_the_same_id_is_told_at_once(
    tmp_path: Path, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await asked(tmp_path, world)
    monkeypatch.setenv(SEAL_KEYS, WRONG)

    with pytest.raises(SealBroken, match="a key has another value under the same id"):
        async with Runtime(settings(tmp_path)):
            pass


async def test_without_keys_nothing_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SEAL_KEYS)

    with pytest.raises(KeysError, match="GRAPHWRIGHT_SEAL_KEYS is empty"):
        async with Runtime(settings(tmp_path)):
            pass
    assert not (tmp_path / "state").exists()


async def test_a_folder_that_was_written_unsealed_is_refused(tmp_path: Path, world: World) -> None:
    async with Runtime(settings(tmp_path, seal=False)) as runtime:
        await runtime.start("clerk", {"messages": []})

    with pytest.raises(SealBroken, match="written unsealed"):
        async with Runtime(settings(tmp_path)):
            pass


async def test_a_sealed_folder_is_not_read_with_sealing_off(tmp_path: Path, world: World) -> None:
    await asked(tmp_path, world)

    with pytest.raises(SealKeyMissing, match="sealed \\(key 'k1'\\), and sealing is off"):
        async with Runtime(settings(tmp_path, seal=False)):
            pass


async def test_without_the_library_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.ciphers.aead", None)

    with pytest.raises(SealingUnavailable, match="graphwright\\[seal\\]"):
        async with Runtime(settings(tmp_path)):
            pass


def test_the_command_line_says_which_key_is_missing_and_leaves_with_1(
    tmp_path: Path, world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asyncio.run(asked(tmp_path, world))
    (tmp_path / "graphwright.toml").write_text('seal = true\nstate_dir = "state"\n', encoding="utf-8")
    monkeypatch.setenv(SEAL_KEYS, K2)

    status = command(["runs", "--project", str(tmp_path), "--state", str(tmp_path / "state")])

    out, err = capsys.readouterr()
    assert status == 1
    assert "'k1'" in err
    assert "Traceback" not in err
    assert K2.partition(":")[2] not in out + err


def test_the_keys_are_no_setting(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "graphwright.toml").write_text(f'seal_keys = "{K1}"\n', encoding="utf-8")

    status = command(["config", "--project", str(tmp_path)])

    told = "".join(capsys.readouterr())
    assert status == 2
    assert "seal_keys" in told
    assert K1 not in told


async def test_a_missing_run_is_still_a_missing_run(tmp_path: Path) -> None:
    async with Runtime(settings(tmp_path)) as runtime:
        with pytest.raises(NotFound):
            await runtime.runs.get("run_x")
        assert issubclass(SealBroken, RuntimeProblem)


async def test_approvals_of_a_quorum_are_sealed_step_by_step(tmp_path: Path, world: World) -> None:
    run_id = await asked(tmp_path, world)

    async with Runtime(settings(tmp_path)) as runtime:
        (approval,) = await runtime.approvals.pending()
        await runtime.approvals.delegate(approval.id, by="local", to="ann", comment="the-comment")
        decided = await runtime.decide(approval.id, Approve("the-comment"), by="ann")
        assert [each.comment for each in decided.steps] == ["the-comment", "the-comment"]
        again = await runtime.approvals.get(approval.id)
        assert again.steps == decided.steps
        assert again.decision == Approve("the-comment")
        await drive(runtime, run_id, world.graph("the-answer"))
    assert b"the-comment" not in stored(tmp_path)

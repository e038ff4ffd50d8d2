"""The doctor finds what nobody moves any more, and says what to do about each thing."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from langgraph.graph import StateGraph

from graphwright.agents import Agent
from graphwright.graphs import agent_loop
from graphwright.models import ScriptedModel
from graphwright.models.script import calls
from graphwright.runtime import ManualClock, NotAllowed, NotFound, Run, Runtime, Settings
from graphwright.runtime import versions as versions_module
from graphwright.runtime.doctor import Finding, examine_database, examine_folder, withdraw_orphan
from graphwright.runtime.signature import signature_of
from graphwright.tools import tool


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(project_dir=tmp_path, state_dir=tmp_path / "state")


@pytest.fixture
async def runtime(settings: Settings, clock: ManualClock) -> AsyncIterator[Runtime]:
    async with Runtime(settings, clock=clock) as opened:
        yield opened


@tool(effect="write", approval="Moves money.")
async def pay(amount: int) -> str:
    """Pay an amount."""
    return f"paid {amount}"


@tool(effect="write")
async def break_off() -> str:
    """Break off in the middle."""
    raise ConnectionResetError("peer is gone")


def clerk(*script: Any, name: str = "clerk") -> StateGraph[Any, Any]:
    model = ScriptedModel(script)
    return agent_loop(Agent(name=name, description="Pays.", prompt="Pay.", tools=[pay, break_off], model=model))


async def drive(runtime: Runtime, *script: Any) -> Run:
    run = await runtime.start("clerk", {"messages": [{"role": "user", "content": "go"}]})
    async for _ in runtime.drive(run.id, clerk(*script), output=lambda state: str(state["messages"][-1].text)):
        pass
    return await runtime.runs.get(run.id)


async def examined(runtime: Runtime, **options: Any) -> list[Finding]:
    return await examine_database(runtime.database, runtime.clock, "local", **options)


async def change(runtime: Runtime, statement: str) -> None:
    await runtime.database.transaction(lambda connection: connection.exec_driver_sql(statement))


async def test_a_folder_in_order_has_no_findings(runtime: Runtime, settings: Settings) -> None:
    await drive(runtime, "hello")
    await drive(runtime, calls("pay", amount=5))

    assert await examined(runtime, signature_now=lambda *_: signature_of(clerk().compile())) == []
    assert examine_folder(settings) == []


async def test_a_question_whose_run_ended_is_orphaned_and_can_be_withdrawn(runtime: Runtime) -> None:
    run = await drive(runtime, calls("pay", amount=5))
    (approval,) = await runtime.approvals.pending()
    with pytest.raises(NotAllowed, match=f"belongs to run {run.id}, which is waiting"):
        await withdraw_orphan(runtime.database, approval.id)
    await change(runtime, "UPDATE runs SET status = 'failed'")

    (found,) = await examined(runtime)

    assert (found.check, found.id) == ("approval", approval.id)
    assert f"{run.id} is failed" in found.what
    assert found.todo == f"graphwright doctor --withdraw {approval.id}"
    await withdraw_orphan(runtime.database, approval.id)
    assert await examined(runtime) == []
    with pytest.raises(NotFound):
        await withdraw_orphan(runtime.database, approval.id)


async def test_a_run_that_a_dead_process_left_running_is_stuck(runtime: Runtime) -> None:
    run = await runtime.start("clerk", {})
    await runtime.runs.move(run.id, "running")
    await runtime.leases.take(run.thread_id)
    assert await examined(runtime) == []

    await change(runtime, "UPDATE leases SET expires = 0")

    (found,) = await examined(runtime)
    assert (found.check, found.id, found.todo) == ("run", run.id, f"graphwright resume {run.id}")
    assert "no living process" in found.what


async def test_a_run_queued_for_hours_is_stuck_and_its_last_error_is_told(runtime: Runtime, clock: ManualClock) -> None:
    run = await runtime.start("clerk", {})
    await runtime.runs.move(run.id, "queued", error="The server is down.")
    assert await examined(runtime) == []

    clock.advance(2 * 3600)

    (found,) = await examined(runtime)
    assert found.what.startswith("It has been queued for 2 h")
    assert found.what.endswith("Last error: The server is down.")


async def test_an_answered_run_that_nobody_went_on_with_is_found(runtime: Runtime) -> None:
    from graphwright.runtime import Approve

    run = await drive(runtime, calls("pay", amount=5))
    (approval,) = await runtime.approvals.pending()
    await runtime.decide(approval.id, Approve())

    (found,) = await examined(runtime)

    assert (found.id, found.what) == (run.id, "It is waiting, and everything it asked is answered.")


async def test_a_call_with_unknown_outcome_is_found_with_what_can_be_said_about_it(runtime: Runtime) -> None:
    await drive(runtime, calls("break_off"))
    (entry,) = await runtime.journal.unknown()

    (found,) = await examined(runtime)

    assert (found.check, found.id) == ("outcome", entry.id)
    assert found.todo == f"graphwright resolve {entry.id} happened|retry|abandon"


async def test_a_run_whose_graph_changed_or_went_away_is_found(runtime: Runtime) -> None:
    run = await drive(runtime, calls("pay", amount=5))

    def renamed(graph: str, options: Mapping[str, object]) -> Any:
        return signature_of(clerk(name="teller").compile())

    def gone(graph: str, options: Mapping[str, object]) -> Any:
        raise LookupError("There is no graph 'clerk'.")

    (changed,) = await examined(runtime, signature_now=renamed)
    (missing,) = await examined(runtime, signature_now=gone)

    assert "- tool clerk.pay is gone" in changed.what
    assert f"graphwright resume {run.id} --accept-changes" in changed.todo
    assert "There is no graph 'clerk'" in missing.what


async def test_checkpoints_without_a_thread_are_found(runtime: Runtime) -> None:
    run = await drive(runtime, "hello")
    await change(runtime, "DELETE FROM threads")

    (found,) = await examined(runtime)

    assert (found.check, found.todo) == ("thread", f"graphwright threads delete {run.thread_id}")


async def test_another_tenants_runs_are_not_told(runtime: Runtime) -> None:
    await drive(runtime, calls("pay", amount=5))
    await change(runtime, "UPDATE runs SET status = 'failed'")

    assert await examine_database(runtime.database, runtime.clock, "another") == []


def test_a_folder_that_others_can_enter_is_found(settings: Settings) -> None:
    settings.state.mkdir(mode=0o755)

    (found,) = examine_folder(settings)

    assert (found.check, found.todo) == ("folder", f"chmod 700 {settings.state}")
    assert "mode 755" in found.what


def test_a_damaged_and_a_newer_database_are_found_without_opening_them(settings: Settings) -> None:
    settings.state.mkdir(mode=0o700)
    settings.database.write_bytes(b"not a database at all" * 100)
    (damaged,) = examine_folder(settings)
    settings.database.unlink()
    connection = sqlite3.connect(settings.database)
    connection.execute("CREATE TABLE schema_version (version INTEGER)")
    connection.execute("INSERT INTO schema_version VALUES (99)")
    connection.commit()
    connection.close()
    (newer,) = examine_folder(settings)

    assert "backup" in damaged.todo
    assert "schema version 99" in newer.what


def test_a_library_with_a_known_hole_is_found(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions_module, "MINIMUM", {"langgraph": "99.1", "no-such-library": "1", "openai": "1.0"})

    (found,) = examine_folder(settings)

    assert (found.id, found.todo) == ("langgraph", "pip install 'langgraph>=99.1'")


def test_a_knowledge_base_in_use_is_a_note_with_its_owners_name(settings: Settings) -> None:
    from filelock import FileLock

    folder = settings.state / "knowledge"
    folder.mkdir(parents=True, mode=0o700)
    settings.state.chmod(0o700)
    (folder / "owner.json").write_text('{"pid": 7, "host": "here", "command": "gw ingest", "since": "2026-11-01"}')
    with FileLock(folder / ".lock"):
        (found,) = examine_folder(settings)

    assert (found.check, found.severity) == ("knowledge", "note")
    assert "Process 7 on here (gw ingest" in found.what
    assert examine_folder(settings) == []

"""Every effect and every decision leaves a row in the audit log, or does not happen."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from graphwright.agents import Agent
from graphwright.graphs import agent_loop
from graphwright.models import ScriptedModel
from graphwright.models.script import calls
from graphwright.runtime import Approve, Runtime, Settings
from graphwright.tools import tool


class Bank:
    """A world with money in it."""

    def __init__(self) -> None:
        self.paid: list[int] = []

        @tool(effect="write", approval="Moves money.", critical=("amount",))
        async def pay(amount: int) -> str:
            """Pay an amount."""
            self.paid.append(amount)
            return "paid"

        self.agent_tools = [pay]

    def graph(self, *script: Any) -> Any:
        model = ScriptedModel(script)
        return agent_loop(Agent(name="clerk", description="Pays.", prompt="Pay.", tools=self.agent_tools, model=model))


async def drive(runtime: Runtime, run_id: str, graph: Any) -> None:
    async for _ in runtime.drive(run_id, graph, output=lambda state: state["messages"][-1].text):
        pass


def settings(folder: Path) -> Settings:
    return Settings(project_dir=folder, state_dir=folder / ".graphwright")


def kinds(folder: Path) -> list[str]:
    with sqlite3.connect(settings(folder).database) as connection:
        return [kind for (kind,) in connection.execute("SELECT kind FROM audit ORDER BY sequence")]


async def paid(folder: Path, bank: Bank) -> None:
    async with Runtime(settings(folder)) as runtime:
        run = await runtime.start("clerk", {"messages": [{"role": "user", "content": "go"}]})
        await drive(runtime, run.id, bank.graph(calls("pay", amount=5)))
        (approval,) = await runtime.approvals.pending()
        await runtime.decide(approval.id, Approve(), by="ann")
        await drive(runtime, run.id, bank.graph("done"))


async def test_question_decision_and_effect_are_rows_in_their_order(tmp_path: Path) -> None:
    await paid(tmp_path, Bank())

    told = kinds(tmp_path)
    assert told[0] == "approval.asked"
    assert told.index("approval.asked") < told.index("tool.begun") < told.index("call.done")
    assert [each for each in told if each.startswith("approval.")][1] == "approval.decided"


async def test_without_its_audit_row_an_effect_does_not_happen(tmp_path: Path) -> None:
    bank = Bank()
    async with Runtime(settings(tmp_path)) as runtime:
        run = await runtime.start("clerk", {"messages": [{"role": "user", "content": "go"}]})
        await drive(runtime, run.id, bank.graph(calls("pay", amount=5)))
        (approval,) = await runtime.approvals.pending()
        await runtime.decide(approval.id, Approve(), by="ann")
        await runtime.database.transaction(
            lambda connection: connection.exec_driver_sql(
                "CREATE TRIGGER no_room BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'no room for audit'); END"
            )
        )

        await drive(runtime, run.id, bank.graph("never"))

        assert bank.paid == []
        assert (await runtime.runs.get(run.id)).status != "done"


async def test_an_edited_row_is_found(tmp_path: Path) -> None:
    await paid(tmp_path, Bank())
    with sqlite3.connect(settings(tmp_path).database) as connection:
        connection.execute("DROP TRIGGER audit_no_update")
        connection.execute("UPDATE audit SET actor = 'mallory' WHERE sequence = 2")

    async with Runtime(settings(tmp_path)) as runtime:
        verdict = await runtime.audit.check(runtime.database)

    assert verdict.defect is not None
    assert verdict.defect.sequence == 2

"""The ledger of budgets: never over a limit, never negative, never twice; under races, crashes and other processes."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from graphwright.agents import Agent, Budget
from graphwright.graphs import agent_loop
from graphwright.models import Reply, ScriptedModel
from graphwright.runtime import Runtime, Settings
from graphwright.runtime.budgets import Amounts, BudgetSettings, Claim, Refusal, Scope
from graphwright.runtime.database import Database
from graphwright.runtime.journal import Journal
from graphwright.runtime.prices import PriceTable
from graphwright.runtime.reservations import Ledger, Reservation
from graphwright.runtime.spending import Spending
from graphwright.tools import tool

NONE = Amounts()


def model_claim(key: str, prompt: int = 100, answer: int = 1_000) -> Claim:
    return Claim(key=key, kind="model", agent="a", prompt=prompt, answer=answer, prompt_rate=2, answer_rate=10)


def tool_claim(key: str) -> Claim:
    return Claim(key=key, kind="tool", agent="a")


def scope(name: str = "t", **limits: Any) -> Scope:
    return Scope(f"tenant:{name}", "tenant", name, Budget(**limits))


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = await Database(tmp_path / "graphwright.db").open()
    yield opened
    await opened.close()


@pytest.fixture
def ledger(database: Database) -> Ledger:
    return Ledger(database, lambda: 1.0)


async def reserved(ledger: Ledger, claim: Claim, *scopes: Scope) -> Reservation:
    found = await ledger.reserve("run_1", claim, scopes)
    assert isinstance(found, Reservation)
    return found


async def test_a_call_is_reserved_in_every_budget_or_in_none(ledger: Ledger) -> None:
    wide, narrow = scope("wide", tokens=9_000), scope("narrow", tokens=300)

    found = await ledger.reserve("run_1", model_claim("k"), [wide, narrow])

    assert isinstance(found, Refusal)
    assert (found.position.scope, found.dimension) == (narrow, "tokens")
    assert [each.held for each in await ledger.positions([wide, narrow])] == [NONE, NONE]


async def test_an_answer_gets_the_room_that_is_left_and_gives_back_what_it_did_not_need(ledger: Ledger) -> None:
    limit = scope(tokens=1_000)

    found = await reserved(ledger, model_claim("k", prompt=300, answer=8_000), limit)
    assert found.granted.answer == 700
    await ledger.settle(found, Amounts(tokens=350, calls=1))

    (position,) = await ledger.positions([limit])
    assert (position.spent, position.held) == (Amounts(tokens=350, calls=1), NONE)


async def test_money_limits_the_answer_by_its_price(ledger: Ledger) -> None:
    limit = scope(money=0.00001)

    found = await reserved(ledger, model_claim("k", prompt=500, answer=8_000), limit)

    assert found.granted.answer == 900
    assert found.granted.amounts.money == 10_000


async def test_what_a_call_took_beyond_its_reservation_is_charged_too(ledger: Ledger) -> None:
    limit = scope(tokens=1_000)
    found = await reserved(ledger, model_claim("k"), limit)

    await ledger.settle(found, Amounts(tokens=1_500, calls=1))

    assert (await ledger.positions([limit]))[0].room("tokens") == -500
    assert isinstance(await ledger.reserve("run_1", model_claim("l", 1, 1), [limit]), Refusal)


async def test_a_tools_call_that_comes_by_again_is_not_charged_again(ledger: Ledger) -> None:
    limit = scope(calls=1)
    first = await reserved(ledger, tool_claim("k"), limit)

    again = await reserved(ledger, tool_claim("k"), limit)
    await ledger.settle(again, Amounts(calls=1))
    await ledger.settle(first, Amounts(calls=1))
    third = await reserved(ledger, tool_claim("k"), limit)
    await ledger.settle(third, Amounts(calls=1))

    assert third.is_paid
    assert (await ledger.positions([limit]))[0].spent == Amounts(calls=1)


async def test_a_limit_is_raised_once_for_each_decision(ledger: Ledger) -> None:
    limit = scope(calls=1)

    for _ in range(3):
        await ledger.raise_limit("decision", "run_1", limit, "calls", 5)

    assert (await ledger.positions([limit]))[0].limit("calls") == 6


async def test_a_refusal_counts_the_raises_that_it_knew_of(ledger: Ledger) -> None:
    """Counted later, a call that met the limit before it was raised would ask a question that nobody has to answer."""
    limit = scope(calls=1)
    await ledger.raise_limit("decision", "run_1", limit, "calls", 1)
    await ledger.reserve("run_1", tool_claim("a"), [limit])
    await ledger.reserve("run_1", tool_claim("b"), [limit])

    refused = await ledger.reserve("run_1", tool_claim("c"), [limit])

    assert isinstance(refused, Refusal)
    assert refused.raises == 1


async def test_calls_that_race_for_the_last_tokens_wait_for_each_other_and_stay_within(
    database: Database, ledger: Ledger
) -> None:
    limit = scope(tokens=6_000)
    spending = Spending(BudgetSettings(), PriceTable({}), ledger, Journal(database, lambda: 1.0))

    async def call(number: int) -> bool:
        found = await spending.reserve("run_1", model_claim(f"k{number}"), [limit])
        if isinstance(found, Refusal):
            return False
        await asyncio.sleep(0)
        (position,) = await ledger.positions([limit])
        assert (position.room("tokens") or 0) >= 0
        await ledger.settle(found, Amounts(tokens=150, calls=1))
        spending.ended(found)
        return True

    made = await asyncio.gather(*(call(number) for number in range(50)))

    (position,) = await ledger.positions([limit])
    assert sum(made) * 150 == position.spent.tokens <= 6_000
    # At the end there is no room for a prompt of 100 and the shortest useful answer of 256.
    assert sum(made) == (6_000 - 356) // 150 + 1
    assert position.held == NONE


_CHILD = """
    import asyncio, sys
    from pathlib import Path
    from graphwright.agents import Budget
    from graphwright.runtime.budgets import Amounts, Claim, Scope
    from graphwright.runtime.database import Database
    from graphwright.runtime.reservations import Ledger, Reservation

    async def main():
        database = await Database(Path(sys.argv[1])).open()
        ledger, limit, made = Ledger(database, lambda: 1.0), Scope("tenant:t", "tenant", "t", Budget(calls=100)), 0
        for number in range(80):
            claim = Claim(key=f"{sys.argv[2]}|{number}", kind="tool")
            found = await ledger.reserve(sys.argv[2], claim, [limit])
            if isinstance(found, Reservation):
                made += 1
                await ledger.settle(found, Amounts(calls=1))
        await database.close()
        print(made)

    asyncio.run(main())
"""


async def test_two_processes_share_the_budget_of_a_tenant_to_the_last_call(tmp_path: Path, ledger: Ledger) -> None:
    command = [sys.executable, "-c", textwrap.dedent(_CHILD), str(tmp_path / "graphwright.db")]

    children = await asyncio.gather(
        *(asyncio.to_thread(subprocess.check_output, [*command, name], text=True) for name in ("run_a", "run_b"))
    )
    made = [int(each) for each in children]

    assert sum(made) == 100
    assert (await ledger.positions([scope(calls=100)]))[0].spent.calls == 100


_KILLED = """
    import asyncio, os, sys
    from pathlib import Path
    sys.path.insert(0, sys.argv[3])
    from test_runtime_ledger import machine, opened

    async def main():
        async with opened(Path(sys.argv[1])) as runtime:
            async for _ in runtime.drive(sys.argv[2], machine(sys.argv[4]), output=str):
                pass

    asyncio.run(main())
"""


def opened(folder: Path) -> Runtime:
    limits = BudgetSettings(run=Budget(tokens=5_000, calls=9))
    return Runtime(Settings(project_dir=folder, state_dir=folder / ".graphwright", budgets=limits))


def machine(dies: str = "") -> Any:
    """An agent that looks once and answers; ``dies`` says where its process does."""
    import os

    @tool(effect="read")
    async def look() -> str:
        """Look."""
        return os._exit(9) if dies == "tool" else "seen"

    def answered(request: Any) -> Any:
        if dies == "model":
            os._exit(9)
        return Reply(text="done", usage={"input_tokens": 70, "output_tokens": 5})

    used = {"input_tokens": 50, "output_tokens": 5}
    looks = Reply(tool_calls=[{"name": "look", "args": {}}], usage=used)

    def next_answer(request: Any) -> Any:
        return answered(request) if request.messages[-1].type == "tool" else looks

    model = ScriptedModel([next_answer, next_answer])
    return agent_loop(Agent(name="clerk", description="Looks.", prompt="Look.", tools=[look], model=model))


@pytest.mark.parametrize(("dies", "calls"), [("tool", 3), ("model", 4)])
async def test_what_a_killed_process_had_reserved_is_settled_when_its_run_is_taken_up(
    tmp_path: Path, dies: str, calls: int
) -> None:
    async with opened(tmp_path) as runtime:
        run = await runtime.start("clerk", {"messages": [{"role": "user", "content": "go"}]})
    here = str(Path(__file__).parent)
    child = [sys.executable, "-c", textwrap.dedent(_KILLED), str(tmp_path), run.id, here, dies]
    assert (await asyncio.to_thread(subprocess.run, child, check=False)).returncode == 9

    async with opened(tmp_path) as runtime:
        limit = Scope(f"run:{run.id}", "run", run.id, Budget(tokens=5_000, calls=9))
        (before,) = await runtime.spending.ledger.positions([limit])
        assert before.held.calls == 1
        async for _ in runtime.drive(run.id, machine(), output=lambda state: state["messages"][-1].text):
            pass

        assert (await runtime.runs.get(run.id)).output == "done"
        (after,) = await runtime.spending.ledger.positions([limit])
        assert (after.spent.calls, after.held) == (calls, NONE)
        # A lost answer is charged what was sent for it; a tool's call is charged once.
        lost = after.spent.tokens - (55 + 75)
        assert (lost > 55) if dies == "model" else (lost == 0)


async def test_a_cancelled_run_gives_back_what_it_held(tmp_path: Path) -> None:
    async with opened(tmp_path) as runtime:
        run = await runtime.start("clerk", {"messages": [{"role": "user", "content": "go"}]})
        limit = scope(calls=5)
        await runtime.spending.ledger.reserve(run.id, tool_claim("k"), [limit])

        await runtime.cancel(run.id)

        assert (await runtime.spending.ledger.positions([limit]))[0].held == NONE

"""A state machine over the ledger of budgets: calls, crashes, take-ups, raises and zombies, in any order."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Coroutine, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from graphwright.agents import Budget
from graphwright.runtime.budgets import DIMENSIONS, Amounts, Claim, Position, Scope
from graphwright.runtime.database import Database
from graphwright.runtime.reservations import Ledger, Reservation

NONE = Amounts()


def model_claim(key: str, prompt: int, answer: int) -> Claim:
    return Claim(key=key, kind="model", agent="a", prompt=prompt, answer=answer, prompt_rate=2, answer_rate=10)


def tool_claim(key: str) -> Claim:
    return Claim(key=key, kind="tool", agent="a")


_EXAMPLES = itertools.count()
RUNS = ("a", "b")


class Money(RuleBasedStateMachine):
    """Two processes, each with a run of its own, and one tenant; any of them may die at any moment."""

    path: Path
    loop: asyncio.AbstractEventLoop
    ledgers: dict[str, Ledger]

    def __init__(self) -> None:
        super().__init__()
        name = f"{next(_EXAMPLES)}"
        tenant = Scope(f"tenant:{name}", "tenant", name, Budget(tokens=6_000, calls=12, money=0.00003))
        self.scopes = {
            run: [Scope(f"run:{name}{run}", "run", f"{name}{run}", Budget(tokens=4_000, calls=8)), tenant]
            for run in RUNS
        }
        self.name = name
        self.keys = itertools.count()
        self.open: list[tuple[str, Reservation]] = []
        self.stale: list[tuple[str, Reservation]] = []
        """Of processes that died, or whose run was taken up: they may still speak."""
        self.left: dict[str, tuple[str, Reservation]] = {}
        self.spent: dict[str, Amounts] = {}
        self.raised: dict[tuple[str, str], int] = {}

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(work)

    def charge(self, run: str, amounts: Amounts) -> None:
        for each in self.scopes[run]:
            before = self.spent.get(each.id, NONE)
            self.spent[each.id] = Amounts(
                before.tokens + amounts.tokens, before.money + amounts.money, before.calls + amounts.calls
            )

    def reserve(self, run: str, claims: list[Claim]) -> None:
        ledger, scopes = self.ledgers[run], self.scopes[run]

        async def all_at_once() -> list[Any]:
            return await asyncio.gather(*(ledger.reserve(self.name + run, claim, scopes) for claim in claims))

        self.open += [(run, found) for found in self.do(all_at_once()) if isinstance(found, Reservation)]

    @rule(
        run=st.sampled_from(RUNS),
        sizes=st.lists(st.tuples(st.integers(1, 1_500), st.integers(1, 3_000)), min_size=1, max_size=4),
    )
    def models_are_asked_side_by_side(self, run: str, sizes: list[tuple[int, int]]) -> None:
        self.reserve(run, [model_claim(f"{self.name}|{next(self.keys)}", *size) for size in sizes])

    @rule(run=st.sampled_from(RUNS), count=st.integers(1, 3))
    def tools_are_called_side_by_side(self, run: str, count: int) -> None:
        self.reserve(run, [tool_claim(f"{self.name}|{next(self.keys)}") for _ in range(count)])

    @precondition(lambda self: self.open)
    @rule(data=st.data(), share=st.floats(0, 1), twice=st.booleans())
    def a_call_ends(self, data: Any, share: float, twice: bool) -> None:
        at = data.draw(st.integers(0, len(self.open) - 1))
        run, reservation = self.open.pop(at)
        took = _share(reservation, share)
        for _ in range(1 + twice):
            self.do(self.ledgers[run].settle(reservation, took))
        self.charge(run, took)

    @precondition(lambda self: self.open)
    @rule(run=st.sampled_from(RUNS))
    def a_process_dies(self, run: str) -> None:
        for owner, reservation in [each for each in self.open if each[0] == run]:
            self.open.remove((owner, reservation))
            self.left[reservation.claim.key] = (owner, reservation)

    @precondition(lambda self: self.left)
    @rule(run=st.sampled_from(RUNS), share=st.floats(0, 1), known=st.booleans(), again=st.booleans())
    def its_run_is_taken_up(self, run: str, share: float, known: bool, again: bool) -> None:
        mine = {key: each for key, each in self.left.items() if each[0] == run}
        outcomes: dict[str, tuple[str, Amounts]] = {}
        for key, (_, reservation) in mine.items():
            claim = reservation.claim
            if claim.kind == "model":
                lost = Amounts(claim.prompt, claim.prompt * claim.prompt_rate, 1)
                outcomes[key] = ("settled", _share(reservation, share)) if known else ("lost", lost)
            elif known:
                outcomes[key] = ("settled", Amounts(calls=1))
        for _ in range(2):
            self.do(self.ledgers[run].close(self.name + run, outcomes))
        for key, (_, amounts) in outcomes.items():
            self.charge(run, amounts)
            self.stale.append(self.left.pop(key))
        if again:
            self.come_by_again(run, [reservation for _, reservation in mine.values()])

    def come_by_again(self, run: str, reservations: list[Reservation]) -> None:
        for reservation in reservations:
            found = self.do(self.ledgers[run].reserve(self.name + run, reservation.claim, self.scopes[run]))
            if not isinstance(found, Reservation):
                assert reservation.claim.kind == "model", "A tool keeps what it has."
            elif not found.is_paid:
                self.left.pop(reservation.claim.key, None)
                self.open.append((run, found))

    @precondition(lambda self: self.stale)
    @rule(data=st.data())
    def a_process_that_was_taken_for_dead_speaks_again(self, data: Any) -> None:
        run, reservation = data.draw(st.sampled_from(self.stale))
        self.do(self.ledgers[run].settle(reservation, reservation.granted.amounts))

    @rule(run=st.sampled_from(RUNS), level=st.integers(0, 1), amount=st.integers(1, 2_000), decision=st.integers(0, 2))
    def a_person_raises_a_limit(self, run: str, level: int, amount: int, decision: int) -> None:
        each = self.scopes[run][level]
        key = f"{each.id}|{decision}"
        self.do(self.ledgers[run].raise_limit(key, self.name + run, each, "tokens", amount))
        self.raised.setdefault((each.id, key), amount)

    @invariant()
    def nothing_is_over_its_limit_negative_or_counted_twice(self) -> None:
        for run in RUNS:
            for position in self.do(self.ledgers[run].positions(self.scopes[run])):
                self.check(position)

    def check(self, position: Position) -> None:
        id_ = position.scope.id
        held = [
            reservation.granted.amounts
            for owner, reservation in [*self.open, *self.left.values()]
            if any(each.id == id_ for each in self.scopes[owner])
        ]
        assert position.held == Amounts(*(sum(each.of(name) for each in held) for name in DIMENSIONS))
        assert replace(position.spent, seconds=0) == self.spent.get(id_, NONE)
        assert position.raised.tokens == sum(more for (of, _), more in self.raised.items() if of == id_)
        for name in DIMENSIONS:
            assert (position.room(name) or 0) >= 0
            assert min(position.spent.of(name), position.held.of(name)) >= 0


def _share(reservation: Reservation, share: float) -> Amounts:
    held = reservation.granted.amounts
    return Amounts(int(held.tokens * share), int(held.money * share), 1)


@pytest.fixture
def two_processes(tmp_path: Path) -> Iterator[None]:
    Money.loop = asyncio.new_event_loop()
    opened = [Database(tmp_path / "graphwright.db") for _ in RUNS]
    for each in opened:
        Money.loop.run_until_complete(each.open())
    Money.ledgers = {run: Ledger(each, lambda: 1.0) for run, each in zip(RUNS, opened, strict=True)}
    yield
    for each in opened:
        Money.loop.run_until_complete(each.close())
    Money.loop.close()


def test_no_order_of_calls_crashes_and_raises_crosses_a_limit(two_processes: None) -> None:
    quick = settings(max_examples=60, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(Money, settings=quick)  # type: ignore[no-untyped-call]  # hypothesis

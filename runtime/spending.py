"""The budgets of one runtime: reserved in the ledger, waited for where calls under way are in the way, and closed."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Sequence

from .budgets import Amounts, BudgetSettings, Claim, Refusal, Scope
from .clock import Clock
from .journal import SETTLED, Journal
from .prices import PriceTable
from .reservations import Ledger, Reservation

POLL = 0.25
"""Seconds between two looks at a tenant's budget that other processes hold."""
PATIENCE = 30.0
"""Seconds that a call waits for other processes to settle; one that died holds what it had until it is taken up."""


class Spending:
    """The budgets of one runtime: what is declared, what calls cost, and which calls are under way here."""

    def __init__(
        self,
        settings: BudgetSettings,
        prices: PriceTable,
        ledger: Ledger,
        journal: Journal,
        *,
        refuse_unknown: bool = False,
        clock: Clock = time.time,
        timer: Clock = time.monotonic,
    ) -> None:
        self.settings = settings
        self.prices = prices
        self.ledger = ledger
        self.journal = journal
        self.refuse_unknown = refuse_unknown
        self.clock = clock
        self.timer = timer
        self._under_way: Counter[str] = Counter()
        self._settled = 0
        self._waiting: list[asyncio.Future[None]] = []

    async def reserve(self, run_id: str, claim: Claim, scopes: Sequence[Scope]) -> Reservation | Refusal:
        """Reserve; where only calls under way are in the way, wait for them: most take less than they reserved."""
        until = self.timer() + PATIENCE
        while True:
            before = self._settled
            found = await self.ledger.reserve(run_id, claim, scopes)
            if isinstance(found, Reservation):
                if claim.kind == "model":
                    self._under_way.update(scope.id for scope in scopes)
                return found
            if not found.is_only_held or found.dimension not in ("tokens", "money"):
                return found
            scope = found.position.scope
            if self._settled != before:
                continue
            if self._under_way[scope.id]:
                waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                self._waiting.append(waiting)
                await waiting
            elif scope.level == "tenant" and self.timer() < until:
                await asyncio.sleep(POLL)
            else:
                return found

    def ended(self, reservation: Reservation) -> None:
        """A call of a model is over, however it ended; whoever waits looks again."""
        self._under_way.subtract(scope.id for scope in reservation.scopes)
        for scope in reservation.scopes:
            if not self._under_way[scope.id]:
                del self._under_way[scope.id]
        self._settled += 1
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            if not each.done():
                each.set_result(None)

    async def close(self, run_id: str, *, is_over: bool) -> None:
        """Settle what a process that drove the run left behind; the caller knows that none does now.

        Args:
            run_id: Which run.
            is_over: Whether it has ended; if not, its tools' calls come by again and keep what they reserved.
        """
        outcomes: dict[str, tuple[str, Amounts]] = {}
        for left in await self.ledger.left(run_id):
            entry = await self.journal.find(left.key)
            if left.kind == "model":
                if entry is None:
                    outcomes[left.key] = ("lost", left.sent)
                else:
                    spent = self.prices.spent(entry.name, entry.outcome or {})
                    outcomes[left.key] = ("settled", Amounts(spent.tokens, spent.cost or 0, 1))
            elif entry is not None and (is_over or entry.status in SETTLED):
                took = round(((entry.ended or entry.begun) - entry.begun) * 1_000)
                outcomes[left.key] = ("settled", Amounts(calls=1, seconds=max(0, took)))
            elif is_over:
                outcomes[left.key] = ("released", Amounts())
        if outcomes:
            await self.ledger.close(run_id, outcomes)

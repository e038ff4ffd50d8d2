"""Budgets in force: how much of what, which scopes a call is charged to, and whether it fits. Pure; the ledger keeps.

Amounts are whole numbers, so that sums are exact: tokens, billionths of the price table's currency, calls and
milliseconds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from graphwright.agents import Budget

Dimension = Literal["tokens", "money", "calls", "seconds"]
DIMENSIONS: tuple[Dimension, ...] = ("tokens", "money", "calls", "seconds")
Level = Literal["run", "agent", "subgraph", "thread", "tenant"]
PER_UNIT: dict[Dimension, int] = {"tokens": 1, "money": 10**9, "calls": 1, "seconds": 1_000}
"""How many of our whole numbers make one unit of a person's."""
LEAST_ANSWER = 256
"""Tokens for an answer below which a call is not worth making."""
LAST_ANSWER = 1_024
"""Tokens that ``wrap_up`` keeps for the last answer, and for what tools say before it."""
WARN_AT = 0.8
"""The share of a limit at which a run is told."""


@dataclass(frozen=True, slots=True)
class Amounts:
    """So much of each dimension, in our whole numbers."""

    tokens: int = 0
    money: int = 0
    calls: int = 0
    seconds: int = 0
    """Milliseconds."""

    def of(self, dimension: Dimension) -> int:
        """The amount of one dimension."""
        return int(getattr(self, dimension))


class BudgetSettings(BaseModel):
    """The ``[budgets]`` of ``graphwright.toml``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    run: Budget | None = Field(default=None, description="What one run may spend.")
    agents: dict[str, Budget] = Field(default_factory=dict, description="By name: what an agent may spend in one run.")
    subgraphs: dict[str, Budget] = Field(
        default_factory=dict, description="By path of node names: what a sub-graph may spend in one run."
    )
    thread: Budget | None = Field(default=None, description="What all runs of a thread may spend.")
    tenant: Budget | None = Field(default=None, description="What all runs of the tenant may spend.")
    answer_tokens: int = Field(
        default=8_192, ge=1, description="Tokens reserved for an answer (and its longest) where none are asked for."
    )

    @property
    def is_empty(self) -> bool:
        """Whether nothing is limited here."""
        return not (self.run or self.agents or self.subgraphs or self.thread or self.tenant)


@dataclass(frozen=True, slots=True)
class Scope:
    """One budget that a call is charged to."""

    id: str
    """The row in the ledger."""
    level: Level
    name: str
    """Of the run, agent, sub-graph, thread or tenant."""
    budget: Budget

    def limit(self, dimension: Dimension) -> int | None:
        """The declared limit in our whole numbers; None where there is none."""
        value = getattr(self.budget, dimension)
        return None if value is None else max(1, int(value * PER_UNIT[dimension]))


def scopes_of(
    settings: BudgetSettings,
    *,
    run_id: str,
    thread_id: str,
    tenant: str,
    agent: str,
    place: str,
    own: Budget | None,
    now: float,
) -> list[Scope]:
    """Every budget that a call is charged to, innermost first after the run's.

    Args:
        place: Path of node names in the graph, such as ``write/model``.
        own: The budget that the agent declares; one of the settings replaces it.
        now: Unix seconds, for budgets that start anew each day or month.
    """
    found = []
    if settings.run:
        found.append(Scope(f"run:{run_id}", "run", run_id, settings.run))
    if (budget := settings.agents.get(agent) or own) is not None:
        found.append(Scope(f"agent:{run_id}:{agent}", "agent", agent, budget))
    for path, budget in settings.subgraphs.items():
        if place == path or place.startswith(f"{path}/"):
            found.append(Scope(f"subgraph:{run_id}:{path}", "subgraph", path, budget))
    if settings.thread:
        found.append(Scope(f"thread:{thread_id}{_period(settings.thread, now)}", "thread", thread_id, settings.thread))
    if settings.tenant:
        found.append(Scope(f"tenant:{tenant}{_period(settings.tenant, now)}", "tenant", tenant, settings.tenant))
    return found


def _period(budget: Budget, now: float) -> str:
    if budget.per is None:
        return ""
    return datetime.fromtimestamp(now, UTC).strftime(":%Y-%m-%d" if budget.per == "day" else ":%Y-%m")


@dataclass(frozen=True, slots=True)
class Position:
    """How a scope stands."""

    scope: Scope
    spent: Amounts = field(default_factory=Amounts)
    held: Amounts = field(default_factory=Amounts)
    """Reserved by calls under way."""
    raised: Amounts = field(default_factory=Amounts)
    """What people have added to the limits."""

    def limit(self, dimension: Dimension) -> int | None:
        """The limit in force, with what people have added."""
        declared = self.scope.limit(dimension)
        return None if declared is None else declared + self.raised.of(dimension)

    def room(self, dimension: Dimension) -> int | None:
        """What may still be reserved; None without a limit."""
        limit = self.limit(dimension)
        return None if limit is None else limit - self.spent.of(dimension) - self.held.of(dimension)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What a call asks for before it is made."""

    key: str
    """Names the call for ever."""
    kind: Literal["model", "tool"]
    agent: str = ""
    prompt: int = 0
    """Tokens to be sent, estimated from above."""
    answer: int = 0
    """The most tokens wanted back; less may be granted."""
    prompt_rate: int = 0
    """Billionths per token; 0 where the price is not known."""
    answer_rate: int = 0
    is_last: bool = False
    """The last answer of an agent that wraps up: what was kept for it may be used."""


@dataclass(frozen=True, slots=True)
class Granted:
    """A call may be made."""

    amounts: Amounts
    """What is reserved for it."""
    answer: int = 0
    """The most tokens that its answer may have."""
    seconds: float | None = None
    """The longest it may take."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A call may not be made: it could cross a limit."""

    position: Position
    dimension: Dimension
    need: int
    """What it would take at least, with what is kept for a last answer."""
    raises: int = 0
    """How often somebody had raised this limit in the run by then."""

    @property
    def is_only_held(self) -> bool:
        """Whether it would fit if every call under way cost nothing; then waiting may help."""
        limit = self.position.limit(self.dimension)
        return limit is not None and self.need <= limit - self.position.spent.of(self.dimension)


def judge(claim: Claim, positions: list[Position]) -> Granted | Refusal:
    """Whether a call fits into every budget, and how long its answer may be. The first budget that refuses counts."""
    answer, seconds = claim.answer, math.inf
    for position in positions:
        keeps = position.scope.budget.on_exceed == "wrap_up" and not claim.is_last
        for dimension in DIMENSIONS:
            room = position.room(dimension)
            if room is None:
                continue
            fixed, each = _price(claim, dimension, room, position, keeps)
            need = fixed + each * min(claim.answer, LEAST_ANSWER)
            if need > room:
                return Refusal(position, dimension, need)
            if each:
                answer = min(answer, (room - fixed) // each)
            if dimension == "seconds":
                seconds = min(seconds, (room - fixed + 1) / PER_UNIT["seconds"])
    money = claim.prompt * claim.prompt_rate + answer * claim.answer_rate
    amounts = Amounts(tokens=claim.prompt + answer, money=money, calls=1, seconds=1)
    return Granted(amounts, answer, None if seconds == math.inf else seconds)


def _price(claim: Claim, dimension: Dimension, room: int, position: Position, keeps: bool) -> tuple[int, int]:
    """What a call takes of one dimension: whatever it answers, and for each token of the answer.

    What ``keeps`` holds back pays for one more call, which sends this one's prompt and answer once more.
    """
    is_model = claim.kind == "model"
    if dimension == "tokens":
        fixed, each = claim.prompt, int(is_model)
        return (2 * fixed + LAST_ANSWER, 2 * each) if keeps and is_model else (fixed, each)
    if dimension == "money":
        fixed, each = claim.prompt * claim.prompt_rate, claim.answer_rate
        last = fixed + LAST_ANSWER * claim.answer_rate
        return (fixed + last, each + claim.prompt_rate) if keeps and is_model else (fixed, each)
    if dimension == "calls":
        return 1 + keeps, 0
    # How long a call takes cannot be known before: it is cut off where the budget ends.
    return 1 + (position.limit("seconds") or 0) // 5 * (keeps and is_model), 0

"""What is said where a budget does not suffice: to the person who may raise it, to the model, and in the error."""

from __future__ import annotations

import math
from collections.abc import Mapping

from graphwright.tools import ApprovalRules

from .budgets import DIMENSIONS, PER_UNIT, Amounts, Dimension, Refusal, Scope
from .decisions import Decision, Edit, Reject, Respond
from .errors import BudgetExceeded
from .questions import Question, request_digest
from .reservations import Warned
from .runs import Run

RAISE_BUDGET = "raise_budget"
"""Stands as the tool of the question whether a budget may be raised."""
ANSWER_NOW = (
    "The budget for this task is nearly used up. Answer now, as well as you can with what you have; "
    "you cannot call tools any more. Say what is missing."
)
_LEVEL_WORDS = {
    "run": "this run",
    "thread": "this thread",
    "agent": "agent",
    "subgraph": "sub-graph",
    "tenant": "tenant",
}
_SECTIONS = {"run": "run", "thread": "thread", "tenant": "tenant", "agent": "agents.{}", "subgraph": "subgraphs.{}"}


def words(amount: int, dimension: Dimension, currency: str) -> str:
    """An amount as a person reads it."""
    if dimension == "money":
        return f"{amount / PER_UNIT['money']:,.4f} {currency}"
    if dimension == "seconds":
        return f"{amount / PER_UNIT['seconds']:,.1f} seconds"
    return f"{amount:,} {dimension}"


def whose(scope: Scope) -> str:
    """The scope as part of a sentence."""
    named = "" if scope.level in ("run", "thread") else f" {scope.name!r}"
    return f"{_LEVEL_WORDS[scope.level]}{named}" + (f" for this {scope.budget.per}" if scope.budget.per else "")


def question_to_raise(refusal: Refusal, run: Run, agent: str, *, currency: str) -> Question:
    """Whether a limit may be raised by half of what was declared; an edit names another amount.

    All calls of a run that meet the same limit ask the same question, so its arguments depend on nothing else; after
    each raise it is another one.
    """
    scope, dimension, number = refusal.position.scope, refusal.dimension, refusal.raises
    declared = scope.limit(dimension) or 0
    more = max(1, declared // 2)
    per = PER_UNIT[dimension]
    arguments = {
        "budget": f"{scope.level} {scope.name}",
        "limit": dimension,
        "declared": declared if per == 1 else declared / per,
        "raise_by": more if per == 1 else more / per,
    }
    key = f"{run.thread_id}|{run.id}|budget|{scope.id}|{dimension}|{declared}|{number}"
    return Question(
        key=key,
        call_id=f"budget.{scope.level}.{dimension}.{number}",
        tool=RAISE_BUDGET,
        arguments=arguments,
        rules=ApprovalRules(
            reason=f"{facts(refusal, agent, currency)} Raise the limit by {words(more, dimension, currency)}?"
        ),
        agent=agent,
        run_id=run.id,
        thread_id=run.thread_id,
        requester=run.user,
        digest=request_digest(run.tenant, run.thread_id, key, RAISE_BUDGET, arguments),
        allowed=("approve", "edit", "reject"),
    )


def amount_of(decision: Decision, question: Question, dimension: Dimension) -> int | None:
    """By how much a person raised the limit, in our whole numbers; None if they did not.

    Raises:
        BudgetExceeded: if an edit names no positive number.
    """
    if isinstance(decision, Reject | Respond):
        return None
    arguments = decision.arguments if isinstance(decision, Edit) else question.arguments
    value = arguments.get("raise_by")
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
        raise BudgetExceeded(
            f"The budget was not raised: the edited 'raise_by' is {value!r}, not a positive number of {dimension}."
        )
    return max(1, int(value * PER_UNIT[dimension]))


def facts(refusal: Refusal, agent: str, currency: str) -> str:
    """What is spent, what is held, and what the next call needs."""
    position, dimension = refusal.position, refusal.dimension
    limit = words(position.limit(dimension) or 0, dimension, currency)
    held = position.held.of(dimension)
    under_way = f", {words(held, dimension, currency)} are reserved by calls under way" if held else ""
    return (
        f"The budget of {whose(position.scope)} is {limit}: {words(position.spent.of(dimension), dimension, currency)} "
        f"are spent{under_way}, and the next call (by {agent or 'the graph'}) "
        f"may need {words(refusal.need, dimension, currency)}."
    )


def exceeded(
    refusal: Refusal, agent: str, spent: Mapping[str, Amounts], currency: str, *, why: str = ""
) -> BudgetExceeded:
    """The error that ends a run: what was spent where, and what to do."""
    scope = refusal.position.scope
    where = "; ".join(
        f"{name or 'the graph'}: "
        + ", ".join(words(amounts.of(each), each, currency) for each in DIMENSIONS if amounts.of(each))
        for name, amounts in spent.items()
        if amounts != Amounts()
    )
    section = _SECTIONS[scope.level].format(scope.name)
    return BudgetExceeded(
        f"{facts(refusal, agent, currency)} {why or 'The call was not made.'} "
        f"Spent in this run: {where or 'nothing'}. "
        f"Raise {refusal.dimension} in [budgets.{section}] of graphwright.toml (or where the agent is declared), or "
        'set on_exceed = "ask".'
    )


def warning(warned: Warned, currency: str) -> str:
    """That most of a budget is spent."""
    position, dimension = warned.position, warned.dimension
    limit, spent = position.limit(dimension) or 1, position.spent.of(dimension)
    return (
        f"{spent / limit:.0%} of the budget of {whose(position.scope)} is spent: "
        f"{words(spent, dimension, currency)} of {words(limit, dimension, currency)}."
    )

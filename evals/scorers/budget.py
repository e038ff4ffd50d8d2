"""What a run used, against the budget of its case."""

from __future__ import annotations

from collections.abc import Iterator

from ..case import Case
from ..observed import Spent

WORDS = {
    "tokens": "tokens",
    "money": "of money",
    "calls": "calls of models and tools",
    "seconds": "seconds",
    "model_calls": "model calls",
    "tool_calls": "tool calls",
}


def over_budget(case: Case, spent: Spent) -> Iterator[str]:
    """What of its budget a run has crossed, one sentence each; money without a price is left out."""
    if case.budget is None:
        return
    used = {
        "tokens": spent.tokens,
        "money": spent.money,
        "calls": spent.model_calls + spent.tool_calls,
        "seconds": spent.seconds,
        "model_calls": spent.model_calls,
        "tool_calls": spent.tool_calls,
    }
    for name, limit in case.budget.model_dump(exclude_none=True).items():
        amount = used[name]
        if amount is not None and amount > limit:
            yield f"It used {amount:.6g} {WORDS[name]}; the budget of the case is {limit:g}."

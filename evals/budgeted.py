"""The budget of a case becomes the runtime's budget of its run: it stops there as it would in production."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from graphwright.agents import Budget
from graphwright.runtime import Settings

from .case import Case, CaseBudget

LIMITS = ("tokens", "money", "calls", "seconds")
"""What the runtime reserves before a call is made."""


def budgeted(settings: Settings, case: Case) -> Settings:
    """The settings with the case's limits on a run, where they are lower than those of the project."""
    limits = {} if case.budget is None else _limits(case.budget)
    if not limits:
        return settings
    own = settings.budgets.run
    known = {name: getattr(own, name) for name in limits if own is not None and getattr(own, name) is not None}
    lower: dict[str, Any] = {name: min(limit, known.get(name, limit)) for name, limit in limits.items()}
    run = Budget(**lower) if own is None else replace(own, **lower)
    return settings.model_copy(update={"budgets": settings.budgets.model_copy(update={"run": run})})


def _limits(budget: CaseBudget) -> dict[str, float]:
    given: dict[str, float] = {name: getattr(budget, name) for name in LIMITS if getattr(budget, name) is not None}
    if budget.model_calls is not None and budget.tool_calls is not None:
        # The runtime counts calls together: one that runs in circles is stopped there.
        together = max(1, budget.model_calls + budget.tool_calls)
        given["calls"] = min(given.get("calls", together), together)
    return given

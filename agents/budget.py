"""What an agent, a run, a thread or a tenant may spend, and what happens when that is not enough."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

OnExceed = Literal["ask", "degrade", "wrap_up", "stop"]
"""``ask`` a person for more, ``degrade`` to a cheaper model, ``wrap_up`` with an answer now, or ``stop`` the run."""


class BudgetDeclarationError(ValueError):
    """A budget was declared wrongly. For the developer: the message lists every problem found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """Limits on what may be spent; a call that could cross one is stopped *before* it spends anything.

    Raises:
        BudgetDeclarationError: listing every problem of the declaration at once.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}
    """A misspelled limit in ``graphwright.toml`` is an error, not a run without a limit."""

    tokens: int | None = None
    """Tokens sent to and received from models."""
    money: float | None = None
    """Cost of model calls, in the currency of the price table (US dollars, as shipped)."""
    calls: int | None = None
    """Calls of models and of tools, together."""
    seconds: float | None = None
    """Time that calls take, summed over parallel ones; waiting for a person does not count."""
    on_exceed: OnExceed = "stop"
    degrade_to: Any = None
    """The cheaper model for ``degrade``: a spec such as ``"openai:gpt-5-nano"``, or a model object."""
    per: Literal["day", "month"] | None = None
    """Start anew each day or month (UTC); for threads and tenants. None: one budget for ever."""

    def __post_init__(self) -> None:
        if problems := self._problems():
            raise BudgetDeclarationError(
                "A budget cannot be declared: " + " ".join(f"({i}) {each}" for i, each in enumerate(problems, 1))
            )

    def _problems(self) -> list[str]:
        limits = {name: getattr(self, name) for name in ("tokens", "money", "calls", "seconds")}
        given = {name: value for name, value in limits.items() if value is not None}
        problems = [
            f"{name} is {value!r}; it must be a positive number."
            for name, value in given.items()
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf
        ]
        if not given:
            problems.append("It limits nothing; give tokens, money, calls or seconds.")
        if self.on_exceed not in ("ask", "degrade", "wrap_up", "stop"):
            problems.append(f"on_exceed is {self.on_exceed!r}; it is ask, degrade, wrap_up or stop.")
        if self.on_exceed == "degrade" and self.degrade_to is None:
            problems.append("on_exceed is 'degrade', but degrade_to names no model.")
        if self.on_exceed == "degrade" and self.money is None:
            problems.append("on_exceed is 'degrade', but a cheaper model saves money only and money has no limit.")
        if self.on_exceed != "degrade" and self.degrade_to is not None:
            problems.append(f"degrade_to is given, but on_exceed is {self.on_exceed!r}.")
        return problems

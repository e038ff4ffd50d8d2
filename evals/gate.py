"""A gate: what a suite's scores must come to, in the suite's own file."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Statistic = Literal["mean", "lower bound", "pass^k", "pass@k"]


class Gate(BaseModel):
    """One condition. A gate that cannot be told is not passed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    scorer: str = "verdict"
    statistic: Statistic = "mean"
    """Of the scorer's values; ``lower bound`` is the lower end of the mean's 95 % interval, ``pass^k`` the chance that
    k runs of a case all pass, ``pass@k`` that one of them does."""
    at_least: float | None = None
    at_most: float | None = None
    k: int | None = Field(default=None, ge=1)
    """Of pass^k and pass@k; None for the number of epochs."""
    slice: dict[str, str] = Field(default_factory=dict)
    """Only cases of these slices."""
    coverage: float = Field(default=1.0, ge=0, le=1)
    """Share of the runs that must have been measured."""
    cases: int = Field(default=1, ge=1)
    """Measured cases below which nothing can be told."""

    @model_validator(mode="after")
    def _asks_something(self) -> Self:
        if self.at_least is None and self.at_most is None:
            raise ValueError("a gate needs at_least or at_most")
        return self

    def __str__(self) -> str:
        statistic = f"{self.statistic} of {self.scorer}"
        if self.statistic in ("pass^k", "pass@k"):
            statistic = f"{self.statistic[:5]}{self.k or 'epochs'} of {self.scorer}"
        where = "".join(f" where {name} is {value}" for name, value in self.slice.items())
        limits = [
            f"{words} {limit:g}"
            for words, limit in (("at least", self.at_least), ("at most", self.at_most))
            if limit is not None
        ]
        return f"{statistic}{where} {' and '.join(limits)}"

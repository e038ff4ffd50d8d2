"""Scorers of what a run used. Their values are amounts, not shares; with a limit, more than that fails."""

from __future__ import annotations

from ..case import Case
from ..observed import Observed
from .options import scorer
from .score import Score, unmeasured


@scorer
def cost(case: Case, observed: Observed, *, at_most: float | None = None) -> Score:
    """What the run cost, in the currency of the price table; unmeasured where a model has no price."""
    if observed.spent.money is None:
        return unmeasured("A model of the run has no price.")
    return limited(observed.spent.money, "spent", at_most)


@scorer
def tokens(case: Case, observed: Observed, *, at_most: float | None = None) -> Score:
    """How many tokens went in and out."""
    return limited(observed.spent.tokens, "tokens", at_most)


@scorer
def latency(case: Case, observed: Observed, *, at_most: float | None = None) -> Score:
    """How long it took, in seconds, without the waiting for people."""
    return limited(observed.spent.seconds, "seconds", at_most)


@scorer
def steps(case: Case, observed: Observed, *, at_most: float | None = None) -> Score:
    """How many model calls and tool calls it took."""
    return limited(observed.spent.model_calls + observed.spent.tool_calls, "model and tool calls", at_most)


def limited(amount: float, what: str, at_most: float | None) -> Score:
    """An amount as a score: a failure only above its limit."""
    if at_most is not None and amount > at_most:
        return Score(float(amount), "fail", f"{amount:g} {what}; {at_most:g} at most were allowed.")
    return Score(float(amount), "pass")

"""Scorers of tool calls: were the right tools chosen, and called with the right arguments?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..case import CallMade, Case
from ..observed import Call, Observed
from .matching import best_pairs, maximum_matching
from .options import graded, scorer
from .score import Score, unmeasured
from .trajectory import call_fits


@scorer
def tool_choice(case: Case, observed: Observed, *, count_reads: bool = False) -> Score:
    """F1 of the tools that were called, as a bag: 2 m / (expected + made), m of them paired one to one.

    A tool that is expected twice must be called twice; calls that nobody expected lower it.

    Args:
        count_reads: Whether a read that nobody expected lowers it too; reads are free otherwise.
    """
    wanted = _wanted(case)
    if wanted is None:
        return unmeasured("The case does not say which calls are right (`calls`, `reads`).")
    pairs = maximum_matching(wanted, observed.calls, lambda one, other: call_fits(one, other, "ignore"))
    used = set(pairs.values())
    made = [at for at, each in enumerate(observed.calls) if at in used or _counts(each, count_reads)]
    if not wanted and not made:
        return graded(1.0, precision=1.0, recall=1.0)
    value = 2 * len(pairs) / (len(wanted) + len(made))
    return graded(
        value,
        f"Of {len(wanted)} expected calls {len(pairs)} were made, and {len(made) - len(pairs)} others.",
        precision=len(pairs) / len(made) if made else 0.0,
        recall=len(pairs) / len(wanted) if wanted else 0.0,
        missing=[wanted[at].tool for at in range(len(wanted)) if at not in pairs],
        extra=[observed.calls[at].tool for at in made if at not in used],
    )


@scorer
def tool_arguments(case: Case, observed: Observed) -> Score:
    """Mean share of right arguments over the expected calls, in the pairing that is best for the run.

    A pair weighs (arguments with the expected value) / (arguments that are expected or were given); calls of other
    tools weigh 0, and an expected call that names no arguments weighs 1. The pairing with the greatest sum is taken
    (the assignment problem), and the sum is divided by the number of expected calls.
    """
    wanted = _wanted(case)
    if not wanted:
        return unmeasured("The case expects no calls.")
    weights = [[_share(one, other) for other in observed.calls] for one in wanted]
    pairs = best_pairs(weights)
    value = sum(weights[one][other] for one, other in pairs.items()) / len(wanted)
    worst = min(range(len(wanted)), key=lambda at: weights[at][pairs[at]] if at in pairs else 0.0)
    near = f"; it was called with {_told(observed.calls[pairs[worst]].arguments)}" if worst in pairs else ""
    return graded(value, f"{wanted[worst].tool} had to be called with {_told(wanted[worst].arguments)}{near}.")


def _wanted(case: Case) -> Sequence[CallMade] | None:
    if case.expect.calls is None and case.expect.reads is None:
        return None
    return [*(case.expect.reads or ()), *(case.expect.calls or ())]


def _counts(call: Call, count_reads: bool) -> bool:
    return call.has_effect or (count_reads and call.effect == "read")


def _share(wanted: CallMade, made: Call) -> float:
    if not call_fits(wanted, made, "ignore"):
        return 0.0
    if not wanted.arguments:
        return 1.0
    names = len({*wanted.arguments, *made.arguments})
    right: int = sum(
        name in made.arguments and made.arguments[name] == value for name, value in wanted.arguments.items()
    )
    return right / names


def _told(arguments: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in arguments.items()) or "no arguments"

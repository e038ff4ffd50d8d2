"""What the scorers of a suite say about one run, and what they say about agents that are no agents: the floors."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from functools import partial

from .case import Case
from .observed import Observed
from .results import Scored
from .scorers import Score, Scorer
from .scorers.floors import echo_run, heuristic_run, null_run, oracle_run
from .suite import Suite, name_of

Means = Mapping[str, float | None]


def judge(scorers: tuple[Scorer, ...], case: Case, observed: Observed) -> tuple[Scored, ...]:
    """What every scorer says; one that raises has measured nothing."""
    return tuple(_scored(each, case, observed) for each in scorers)


def floors_beside(suite: Suite, cases: Iterable[Case]) -> dict[str, Means]:
    """By scorer: the means that null, echo, heuristic and oracle get over these cases; None where none is measured.

    Scorers that ask models are left out, and so are those whose floors nobody can measure. The graph's world is not
    known here: a case that expects changes begins with one in which there is only what they remove.
    """
    scorers = tuple(each for each in suite.scorers if not getattr(each, "asks_models", False))
    agents: dict[str, Callable[[Case], Observed]] = {
        "null": null_run,
        "echo": echo_run,
        "heuristic": partial(heuristic_run, heuristic=suite.heuristic),
        "oracle": oracle_run,
    }
    values: dict[str, dict[str, list[float]]] = {name_of(each): {name: [] for name in agents} for each in scorers}
    for case in cases if scorers else ():
        for name, run in agents.items():
            for scored in judge(scorers, case, run(case)):
                if scored.value is not None:
                    values[scored.name][name].append(scored.value)
    means = {scorer: {name: _mean(each) for name, each in found.items()} for scorer, found in values.items()}
    return {scorer: found for scorer, found in means.items() if any(each is not None for each in found.values())}


def _mean(values: list[float]) -> float | None:
    return math.fsum(values) / len(values) if values else None


def _scored(scorer: Scorer, case: Case, observed: Observed) -> Scored:
    name = name_of(scorer)
    try:
        score = scorer(case, observed)
    except Exception as error:
        return Scored(name, None, "unmeasured", f"The scorer raised {type(error).__name__}: {error}")
    if not isinstance(score, Score):
        return Scored(name, None, "unmeasured", f"The scorer gave a {type(score).__name__} instead of a Score.")
    value = score.value
    if value is not None and value != value:
        return Scored(name, None, "unmeasured", score.reason or "The scorer gave NaN.")
    return Scored(name, value, score.outcome, score.reason, score.evidence or None)

"""Floors beside a score: what an agent that does nothing gets, one that repeats its input, a simple heuristic, and one
that does it all right.

A score says little alone: doing nothing "solves" 124 of 690 WorkBench tasks. So it is shown beside these, and as
(score - null) / (oracle - null). Source: Cohen's kappa (1960) has the same form, with chance in place of doing nothing.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from typing import Any

from ..case import CallMade, Case
from ..observed import Asked, Call, Observed, Spent
from .heuristic import Heuristic, best_sentence
from .score import Scorer

World = Mapping[str, Any] | None
NOTHING = Spent(money=0.0)


@dataclass(frozen=True, slots=True)
class Floors:
    """Mean values over the cases that the scorer can measure; NaN where it can measure none."""

    null: float
    echo: float
    heuristic: float
    oracle: float
    """Below 1, the cases contradict themselves, or the scorer looks at what they do not say (for an ``answer.regex`` no
    text is made up)."""

    def normalised(self, score: float) -> float:
        """(score - null) / (oracle - null): 0 is as good as doing nothing, 1 as good as can be."""
        found = above_null(score, self.null, self.oracle)
        return math.nan if found is None else found


def above_null(score: float | None, null: float | None, oracle: float | None) -> float | None:
    """(score - null) / (oracle - null); None where one of them is not known, or the oracle is no better than null."""
    if score is None or null is None or oracle is None or not oracle > null:
        return None
    return (score - null) / (oracle - null)


def null_run(case: Case, world: World = None) -> Observed:
    """An agent that ends at once: no answer, no call, nothing changed."""
    before = _world(case, world)
    return Observed(case_id=case.id, status="done", world_before=before, world_after=before, spent=NOTHING)


def echo_run(case: Case, world: World = None) -> Observed:
    """An agent that repeats its input."""
    text = case.input if isinstance(case.input, str) else json.dumps(case.input, default=str)
    before = _world(case, world)
    return Observed(case_id=case.id, status="done", answer=text, world_before=before, world_after=before, spent=NOTHING)


def heuristic_run(case: Case, world: World = None, *, heuristic: Heuristic = best_sentence) -> Observed:
    """An agent that answers by a rule of thumb and calls nothing. A rule that raises has failed."""
    before = _world(case, world)
    told: dict[str, Any] = {"case_id": case.id, "world_before": before, "world_after": before, "spent": NOTHING}
    try:
        return Observed(status="done", answer=str(heuristic(case)), **told)
    except Exception as error:
        return Observed(status="failed", error=f"{type(error).__name__}: {error}", **told)


def oracle_run(case: Case, world: World = None) -> Observed:
    """An agent that does what the case expects, and only that."""
    expect = case.expect
    before = _world(case, world)
    after = _changed(before, expect.changes or {}) if before is not None else None
    reads = [_call(each, "read") for each in expect.reads or ()]
    return Observed(
        case_id=case.id,
        status=expect.status,
        answer=_answer(case),
        state=dict(expect.state or {}),
        calls=(*reads, *(_call(each, "write") for each in expect.calls or ())),
        approvals=tuple(
            Asked(tool=each.tool, arguments=each.arguments, agent=each.agent or "") for each in expect.approvals or ()
        ),
        world_before=before,
        world_after=after,
        instructions={agent: " ".join(phrases) for agent, phrases in (expect.instructions or {}).items()},
        retrieved=tuple({"id": name, "source": name, "text": ""} for name in expect.retrieved or ()),
        route=tuple(expect.route or ()),
        spent=NOTHING,
    )


def floors_of(
    scorer: Scorer, cases: Sequence[Case], world: World = None, *, heuristic: Heuristic = best_sentence
) -> Floors:
    """What a scorer gives to null, echo, heuristic and oracle over these cases.

    Args:
        world: The graph's world before a run; None where it declares none.
        heuristic: From a case to an answer.
    """

    def mean(make: Callable[[Case, World], Observed]) -> float:
        values = [scorer(case, make(case, world)).value for case in cases]
        known = [value for value in values if value is not None]
        return math.fsum(known) / len(known) if known else math.nan

    return Floors(mean(null_run), mean(echo_run), mean(partial(heuristic_run, heuristic=heuristic)), mean(oracle_run))


def null_passes(scorer: Scorer, cases: Sequence[Case], world: World = None) -> list[str]:
    """The cases that an agent passes by doing nothing: they say nothing about one that works."""
    return [case.id for case in cases if scorer(case, null_run(case, world)).outcome == "pass"]


def _world(case: Case, world: World) -> World:
    """The world before; where none is given and the case expects changes, one that has only what they remove."""
    if world is not None or case.expect.changes is None:
        return world
    return _changed({}, {path: path for path, value in case.expect.changes.items() if value is None})


def _changed(world: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    after: dict[str, Any] = deepcopy(dict(world))
    for path, value in changes.items():
        *above, last = path.split(".")
        place: Any = after
        for key in above:
            place = place[int(key)] if isinstance(place, list) else place.setdefault(key, {})
        if isinstance(place, list):
            _change_list(place, int(last), value)
        elif value is None:
            place.pop(last, None)
        else:
            place[last] = value
    return after


def _change_list(place: list[Any], at: int, value: Any) -> None:
    if value is None:
        del place[at:]
    elif at < len(place):
        place[at] = value
    else:
        place.append(value)


def _answer(case: Case) -> str:
    wanted = case.expect.answer
    if wanted is None:
        return ""
    if wanted.equals is not None:
        return wanted.equals
    number = [f"{wanted.number.value:g}"] if wanted.number else []
    return " ".join([*wanted.contains, *number])


def _call(wanted: CallMade, effect: Any) -> Call:
    return Call(tool=wanted.tool, arguments=wanted.arguments, effect=effect, agent=wanted.agent or "")

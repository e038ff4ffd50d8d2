"""How a plan is carried out, as one pure function: where it stands, what happened, and what comes next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from .speakers import in_turn, known


@dataclass(frozen=True, slots=True)
class Done:
    """One step that was carried out, or failed."""

    who: str
    what: str
    result: str
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Work:
    """How far a plan has come since the newest input."""

    ahead: tuple[tuple[str, str], ...] = ()
    """Who and what, of the steps still to do."""
    done: tuple[Done, ...] = ()
    plans: int = 0


@dataclass(frozen=True, slots=True)
class Move:
    """What comes next."""

    to: Literal["plan", "execute", "answer"]
    reason: str = ""
    """Why the plan is made anew, or why the work ends early."""


def planned(
    work: Work, plan: Sequence[tuple[str, str]] | None, names: Sequence[str], max_steps: int
) -> tuple[Work, Move]:
    """The planner has answered; None if it made no plan. A step for nobody known goes to the next in
    turn; one that was done already is not done again."""
    work = replace(work, plans=work.plans + 1)
    if plan is None:
        return replace(work, ahead=()), Move("answer", "There is no plan: the planner's answer could not be read.")
    ahead: list[tuple[str, str]] = []
    last = work.done[-1].who if work.done else ""
    finished = {(each.who, each.what) for each in work.done if not each.failed}
    for who, what in plan:
        last = known(who, names) or in_turn(names, last)
        if (last, what) not in finished:
            ahead.append((last, what))
    return _next(replace(work, ahead=tuple(ahead)), max_steps)


def executed(work: Work, result: str, *, failed: bool, replan: int, max_steps: int) -> tuple[Work, Move]:
    """The first step ahead is over. A failure makes a new plan, ``replan`` times; then the work ends as it is."""
    (who, what), *ahead = work.ahead
    work = Work(tuple(ahead), (*work.done, Done(who, what, result, failed)), work.plans)
    if not failed:
        return _next(work, max_steps)
    why = f"{who} failed at {what!r}: {result}"
    if work.plans > replan:
        return replace(work, ahead=()), Move("answer", f"{why} The plan was made anew {replan} times already.")
    return replace(work, ahead=()), Move("plan", why)


def _next(work: Work, max_steps: int) -> tuple[Work, Move]:
    if not work.ahead:
        return work, Move("answer")
    if len(work.done) >= max_steps:
        left = len(work.ahead)
        return replace(work, ahead=()), Move("answer", f"The limit of {max_steps} steps was reached with {left} left.")
    return work, Move("execute")


def work_to_plain(work: Work) -> dict[str, Any]:
    """The work as plain data, as a checkpoint stores it."""
    return {"ahead": [list(each) for each in work.ahead], "done": [asdict(e) for e in work.done], "plans": work.plans}


def work_from_plain(data: Mapping[str, Any] | None) -> Work:
    """The work from a checkpoint."""
    data = data or {}
    ahead = tuple((who, what) for who, what in data.get("ahead", ()))
    return Work(ahead, tuple(Done(**each) for each in data.get("done", ())), data.get("plans", 0))

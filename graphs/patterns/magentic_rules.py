"""The two loops of a magentic team as one pure function: where it stands, what happened, and what comes next.

Outer loop: facts → plan → review. Inner loop: a ledger is filled, somebody works, and again; no progress or going in a
circle is a stall, too many stalls start the outer loop anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from .magentic_ledger import Ledger
from .speakers import choose

MAX_REVISIONS = 10
"""How often a person may send the plan back before the run ends without one."""


@dataclass(frozen=True, slots=True)
class Limits:
    """When a team gives up."""

    max_rounds: int = 20
    """Turns of participants, over all plans."""
    max_stall_count: int = 3
    """Stalls that are borne; one more makes a new plan."""
    max_reset_count: int = 2
    """New plans after the first."""


@dataclass(frozen=True, slots=True)
class Team:
    """How far a team has come since the newest input."""

    rounds: int = 0
    stalls: int = 0
    resets: int = 0
    revisions: int = 0
    tries: int = 0
    """How often in a row the ledger named nobody who takes part."""
    last: str = ""
    """Who worked last."""


@dataclass(frozen=True, slots=True)
class Planned:
    """The manager wrote a plan; ``review`` says whether a person looks at it first."""

    review: bool


@dataclass(frozen=True, slots=True)
class Reviewed:
    """A person looked at the plan."""

    decision: Literal["approve", "revise", "reject"]
    words: str = ""


@dataclass(frozen=True, slots=True)
class Judged:
    """The manager filled the ledger; None, with what was wrong, if it cannot be read."""

    ledger: Ledger | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Worked:
    """A participant's turn is over, well or badly."""

    speaker: str


Event = Planned | Reviewed | Judged | Worked


@dataclass(frozen=True, slots=True)
class Move:
    """What comes next."""

    to: Literal["facts", "plan", "review", "ledger", "work", "final"]
    speaker: str = ""
    instruction: str = ""
    reason: str = ""
    """Why the run ends early, why the plan is made anew, or what the manager is told when it is asked again."""
    fell_back: bool = False
    """Whether the speaker is whoever comes next in turn, because the ledger named nobody."""


def advance(team: Team, event: Event, names: Sequence[str], limits: Limits) -> tuple[Team, Move]:
    """Where the team stands after this event, and what comes next."""
    match event:
        case Planned(review=True):
            return team, Move("review")
        case Planned() | Reviewed(decision="approve"):
            return replace(team, revisions=0), Move("ledger")
        case Reviewed(decision="revise", words=words):
            return _revised(team, words)
        case Reviewed(words=words):
            return team, Move("final", reason=f"A person rejected the plan. {words}".strip())
        case Judged(ledger=None, problem=problem):
            return _reset(team, f"The progress ledger could not be read: {problem}", limits)
        case Judged(ledger=Ledger() as ledger):
            return _judged(team, ledger, names, limits)
        case Worked(speaker=speaker):
            return replace(team, last=speaker), Move("ledger")
    raise AssertionError(f"There is no event {event!r}.")


def _revised(team: Team, words: str) -> tuple[Team, Move]:
    if team.revisions >= MAX_REVISIONS:
        return team, Move(
            "final", reason=f"The plan was sent back {team.revisions + 1} times; there is none to work by."
        )
    return replace(team, revisions=team.revisions + 1), Move("plan", reason=words)


def _judged(team: Team, ledger: Ledger, names: Sequence[str], limits: Limits) -> tuple[Team, Move]:
    if ledger.is_request_satisfied.answer:
        return replace(team, tries=0), Move("final")
    if team.rounds >= limits.max_rounds:
        return team, Move("final", reason=f"The limit of {limits.max_rounds} rounds was reached.")
    choice = choose(ledger.next_speaker.answer, names, tries=team.tries, last=team.last)
    if choice.how == "again":
        told = f"There is no participant {ledger.next_speaker.answer!r}. There are: {', '.join(names)}."
        return replace(team, tries=team.tries + 1), Move("ledger", reason=told)
    goes_well = ledger.is_progress_being_made.answer and not ledger.is_in_loop.answer
    stalls = max(0, team.stalls - 1) if goes_well else team.stalls + 1
    team = replace(team, stalls=stalls, tries=0)
    if stalls > limits.max_stall_count:
        return _reset(team, _why(ledger), limits)
    move = Move("work", choice.speaker, ledger.instruction_or_question.answer, fell_back=choice.how == "in_turn")
    return replace(team, rounds=team.rounds + 1), move


def _reset(team: Team, why: str, limits: Limits) -> tuple[Team, Move]:
    if team.resets >= limits.max_reset_count:
        return team, Move(
            "final", reason=f"The plan was made anew {team.resets} times, which is the limit. {why}".strip()
        )
    return replace(team, resets=team.resets + 1, stalls=0, tries=0, last=""), Move("facts", reason=why)


def _why(ledger: Ledger) -> str:
    stuck = ledger.is_in_loop if ledger.is_in_loop.answer else ledger.is_progress_being_made
    what = "It goes in a circle" if ledger.is_in_loop.answer else "There is no progress"
    return f"{what}: {stuck.reason.strip()}" if stuck.reason.strip() else f"{what}."


def team_to_plain(team: Team) -> dict[str, Any]:
    """The team as plain data, as a checkpoint stores it."""
    return asdict(team)


def team_from_plain(data: Mapping[str, Any] | None) -> Team:
    """The team from a checkpoint."""
    return Team(**(data or {}))

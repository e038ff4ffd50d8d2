"""What is tried: at which moments processes are killed."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How thorough a certification is. Left alone: every point of every case, no random moments."""

    points: int | None = None
    """Points of each case, spread evenly; None for all of them."""
    random: int = 0
    """Kills of each case at random moments."""
    twice: bool = False
    """Kill the process that recovers as well, at a random one of its points."""
    seed: int = 0
    cases: tuple[str, ...] = ()
    """Ids; empty for all cases."""
    at: str = ""
    """``CASE:POINT``: reproduce this one point. ``CASE:0`` is the life that nobody kills, ``CASE:0.25s`` a moment."""


@dataclass(frozen=True, slots=True)
class Kill:
    """One moment at which a process dies."""

    at: int | None = None
    """The boundary, from 1."""
    after: float | None = None
    """Or seconds of its life."""

    def to_json(self) -> dict[str, float | int | None]:
        """As plain data."""
        return {"at": self.at, "after": self.after}


@dataclass(frozen=True, slots=True)
class Attempt:
    """One life to be lived, with what kills its processes one after the other; the last one lives on."""

    case: str
    point: str
    """Names it for ``--at``."""
    kills: tuple[Kill, ...]


def attempts(plan: Plan, case: str, boundaries: int, seconds: float) -> Iterator[Attempt]:
    """The lives to try for a case.

    Args:
        plan: What is asked for.
        case: Its id.
        boundaries: How many points its life has.
        seconds: How long its process lives.
    """
    rng = random.Random(f"{plan.seed}/{case}")
    for point in spread(boundaries, plan.points):
        second = (Kill(at=rng.randint(1, max(4, boundaries - point))),) if plan.twice else ()
        name = f"{point}+{second[0].at}" if second else str(point)
        yield Attempt(case, name, (Kill(at=point), *second))
    for _ in range(plan.random):
        moment = round(rng.uniform(0.0, seconds), 4)
        yield Attempt(case, f"{moment}s", (Kill(after=moment),))


def attempt_at(at: str) -> Attempt:
    """The life that ``CASE:POINT`` names.

    Raises:
        ValueError: if it names none.
    """
    case, colon, point = at.partition(":")
    if not colon or not case:
        raise ValueError(f"{at!r} is no point. It looks like CASE:17, CASE:17+4 or CASE:0.25s; CASE:0 kills nobody.")
    return Attempt(case, point, tuple(_kills(at, point)))


def _kills(at: str, point: str) -> Iterator[Kill]:
    for part in point.split("+"):
        try:
            if part.endswith("s"):
                yield Kill(after=float(part[:-1]))
            elif int(part):
                yield Kill(at=int(part))
        except ValueError:
            raise ValueError(f"{at!r} is no point: {part!r} is neither a number nor a time like 0.25s.") from None


def spread(total: int, wanted: int | None) -> Sequence[int]:
    """So many of the numbers 1 to ``total``, evenly, the first and the last among them."""
    if wanted is None or wanted >= total:
        return range(1, total + 1)
    if wanted < 2:
        return [(total + 1) // 2][:wanted]
    return sorted({1 + round(at * (total - 1) / (wanted - 1)) for at in range(wanted)})

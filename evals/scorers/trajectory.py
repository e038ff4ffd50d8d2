"""Scorers of the way: the calls in their order, and the path through the graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from ..case import CallMade, Case
from ..observed import Call, Observed
from ..people import contains
from .matching import maximum_matching
from .options import graded, scorer
from .score import Score, unmeasured

Mode = Literal["strict", "unordered", "subset", "superset"]
Arguments = Literal["exact", "superset", "subset", "ignore"]
RouteMode = Literal["strict", "in_order", "any_order"]


@scorer
def trajectory(
    case: Case,
    observed: Observed,
    *,
    mode: Mode = "unordered",
    arguments: Arguments = "superset",
    reads: bool = False,
) -> Score:
    """1 if the calls that were made are those of the case, in the sense of ``mode``; else 0.

    Calls are paired by a maximum matching, each used once, so the order of comparing decides nothing.

    Args:
        mode: ``strict``: the same calls in the same order; ``unordered``: the same calls; ``subset``: none but those;
            ``superset``: at least those.
        arguments: What a call's arguments must be to the expected ones.
        reads: Whether reads count as well; expected are the case's ``reads`` then, and after them its ``calls``.
    """
    if case.expect.calls is None and not (reads and case.expect.reads is not None):
        return unmeasured("The case does not say which calls are right (`calls`).")
    wanted = [*(case.expect.reads or () if reads else ()), *(case.expect.calls or ())]
    made = [each for each in observed.calls if each.has_effect or (reads and _has_read(each))]
    missing, extra, disordered = compared(wanted, made, mode, arguments)
    reasons = [f"{_told(each)} is missing." for each in missing]
    reasons += [f"{_told(each)} was not expected." for each in extra]
    reasons += ["The calls are right, in another order."] if disordered else []
    return graded(float(not reasons), " ".join(reasons), reasons=reasons)


def compared(
    wanted: Sequence[CallMade], made: Sequence[Call], mode: Mode, arguments: Arguments
) -> tuple[list[CallMade], list[Call], bool]:
    """Expected calls that are missing, calls that were not expected, and whether only their order is wrong."""

    def fits(one: CallMade, other: Call) -> bool:
        return call_fits(one, other, arguments)

    pairs = maximum_matching(wanted, made, fits)
    missing = [] if mode == "subset" else [each for at, each in enumerate(wanted) if at not in pairs]
    used = set(pairs.values())
    extra = [] if mode == "superset" else [each for at, each in enumerate(made) if at not in used]
    in_order = len(wanted) == len(made) and all(map(fits, wanted, made))
    return missing, extra, mode == "strict" and not missing and not extra and not in_order


def call_fits(wanted: CallMade, made: Call, arguments: Arguments = "superset") -> bool:
    """Whether a call is the expected one."""
    return wanted.tool == made.tool and wanted.agent in (None, made.agent) and _agree(wanted, made, arguments)


def _agree(wanted: CallMade, made: Call, arguments: Arguments) -> bool:
    if arguments == "exact":
        return dict(made.arguments) == wanted.arguments
    if arguments == "superset":
        return contains(made.arguments, wanted.arguments)
    return arguments == "ignore" or contains(wanted.arguments, made.arguments)


@scorer
def route(case: Case, observed: Observed, *, mode: RouteMode = "in_order") -> Score:
    """How much of the case's ``route`` the run went through, from 0 to 1.

    ``in_order``: length of the longest common subsequence / length of the expected route; ``any_order``: the share of
    the expected places that were passed as often as expected; ``strict``: 1 if the routes are the same, else 0. A place
    is a path (``team/clerk``) or its last part.
    """
    wanted = case.expect.route
    if wanted is None:
        return unmeasured("The case has no `route`.")
    if not wanted:
        return graded(float(not observed.route), f"It went {' → '.join(observed.route)}; nowhere was expected.")
    if mode == "strict":
        same = len(wanted) == len(observed.route) and all(map(is_place, wanted, observed.route))
        value = float(same)
    elif mode == "any_order":
        value = len(maximum_matching(wanted, observed.route, is_place)) / len(wanted)
    else:
        value = common_length(wanted, observed.route) / len(wanted)
    return graded(value, f"It went {' → '.join(observed.route) or 'nowhere'}, not {' → '.join(wanted)}.")


def is_place(name: str, path: str) -> bool:
    """Whether a path of the route is the place of this name."""
    return path == name or path.endswith(f"/{name}")


def common_length(wanted: Sequence[str], went: Sequence[str]) -> int:
    """Length of the longest common subsequence (Wagner and Fischer 1974)."""
    row = [0] * (len(went) + 1)
    for name in wanted:
        above = row[:]
        for at, path in enumerate(went, 1):
            row[at] = above[at - 1] + 1 if is_place(name, path) else max(above[at], row[at - 1])
    return row[-1]


def _has_read(call: Call) -> bool:
    return call.effect == "read" and call.status in ("success", "unknown")


def _told(call: CallMade | Call) -> str:
    arguments: Mapping[str, Any] = call.arguments
    return f"{call.tool}({', '.join(f'{name}={value!r}' for name, value in arguments.items())})"

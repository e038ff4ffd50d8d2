"""The state that all patterns share. Plain data, so that a checkpoint can hold it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Required

from langchain_core.messages import AnyMessage
from typing_extensions import TypedDict

from ..history import messages_channel

Status = Literal["done", "error"]


class Result(TypedDict, total=False):
    """What came of one participant's work."""

    participant: Required[str]
    status: Required[Status]
    number: int
    """Its place: that of the participant among the declared ones, or that of the item in a list."""
    text: str
    """Its answer; empty where it failed."""
    output: dict[str, Any] | None
    """Its structured answer, where it gives one."""
    error: str
    """What went wrong, for whoever reads the results; only where the status is ``error``."""
    warning: str
    """What is doubtful about the answer, where the participant says so."""
    retryable: bool
    """Whether the same work might succeed later, as when a model cannot be reached."""


Results = dict[str, Result]
"""By participant (or by item, in ``map_reduce``), in declared order."""


def merge_results(kept: Results | None, new: Mapping[str, Result] | None) -> Results:
    """The results with the new ones in place; None forgets them all.

    Sorted by ``number``, then by name, so that the order is the declared one however parallel work ended.
    """
    if new is None:
        return {}
    merged = {**(kept or {}), **new}
    return dict(sorted(merged.items(), key=lambda pair: (pair[1].get("number", 0), pair[0])))


def extend_route(kept: Sequence[str] | None, new: Sequence[str] | None) -> list[str]:
    """Who has worked, oldest first, with these names added; None forgets them all."""
    return [] if new is None else [*(kept or ()), *new]


class PatternState(TypedDict, total=False):
    """The state of every pattern. A pattern that needs more adds keys in a subclass."""

    messages: Annotated[list[AnyMessage], messages_channel()]
    output: dict[str, Any] | None
    """The structured answer of the whole, where there is one."""
    results: Annotated[Results, merge_results]
    route: Annotated[list[str], extend_route]
    """Who has worked since the newest input, oldest first."""
    active: str | None
    """Who works now or works next; for a pattern that keeps it between inputs, who is spoken to."""
    rounds: int
    stalls: int
    ended: str | None
    """Why it stopped before its work was done, in one sentence; None while it works and after it has succeeded."""
    failed: bool
    """Whether what it ends with must not be built upon: a gate stopped it, say. An outer pattern sees an error."""
    warning: str
    """What is doubtful about a result that is given all the same; empty if nothing is."""


def fresh(**more: Any) -> dict[str, Any]:
    """The update with which a pattern begins on a new input: everything but messages and ``active`` starts anew.

    A thread goes on with its history; what was counted for the last input does not count for this one.
    """
    return {
        "results": None,
        "route": None,
        "output": None,
        "rounds": 0,
        "stalls": 0,
        "ended": None,
        "failed": False,
        "warning": "",
        **more,
    }

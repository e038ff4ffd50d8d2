"""The timeline of a run: each moment as a bar; of what is recorded when it is done, from the moment before.

The waiting for people is left out of the scale: a decision after two hours would make everything else a dot.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

THINNEST = 0.6
"""Of a bar, in hundredths of the timeline."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One moment of a run."""

    at: float
    """Seconds after the first moment."""
    seconds: float
    """As recorded."""
    kind: str
    name: str
    path: str
    status: str
    left: float
    """Where its bar begins and how wide it is, in hundredths."""
    width: float


def bars(moments: Iterable[Mapping[str, Any]]) -> list[Bar]:
    """The moments of a run, from its first to its last."""
    spans: list[tuple[float, float]] = []
    waited = worked = 0.0
    told = _without_echoes(moments)
    for each in told:
        at = max(0.0, each["at"] - waited)
        if each["kind"] == "approval":
            # A person's time counts as none; what came while they thought stays where it was.
            spans.append((at, at))
            waited += each["seconds"]
            worked = max(worked, at)
        else:
            end = at + each["seconds"]
            spans.append((at if each["seconds"] else min(worked, at), end))
            worked = max(worked, end)
    whole = max((end for _, end in spans), default=0.0) or 1.0
    return [_bar(each, begun / whole * 100, end / whole * 100) for each, (begun, end) in zip(told, spans, strict=True)]


def _without_echoes(moments: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Without the end of a node right after the call that it made: it says nothing new."""
    told: list[Mapping[str, Any]] = []
    for each in moments:
        is_echo = each["kind"] == "step" and told and told[-1]["kind"] != "step" and told[-1]["path"] == each["path"]
        if not is_echo:
            told.append(each)
    return told


def _bar(moment: Mapping[str, Any], left: float, right: float) -> Bar:
    width = max(THINNEST, right - left)
    return Bar(**moment, left=round(min(left, 100 - width), 2), width=round(width, 2))

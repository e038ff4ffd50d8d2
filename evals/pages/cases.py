"""Runs of cases as a page shows them: what failed first, and drilled down to as far as the page stays quick."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

from ..results import Header, Result, RunFolder
from .drawing import Html, draw
from .timeline import bars

MOST_BYTES = 12_000_000
"""Characters of HTML after which runs are listed without what they did: a browser opens so much in a second or two."""
MOST_LISTED = 20_000
"""Runs that are listed at all."""
MOST_ROWS = 200
"""Messages, calls or moments of one run that are shown."""
OUTCOMES = ("fail", "unmeasured", "pass")
"""The order in which runs are listed."""


@dataclass(slots=True)
class Room:
    """How much more a suite may take of the page."""

    characters: int
    lines: int


def outcome_of(result: Result) -> str:
    """The worst that any scorer said; of no scorer, that nothing was measured."""
    found = {each.outcome for each in result.scores} or {"unmeasured"}
    return next(each for each in OUTCOMES if each in found)


def listed(folder: RunFolder, room: Room) -> Iterator[Html]:
    """Every run of a folder, what failed first, then what could not be measured; and how many there was no room for."""
    first, left = True, 0
    ordered = chain.from_iterable(
        (each for each in folder.results() if outcome_of(each) == wanted) for wanted in OUTCOMES
    )
    for result in ordered:
        if room.lines <= 0:
            left += 1
            continue
        is_open = first and outcome_of(result) != "pass"
        told = case_of(result, folder.header, is_whole=room.characters > 0, is_open=is_open)
        room.characters -= len(told)
        room.lines -= 1
        first = False
        yield told
    if left:
        yield Html(f'<p class="dim">{left:,} more runs are in results.jsonl.</p>')


def case_of(result: Result, header: Header, *, is_whole: bool = True, is_open: bool = False) -> Html:
    """One run of a case, drilled down to if it is whole."""
    return draw(
        "case.html.j2",
        result=result,
        name=name_of(result, header),
        outcome=outcome_of(result),
        reason=next((each.reason for each in result.scores if each.outcome != "pass"), ""),
        is_whole=is_whole,
        is_open=is_open,
        **(seen(result) if is_whole else {}),
    )


def name_of(result: Result, header: Header) -> str:
    """The case, and which of its runs."""
    return f"{result.case} #{result.epoch}" if header.epochs > 1 else result.case


def seen(result: Result) -> dict[str, Any]:
    """What a template needs to drill down to a run."""
    detail: Mapping[str, Any] = result.detail or {}
    return {
        "detail": detail,
        "most": MOST_ROWS,
        "timeline": bars(detail.get("timeline", ())[:MOST_ROWS]),
        "texts": [
            (title, text)
            for title, text in (("Answer", result.answer), ("Error", result.error), ("Not measured", result.trouble))
            if text
        ],
    }


def counted(results: Iterable[Result], said: Callable[[Result], str] = outcome_of) -> dict[str, int]:
    """How many runs there are of each outcome."""
    found = dict.fromkeys(OUTCOMES, 0)
    for each in results:
        found[said(each)] += 1
    return found

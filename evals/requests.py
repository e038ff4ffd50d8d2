"""What models were asked in a run that is over, found by replaying its records, and what was asked side by side."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from graphwright.runtime import ModelCall, Runtime
from graphwright.runtime.journal import Entry
from graphwright.runtime.replaying import replay

HELD = 0.02
"""Seconds for which each request is held, so that those that another task makes meanwhile are seen."""


@dataclass
class Requests:
    """What models were asked."""

    last: dict[str, str] = field(default_factory=dict)
    """By the id of the journal's row: the text of the last message."""
    side_by_side: set[str] = field(default_factory=set)
    """Places of the graph that asked again before they were answered."""
    is_whole: bool = False
    """Whether every step could be replayed."""
    _open: Counter[str] = field(default_factory=Counter)

    async def hear(self, call: ModelCall, entry: Entry) -> None:
        """One request, as it is made again."""
        self.last[entry.id] = call.request.messages[-1].text if call.request.messages else ""
        self._open[entry.path] += 1
        if self._open[entry.path] > 1:
            self.side_by_side.add(entry.path)
        await asyncio.sleep(HELD)
        self._open[entry.path] -= 1


async def requests_of(runtime: Runtime, graph: Any, run_id: str) -> Requests:
    """The requests of a run, as far as its graph replays it."""
    found = Requests()
    try:
        replayed = await replay(runtime, graph, run_id, heard=found.hear)
    except Exception:
        # Whatever the graph does now instead, the answers are on record: they are told apart by place alone then.
        return found
    found.is_whole = replayed.verdict == "same"
    return found

"""Leave a tool alone that keeps being unavailable or too slow, and look now and then whether it is back."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal
from weakref import WeakKeyDictionary

from .context import ToolContext
from .contract import Tool
from .errors import ToolBusy, ToolFailed, ToolTimedOut, ToolUnavailable
from .invoking import Invoke

COOLDOWN = 30.0
"""Seconds for which a tool is left alone."""


@dataclass(frozen=True, slots=True)
class Circuit:
    """Where the breaker of one tool stands. Closed means that calls go through."""

    state: Literal["closed", "open", "half-open"] = "closed"
    failures: int = 0
    """In a row."""
    since: float = 0.0
    """Unix seconds when the first of them ended."""
    changed: float = 0.0
    """Unix seconds when it was opened, or the last probe began."""


def before_call(circuit: Circuit, now: float, cooldown: float) -> tuple[Circuit, float | None]:
    """The circuit when somebody wants to call, and the seconds to stay away (None: go ahead).

    Once the cooldown is over one call goes ahead, as a probe; one that never ends makes room for another.
    """
    if circuit.state == "closed":
        return circuit, None
    left = circuit.changed + cooldown - now
    if left > 0:
        return circuit, left
    return replace(circuit, state="half-open", changed=now), None


def after_failure(circuit: Circuit, now: float, limit: int) -> Circuit:
    """The circuit after one more failure; a failed probe opens it again."""
    failed = replace(circuit, failures=circuit.failures + 1, since=circuit.since if circuit.failures else now)
    if circuit.state == "half-open" or (circuit.state == "closed" and failed.failures >= limit):
        return replace(failed, state="open", changed=now)
    return failed


def with_breaker(inner: Invoke, *, cooldown: float = COOLDOWN, clock: Callable[[], float] = time.time) -> Invoke:
    """After `labels.breaker` calls in a row that failed so, refuse a tool's calls for `cooldown` seconds, then probe.

    A failure is ToolUnavailable, ToolTimedOut after the tool's own timeout, or a broken connection. A call that
    raises ToolFailed, or any other error, shows that the tool can be reached. Counted for each Tool in this process.

    A refused call raises ToolUnavailable: it did not take place.
    """
    circuits = _Circuits(cooldown, clock)

    async def invoke(tool: Tool, arguments: Mapping[str, Any], context: ToolContext) -> Any:
        limit = tool.labels.breaker
        if limit is None:
            return await inner(tool, arguments, context)
        is_hurried = _is_hurried(tool, context, circuits.enter(tool))
        try:
            value = await inner(tool, arguments, context)
        except Exception as error:
            told = _told_by(error, is_hurried)
            if told == "failure":
                circuits.failed(tool, limit)
            elif told == "success":
                circuits.close(tool)
            raise
        circuits.close(tool)
        return value

    return invoke


def _is_hurried(tool: Tool, context: ToolContext, now: float) -> bool:
    """Whether the caller gives the tool less time than its own timeout: a call cut short then is not its fault."""
    if context.deadline is None:
        return False
    return tool.labels.timeout is None or context.deadline - now < tool.labels.timeout


def _told_by(error: Exception, is_hurried: bool) -> Literal["failure", "success", "nothing"]:
    if isinstance(error, ToolBusy):
        return "nothing"
    if isinstance(error, ToolTimedOut):
        return "nothing" if is_hurried else "failure"
    if isinstance(error, ToolUnavailable | ConnectionError | TimeoutError):
        return "failure"
    # A bug in the tool says nothing about what stands behind it; a sentence for the model says that it is there.
    return "success" if isinstance(error, ToolFailed) else "nothing"


class _Circuits:
    """The circuit of each tool; safe for threads, shared by all loops."""

    def __init__(self, cooldown: float, clock: Callable[[], float]) -> None:
        self._cooldown = cooldown
        self._clock = clock
        self._circuits: WeakKeyDictionary[Tool, Circuit] = WeakKeyDictionary()
        self._lock = threading.Lock()

    def enter(self, tool: Tool) -> float:
        """Return the time, or refuse the call with what the model should know."""
        now = self._clock()
        with self._lock:
            known = self._circuits.get(tool)
            if known is None:
                return now
            circuit, wait = before_call(known, now, self._cooldown)
            self._circuits[tool] = circuit
        if wait is None:
            return now
        raise ToolUnavailable(
            f"{tool.name!r} was not called: it has been out of reach since {_at(circuit.since)}, "
            f"{circuit.failures} times in a row. Try it again after {_at(now + wait)} ({wait:.0f} s), "
            "or go on without it.",
            retry_after=wait,
        )

    def failed(self, tool: Tool, limit: int) -> None:
        """One more failure."""
        with self._lock:
            self._circuits[tool] = after_failure(self._circuits.get(tool, Circuit()), self._clock(), limit)

    def close(self, tool: Tool) -> None:
        """It can be reached."""
        with self._lock:
            self._circuits.pop(tool, None)


def _at(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%H:%M:%S UTC")

"""What a tool may know about the call it serves; injected by annotation, invisible to the model."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, MutableMapping
from dataclasses import dataclass, field
from typing import Any

from .errors import ToolCancelled
from .labels import IdempotencyKey
from .resources import Resources

Progress = Callable[[str, float | None], None]
"""Tells a message and how much is done, from 0 to 1, or None when that is not known."""


def _unheard(message: str, done: float | None) -> None:
    """Nobody listens."""


@dataclass(frozen=True, kw_only=True)
class ToolContext:
    """One call: who asks, until when, and what the tool may use."""

    call_id: str
    run_id: str = ""
    thread_id: str = ""
    agent: str = ""
    path: str = ""
    """Where in the graph the call is made: node names, parted by `/`."""
    user: str = "local"
    tenant: str = "local"
    key: IdempotencyKey = field(default_factory=IdempotencyKey)
    """The same on every attempt of this call; without one, the call id."""
    deadline: float | None = None
    """Unix seconds, after which nobody waits for the answer."""
    progress: Progress = _unheard
    resources: Resources = field(default_factory=Resources)
    cancelled: threading.Event = field(default_factory=threading.Event)
    """Set when the caller has given up; a sync tool looks at it (or calls `check`) before an effect."""
    state: MutableMapping[str, Any] = field(default_factory=dict)
    """Small plain data a tool keeps per thread. Assign a new value to keep it; do not change one in place."""
    approved_by: str = ""
    """Who approved this very call, where somebody was asked: of several, all of them."""
    tainted: bool = True
    """Whether the run had read words of a stranger: what a tool stores now must be given back as untrusted later.
    False only where policy keeps account of it; where nobody knows, it may have."""
    tainted_by: tuple[str, ...] = ()
    """Where those words came from, so far as it is known: names of tools, inputs, descriptions."""

    def __post_init__(self) -> None:
        if not self.key:
            object.__setattr__(self, "key", IdempotencyKey(self.call_id))
        told = self.progress.told if isinstance(self.progress, _CheckedProgress) else self.progress
        object.__setattr__(self, "progress", _CheckedProgress(told, self.cancelled, self.call_id))

    def check(self) -> None:
        """Raise ToolCancelled if the caller has given up; call it before every effect and in long loops."""
        _stop_if(self.cancelled, self.call_id)


def _stop_if(cancelled: threading.Event, call_id: str) -> None:
    if cancelled.is_set():
        raise ToolCancelled(f"Call {call_id!r} was given up by its caller. Nothing more may happen.")


class _CheckedProgress:
    """Progress that a tool given up by its caller can no longer report."""

    __slots__ = ("call_id", "cancelled", "told")

    def __init__(self, told: Progress, cancelled: threading.Event, call_id: str) -> None:
        self.told = told
        self.cancelled = cancelled
        self.call_id = call_id

    def __call__(self, message: str, done: float | None = None) -> None:
        _stop_if(self.cancelled, self.call_id)
        self.told(message, done)


class CheckedState(MutableMapping[str, Any]):
    """The state as a worker thread sees it: once its caller has given up, nothing can be written."""

    def __init__(self, state: MutableMapping[str, Any], check: Callable[[], None]) -> None:
        self._state = state
        self._check = check

    def __getitem__(self, name: str) -> Any:
        return self._state[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self._check()
        self._state[name] = value

    def __delitem__(self, name: str) -> None:
        self._check()
        del self._state[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._state)

    def __len__(self) -> int:
        return len(self._state)

    def __repr__(self) -> str:
        return f"CheckedState({dict(self._state)!r})"

"""What a run tells while it runs: plain dicts on LangGraph's custom stream, made in one place.

Every event has ``type``, ``agent`` and ``path`` (the place in the graph); the rest depends on the type.
"""

from __future__ import annotations

from typing import Any, Literal, TypedDict

EventType = Literal[
    "model_started",
    "token",
    "restarted",
    "model_finished",
    "tool_started",
    "tool_progress",
    "tool_finished",
    "participant_started",
    "participant_finished",
    "note",
    "step",
    "approval_asked",
    "outcome_unknown",
    "run_started",
    "run_finished",
]


class Event(TypedDict, total=False):
    """One thing that happened. Only ``type``, ``agent`` and ``path`` are in every event."""

    type: EventType
    agent: str
    path: str
    run_id: str
    text: str
    summary: str
    tool: str
    call_id: str
    arguments: dict[str, Any]
    status: str
    usage: dict[str, int]
    model: str
    progress: float | None
    data: dict[str, Any]


def event(kind: EventType, *, agent: str = "", path: str = "", **data: Any) -> Event:
    """An event of this kind."""
    return {"type": kind, "agent": agent, "path": path, **data}  # type: ignore[typeddict-item]  # keys per kind

"""Pure questions about a history: how far a loop has come since the last input."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage


@dataclass(frozen=True, slots=True)
class Progress:
    """What one agent has done since the newest input."""

    turns: int
    calls: int
    corrections: int
    """How often its structured answer was sent back."""


def progress(history: Sequence[BaseMessage]) -> Progress:
    """Count turns and tool calls back to the newest message of a person."""
    turns = calls = corrections = 0
    for message in reversed(history):
        if isinstance(message, AIMessage):
            turns += 1
            calls += len(message.tool_calls)
        elif isinstance(message, HumanMessage):
            if not message.additional_kwargs.get("correction"):
                break
            corrections += 1
    return Progress(turns, calls, corrections)

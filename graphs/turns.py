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


def progress(history: Sequence[BaseMessage], agent: str) -> Progress:
    """Count the turns and tool calls of ``agent`` back to the newest message of a person; not those of others."""
    turns = calls = corrections = 0
    for message in reversed(history):
        if isinstance(message, AIMessage):
            if message.name not in (None, agent):
                continue
            turns += 1
            calls += len(message.tool_calls)
        elif isinstance(message, HumanMessage):
            if not message.additional_kwargs.get("correction"):
                break
            corrections += 1
    return Progress(turns, calls, corrections)

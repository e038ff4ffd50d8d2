"""The state that agents share: the history, a structured answer, and what tools keep between calls."""

from __future__ import annotations

from typing import Annotated, Any

from langchain_core.messages import AnyMessage
from typing_extensions import TypedDict

from .history import messages_channel
from .notes import merge_notes


class AgentState(TypedDict, total=False):
    """The state of the agent loop."""

    messages: Annotated[list[AnyMessage], messages_channel()]
    output: dict[str, Any] | None
    """The structured answer, where the agent declares one."""
    notes: Annotated[dict[str, Any], merge_notes]
    """Small plain values that tools keep for this thread, such as the todo list."""

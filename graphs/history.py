"""The message history of a graph: one channel, one reducer, made in one place.

The channel is LangGraph's ``DeltaChannel``: a checkpoint stores what a step added, not the whole history, so a
thread's checkpoints grow with its length and not with its square. It is beta there, hence behind this factory.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langchain_core.messages import AnyMessage, BaseMessage, RemoveMessage, ToolMessage, convert_to_messages
from langgraph.channels import DeltaChannel

from .transcript import caller_of

SNAPSHOT_EVERY = 100
"""Updates between two full copies of the history; bounds how far a read has to replay."""


def messages_channel() -> DeltaChannel[list[AnyMessage]]:
    """A channel that appends messages; a message whose id is known replaces the earlier one.

    A tool's result goes right behind the message that called it, also where parallel branches have written since.
    """
    return DeltaChannel(merge_messages, list, snapshot_frequency=SNAPSHOT_EVERY)


def merge_messages(history: list[BaseMessage], writes: Sequence[Any]) -> list[BaseMessage]:
    """The history after these writes, each a message, a list of messages, or anything LangChain reads as messages.

    Deterministic and independent of how writes are batched, as the channel requires.
    """
    merged = list(history)
    places: dict[str, int] | None = None
    for message in _messages_of(writes):
        if isinstance(message, RemoveMessage):
            merged = [each for each in merged if each.id != message.id]
            places = None
            continue
        if places is None:
            places = {each.id: at for at, each in enumerate(merged) if each.id}
        at = places.get(message.id) if message.id else None
        if at is None:
            behind = _place_behind_call(merged, message)
            if behind < len(merged):
                places = None
            elif message.id:
                places[message.id] = behind
            merged.insert(behind, message)
        else:
            merged[at] = message
    return merged


def _place_behind_call(merged: list[BaseMessage], message: BaseMessage) -> int:
    """Where a new message belongs: at the end, or behind the call that it answers and the results that are there."""
    if not isinstance(message, ToolMessage):
        return len(merged)
    caller = caller_of(merged, message)
    if caller is None:
        return len(merged)
    behind = caller + 1
    while behind < len(merged) and isinstance(merged[behind], ToolMessage):
        behind += 1
    return behind


def _messages_of(writes: Sequence[Any]) -> list[BaseMessage]:
    found: list[BaseMessage] = []
    for write in writes:
        for each in write if isinstance(write, list | tuple) and not _is_pair(write) else [write]:
            if isinstance(each, BaseMessage):
                found.append(each)
            else:
                found.extend(convert_to_messages([each]))
    return found


def _is_pair(write: Any) -> bool:
    """LangChain's ``("user", "text")`` shorthand for one message."""
    return isinstance(write, tuple) and len(write) == 2 and all(isinstance(part, str) for part in write)

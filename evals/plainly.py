"""States, messages and worlds as plain JSON data: what a result keeps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langchain_core.messages import BaseMessage

from graphwright.runtime.digests import plain_json


def plain(value: Any) -> Any:
    """A value as plain data: messages and models as their fields, anything else that JSON has not as text."""
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, BaseMessage):
        return plain(value.model_dump(mode="json"))
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return plain_json(value)


def short_message(message: BaseMessage) -> dict[str, Any]:
    """A message as reports show it: who said what, and which calls it made."""
    told: dict[str, Any] = {"role": message.type, "name": message.name or "", "text": message.text}
    calls = getattr(message, "tool_calls", None)
    if calls:
        told["calls"] = [{"tool": call["name"], "arguments": call["args"]} for call in calls]
    return told

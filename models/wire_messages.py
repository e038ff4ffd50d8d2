"""Messages as JSON bytes, each converted once.

Converting the whole history on every turn is what makes long threads quadratic, so the bytes of a message are
kept beside it for as long as it lives. A message that was changed since is noticed and converted again: the
parts that can change are compared with a snapshot that shares their strings, which costs well under 1 µs.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Mapping
from typing import Any

from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ChatMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
    convert_to_openai_data_block,
    is_data_content_block,
)

from .errors import ModelRequestInvalid
from .wire_json import to_json
from .wire_names import wire_name

_Entry = tuple[weakref.ref[BaseMessage], Any, Any, Any, bytes]
_kept: dict[int, _Entry] = {}


def message_bytes(messages: Iterable[BaseMessage]) -> list[bytes]:
    """Each message as one wire JSON object; only new or changed ones are converted."""
    found = []
    for message in messages:
        entry = _kept.get(id(message))
        if (
            entry is not None
            and entry[0]() is message
            and entry[1] == message.content
            and (entry[2] is None or entry[2] == message.tool_calls)  # type: ignore[attr-defined]  # AI only
            and (entry[3] is None or entry[3] == message.invalid_tool_calls)  # type: ignore[attr-defined]  # same
        ):
            found.append(entry[4])
        else:
            found.append(_convert_and_keep(message))
    return found


def _convert_and_keep(message: BaseMessage) -> bytes:
    key, data = id(message), to_json(to_wire(message))
    calls = wrong = None
    if isinstance(message, AIMessage):
        calls, wrong = _snapshot(message.tool_calls), _snapshot(message.invalid_tool_calls)
    there = weakref.ref(message, lambda _: _kept.pop(key, None))
    _kept[key] = (there, _snapshot(message.content), calls, wrong, data)
    return data


def _snapshot(value: Any) -> Any:
    """A copy of lists and dicts that shares the values inside, so that comparing it is nearly free."""
    if isinstance(value, dict):
        return {key: _snapshot(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_snapshot(item) for item in value]
    return value


def to_wire(message: BaseMessage) -> dict[str, Any]:
    """One message as OpenAI's chat completions wire names it."""
    if isinstance(message, ToolMessage):
        return {"role": "tool", "tool_call_id": message.tool_call_id, "content": _text_only(message.content)}
    if isinstance(message, AIMessage):
        return _assistant(message)
    if isinstance(message, ChatMessage):
        return {"role": message.role, "content": _content(message.content)}
    for kind, role in ((HumanMessage, "user"), (SystemMessage, "system")):
        if isinstance(message, kind):
            named = {"name": message.name} if message.name and wire_name(message.name) == message.name else {}
            return {"role": role, "content": _content(message.content), **named}
    raise ModelRequestInvalid(f"A message of type {type(message).__name__!r} has no form on the OpenAI wire.")


def _assistant(message: AIMessage) -> dict[str, Any]:
    calls = [_call(call["id"], call["name"], to_json(call["args"]).decode()) for call in message.tool_calls]
    calls += [  # servers parse old arguments, so what was not JSON is quoted
        _call(call["id"], call["name"] or "unnamed", to_json({"not_json": call["args"]}).decode())
        for call in message.invalid_tool_calls
    ]
    text = _text_only(message.content)
    if not text and (refusal := message.additional_kwargs.get("refusal")):
        text = refusal
    if not calls:
        return {"role": "assistant", "content": text}
    return {"role": "assistant", "content": text or None, "tool_calls": calls}


def _call(call_id: str | None, name: str, arguments: str) -> dict[str, Any]:
    function = {"name": wire_name(name), "arguments": arguments}
    return {"id": call_id or "", "type": "function", "function": function}


def _text_only(content: str | list[Any]) -> str:
    """Text of answers and tool results: other blocks (reasoning, a provider's own) do not go back."""
    if isinstance(content, str):
        return content
    texts = (block if isinstance(block, str) else block.get("text") for block in content)
    return "".join(text for text in texts if isinstance(text, str))


def _content(content: str | list[Any]) -> str | list[Any]:
    return content if isinstance(content, str) else [_part(block) for block in content]


def _part(block: str | Mapping[str, Any]) -> Mapping[str, Any]:
    if isinstance(block, str):
        return {"type": "text", "text": block}
    if block.get("type") == "text":
        return {"type": "text", "text": block["text"]}
    if is_data_content_block(dict(block)):
        return convert_to_openai_data_block(dict(block))
    return block

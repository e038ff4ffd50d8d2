"""What a scripted model can be told to say, and when."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from langchain_core.messages import AIMessage, InvalidToolCall, ToolCall
from langchain_core.messages.ai import UsageMetadata
from pydantic import BaseModel

from .contract import ModelRequest
from .telling import new_id
from .wire_json import to_json

Matcher = str | re.Pattern[str] | Callable[[ModelRequest], bool]
"""A part of the last message's text, a pattern found in it, or a question about the whole request."""


@dataclass(frozen=True, kw_only=True)
class Reply:
    """One answer in full."""

    text: str = ""
    tool_calls: Sequence[Mapping[str, Any]] = ()
    """Made by `calls`; a call without an id gets one."""
    invalid_tool_calls: Sequence[Mapping[str, Any]] = ()
    """{"name", "args": text that is not JSON, "error"}."""
    output: Any = None
    """An object or a pydantic model for a structured answer; it becomes JSON text."""
    reasoning: str = ""
    refusal: str = ""
    finish_reason: str | None = None
    usage: Mapping[str, int] | None = None
    """{"input_tokens", "output_tokens"}; a quarter of the characters, if it is not given."""
    delay: float = 0.0
    """Seconds before the answer."""
    error: Exception | None = None
    """Raised instead of the answer; after `text` was streamed, if there is any."""
    expect: Matcher | None = None
    """What the request has to look like; anything else is a mismatch."""
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class When:
    """An answer for every request that `matcher` fits, `times` times at most (None: always)."""

    matcher: Matcher
    reply: Any
    times: int | None = 1
    place: str | None = None
    """Only for requests from this place of a graph: a path of node names, such as ``team/clerk/model``."""


ScriptEntry = (
    str
    | Reply
    | AIMessage
    | BaseModel
    | Mapping[str, Any]
    | Sequence[Mapping[str, Any]]
    | Exception
    | Callable[[ModelRequest], Any]
)


def calls(name: str, /, **arguments: Any) -> ToolCall:
    """A call of the tool `name`, for a script; give several in a list to make them in parallel."""
    return ToolCall(type="tool_call", name=name, args=arguments, id=None)


def matches(matcher: Matcher, request: ModelRequest) -> bool:
    """Whether a matcher fits a request."""
    if callable(matcher):
        return bool(matcher(request))
    last = request.messages[-1].text if request.messages else ""
    return matcher in last if isinstance(matcher, str) else matcher.search(last) is not None


def reply_of(entry: Any, request: ModelRequest) -> Reply | AIMessage:
    """The full form of an entry; functions are asked with the request."""
    if isinstance(entry, (Reply, AIMessage)):
        return entry
    if isinstance(entry, str):
        return Reply(text=entry)
    if isinstance(entry, Exception):
        return Reply(error=entry)
    if isinstance(entry, Mapping) and entry.get("type") == "tool_call":
        return Reply(tool_calls=[entry])
    if isinstance(entry, (Mapping, BaseModel)):
        return Reply(output=entry)
    if isinstance(entry, Sequence):
        return Reply(tool_calls=entry)
    if callable(entry):
        return reply_of(entry(request), request)
    raise TypeError(f"A script cannot hold {entry!r}. It holds texts, calls, objects, exceptions and replies.")


def message_of(reply: Reply | AIMessage, request: ModelRequest, model: str) -> AIMessage:
    """The message a reply stands for; it always has a new id, ids for its calls, and usage."""
    if isinstance(reply, AIMessage):
        return reply.model_copy(update={"id": new_id()})
    text = _json_text(reply.output) if reply.output is not None else reply.text
    extra = {"reasoning_content": reply.reasoning, "refusal": reply.refusal}
    tools = [ToolCall(type="tool_call", name=c["name"], args=c["args"], id=_id(c)) for c in reply.tool_calls]
    bad = [
        InvalidToolCall(type="invalid_tool_call", name=c["name"], args=c["args"], id=_id(c), error=c.get("error", ""))
        for c in reply.invalid_tool_calls
    ]
    finish = reply.finish_reason or ("tool_calls" if tools or bad else "stop")
    return AIMessage(
        content=text,
        tool_calls=tools,
        invalid_tool_calls=bad,
        additional_kwargs={key: value for key, value in extra.items() if value},
        usage_metadata=_usage(reply, request, text),
        response_metadata={
            "model_name": model, "finish_reason": finish, "model_provider": "graphwright", **reply.metadata
        },
        id=new_id(),
    )  # fmt: skip


def _id(call: Mapping[str, Any]) -> str:
    return str(call.get("id") or f"call_{uuid4().hex[:24]}")


def _json_text(value: Any) -> str:
    return value.model_dump_json() if isinstance(value, BaseModel) else to_json(value).decode()


def _usage(reply: Reply, request: ModelRequest, text: str) -> UsageMetadata:
    given = reply.usage or {
        "input_tokens": sum(len(message.text) for message in request.messages) // 4,
        "output_tokens": (len(text) + sum(len(str(call["args"])) for call in reply.tool_calls)) // 4,
    }
    sent, got = given.get("input_tokens", 0), given.get("output_tokens", 0)
    return UsageMetadata(input_tokens=sent, output_tokens=got, total_tokens=sent + got)

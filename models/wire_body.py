"""Request bodies, assembled from bytes that were prepared before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from langchain_core.messages import BaseMessage, SystemMessage

from .contract import ModelRequest
from .strict_schema import strict_schema
from .wire_json import to_json
from .wire_messages import message_bytes, to_wire
from .wire_names import wire_name

OutputForm = Literal["strict", "schema", "object", "text"]
"""How to ask for JSON: by a strict schema, by a schema, by "some object" and words, by words alone."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """What one server understands for one model, as found out so far."""

    output: OutputForm = "strict"
    stream_usage: bool = True
    token_limit: str = "max_tokens"


def simpler(used: Dialect, complaint: str, *, output: bool, stream: bool) -> Dialect | None:
    """A dialect that avoids what the server complained about, or None if it did not say so."""
    said = complaint.lower()
    if "max_completion_tokens" in said and used.token_limit == "max_tokens":
        return replace(used, token_limit="max_completion_tokens")
    if stream and used.stream_usage and ("stream_options" in said or "include_usage" in said):
        return replace(used, stream_usage=False)
    if output and used.output != "text" and any(word in said for word in _ABOUT_OUTPUT):
        return replace(used, output=_NEXT[used.output])
    return None


_ABOUT_OUTPUT = ("response_format", "json_schema", "json_object", "structured output")
_NEXT: dict[OutputForm, OutputForm] = {"strict": "schema", "schema": "object", "object": "text"}


@dataclass(frozen=True, slots=True)
class WireTools:
    """Tools as JSON bytes, and the way back from wire names to ours."""

    data: bytes
    names: Mapping[str, str]
    held: tuple[Mapping[str, Any], ...]
    """Keeps the declarations alive, so that their identities stay theirs."""


_tools: dict[tuple[int, ...], WireTools] = {}
_TOOLS_KEPT = 512


def wire_tools(tools: tuple[Mapping[str, Any], ...]) -> WireTools:
    """The bytes of these tools, made once for the same declarations."""
    key = tuple(map(id, tools))
    found = _tools.get(key)
    if found is None:
        while len(_tools) >= _TOOLS_KEPT:
            _tools.pop(next(iter(_tools)), None)
        found = _tools[key] = _wire_tools(tools)
    return found


def _wire_tools(tools: tuple[Mapping[str, Any], ...]) -> WireTools:
    names = {wire_name(tool["function"]["name"]): tool["function"]["name"] for tool in tools}
    shown = [_with_wire_name(tool) for tool in tools]
    return WireTools(to_json(shown), names, tools)


def _with_wire_name(tool: Mapping[str, Any]) -> dict[str, Any]:
    return {**tool, "function": {**tool["function"], "name": wire_name(tool["function"]["name"])}}


def request_body(request: ModelRequest, *, model: str, params: Mapping[str, Any], stream: bool, used: Dialect) -> bytes:
    """The JSON body of one chat completion; `params` are the model's own, which the request's override."""
    parts = message_bytes(request.messages)
    rest: dict[str, Any] = {"model": model, **params, **request.params}
    if "max_tokens" in rest:
        rest[used.token_limit] = rest.pop("max_tokens")
    if request.output is not None:
        _ask_for_output(rest, parts, request.messages, request.output, used)
    if stream:
        rest["stream"] = True
        if used.stream_usage:
            rest["stream_options"] = {"include_usage": True}
    if request.tools and (choice := _choice(request.tool_choice)) is not None:
        rest["tool_choice"] = choice
    tools = b',"tools":' + wire_tools(request.tools).data if request.tools else b""
    return b"".join((to_json(rest)[:-1], b',"messages":[', b",".join(parts), b"]", tools, b"}"))


def _choice(choice: str | None) -> Any:
    if choice in (None, "auto"):
        return None
    if choice in ("none", "required"):
        return choice
    return {"type": "function", "function": {"name": wire_name(str(choice))}}


def _ask_for_output(
    rest: dict[str, Any],
    parts: list[bytes],
    messages: Sequence[BaseMessage],
    schema: Mapping[str, Any],
    used: Dialect,
) -> None:
    if used.output in ("strict", "schema"):
        strict = strict_schema(schema) if used.output == "strict" else None
        shape = {"name": wire_name(str(schema.get("title") or "Answer")), "schema": strict or schema}
        rest["response_format"] = {
            "type": "json_schema",
            "json_schema": {**shape, "strict": strict is not None},
        }
        return
    if used.output == "object":
        rest["response_format"] = {"type": "json_object"}
    asked = (
        "Give the final answer as one JSON object that matches this JSON schema, and nothing around it:\n"
        + to_json(schema).decode()
    )
    first = messages[0] if messages else None
    if isinstance(first, SystemMessage) and isinstance(first.content, str):
        parts[0] = to_json(to_wire(SystemMessage(f"{first.content}\n\n{asked}", name=first.name)))
    else:
        parts.insert(0, to_json({"role": "system", "content": asked}))

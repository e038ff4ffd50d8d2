"""Handing over an answer that is already known as if it were streamed, and answers as plain data."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from langchain_core.messages import AIMessage

from .contract import Delta, DeltaSink, ModelRequest
from .errors import ModelAnswerMalformed
from .wire_json import from_json

_WORDS = re.compile(r"\S+\s*|\s+")


def tell(message: AIMessage, on_delta: DeltaSink | None) -> None:
    """Stream a finished message: reasoning and refusal whole, the text word by word."""
    if on_delta is None:
        return
    if reasoning := message.additional_kwargs.get("reasoning_content"):
        on_delta(Delta(reasoning=reasoning))
    if refusal := message.additional_kwargs.get("refusal"):
        on_delta(Delta(refusal=refusal))
    for word in _WORDS.findall(message.text):
        on_delta(Delta(text=word))


def with_parsed(message: AIMessage, request: ModelRequest, model: str) -> AIMessage:
    """The message with the parsed object of a structured answer in it, if one was asked for and given.

    Fences around JSON, which small models like, are taken off. Raises ModelAnswerMalformed.
    """
    text, extra = message.text, message.additional_kwargs
    if request.output is None or not text or "refusal" in extra or "parsed" in extra:
        return message
    if message.tool_calls or message.invalid_tool_calls:
        return message
    bare = text.strip()
    if bare.startswith("```"):
        bare = bare.removeprefix("```json").removeprefix("```").removesuffix("```").strip()
    try:
        extra["parsed"] = from_json(bare)
    except ValueError as error:
        raise _not_json(message, model, error) from error
    message.content = bare
    return message


def _not_json(message: AIMessage, model: str, error: ValueError) -> ModelAnswerMalformed:
    if message.response_metadata.get("finish_reason") == "length":
        why = f"{model!r} ran out of tokens in the middle of its JSON answer. Raise max_tokens."
        return ModelAnswerMalformed(why, retryable=False)
    why = f"{model!r} was asked for JSON and sent {message.text[:120]!r} ({error}). Try again."
    return ModelAnswerMalformed(why)


def new_id() -> str:
    """An id no other message has."""
    return f"msg_{uuid4().hex}"


_KEPT = ("content", "tool_calls", "invalid_tool_calls", "additional_kwargs", "response_metadata", "usage_metadata")


def to_data(message: AIMessage) -> dict[str, Any]:
    """An answer as plain JSON data, without its id and without empty fields."""
    return {name: value for name in _KEPT if (value := getattr(message, name)) or name == "content"}


def from_data(data: Mapping[str, Any]) -> AIMessage:
    """The answer again, with an id of its own."""
    return AIMessage(**{name: data[name] for name in _KEPT if name in data}, id=new_id())

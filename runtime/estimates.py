"""How large a prompt is, from above and without reading the whole history again each turn."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage

    from graphwright.models import ModelRequest

BYTES_PER_TOKEN = 3
"""Of UTF-8. English has 4 to 5 and code 3 to 4; digits and rare scripts may have less."""
PER_MESSAGE = 8
"""Tokens around each message."""
PER_ATTACHMENT = 1_500
"""Tokens of an image or another part that is not text."""


class PromptSize:
    """Estimates prompts of one run; remembers how large an agent's tools are."""

    def __init__(self) -> None:
        self._fixed: dict[tuple[int, int], tuple[Any, int]] = {}

    def of(self, request: ModelRequest, agent: str) -> int:
        """Tokens that a request sends, estimated from above.

        The agent's last answer tells exactly what the prompt took until then; only what came after it is estimated.
        """
        tokens = 0
        for message in reversed(request.messages):
            told = _told_by(message, agent)
            if told:
                return tokens + told
            tokens += size_of(message)
        return tokens + self._size_of_fixed(request)

    def _size_of_fixed(self, request: ModelRequest) -> int:
        if not request.tools and not request.output:
            return 0
        key = (id(request.tools), id(request.output))
        if key not in self._fixed:
            tokens = _tokens(len(orjson.dumps([request.tools, request.output], default=str)))
            # The objects are kept with it, so that no other can get their ids.
            self._fixed[key] = ((request.tools, request.output), tokens)
        return self._fixed[key][1]


def size_of(message: BaseMessage) -> int:
    """Tokens of one message, estimated from above."""
    content = message.content
    tokens = PER_MESSAGE + (_tokens(len(content.encode())) if isinstance(content, str) else _parts(content))
    calls = getattr(message, "tool_calls", None)
    return tokens + (_tokens(len(orjson.dumps(calls, default=str))) if calls else 0)


def _told_by(message: BaseMessage, agent: str) -> int:
    used = getattr(message, "usage_metadata", None)
    if not used or message.name != agent or not used.get("input_tokens"):
        return 0
    return int(used["input_tokens"]) + int(used.get("output_tokens") or 0)


def _parts(parts: Sequence[Any]) -> int:
    texts = [part if isinstance(part, str) else part.get("text") for part in parts]
    return sum(PER_ATTACHMENT if text is None else _tokens(len(str(text).encode())) for text in texts)


def _tokens(length: int) -> int:
    return math.ceil(length / BYTES_PER_TOKEN)

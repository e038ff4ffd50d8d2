"""`OfflineModel`: the heuristics behind the chat model contract."""

from __future__ import annotations

import math
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.messages.tool import tool_call

from ..contract import ChatModel, Delta, DeltaSink, ModelRequest
from .structured import fill_schema
from .turn import Past, Step, Turn, next_step

NOTICE = "deterministic heuristic baseline, not an LLM"


class OfflineModel(ChatModel):
    """A deterministic heuristic baseline, not an LLM: picks tools by their words, fills arguments, quotes results.

    Needs no network, key or weights. The same request gives the same text and calls in every process; only
    message and call ids are fresh. Token counts are an estimate (a token per four characters).
    """

    @property
    def name_of_model(self) -> str:
        """Always "offline"."""
        return "offline"

    @property
    def reads_instructions(self) -> bool:
        """Never: it goes by the question, the tools and the results."""
        return False

    async def respond(self, request: ModelRequest, *, on_delta: DeltaSink | None = None) -> AIMessage:
        """Answer one request by heuristics; the metadata says that no language model was involved."""
        turn = turn_of(request.messages)
        if request.output is not None and (
            not request.tools or request.tool_choice == "none" or not _step(turn, request).calls
        ):
            return _message(
                request, Step(), on_delta, parsed=fill_schema(request.output, turn.question, _results(turn))
            )
        return _message(request, _step(turn, request), on_delta)


def _step(turn: Turn, request: ModelRequest) -> Step:
    return next_step(turn, request.tools, request.tool_choice)


def _results(turn: Turn) -> list[tuple[str, str]]:
    return [(p.name, p.result) for p in turn.past if p.result is not None and not p.failed]


def turn_of(messages: Sequence[BaseMessage]) -> Turn:
    """The last thing a person said, and the tool calls and results since."""
    at = max((i for i, m in enumerate(messages) if isinstance(m, HumanMessage)), default=-1)
    question = _text(messages[at]) if at >= 0 else _text(messages[-1]) if messages else ""
    earlier = next((_text(m) for m in reversed(messages[: max(at, 0)]) if isinstance(m, HumanMessage)), "")
    said = next((_text(m) for m in reversed(messages[at + 1 :]) if isinstance(m, AIMessage) and not m.tool_calls), "")
    return Turn(question, _past(messages[at + 1 :]), earlier, said)


def _past(messages: Sequence[BaseMessage]) -> list[Past]:
    results = {m.tool_call_id: m for m in messages if isinstance(m, ToolMessage)}
    past = []
    for message in messages:
        for call in message.tool_calls if isinstance(message, AIMessage) else ():
            result = results.get(call["id"] or "")
            text = _text(result) if result is not None else None
            past.append(Past(call["name"], call["args"], text, result is not None and result.status == "error"))
    return past


def _text(message: BaseMessage) -> str:
    content = message.content
    if isinstance(content, str):
        return content
    return "\n".join(part if isinstance(part, str) else str(part.get("text", "")) for part in content)


def _message(request: ModelRequest, step: Step, on_delta: DeltaSink | None, parsed: Any = None) -> AIMessage:
    structured = request.output is not None and not step.calls
    text = orjson.dumps(parsed).decode() if structured else step.text
    if on_delta is not None:
        for start in range(0, len(text), 40):
            on_delta(Delta(text=text[start : start + 40]))
    token = uuid.uuid4().hex
    calls = [
        tool_call(name=call.name, args=dict(call.arguments), id=f"call_{token[:16]}_{i}")
        for i, call in enumerate(step.calls)
    ]
    return AIMessage(
        content=text,
        tool_calls=calls,
        id=f"offline-{token}",
        additional_kwargs={"parsed": parsed} if structured else {},
        usage_metadata=_usage(request, text, [c.arguments for c in step.calls]),
        response_metadata={
            "model_name": "offline", "model_provider": "offline", "finish_reason": "tool_calls" if calls else "stop",
            "offline": True, "notice": NOTICE, "usage_is_estimate": True,
        },
    )  # fmt: skip


def _usage(request: ModelRequest, text: str, arguments: Sequence[Mapping[str, Any]]) -> UsageMetadata:
    asked = sum(len(_text(m)) for m in request.messages) + sum(len(str(t)) for t in request.tools)
    said = len(text) + sum(len(str(a)) for a in arguments)
    into, out = math.ceil(asked / 4), math.ceil(said / 4)
    return UsageMetadata(input_tokens=into, output_tokens=out, total_tokens=into + out)

"""The few fields of a chat completion that matter, as one AIMessage."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from langchain_core.messages import AIMessage, InvalidToolCall, ToolCall
from langchain_core.messages.ai import UsageMetadata

from .errors import ModelAnswerMalformed, ModelFiltered
from .telling import new_id
from .wire_json import from_json
from .wire_names import our_name


def message_from(answer: Any, *, model: str, names: Mapping[str, str]) -> AIMessage:
    """The message of one parsed completion; `names` maps wire names of tools to ours.

    Raises ModelAnswerMalformed and ModelFiltered.
    """
    choice, said = _choice(answer, model)
    finish = choice.get("finish_reason")
    if finish == "content_filter":
        raise ModelFiltered(f"The content filter of {model!r} withheld the answer. Rephrase the request.")
    calls, wrong = _calls(said.get("tool_calls"), names)
    text, extra = _text(said.get("content")), _extra(said)
    return AIMessage(
        content=text,
        additional_kwargs=extra,
        tool_calls=calls,
        invalid_tool_calls=wrong,
        usage_metadata=_usage(answer.get("usage")),
        response_metadata=_metadata(answer, finish, model),
        id=new_id(),
    )


def _choice(answer: Any, model: str) -> tuple[dict[str, Any], dict[str, Any]]:
    choices = answer.get("choices") if isinstance(answer, dict) else None
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        raise ModelAnswerMalformed(f"{model!r} sent an answer without choices. Try again, or ask another model.")
    said = choices[0].get("message")
    if not isinstance(said, dict):
        raise ModelAnswerMalformed(f"{model!r} sent a choice without a message. Try again, or ask another model.")
    return choices[0], said


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    return "".join(part["text"] for part in content if isinstance(part, dict) and isinstance(part.get("text"), str))


def _extra(said: Mapping[str, Any]) -> dict[str, Any]:
    extra: dict[str, Any] = {}
    reasoning = said.get("reasoning_content") or said.get("reasoning")
    if isinstance(reasoning, str) and reasoning:
        extra["reasoning_content"] = reasoning
    if refusal := said.get("refusal"):
        extra["refusal"] = refusal
    return extra


def _metadata(answer: Mapping[str, Any], finish: Any, model: str) -> dict[str, Any]:
    found = {"model_name": answer.get("model") or model, "finish_reason": finish, "model_provider": "openai"}
    for key in ("id", "system_fingerprint", "service_tier"):
        if value := answer.get(key):
            found[key] = value
    return found


def _usage(usage: Any) -> UsageMetadata | None:
    if not isinstance(usage, dict):
        return None
    sent, got = usage.get("prompt_tokens") or 0, usage.get("completion_tokens") or 0
    sent_details = usage.get("prompt_tokens_details") or {}
    got_details = usage.get("completion_tokens_details") or {}
    return {
        "input_tokens": sent,
        "output_tokens": got,
        "total_tokens": usage.get("total_tokens") or sent + got,
        "input_token_details": {"cache_read": sent_details.get("cached_tokens") or 0},
        "output_token_details": {"reasoning": got_details.get("reasoning_tokens") or 0},
    }


def _calls(raw: Any, names: Mapping[str, str]) -> tuple[list[ToolCall], list[InvalidToolCall]]:
    good: list[ToolCall] = []
    bad: list[InvalidToolCall] = []
    used: set[str] = set()
    for call in raw or ():
        function = (call.get("function") if isinstance(call, dict) else None) or {}
        call_id = call.get("id") if isinstance(call, dict) else None
        if not isinstance(call_id, str) or not call_id or call_id in used:  # local servers leave ids out
            call_id = f"call_{uuid4().hex[:24]}"
        used.add(call_id)
        name = our_name(str(function.get("name") or ""), names)
        args, problem = _arguments(function.get("arguments"))
        if not name:
            problem = "The call names no tool."
        if problem:
            text = args if isinstance(args, str) else str(args)
            bad.append(InvalidToolCall(type="invalid_tool_call", id=call_id, name=name, args=text, error=problem))
        else:
            good.append(ToolCall(type="tool_call", id=call_id, name=name, args=args))
    return good, bad


def _arguments(raw: Any) -> tuple[Any, str | None]:
    """Arguments as a dict and no problem, or as they came and what is wrong with them."""
    value = raw
    for _ in range(2):  # some servers encode twice
        if value is None or value == "":
            return {}, None
        if isinstance(value, dict):
            return value, None
        if not isinstance(value, str):
            break
        try:
            value = from_json(value)
        except ValueError as error:
            return raw, f"The arguments are not JSON: {error}."
    return (value, None) if isinstance(value, dict) else (raw, "The arguments are not a JSON object.")

"""What is said back to a model: that a call cannot be answered, or that an answer does not fit."""

from __future__ import annotations

from typing import Any

import orjson
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from pydantic import BaseModel, ValidationError


def unanswerable(answer: AIMessage, call_id: str | None, tool: str | None, problem: str) -> ToolMessage:
    """The result of a call that never reached a tool."""
    return tool_message(answer.id, call_id or "", tool or "", problem, status="error")


def tool_message(
    message_id: str | None, call_id: str, tool: str, content: str, *, status: str = "success", artifact: Any = None
) -> ToolMessage:
    """The one result of a call; its id follows from the call, so a second result would replace the first."""
    return ToolMessage(
        content,
        tool_call_id=call_id,
        name=tool,
        status=status,
        artifact=artifact,
        id=f"result:{message_id}:{call_id}",
    )


def structured_answer(schema: type[BaseModel], answer: AIMessage) -> tuple[dict[str, Any] | None, str | None]:
    """The answer as plain data of ``schema``, or what is wrong with it."""
    parsed = answer.additional_kwargs.get("parsed")
    try:
        value = parsed if parsed is not None else orjson.loads(answer.text)
        return schema.model_validate(value).model_dump(mode="json"), None
    except orjson.JSONDecodeError as error:
        return None, f"The answer is not JSON: {error}."
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, each['loc'])) or 'answer'}: {each['msg']}" for each in error.errors())
        return None, f"The answer does not fit the schema: {problems}."


def correction(answer: AIMessage, problem: str) -> HumanMessage:
    """A structured answer goes back with what is wrong about it; the id follows from the answer's, for replays."""
    return HumanMessage(
        f"{problem} Answer again with one JSON object that fits the schema.",
        id=f"correction:{answer.id}",
        additional_kwargs={"correction": True},
    )

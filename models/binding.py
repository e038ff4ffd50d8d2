"""Between LangChain's vocabulary and ours: tools, choices, schemas and streamed chunks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any

import orjson
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.outputs import ChatGenerationChunk
from langchain_core.runnables import Runnable, RunnableLambda, RunnableMap, RunnablePassthrough
from langchain_core.utils.function_calling import convert_to_json_schema, convert_to_openai_tool
from pydantic import BaseModel

from .errors import ModelAnswerMalformed


def wire_tools(tools: Sequence[Any]) -> tuple[Mapping[str, Any], ...]:
    """Each tool as {"type": "function", "function": {...}}; anything with a `spec` mapping brings its own."""
    return tuple(
        spec if isinstance(spec := getattr(tool, "spec", None), Mapping) else convert_to_openai_tool(tool)
        for tool in tools
    )


def choice_name(choice: Any) -> str | None:
    """A forced tool in LangChain's or OpenAI's words, as None | "auto" | "none" | "required" | its name."""
    if choice is None or choice is False:
        return None
    if choice is True or choice == "any":
        return "required"
    if isinstance(choice, Mapping):
        return str(choice.get("function", choice).get("name", "")) or None
    return str(choice)


def output_schema(schema: Any) -> dict[str, Any]:
    """The JSON schema of a pydantic class, TypedDict, function or schema; it always has a "title"."""
    if isinstance(schema, type) and issubclass(schema, BaseModel):
        found = schema.model_json_schema()
    else:
        found = convert_to_json_schema(schema)
    return found if found.get("title") else {**found, "title": "Answer"}


def structured(
    model: BaseChatModel, schema: Any, *, include_raw: bool, **kwargs: Any
) -> Runnable[LanguageModelInput, Any]:
    """`model`, then a parser that gives an instance of `schema` (a dict if it is no pydantic class)."""
    unknown = set(kwargs) - {"method", "strict"}
    if unknown:
        raise ValueError(f"with_structured_output does not know {sorted(unknown)}.")
    asked = model.bind(output=output_schema(schema))
    parser = RunnableLambda(lambda message: _parsed(message, schema))
    if not include_raw:
        return asked | parser
    good = RunnablePassthrough.assign(parsed=itemgetter("raw") | parser, parsing_error=lambda _: None)
    bad = RunnablePassthrough.assign(parsed=lambda _: None)
    return RunnableMap(raw=asked) | good.with_fallbacks([bad], exception_key="parsing_error")


def _parsed(message: AIMessage, schema: Any) -> Any:
    if refusal := message.additional_kwargs.get("refusal"):
        raise ModelAnswerMalformed(f"The model refused to answer: {refusal}", retryable=False)
    value = message.additional_kwargs.get("parsed")
    if value is None:
        value = orjson.loads(message.text)
    if isinstance(schema, type) and issubclass(schema, BaseModel):
        return schema.model_validate(value)
    return value


def piece_chunk(text: str, reasoning: str) -> ChatGenerationChunk:
    """One streamed piece as LangChain streams it."""
    extra = {"reasoning_content": reasoning} if reasoning else {}
    return ChatGenerationChunk(message=AIMessageChunk(content=text, additional_kwargs=extra), text=text)


def final_chunk(message: AIMessage, text: str, reasoning: str) -> ChatGenerationChunk:
    """What the streamed `text` and `reasoning` left out: their rest, tool calls, usage, metadata.

    LangChain gives all chunks of an answer one id, by which clients put them together.
    """
    rest = _rest(message.text, text)
    extra = dict(message.additional_kwargs)
    if thought := _rest(extra.pop("reasoning_content", ""), reasoning):
        extra["reasoning_content"] = thought
    asked = [(call["name"], orjson.dumps(call["args"]).decode(), call["id"]) for call in message.tool_calls]
    asked += [(call["name"] or "", call["args"] or "", call["id"]) for call in message.invalid_tool_calls]
    calls = [
        tool_call_chunk(name=name, args=args, id=call_id, index=index)
        for index, (name, args, call_id) in enumerate(asked)
    ]
    chunk = AIMessageChunk(
        content=rest,
        tool_call_chunks=calls,
        usage_metadata=message.usage_metadata,
        response_metadata=message.response_metadata,
        additional_kwargs=extra,
        chunk_position="last",
    )
    return ChatGenerationChunk(message=chunk, text=rest)


def _rest(whole: str, begun: str) -> str:
    return whole[len(begun) :] if whole.startswith(begun) else ""

"""One suite for the contract of chat models, run on every one of them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from pydantic import BaseModel, Field

from graphwright.models import (
    Cached,
    ChatModel,
    CircuitBreaker,
    Delta,
    Fallback,
    ModelRequest,
    OfflineModel,
    RateLimit,
    RecordedModel,
    Recording,
    Retry,
    ScriptedModel,
    When,
    as_chat_model,
    calls,
)


class City(BaseModel):
    """A city and its country."""

    name: str = Field(description="Name of the city.")
    country: str = Field(description="Country of the city.")


TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Get the current weather in a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string", "description": "Name of the city."}},
            "required": ["city"],
        },
    },
}
TEXT = ModelRequest([HumanMessage("Say hello.")])
CALL = ModelRequest([HumanMessage("What is the weather in Paris?")], tools=(TOOL,), tool_choice="required")
OBJECT = ModelRequest([HumanMessage("Paris is in France.")], output=City.model_json_schema())


def scripted() -> ScriptedModel:
    return ScriptedModel(
        [
            When(lambda request: bool(request.tools), calls("get_weather", city="Paris"), times=None),
            When(lambda request: request.output is not None, City(name="Paris", country="France"), times=None),
            When("", "Hello from a script.", times=None),
        ]
    )


class Foreign(BaseChatModel):
    """A LangChain model of somebody else, which streams and calls tools."""

    @property
    def _llm_type(self) -> str:
        return "foreign"

    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        return self.bind(tools=tools, **kwargs)

    def _answer(self, messages: Any, tools: Any) -> AIMessage:
        usage = {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3}
        if tools:
            return AIMessage("", tool_calls=[{"name": "get_weather", "args": {"city": "Paris"}, "id": "c"}])
        if "JSON schema" in messages[0].text:
            return AIMessage('{"name": "Paris", "country": "France"}', usage_metadata=usage)
        return AIMessage("Hello from abroad.", usage_metadata=usage)

    def _generate(self, messages: Any, stop: Any = None, run_manager: Any = None, **kwargs: Any) -> ChatResult:
        message = self._answer(messages, kwargs.get("tools"))
        return ChatResult(generations=[ChatGeneration(message=message)])

    def _stream(
        self, messages: Any, stop: Any = None, run_manager: Any = None, **kwargs: Any
    ) -> Iterator[ChatGenerationChunk]:
        message = self._answer(messages, kwargs.get("tools"))
        for word in message.text.split(" "):
            yield ChatGenerationChunk(
                message=AIMessageChunk(f" {word}" if word != message.text.split(" ")[0] else word)
            )
        chunks = [
            {"name": call["name"], "args": json.dumps(call["args"]), "id": call["id"], "index": 0}
            for call in message.tool_calls
        ]
        yield ChatGenerationChunk(message=AIMessageChunk("", tool_call_chunks=chunks))


def _openai(server: Any) -> ChatModel:
    """The wire model in front of a server that answers as the script does."""

    def answer(writer: Any) -> None:
        body = server.bodies[-1]
        if body.get("tools"):
            delta = {"index": 0, "id": "c", "function": {"name": "get_weather", "arguments": '{"city": "Paris"}'}}
            said: dict[str, Any] = {"tool_calls": [delta]}
        elif "response_format" in body:
            said = {"content": '{"name": "Paris", "country": "France"}'}
        else:
            said = {"content": "Hello from a socket."}
        usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
        (server.deltas(said, usage=usage) if body.get("stream") else server.message(usage=usage, **said))(writer)

    server.will(answer)
    return server.model()


async def _recorded(path: Path) -> ChatModel:
    recording = Recording(scripted(), path)
    for request in (TEXT, CALL, OBJECT):
        await recording.respond(request)
    return RecordedModel(path)


KINDS = [
    "scripted",
    "recorded",
    "openai",
    "foreign",
    "offline",
    "retry",
    "fallback",
    "rate_limit",
    "circuit_breaker",
    "cached",
    "recording",
]


@pytest.fixture(params=KINDS)
async def model(request: pytest.FixtureRequest, server: Any, tmp_path: Path) -> ChatModel:
    path = tmp_path / "tape.json"
    made: dict[str, Any] = {
        "scripted": scripted,
        "openai": lambda: _openai(server),
        "foreign": lambda: as_chat_model(Foreign()),
        "offline": OfflineModel,
        "retry": lambda: Retry(scripted()),
        "fallback": lambda: Fallback(scripted(), scripted()),
        "rate_limit": lambda: RateLimit(scripted(), rate=1e6),
        "circuit_breaker": lambda: CircuitBreaker(scripted()),
        "cached": lambda: Cached(scripted()),
        "recording": lambda: Recording(scripted(), path),
    }
    return await _recorded(path) if request.param == "recorded" else made[request.param]()


async def test_an_answer_is_text_with_an_id_of_its_own(model: ChatModel) -> None:
    first, second = await model.respond(TEXT), await model.respond(TEXT)

    assert type(first) is AIMessage
    assert isinstance(first.content, str)
    assert first.content
    assert not first.tool_calls
    assert first.id
    assert first.id != second.id


async def test_a_streamed_answer_is_its_pieces(model: ChatModel) -> None:
    heard: list[Delta] = []

    message = await model.respond(TEXT, on_delta=heard.append)

    assert "".join(delta.text for delta in heard) == message.content


@pytest.mark.parametrize("streamed", [False, True])
async def test_a_tool_call_has_parsed_arguments_and_an_id(model: ChatModel, streamed: bool) -> None:
    message = await model.respond(CALL, on_delta=(lambda delta: None) if streamed else None)

    (call,) = message.tool_calls
    assert (call["name"], call["args"]) == ("get_weather", {"city": "Paris"})
    assert call["id"]
    assert not message.invalid_tool_calls


@pytest.mark.parametrize("streamed", [False, True])
async def test_a_structured_answer_is_json_and_parsed(model: ChatModel, streamed: bool) -> None:
    message = await model.respond(OBJECT, on_delta=(lambda delta: None) if streamed else None)

    parsed = message.additional_kwargs["parsed"]
    assert json.loads(message.text) == parsed
    assert set(parsed) == {"name", "country"}


async def test_a_request_is_left_as_it_was(model: ChatModel) -> None:
    before = HumanMessage("Say hello.").model_dump()

    await model.respond(TEXT)

    assert TEXT.messages[0].model_dump() == before


async def test_answers_may_be_asked_for_at_once(model: ChatModel) -> None:
    answers = await asyncio.gather(*(model.respond(TEXT) for _ in range(5)))

    assert len({answer.id for answer in answers}) == 5


async def test_langchain_can_ask_it_too(model: ChatModel) -> None:
    message = await model.ainvoke("Say hello.")
    bound = await model.bind_tools([TOOL], tool_choice="any").ainvoke("What is the weather in Paris?")

    assert message.content
    assert bound.tool_calls[0]["args"] == {"city": "Paris"}


async def test_langchain_can_stream_it(model: ChatModel) -> None:
    chunks = [chunk async for chunk in model.bind_tools([TOOL], tool_choice="any").astream(CALL.messages)]
    whole = chunks[0]
    for chunk in chunks[1:]:
        whole = whole + chunk

    assert whole.tool_calls[0]["name"] == "get_weather"
    assert len({chunk.id for chunk in chunks}) == 1


async def test_langchain_gets_structured_output_from_it(model: ChatModel) -> None:
    city = await model.with_structured_output(City).ainvoke("Paris is in France.")

    assert isinstance(city, City)


async def test_it_can_be_asked_without_an_event_loop(model: ChatModel) -> None:
    message = await asyncio.to_thread(model.invoke, "Say hello.")

    assert message.content


def test_it_has_a_name(model: ChatModel) -> None:
    assert model.name_of_model

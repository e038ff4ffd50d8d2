"""Any LangChain chat model keeps our contract once it is adapted."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel, GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatResult

from graphwright.models import (
    ModelError,
    ModelRequestInvalid,
    ModelUnavailable,
    RealModelBanned,
    as_chat_model,
    ban_real_models,
    guard,
)


class Failing(BaseChatModel):
    """Raises what it is given."""

    error: Exception

    @property
    def _llm_type(self) -> str:
        return "failing"

    def _generate(self, *args: Any, **kwargs: Any) -> ChatResult:
        raise self.error


class Overloaded(Exception):
    """As providers raise it."""

    status_code = 529
    response = SimpleNamespace(headers={"retry-after": "3"})


async def test_streamed_chunks_are_merged(ask: Any) -> None:
    model = as_chat_model(GenericFakeChatModel(messages=iter([AIMessage("It is sunny.")])))
    heard: list[str] = []

    message = await model.respond(ask(), on_delta=lambda delta: heard.append(delta.text))

    assert message.content == "".join(heard) == "It is sunny."
    assert type(message) is AIMessage
    assert message.id


async def test_structured_output_is_asked_for_in_words(ask: Any) -> None:
    model = as_chat_model(GenericFakeChatModel(messages=iter([AIMessage('{"name": "Paris"}')])))

    message = await model.respond(ask(output={"title": "City", "type": "object"}))

    assert message.additional_kwargs["parsed"] == {"name": "Paris"}


async def test_a_model_that_cannot_call_tools_says_so(ask: Any, lookup: Any) -> None:
    model = as_chat_model(GenericFakeChatModel(messages=iter([AIMessage("x")])))

    with pytest.raises(ModelRequestInvalid, match="'langchain:GenericFakeChatModel' cannot call tools"):
        await model.respond(ask(tools=(lookup,)))


async def test_errors_of_providers_are_translated(ask: Any) -> None:
    with pytest.raises(ModelUnavailable, match="529") as caught:
        await as_chat_model(Failing(error=Overloaded("busy"))).respond(ask())
    with pytest.raises(ModelUnavailable, match="ConnectionResetError"):
        await as_chat_model(Failing(error=ConnectionResetError("gone"))).respond(ask())
    with pytest.raises(ModelError, match="KeyError") as other:
        await as_chat_model(Failing(error=KeyError("bug"))).respond(ask())

    assert caught.value.retry_after == 3
    assert not other.value.retryable


async def test_models_of_provider_packages_are_banned_too(ask: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Failing, "__module__", "langchain_openai.chat_models")
    ban_real_models()
    try:
        with pytest.raises(RealModelBanned, match="langchain:Failing"):
            await as_chat_model(Failing(error=KeyError())).respond(ask())
    finally:
        guard._banned = None

"""The one contract every chat model keeps: a request goes in, one message comes out.

A model overrides `respond`; LangChain's `ainvoke`, `astream`, `bind_tools` and `with_structured_output`
are derived from it. A wrapper (retry, fallback, cache, ...) is a chat model that overrides `respond` too.
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from pydantic import ConfigDict

from .binding import choice_name, final_chunk, piece_chunk, structured, wire_tools
from .sync_door import run_blocking


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """Everything a model is asked, in one value."""

    messages: Sequence[BaseMessage]
    """The conversation, oldest first. Messages are never changed once they were sent."""
    tools: tuple[Mapping[str, Any], ...] = ()
    """OpenAI wire form: {"type": "function", "function": {"name", "description", "parameters"}}."""
    tool_choice: str | None = None
    """None or "auto" | "none" | "required" | the name of one tool."""
    output: Mapping[str, Any] | None = None
    """JSON schema (with a "title") of a structured answer; None for text."""
    params: Mapping[str, Any] = field(default_factory=dict)
    """Sampling and limits as the wire names them: temperature, max_tokens, seed, stop ..."""


@dataclass(frozen=True, slots=True)
class Delta:
    """One piece of a streamed answer; each field holds only what is new."""

    text: str = ""
    reasoning: str = ""
    refusal: str = ""


DeltaSink = Callable[[Delta], None]
"""Called for each piece on the event loop. One with a method `restart()` can be told to forget its pieces."""


class ChatModel(BaseChatModel):
    """A chat model behind one method. Every answer has an id, parsed tool calls and, if known, its usage."""

    model_config = ConfigDict(extra="forbid")
    """A misspelled setting is an error, not silence."""

    @property
    @abstractmethod
    def name_of_model(self) -> str:
        """How a person would name it, such as "openai:gpt-5-mini" or "offline"."""

    @property
    def reads_instructions(self) -> bool:
        """Whether system messages can change its answers; what does not read them cannot test a prompt."""
        return True

    @abstractmethod
    async def respond(self, request: ModelRequest, *, on_delta: DeltaSink | None = None) -> AIMessage:
        """Answer one request; with a sink, the pieces are handed over as they arrive.

        With `request.output`, the content is JSON text and `additional_kwargs["parsed"]` the parsed object.
        Raises a `ModelError`.
        """

    @property
    def _llm_type(self) -> str:
        return "graphwright"

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> Any:
        return {**super()._get_ls_params(stop, **kwargs), "ls_model_name": self.name_of_model}

    def bind_tools(
        self, tools: Sequence[Any], *, tool_choice: Any = None, **kwargs: Any
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """The same model with tools: LangChain's, functions, pydantic classes, wire dicts or ours."""
        choice = choice_name(tool_choice)
        kwargs.pop("ls_structured_output_format", None)
        return self.bind(tools=wire_tools(tools), **({"tool_choice": choice} if choice else {}), **kwargs)

    def with_structured_output(
        self, schema: Any, *, include_raw: bool = False, **kwargs: Any
    ) -> Runnable[LanguageModelInput, Any]:
        """The same model answering with an object of `schema` (pydantic class, TypedDict or JSON schema)."""
        return structured(self, schema, include_raw=include_raw, **kwargs)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return _result(run_blocking(self.respond(_request(messages, stop, kwargs))))

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return _result(await self.respond(_request(messages, stop, kwargs)))

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        pieces: asyncio.Queue[Delta | None] = asyncio.Queue()
        asked = asyncio.ensure_future(self.respond(_request(messages, stop, kwargs), on_delta=pieces.put_nowait))
        asked.add_done_callback(lambda _: pieces.put_nowait(None))
        told: list[Delta] = []
        try:
            while (piece := await pieces.get()) is not None:
                told.append(piece)
                yield piece_chunk(piece.text, piece.reasoning)
            text, reasoning = "".join(p.text for p in told), "".join(p.reasoning for p in told)
            yield final_chunk(await asked, text, reasoning)
        finally:
            asked.cancel()


def _request(messages: list[BaseMessage], stop: list[str] | None, kwargs: dict[str, Any]) -> ModelRequest:
    params = {name: value for name, value in kwargs.items() if name not in _NOT_PARAMS}
    if stop:
        params["stop"] = stop
    return ModelRequest(
        messages=messages,
        tools=tuple(kwargs.get("tools") or ()),
        tool_choice=choice_name(kwargs.get("tool_choice")),
        output=kwargs.get("output"),
        params=params,
    )


_NOT_PARAMS = frozenset({"tools", "tool_choice", "output", "ls_structured_output_format"})


def _result(message: AIMessage) -> ChatResult:
    return ChatResult(generations=[ChatGeneration(message=message)])

"""Any LangChain chat model behind our contract."""

from __future__ import annotations

from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, SystemMessage
from langchain_core.messages.utils import message_chunk_to_message

from .contract import ChatModel, Delta, DeltaSink, ModelRequest
from .errors import ModelAnswerMalformed, ModelError, ModelRequestInvalid, ModelUnavailable
from .guard import check_real_model
from .telling import new_id, with_parsed
from .wire_errors import status_error
from .wire_json import to_json


def as_chat_model(model: BaseChatModel) -> ChatModel:
    """`model` itself if it keeps our contract, else an adapter around it."""
    return model if isinstance(model, ChatModel) else ForeignModel(model)


class ForeignModel(ChatModel):
    """Speaks to a LangChain model through `bind_tools`, `ainvoke` and `astream`."""

    foreign: BaseChatModel

    def __init__(self, foreign: BaseChatModel, **settings: Any) -> None:
        super().__init__(foreign=foreign, **settings)  # type: ignore[call-arg]  # pydantic reads fields by name

    @property
    def name_of_model(self) -> str:
        kind = type(self.foreign).__name__
        name = getattr(self.foreign, "model_name", None) or getattr(self.foreign, "model", None)
        return f"langchain:{kind}:{name}" if isinstance(name, str) else f"langchain:{kind}"

    async def respond(self, request: ModelRequest, *, on_delta: DeltaSink | None = None) -> AIMessage:
        """Ask the model inside. Its own retries, if it has any, are its own."""
        if _is_real(self.foreign):
            check_real_model(self.name_of_model, _address(self.foreign))
        try:
            message = await self._ask(request, on_delta)
        except ModelError:
            raise
        except NotImplementedError as error:
            raise ModelRequestInvalid(
                f"{self.name_of_model!r} cannot call tools. Use another model for agents that have some."
            ) from error
        except Exception as error:  # of whichever vendor's client; each is told in our words
            raise _translated(error, self.name_of_model) from error
        if message.id is None:
            message.id = new_id()
        return with_parsed(message, request, self.name_of_model)

    async def _ask(self, request: ModelRequest, on_delta: DeltaSink | None) -> AIMessage:
        asked: Any = self.foreign
        if request.tools:
            choice = {"tool_choice": request.tool_choice} if request.tool_choice else {}
            asked = asked.bind_tools(list(request.tools), **choice)
        messages, params = _messages(request), dict(request.params)
        if on_delta is None:
            return _finished(await asked.ainvoke(messages, **params), self.name_of_model)
        whole: AIMessageChunk | None = None
        async for chunk in asked.astream(messages, **params):
            whole = chunk if whole is None else whole + chunk
            delta = Delta(text=chunk.text, reasoning=chunk.additional_kwargs.get("reasoning_content") or "")
            if delta != Delta():
                on_delta(delta)
        return _finished(whole, self.name_of_model)


def _messages(request: ModelRequest) -> list[BaseMessage]:
    """The conversation; a schema becomes words, the one form of structured output every model takes."""
    messages = list(request.messages)
    if request.output is None:
        return messages
    asked = (
        "Give the final answer as one JSON object that matches this JSON schema, and nothing around it:\n"
        + to_json(request.output).decode()
    )
    if messages and isinstance(messages[0], SystemMessage):
        return [SystemMessage(f"{messages[0].text}\n\n{asked}"), *messages[1:]]
    return [SystemMessage(asked), *messages]


def _finished(answer: Any, name: str) -> AIMessage:
    message = message_chunk_to_message(answer) if isinstance(answer, AIMessageChunk) else answer
    if not isinstance(message, AIMessage):
        raise ModelAnswerMalformed(f"{name!r} gave {type(answer).__name__} instead of a message. Try again.")
    return message


def _is_real(model: BaseChatModel) -> bool:
    """Models of provider packages are real; fakes of langchain_core and models in one's own code are not."""
    package = type(model).__module__.split(".")[0]
    return package.startswith("langchain") and package not in ("langchain_core", "langchain_tests")


def _address(model: BaseChatModel) -> str | None:
    for name in ("openai_api_base", "base_url", "endpoint"):
        if isinstance(found := getattr(model, name, None), str):
            return found
    return None


def _translated(error: Exception, name: str) -> ModelError:
    """Providers raise their own classes; an HTTP status says most about them."""
    response = getattr(error, "response", None)
    status = getattr(error, "status_code", None) or getattr(response, "status_code", None)
    if isinstance(status, int):
        body = getattr(error, "body", None) or {"message": str(error)}
        return status_error(status, body, getattr(response, "headers", {}), model=name, where="its provider")
    kind = type(error).__name__
    if isinstance(error, OSError) or "Timeout" in kind or "Connect" in kind:
        return ModelUnavailable(f"{name!r} cannot be reached ({kind}: {error}). Try again later.")
    return ModelError(f"{name!r} failed ({kind}: {error}). Its package may say more.")

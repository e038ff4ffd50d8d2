"""Ask the next model when one cannot answer."""

from __future__ import annotations

from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage

from .contract import ChatModel, DeltaSink, ModelRequest
from .errors import (
    CassetteMiss,
    MissingExtra,
    ModelError,
    ModelFiltered,
    RealModelBanned,
    ScriptMismatch,
    UnknownModel,
)
from .foreign import as_chat_model
from .wrapper import watched

_FINAL = (ModelFiltered, RealModelBanned, ScriptMismatch, CassetteMiss, UnknownModel, MissingExtra)
"""Decisions and mistakes, not outages: another model is no way around them."""


class Fallback(ChatModel):
    """Models in order of preference; the first that answers does. `answered_by` in the metadata says which.

    Nothing of an answer that broke off is mixed with another model's: after streamed pieces the next model is
    asked only if the sink has a `restart()`.
    """

    models: tuple[ChatModel, ...]

    def __init__(self, *models: BaseChatModel, **settings: Any) -> None:
        if not models:
            raise ValueError("Fallback needs at least one model.")
        ours = tuple(as_chat_model(model) for model in models)
        super().__init__(models=ours, **settings)  # type: ignore[call-arg]  # pydantic reads fields by name

    @property
    def name_of_model(self) -> str:
        return " or ".join(model.name_of_model for model in self.models)

    async def respond(self, request: ModelRequest, *, on_delta: DeltaSink | None = None) -> AIMessage:
        """The first answer; if there is none, the last error with a note for each earlier one."""
        sink, failed = watched(on_delta), list[tuple[str, ModelError]]()
        for model in self.models:
            if sink is not None:
                sink.restart()
            try:
                message = await model.respond(request, on_delta=sink)
            except _FINAL:
                raise
            except ModelError as error:
                failed.append((model.name_of_model, error))
                if sink is not None and not sink.can_start_over():
                    break
            else:
                message.response_metadata["answered_by"] = model.name_of_model
                return message
        last = failed[-1][1]
        for name, earlier in failed[:-1]:
            last.add_note(f"Before that, {name}: {earlier}")
        raise last

"""What a run has used: counted from the journal, so that it is right after a crash too."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from .context import ModelCall, ModelHandler
from .journal import Entry

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage


class Tally:
    """Model calls, tokens and prompt versions of one run."""

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self.usage = {"model_calls": 0, "tool_calls": 0, "input_tokens": 0, "output_tokens": 0}
        self.prompts: dict[str, str] = {}
        for entry in entries:
            if entry.kind == "model":
                self._count((entry.outcome or {}).get("usage_metadata") or {})
                self._prompt(entry.request.get("prompt"), entry.request.get("prompt_version"))
            elif entry.kind == "tool":
                self.usage["tool_calls"] += 1

    def counted(self, following: ModelHandler) -> ModelHandler:
        """The same way to a model, counted."""

        async def ask(call: ModelCall) -> AIMessage:
            answer = await following(call)
            self._count(answer.usage_metadata or {})
            self._prompt(call.prompt, call.prompt_version)
            return answer

        return ask

    def _count(self, used: Mapping[str, Any]) -> None:
        self.usage["model_calls"] += 1
        self.usage["input_tokens"] += int(used.get("input_tokens") or 0)
        self.usage["output_tokens"] += int(used.get("output_tokens") or 0)

    def _prompt(self, name: str | None, version: str | None) -> None:
        if name:
            self.prompts[name] = version or ""

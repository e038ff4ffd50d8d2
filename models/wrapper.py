"""What all wrappers share: the model inside, and a watch on what was already streamed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from langchain_core.language_models import BaseChatModel

from .contract import ChatModel, Delta, DeltaSink
from .foreign import as_chat_model


class Wrapper(ChatModel):
    """A chat model around a chat model; a subclass overrides `respond`."""

    inner: ChatModel

    def __init__(self, inner: BaseChatModel, **settings: Any) -> None:
        super().__init__(inner=as_chat_model(inner), **settings)  # type: ignore[call-arg]  # pydantic fields

    @property
    def name_of_model(self) -> str:
        return self.inner.name_of_model

    @property
    def reads_instructions(self) -> bool:
        return self.inner.reads_instructions


class WatchedSink:
    """Hands pieces on and remembers whether there were any: what a person has read cannot be asked again."""

    def __init__(self, sink: DeltaSink) -> None:
        self._sink = sink
        self._begun = False

    def __call__(self, delta: Delta) -> None:
        self._begun = True
        self._sink(delta)

    def can_start_over(self) -> bool:
        """Whether another attempt may stream: nothing came yet, or the sink can be told to forget."""
        return not self._begun or _restart_of(self._sink) is not None

    def restart(self) -> None:
        """Tell the sink to forget, if it has anything to forget."""
        restart = _restart_of(self._sink)
        if self._begun and restart is not None:
            restart()
        self._begun = False


def watched(sink: DeltaSink | None) -> WatchedSink | None:
    """A watch on `sink`, if there is one."""
    return None if sink is None else WatchedSink(sink)


def _restart_of(sink: DeltaSink) -> Callable[[], None] | None:
    if isinstance(sink, WatchedSink):
        return sink.restart if _restart_of(sink._sink) is not None else None
    restart: Callable[[], None] | None = getattr(sink, "restart", None)
    return restart

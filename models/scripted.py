"""A chat model that says what a test tells it to, and notices when it is asked something else."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from langchain_core.messages import AIMessage
from pydantic import PrivateAttr

from .asking import asked_at
from .contract import ChatModel, Delta, DeltaSink, ModelRequest
from .errors import ScriptMismatch
from .rendering import rendered
from .script import Reply, ScriptEntry, When, calls, matches, message_of, reply_of
from .telling import tell, with_parsed

__all__ = ["Reply", "ScriptedModel", "When", "calls"]


class ScriptedModel(ChatModel):
    """Answers from a script: `When` entries whenever their matcher fits, all others in their order.

    An entry is a text, a tool call made by `calls`, a list of them, an object for structured output, an exception
    to raise, an AIMessage, a `Reply` with everything, or a function of the request that returns one of these.
    """

    title: str = "scripted"
    _queue: list[Any] = PrivateAttr(default_factory=list)
    _matchers: list[When] = PrivateAttr(default_factory=list)
    _requests: list[ModelRequest] = PrivateAttr(default_factory=list)
    _length: int = PrivateAttr(default=0)

    def __init__(self, script: Sequence[ScriptEntry | When] = (), **settings: Any) -> None:
        super().__init__(**settings)
        self._matchers = [entry for entry in script if isinstance(entry, When)]
        self._queue = [entry for entry in script if not isinstance(entry, When)]
        self._length = len(self._queue)

    @property
    def name_of_model(self) -> str:
        return self.title

    @property
    def reads_instructions(self) -> bool:
        """Only where a matcher or a function is given the whole request."""
        return any(callable(each) for each in (*self._queue, *(when.matcher for when in self._matchers)))

    @property
    def requests(self) -> list[ModelRequest]:
        """Every request so far, oldest first."""
        return self._requests

    async def respond(self, request: ModelRequest, *, on_delta: DeltaSink | None = None) -> AIMessage:
        """The next answer of the script. Raises ScriptMismatch, or the error the script tells it to."""
        self._requests.append(replace(request, messages=tuple(request.messages)))
        reply = reply_of(self._next(request), request)
        if isinstance(reply, Reply):
            await self._act(reply, request, on_delta)
        message = with_parsed(message_of(reply, request, self.title), request, self.title)
        tell(message, on_delta)
        return message

    def assert_complete(self) -> None:
        """Raise ScriptMismatch if some of the script was never asked for."""
        unasked = [*self._queue, *(entry for entry in self._matchers if entry.times)]
        if unasked:
            listed = "\n".join(f"  {entry!r}" for entry in unasked)
            raise ScriptMismatch(
                f"{self.title!r} was asked {len(self._requests)} times; this was never asked for:\n{listed}"
            )

    def _next(self, request: ModelRequest) -> Any:
        for index, entry in enumerate(self._matchers):
            if entry.times != 0 and entry.place in (None, asked_at()) and matches(entry.matcher, request):
                if entry.times is not None:
                    self._matchers[index] = replace(entry, times=entry.times - 1)
                return entry.reply
        if not self._queue:
            raise ScriptMismatch(
                f"{self.title!r} has no answer left for request {len(self._requests)}; its script has "
                f"{self._length} in order and {len(self._matchers)} by matcher. It was asked:\n{rendered(request)}"
            )
        return self._queue.pop(0)

    async def _act(self, reply: Reply, request: ModelRequest, on_delta: DeltaSink | None) -> None:
        if reply.expect is not None and not matches(reply.expect, request):
            raise ScriptMismatch(
                f"{self.title!r} expected {reply.expect!r} in request {len(self._requests)}. "
                f"It was asked:\n{rendered(request)}"
            )
        if reply.delay:
            await asyncio.sleep(reply.delay)
        if reply.error is not None:
            if on_delta is not None and reply.text:
                on_delta(Delta(text=reply.text))
            raise reply.error

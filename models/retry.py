"""Ask again when asking again may help."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any

import tenacity
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from pydantic import Field

from .contract import DeltaSink, ModelRequest
from .errors import ModelError
from .wrapper import Wrapper, watched


class Retry(Wrapper):
    """Asks up to `attempts` times, waiting longer each time, and as long as the server says.

    What cannot succeed is not retried, nor is an answer whose first pieces were already streamed, unless the
    sink has a `restart()`.
    """

    attempts: int = Field(default=4, ge=1)
    """Attempts in all."""
    first_wait: float = 0.5
    """Seconds before the second attempt; doubled for each further one, jittered by half."""
    longest_wait: float = 60.0
    """Seconds. A server that asks for more is not waited for: the error is raised at once."""
    sleep: Callable[[float], Awaitable[None]] = Field(default=asyncio.sleep, exclude=True)
    jitter: Callable[[], float] = Field(default=random.random, exclude=True)
    """A number in [0, 1)."""

    def __init__(self, inner: BaseChatModel, **settings: Any) -> None:
        super().__init__(inner, **settings)

    async def respond(self, request: ModelRequest, *, on_delta: DeltaSink | None = None) -> AIMessage:
        """Ask until there is an answer; the last error is raised as it is."""
        sink = watched(on_delta)

        def may_help(error: BaseException) -> bool:
            if not isinstance(error, ModelError) or not error.retryable:
                return False
            patient = error.retry_after is None or error.retry_after <= self.longest_wait
            return patient and (sink is None or sink.can_start_over())

        async for attempt in tenacity.AsyncRetrying(
            stop=tenacity.stop_after_attempt(self.attempts),
            retry=tenacity.retry_if_exception(may_help),
            wait=self._wait,
            sleep=self.sleep,
            reraise=True,
        ):
            with attempt:
                if sink is not None:
                    sink.restart()
                return await self.inner.respond(request, on_delta=sink)
        raise AssertionError("tenacity either returns an answer or raises the last error")

    def _wait(self, state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = error.retry_after if isinstance(error, ModelError) else None
        if asked is not None:  # not all at the very same moment
            return asked + self.jitter() * min(1.0, 0.1 * asked)
        longest = min(self.longest_wait, self.first_wait * 2.0 ** (state.attempt_number - 1))
        return longest * (0.5 + 0.5 * self.jitter())

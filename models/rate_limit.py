"""No more requests in a second than agreed."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from pydantic import Field, PrivateAttr

from .contract import DeltaSink, ModelRequest
from .wrapper import Wrapper


class RateLimit(Wrapper):
    """A token bucket: `burst` requests at once, then `rate` a second; the others wait, first come, first served.

    One instance may serve several event loops and threads.
    """

    rate: float = Field(gt=0)
    """Requests per second."""
    burst: int = Field(default=1, ge=1)
    clock: Callable[[], float] = Field(default=time.monotonic, exclude=True)
    sleep: Callable[[float], Awaitable[None]] = Field(default=asyncio.sleep, exclude=True)
    _full_at: float = PrivateAttr(default=float("-inf"))
    """When the bucket will be full again; every request moves it on by 1 / rate."""
    _lock: Any = PrivateAttr(default_factory=threading.Lock)

    def __init__(self, inner: BaseChatModel, **settings: Any) -> None:
        super().__init__(inner, **settings)

    async def respond(self, request: ModelRequest, *, on_delta: DeltaSink | None = None) -> AIMessage:
        """Wait for a turn, then ask."""
        wait = self._take_turn()
        if wait > 0:
            await self.sleep(wait)
        return await self.inner.respond(request, on_delta=on_delta)

    def _take_turn(self) -> float:
        """Seconds until this request's turn, which is taken now; no lock is held while waiting."""
        with self._lock:
            now = self.clock()
            self._full_at = max(self._full_at, now) + 1 / self.rate
            return max(0.0, self._full_at - now - self.burst / self.rate)

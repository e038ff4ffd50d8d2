"""Leave a model alone that keeps failing, and look now and then whether it is back."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from pydantic import Field, PrivateAttr

from .contract import DeltaSink, ModelRequest
from .errors import ModelError, ModelUnavailable
from .wrapper import Wrapper


@dataclass(frozen=True, slots=True)
class Circuit:
    """Where a breaker stands."""

    state: Literal["closed", "open", "half-open"] = "closed"
    failures: int = 0
    """In a row."""
    opened_at: float = 0.0


def before_call(circuit: Circuit, now: float, cooldown: float) -> tuple[Circuit, float | None]:
    """The circuit when somebody wants to ask, and the seconds to stay away (None: go ahead)."""
    if circuit.state == "closed":
        return circuit, None
    left = circuit.opened_at + cooldown - now
    if circuit.state == "open" and left <= 0:
        return replace(circuit, state="half-open"), None  # this one request is the probe
    return circuit, max(left, 0.0)


def after_failure(circuit: Circuit, now: float, limit: int) -> Circuit:
    """The circuit after one more failure; a failed probe opens it again."""
    failures = circuit.failures + 1
    if circuit.state == "half-open" or failures >= limit:
        return Circuit("open", failures, now)
    return replace(circuit, failures=failures)


class CircuitBreaker(Wrapper):
    """After `failures` failures in a row, refuses for `cooldown` seconds, then lets one request probe.

    Only errors that may pass by themselves count; a request refused as invalid says the server is there.
    """

    failures: int = Field(default=5, ge=1)
    cooldown: float = Field(default=30.0, gt=0)
    clock: Callable[[], float] = Field(default=time.monotonic, exclude=True)
    _circuit: Circuit = PrivateAttr(default_factory=Circuit)
    _lock: Any = PrivateAttr(default_factory=threading.Lock)

    def __init__(self, inner: BaseChatModel, **settings: Any) -> None:
        super().__init__(inner, **settings)

    @property
    def state(self) -> Literal["closed", "open", "half-open"]:
        """Closed means that requests go through."""
        return self._circuit.state

    async def respond(self, request: ModelRequest, *, on_delta: DeltaSink | None = None) -> AIMessage:
        """Ask, or raise ModelUnavailable at once with the seconds left."""
        with self._lock:
            self._circuit, wait = before_call(self._circuit, self.clock(), self.cooldown)
        if wait is not None:
            raise ModelUnavailable(
                f"{self.name_of_model!r} failed {self._circuit.failures} times in a row and is left alone for "
                f"{wait:.0f} s more.",
                retry_after=wait,
            )
        return await self._watched(request, on_delta)

    async def _watched(self, request: ModelRequest, on_delta: DeltaSink | None) -> AIMessage:
        try:
            message = await self.inner.respond(request, on_delta=on_delta)
        except ModelError as error:
            if error.retryable:
                with self._lock:
                    self._circuit = after_failure(self._circuit, self.clock(), self.failures)
            else:
                self._close()
            raise
        except BaseException:  # cancelled, or a bug: the probe proved nothing
            with self._lock:
                if self._circuit.state == "half-open":
                    self._circuit = replace(self._circuit, state="open")
            raise
        self._close()
        return message

    def _close(self) -> None:
        with self._lock:
            self._circuit = Circuit()

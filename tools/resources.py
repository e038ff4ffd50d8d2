"""What tools share (clients, folders, stores): made at first use, once, and closed together."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from .errors import ResourceMissing, ToolDeclarationError
from .words import listed

T = TypeVar("T")


class Resources:
    """Instances by type, each made by its factory when it is first asked for.

    Safe for threads; factories run one at a time and may ask for other resources.
    """

    def __init__(self) -> None:
        self._factories: dict[type[Any], Callable[[], Any]] = {}
        self._instances: dict[type[Any], Any] = {}
        self._making: list[type[Any]] = []
        self._lock = threading.RLock()
        self._closed = False

    def provide(self, kind: type[T], factory: Callable[[], T]) -> None:
        """Say how to make the instance of `kind`; a later word replaces an earlier one until it was made."""
        with self._lock:
            if kind in self._instances:
                late = "It is in use already. Provide it before a tool asks for it."
                raise ToolDeclarationError(f"Resource {kind.__name__}", [late])
            self._factories[kind] = factory

    def get(self, kind: type[T]) -> T:
        """Return the one instance of `kind`; raises ResourceMissing when nobody provided it."""
        found = self.find(kind)
        if found is None:
            have = listed(sorted(known.__name__ for known in self._factories))
            raise ResourceMissing(
                f"No {kind.__name__} was provided. There are: {have}. "
                f"Add resources.provide({kind.__name__}, ...) where the run is started."
            )
        return found

    def find(self, kind: type[T]) -> T | None:
        """Return the one instance of `kind`, or None when nobody provided it."""
        made: T | None = self._instances.get(kind)
        return self._make(kind) if made is None else made

    def _make(self, kind: type[T]) -> T | None:
        with self._lock:
            if self._closed:
                raise ResourceMissing(f"{kind.__name__} was asked for after the resources were closed.")
            if kind in self._instances or kind not in self._factories:
                return self._instances.get(kind)
            if kind in self._making:
                circle = " -> ".join(known.__name__ for known in (*self._making, kind))
                raise ToolDeclarationError("Resources", [f"Factories need each other in a circle: {circle}."])
            self._making.append(kind)
            try:
                made: T = self._factories[kind]()
            finally:
                self._making.pop()
            self._instances[kind] = made
            return made

    async def aclose(self) -> None:
        """Close what was made, last made first; every one is tried, failures are raised together."""
        with self._lock:
            self._closed = True
            made, self._instances = list(self._instances.values()), {}
        failures = []
        for instance in reversed(made):
            try:
                await _close(instance)
            except Exception as error:
                failures.append(error)
        if failures:
            raise ExceptionGroup("Resources did not close", failures)


async def _close(instance: Any) -> None:
    close = getattr(instance, "aclose", None) or getattr(instance, "close", None)
    if callable(close):
        answer = close()
        if inspect.isawaitable(answer):
            await answer

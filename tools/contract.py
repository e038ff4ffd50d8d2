"""A tool: what the model is shown, what it does to the world, and how it is called."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from .arguments import Arguments
from .context import ToolContext
from .labels import Labels
from .schema import Injected
from .threads import in_thread

Call = Callable[[Mapping[str, Any], ToolContext], Awaitable[Any]]
"""How a tool is called with validated arguments."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Tool:
    """One thing a model may ask for. Made by `@tool` or `as_tool`; calling it is plain Python."""

    name: str
    description: str
    labels: Labels
    function: Callable[..., Any]
    """What a plain call calls."""
    arguments: Arguments
    call: Call
    source: str
    """Where it is declared, as "module:line"."""
    synchronous: bool = False
    """Runs in a worker thread, which a timeout cannot stop, only cut off."""
    injected: Mapping[str, Injected] = field(default_factory=dict)
    """Parameters the model does not see, and what they receive."""
    spec: dict[str, Any] = field(init=False)
    """What the model is shown, in OpenAI's form. Shared: copy it before you change it."""

    def __post_init__(self) -> None:
        shown = {"name": self.name, "description": self.description, "parameters": self.parameters}
        object.__setattr__(self, "spec", {"type": "function", "function": shown})

    @property
    def parameters(self) -> dict[str, Any]:
        """The JSON schema of the arguments."""
        return self.arguments.json_schema

    def validate(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Return the Python values to call with, defaults filled in; InvalidArguments lists all problems."""
        return self.arguments.validate(self.name, arguments)

    async def invoke(self, arguments: Mapping[str, Any], context: ToolContext) -> Any:
        """Call with validated arguments and return what the tool returns; no timeout, no retry, no policy.

        If the waiting task is cancelled, `context.cancelled` is set before the cancellation goes on.
        """
        try:
            return await self.call(arguments, context)
        except asyncio.CancelledError:
            context.cancelled.set()
            raise

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function itself, as plain Python."""
        return self.function(*args, **kwargs)

    @property
    def __wrapped__(self) -> Callable[..., Any]:
        return self.function

    def __repr__(self) -> str:
        return f"Tool({self.name!r}, effect={self.labels.effect!r}, source={self.source!r})"


def is_async(function: Callable[..., Any]) -> bool:
    """Whether calling this gives a coroutine: a function, a partial of one, or an object with `__call__`."""
    call = getattr(function, "__call__", None)  # noqa: B004  # the method itself is asked
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(call)


def function_call(function: Callable[..., Any], injected: Mapping[str, Injected]) -> Call:
    """Return how a function is called: awaited if it is async, in a worker thread if not."""
    context_names = tuple(name for name, kind in injected.items() if kind == "context")
    key_names = tuple(name for name, kind in injected.items() if kind == "key")

    def filled(arguments: Mapping[str, Any], context: ToolContext) -> dict[str, Any]:
        given = dict(arguments)
        for name in context_names:
            given[name] = context
        for name in key_names:
            given[name] = context.key
        return given

    async def awaited(arguments: Mapping[str, Any], context: ToolContext) -> Any:
        return await function(**filled(arguments, context))

    async def threaded(arguments: Mapping[str, Any], context: ToolContext) -> Any:
        answer = await in_thread(partial(function, **filled(arguments, context)))
        return await answer if inspect.isawaitable(answer) else answer

    return awaited if is_async(function) else threaded

"""One contract for calling a tool. A behaviour (timeout, retry, limit, ...) is a wrapper: Invoke -> Invoke."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from .context import ToolContext
from .contract import Tool

Invoke = Callable[[Tool, Mapping[str, Any], ToolContext], Awaitable[Any]]
Wrapper = Callable[[Invoke], Invoke]


async def invoke_tool(tool: Tool, arguments: Mapping[str, Any], context: ToolContext) -> Any:
    """Call a tool with validated arguments: the innermost Invoke."""
    return await tool.invoke(arguments, context)


def with_validation(inner: Invoke) -> Invoke:
    """Check what a model wrote and hand on Python values; raises InvalidArguments."""

    async def invoke(tool: Tool, arguments: Mapping[str, Any], context: ToolContext) -> Any:
        return await inner(tool, tool.validate(arguments), context)

    return invoke

"""What a server answered, as what a tool returns: text for the model, data for the program, errors as errors."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ..errors import ToolFailed
from ..json_schema import misfit
from ..results import WithArtifact
from ..threads import in_thread
from .declarations import Declaration
from .errors import CallLost

if TYPE_CHECKING:
    from mcp.types import CallToolResult, ContentBlock

MOST_ARTIFACT = 100_000
"""Characters of structured data that are kept beside the text."""


async def answer_of(server: str, accepted: Declaration, result: CallToolResult) -> Any:
    """Return the value of a result.

    Raises:
        ToolFailed: if the server says that the call failed.
        CallLost: if the result is not what the tool's schema promises: what it stands for cannot be relied on.
    """
    text = "\n".join(filter(None, map(_shown, result.content)))
    if result.is_error:
        raise ToolFailed(text or f"MCP server {server!r} says that {accepted.name!r} failed, not why.")
    data = result.structured_content
    if accepted.output is not None and (problem := await _misfit(accepted.output, data)):
        raise CallLost(f"MCP server {server!r} answered {accepted.name!r} with what its schema excludes: {problem}")
    if data is None:
        return text
    packed = json.dumps(data, ensure_ascii=False)
    return WithArtifact(text or packed, data if len(packed) <= MOST_ARTIFACT else None)


def _shown(block: ContentBlock) -> str:
    """Text as it is; pictures and sounds by kind and size."""
    kind = block.type
    if kind == "text":
        return str(getattr(block, "text", ""))
    if kind == "resource":
        resource = getattr(block, "resource", None)
        text = getattr(resource, "text", None)
        return str(text) if text is not None else f"[binary resource {getattr(resource, 'uri', '')}]"
    if kind == "resource_link":
        return f"[resource {getattr(block, 'uri', '')}]"
    return f"[{kind} {getattr(block, 'mime_type', '')}, {len(getattr(block, 'data', ''))} characters, not shown]"


async def _misfit(schema: dict[str, Any], data: Any) -> str:
    if data is None:
        return "no structured content."
    problem: str = await in_thread(lambda: misfit(schema, data))
    return problem

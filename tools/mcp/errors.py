"""What goes wrong with MCP servers."""

from __future__ import annotations

from ..errors import ToolError


class McpProblem(ToolError):
    """A server, its settings or its pins are not usable (the operator must act); no tool was called."""


class CallLost(ToolError):
    """A call was sent and its outcome is not known: the server died, broke off, or answered with nonsense."""

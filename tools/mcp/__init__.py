"""Tools of MCP servers: accepted once by a person, held to what was accepted, and kept within limits."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .declarations import Declaration
from .errors import CallLost, McpProblem
from .servers import McpServer

if TYPE_CHECKING:
    from .adapting import mcp_tools
    from .connections import McpConnections
    from .pins import Change, compare, read_pins, write_pins

_LATER = {
    "Change": "pins",
    "McpConnections": "connections",
    "compare": "pins",
    "mcp_tools": "adapting",
    "read_pins": "pins",
    "write_pins": "pins",
}

__all__ = [
    "CallLost",
    "Change",
    "Declaration",
    "McpConnections",
    "McpProblem",
    "McpServer",
    "compare",
    "mcp_tools",
    "read_pins",
    "write_pins",
]


def __getattr__(name: str) -> Any:
    """Import what few programs need when it is asked for."""
    if name in _LATER:
        return getattr(import_module(f".{_LATER[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

"""Tools: what agents can do, declared with what it does to the world, checked, limited and loaded from plug-ins."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .adapt import as_tool, schema_tool
from .approval_rules import ApprovalRules
from .context import ToolContext
from .contract import Tool
from .declare import tool
from .errors import (
    InvalidArguments,
    ResourceMissing,
    ToolCancelled,
    ToolDeclarationError,
    ToolError,
    ToolFailed,
    ToolTimedOut,
    ToolUnavailable,
    UnknownTool,
)
from .invoking import Invoke, invoke_tool, with_validation
from .labels import DECISION_TYPES, DecisionType, Effect, IdempotencyKey, Labels
from .resources import Resources
from .results import WithArtifact, render_result, with_rendered_result
from .timeouts import with_timeout
from .toolbox import Toolbox

if TYPE_CHECKING:
    from .breaker import with_breaker
    from .check import Finding, check_tools
    from .limits import with_limits
    from .loading import BrokenPlugin, LoadedTools, load_tools
    from .retries import with_retries

_LATER = {
    "BrokenPlugin": "loading",
    "Finding": "check",
    "LoadedTools": "loading",
    "check_tools": "check",
    "load_tools": "loading",
    "with_breaker": "breaker",
    "with_limits": "limits",
    "with_retries": "retries",
}

__all__ = [
    "ApprovalRules",
    "DECISION_TYPES",
    "DecisionType",
    "BrokenPlugin",
    "Effect",
    "Finding",
    "IdempotencyKey",
    "InvalidArguments",
    "Invoke",
    "Labels",
    "LoadedTools",
    "ResourceMissing",
    "Resources",
    "Tool",
    "ToolCancelled",
    "ToolContext",
    "ToolDeclarationError",
    "ToolError",
    "ToolFailed",
    "ToolTimedOut",
    "ToolUnavailable",
    "Toolbox",
    "UnknownTool",
    "WithArtifact",
    "as_tool",
    "check_tools",
    "invoke_tool",
    "load_tools",
    "render_result",
    "schema_tool",
    "tool",
    "with_breaker",
    "with_limits",
    "with_rendered_result",
    "with_retries",
    "with_timeout",
    "with_validation",
]


def __getattr__(name: str) -> Any:
    """Import what few programs need when it is asked for."""
    if name in _LATER:
        return getattr(import_module(f".{_LATER[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

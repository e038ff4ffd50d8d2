"""Accepted tools of servers as tools of ours. Nothing is started: names, words and schemas come from the pins."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Iterable, Mapping
from typing import Any

from ..context import ToolContext
from ..contract import Call, Tool
from ..declare import critical_problems
from ..errors import ToolDeclarationError, ToolFailed, ToolUnavailable
from ..json_schema import SchemaArguments
from ..labels import Labels
from ..loading import BrokenPlugin, LoadedTools
from ..toolbox import name_clashes
from ..words import listed
from .connections import McpConnections
from .declarations import Declaration
from .errors import CallLost
from .pins import Pins
from .results import answer_of
from .servers import McpServer

_LONGEST = 64
_FOREIGN = re.compile(r"[^a-zA-Z0-9_-]")
_SHARE = 0.9
"""How much of a call's time a server may take to start, so that a start that fails is told as such."""


def mcp_tools(servers: Iterable[McpServer], pins: Pins) -> LoadedTools:
    """Return the accepted tools of the servers, and what is wrong with the others."""
    tools: list[Tool] = []
    broken: list[BrokenPlugin] = []
    for server in servers:
        accepted = pins.get(server.name, {})
        try:
            found = [_tool(server, each) for each in accepted.values()]
            if problems := [*name_clashes(found), *_unmatched(server, accepted)]:
                raise ToolDeclarationError(f"MCP server {server.name!r}", problems)
        except ToolDeclarationError as error:
            broken.append(BrokenPlugin(_source(server), str(error)))
            continue
        tools += found
        if not accepted:
            how = f"Nothing of it was accepted yet. Look at it with: graphwright tools pin {server.name}"
            broken.append(BrokenPlugin(_source(server), how))
    return LoadedTools(tools, broken)


def tool_name(server: str, tool: str) -> str:
    """What a model calls a server's tool: prefixed, in letters that every provider takes."""
    name = f"{server}_{_FOREIGN.sub('_', tool)}"
    if len(name) <= _LONGEST:
        return name
    return f"{name[: _LONGEST - 9]}_{hashlib.sha256(tool.encode()).hexdigest()[:8]}"


def _tool(server: McpServer, accepted: Declaration) -> Tool:
    labels = server.labels_of(accepted.name)
    name = tool_name(server.name, accepted.name)
    if problems := critical_problems(labels.critical, list(accepted.input.get("properties", ()))):
        raise ToolDeclarationError(f"Tool {name!r} of MCP server {server.name!r}", problems)
    call = _call(server, accepted, labels)
    return Tool(
        name=name,
        description=accepted.description,
        labels=labels,
        function=call,
        arguments=SchemaArguments(accepted.input),
        call=call,
        source=_source(server),
    )


def _call(server: McpServer, accepted: Declaration, labels: Labels) -> Call:
    async def call(arguments: Mapping[str, Any], context: ToolContext) -> Any:
        connections = McpConnections.of(context.resources)
        left = server.timeout if context.deadline is None else (context.deadline - time.time()) * _SHARE
        try:
            result = await connections.call(
                server, accepted, arguments, key=context.key, seconds=max(0.0, min(left, server.timeout))
            )
        except CallLost as error:
            if labels.repeatable:
                raise ToolUnavailable(str(error)) from error
            raise
        try:
            return await answer_of(server.name, accepted, result)
        except CallLost as error:
            if labels.repeatable:
                raise ToolFailed(str(error)) from error
            raise

    return call


def _unmatched(server: McpServer, accepted: Mapping[str, Declaration]) -> list[str]:
    if not accepted:
        return []
    return [
        f"There are labels for {name!r}, but no accepted tool of that name. There are: {listed(sorted(accepted))}."
        for name in server.tool_labels
        if name not in accepted
    ]


def _source(server: McpServer) -> str:
    return f"MCP server {server.name!r}"

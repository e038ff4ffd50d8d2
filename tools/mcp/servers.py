"""One MCP server as it is declared: a command or an address, what its tools may do, and its limits."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ..errors import ToolDeclarationError
from ..labels import Labels, label_problems
from ..words import listed
from .errors import McpProblem

NAME = re.compile(r"[a-z][a-z0-9_]{0,29}")
_VARIABLE = re.compile(r"\$\{(\w+)\}")
_HERE = frozenset({"localhost", "127.0.0.1", "::1"})

INHERITED = ("PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "SYSTEMROOT", "TEMP")
"""What a server's process sees of our environment; everything else is given to it by name."""


@dataclass(frozen=True, kw_only=True, eq=False)
class McpServer:
    """Where a server is and what it may do. Declaring one starts nothing."""

    name: str
    """Prefix of its tools: `NAME_tool`."""
    command: str = ""
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Added to the few variables that are inherited; `${NAME}` stands for a variable of our environment."""
    cwd: Path | None = None
    url: str = ""
    """Of a streamable HTTP server, instead of a command."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Sent with every request; `${NAME}` as in `env`."""
    labels: Mapping[str, Any] = field(default_factory=dict)
    """For all its tools. Without `effect` they stay egress, destructive and untrusted, whatever else is said."""
    tool_labels: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """For single tools, by the server's own names for them; these win."""
    timeout: float = 60.0
    """Seconds, for a start and for a call; a tool's own label wins."""
    restart: int = 3
    """Further starts within five minutes, with growing pauses; then it is left alone."""
    max_message: int = 4_000_000
    """Bytes of one message of the server."""
    max_bytes: int = 32_000_000
    """Bytes that the server may send after one request."""
    max_messages: int = 5_000
    """Messages that the server may send after one request."""

    def __post_init__(self) -> None:
        if problems := list(self._problems()):
            raise ToolDeclarationError(f"MCP server {self.name!r}", problems)

    def labels_of(self, tool: str) -> Labels:
        """The labels of one tool; nothing said means that it fails closed."""
        given = {**self.labels, **self.tool_labels.get(tool, {})}
        given.setdefault("timeout", self.timeout)
        if "effect" in given:
            return Labels(**given)
        return Labels(**{"effect": "egress", "destructive": True, "once": True, **given})

    def environment(self, ours: Mapping[str, str] | None = None) -> dict[str, str]:
        """What the server's process sees; raises McpProblem naming every variable that is not set."""
        ours = os.environ if ours is None else ours
        inherited = {name: ours[name] for name in INHERITED if name in ours}
        return {**inherited, **self._filled("env", self.env, ours)}

    def request_headers(self, ours: Mapping[str, str] | None = None) -> dict[str, str]:
        """What is sent with every request; raises McpProblem naming every variable that is not set."""
        return self._filled("headers", self.headers, os.environ if ours is None else ours)

    def _filled(self, where: str, values: Mapping[str, str], ours: Mapping[str, str]) -> dict[str, str]:
        wanted = {name for value in values.values() for name in _VARIABLE.findall(value)}
        if missing := sorted(wanted - set(ours)):
            raise McpProblem(
                f"MCP server {self.name!r} was not started: its {where} in graphwright.toml names variables that are "
                f"not set: {listed(missing)}. Set them in the environment."
            )
        return {key: _VARIABLE.sub(lambda found: ours[found.group(1)], value) for key, value in values.items()}

    def _problems(self) -> list[str]:
        problems = []
        if not NAME.fullmatch(self.name):
            problems.append(f"The name {self.name!r} must be 1 to 30 lower-case letters, digits and _, a letter first.")
        if bool(self.command) == bool(self.url):
            problems.append('Give either command = "..." or url = "...".')
        if self.url:
            problems += self._url_problems()
        problems += [
            f"{name}={getattr(self, name)!r} must be more than 0."
            for name in ("timeout", "max_message", "max_bytes", "max_messages")
            if getattr(self, name) <= 0
        ]
        if self.restart < 0:
            problems.append(f"restart={self.restart!r} must be 0 or more.")
        for tool, labels in (("", self.labels), *self.tool_labels.items()):
            problems += [f"{tool or 'labels'}: {problem}" for problem in _told(labels)]
        return problems

    def _url_problems(self) -> list[str]:
        try:
            parts = urlsplit(self.url)
            host = parts.hostname
        except ValueError as error:
            return [f"url={self.url!r} cannot be read: {error}."]
        if parts.scheme not in ("http", "https") or not host:
            return [f"url={self.url!r} must begin with http:// or https:// and name a host."]
        if "@" in parts.netloc:
            return ["The url holds a user name or password. Put it into headers, as ${NAME}."]
        if parts.scheme == "http" and self.headers and host not in _HERE:
            return [f"url={self.url!r}: headers go over https only, except to this machine."]
        return []


def _told(labels: Mapping[str, Any]) -> list[str]:
    problems = label_problems(labels)
    problems += [f"{name} cannot be written in a file." for name in ("probe",) if labels.get(name) is not None]
    return problems

"""The ``[mcp.NAME]`` parts of the settings: servers whose tools the project uses."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from graphwright.tools.errors import ToolDeclarationError
from graphwright.tools.mcp import McpServer


class McpSettings(BaseModel):
    """One server, named by its table."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    command: str = Field(default="", description="A program that speaks MCP over its stdin and stdout.")
    args: tuple[str, ...] = ()
    env: Mapping[str, SecretStr] = Field(default_factory=dict, description="Its variables; ${NAME} is one of ours.")
    cwd: Path = Field(default=Path(), description="Where it runs, relative to the project.")
    url: str = Field(default="", description="A streamable HTTP server, instead of a command.")
    headers: Mapping[str, SecretStr] = Field(default_factory=dict, description="Sent along; ${NAME} as in env.")
    timeout: float = Field(default=60.0, description="Seconds for a start and for a call.")
    restart: int = Field(default=3, description="Further starts within five minutes.")
    labels: Mapping[str, Any] = Field(default_factory=dict, description="For all its tools.")
    tools: Mapping[str, Mapping[str, Any]] = Field(default_factory=dict, description="Labels for single tools.")

    def server(self, name: str, project: Path) -> McpServer:
        """The server as tools know it; raises ToolDeclarationError listing everything that is wrong."""
        return McpServer(
            name=name,
            command=self.command,
            args=self.args,
            env={key: value.get_secret_value() for key, value in self.env.items()},
            cwd=project / self.cwd,
            url=self.url,
            headers={key: value.get_secret_value() for key, value in self.headers.items()},
            timeout=self.timeout,
            restart=self.restart,
            labels=self.labels,
            tool_labels=self.tools,
        )


def checked_servers(found: Mapping[str, McpSettings]) -> Mapping[str, McpSettings]:
    """The servers as they are; raises ValueError naming everything that is wrong with any of them."""
    problems = []
    for name, each in found.items():
        try:
            each.server(name, Path())
        except ToolDeclarationError as error:
            problems += [f"{name}: {problem}" for problem in error.problems]
    if problems:
        raise ValueError(" ".join(problems))
    return found

"""``graphwright tools pin``: look at what MCP servers offer, and accept it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import click

from .asking import can_ask
from .errors import EXIT_FAILED, EXIT_OK, EXIT_WAITING, usage
from .invocation import Command, Invocation, pass_invocation
from .output import emit, remark, say

if TYPE_CHECKING:
    from graphwright.runtime import Settings
    from graphwright.tools.mcp import Change, Declaration, McpServer


@click.command(cls=Command)
@click.argument("names", nargs=-1, metavar="[SERVER]...")
@click.option("--yes", "accepted", is_flag=True, help="Accept what is shown without being asked.")
@pass_invocation
def pin(invocation: Invocation, names: tuple[str, ...], accepted: bool) -> int:
    """Accept the tools of MCP servers: show what is new or changed, ask, and write mcp.lock.

    Each server is started and asked for its tools. Without a terminal and without --yes nothing is written, and it
    ends with 3 if there is something to accept.
    """
    from graphwright.tools.mcp import compare, read_pins, write_pins

    from .session import pins_file, settings_of

    settings = settings_of(invocation)
    path = pins_file(settings)
    pins = read_pins(path)
    servers = _chosen(settings, names)
    found, failed = _listed(servers)
    changes = {name: compare(pins.get(name, {}), says) for name, says in found.items()}
    bad = _refused(invocation, found)
    for server in servers:
        _show(invocation, server.name, changes.get(server.name, []), server)
    if not names:
        changes |= _left_over(invocation, settings, pins)
    count = sum(map(len, changes.values()))
    if bad or not count:
        remark("Nothing was accepted." if bad else f"Nothing to accept in {len(found)} servers.")
        return EXIT_FAILED if bad or failed else EXIT_OK
    if not accepted and not _agreed(count):
        return EXIT_WAITING
    kept = {name: tools for name, tools in pins.items() if name in settings.mcp}
    write_pins(path, {**kept, **{name: {each.name: each for each in says} for name, says in found.items()}})
    remark(f"Accepted {count} changes in {path.name}. Keep it under version control.")
    return EXIT_FAILED if failed else EXIT_OK


def _chosen(settings: Settings, names: tuple[str, ...]) -> list[McpServer]:
    from .session import mcp_servers

    servers = {server.name: server for server in mcp_servers(settings)}
    if unknown := [name for name in names if name not in servers]:
        usage(f"There is no MCP server {', '.join(unknown)} in graphwright.toml. There are: {', '.join(servers)}.")
    return [servers[name] for name in names or servers]


def _listed(servers: list[McpServer]) -> tuple[dict[str, list[Declaration]], bool]:
    """What each server offers, and whether one could not be asked."""
    from graphwright.tools import ToolUnavailable
    from graphwright.tools.mcp import McpConnections

    async def ask() -> dict[str, list[Declaration] | ToolUnavailable]:
        connections = McpConnections()
        try:
            answers = [connections.listing(server, server.timeout) for server in servers]
            told = await asyncio.gather(*answers, return_exceptions=True)
        finally:
            await connections.aclose()
        for each in told:
            if isinstance(each, BaseException) and not isinstance(each, ToolUnavailable):
                raise each
        return dict(zip((server.name for server in servers), told, strict=True))  # type: ignore[arg-type]  # the others were raised

    told = asyncio.run(ask())
    for answer in told.values():
        if isinstance(answer, ToolUnavailable):
            remark(f"error: {answer}")
    found = {name: answer for name, answer in told.items() if not isinstance(answer, ToolUnavailable)}
    return found, len(found) < len(told)


def _refused(invocation: Invocation, found: dict[str, list[Declaration]]) -> bool:
    """Tell which declarations nobody should accept."""
    problems = [
        (server, each.name, problem) for server, says in found.items() for each in says for problem in each.problems()
    ]
    for server, tool, problem in problems:
        if invocation.json:
            emit({"server": server, "tool": tool, "problem": problem})
        else:
            remark(f"error: {server}.{tool}: {problem}")
    return bool(problems)


def _show(invocation: Invocation, name: str, changes: list[Change], server: McpServer | None = None) -> None:
    for change in changes:
        if invocation.json:
            emit({"server": name, **_facts(change)})
            continue
        labels = f" ({_labels(server, change.tool)})" if server and change.kind != "gone" else ""
        say(f"{change.kind}: {name}.{change.tool}{labels}")
        for line in change.diff:
            say(f"  {line}")


def _left_over(invocation: Invocation, settings: Settings, pins: dict[str, Any]) -> dict[str, list[Change]]:
    """Servers that were accepted once and stand in the settings no more."""
    from graphwright.tools.mcp import compare

    gone = {name: compare(tools, []) for name, tools in pins.items() if name not in settings.mcp}
    for name, changes in gone.items():
        _show(invocation, name, changes)
    return gone


def _labels(server: McpServer, tool: str) -> str:
    labels = server.labels_of(tool)
    return ", ".join(
        [labels.effect, *(["destructive"] if labels.destructive else []), "asks" if labels.approval else "asks nobody"]
    )


def _facts(change: Change) -> dict[str, Any]:
    return {"tool": change.tool, "change": change.kind, "sha256": change.sha256, "diff": list(change.diff)}


def _agreed(count: int) -> bool:
    if not can_ask():
        remark(f"{count} changes were not accepted. Add --yes once you have looked at them.")
        return False
    agreed = click.confirm(f"These words will be shown to models. Accept {count} changes?", default=False, err=True)
    if not agreed:
        remark("Nothing was accepted.")
    return agreed

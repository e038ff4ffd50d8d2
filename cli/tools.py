"""``graphwright tools``: what agents can be given to do."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .errors import EXIT_FAILED, EXIT_OK
from .invocation import Group, Invocation, pass_invocation
from .output import details, emit, remark, say, table
from .safe_text import json_line
from .tools_pin import pin

if TYPE_CHECKING:
    from graphwright.runtime import Settings
    from graphwright.tools import Tool

extra_tools = click.option(
    "--tools",
    "files",
    type=click.Path(path_type=Path),
    metavar="FILE",
    multiple=True,
    help="Add the tools of a Python file; repeatable.",
)


@click.group(cls=Group, invoke_without_command=True)
@extra_tools
@click.pass_context
def tools(context: click.Context, files: tuple[Path, ...]) -> int | None:
    """List the tools: the project's, those of installed packages, and the built-in ones."""
    if context.invoked_subcommand is not None:
        return None
    from .session import settings_of

    invocation = context.ensure_object(Invocation)
    found = every_tool(settings_of(invocation), files)
    if invocation.json:
        for each in found:
            emit(_facts(each))
    else:
        table(("TOOL", "EFFECT", "ASKS", "WHAT IT DOES", "FROM"), [_row(each) for each in found])
    return EXIT_OK


@tools.command()
@click.argument("name")
@extra_tools
@pass_invocation
def show(invocation: Invocation, name: str, files: tuple[Path, ...]) -> None:
    """Show one tool: its labels, and the schema that a model sees."""
    from .session import settings_of

    tool = _named(every_tool(settings_of(invocation), files), name)
    if invocation.json:
        emit(_facts(tool))
        return
    import json

    facts = _facts(tool)
    details({key: _plain(value) for key, value in facts.items() if key not in ("labels", "parameters")})
    details({f"  {key}": _plain(value) for key, value in facts["labels"].items()})
    say(json.dumps(facts["parameters"], indent=2))


@tools.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@extra_tools
@pass_invocation
def check(invocation: Invocation, names: tuple[str, ...], files: tuple[Path, ...]) -> int:
    """Say what is missing or doubtful in the declarations of your tools; ends with 1 if there is an error."""
    from graphwright.tools import check_tools, load_tools

    from .session import project_tools_folder, settings_of, tool_files, tools_of_mcp

    settings = settings_of(invocation)
    loaded = load_tools(project_tools_folder(settings), files=tool_files(settings, files))
    accepted = tools_of_mcp(settings)
    loaded = replace(loaded, tools=loaded.tools + accepted.tools, broken=loaded.broken + accepted.broken)
    chosen = [_named(every_tool(settings, files), name) for name in names] or loaded.tools
    findings = check_tools(chosen)
    for broken in () if names else loaded.broken:
        _tell(invocation, "error", "broken-file", "", broken.error, broken.path)
    for each in findings:
        _tell(invocation, each.level, each.rule, each.tool, each.message, each.source)
    failed = any(each.level == "error" for each in findings) or (bool(loaded.broken) and not names)
    remark(f"{len(chosen)} tools checked, {len(findings)} findings.")
    return EXIT_FAILED if failed else EXIT_OK


@tools.command()
@click.argument("name")
@click.argument("pairs", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--args", "arguments", metavar="JSON", help="All the arguments as one JSON object.")
@click.option("--approve", "approved", is_flag=True, help="You have seen the arguments of a tool that asks a person.")
@extra_tools
@pass_invocation
def call(
    invocation: Invocation,
    name: str,
    pairs: tuple[str, ...],
    arguments: str | None,
    approved: bool,
    files: tuple[Path, ...],
) -> int:
    """Call one tool yourself. A VALUE is read as JSON where it is JSON, else as text."""
    from .calling import call_by_hand, typed_arguments
    from .session import settings_of

    settings = settings_of(invocation)
    tool = _named(every_tool(settings, files), name)
    return call_by_hand(settings, tool, typed_arguments(tool, pairs, arguments), invocation, approved=approved)


tools.add_command(pin)


def every_tool(settings: Settings, files: tuple[Path, ...] = ()) -> list[Tool]:
    """The user's tools, then the built-in ones whose names they have not taken."""
    from graphwright.retrieval import search_knowledge
    from graphwright.runtime import ask_person
    from graphwright.tools.builtin import builtin_tools

    from .session import tools_of

    mine = tools_of(settings, files)
    taken = {each.name for each in mine}
    return [*mine, *(each for each in (*builtin_tools(), search_knowledge, ask_person) if each.name not in taken)]


def _named(found: list[Tool], name: str) -> Tool:
    from graphwright.tools import Toolbox

    return Toolbox(found).get(name)


def _facts(tool: Tool) -> dict[str, Any]:
    from dataclasses import asdict

    labels = {key: _label(value) for key, value in asdict(tool.labels).items()}
    return {
        "name": tool.name,
        "description": tool.description,
        "source": tool.source,
        "labels": labels,
        "parameters": tool.parameters,
    }


def _label(value: Any) -> Any:
    if callable(value):
        return f"a rule: {getattr(value, '__qualname__', type(value).__name__)}"
    return sorted(value) if isinstance(value, frozenset) else list(value) if isinstance(value, tuple) else value


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json_line(value)


def _row(tool: Tool) -> tuple[str, ...]:
    rule = tool.labels.approval
    asks = "no" if rule is None else "by a rule" if callable(rule) else "always"
    return tool.name, tool.labels.effect, asks, tool.description, tool.source


def _tell(invocation: Invocation, level: str, rule: str, tool: str, message: str, source: str) -> None:
    if invocation.json:
        emit({"level": level, "rule": rule, "tool": tool, "message": message, "source": source})
    else:
        say(f"{level}: {tool or source}: {message} [{rule}]")


COMMANDS = {"tools": tools}

"""``graphwright graphs``: what can be run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from .graph_card import card, check
from .invocation import Group, Invocation, pass_invocation
from .output import details, emit, remark, say, table
from .safe_text import one_line

if TYPE_CHECKING:
    from graphwright.graphs import Catalogue, GraphEntry


@click.group(cls=Group, invoke_without_command=True)
@click.pass_context
def graphs(context: click.Context) -> int | None:
    """List the graphs that can be run: shipped ones, the project's, those of installed packages."""
    if context.invoked_subcommand is not None:
        return None
    from .session import catalogue_of, settings_of

    invocation = context.ensure_object(Invocation)
    catalogue = catalogue_of(settings_of(invocation))
    entries = [catalogue.entries[name] for name in sorted(catalogue.entries)]
    if invocation.json:
        for entry in entries:
            emit(_facts(entry))
    else:
        table(("GRAPH", "WHAT IT DOES"), [(entry.name, entry.description) for entry in entries])
    _name_broken(catalogue)
    return 0


@graphs.command()
@click.argument("name")
@pass_invocation
def show(invocation: Invocation, name: str) -> None:
    """Show one graph: what it does, its agents and tools, and its picture as Mermaid; with --json its schemas too."""
    from graphwright.graphs.card import card_of
    from graphwright.graphs.drawing import mermaid

    from .session import build, catalogue_of, settings_of, tools_of

    settings = settings_of(invocation)
    entry = catalogue_of(settings).get(name)
    graph = build(entry, tools_of(settings))
    if invocation.json:
        emit({**_facts(entry), **card_of(entry, graph)})
        return
    facts = {**_facts(entry), **_parts(graph), "mermaid": mermaid(graph)}
    details(
        {
            **{key: facts[key] for key in ("name", "description", "source", "input", "output", "example")},
            "knowledge": ", ".join(facts["knowledge"]),
            "agents": "\n".join(f"{each['name']}: {each['description']}" for each in facts["agents"]),
            "tools": "\n".join(_tool_line(each) for each in facts["tools"]),
        }
    )
    say(f"\n{facts['mermaid'].strip()}")


def _facts(entry: GraphEntry) -> dict[str, Any]:
    return {
        "name": entry.name,
        "description": entry.description,
        "source": entry.source,
        "input": entry.input,
        "output": entry.output,
        "example": entry.example,
        "knowledge": list(entry.knowledge),
    }


def _parts(graph: Any) -> dict[str, Any]:
    from graphwright.graphs.parts import agents_of, graph_tools

    return {
        "agents": [{"name": each.name, "description": each.description} for each in agents_of(graph)],
        "tools": [
            {
                "name": each.name,
                "effect": each.labels.effect,
                "asks": each.labels.approval is not None,
                "description": each.description,
            }
            for each in graph_tools(graph)
        ],
    }


def _tool_line(tool: dict[str, Any]) -> str:
    asks = ", asks a person" if tool["asks"] else ""
    return one_line(f"{tool['name']} ({tool['effect']}{asks}): {tool['description']}", 160)


def _name_broken(catalogue: Catalogue) -> None:
    for each in catalogue.broken:
        remark(f"Left out: {each.source} could not be loaded: {each.error}")


graphs.add_command(card)
graphs.add_command(check)

COMMANDS = {"graphs": graphs}

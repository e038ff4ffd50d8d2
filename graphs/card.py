"""A graph's card: what somebody who answers for it has to know, generated from the code that runs.

The idea is that of model cards (Mitchell et al., "Model Cards for Model Reporting", arXiv 1810.03993), for a graph of
agents. A card on disk is compared with the code by ``graphwright graphs check``, so that it cannot grow stale unseen.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphwright.runtime.policy import compile_plan
from graphwright.runtime.signature import signature_of

from .catalogue import GraphEntry
from .drawing import mermaid
from .parts import agents_of, graph_tools, is_wiring

if TYPE_CHECKING:
    from graphwright.agents import Agent
    from graphwright.tools import Labels, Tool

RESULTS = "## Evaluation"
"""The section that runs fill and code does not; not part of what can be stale."""


def card_of(entry: GraphEntry, graph: Any) -> dict[str, Any]:
    """The facts of a card as plain data.

    Args:
        entry: The graph in the catalogue.
        graph: The graph itself, uncompiled.
    """
    compiled = graph.compile()
    return {
        "name": entry.name,
        "purpose": entry.description,
        "owner": entry.owner,
        "data": list(entry.data),
        "knowledge": list(entry.knowledge),
        "input": entry.input,
        "output": entry.output,
        "example": entry.example,
        "agents": [_agent(each) for each in agents_of(graph)],
        "tools": [_tool(each) for each in graph_tools(graph)],
        "plan": plan_of(graph, compiled),
        "input_schema": compiled.get_input_jsonschema(),
        "state_schema": compiled.get_output_jsonschema(),
        "mermaid": mermaid(graph),
    }


def card_text(card: Mapping[str, Any], results: Sequence[str] = ()) -> str:
    """The card as a Markdown page.

    Args:
        card: From :func:`card_of`.
        results: Lines about the last evaluation, newest first.
    """
    parts = [
        f"# Card of `{card['name']}`",
        "Generated from the code by `graphwright graphs card`; `graphwright graphs check` notices when it is stale.",
        card["purpose"],
        _facts(card),
        "## Agents",
        "\n".join(_agent_line(each) for each in card["agents"]) or "None: its nodes are plain code.",
        "## Tools",
        _tools_table(card["tools"]),
        "## Plan",
        _plan_text(card["plan"]),
        "## Picture",
        f"```mermaid\n{card['mermaid']}```",
        RESULTS,
        "\n".join(f"- {each}" for each in results) or f"`graphwright eval run {card['name']}` measures it.",
    ]
    return "\n\n".join(parts) + "\n"


def card_path(entry: GraphEntry) -> Path:
    """Where the card of a graph is kept: beside its code."""
    file = Path(entry.source.rpartition(":")[0])
    return file.parent / ("card.md" if file.parent.name == entry.name else f"{entry.name}.card.md")


def stale_lines(entry: GraphEntry, graph: Any) -> list[str]:
    """What the card on disk says otherwise than the code, as lines of a diff; empty if it is up to date.

    Raises:
        FileNotFoundError: if there is no card.
    """
    kept = card_path(entry).read_text(encoding="utf-8").partition(RESULTS)[0]
    now = card_text(card_of(entry, graph)).partition(RESULTS)[0]
    lines = difflib.unified_diff(kept.splitlines(), now.splitlines(), "the card", "the code", n=0, lineterm="")
    return [each for each in lines if not each.startswith(("---", "+++", "@@"))]


def _agent(agent: Agent) -> dict[str, Any]:
    budget = agent.budget
    return {
        "name": agent.name,
        "description": agent.description,
        "model": agent.model if isinstance(agent.model, str) else "the run's" if agent.model is None else "its own",
        "prompt": agent.instructions.name,
        "prompt_version": agent.instructions.version,
        "answers": agent.output.__name__ if agent.output else "text",
        "max_turns": agent.max_turns,
        "max_calls": agent.max_calls,
        "budget": str(budget) if budget is not None else "",
        "tools": list(agent.toolbox.names),
    }


def _agent_line(agent: Mapping[str, Any]) -> str:
    prompt = f"prompt `{agent['prompt']}` {agent['prompt_version']}" if agent["prompt"] else "an inline prompt"
    limits = f"at most {agent['max_turns']} turns and {agent['max_calls']} calls"
    budget = f", budget {agent['budget']}" if agent["budget"] else ""
    uses = f" Calls {', '.join(f'`{name}`' for name in agent['tools'])}." if agent["tools"] else ""
    return (
        f"- **{agent['name']}**: {agent['description']}{uses} Model: {agent['model']}; {prompt}; answers with "
        f"{agent['answers']}; {limits}{budget}."
    )


def _tool(tool: Tool) -> dict[str, Any]:
    labels = tool.labels
    return {
        "name": tool.name,
        "description": tool.description,
        "effect": labels.effect,
        "asks": _asks(labels),
        "critical": list(labels.critical),
        "labels": _marks(labels),
        "schema": tool.parameters,
    }


def plan_of(graph: Any, compiled: Any) -> dict[str, list[str]]:
    """The plan that every run of a graph is locked to (``runtime/policy/plan.py``): whose node may call which tools.

    Those of the graph's own code stand under an empty name; no text that was read can choose among them.
    """
    locked = {each.name: frozenset(each.toolbox.names) for each in agents_of(graph) if each.toolbox}
    locked |= compile_plan(signature_of(compiled)).agents
    plan = {name: sorted(tools) for name, tools in sorted(locked.items())}
    tools = {tool.name for tool in graph_tools(graph) if not is_wiring(tool)}
    own = tools - {name for held in plan.values() for name in held}
    return {**plan, "": sorted(own)} if own else plan


def _plan_text(plan: Mapping[str, Sequence[str]]) -> str:
    if not plan:
        return "Nobody calls a tool."
    told = "Fixed before a run reads anything. Once it has read a stranger's text, a call outside is denied, not asked."
    named = {name or "the graph's own code": ", ".join(f"`{tool}`" for tool in tools) for name, tools in plan.items()}
    return "\n".join([told, "", *(f"- {name}: {tools}" for name, tools in named.items())])


def _asks(labels: Labels) -> str:
    if labels.approval is None:
        return ""
    return "by a rule on its arguments" if callable(labels.approval) else "always"


def _marks(labels: Labels) -> list[str]:
    """The labels beside effect and approval that say what can go wrong."""
    marks = {
        "once": labels.effect != "read" and labels.once is not False,
        "idempotent": labels.effect != "read" and labels.once is False,
        "destructive": labels.destructive,
        "reversible": labels.reversible,
        "private": labels.private,
        "trusted": labels.trusted,
    }
    return [name for name, holds in marks.items() if holds]


def _tools_table(tools: Sequence[Mapping[str, Any]]) -> str:
    if not tools:
        return "None."
    rows = [
        (f"`{t['name']}`", t["effect"], t["asks"] or "never", ", ".join(t["labels"]), ", ".join(t["critical"]),
         t["description"])
        for t in tools
    ]  # fmt: skip
    head = ("tool", "effect", "asks a person", "labels", "critical arguments", "what it does")
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(_cell(each) for each in row)} |" for row in lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _facts(card: Mapping[str, Any]) -> str:
    facts = {
        "owner": card["owner"] or "nobody is named",
        "data": "; ".join(card["data"]) or "none of its own",
        "knowledge": ", ".join(card["knowledge"]) or "none",
        "input": f"`{card['input']}`",
        "output": f"`{card['output']}`",
        "example": card["example"] or "none",
    }
    return "\n".join(f"- {name}: {value}" for name, value in facts.items())

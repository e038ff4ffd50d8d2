"""`check_tools`: says what is missing or doubtful in declarations, before an agent meets it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from .contract import Tool
from .docstrings import read_docstring
from .toolbox import name_clashes

Level = Literal["error", "warning", "remark"]
_Said = tuple[Level, str, str]
"""Level, rule, message."""

_CANCELLATION = frozenset({"check", "cancelled", "progress"})


@dataclass(frozen=True)
class Finding:
    """One thing to correct or to know about one tool."""

    level: Level
    rule: str
    tool: str
    message: str
    source: str


def check_tools(tools: Iterable[Tool]) -> list[Finding]:
    """Return everything found, errors first: labels that do not fit together, words the model lacks, clashes."""
    everything = list(tools)
    findings = [
        Finding(level, rule, tool.name, message, tool.source)
        for tool in dict.fromkeys(everything)
        for check in _CHECKS
        for level, rule, message in check(tool)
    ]
    findings += [Finding("error", "name-clash", "", message, "") for message in name_clashes(everything)]
    order = ("error", "warning", "remark")
    return sorted(findings, key=lambda finding: order.index(finding.level))


def _words(tool: Tool) -> Iterator[_Said]:
    if not tool.description.strip():
        yield "error", "no-description", "It has no description. The model cannot know when to call it."
    elif len(tool.description.split()) < 3:
        yield "warning", "short-description", f"Its description {tool.description!r} says too little to choose by."
    for name, schema in tool.parameters.get("properties", {}).items():
        if not schema.get("description"):
            wish = f"Add `{name}: Annotated[..., Field(description=...)]`, or an `Args:` section."
            yield "warning", "no-parameter-description", f"Parameter {name!r} has no description. {wish}"
        if not schema.keys() & {"type", "anyOf", "oneOf", "allOf", "enum", "const", "$ref"}:
            yield "warning", "untyped-parameter", f"Parameter {name!r} takes any value. Give it a type."
    known = _signature(tool)
    for name in read_docstring(tool.function.__doc__).parameters:
        if known is not None and name not in known:
            yield "warning", "unknown-args-entry", f"Its docstring describes {name!r}, which is no parameter."


def _effects(tool: Tool) -> Iterator[_Said]:
    labels = tool.labels
    harmless = labels.effect == "read" or (labels.effect == "write" and labels.reversible)
    if not harmless and tool.parameters.get("properties") and not labels.critical:
        message = f"It is effect={labels.effect!r} without critical arguments. Name what decides whom it hits."
        yield "warning", "no-critical", message
    if labels.effect == "egress" and labels.approval is None:
        yield "warning", "no-approval", "Something leaves and no approval says why a person should look at it."
    if labels.effect == "read" and labels.destructive:
        yield "error", "destructive-read", "It is destructive and effect='read'. A read that changes is a write."
    if labels.effect == "read" and labels.once:
        yield "remark", "once-read", "once=True on a read makes it never repeated, though it changes nothing."
    if labels.destructive and labels.reversible:
        yield "warning", "destructive-reversible", "It is destructive and reversible. Say which."
    if labels.effect == "egress" and labels.trusted:
        yield "warning", "trusted-egress", "Its result is trusted though it comes from outside."


def _repeats(tool: Tool) -> Iterator[_Said]:
    labels = tool.labels
    if labels.effect != "read" and not labels.once and not _takes_key(tool):
        message = "once=False promises that a repeated call counts once, but it takes no IdempotencyKey."
        yield "warning", "no-key", message
    if labels.retry and not labels.repeatable:
        yield "warning", "retry-without-effect", f"retry={labels.retry} does nothing: a once tool is not repeated."
    if labels.effect != "read" and labels.once and labels.probe is None:
        yield "remark", "no-probe", "After a crash a person must say whether it happened. A probe=... could."


def _time(tool: Tool) -> Iterator[_Said]:
    if tool.labels.timeout is None:
        yield "warning", "no-timeout", "It has no timeout and may hold its run for ever."
    if tool.synchronous and tool.labels.effect != "read" and not _looks_at_cancellation(tool):
        message = "It is sync and never calls context.check(): after a timeout its thread goes on to the effect."
        yield "remark", "ignores-cancellation", message


_CHECKS: tuple[Callable[[Tool], Iterator[_Said]], ...] = (_words, _effects, _repeats, _time)


def _signature(tool: Tool) -> list[str] | None:
    try:
        return list(inspect.signature(tool.function).parameters)
    except (TypeError, ValueError):
        return None


def _takes_key(tool: Tool) -> bool:
    return "key" in tool.injected.values() or "context" in tool.injected.values()


def _looks_at_cancellation(tool: Tool) -> bool:
    code: Any = getattr(inspect.unwrap(tool.function), "__code__", None)
    return code is not None and bool(_CANCELLATION & set(code.co_names))

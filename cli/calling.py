"""A person calls a tool by hand: the arguments they typed, the approval it wants, the result."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from .asking import can_ask
from .editing import arguments_from
from .errors import EXIT_FAILED, EXIT_OK, EXIT_WAITING, usage
from .invocation import Invocation
from .output import emit, remark, say
from .safe_text import call_text

if TYPE_CHECKING:
    from graphwright.runtime import Settings
    from graphwright.tools import Tool


def typed_arguments(tool: Tool, pairs: Sequence[str], text: str | None) -> dict[str, Any]:
    """The arguments as typed: one JSON object, or ``key=value`` pairs read by the tool's schema.

    Raises:
        CliError: a usage error, if they cannot be read or were given both ways.
    """
    if text is not None and pairs:
        usage("The arguments were given twice: as KEY=VALUE and as --args. Give them one way.")
    if text is not None:
        return arguments_from(text)
    found: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            usage(f"{pair!r} is not KEY=VALUE. Write it like city=Oslo, or give --args JSON.")
        found[key] = _value(value, tool.parameters.get("properties", {}).get(key, {}))
    return found


def _value(text: str, schema: Mapping[str, Any]) -> Any:
    """Text stays text where the tool wants text; else JSON, if it is JSON."""
    if schema.get("type") == "string":
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def call_by_hand(
    settings: Settings, tool: Tool, arguments: dict[str, Any], invocation: Invocation, *, approved: bool
) -> int:
    """Validate, ask where the tool's label wants a person, call, print.

    Raises:
        InvalidArguments: listing everything that does not fit.
    """
    validated = tool.validate(arguments)
    reason = _reason(settings, tool, validated)
    if reason is not None and not approved and not _agreed(tool, arguments, reason):
        return EXIT_WAITING
    with asyncio.Runner() as runner:
        outcome = runner.run(_call(settings, tool, validated))
    if invocation.json:
        emit({"tool": tool.name, **outcome})
    elif outcome["status"] == "success":
        say(outcome["content"])
    if outcome["status"] != "success":
        remark(f"error: {outcome['content']}")
        return EXIT_FAILED
    return EXIT_OK


def _reason(settings: Settings, tool: Tool, validated: Mapping[str, Any]) -> str | None:
    """Why a person must agree; a call that this person alone may not approve is not made by hand either."""
    rules = tool.labels.approval_for(validated)
    if rules is None:
        return None
    lacks_role = bool(rules.roles) and not set(rules.roles) & set(settings.roles)
    if lacks_role or rules.quorum > 1 or rules.exclude_requester or rules.exclude:
        who = " or ".join(rules.roles) or "other people"
        usage(
            f"{tool.name} was not called: {rules.quorum} × {who} must approve it. Run it in a graph, which asks them."
        )
    return rules.reason


def _agreed(tool: Tool, arguments: dict[str, Any], reason: str) -> bool:
    remark(f"{call_text(tool.name, arguments, 2000)} asks a person: {reason}")
    if not can_ask():
        remark("It was not called. Add --approve once you have looked at the arguments.")
        return False
    agreed = click.confirm("Call it?", default=False, err=True)
    if not agreed:
        remark("It was not called.")
    return agreed


async def _call(settings: Settings, tool: Tool, validated: Mapping[str, Any]) -> dict[str, Any]:
    """The call with its timeout and retries, and what came of it."""
    from uuid import uuid4

    from graphwright.runtime.execution import execute
    from graphwright.tools import IdempotencyKey, ToolContext, ToolFailed, render_result

    from .session import catalogue_of, resources_of

    resources = resources_of(settings)
    for entry in catalogue_of(settings).entries.values():
        entry.provide(resources, settings.state)
    call_id = f"by_hand_{uuid4().hex[:12]}"
    context = ToolContext(
        call_id=call_id,
        user=settings.user,
        tenant=settings.tenant,
        key=IdempotencyKey(call_id),
        resources=resources,
        progress=lambda text, _done: remark(f"  … {text}"),
    )
    try:
        value = await execute(tool, validated, context)
        return {"status": "success", "content": render_result(value, tool.labels.result_cap)}
    except ToolFailed as error:
        return {"status": "error", "content": str(error)}
    finally:
        await resources.aclose()

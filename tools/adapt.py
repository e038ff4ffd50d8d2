"""Tools from elsewhere: LangChain tools, plain functions, JSON schemas. Unlabelled they fail closed."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import partial
from typing import Any

from .arguments import Arguments
from .contract import Call, Tool
from .declare import NAME, critical_problems, declare
from .errors import ToolDeclarationError, ToolFailed
from .json_schema import SchemaArguments
from .labels import Labels
from .threads import in_thread
from .tidy import tidy


def as_tool(x: Any, labels: Labels | None = None) -> Tool:
    """Return a tool for a Tool, a LangChain tool or a typed function.

    labels: instead of a Tool's own; a foreign tool without labels is egress, destructive, untrusted and once.
    """
    if isinstance(x, Tool):
        return x if labels is None else _relabelled(x, labels)
    labels = Labels.unknown() if labels is None else labels
    if is_langchain_tool(x):
        return _from_langchain(x, labels)
    if callable(x) and not isinstance(x, type):
        return declare(x, {field.name: getattr(labels, field.name) for field in dataclasses.fields(labels)})
    raise ToolDeclarationError(
        f"{x!r} is no tool", ["Give a function with @tool, a typed function, or a LangChain tool."]
    )


def schema_tool(
    name: str, description: str, parameters: Mapping[str, Any], call: Call, *, labels: Labels, source: str
) -> Tool:
    """Return a tool that is described by a JSON schema; `call` gets the checked arguments and the context."""
    return _foreign(
        SchemaArguments(tidy(dict(parameters))),
        name=name,
        description=description,
        labels=labels,
        function=call,
        call=call,
        source=source,
    )


def is_langchain_tool(x: Any) -> bool:
    """Whether this is a LangChain tool; does not import langchain_core."""
    return any(
        kind.__name__ == "BaseTool" and kind.__module__.startswith("langchain_core.") for kind in type(x).__mro__
    )


def _relabelled(tool: Tool, labels: Labels) -> Tool:
    if problems := critical_problems(labels.critical, list(tool.parameters["properties"])):
        raise ToolDeclarationError(f"Tool {tool.name!r} at {tool.source}", problems)
    return dataclasses.replace(tool, labels=labels)


def _foreign(arguments: Arguments, **fields: Any) -> Tool:
    """Make a tool after the checks that a declaration would have made."""
    name, labels = fields["name"], fields["labels"]
    problems = critical_problems(labels.critical, list(arguments.json_schema.get("properties", ())))
    if not NAME.fullmatch(name):
        problems.insert(0, f"The name {name!r} cannot be called by a model: 1 to 64 letters, digits, _ and -.")
    if problems:
        raise ToolDeclarationError(f"Tool {name!r} from {fields['source']}", problems)
    return Tool(arguments=arguments, **fields)


def _from_langchain(lc: Any, labels: Labels) -> Tool:
    from langchain_core.tools import BaseTool  # seconds of CPU: only when such a tool is there

    plain = getattr(lc, "coroutine", None) is None if hasattr(lc, "func") else type(lc)._arun is BaseTool._arun

    async def call(arguments: Mapping[str, Any], context: Any) -> Any:
        wire = {"type": "tool_call", "id": context.call_id, "name": lc.name, "args": dict(arguments)}
        return await _told(partial(lc.invoke, wire) if plain else partial(lc.ainvoke, wire), plain)

    return _foreign(
        SchemaArguments(tidy(_langchain_schema(lc))),
        name=lc.name,
        description=lc.description,
        labels=labels,
        function=lambda **arguments: lc.invoke(arguments),
        call=call,
        source=f"{type(lc).__module__}.{type(lc).__name__}",
        synchronous=plain,
    )


def _langchain_schema(lc: Any) -> dict[str, Any]:
    shown = lc.tool_call_schema
    if isinstance(shown, Mapping):
        schema = dict(shown)
    else:
        schema = dict(shown.model_json_schema() if hasattr(shown, "model_json_schema") else shown.schema())
    schema.pop("description", None)  # it is the tool's
    return schema


async def _told(run: Any, plain: bool) -> Any:
    """Run a LangChain tool and put its outcome in our words: content, artifact, ToolFailed."""
    from langchain_core.messages import ToolMessage
    from langchain_core.tools import ToolException

    from .results import WithArtifact

    try:
        answer = await in_thread(run) if plain else await run()
    except ToolException as error:
        raise ToolFailed(str(error)) from error
    if not isinstance(answer, ToolMessage):
        return answer
    if answer.status == "error":
        raise ToolFailed(answer.text if isinstance(answer.content, list) else str(answer.content))
    return answer.content if answer.artifact is None else WithArtifact(answer.content, answer.artifact)

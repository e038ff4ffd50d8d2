"""`@tool`: a typed function becomes a tool; everything wrong with the declaration is said at once."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Mapping
from typing import Any, Unpack, overload

from .arguments import SignatureArguments
from .contract import Tool, function_call, is_async
from .docstrings import read_docstring
from .errors import ToolDeclarationError
from .labels import Effect, LabelOptions, Labels, label_problems
from .schema import read_signature
from .words import did_you_mean, listed

NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_-]{0,63}")
"""What every model provider takes as the name of a function."""


@overload
def tool(
    fn: Callable[..., Any], /, *, effect: Effect, name: str | None = None, **labels: Unpack[LabelOptions]
) -> Tool: ...
@overload
def tool(
    fn: None = None, /, *, effect: Effect, name: str | None = None, **labels: Unpack[LabelOptions]
) -> Callable[[Callable[..., Any]], Tool]: ...
def tool(
    fn: Callable[..., Any] | None = None,
    /,
    *,
    effect: Effect,
    name: str | None = None,
    **labels: Unpack[LabelOptions],
) -> Tool | Callable[[Callable[..., Any]], Tool]:
    """Make a tool of a typed function; the other keywords are the fields of Labels.

    Raises ToolDeclarationError listing everything that is wrong.
    """
    given: dict[str, Any] = {"effect": effect, **labels}
    if fn is not None:
        return declare(fn, given, name=name, namespace=sys._getframe(1).f_locals)

    def decorate(function: Callable[..., Any]) -> Tool:
        return declare(function, given, name=name, namespace=sys._getframe(1).f_locals)

    return decorate


def declare(
    function: Callable[..., Any],
    labels: Mapping[str, Any],
    *,
    name: str | None = None,
    namespace: Mapping[str, Any] | None = None,
) -> Tool:
    """Make a tool of a function and its labels by name; the machine behind `@tool`."""
    if isinstance(function, Tool):
        raise ToolDeclarationError(f"Tool {function.name!r}", ["It is a tool already. Decorate it once."])
    if not callable(function):
        raise ToolDeclarationError("@tool", [f"{function!r} is not a function."])
    name = _name(function) if name is None else name
    doc = read_docstring(_docstring(function))
    signature, problems = read_signature(function, doc.parameters, namespace)
    problems = [*_function_problems(function, name, doc.first_line), *problems, *label_problems(labels)]
    if signature is not None:
        problems += critical_problems(labels.get("critical", ()), list(signature.names.values()))
    source = _source(function)
    if problems or signature is None:
        raise ToolDeclarationError(f"Tool {name!r} at {source}", problems)
    return Tool(
        name=name,
        description=doc.first_line,
        labels=Labels(**labels),
        function=function,
        arguments=SignatureArguments(signature),
        call=function_call(function, signature.injected),
        source=source,
        synchronous=not is_async(function),
        injected=signature.injected,
    )


def _function_problems(function: Callable[..., Any], name: str, first_line: str) -> list[str]:
    problems = []
    if not NAME.fullmatch(name):
        problems.append(
            f"The name {name!r} cannot be called by a model. Give name=... of 1 to 64 letters, digits, _ and -."
        )
    if not first_line:
        problems.append("It has no docstring. Its first line is what the model is told; add one.")
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        problems.append("It is a generator. Return one value, and tell progress by ToolContext.progress.")
    return problems


def critical_problems(critical: Any, parameters: list[str]) -> list[str]:
    """Return a line for every critical argument that is no parameter."""
    if isinstance(critical, str) or not hasattr(critical, "__iter__"):
        return []
    return [
        f"critical names {one!r}, which is no parameter.{did_you_mean(str(one), parameters)} "
        f"There are: {listed(parameters)}."
        for one in critical
        if one not in parameters
    ]


def _underlying(function: Any) -> Any:
    """Return the function inside a partial, a bound method or an object with `__call__`."""
    function = _unpacked(function)
    function = inspect.unwrap(getattr(function, "__func__", function))
    return function if hasattr(function, "__code__") else type(function).__call__


def _unpacked(function: Any) -> Any:
    """Return the function a partial was made of."""
    while hasattr(function, "func"):
        function = function.func
    return function


def _name(function: Any) -> str:
    function = _unpacked(function)
    return str(getattr(function, "__name__", type(function).__name__))


def _docstring(function: Any) -> str | None:
    function = _unpacked(function)
    text = function.__doc__
    if not text and not hasattr(function, "__name__"):
        text = type(function).__call__.__doc__
    return text if isinstance(text, str) else None


def _source(function: Any) -> str:
    """Return "module:line"; for a plug-in file, its path instead of a module nobody can import."""
    inner = _underlying(function)
    code = getattr(inner, "__code__", None)
    module = getattr(inner, "__module__", None) or "?"
    place = getattr(inner, "__globals__", {}).get("__graphwright_source__", module)
    return f"{place}:{code.co_firstlineno}" if code is not None else str(place)

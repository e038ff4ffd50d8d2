"""The schema of a function: from its typed signature, by pydantic, in the few words a model needs."""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, create_model
from pydantic.fields import FieldInfo
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from .context import ToolContext
from .labels import IdempotencyKey
from .tidy import tidy

Injected = Literal["context", "key"]


@dataclass(frozen=True)
class Signature:
    """What the model fills in (`model`, by alias), and what we fill in (`injected`, by parameter)."""

    model: type[BaseModel]
    names: Mapping[str, str]
    """Name of a field in `model` -> name of the parameter."""
    injected: Mapping[str, Injected]
    json_schema: dict[str, Any]


class _PlainSchema(GenerateJsonSchema):
    """JSON schema without titles; a decimal is a number (a string is accepted all the same)."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def decimal_schema(self, schema: core_schema.DecimalSchema) -> JsonSchemaValue:
        bounds: dict[str, Any] = {name: schema.get(name) for name in ("ge", "gt", "le", "lt")}
        given: dict[str, Any] = {name: float(bound) for name, bound in bounds.items() if bound is not None}
        return self.float_schema(core_schema.float_schema(**given))


def read_signature(
    function: Callable[..., Any], described: Mapping[str, str], namespace: Mapping[str, Any] | None = None
) -> tuple[Signature | None, list[str]]:
    """Return the signature of a function and all problems with it; the signature is None if there are any.

    described: words for parameters without a `Field(description=...)`.
    namespace: local names that annotations written as text may use.
    """
    try:
        parameters = _parameters(function, namespace)
    except NameError as error:
        return None, [f"An annotation cannot be read: {error}. Import the name where the tool is declared."]
    except (TypeError, ValueError, SyntaxError) as error:
        return None, [f"The signature cannot be read: {error}."]
    injected = {name: kind for name, p in parameters.items() if (kind := _injected(p.annotation))}
    shown = {name: p for name, p in parameters.items() if name not in injected}
    problems = [wrong for p in shown.values() if (wrong := _problem(p))]
    problems += [
        f"Parameter {name!r}: injected parameters are given by name and cannot be positional only."
        for name in injected
        if parameters[name].kind is inspect.Parameter.POSITIONAL_ONLY
    ]
    if problems:
        return None, problems
    return _build(shown, injected, described)


def _parameters(function: Callable[..., Any], namespace: Mapping[str, Any] | None) -> dict[str, inspect.Parameter]:
    signature = inspect.signature(function, eval_str=True, locals=dict(namespace) if namespace else None)
    return dict(signature.parameters)


def _injected(annotation: Any) -> Injected | None:
    if get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    kinds = get_args(annotation) if get_origin(annotation) in (Union, types.UnionType) else (annotation,)
    if ToolContext in kinds:
        return "context"
    return "key" if IdempotencyKey in kinds else None


def _problem(parameter: inspect.Parameter) -> str:
    name = parameter.name
    if parameter.kind in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD):
        return f"Parameter {parameter}: a model needs names. Write them out, or take one list or dict."
    if parameter.kind is inspect.Parameter.POSITIONAL_ONLY:
        return f"Parameter {name!r}: is positional only, but a call gives names. Remove the '/'."
    if parameter.annotation is inspect.Parameter.empty:
        if name in ("self", "cls"):
            return f"Parameter {name!r}: a tool is a function; for a method, tool(effect=...)(object.method)."
        return f"Parameter {name!r}: has no type. Its type is its schema; add one, like `{name}: str`."
    if isinstance(parameter.default, FieldInfo):
        return (
            f"Parameter {name!r}: has Field(...) as its default, which a plain call would receive. "
            f"Write `{name}: Annotated[type, Field(...)] = value`."
        )
    return ""


def _build(
    shown: Mapping[str, inspect.Parameter], injected: Mapping[str, Injected], described: Mapping[str, str]
) -> tuple[Signature | None, list[str]]:
    fields = {f"a{number}": _field(p, described) for number, p in enumerate(shown.values())}
    try:
        model: type[BaseModel] = create_model(  # type: ignore[call-overload]  # fields made at run time
            "Arguments", __config__=ConfigDict(extra="forbid"), **fields
        )
        schema = model.model_json_schema(schema_generator=_PlainSchema)
    except Exception as error:  # pydantic reports a type it has no schema for in several ways
        return None, [f"Its parameters have no JSON schema: {str(error).splitlines()[0]}"]
    names = dict(zip(fields, shown, strict=True))
    return Signature(model, names, dict(injected), tidy(schema)), []


def _field(parameter: inspect.Parameter, described: Mapping[str, str]) -> tuple[Any, Any]:
    options: dict[str, Any] = {"alias": parameter.name}
    if parameter.default is not inspect.Parameter.empty:
        options["default"] = parameter.default
    if parameter.name in described and not _has_description(parameter.annotation):
        options["description"] = described[parameter.name]
    return parameter.annotation, Field(**options)


def _has_description(annotation: Any) -> bool:
    notes = get_args(annotation)[1:] if get_origin(annotation) is Annotated else ()
    return any(isinstance(note, FieldInfo) and note.description for note in notes)

"""The ``[[guardrails]]`` of the settings, and the guardrails that they put in force."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ..policy.settings import importable
from .declaring import Action, Guardrail, GuardrailError, Place
from .looking import length, pii, secrets, shape

_OWN = ("secrets", "pii", "length", "shape")


class GuardrailSettings(BaseModel):
    """One guardrail as an operator writes it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    look_for: str = Field(description="secrets, pii, length, shape, or a function of yours as module:function.")
    at: tuple[Place, ...] = Field(min_length=1, description="Some of input, call, result, output.")
    do: Action = Field(description="block, redact or flag.")
    name: str = Field(default="", description="What records call it; what it looks for, if left out.")
    tools: tuple[str, ...] = Field(default=(), description="Calls and results of these tools only.")
    kinds: tuple[str, ...] = Field(default=(), description="Of pii: which; all if left out.")
    most: int | None = Field(default=None, ge=1, description="Of length: how many characters a text may have.")
    answers: bool = Field(default=True, description="Of input: people's answers as well; shape never does.")
    type: str = Field(default="", description="Of shape: a type, as module:Name.")

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if problems := list(self._problems()):
            raise ValueError(" ".join(problems))
        return self

    def _problems(self) -> Iterable[str]:
        place = self.look_for
        if place not in _OWN and (place.count(":") != 1 or not all(part.strip() for part in place.split(":"))):
            yield f"look_for={place!r} is none of {', '.join(_OWN)}, and no module:function."
        if (place == "length") != (self.most is not None):
            yield "most says how long a text may be: it belongs to look_for='length', which needs it."
        if (place == "shape") != bool(self.type):
            yield "type says what a value must be: it belongs to look_for='shape', which needs it."
        if self.kinds and place != "pii":
            yield "kinds belongs to look_for='pii'."
        if place == "shape" and self.do == "redact":
            yield "a value of another shape cannot be redacted into one: block or flag it."


def guardrails_of(written: Iterable[GuardrailSettings], project: Path) -> tuple[Guardrail, ...]:
    """The guardrails of the settings.

    Args:
        written: In the order in which they look.
        project: The project's folder, where functions and types are found.

    Raises:
        GuardrailError: naming everything that cannot be found or used.
    """
    made: list[Guardrail] = []
    problems: list[str] = []
    for each in written:
        try:
            made.append(_made(each, project))
        except Exception as error:
            told = error if isinstance(error, GuardrailError) else f"{type(error).__name__}: {error}."
            problems.append(f"{each.name or each.look_for!r}: {told}")
    if problems:
        raise GuardrailError(
            f"[[guardrails]] of graphwright.toml cannot be used: {' '.join(problems)} "
            "No run goes on without them: correct them, or take them out."
        )
    return tuple(made)


def _made(written: GuardrailSettings, project: Path) -> Guardrail:
    return Guardrail(
        name=written.name or written.look_for.rpartition(":")[2],
        look=_look(written, project),
        at=frozenset(written.at),
        do=written.do,
        tools=frozenset(written.tools),
        answers=written.answers and written.look_for != "shape",
    )


def _look(written: GuardrailSettings, project: Path) -> Any:
    what: Literal["secrets", "pii", "length", "shape"] | str = written.look_for
    if what == "secrets":
        return secrets()
    if what == "pii":
        return pii(written.kinds)
    if what == "length":
        return length(written.most or 1)
    found = _imported(written.type if what == "shape" else what, project)
    if what == "shape":
        return shape(found)
    if not callable(found):
        raise GuardrailError(f"{what!r} is no function.")
    return found


def _imported(place: str, project: Path) -> Any:
    module, _, name = place.partition(":")
    with importable(project):
        return getattr(importlib.import_module(module), name)

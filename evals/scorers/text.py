"""Scorers of an answer's text: exact, by pattern, by number, by JSON schema."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from graphwright.tools.errors import InvalidArguments
from graphwright.tools.json_schema import SchemaArguments

from ..case import Case
from ..observed import Observed
from .options import graded, scorer
from .score import Score, unmeasured

_NUMBER = re.compile(r"(?<![\w.])-?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:[eE][-+]?\d+)?")
_FENCE = re.compile(r"```(?:json)?\s*\n(.*?)```", re.DOTALL)


@scorer
def exact(case: Case, observed: Observed, *, fold: bool = False) -> Score:
    """1 if the answer is the case's ``answer.equals``, spaces around it aside; else 0.

    Args:
        fold: Whether case and runs of white space do not count either.
    """
    wanted = case.expect.answer.equals if case.expect.answer else None
    if wanted is None:
        return unmeasured("The case has no `answer.equals`.")
    given = observed.answer
    same = _folded(given) == _folded(wanted) if fold else given.strip() == wanted.strip()
    return graded(float(same), f"The answer is {given[:200]!r}, not {wanted[:200]!r}.")


@scorer
def regex(case: Case, observed: Observed, *, pattern: str | None = None) -> Score:
    """1 if the pattern (the case's ``answer.regex`` where none is given) is found in the answer; else 0."""
    wanted = pattern if pattern is not None else (case.expect.answer.regex if case.expect.answer else None)
    if wanted is None:
        return unmeasured("The case has no `answer.regex`, and the scorer no pattern.")
    found = re.search(wanted, observed.answer) is not None
    return graded(float(found), f"The answer {observed.answer[:200]!r} does not match {wanted!r}.")


@scorer
def numeric(case: Case, observed: Observed, *, relative: float = 0.0) -> Score:
    """1 if a number of the answer is near enough to the case's ``answer.number``; else 0.

    Near enough: abs(found - wanted) <= max(within, relative * abs(wanted)), as ``math.isclose`` has it.

    Args:
        relative: Tolerance as a share of the wanted number; the case's ``within`` holds beside it.
    """
    wanted = case.expect.answer.number if case.expect.answer else None
    if wanted is None:
        return unmeasured("The case has no `answer.number`.")
    found = list(numbers(observed.answer))
    reach = max(wanted.within, relative * abs(wanted.value))
    nearest = min(found, key=lambda each: abs(each - wanted.value), default=math.nan)
    return graded(
        float(abs(nearest - wanted.value) <= reach),
        f"The nearest number in the answer is {nearest:g}, not {wanted.value:g} (within {reach:g})."
        if found
        else "There is no number in the answer.",
        numbers=found,
    )


@scorer
def json_schema(case: Case, observed: Observed, *, schema: Mapping[str, Any]) -> Score:
    """1 if the answer is JSON (alone or as its one fenced block) that fits the schema; else 0.

    The words that are checked are those of :class:`graphwright.tools.json_schema.SchemaArguments`; an object may have
    no other properties than the schema names, unless it says ``additionalProperties``.
    """
    blocks = _FENCE.findall(observed.answer)
    text = blocks[0] if len(blocks) == 1 else observed.answer
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        return graded(0.0, f"The answer is not JSON: {error}.")
    # One level down, where JSON inside a text is left a text; definitions stay at the root, where references find them.
    inner = {"type": "object", "properties": {"answer": dict(schema)}, "required": ["answer"]}
    definitions = {key: schema[key] for key in ("$defs", "definitions") if key in schema}
    try:
        SchemaArguments({"properties": {"run": inner}, **definitions}).validate("answer", {"run": {"answer": value}})
    except InvalidArguments as error:
        return graded(0.0, str(error), problems=list(error.problems))
    return graded(1.0)


def numbers(text: str) -> Iterator[float]:
    """The numbers of a text; ``1,204.50`` is one."""
    for found in _NUMBER.findall(text):
        yield float(found.replace(",", ""))


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())

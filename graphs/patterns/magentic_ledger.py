"""The progress ledger that a magentic manager fills before each turn: five questions, each with reason and answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
from langchain_core.messages import AIMessage
from pydantic import BaseModel, Field, ValidationError


class Judgement(BaseModel):
    """A yes or a no, and why."""

    reason: str = ""
    answer: bool


class Words(BaseModel):
    """A text, and why."""

    reason: str = ""
    answer: str


class Ledger(BaseModel):
    """Where a team stands."""

    is_request_satisfied: Judgement = Field(description="Whether the request is answered in full.")
    is_in_loop: Judgement = Field(description="Whether the same is asked or answered over and over.")
    is_progress_being_made: Judgement = Field(description="Whether the latest turns brought something new.")
    next_speaker: Words = Field(description="Who works next.")
    instruction_or_question: Words = Field(description="What that one is told, complete in itself.")


def ledger_schema(names: Sequence[str]) -> dict[str, Any]:
    """The JSON schema of a ledger whose next speaker is one of ``names``; reasons come first and are required."""
    judgement = _object({"reason": {"type": "string"}, "answer": {"type": "boolean"}})
    asked = {name: field.description or "" for name, field in Ledger.model_fields.items()}
    fields: dict[str, Any] = {name: {**judgement, "description": asked[name]} for name in list(asked)[:3]}
    speaker = {"type": "string", "enum": list(names)}
    fields["next_speaker"] = {
        **_object({"reason": {"type": "string"}, "answer": speaker}), "description": asked["next_speaker"]
    }  # fmt: skip
    fields["instruction_or_question"] = {
        **_object({"reason": {"type": "string"}, "answer": {"type": "string"}}),
        "description": asked["instruction_or_question"],
    }
    return {"title": "Ledger", **_object(fields)}


def _object(fields: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}


def read_ledger(answer: AIMessage) -> tuple[Ledger | None, str]:
    """The ledger in a model's answer, or None and what is wrong with it."""
    parsed, malformed = (answer.additional_kwargs.get(key) for key in ("parsed", "malformed"))
    if malformed:
        return None, malformed
    try:
        return Ledger.model_validate(parsed if parsed is not None else orjson.loads(answer.text)), ""
    except orjson.JSONDecodeError as error:
        return None, f"it is not JSON ({error})."
    except ValidationError as error:
        problems = [f"{'.'.join(map(str, each['loc'])) or 'ledger'}: {each['msg']}" for each in error.errors()]
        return None, "; ".join(problems) + "."

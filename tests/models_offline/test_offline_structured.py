"""Structured output: from a schema and a conversation to a value that fits."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from graphwright.models.offline.questions import sub_questions
from graphwright.models.offline.structured import fill_schema


class Stop(BaseModel):
    town: str
    nights: int = Field(ge=1, le=14)


class Trip(BaseModel):
    kind: Literal["hiking", "sailing", "cycling"]
    stop: Stop
    guided: bool
    score: float = Field(ge=0, le=1)
    remark: str | None = None


def test_fields_are_taken_from_the_text_and_fit_the_schema() -> None:
    text = "A guided sailing trip with a stop in the town Flensburg for 3 nights"

    trip = Trip.model_validate(fill_schema(Trip.model_json_schema(), text))

    assert trip.kind == "sailing"
    assert trip.stop == Stop(town="Flensburg", nights=3)
    assert trip.guided is True


def test_an_empty_text_still_gives_a_valid_value() -> None:
    Trip.model_validate(fill_schema(Trip.model_json_schema(), ""))


def test_a_choice_is_made_by_its_line_in_the_description() -> None:
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {
            "next": {
                "enum": ["cook", "driver", "finish"],
                "description": "cook: prepares meals\ndriver: brings parcels\nfinish: nothing to do",
            }
        },
        "required": ["next"],
    }

    assert fill_schema(schema, "Please bring the parcels to the harbour") == {"next": "driver"}


def test_a_question_is_split_where_a_new_one_begins() -> None:
    assert sub_questions("How do kites fly and why do they fall? Also, who built the first?") == [
        "How do kites fly",
        "why do they fall?",
        "Also, who built the first?",
    ]
    assert sub_questions("Compare rye and wheat") == ["Compare rye and wheat", "rye", "wheat"]

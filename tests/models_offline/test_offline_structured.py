"""Structured output: from a schema and a conversation to a value that fits."""

from __future__ import annotations

from typing import Any, Literal

from hypothesis import given
from hypothesis import strategies as st
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


def test_a_question_is_split_where_a_new_one_begins_and_each_part_is_complete() -> None:
    assert sub_questions("How do kites fly and why do they fall? Also, who built the first?") == [
        "How do kites fly?",
        "Why do kites fall?",
        "Who built the first?",
    ]


def test_a_comparison_becomes_a_question_for_each_thing() -> None:
    assert sub_questions("Compare rye and wheat") == ["What is rye?", "What is wheat?"]
    assert sub_questions("What is the difference between wait_a and wait_b in Tarry?") == [
        "What is wait_a in Tarry?",
        "What is wait_b in Tarry?",
    ]


def test_a_part_that_names_nothing_is_asked_within_what_the_first_one_names() -> None:
    assert sub_questions("How does KiteKit cut a line, and how is a knot tied?")[1] == "In KiteKit, how is a knot tied?"
    assert sub_questions("Where does KiteKit keep lines, and is it cheap?")[1] == "Is KiteKit cheap?"
    assert sub_questions("When was the paper kite made and who designed it?")[1] == "Who designed the paper kite?"


def test_a_name_alone_is_a_question_after_it() -> None:
    assert sub_questions("KiteKit") == ["What is KiteKit?"]
    assert sub_questions("explain line_knot") == ["What is line_knot?"]


@given(st.text(max_size=500))
def test_any_text_has_between_one_and_six_parts(text: str) -> None:
    parts = sub_questions(text)

    assert 1 <= len(parts) <= 6
    assert all(parts)

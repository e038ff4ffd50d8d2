"""Arguments a model wrote: read where the meaning is clear, refused with every problem where it is not."""

from __future__ import annotations

import contextlib
import enum
import json
import pickle
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field

from graphwright.tools import (
    InvalidArguments,
    Labels,
    Tool,
    ToolDeclarationError,
    ToolUnavailable,
    schema_tool,
    tool,
)


class Size(enum.Enum):
    SMALL = "small"
    LARGE = "large"


class Item(BaseModel):
    """One line of an order."""

    name: str
    quantity: Annotated[int, Field(gt=0, description="How many.")] = 1


class Branch(BaseModel):
    label: str
    children: list[Branch] = []


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")
    name: str


@tool(effect="read")
def order(
    items: list[Item],
    price: Decimal,
    when: datetime | None = None,
    size: Size = Size.SMALL,
    speed: Literal["slow", "fast"] = "slow",
    note: str | int = "",
    tags: dict[str, int] | None = None,
    schema: bool = False,
    copy: Annotated[int, Field(ge=0)] = 0,
    title: str = "",
) -> str:
    """Order some items."""
    return "ordered"


def problems(one: Tool, arguments: Any) -> tuple[str, ...]:
    with pytest.raises(InvalidArguments) as caught:
        one.validate(arguments)
    return caught.value.problems


def test_values_become_python_values_and_defaults_are_filled_in() -> None:
    found = order.validate(
        {"items": [{"name": "cup"}], "price": 12.1, "when": "2026-03-31T10:00:00", "size": "large", "copy": "3"}
    )

    assert found["items"] == [Item(name="cup", quantity=1)]
    assert found["price"] == Decimal("12.1")
    assert found["when"] == datetime(2026, 3, 31, 10)
    assert (found["size"], found["copy"], found["schema"], found["title"]) == (Size.LARGE, 3, False, "")


def test_the_schema_has_no_titles_no_references_and_forbids_what_is_not_declared() -> None:
    text = json.dumps(order.parameters)
    item = order.parameters["properties"]["items"]["items"]

    assert "$ref" not in text
    assert "$defs" not in text
    assert "pattern" not in text
    assert set(order.parameters["properties"]) >= {"title", "schema", "copy"}
    assert not any("title" in schema for schema in order.parameters["properties"].values())
    assert item["additionalProperties"] is False
    assert item["properties"]["quantity"] == {
        "default": 1, "description": "How many.", "exclusiveMinimum": 0, "type": "integer",
    }  # fmt: skip
    assert order.parameters["properties"]["price"] == {"type": "number"}


def test_a_recursive_model_keeps_its_reference() -> None:
    @tool(effect="read")
    def draw(tree: Branch) -> str:
        """Draw a tree."""
        return tree.label

    assert "Branch" in draw.parameters["$defs"]
    assert draw.validate({"tree": {"label": "a", "children": [{"label": "b"}]}})["tree"].children[0].label == "b"
    assert problems(draw, {"tree": {"label": "a", "children": [{"lable": "b"}]}}) == (
        "tree.children[0].label: is missing. Wanted: string.",
        "tree.children[0].lable: there is no such parameter. Did you mean 'label'? There are: label, children.",
    )


def test_every_problem_is_listed_with_place_given_and_wanted() -> None:
    found = problems(
        order,
        {
            "items": [{"name": "cup", "quantity": -1, "colour": "red"}, "saucer"],
            "speed": "fsat",
            "note": [1],
            "copy": 1.5,
            "pirce": 3,
        },
    )

    assert found == (
        "items[0].quantity: given -1, wanted greater than 0.",
        "items[0].colour: there is no such parameter. There are: name, quantity.",
        'items[1]: given "saucer", wanted an object.',
        "price: is missing. Wanted: number.",
        "speed: given \"fsat\", wanted 'slow' or 'fast'.",
        "note: given [1], wanted a valid string or a valid integer.",
        "copy: given 1.5, wanted a valid integer, got a number with a fractional part.",
        "pirce: there is no such parameter. Did you mean 'price'? There are: "
        + ", ".join(order.parameters["properties"])
        + ".",
    )


@pytest.mark.parametrize(
    "error",
    [
        InvalidArguments("order", ["a", "b"]),
        ToolDeclarationError("Tool 'x'", ["a"]),
        ToolUnavailable("Busy.", retry_after=2.0),
    ],
)
def test_errors_survive_pickling(error: Exception) -> None:
    again = pickle.loads(pickle.dumps(error))

    assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))


def test_the_message_tells_the_model_what_to_do() -> None:
    with pytest.raises(InvalidArguments, match=r"(?s)The arguments of 'order' do not fit:.*call the tool again\."):
        order.validate({})


@pytest.mark.parametrize("wrong", [None, [], "items", 3, [("items", 1)]])
def test_arguments_that_are_no_object_are_refused(wrong: Any) -> None:
    assert "wanted one JSON object" in problems(order, wrong)[0]


def test_json_text_for_a_list_or_an_object_is_read() -> None:
    found = order.validate({"items": '[{"name": "cup"}]', "price": "1.50", "tags": ' {"a": 1}'})

    assert found["items"] == [Item(name="cup")]
    assert found["tags"] == {"a": 1}


def test_json_text_stays_text_where_text_is_wanted() -> None:
    assert order.validate({"items": [], "price": 1, "note": '["a"]'})["note"] == '["a"]'


@pytest.mark.parametrize("text", ['{"a": 1, "a": 2}', '{"a": NaN}', "{a: 1}", '{"a": 1} and more', "[" * 100_000])
def test_json_text_that_can_mean_two_things_is_refused(text: str) -> None:
    assert any(line.startswith("tags: given") for line in problems(order, {"items": [], "price": 1, "tags": text}))


def test_problems_inside_json_text_are_found_too() -> None:
    assert problems(order, {"items": '[{"name": 3}]', "price": 1}) == (
        "items[0].name: given 3, wanted a valid string.",
    )


def test_a_model_that_takes_undeclared_fields_says_so_and_gets_them() -> None:
    @tool(effect="read")
    def keep(thing: Open) -> str:
        """Keep a thing."""
        return thing.name

    assert keep.validate({"thing": {"name": "a", "b": 1}})["thing"].b == 1
    assert problems(keep, {"thing": {"name": "a"}, "x": 1})[0].startswith("x: there is no such parameter")


def test_a_huge_wrong_value_makes_a_short_message() -> None:
    lines = problems(order, {"items": ["x" * 1_000_000] * 1_000, "price": 1})

    assert len(lines) == 51
    assert lines[-1] == "... and 950 more problems"
    assert max(len(line) for line in lines) < 200


def test_default_values_are_not_shared_between_calls() -> None:
    @tool(effect="read")
    def gather(found: list[int] = []) -> list[int]:  # noqa: B006  # what is tested
        """Gather numbers."""
        return found

    gather.validate({})["found"].append(1)

    assert gather.validate({})["found"] == []


@given(st.dictionaries(st.text(max_size=8), st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
), max_size=5))  # fmt: skip
def test_any_json_gives_values_or_words(arguments: dict[str, Any]) -> None:
    with contextlib.suppress(InvalidArguments):
        assert set(order.validate(arguments)) == set(order.parameters["properties"])


@given(st.decimals(allow_nan=False, allow_infinity=False), st.dates(), st.text())
def test_what_was_validated_can_be_validated_again(price: Decimal, day: date, note: str) -> None:
    once = order.validate({"items": [], "price": str(price), "when": day.isoformat(), "note": note})

    assert order.validate(once) == once


MCP = schema_tool(
    "send",
    "Send a message.",
    {
        "type": "object",
        "properties": {
            "to": {"type": "array", "items": {"$ref": "#/$defs/Address"}, "minItems": 1},
            "urgent": {"type": ["boolean", "null"]},
            "level": {"enum": [1, 2]},
            "size": {"type": "integer", "minimum": 1, "maximum": 9},
            "body": {"anyOf": [{"type": "string", "maxLength": 5}, {"type": "null"}]},
        },
        "required": ["to"],
        "$defs": {"Address": {"type": "object", "properties": {"mail": {"type": "string"}}, "required": ["mail"]}},
    },
    lambda arguments, context: None,  # type: ignore[arg-type,return-value]  # never called
    labels=Labels.unknown(),
    source="test",
)


def test_a_foreign_schema_is_checked_in_the_same_words() -> None:
    assert problems(
        MCP, {"to": [{"mial": "a"}], "urgent": "yes", "level": True, "size": 10, "body": "too long", "cc": 1}
    ) == (
        "to[0].mail: is missing. Wanted: string.",
        "to[0].mial: there is no such parameter. Did you mean 'mail'? There are: mail.",
        'urgent: given "yes", wanted boolean or null.',
        "level: given true, wanted one of 1, 2.",
        "size: given 10, wanted 9 or less.",
        'body: given "too long", wanted string or null.',
        "cc: there is no such parameter. There are: to, urgent, level, size, body.",
    )


def test_a_foreign_schema_takes_what_fits() -> None:
    assert MCP.validate({"to": '[{"mail": "a"}]', "urgent": None, "size": 2.0}) == {
        "to": [{"mail": "a"}],
        "urgent": None,
        "size": 2.0,
    }

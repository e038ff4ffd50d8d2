"""Whatever the tools and the text, the offline model gives valid calls or valid text, and soon."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage

from graphwright.models.contract import ModelRequest
from graphwright.models.offline import OfflineModel, plan_calls
from graphwright.models.offline.structured import fill_schema

WORDS = st.sampled_from(
    "Find the area of 3 and 4.5 km in Paris, France on May 3rd 2022 'quoted' [1, 2] {a: 1} x^2 -5% $20 a@b.org "
    "A1 not all and or from to respectively ; . ? \n ️ é ١ 9999999999999999999999 1e999".split(" ")
)
TEXT = st.one_of(st.text(max_size=200), st.lists(WORDS, max_size=30).map(" ".join))
SCALAR: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.fixed_dictionaries({"type": st.sampled_from(["string", "integer", "number", "boolean"])}),
    st.fixed_dictionaries({"enum": st.lists(st.text(max_size=8), min_size=1, max_size=4, unique=True)}),
    st.builds(lambda low: {"type": "integer", "minimum": low, "maximum": low + 5}, st.integers(-50, 50)),
    st.fixed_dictionaries({"type": st.just("string"), "maxLength": st.integers(3, 9)}),
)


def _deeper(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    arrays = inner.map(lambda item: {"type": "array", "items": item, "maxItems": 6})
    objects = st.dictionaries(st.text(min_size=1, max_size=9), inner, max_size=4).map(
        lambda fields: {"type": "object", "properties": fields, "required": sorted(fields)[:2]}
    )
    return arrays | objects


SCHEMA = st.recursive(SCALAR, _deeper, max_leaves=8)
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "properties", "items", "enum", "required", "$ref", "anyOf", "minimum", "x"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=10,
)
QUICK = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def object_of(fields: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": fields, "required": sorted(fields)[:3]}


PARAMETERS = st.dictionaries(st.text(min_size=1, max_size=12), SCHEMA, max_size=4).map(object_of)


@QUICK
@given(text=TEXT, name=st.text(min_size=1, max_size=20), description=TEXT, parameters=PARAMETERS)
def test_forced_arguments_always_fit_their_schema(
    text: str, name: str, description: str, parameters: dict[str, Any]
) -> None:
    wire = {"type": "function", "function": {"name": name, "description": description, "parameters": parameters}}

    calls = plan_calls(text, [wire], force=True)

    assert calls
    for call in calls:
        jsonschema.validate(call.arguments, parameters)


@QUICK
@given(text=TEXT, schema=PARAMETERS)
def test_structured_answers_always_fit_their_schema(text: str, schema: dict[str, Any]) -> None:
    jsonschema.validate(fill_schema(schema, text), schema)


@QUICK
@given(text=TEXT, tools=st.lists(JUNK, max_size=3), result=TEXT, output=st.none() | st.dictionaries(st.text(), JUNK))
def test_any_conversation_gets_a_message(text: str, tools: list[Any], result: str, output: Any) -> None:
    wired = tuple({"type": "function", "function": {"name": "f", "parameters": tool}} for tool in tools)
    history: list[AnyMessage] = [
        HumanMessage(text),
        AIMessage("", tool_calls=[{"name": "f", "args": {"a": text}, "id": "1"}]),
        ToolMessage(result, tool_call_id="1"),
    ]

    answer = asyncio.run(OfflineModel().respond(ModelRequest(messages=history, tools=wired, output=output)))

    assert answer.id
    assert answer.tool_calls or isinstance(answer.content, str)


@pytest.mark.parametrize(
    "piece", ["a", "a-", "'", "“", "[", "{", "(1,", "a.", "9", "A ", "x+", " ", "one ", "/a", "\n", "a, ", "$1M "]
)
def test_a_megabyte_of_anything_is_answered_soon(piece: str) -> None:
    text = piece * (1_000_000 // len(piece))
    fields = {f"field {i}": {"type": kind} for i, kind in enumerate(("string", "integer", "number"))}
    wire = {"type": "function", "function": {"name": "a_tool", "description": "a", "parameters": object_of(fields)}}
    began = time.process_time()

    plan_calls(text, [wire], force=True)

    assert time.process_time() - began < 3.0

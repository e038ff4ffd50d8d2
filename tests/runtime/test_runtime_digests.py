"""Canonical JSON and digests, fuzzed: one text for equal values, another digest for a changed one, linear time."""

from __future__ import annotations

import random
import string
import time
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from graphwright.runtime.digests import canonical_json, digest, plain_json
from graphwright.runtime.redaction import Redactor
from graphwright.runtime.redaction_patterns import PII_PATTERNS, SECRET_PATTERNS

TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=8)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS
)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4), max_leaves=20
)
ANYTHING = st.recursive(
    LEAVES
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.binary(max_size=4)
    | st.decimals()
    | st.datetimes(timezones=st.just(UTC))
    | st.frozensets(st.integers(), max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner)
        | st.dictionaries(st.text(max_size=4) | st.integers() | st.booleans() | st.none(), inner, max_size=3)
    ),
    max_leaves=12,
)
CHANGES = st.sampled_from([None, True, False, 0, 1, 1.0, -0.0, "", "0", "1", "true", "null", [], {}, [[]], [{}]])


def shuffled(value: Any, lot: random.Random) -> Any:
    """The same value, its keys put in in another order."""
    if isinstance(value, dict):
        items = [(name, shuffled(each, lot)) for name, each in value.items()]
        lot.shuffle(items)
        return dict(items)
    return [shuffled(each, lot) for each in value] if isinstance(value, list) else value


def same(one: Any, other: Any) -> bool:
    """Whether two values are one in JSON: 1, 1.0 and true are three."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[name], other[name]) for name in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return repr(one) == repr(other)


@settings(deadline=None)
@given(VALUES, st.randoms(use_true_random=False))
def test_the_order_of_keys_makes_no_difference(value: Any, lot: random.Random) -> None:
    assert canonical_json(value) == canonical_json(shuffled(value, lot))
    assert digest(value) == digest(shuffled(value, lot))


@settings(deadline=None)
@given(VALUES)
def test_the_text_is_json_of_the_same_value_and_its_own_canonical_text(value: Any) -> None:
    read = orjson.loads(canonical_json(value))

    assert same(read, value)
    assert canonical_json(read) == canonical_json(value)
    assert same(orjson.loads(plain_json(value)), value)


@settings(deadline=None)
@given(VALUES, VALUES | CHANGES)
def test_different_values_have_different_digests(one: Any, other: Any) -> None:
    assert (digest(one) == digest(other)) == same(one, other)


@settings(deadline=None)
@given(st.dictionaries(TEXTS, VALUES, min_size=1, max_size=4), st.data())
def test_one_changed_argument_changes_the_digest(arguments: dict[str, Any], data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(arguments)))
    value = data.draw(VALUES | CHANGES)

    assert (digest({**arguments, name: value}) == digest(arguments)) == same(value, arguments[name])
    assert digest({each: value for each, value in arguments.items() if each != name}) != digest(arguments)


@settings(deadline=None)
@given(ANYTHING)
def test_whatever_a_tool_returns_has_a_text_that_is_json_and_always_the_same(value: Any) -> None:
    text = canonical_json(value)

    orjson.loads(text)
    assert text == canonical_json(value)
    orjson.loads(plain_json(value))


class Colour(Enum):
    RED = "red"


class Card(BaseModel):
    number: int
    price: Decimal


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Card(number=1, price=Decimal("2.50")), '{"number":1,"price":"2.50"}'),
        ({"b": 1, "a": {"d": 1, "c": 2}}, '{"a":{"c":2,"d":1},"b":1}'),
        ({"at": datetime(2026, 1, 2, tzinfo=UTC)}, '{"at":"2026-01-02T00:00:00+00:00"}'),
        ({Colour.RED: frozenset({3, 1, 2})}, '{"red":[1,2,3]}'),
        ({"large": 2**70, "half": "\ud800"}, '{"half":"\\\\ud800","large":"1180591620717411303424"}'),
        ("é\u2028", '"é\u2028"'),
    ],
)
def test_what_json_lacks_is_written_as_its_string(value: Any, text: str) -> None:
    assert canonical_json(value).decode() == text


@pytest.mark.parametrize("size", [80_000])
def test_hostile_values_cost_linear_time(size: int) -> None:
    def seconds(many: int) -> float:
        value = {f"{at:x}\ud800": [at, 2**70, {"a": "b" * 20}] for at in range(many)}
        begun = time.process_time()
        digest(value)
        return time.process_time() - begun

    assert seconds(size // 4) < 4 * seconds(size // 8) + 0.05


FRAGMENTS = st.sampled_from(
    ["a", "@", ".", "4111 ", "4111-1111-1111-1111", "DE89 3704", "eyJ", "sk-", "://", "a:b@", "%41", "\\u0041", "AKIA",
     "-----BEGIN ", "bearer ", "authorization: ", "xox", "+1 (", "=", '"', "_", "\n", "[redacted:", "İ", "own-s"]
)  # fmt: skip


@settings(max_examples=6, deadline=None)
@given(st.lists(FRAGMENTS | st.text(string.printable, min_size=1, max_size=4), min_size=1, max_size=6).map("".join))
def test_a_megabyte_of_any_hostile_text_is_redacted_in_less_than_a_second(word: str) -> None:
    redactor = Redactor(["own-secret-123456"], SECRET_PATTERNS + PII_PATTERNS)
    text = (word * (1_000_000 // len(word) + 1))[:1_000_000]

    def seconds() -> float:
        begun = time.process_time()
        redactor.redact(text)
        return time.process_time() - begun

    assert min(seconds() for _ in range(2)) < 1

"""What the offline model spots in a text."""

from __future__ import annotations

from typing import Any

import pytest

from graphwright.models.offline.dates import parse_date, write_date, write_time
from graphwright.models.offline.mentions import scene_of
from graphwright.models.offline.units import convert, units_in


def spotted(text: str) -> list[tuple[str, Any, str]]:
    return [(m.kind, m.value, m.unit) for m in scene_of(text).mentions]


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("it is 6cm long", 6, "cm"),
        ("pay $1.2M now", 1_200_000, "$"),
        ("a rate of 5%", 5, "%"),
        ("about 1,250,000 people", 1_250_000, ""),
        ("minus 4 degrees", -4, "degrees"),
        ("a charge of 1e-9", 1e-9, ""),
        ("twenty five apples", 25, ""),
        ("in the 16th century", 16, "th"),
    ],
)
def test_numbers_are_read_with_their_units(text: str, value: float, unit: str) -> None:
    assert ("number", value, unit) in spotted(text)


def test_a_word_that_begins_a_sentence_is_no_name() -> None:
    names = [value for kind, value, _ in spotted("Find a hotel in New York. Book it for Ann Lee.") if kind == "name"]

    assert names == ["New York", "Ann Lee"]


def test_members_of_an_enumeration_share_a_group() -> None:
    scene = scene_of("Compare Berlin, Paris and Rome in 2020")

    assert [[m.value for m in members] for members in scene.groups.values()] == [["Berlin", "Paris", "Rome"]]


def test_a_city_and_its_country_are_no_enumeration() -> None:
    assert scene_of("a room in Paris, France").groups == {}


def test_quotations_lists_addresses_and_codes_are_one_value_each() -> None:
    found = spotted("Mail 'two words' and [1, 2] to ann@example.org about order AB-1042")

    assert [(kind, value) for kind, value, _ in found[1:]] == [
        ("quoted", "two words"),
        ("list", [1, 2]),
        ("address", "ann@example.org"),
        ("code", "AB-1042"),
    ]


def test_dates_are_written_as_the_description_asks() -> None:
    assert write_date("March 3rd, 2022", "Date in the format MM/DD/YYYY.") == "03/03/2022"
    assert write_date("3 March 2022", "The day.") == "2022-03-03"
    assert write_date("next Friday", "YYYY-MM-DD") == "next Friday"
    assert parse_date("2022-02-31") is None
    assert write_time("6:30 pm", "Time as HH:MM") == "18:30"


def test_units_convert_only_within_what_they_measure() -> None:
    assert convert(50, "mh", units_in("inductance in henries")) == 0.05
    assert convert(50, "kg", units_in("height in meters")) is None
    assert convert(20, "celsius", units_in("temperature in fahrenheit")) is None


def test_a_megabyte_costs_no_more_than_a_page() -> None:
    scene = scene_of("word 12 " * 125_000)

    assert len(scene.text) <= 12_000
    assert len(scene.mentions) <= 200

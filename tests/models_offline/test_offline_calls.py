"""Which calls the offline model makes of a request."""

from __future__ import annotations

from typing import Any

from graphwright.models.offline import plan_calls


def tool(name: str, description: str, required: tuple[str, ...] = (), **params: dict[str, Any]) -> dict[str, Any]:
    schema = {"type": "object", "properties": params, "required": list(required)}
    return {"type": "function", "function": {"name": name, "description": description, "parameters": schema}}


def text(description: str = "", **more: Any) -> dict[str, Any]:
    return {"type": "string", "description": description, **more}


def whole(description: str = "", **more: Any) -> dict[str, Any]:
    return {"type": "integer", "description": description, **more}


def calls(request: str, *tools: dict[str, Any], force: bool = False) -> list[tuple[str, dict[str, Any]]]:
    return [(call.name, call.arguments) for call in plan_calls(request, tools, force=force)]


RENT = tool(
    "rent_bicycle",
    "Rent bicycles at a station for some hours.",
    ("station", "hours"),
    station=text("Name of the station."),
    hours=whole("How long, in hours."),
    helmets=whole("Number of helmets to borrow."),
    electric={"type": "boolean", "description": "Whether the bicycle is electric."},
)
FOUNTAIN = tool(
    "fountain_volume", "Volume of a fountain's basin.", ("depth", "width"), depth=whole("In cm."), width=whole("In cm.")
)
FERRY = tool(
    "book_ferry",
    "Book a ferry ticket between two ports.",
    ("from_port", "to_port"),
    from_port=text("Port of departure."),
    to_port=text("Port of arrival."),
    cabin=text("Class of the cabin.", enum=["inside", "outside", "suite"]),
)


def test_the_tool_whose_words_the_request_has_is_called() -> None:
    [(name, arguments)] = calls("Rent a bicycle at Harbour Gate for 3 hours", FOUNTAIN, RENT, FERRY)

    assert name == "rent_bicycle"
    assert arguments == {"station": "Harbour Gate", "hours": 3}


def test_nothing_is_called_when_no_tool_fits() -> None:
    assert calls("Who painted the ceiling of the opera house?", FOUNTAIN, RENT, FERRY) == []
    assert calls("Hello!", RENT) == []


def test_a_tool_can_be_forced() -> None:
    [(name, _)] = calls("Who painted the ceiling?", RENT, force=True)

    assert name == "rent_bicycle"


def test_optional_parameters_are_given_only_when_named() -> None:
    [(_, arguments)] = calls("Rent an electric bicycle at Harbour Gate for 3 hours with 2 helmets", RENT)

    assert arguments == {"station": "Harbour Gate", "hours": 3, "helmets": 2, "electric": True}


def test_a_flag_can_be_refused() -> None:
    [(_, arguments)] = calls("Rent a bicycle, not electric, at Harbour Gate for 3 hours", RENT)

    assert arguments["electric"] is False


def test_origin_and_destination_follow_from_and_to() -> None:
    [(_, arguments)] = calls("Book a ferry ticket to Malmo from Travemunde with a suite", FERRY)

    assert arguments == {"from_port": "Travemunde", "to_port": "Malmo", "cabin": "suite"}


def test_numbers_go_to_the_parameter_they_stand_beside() -> None:
    [(_, arguments)] = calls("What is the volume of a fountain with a width of 90 cm and a depth of 2 m?", FOUNTAIN)

    assert arguments == {"depth": 200, "width": 90}


def test_an_enumeration_makes_a_call_for_each_member() -> None:
    found = calls("Rent bicycles for 2 hours at Harbour Gate, Old Mill and West End", RENT)

    assert [arguments["station"] for _, arguments in found] == ["Harbour Gate", "Old Mill", "West End"]
    assert {arguments["hours"] for _, arguments in found} == {2}


def test_respectively_pairs_two_enumerations() -> None:
    found = calls("Rent bicycles at Harbour Gate and Old Mill for 2 hours and 5 hours respectively", RENT)

    assert [arguments for _, arguments in found] == [
        {"station": "Harbour Gate", "hours": 2},
        {"station": "Old Mill", "hours": 5},
    ]


def test_each_sentence_can_ask_for_its_own_tool() -> None:
    request = "Rent a bicycle at Harbour Gate for 3 hours. Then book a ferry ticket from Travemunde to Malmo."

    assert [name for name, _ in calls(request, FERRY, RENT, FOUNTAIN)] == ["rent_bicycle", "book_ferry"]


def test_lists_and_nested_objects_are_filled() -> None:
    person = {"type": "object", "properties": {"name": text(), "age": whole()}, "required": ["name", "age"]}
    survey = tool(
        "record_heights",
        "Record measured heights of a person.",
        ("heights", "person"),
        heights={"type": "array", "items": {"type": "number"}},
        person=person,
    )

    [(_, arguments)] = calls("Record the heights [1.5, 1.62] of the person with name Ann Lee and age 31", survey)

    assert arguments == {"heights": [1.5, 1.62], "person": {"name": "Ann Lee", "age": 31}}


def test_calls_are_the_same_every_time() -> None:
    request = "Rent bicycles for 2 hours at Harbour Gate, Old Mill and West End"

    assert calls(request, RENT, FERRY) == calls(request, RENT, FERRY)


def test_the_verb_that_a_request_begins_with_chooses_the_tool_of_that_name() -> None:
    def spec(name: str, description: str, **params: str) -> dict[str, object]:
        properties = {each: {"type": kind} for each, kind in params.items()}
        schema = {"type": "object", "properties": properties, "required": list(params)}
        return {"type": "function", "function": {"name": name, "description": description, "parameters": schema}}

    tools = [
        spec("find_order", "Look up one order by its number.", order_id="string"),
        spec("refund", "Refund part or all of one order.", order_id="string", amount="number"),
    ]

    (planned,) = plan_calls("Refund 10.00 for order A-1042", tools)

    assert (planned.name, planned.arguments) == ("refund", {"order_id": "A-1042", "amount": 10.0})

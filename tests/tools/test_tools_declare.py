"""A declaration: what it makes of a function, and everything it refuses."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field

from graphwright.tools import IdempotencyKey, Labels, Tool, ToolContext, ToolDeclarationError, tool


def problems_of(declare: Any) -> str:
    with pytest.raises(ToolDeclarationError) as caught:
        declare()
    return str(caught.value)


def test_name_types_and_first_docstring_line_become_the_specification() -> None:
    @tool(effect="read")
    def find_order(order_id: Annotated[str, Field(description="Order number, like A-1042.")], limit: int = 3) -> str:
        """Look up one order by its number.

        Not for the model.
        """
        return f"{order_id}:{limit}"

    assert find_order.spec == {
        "type": "function",
        "function": {
            "name": "find_order",
            "description": "Look up one order by its number.",
            "parameters": {
                "type": "object",
                "properties": {
                    "order_id": {"type": "string", "description": "Order number, like A-1042."},
                    "limit": {"type": "integer", "default": 3},
                },
                "required": ["order_id"],
                "additionalProperties": False,
            },
        },
    }


def test_a_tool_is_plain_python_too() -> None:
    @tool(effect="read")
    def double(number: int) -> int:
        """Double a number."""
        return number * 2

    assert double(21) == 42
    assert double.source.startswith(f"{__name__}:")


def test_key_and_context_are_injected_and_invisible() -> None:
    @tool(effect="write", critical=("amount",))
    async def pay(
        amount: Decimal, *, key: IdempotencyKey, context: ToolContext, extra: ToolContext | None = None
    ) -> None:
        """Pay an amount."""

    assert list(pay.parameters["properties"]) == ["amount"]
    assert dict(pay.injected) == {"key": "key", "context": "context", "extra": "context"}


def test_an_args_section_describes_parameters_and_a_field_wins_over_it() -> None:
    @tool(effect="read")
    def search(query: str, where: Annotated[str, Field(description="From the field.")], k: int = 5) -> str:
        """Search the shelf.

        Args:
            query (str): What to look for,
                in a few words.
            where: From the docstring.
            k: How many.

        Returns:
            nothing: of interest
        """
        return query

    described = {name: schema["description"] for name, schema in search.parameters["properties"].items()}
    assert described == {"query": "What to look for, in a few words.", "where": "From the field.", "k": "How many."}


def test_all_problems_of_a_declaration_are_said_at_once() -> None:
    def bad(self, x, *args: int, y: str = Field("a"), **more: str):  # type: ignore[no-untyped-def]  # on purpose
        pass

    text = problems_of(
        lambda: tool(bad, effect="wirte", name="not a name", critical=("amount",), timeout=-1, retry=True, crtical=())  # type: ignore[call-overload]  # on purpose
    )

    for part in (
        "The name 'not a name' cannot be called",
        "It has no docstring",
        "'self': a tool is a function",
        "'x': has no type",
        "*args",
        "**more",
        "'y': has Field(...) as its default",
        "effect='wirte' must be one of: read, write, egress",
        "timeout=-1 must be more than 0 seconds",
        "retry=True must be a whole number",
        "There is no label 'crtical'. Did you mean 'critical'?",
    ):
        assert part in text


def test_a_critical_argument_must_be_a_parameter() -> None:
    def pay(amount: int) -> None:
        """Pay an amount."""

    text = problems_of(lambda: tool(effect="write", critical=("amuont",))(pay))

    assert "critical names 'amuont', which is no parameter. Did you mean 'amount'? There are: amount." in text


def test_an_annotation_that_cannot_be_read_is_a_problem_with_a_name() -> None:
    def look(where: Missing) -> None:  # type: ignore[name-defined]  # noqa: F821  # on purpose
        """Look somewhere."""

    assert "An annotation cannot be read: name 'Missing' is not defined" in problems_of(
        lambda: tool(look, effect="read")
    )


def test_annotations_may_name_types_of_the_surrounding_function() -> None:
    class Place(BaseModel):
        city: str

    @tool(effect="read")
    def weather(place: Place) -> str:
        """Tell the weather."""
        return place.city

    assert weather.validate({"place": {"city": "Bonn"}}) == {"place": Place(city="Bonn")}


def test_a_generator_is_refused() -> None:
    async def stream(n: int) -> AsyncIterator[int]:
        """Give numbers."""
        yield n

    assert "It is a generator" in problems_of(lambda: tool(stream, effect="read"))


def test_a_type_without_a_schema_is_refused_in_one_line() -> None:
    class Socket:
        pass

    def send(to: Socket) -> None:
        """Send something."""

    with pytest.raises(ToolDeclarationError, match="Its parameters have no JSON schema"):
        tool(send, effect="egress")


def test_decorating_twice_is_refused() -> None:
    @tool(effect="read")
    def one(x: int) -> int:
        """Return x again."""
        return x

    assert "It is a tool already" in problems_of(lambda: tool(effect="read")(one))


def test_partials_bound_methods_and_callable_objects_can_be_tools() -> None:
    class Shop:
        def find(self, name: str) -> str:
            """Find an article."""
            return name

        async def __call__(self, name: str) -> str:
            """Ask the shop."""
            return name

    def area(width: int, height: int) -> int:
        """Compute an area."""
        return width * height

    made = [
        tool(Shop().find, effect="read"),
        tool(Shop(), effect="read", name="ask"),
        tool(functools.partial(area, 3), effect="read"),
    ]

    assert [one.name for one in made] == ["find", "ask", "area"]
    assert [one.synchronous for one in made] == [True, False, True]
    assert list(made[2].parameters["properties"]) == ["height"]
    assert all(isinstance(one, Tool) and ":" in one.source for one in made)


@pytest.mark.parametrize(("effect", "once"), [("read", False), ("write", True), ("egress", True)])
def test_once_follows_from_the_effect(effect: Any, once: bool) -> None:
    assert Labels(effect=effect).once is once
    assert Labels(effect=effect, once=not once).once is not once


def test_an_unknown_tool_fails_closed() -> None:
    labels = Labels.unknown()

    assert (labels.effect, labels.destructive, labels.trusted, labels.once) == ("egress", True, False, True)
    assert not labels.repeatable


def test_labels_alone_are_checked_as_well() -> None:
    text = problems_of(lambda: Labels(effect="read", critical="amount", rate=0, result_cap=5, approval=" "))  # type: ignore[arg-type]  # on purpose

    for part in ("critical='amount' must be a tuple", "rate=0 must be", "result_cap=5", "approval=' '"):
        assert part in text


def test_lists_given_for_groups_become_immutable() -> None:
    labels = Labels(critical=["a"], roles={"admin"})  # type: ignore[arg-type]  # on purpose

    assert labels.critical == ("a",)
    assert labels.roles == frozenset({"admin"})

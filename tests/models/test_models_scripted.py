"""The scripted model says what it is told and notices what it was not told."""

from __future__ import annotations

import re
from typing import Any

import pytest
from pydantic import BaseModel

from graphwright.models import (
    Delta,
    ModelAnswerMalformed,
    ModelUnavailable,
    Reply,
    ScriptedModel,
    ScriptMismatch,
    When,
    calls,
)


class City(BaseModel):
    name: str


async def test_entries_are_said_in_their_order(ask: Any) -> None:
    model = ScriptedModel(["one", calls("lookup", city="Paris"), [calls("a"), calls("b")], lambda request: "last"])

    said = [await model.respond(ask()) for _ in range(4)]

    assert [message.content for message in said] == ["one", "", "", "last"]
    assert [[call["name"] for call in message.tool_calls] for message in said] == [[], ["lookup"], ["a", "b"], []]
    assert said[1].tool_calls[0]["args"] == {"city": "Paris"}
    model.assert_complete()


async def test_matchers_answer_wherever_they_fit(ask: Any) -> None:
    model = ScriptedModel(
        [When("refund", "Refunded."), When(re.compile(r"A-\d+"), "An order."), When(lambda r: bool(r.tools), "Tools.")]
    )

    assert (await model.respond(ask("Where is A-1?"))).content == "An order."
    assert (await model.respond(ask("hm", tools=({"function": {"name": "x"}},)))).content == "Tools."
    assert (await model.respond(ask("refund A-1"))).content == "Refunded."
    model.assert_complete()


async def test_a_matcher_may_answer_for_ever(ask: Any) -> None:
    model = ScriptedModel([When("", "Again.", times=None)])

    assert [(await model.respond(ask())).content for _ in range(3)] == ["Again."] * 3
    model.assert_complete()


async def test_an_unexpected_request_is_printed(ask: Any, lookup: Any) -> None:
    model = ScriptedModel(["only"])
    await model.respond(ask())

    with pytest.raises(ScriptMismatch, match=r"no answer left for request 2") as caught:
        await model.respond(ask("And now?", tools=(lookup,)))

    assert "[0] user: And now?" in str(caught.value)
    assert "tools: lookup" in str(caught.value)


async def test_a_reply_can_say_what_it_expects(ask: Any) -> None:
    model = ScriptedModel([Reply(text="ok", expect="refund")])

    with pytest.raises(ScriptMismatch, match=r"expected 'refund'.*\n.*user: weather"):
        await model.respond(ask("weather"))


async def test_what_was_never_asked_for_is_listed(ask: Any) -> None:
    model = ScriptedModel(["one", "two", When("x", "three")])
    await model.respond(ask())

    with pytest.raises(ScriptMismatch, match=r"asked 1 times; this was never asked for:\n  'two'\n  When"):
        model.assert_complete()


async def test_errors_are_raised_also_in_mid_stream(ask: Any) -> None:
    model = ScriptedModel([ModelUnavailable("busy"), Reply(text="Hel", error=ModelUnavailable("gone"))])
    heard: list[Delta] = []

    with pytest.raises(ModelUnavailable, match="busy"):
        await model.respond(ask())
    with pytest.raises(ModelUnavailable, match="gone"):
        await model.respond(ask(), on_delta=heard.append)

    assert heard == [Delta(text="Hel")]


async def test_a_structured_reply_is_json_and_parsed(ask: Any) -> None:
    model = ScriptedModel([City(name="Paris"), {"name": "Rome"}, "no json"])
    schema = City.model_json_schema()

    first, second = await model.respond(ask(output=schema)), await model.respond(ask(output=schema))

    assert first.additional_kwargs["parsed"] == {"name": "Paris"}
    assert second.content == '{"name":"Rome"}'
    with pytest.raises(ModelAnswerMalformed):
        await model.respond(ask(output=schema))


async def test_requests_are_kept_as_they_were(ask: Any) -> None:
    model, request = ScriptedModel(["one"]), ask("first")
    await model.respond(request)

    request.messages.append("later")

    assert [message.content for message in model.requests[0].messages] == ["first"]


async def test_usage_is_given_or_guessed(ask: Any) -> None:
    model = ScriptedModel([Reply(text="x", usage={"input_tokens": 5, "output_tokens": 2}), "word " * 8])

    given, guessed = await model.respond(ask()), await model.respond(ask())

    assert given.usage_metadata == {"input_tokens": 5, "output_tokens": 2, "total_tokens": 7}
    assert guessed.usage_metadata is not None
    assert guessed.usage_metadata["output_tokens"] == 10

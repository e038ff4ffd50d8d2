"""What goes over the wire, and what comes back, when all goes well."""

from __future__ import annotations

import json
from typing import Any

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from pydantic import BaseModel, Field

from graphwright.models import Delta, ModelRequest, ModelRequestInvalid, wire_messages
from graphwright.models.strict_schema import strict_schema

CITY = {
    "title": "City",
    "type": "object",
    "properties": {"name": {"type": "string"}, "people": {"type": "integer", "default": 0}},
    "required": ["name"],
}


async def test_a_conversation_goes_out_as_openai_names_it(server: Any, lookup: Any) -> None:
    server.will(server.text("Sunny."))
    said = AIMessage("", tool_calls=[{"name": "lookup", "args": {"city": "Paris"}, "id": "c1"}])
    history = [SystemMessage("Be brief."), HumanMessage("Weather?"), said, ToolMessage("sunny", tool_call_id="c1")]

    await server.model(params={"temperature": 0}).respond(
        ModelRequest(history, tools=(lookup,), tool_choice="lookup", params={"seed": 7})
    )

    call = {"id": "c1", "type": "function", "function": {"name": "lookup", "arguments": '{"city":"Paris"}'}}
    assert server.bodies == [
        {
            "model": "test-model",
            "temperature": 0,
            "seed": 7,
            "tool_choice": {"type": "function", "function": {"name": "lookup"}},
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": "Weather?"},
                {"role": "assistant", "content": None, "tool_calls": [call]},
                {"role": "tool", "tool_call_id": "c1", "content": "sunny"},
            ],
            "tools": [lookup],
        }
    ]
    assert server.headers[0]["authorization"] == "Bearer sk-test"


async def test_an_answer_carries_usage_reasoning_and_where_it_came_from(server: Any, ask: Any) -> None:
    usage = {
        "prompt_tokens": 100,
        "completion_tokens": 20,
        "total_tokens": 120,
        "prompt_tokens_details": {"cached_tokens": 64},
        "completion_tokens_details": {"reasoning_tokens": 12},
    }
    server.will(server.message(content="Paris.", reasoning_content="Let me think.", usage=usage))

    message = await server.model().respond(ask())

    assert message.content == "Paris."
    assert message.additional_kwargs["reasoning_content"] == "Let me think."
    assert message.usage_metadata == {
        "input_tokens": 100,
        "output_tokens": 20,
        "total_tokens": 120,
        "input_token_details": {"cache_read": 64},
        "output_token_details": {"reasoning": 12},
    }
    assert message.response_metadata["model_name"] == "test-model-2026"
    assert message.response_metadata["finish_reason"] == "stop"


async def test_a_refusal_is_an_answer(server: Any, ask: Any) -> None:
    server.will(server.message(content=None, refusal="I will not."))

    message = await server.model().respond(ask(output=CITY))

    assert message.additional_kwargs == {"refusal": "I will not."}
    assert message.content == ""


async def test_two_answers_with_one_server_id_have_two_ids(server: Any, ask: Any) -> None:
    server.will(server.text("Hi."))
    model = server.model()

    first, second = await model.respond(ask()), await model.respond(ask())

    assert first.id != second.id
    assert first.response_metadata["id"] == second.response_metadata["id"] == "chatcmpl-1"


async def test_a_stream_gives_pieces_and_the_same_message(server: Any, ask: Any) -> None:
    usage = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
    server.will(server.deltas({"reasoning": "Hm. "}, {"content": "Hel"}, {"content": "lo ☀"}, usage=usage))
    heard: list[Delta] = []

    message = await server.model().respond(ask(), on_delta=heard.append)

    assert heard == [Delta(reasoning="Hm. "), Delta(text="Hel"), Delta(text="lo ☀")]
    assert message.content == "Hello ☀"
    assert message.additional_kwargs["reasoning_content"] == "Hm. "
    assert message.usage_metadata is not None
    assert message.usage_metadata["total_tokens"] == 10
    assert server.bodies[0]["stream_options"] == {"include_usage": True}


def _piece(arguments: Any, **place: Any) -> dict[str, Any]:
    name = {"name": place.pop("name")} if "name" in place else {}
    return {"tool_calls": [{**place, "function": {**name, "arguments": arguments}}]}


@pytest.mark.parametrize(
    "pieces",
    [
        [
            _piece("", index=0, id="a", name="lookup"),
            _piece("", index=1, id="b", name="lookup"),
            _piece('{"city": ', index=0),
            _piece('{"city": "Rome"}', index=1),
            _piece('"Paris"}', index=0),
        ],
        [  # every call has index 0
            _piece('{"city": "Paris"}', index=0, id="a", name="lookup"),
            _piece('{"city": "Rome"}', index=0, id="b", name="lookup"),
        ],
        [  # no index, arguments as objects
            _piece({"city": "Paris"}, id="a", name="lookup"),
            _piece({"city": "Rome"}, id="b", name="lookup"),
        ],
    ],
    ids=["interleaved", "index 0 for all", "no index"],
)
async def test_parallel_calls_are_put_together(server: Any, ask: Any, lookup: Any, pieces: list[Any]) -> None:
    server.will(server.deltas(*pieces, finish="tool_calls"))

    message = await server.model().respond(ask(tools=(lookup,)), on_delta=lambda delta: None)

    assert [(call["id"], call["args"]["city"]) for call in message.tool_calls] == [("a", "Paris"), ("b", "Rome")]


async def test_events_may_be_split_anywhere(server: Any, ask: Any) -> None:
    event = b'data: {"choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":"stop"}]}\r\n\r\n'
    server.will(server.stream(b": comment\n\n", *(event[i : i + 1] for i in range(len(event)))))

    message = await server.model().respond(ask(), on_delta=lambda delta: None)

    assert message.content == "Hi"


async def test_tool_names_the_wire_forbids_are_mapped_there_and_back(server: Any, lookup: Any) -> None:
    name = "files.read/" + "x" * 80
    tool = {**lookup, "function": {**lookup["function"], "name": name}}

    def echo(writer: Any) -> None:
        server.calls(("c9", server.bodies[-1]["tools"][0]["function"]["name"], "{}"))(writer)

    server.will(echo)
    said = AIMessage("", tool_calls=[{"name": name, "args": {}, "id": "c1"}])
    history = [HumanMessage("go"), said, ToolMessage("ok", tool_call_id="c1")]

    message = await server.model().respond(ModelRequest(history, tools=(tool,), tool_choice=name))

    body, wire = server.bodies[0], server.bodies[0]["tools"][0]["function"]["name"]
    assert len(wire) <= 64
    assert set(wire) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")
    assert body["messages"][1]["tool_calls"][0]["function"]["name"] == wire
    assert body["tool_choice"]["function"]["name"] == wire
    assert message.tool_calls[0]["name"] == name


async def test_a_structured_answer_is_asked_for_strictly_when_the_schema_allows_it(server: Any, ask: Any) -> None:
    server.will(server.message(content='{"name": "Paris", "people": 2}'))

    message = await server.model().respond(ask(output=CITY))

    shape = server.bodies[0]["response_format"]["json_schema"]
    assert shape["strict"] is True
    assert shape["schema"]["required"] == ["name", "people"]
    assert shape["schema"]["additionalProperties"] is False
    assert message.additional_kwargs["parsed"] == {"name": "Paris", "people": 2}


@pytest.mark.parametrize(
    "part",
    [
        {"type": "object", "additionalProperties": {"type": "string"}},
        {"oneOf": [{"type": "string"}, {"type": "null"}]},
        {"type": "array", "items": {}},
        {},
    ],
)
def test_what_strict_mode_cannot_say_is_not_strict(part: dict[str, Any]) -> None:
    assert strict_schema({"type": "object", "properties": {"x": part}}) is None


def test_strict_mode_reaches_into_every_part() -> None:
    class Street(BaseModel):
        name: str = Field(default="", min_length=1)

    class Map(BaseModel):
        streets: list[Street]
        main: Street | None = None

    found = strict_schema(Map.model_json_schema())

    assert found is not None
    assert found["required"] == ["streets", "main"]
    assert found["$defs"]["Street"] == {
        "type": "object",
        "title": "Street",
        "properties": {"name": {"type": "string", "title": "Name"}},
        "required": ["name"],
        "additionalProperties": False,
    }


async def test_a_schema_with_free_keys_is_sent_as_it_is(server: Any, ask: Any) -> None:
    class Tally(BaseModel):
        counts: dict[str, int]

    server.will(server.message(content='{"counts": {}}'))

    await server.model().respond(ask(output=Tally.model_json_schema()))

    shape = server.bodies[0]["response_format"]["json_schema"]
    assert shape == {"name": "Tally", "schema": Tally.model_json_schema(), "strict": False}


async def test_a_server_without_schemas_is_asked_in_words_from_then_on(server: Any, ask: Any) -> None:
    no = server.error(400, "response_format json_schema is not supported")
    server.will(no, no, server.message(content='```json\n{"name": "Paris"}\n```'))
    model = server.model()

    await model.respond(ask(output=CITY))
    message = await model.respond(ask(output=CITY))

    assert [body.get("response_format", {}).get("type") for body in server.bodies] == [
        "json_schema",
        "json_schema",
        "json_object",
        "json_object",
    ]
    assert "JSON schema" in server.bodies[3]["messages"][0]["content"]
    assert message.additional_kwargs["parsed"] == {"name": "Paris"}
    assert message.content == '{"name": "Paris"}'


async def test_a_server_that_wants_max_completion_tokens_gets_it(server: Any, ask: Any) -> None:
    server.will(server.error(400, "Use 'max_completion_tokens' instead."), server.text("Hi."))
    model = server.model()

    await model.respond(ask(params={"max_tokens": 5}))
    await model.respond(ask(params={"max_tokens": 6}))

    assert [body.get("max_completion_tokens") for body in server.bodies] == [None, 5, 6]
    assert "max_tokens" not in server.bodies[2]


async def test_each_message_is_converted_once_over_fifty_turns(
    server: Any, lookup: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    converted: list[BaseMessage] = []
    real = wire_messages.to_wire
    monkeypatch.setattr(wire_messages, "to_wire", lambda message: converted.append(message) or real(message))
    server.will(server.calls((None, "lookup", '{"city": "Paris"}')))
    model, history = server.model(), [SystemMessage("Be brief."), HumanMessage("Go.")]

    for _ in range(50):
        message = await model.respond(ModelRequest(history, tools=(lookup,)))
        history += [message, ToolMessage("sunny", tool_call_id=message.tool_calls[0]["id"])]

    assert len(converted) == 2 + 49 * 2
    assert len(server.bodies[-1]["messages"]) == 2 + 49 * 2


@pytest.mark.parametrize("change", ["content", "block", "arguments"])
async def test_a_message_that_was_changed_is_converted_again(server: Any, change: str) -> None:
    server.will(server.text("Hi."))
    call = {"name": "lookup", "args": {"city": "Paris"}, "id": "c1"}
    said = AIMessage("old", tool_calls=[call])
    asked = HumanMessage([{"type": "text", "text": "old"}])
    model, history = server.model(), [asked, said, ToolMessage("x", tool_call_id="c1")]
    await model.respond(ModelRequest(history))

    if change == "content":
        said.content = "new"
    elif change == "block":
        asked.content[0]["text"] = "new"
    else:
        said.tool_calls[0]["args"]["city"] = "new"
    await model.respond(ModelRequest(history))

    assert "new" in json.dumps(server.bodies[1])


async def test_forgotten_messages_are_not_kept(server: Any) -> None:
    server.will(server.text("Hi."))
    before = len(wire_messages._kept)

    await server.model().respond(ModelRequest([HumanMessage("one"), HumanMessage("two")]))

    assert len(wire_messages._kept) == before


async def test_calls_that_were_not_json_go_back_quoted(server: Any) -> None:
    server.will(server.text("Sorry."))
    wrong = {"name": "lookup", "args": '{"city', "id": "c1", "error": "not JSON"}
    history = [HumanMessage("go"), AIMessage("", invalid_tool_calls=[wrong]), ToolMessage("?", tool_call_id="c1")]

    await server.model().respond(ModelRequest(history))

    arguments = server.bodies[0]["messages"][1]["tool_calls"][0]["function"]["arguments"]
    assert json.loads(arguments) == {"not_json": '{"city'}


async def test_pictures_go_out_as_data_urls(server: Any) -> None:
    server.will(server.text("A cat."))
    picture = {"type": "image", "base64": "aGk=", "mime_type": "image/png"}

    await server.model().respond(ModelRequest([HumanMessage([{"type": "text", "text": "What?"}, picture])]))

    part = server.bodies[0]["messages"][0]["content"][1]
    assert part == {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}}


async def test_a_message_without_a_form_on_the_wire_is_refused(server: Any) -> None:
    from langchain_core.messages import RemoveMessage

    with pytest.raises(ModelRequestInvalid, match="RemoveMessage"):
        await server.model().respond(ModelRequest([RemoveMessage(id="x")]))

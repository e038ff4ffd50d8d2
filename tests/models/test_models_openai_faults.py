"""Every way a server can fail ends in the right error or in a corrected answer, over a real socket."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from graphwright.models import (
    ModelAnswerMalformed,
    ModelAuthFailed,
    ModelFiltered,
    ModelRequestInvalid,
    ModelUnavailable,
    OpenAIModel,
    Retry,
)


async def test_too_many_requests_carries_the_seconds_to_wait(server: Any, ask: Any) -> None:
    server.will(server.status(429, {"error": {"message": "slow down"}}, retry_after="7"))

    with pytest.raises(ModelUnavailable, match=r"answered 429: .*slow down") as caught:
        await server.model().respond(ask())

    assert caught.value.retry_after == 7
    assert caught.value.retryable


async def test_a_retry_after_date_becomes_seconds(server: Any, ask: Any) -> None:
    later = datetime.now(UTC) + timedelta(seconds=90)
    server.will(server.status(503, {}, retry_after=format_datetime(later, usegmt=True)))

    with pytest.raises(ModelUnavailable) as caught:
        await server.model().respond(ask())

    assert caught.value.retry_after == pytest.approx(90, abs=3)


async def test_an_exhausted_quota_is_not_worth_a_retry(server: Any, ask: Any) -> None:
    server.will(server.error(429, "You exceeded your quota", code="insufficient_quota"))

    with pytest.raises(ModelUnavailable, match="billing") as caught:
        await server.model().respond(ask())

    assert not caught.value.retryable


async def test_a_server_error_then_success_is_an_answer(server: Any, ask: Any) -> None:
    server.will(server.error(500, "oops"), server.reset(), server.text("Here."))

    message = await Retry(server.model(), first_wait=0).respond(ask())

    assert message.content == "Here."
    assert len(server.bodies) == 3


async def test_silence_is_a_timeout(server: Any, ask: Any) -> None:
    server.will(server.silence())

    with pytest.raises(ModelUnavailable, match="did not answer in time"):
        await server.model(timeout=0.1).respond(ask())


async def test_a_stream_that_falls_silent_is_a_timeout(server: Any, ask: Any) -> None:
    def begin(writer: asyncio.StreamWriter) -> Any:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        return asyncio.sleep(30)

    server.will(begin)

    with pytest.raises(ModelUnavailable, match="did not answer in time"):
        await server.model(timeout=0.1).respond(ask(), on_delta=lambda delta: None)


async def test_a_reset_connection_is_unavailable(server: Any, ask: Any) -> None:
    server.will(server.reset())

    with pytest.raises(ModelUnavailable, match="cannot be reached"):
        await server.model().respond(ask())


async def test_nobody_listening_is_unavailable(ask: Any) -> None:
    with pytest.raises(ModelUnavailable, match="Is the server running"):
        await OpenAIModel("m", base_url="http://127.0.0.1:9/v1", api_key="x").respond(ask())


async def test_half_an_answer_is_worth_a_retry(server: Any, ask: Any) -> None:
    server.will(server.half(), server.text("Whole."))

    message = await Retry(server.model(), first_wait=0).respond(ask())

    assert message.content == "Whole."


@pytest.mark.parametrize("body", [b"<html>proxy</html>", b'{"id": 1', b"[]", b'"text"', b"{}", b""])
async def test_what_is_no_answer_is_malformed(server: Any, ask: Any, body: bytes) -> None:
    server.will(server.status(200, body))

    with pytest.raises(ModelAnswerMalformed) as caught:
        await server.model().respond(ask())

    assert caught.value.retryable


@pytest.mark.parametrize("choices", [[], None, [None], [{}], [{"message": None}]])
async def test_an_answer_without_a_message_is_malformed(server: Any, ask: Any, choices: Any) -> None:
    server.will(server.status(200, {"choices": choices}))

    with pytest.raises(ModelAnswerMalformed, match="'test-model' sent"):
        await server.model().respond(ask())


@pytest.mark.parametrize("finish", [None, "stop"])
async def test_a_stream_that_breaks_off_is_malformed(server: Any, ask: Any, finish: str | None) -> None:
    server.will(server.deltas({"content": "Hel"}, finish=None, done=finish is not None))
    heard: list[str] = []

    with pytest.raises(ModelAnswerMalformed, match="broke off"):
        await server.model().respond(ask(), on_delta=lambda delta: heard.append(delta.text))

    assert heard == ["Hel"]


async def test_a_stream_of_nonsense_is_malformed(server: Any, ask: Any) -> None:
    server.will(server.stream(b"data: {not json}\n\n"))

    with pytest.raises(ModelAnswerMalformed, match="not JSON"):
        await server.model().respond(ask(), on_delta=lambda delta: None)


async def test_an_error_inside_a_stream_is_that_error(server: Any, ask: Any) -> None:
    server.will(server.stream({"error": {"message": "overloaded", "code": 529}}))

    with pytest.raises(ModelUnavailable, match=r"529: .*overloaded"):
        await server.model().respond(ask(), on_delta=lambda delta: None)


async def test_an_error_with_status_200_is_that_error(server: Any, ask: Any) -> None:
    server.will(server.status(200, {"error": {"message": "too long", "type": "invalid_request_error"}}))

    with pytest.raises(ModelRequestInvalid, match="too long"):
        await server.model().respond(ask())


@pytest.mark.parametrize("status", [401, 403])
async def test_a_bad_key_is_said_so(server: Any, ask: Any, status: int) -> None:
    server.will(server.error(status, "Incorrect API key provided"))

    with pytest.raises(ModelAuthFailed, match="Check OPENAI_API_KEY") as caught:
        await server.model().respond(ask())

    assert not caught.value.retryable


@pytest.mark.parametrize("status", [400, 404, 413, 422, 501])
async def test_a_refused_request_is_not_retried(server: Any, ask: Any, status: int) -> None:
    server.will(server.error(status, "no such model"))

    with pytest.raises(ModelRequestInvalid, match="no such model"):
        await Retry(server.model(), first_wait=0).respond(ask())

    assert len(server.bodies) == 1


async def test_a_filtered_answer_is_said_so(server: Any, ask: Any) -> None:
    server.will(server.message("content_filter", content=""))

    with pytest.raises(ModelFiltered, match="content filter"):
        await server.model().respond(ask())


async def test_a_filtered_request_is_said_so(server: Any, ask: Any) -> None:
    server.will(server.error(400, "policy", code="content_filter"))

    with pytest.raises(ModelFiltered, match="Rephrase"):
        await server.model().respond(ask())


async def test_arguments_that_are_not_json_are_kept_apart(server: Any, ask: Any, lookup: Any) -> None:
    server.will(server.calls(("c1", "lookup", '{"city": "Par'), ("c2", "lookup", "[1]"), ("c3", "lookup", "{}")))

    message = await server.model().respond(ask(tools=(lookup,)))

    assert [call["id"] for call in message.tool_calls] == ["c3"]
    assert [call["id"] for call in message.invalid_tool_calls] == ["c1", "c2"]
    assert "not JSON" in str(message.invalid_tool_calls[0]["error"])
    assert message.invalid_tool_calls[0]["args"] == '{"city": "Par'


@pytest.mark.parametrize("arguments", ['{"city": "Paris"}', {"city": "Paris"}, '"{\\"city\\": \\"Paris\\"}"'])
async def test_arguments_as_text_object_or_twice_encoded_are_read(
    server: Any, ask: Any, lookup: Any, arguments: Any
) -> None:
    server.will(server.calls(("c1", "lookup", arguments)))

    message = await server.model().respond(ask(tools=(lookup,)))

    assert message.tool_calls[0]["args"] == {"city": "Paris"}


@pytest.mark.parametrize("arguments", [None, "", "null", "{}"])
async def test_missing_arguments_are_no_arguments(server: Any, ask: Any, lookup: Any, arguments: Any) -> None:
    server.will(server.calls(("c1", "lookup", arguments)))

    message = await server.model().respond(ask(tools=(lookup,)))

    assert message.tool_calls[0]["args"] == {}


async def test_large_integers_in_arguments_stay_exact(server: Any, ask: Any, lookup: Any) -> None:
    server.will(server.calls(("c1", "lookup", '{"id": 123456789012345678901}')))

    message = await server.model().respond(ask(tools=(lookup,)))

    assert message.tool_calls[0]["args"] == {"id": 123456789012345678901}


async def test_missing_and_repeated_ids_of_calls_are_replaced(server: Any, ask: Any, lookup: Any) -> None:
    server.will(
        server.calls((None, "lookup", "{}"), ("", "lookup", "{}"), ("c", "lookup", "{}"), ("c", "lookup", "{}"))
    )

    message = await server.model().respond(ask(tools=(lookup,)))

    ids = [call["id"] for call in message.tool_calls]
    assert len(set(ids)) == 4
    assert all(ids)
    assert ids[2] == "c"


async def test_a_tool_that_was_not_offered_is_left_to_the_gate(server: Any, ask: Any, lookup: Any) -> None:
    server.will(server.calls(("c1", "look_up", "{}"), ("c2", "functions.lookup", "{}"), ("c3", "", "{}")))

    message = await server.model().respond(ask(tools=(lookup,)))

    assert [call["name"] for call in message.tool_calls] == ["look_up", "lookup"]
    assert message.invalid_tool_calls[0]["error"] == "The call names no tool."


async def test_a_server_without_usage_gives_none(server: Any, ask: Any) -> None:
    server.will(server.message(content="Hi."))

    message = await server.model().respond(ask())

    assert message.usage_metadata is None


async def test_a_server_that_does_not_stream_still_answers(server: Any, ask: Any) -> None:
    server.will(server.text("All at once."))
    heard: list[str] = []

    message = await server.model().respond(ask(), on_delta=lambda delta: heard.append(delta.text))

    assert message.content == "".join(heard) == "All at once."


async def test_a_cut_off_answer_says_so_in_its_metadata(server: Any, ask: Any) -> None:
    server.will(server.message("length", content="Once upon a"))

    message = await server.model().respond(ask())

    assert message.response_metadata["finish_reason"] == "length"


async def test_cut_off_json_is_not_worth_a_retry(server: Any, ask: Any) -> None:
    server.will(server.message("length", content='{"city": "Par'))

    with pytest.raises(ModelAnswerMalformed, match="Raise max_tokens") as caught:
        await server.model().respond(ask(output={"title": "City", "type": "object", "properties": {}}))

    assert not caught.value.retryable


async def test_the_key_is_in_no_error(server: Any, ask: Any) -> None:
    server.will(server.error(401, "Incorrect API key provided: sk-verysecretkey"))

    with pytest.raises(ModelAuthFailed) as caught:
        await server.model(api_key="sk-verysecretkey").respond(ask())

    assert "verysecret" not in str(caught.value)


async def test_cancelling_closes_the_connection(server: Any, ask: Any) -> None:
    server.will(server.silence())
    asked = asyncio.create_task(server.model().respond(ask()))
    await server.asked.wait()

    asked.cancel()

    with pytest.raises(asyncio.CancelledError):
        await asked

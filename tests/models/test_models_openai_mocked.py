"""The mock edge users will reach for: respx in front of the client that `openai` uses.

respx speaks of httpx responses; the client behind it is httpx2.
"""

from __future__ import annotations

from typing import Any

import httpx
import httpx2
import pytest

from graphwright.models import ModelAuthFailed, ModelUnavailable, OpenAIModel, Retry

URL = "https://api.openai.com/v1/chat/completions"
ANSWER = {"choices": [{"message": {"content": "Mocked."}, "finish_reason": "stop"}]}


async def test_openai_is_asked_at_its_own_address(httpx2_mock: Any, ask: Any) -> None:
    route = httpx2_mock.post(URL).mock(return_value=httpx.Response(200, json=ANSWER))

    message = await OpenAIModel("gpt-5-mini", api_key="sk-mock").respond(ask())

    assert message.content == "Mocked."
    assert route.call_count == 1


async def test_a_timeout_of_the_transport_is_unavailable(httpx2_mock: Any, ask: Any) -> None:
    httpx2_mock.post(URL).mock(side_effect=httpx2.ReadTimeout("slow"))

    with pytest.raises(ModelUnavailable, match="in time"):
        await OpenAIModel("gpt-5-mini", api_key="sk-mock").respond(ask())


async def test_the_wrapper_retries_and_the_sdk_does_not(httpx2_mock: Any, ask: Any) -> None:
    busy = httpx.Response(429, headers={"retry-after-ms": "1"}, json={"error": {"message": "busy"}})
    route = httpx2_mock.post(URL).mock(side_effect=[busy, httpx.Response(200, json=ANSWER)])

    await Retry(OpenAIModel("gpt-5-mini", api_key="sk-mock")).respond(ask())

    assert route.call_count == 2


async def test_no_key_is_said_before_anything_is_sent(ask: Any) -> None:
    with pytest.raises(ModelAuthFailed, match=r"no key .* Set OPENAI_API_KEY"):
        await OpenAIModel("gpt-5-mini").respond(ask())


async def test_the_key_of_the_environment_is_read_when_it_is_needed(
    httpx2_mock: Any, ask: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    route = httpx2_mock.post(URL).mock(return_value=httpx.Response(200, json=ANSWER))
    model = OpenAIModel("gpt-5-mini")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-later")

    await model.respond(ask())

    assert route.calls.last.request.headers["authorization"] == "Bearer sk-later"
    assert "sk-later" not in repr(model)

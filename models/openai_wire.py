"""Any model behind OpenAI's chat completions: OpenAI, Azure-like gateways, Ollama, vLLM, LM Studio.

A typed SDK call spends most of its CPU walking the request and building response models. This one sends a
body of prepared bytes through the SDK's client and reads the few fields of the answer that matter.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import httpx2
import orjson
from langchain_core.messages import AIMessage
from pydantic import Field, SecretStr

from .clients import door_for
from .contract import ChatModel, Delta, DeltaSink, ModelRequest
from .errors import ModelAnswerMalformed, ModelAuthFailed, ModelError, ModelUnavailable
from .guard import check_real_model
from .rendering import redacted
from .telling import with_parsed
from .wire_answer import message_from
from .wire_body import Dialect, request_body, simpler, wire_tools
from .wire_errors import Refused, error_from, status_error
from .wire_stream import streamed_answer

OPENAI_URL = "https://api.openai.com/v1"
_dialects: dict[tuple[str, str], Dialect] = {}
"""What each server turned out to understand for each model; found out once per process."""


class OpenAIModel(ChatModel):
    """A model named `model` at `base_url`. It does not retry: wrap it in `Retry`."""

    model: str
    base_url: str = OPENAI_URL
    api_key: SecretStr | None = None
    """Read from OPENAI_API_KEY when it is first needed, if it is not given."""
    timeout: float = 600.0
    """Longest silence of the server, in seconds."""
    params: Mapping[str, Any] = Field(default_factory=dict)
    """Sent with every request, such as temperature; a request's own params win."""

    def __init__(self, model: str, **settings: Any) -> None:
        super().__init__(model=model, **settings)  # type: ignore[call-arg]  # pydantic reads fields by name

    @property
    def name_of_model(self) -> str:
        return f"openai:{self.model}" + ("" if self.base_url == OPENAI_URL else f"@{self.base_url}")

    async def respond(self, request: ModelRequest, *, on_delta: DeltaSink | None = None) -> AIMessage:
        """Ask the server. Raises a ModelError; cancelling closes the connection."""
        check_real_model(self.name_of_model, self.base_url)
        try:
            answer = await self._answer(request, on_delta)
        except ModelError as error:
            error.args = (redacted(str(error), [self._key()]),)  # some gateways repeat the key
            raise
        names = wire_tools(request.tools).names if request.tools else {}
        return with_parsed(message_from(answer, model=self.model, names=names), request, self.model)

    async def _answer(self, request: ModelRequest, on_delta: DeltaSink | None) -> Any:
        if not self._key():
            raise ModelAuthFailed(f"There is no key for {self.name_of_model!r}. Set OPENAI_API_KEY.")
        while True:
            used = self._dialect()
            try:
                return await self._ask(request, used, on_delta)
            except Refused as refused:
                if not self._learned(refused, used, request, stream=on_delta is not None):
                    raise refused.as_error(model=self.model, where=self.base_url) from None
            except (httpx2.HTTPError, httpx2.InvalidURL) as error:
                raise error_from(error, model=self.model, where=self.base_url) from error

    async def _ask(self, request: ModelRequest, used: Dialect, on_delta: DeltaSink | None) -> Any:
        stream = on_delta is not None
        body = request_body(request, model=self.model, params=self.params, stream=stream, used=used)
        door = door_for(self.base_url, self._key(), self.timeout)
        try:
            response = await door.open(body)
        except httpx2.RemoteProtocolError as error:
            raise ModelUnavailable(
                f"{self.model!r} at {self.base_url} cannot be reached: it closed the connection without an answer. "
                "Try again later."
            ) from error
        try:
            if response.status_code >= 400:
                raise Refused(response, await response.aread())
            if on_delta is None:
                return self._parsed(await response.aread())
            if "json" in response.headers.get("content-type", ""):  # a server that does not stream
                return _told(self._parsed(await response.aread()), on_delta)
            return await streamed_answer(response, on_delta, model=self.model, where=self.base_url)
        finally:
            await door.close(response)

    def _parsed(self, data: bytes) -> Any:
        try:
            answer = orjson.loads(data)
        except ValueError as error:
            raise ModelAnswerMalformed(
                f"{self.model!r} at {self.base_url} sent {data[:80]!r}, which is not JSON. Try again."
            ) from error
        if isinstance(answer, dict) and (problem := answer.get("error")):  # gateways send errors with status 200
            raise status_error(None, problem, {}, model=self.model, where=self.base_url)
        return answer

    def _dialect(self) -> Dialect:
        return _dialects.get((self.base_url, self.model)) or Dialect()

    def _learned(self, refused: Refused, used: Dialect, request: ModelRequest, *, stream: bool) -> bool:
        """Whether there is now a simpler way to ask; another request may have found it meanwhile."""
        if refused.status not in (400, 404, 422, 501):
            return False
        better = simpler(used, refused.text, output=request.output is not None, stream=stream)
        if better is not None and self._dialect() == used:
            _dialects[self.base_url, self.model] = better
        return better is not None

    def _key(self) -> str:
        """Local servers take any key; OpenAI's own takes none that is empty."""
        given = self.api_key.get_secret_value() if self.api_key else os.environ.get("OPENAI_API_KEY", "")
        return given or ("" if self.base_url == OPENAI_URL else "no-key")


def _told(answer: Any, on_delta: DeltaSink) -> Any:
    """A whole answer, handed over as one piece of text."""
    with suppress(KeyError, IndexError, TypeError):
        on_delta(Delta(text=answer["choices"][0]["message"]["content"] or ""))
    return answer

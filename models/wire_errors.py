"""What goes wrong between us and a server, in our words."""

from __future__ import annotations

import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2
import orjson

from .errors import (
    ModelAnswerMalformed,
    ModelAuthFailed,
    ModelError,
    ModelFiltered,
    ModelRequestInvalid,
    ModelUnavailable,
)

MAX_COMPLAINT = 20_000
"""Bytes of an error's body that are read for its reason."""
_BUSY = frozenset({408, 409, 425, 429})
_NEVER = frozenset({501, 505})
_OUT_OF_MONEY = ("insufficient_quota", "billing_hard_limit_reached", "billing_not_active")
_FILTER = ("content_filter", "content_policy_violation")


class Refused(Exception):
    """The server answered with an error status."""

    def __init__(self, response: httpx2.Response, data: bytes) -> None:
        self.status = response.status_code
        self.text = data[:MAX_COMPLAINT].decode(errors="replace")
        self._headers = response.headers
        super().__init__(f"{self.status}: {self.text}")

    def as_error(self, *, model: str, where: str) -> ModelError:
        """The ModelError for it."""
        return status_error(self.status, self._body(), self._headers, model=model, where=where)

    def _body(self) -> Any:
        try:
            body = orjson.loads(self.text)
        except ValueError:
            return self.text
        return body.get("error", body) if isinstance(body, dict) else body


def error_from(error: Exception, *, model: str, where: str) -> ModelError:
    """The ModelError for an exception of httpx2."""
    if isinstance(error, httpx2.TimeoutException):
        return ModelUnavailable(f"{model!r} at {where} did not answer in time. Try again later.")
    if isinstance(error, httpx2.DecodingError):
        return ModelAnswerMalformed(f"{model!r} at {where} sent an answer that cannot be decoded ({error}). Try again.")
    if isinstance(error, (httpx2.InvalidURL, httpx2.UnsupportedProtocol)):
        return ModelRequestInvalid(f"{where!r} is no address of a server: {error}. It looks like http://host:port/v1.")
    if isinstance(error, httpx2.RemoteProtocolError):
        return ModelAnswerMalformed(f"{model!r} at {where} broke off in the middle of its answer. Try again.")
    cause = error.__cause__ or error
    return ModelUnavailable(
        f"{model!r} at {where} cannot be reached ({type(cause).__name__}: {cause}). Is the server running?"
    )


def status_error(status: int | None, body: Any, headers: Mapping[str, str], *, model: str, where: str) -> ModelError:
    """The ModelError for an error the server reported, by status or inside a stream."""
    code, said = _code(body), _said(body)
    if status is None:
        status = _status_in(body)
    what = f"{model!r} at {where} answered {f'{status}: ' if status else 'an error: '}{said}"
    if code in _FILTER:
        return ModelFiltered(f"{what} Rephrase the request.", status=status)
    if code in _OUT_OF_MONEY:
        return ModelUnavailable(f"{what} Check the account's billing.", status=status, retryable=False)
    if status in (401, 403):
        return ModelAuthFailed(f"{what} Check OPENAI_API_KEY and what it may use.", status=status)
    if status is None or status in _BUSY or (status >= 500 and status not in _NEVER):
        return ModelUnavailable(f"{what} Try again later.", status=status, retry_after=retry_after(headers))
    if status == 404:
        return ModelRequestInvalid(f"{what} Check the model's name and the base URL.", status=status)
    return ModelRequestInvalid(f"{what} Correct the request.", status=status)


def retry_after(headers: Mapping[str, str], now: float | None = None) -> float | None:
    """Seconds the server asks to wait: retry-after-ms, or Retry-After in seconds or as an HTTP date."""
    try:
        return max(0.0, float(headers["retry-after-ms"]) / 1000)
    except (KeyError, ValueError):
        pass
    asked = headers.get("retry-after", "")
    try:
        return max(0.0, float(asked))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(asked).timestamp() - (time.time() if now is None else now))
    except ValueError:
        return None


def _status_in(body: Any) -> int | None:
    """Errors inside a stream or a 200 bring their status as a code, or only a type."""
    if not isinstance(body, dict):
        return None
    code = str(body.get("code") or body.get("status") or "")
    if code.isdigit() and 400 <= int(code) < 600:
        return int(code)
    return 400 if "invalid_request" in str(body.get("type") or "") else None


def _code(body: Any) -> str:
    if not isinstance(body, dict):
        return ""
    inner = body.get("innererror")
    found = body.get("code") or body.get("type") or (inner.get("code") if isinstance(inner, dict) else "")
    return str(found or "")


def _said(body: Any) -> str:
    text = body.get("message") if isinstance(body, dict) else body
    text = " ".join(str(text or "nothing more").split())[:500]
    return text if text.endswith((".", "!", "?")) else f"{text}."

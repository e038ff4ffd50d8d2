"""A request as plain data and as text: what recordings are keyed by, and what a person reads in an error."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any

from .contract import ModelRequest
from .wire_json import to_json
from .wire_messages import to_wire

_SECRETS = re.compile(
    r"\b(?:sk|pk|rk|xox[abp])-[A-Za-z0-9_-]{16,}"
    r"|\bgh[pousr]_[A-Za-z0-9]{20,}|\bAKIA[0-9A-Z]{16}\b|(?<=Bearer )[A-Za-z0-9._~+/-]{16,}=*"
)
_HIDDEN = "[redacted]"


def plain(request: ModelRequest) -> dict[str, Any]:
    """The request as JSON data, ids of tool calls replaced by their order, which is what they mean."""
    messages = [to_wire(message) for message in request.messages]
    _number_calls(messages)
    return {
        "messages": messages,
        "tools": list(request.tools),
        "tool_choice": request.tool_choice if request.tool_choice != "auto" else None,
        "output": request.output,
        "params": dict(request.params),
    }


def normalised(request: ModelRequest, *, secrets: Iterable[str] = ()) -> dict[str, Any]:
    """The same with secrets hidden, as it may be written to a file."""
    found: dict[str, Any] = json.loads(redacted(to_json(plain(request)).decode(), secrets))
    return found


def request_key(data: Mapping[str, Any]) -> str:
    """The name of a request given as plain data: 32 hexadecimal digits of a hash."""
    return sha256(json.dumps(data, sort_keys=True, default=str).encode()).hexdigest()[:32]


def redacted(text: str, secrets: Iterable[str] = ()) -> str:
    """`text` without the given secrets and without what looks like an API key."""
    for secret in secrets:
        if len(secret) >= 6:
            text = text.replace(secret, _HIDDEN)
    return _SECRETS.sub(_HIDDEN, text)


def rendered(request: ModelRequest) -> str:
    """The request as a person reads it, long texts shortened, secrets hidden."""
    lines = []
    for index, message in enumerate(request.messages):
        wire = to_wire(message)
        lines.append(f"  [{index}] {wire['role']}: {_short(wire.get('content') or '')}")
        lines += [
            f"        calls {call['function']['name']}({_short(call['function']['arguments'])})"
            for call in wire.get("tool_calls", ())
        ]
    names = [str(tool.get("function", {}).get("name")) for tool in request.tools]
    lines.append(f"  tools: {', '.join(names) or 'none'}")
    if request.tool_choice:
        lines.append(f"  tool_choice: {request.tool_choice}")
    if request.output is not None:
        lines.append(f"  output: {request.output.get('title', 'JSON')}")
    return redacted("\n".join(lines))


def _short(value: Any, limit: int = 300) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return text if len(text) <= limit else f"{text[:limit]} … ({len(text)} characters)"


def _number_calls(messages: list[dict[str, Any]]) -> None:
    numbers: dict[str, str] = {}
    for message in messages:
        for call in message.get("tool_calls", ()):
            number = f"call {len(numbers) + 1}"
            numbers[call["id"]] = call["id"] = number
        if message.get("tool_call_id") in numbers:
            message["tool_call_id"] = numbers[message["tool_call_id"]]

"""What redaction and the strict serializer cost, and that hostile text costs time linear in its length.

    python benchmarks/reliability/redaction.py

CPU of this process in microseconds; the best of five batches. Ten secrets of the process are searched for.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from langchain_core.messages import AIMessage, ToolMessage
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from graphwright.runtime.redacting import Redactions, redacted_answer
from graphwright.runtime.redacting_stream import StreamRedactor
from graphwright.runtime.redaction import Redactor
from graphwright.runtime.serialization import strict_serializer

SECRETS = {f"SERVICE_{number}_API_KEY": f"own-secret-{number:03d}-{'x9Y8z7' * 4}" for number in range(10)}
PROSE = "The parcel P-7 of order 4711 (see https://example.com/a?b=c) left the depot at 10:45; weight 1.250 kg. "
RESULT = (PROSE * 200)[:20_000]
HOSTILE = (
    "a",
    "sk-",
    "eyJ",
    "://a:",
    "Bearer ",
    "-----BEGIN RSA PRIVATE KEY-----",
    "4",
    "DE89 ",
    "\\u0061",
    "own-secret-",
)


def cpu(work: Callable[[], Any], times: int = 50, batches: int = 5) -> float:
    """CPU microseconds of one call."""
    measured = []
    for _ in range(batches):
        begun = time.process_time()
        for _ in range(times):
            work()
        measured.append((time.process_time() - begun) / times * 1e6)
    return min(measured)


def stream(redactor: Redactor, text: str) -> None:
    """A text that arrives in pieces of four characters."""
    redacting = StreamRedactor(redactor)
    for at in range(0, len(text), 4):
        redacting.feed(text[at : at + 4])
    redacting.finish()


def main() -> None:
    """Print one line for each measurement."""
    redactions = Redactions(Redactor(SECRETS, ()))
    stored, own = redactions.stored, redactions.own
    call = {"order_id": "A-1042", "amount": "12.50", "note": "as agreed"}
    answer = AIMessage("It left the depot.", tool_calls=[{"name": "find", "args": call, "id": "1"}])
    message = ToolMessage(RESULT, tool_call_id="1")
    strict, plain = strict_serializer(own=own), JsonPlusSerializer(allowed_msgpack_modules=None)
    rows = {
        "arguments of a call": lambda: own.redact_value(call),
        "result of 200 characters": lambda: stored.redact(RESULT[:200]),
        "result of 20,000 characters": lambda: stored.redact(RESULT),
        "answer of a model": lambda: redacted_answer(answer, redactions),
        "a streamed piece of 4 characters": lambda: stream(stored, RESULT[:400]),
        "store a message of 20,000 characters, strictly": lambda: strict.dumps_typed(message),
        "store a message of 20,000 characters, LangGraph's": lambda: plain.dumps_typed(message),
    }
    for name, work in rows.items():
        each = cpu(work) / (100 if "piece" in name else 1)
        print(f"{name:52} {each:9.1f} µs")
    print("\nhostile text: milliseconds for 50,000 and 100,000 characters, whole and in pieces")
    for unit in HOSTILE:
        texts = [unit * (size // len(unit)) for size in (50_000, 100_000)]
        whole = [cpu(lambda text=text: redactions.shown.redact(text), 1, 1) / 1e3 for text in texts]  # type: ignore[misc]  # a default
        parts = [cpu(lambda text=text: stream(stored, text), 1, 1) / 1e3 for text in texts]  # type: ignore[misc]  # same
        print(f"{unit[:32]!r:40} {whole[0]:8.1f} {whole[1]:8.1f}   {parts[0]:8.1f} {parts[1]:8.1f}")


if __name__ == "__main__":
    main()

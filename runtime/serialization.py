"""What a checkpoint may hold: plain data and messages, on a strict allow-list.

With LangGraph's default serializer a row that somebody tampered with can run code when it is read. Ours is built once
and refuses every type that is not listed, on writing too: a type that came back as a bare dictionary would be a
silent loss.
"""

from __future__ import annotations

from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

STATE_TYPES: tuple[tuple[str, str], ...] = ()
"""Further types that a state may hold, as (module, name). Ours hold none: structured answers are plain data."""


def strict_serializer(extra: tuple[tuple[str, str], ...] = ()) -> JsonPlusSerializer:
    """LangGraph's serializer, reading only its safe built-in types, :data:`STATE_TYPES` and ``extra``."""
    allowed = (*STATE_TYPES, *extra)
    return JsonPlusSerializer(allowed_msgpack_modules=allowed or None, allowed_json_modules=None)

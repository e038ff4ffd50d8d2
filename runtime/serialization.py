"""What a checkpoint may hold: plain data, messages, LangGraph's own words, and types that were registered.

With LangGraph's default serializer a row that somebody tampered with can run code when it is read, and a type that it
does not allow comes back as a bare dictionary. Ours looks at the names in a value before anything is built from it, on
writing as on reading, and refuses what is not on the list, whole and by name. Nothing of a refused value is imported.

The last net is here too: a secret of this process that a node of somebody's own put into its state is stored as a mark.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from enum import Enum
from typing import Any, TypeVar

import ormsgpack
from langgraph.checkpoint.serde._msgpack import SAFE_MSGPACK_METHODS, SAFE_MSGPACK_TYPES
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from .errors import DamagedRow, RuntimeProblem
from .redaction import Redactor

T = TypeVar("T", bound=type)

_PLAIN_TAGS = frozenset({"null", "bytes", "bytearray"})
_CONSTRUCTORS = frozenset({0, 1, 2, 4, 5})
_METHOD, _ARRAY, _SNAPSHOT = 3, 6, 7
"""Kinds of values beyond msgpack's own, as LangGraph numbers them: a type and its arguments, numpy, a snapshot."""
_registered: set[tuple[str, ...]] = set()


class StateTypeRefused(RuntimeProblem):
    """A state holds a type that is not registered. For the developer of the graph."""


class StateDamaged(DamagedRow):
    """A stored value cannot be read, or holds what was never written. For the operator: somebody changed it."""


def register_state_type(kind: T) -> T:
    """Allow states to hold values of this type; usable as a decorator. Do it where the type is declared.

    Args:
        kind: A pydantic model, a dataclass, a named tuple or an enumeration, at the top of a module.

    Raises:
        StateTypeRefused: if it is none of these, or cannot be found again by its name.
    """
    is_model = hasattr(kind, "model_validate") and hasattr(kind, "model_dump")
    is_tuple = issubclass(kind, tuple) and hasattr(kind, "_fields")
    if not (is_model or is_tuple or dataclasses.is_dataclass(kind) or issubclass(kind, Enum)):
        raise StateTypeRefused(
            f"{_named(kind)} cannot be kept in a state: it is no pydantic model, dataclass, named tuple or enumeration."
        )
    if kind.__qualname__ != kind.__name__:
        raise StateTypeRefused(
            f"{_named(kind)} cannot be kept in a state: it is declared inside of something else, where nobody finds it "
            "again. Declare it at the top of its module."
        )
    _registered.add((kind.__module__, kind.__name__))
    return kind


def strict_serializer(extra: tuple[tuple[str, str], ...] = (), own: Redactor | None = None) -> StrictSerializer:
    """A serializer for LangGraph's safe built-in types, those of :func:`register_state_type`, and ``extra``.

    Args:
        extra: Further types, as (module, name).
        own: Finds the process's own secrets, which are stored as marks; None where nothing is looked for.
    """
    return StrictSerializer(extra, own)


class StrictSerializer(JsonPlusSerializer):
    """LangGraph's serializer behind a list of names that holds in both directions, however deep a value nests."""

    def __init__(self, extra: tuple[tuple[str, ...], ...] = (), own: Redactor | None = None) -> None:
        self._extra = frozenset(extra)
        self._own = own
        self._secrets = tuple(each.encode("utf-8", "replace") for each in own.secrets.values) if own else ()
        self._allow()

    def _allow(self) -> None:
        """Take over what has been registered meanwhile."""
        self._known = self._extra | _registered
        super().__init__(allowed_msgpack_modules=tuple(self._known) or None, allowed_json_modules=None)

    def with_msgpack_allowlist(self, extra_allowlist: Any) -> StrictSerializer:
        """A serializer that knows these types too; each is a type or a (module, name)."""
        more = {(each.__module__, each.__name__) if isinstance(each, type) else each for each in extra_allowlist}
        return StrictSerializer(tuple(self._extra | more), self._own)

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
        """The value as bytes.

        Raises:
            StateTypeRefused: naming each type in it that is not registered, and how to register it.
        """
        try:
            tag, data = super().dumps_typed(obj)
        except (TypeError, ormsgpack.MsgpackEncodeError) as error:
            raise StateTypeRefused(
                f"A value of type {_named(type(obj))} cannot be kept in a state: {error}. Keep plain data, messages or "
                "registered types there."
            ) from error
        if tag in _PLAIN_TAGS:
            return tag, self._clean_bytes(data)
        if refused := self._refused(data):
            raise StateTypeRefused(
                f"A state holds {_listed(refused)}, which {'is' if len(refused) == 1 else 'are'} not registered. "
                "Decorate the class with `graphwright.runtime.register_state_type`, or keep plain data "
                "(`model_dump(mode='json')`) in the state."
            )
        return tag, self._clean(data)

    def _clean(self, data: bytes) -> bytes:
        if self._own is None or not any(secret in data for secret in self._secrets):
            return data
        return _rewritten(data, self._own.redact, self._clean_bytes)

    def _clean_bytes(self, data: bytes) -> bytes:
        if self._own is None or not any(secret in data for secret in self._secrets):
            return data
        return self._own.redact(data.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")

    def loads_typed(self, data: tuple[str, bytes]) -> Any:
        """The value of these bytes.

        Raises:
            StateDamaged: if they hold a type that is not registered, or are no such bytes at all.
        """
        tag, stored = data
        if tag in _PLAIN_TAGS:
            return super().loads_typed(data)
        try:
            if tag != "msgpack":
                raise ValueError(f"it is of the kind {tag!r}, which nobody writes here")
            if refused := self._refused(stored):
                raise ValueError(f"it names {_listed(refused)}, which no state here holds")
            return super().loads_typed(data)
        except (ValueError, TypeError, LookupError) as error:
            raise StateDamaged(
                f"A stored value of a state cannot be used: {error}. Nothing of it was run. If its type was registered "
                "when it was stored, register it again (`register_state_type`); else the row was changed by hand or is "
                "damaged: restore the database from a backup."
            ) from error

    def _refused(self, data: bytes) -> list[str]:
        """What a value names that is not on the list; nothing is imported for it."""
        if not _registered <= self._known:
            self._allow()
        refused: dict[str, None] = {}

        def look(code: int, inner: bytes) -> Any:
            if code == _ARRAY:
                return None
            parts = ormsgpack.unpackb(inner, ext_hook=look, option=ormsgpack.OPT_NON_STR_KEYS)
            if code == _SNAPSHOT:
                return None
            name = tuple(parts[:2])
            known = name in SAFE_MSGPACK_TYPES or name in self._known
            if code == _METHOD:
                known = (*name, parts[3]) in SAFE_MSGPACK_METHODS
            elif code not in _CONSTRUCTORS:
                known, name = False, ("kind", str(code))
            if not known:
                refused[".".join(map(str, name))] = None
            return None

        ormsgpack.unpackb(data, ext_hook=look, option=ormsgpack.OPT_NON_STR_KEYS)
        return list(refused)


def _rewritten(data: bytes, redact: Callable[[str], str], redact_bytes: Callable[[bytes], bytes]) -> bytes:
    """The same value with every text in it redacted, also inside of types."""

    def walk(value: Any) -> Any:
        if isinstance(value, str):
            return redact(value)
        if isinstance(value, bytes):
            return redact_bytes(value)
        if isinstance(value, list | tuple):
            return [walk(each) for each in value]
        if isinstance(value, dict):
            return {walk(key): walk(each) for key, each in value.items()}
        return value

    def inside(code: int, inner: bytes) -> Any:
        if code == _ARRAY:
            return ormsgpack.Ext(code, inner)
        value = ormsgpack.unpackb(inner, ext_hook=inside, option=ormsgpack.OPT_NON_STR_KEYS)
        # Module and name of a type are no text of the user's.
        kept = value[:2] if code in _CONSTRUCTORS or code == _METHOD else []
        changed = [*kept, *map(walk, value[2:])] if kept else walk(value)
        return ormsgpack.Ext(code, ormsgpack.packb(changed, option=ormsgpack.OPT_NON_STR_KEYS))

    value = ormsgpack.unpackb(data, ext_hook=inside, option=ormsgpack.OPT_NON_STR_KEYS)
    return ormsgpack.packb(walk(value), option=ormsgpack.OPT_NON_STR_KEYS)


def _named(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def _listed(names: list[str]) -> str:
    return ", ".join(sorted(names))

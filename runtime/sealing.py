"""Sealing at rest: a checkpoint is readable only with a key, and only in the place it was written for.

AES-256-GCM authenticates, beside the value itself, its *place*: tenant, thread and checkpoint namespace. So a row that
somebody changed, wrote without a key, or moved to another thread, namespace or tenant is refused, not resumed.

A LangGraph serializer is not told whose value it is given. Whoever drives the saver says it, in a context variable::

    with serializer.at("thread-1", ""):
        saver.put(...)

:func:`graphwright.runtime.sealed_saver.sealed_saver` does so around every method of a saver. When reading, the place
may be known in part only (listing all threads): the place that a value was sealed for is then kept with it, in
clear, and noted in :attr:`Scope.opened`; the caller compares it with the row's own thread and namespace.

What stays readable is what a saver does not hand to its serializer: ids, metadata, channel names (and on Postgres
plain numbers and short texts, which it stores inside the checkpoint's JSON). What is not noticed is an older value put
back at its own place. One key should seal fewer than four billion values (random 96-bit nonces); then add a newer one.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson
from langgraph.checkpoint.serde.base import SerializerProtocol

from .digests import canonical_json
from .errors import RuntimeProblem
from .keys import KeyRing

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

SEAL_KEYS = "GRAPHWRIGHT_SEAL_KEYS"
"""The environment variable with the keys: ``id:base64,id:base64``, newest first."""
_TAG = re.compile(r"(?P<type>.*)\+aes256gcm\.(?P<key>[A-Za-z0-9_-]{1,32})", re.DOTALL)
_NONCE = 12
_MAC = 16


class SealingUnavailable(RuntimeProblem):
    """Sealing is asked for and its library is not installed. For the operator; names the command that installs it."""


class SealBroken(RuntimeProblem):
    """A stored value is not what was sealed for this place. For the operator: somebody changed or moved it."""

    retryable = True
    """A run that met it goes on once the value is restored."""


class SealKeyMissing(RuntimeProblem):
    """A stored value is sealed with a key that is not given. For the operator: add the key again."""

    retryable = True
    """A run that met it goes on once the key is there."""


class PlaceUnknown(RuntimeProblem):
    """A sealed serializer was used without saying for which thread. For the developer."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value belongs."""

    thread: str
    namespace: str


@dataclass(slots=True)
class Scope:
    """What is known about the place of the values that are being sealed or opened."""

    thread: str | None
    """None while listing several threads."""
    namespace: str | None
    opened: set[Place] = field(default_factory=set)
    """The places that opened values had been sealed for."""

    def admits(self, place: Place) -> bool:
        """Whether a value of this place may be opened here."""
        return self.thread in (None, place.thread) and self.namespace in (None, place.namespace)


_scope: ContextVar[Scope | None] = ContextVar("graphwright_seal_scope", default=None)


@contextmanager
def sealing_scope(scope: Scope) -> Iterator[Scope]:
    """Everything sealed or opened inside belongs to this scope; threads and tasks started inside too."""
    token = _scope.set(scope)
    try:
        yield scope
    finally:
        _scope.reset(token)


class SealedSerializer(SerializerProtocol):
    """A serializer around another one, whose bytes are sealed and whose type tags say with which key."""

    def __init__(self, inner: SerializerProtocol, keys: KeyRing, *, tenant: str) -> None:
        """
        Args:
            inner: Makes bytes of values, and values of bytes that were proved to be ours.
            keys: The newest seals; all open.
            tenant: Whose values these are; those of another tenant cannot be opened.

        Raises:
            SealingUnavailable: if ``cryptography`` is not installed.
        """
        self.inner = inner
        self.keys = keys
        self.tenant = tenant
        self._ciphers = {key_id: _cipher(key) for key_id, key in keys.keys.items()}

    def at(self, thread: str, namespace: str = "") -> AbstractContextManager[Scope]:
        """A context in which values of this thread and namespace are sealed and opened."""
        return sealing_scope(Scope(thread, namespace))

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
        """The sealed value, under the inner serializer's type tag with ``+aes256gcm.<key id>`` after it.

        Raises:
            PlaceUnknown: if no thread and namespace are set.
        """
        scope = _scope.get()
        if scope is None or scope.thread is None or scope.namespace is None:
            raise PlaceUnknown("A value cannot be sealed for no thread. Use sealed_saver, or serializer.at(thread).")
        kind, data = self.inner.dumps_typed(obj)
        tag = f"{kind}+aes256gcm.{self.keys.newest}"
        place = orjson.dumps([scope.thread, scope.namespace])
        nonce = os.urandom(_NONCE)
        sealed = self._ciphers[self.keys.newest].encrypt(nonce, data, self._bound(tag, place))
        return tag, len(place).to_bytes(4, "big") + place + nonce + sealed

    def loads_typed(self, data: tuple[str, bytes]) -> Any:
        """The value, if it was sealed with a known key, for this tenant and the current place.

        Raises:
            SealBroken: if it is not sealed, was changed, or belongs to another place or tenant.
            SealKeyMissing: if its key is not given.
            PlaceUnknown: if no place is set.
        """
        tag, sealed = data
        scope = _scope.get()
        if scope is None:
            raise PlaceUnknown("A value cannot be opened for no thread. Use sealed_saver, or serializer.at(thread).")
        match = _TAG.fullmatch(tag)
        if match is None:
            raise SealBroken(f"A stored value {_where(scope)} is not sealed (its type is {tag!r}). {_WHAT_TO_DO}")
        cipher = self._ciphers.get(match["key"])
        if cipher is None:
            raise SealKeyMissing(
                f"A stored value {_where(scope)} is sealed with the key {match['key']!r}, which is not given "
                f"(there is: {', '.join(self._ciphers)}). Add it to {SEAL_KEYS}, after the newest."
            )
        place, rest = _opened(bytes(sealed), scope)
        if not scope.admits(Place(*orjson.loads(place))):
            raise SealBroken(f"A stored value {_where(scope)} was sealed for another thread. {_WHAT_TO_DO}")
        plain = self._decrypted(cipher, rest, self._bound(tag, place), scope)
        scope.opened.add(Place(*orjson.loads(place)))
        return self.inner.loads_typed((match["type"], plain))

    def _decrypted(self, cipher: AESGCM, rest: bytes, bound: bytes, scope: Scope) -> bytes:
        from cryptography.exceptions import InvalidTag  # not at the top: sealing is an extra

        try:
            return cipher.decrypt(rest[:_NONCE], rest[_NONCE:], bound)
        except InvalidTag:
            raise SealBroken(
                f"A stored value {_where(scope)} is not what was sealed: it was changed, belongs to another tenant "
                f"than {self.tenant!r}, or a key has another value under the same id. {_WHAT_TO_DO}"
            ) from None

    def _bound(self, tag: str, place: bytes) -> bytes:
        """What is authenticated beside the value; as JSON, so that no two lists of parts read the same."""
        return canonical_json(["graphwright.seal.1", self.tenant, tag, place.decode()])


_WHAT_TO_DO = "Nothing was resumed. Find out who wrote it, and restore the database from a backup."


def seal_keys() -> KeyRing | None:
    """The keys in ``GRAPHWRIGHT_SEAL_KEYS``; None where it is unset.

    Raises:
        KeysError: if it is set and cannot be used.
    """
    return KeyRing.from_environment(SEAL_KEYS)


def _cipher(key: bytes) -> AESGCM:
    try:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    except ImportError as error:
        raise SealingUnavailable(
            "Sealing checkpoints needs the package 'cryptography', which is not installed. "
            "Run: pip install 'graphwright[seal]'"
        ) from error
    return AESGCM(key)


def _opened(sealed: bytes, scope: Scope) -> tuple[bytes, bytes]:
    """The place a value says it was sealed for, and the rest. Nothing here is proved yet."""
    end = 4 + int.from_bytes(sealed[:4], "big")
    place, rest = sealed[4:end], sealed[end:]
    try:
        thread, namespace = orjson.loads(place)
        whole = isinstance(thread, str) and isinstance(namespace, str) and len(rest) >= _NONCE + _MAC
    except (ValueError, TypeError):
        whole = False
    if not whole:
        raise SealBroken(f"A stored value {_where(scope)} is damaged. {_WHAT_TO_DO}")
    return place, rest


def _where(scope: Scope) -> str:
    return "of some thread" if scope.thread is None else f"of thread {scope.thread!r}"

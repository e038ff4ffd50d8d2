"""Named secret keys, newest first: the first one is used, all of them are recognised, so that keys can be rotated."""

from __future__ import annotations

import base64
import binascii
import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from .errors import RuntimeProblem

KEY_BYTES = 32
"""The length of every key: what AES-256 takes, and a full one for HMAC-SHA256."""
_ID = re.compile(r"[A-Za-z0-9_-]{1,32}")


class KeysError(RuntimeProblem):
    """The keys in the settings cannot be used. For the operator; never shows key material."""


@dataclass(frozen=True, slots=True)
class KeyRing:
    """Keys by their ids; the first is the newest. Its ``repr`` shows the ids only."""

    keys: Mapping[str, bytes] = field(repr=False)
    """Key id to its 32 bytes, newest first."""

    def __post_init__(self) -> None:
        if problems := _problems(self.keys):
            raise KeysError(f"Keys cannot be used: {'; '.join(problems)}.")

    def __repr__(self) -> str:
        return f"KeyRing(ids={list(self.keys)!r})"

    @property
    def newest(self) -> str:
        """The id of the key that new things are made with."""
        return next(iter(self.keys))

    def get(self, key_id: str) -> bytes | None:
        """The key with this id, or None."""
        return self.keys.get(key_id)

    @classmethod
    def parse(cls, text: str, *, name: str = "keys") -> KeyRing:
        """Keys written as ``id:base64,id:base64``, newest first; either base64 alphabet, padding optional.

        Raises:
            KeysError: listing everything wrong with ``text``, by position and id; ``name`` says where it came from.
        """
        keys: dict[str, bytes] = {}
        problems = []
        for number, part in enumerate(filter(None, map(str.strip, text.split(","))), 1):
            key_id, _, encoded = part.partition(":")
            if not _ID.fullmatch(key_id) or not encoded:
                problems.append(f"key {number} is not written as id:base64")
                continue
            if key_id in keys:
                problems.append(f"the id {key_id!r} is given twice")
            keys[key_id] = _decoded(encoded)
        problems += _problems(keys) if keys or not problems else []
        if problems:
            raise KeysError(f"{name} cannot be used: {'; '.join(problems)}. Make one with new_key().")
        return cls(keys)

    @classmethod
    def from_environment(cls, name: str, environment: Mapping[str, str] | None = None) -> KeyRing | None:
        """The keys in the variable ``name``; None where it is unset or empty.

        Raises:
            KeysError: if it is set and cannot be used; a typing error must never mean "no key".
        """
        text = (os.environ if environment is None else environment).get(name, "").strip()
        return cls.parse(text, name=name) if text else None


def new_key(key_id: str) -> str:
    """A fresh random key as ``id:base64``, ready for the environment."""
    written = f"{key_id}:{base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()}"
    KeyRing.parse(written, name=f"The id {key_id!r}")
    return written


def _problems(keys: Mapping[str, bytes]) -> list[str]:
    if not keys:
        return ["there is no key in it"]
    found = [f"the id {each!r} is not 1 to 32 letters, digits, _ or -" for each in keys if not _ID.fullmatch(each)]
    return found + [
        f"key {key_id!r} is {len(key) or 'no readable base64, not'} {'bytes, not ' if key else ''}{KEY_BYTES} bytes"
        for key_id, key in keys.items()
        if len(key) != KEY_BYTES
    ]


def _decoded(text: str) -> bytes:
    plain = text.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError):
        return b""

"""Sealed checkpoints on the state database: the sealing saver around the fenced one, in the database's transactions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .checkpoints import InTransactions
from .keys import KeyRing
from .sealed_saver import SealedSaver, sealed_saver

if TYPE_CHECKING:
    from .checkpoints import FencedSaver
    from .database import Database


def sealed_checkpoints(
    saver: FencedSaver, database: Database, held: Mapping[str, int], keys: KeyRing, tenant: str
) -> SealedCheckpoints:
    """The saver of the state database, sealing what it writes and refusing what was not sealed.

    Raises:
        SealingUnavailable: if ``cryptography`` is not installed.
    """
    return SealedCheckpoints(sealed_saver(saver, keys, tenant).inner, database, held)


class SealedCheckpoints(InTransactions, SealedSaver):
    """The asynchronous face calls the synchronous one inside a transaction: where a value belongs is known there."""

    def __init__(self, inner: Any, database: Database, held: Mapping[str, int]) -> None:
        super().__init__(inner)
        self._database = database
        self._held = held

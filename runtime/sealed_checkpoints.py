"""Sealed checkpoints on the state database: the sealing saver around the fenced one, in the database's transactions."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from .keys import KeyRing
from .sealed_saver import SealedSaver, sealed_saver

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig
    from langgraph.checkpoint.base import (
        ChannelVersions,
        Checkpoint,
        CheckpointMetadata,
        CheckpointTuple,
        DeltaChannelHistory,
    )
    from sqlalchemy import Connection

    from .checkpoints import FencedSaver
    from .database import Database

T = TypeVar("T")


def sealed_checkpoints(saver: FencedSaver, database: Database, keys: KeyRing, tenant: str) -> SealedCheckpoints:
    """The saver of the state database, sealing what it writes and refusing what was not sealed.

    Raises:
        SealingUnavailable: if ``cryptography`` is not installed.
    """
    return SealedCheckpoints(sealed_saver(saver, keys, tenant).inner, database)


class SealedCheckpoints(SealedSaver):
    """The asynchronous face calls the synchronous one inside a transaction: where a value belongs is known there."""

    def __init__(self, inner: Any, database: Database) -> None:
        super().__init__(inner)
        self._database = database

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        return await self._read(lambda: self.get_tuple(config))

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        def work(_connection: Connection) -> list[CheckpointTuple]:
            return list(self.list(config, filter=filter, before=before, limit=limit))

        for each in await self._database.read(work):
            yield each

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        return await self._write(lambda: self.put(config, checkpoint, metadata, new_versions))

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        await self._write(lambda: self.put_writes(config, writes, task_id, task_path))

    async def aget_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        return await self._read(lambda: self.get_delta_channel_history(config=config, channels=channels))

    async def _read(self, work: Callable[[], T]) -> T:
        return await self._database.read(lambda _connection: work(), brief=True)

    async def _write(self, work: Callable[[], T]) -> T:
        return await self._database.transaction(lambda _connection: work(), brief=True)

"""A checkpointer whose values are sealed: LangGraph's own savers, wrapped, so that each value is bound to its place."""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    DeltaChannelHistory,
)
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from .keys import KeyRing
from .sealing import Place, Scope, SealBroken, SealedSerializer, sealing_scope

_PASSED_ON = ("delete_for_runs", "adelete_for_runs", "prune", "aprune")
"""Optional methods that touch no values. ``copy_thread`` is not among them: a copied row belongs to its old thread."""


def sealed_saver(saver: BaseCheckpointSaver[Any], keys: KeyRing, tenant: str) -> SealedSaver:
    """A saver on the same storage that seals what it writes and opens only what was sealed for its place.

    Args:
        saver: Any of LangGraph's. It stays as it is; what it wrote or writes unsealed is refused here.
        keys: The newest seals, all open; see :func:`graphwright.runtime.sealing.seal_keys`.
        tenant: Whose threads these are.

    Raises:
        SealingUnavailable: if ``cryptography`` is not installed.
    """
    inner = copy.copy(saver)
    inner.serde = SealedSerializer(saver.serde, keys, tenant=tenant)
    # LangGraph asks the class what a saver can do, so the class has what the inner saver has, and no more.
    able = {name: _pass_on(name) for name in _PASSED_ON if _overrides(saver, name)}
    return type("SealedSaver", (SealedSaver,), able)(inner) if able else SealedSaver(inner)


class SealedSaver(BaseCheckpointSaver[Any]):
    """Made by :func:`sealed_saver`. Attributes that are not a saver's (``conn``, ``setup``) are the inner saver's."""

    def __init__(self, inner: BaseCheckpointSaver[Any]) -> None:
        super().__init__(serde=inner.serde)
        self.inner = inner

    def __getattr__(self, name: str) -> Any:
        if name == "inner":  # while a copy is being made there is none yet
            raise AttributeError(name)
        return getattr(self.inner, name)

    @property
    def config_specs(self) -> list[Any]:
        return self.inner.config_specs

    def with_allowlist(self, extra_allowlist: Collection[tuple[str, ...]]) -> SealedSaver:
        """A copy whose serializer may read these types too."""
        sealed = self.serde
        if not isinstance(sealed, SealedSerializer) or not isinstance(sealed.inner, JsonPlusSerializer):
            return self
        clone, inner = copy.copy(self), copy.copy(self.inner)
        plain = sealed.inner.with_msgpack_allowlist(extra_allowlist)
        clone.serde = inner.serde = SealedSerializer(plain, sealed.keys, tenant=sealed.tenant)
        clone.inner = inner
        return clone

    def get_next_version(self, current: Any, channel: None) -> Any:
        return self.inner.get_next_version(current, channel)

    # Reading: the place is known beforehand, except in a list.

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        with _at(config) as scope:
            return _in_place(self.inner.get_tuple(config), scope)

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        with _at(config) as scope:
            return _in_place(await self.inner.aget_tuple(config), scope)

    def list(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> Iterator[CheckpointTuple]:
        scope = _listing(config)
        found = iter(self.inner.list(config, filter=filter, before=before, limit=limit))
        while True:
            with sealing_scope(scope):
                row = next(found, None)
            if row is None:
                return
            yield _proved(row, scope)

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        scope = _listing(config)
        found = aiter(self.inner.alist(config, filter=filter, before=before, limit=limit))
        try:
            while True:
                with sealing_scope(scope):
                    row = await anext(found, None)
                if row is None:
                    return
                yield _proved(row, scope)
        finally:
            # A generator of the inner saver's holds its connection's lock until it is closed.
            if (close := getattr(found, "aclose", None)) is not None:
                await close()

    def get_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        with _at(config):
            return self.inner.get_delta_channel_history(config=config, channels=channels)

    async def aget_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        with _at(config):
            return await self.inner.aget_delta_channel_history(config=config, channels=channels)

    # Writing.

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        with _at(config):
            return self.inner.put(config, checkpoint, metadata, new_versions)

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        with _at(config):
            return await self.inner.aput(config, checkpoint, metadata, new_versions)

    def put_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        with _at(config):
            self.inner.put_writes(config, writes, task_id, task_path)

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        with _at(config):
            await self.inner.aput_writes(config, writes, task_id, task_path)

    def delete_thread(self, thread_id: str) -> None:
        self.inner.delete_thread(thread_id)

    async def adelete_thread(self, thread_id: str) -> None:
        await self.inner.adelete_thread(thread_id)


def _at(config: RunnableConfig) -> AbstractContextManager[Scope]:
    place = _place(config)
    return sealing_scope(Scope(place.thread, place.namespace))


def _listing(config: RunnableConfig | None) -> Scope:
    chosen: Mapping[str, Any] = (config or {}).get("configurable", {})
    thread, namespace = chosen.get("thread_id"), chosen.get("checkpoint_ns")
    return Scope(None if thread is None else str(thread), None if namespace is None else str(namespace))


def _place(config: RunnableConfig) -> Place:
    chosen = config["configurable"]
    return Place(str(chosen["thread_id"]), str(chosen.get("checkpoint_ns") or ""))


def _in_place(row: CheckpointTuple | None, scope: Scope) -> CheckpointTuple | None:
    return None if row is None else _proved(row, scope)


def _proved(row: CheckpointTuple, scope: Scope) -> CheckpointTuple:
    """The row, if all that was opened for it was sealed for its thread and namespace, and for this checkpoint."""
    opened, scope.opened = scope.opened, set()
    place, wanted = _place(row.config), row.config["configurable"].get("checkpoint_id")
    if opened - {place} or row.checkpoint["id"] != wanted:
        raise SealBroken(
            f"Checkpoint {wanted!r} of thread {place.thread!r} holds values that were sealed for another one: a row "
            "was moved. Nothing was resumed. Find out who did it, and restore the database from a backup."
        )
    return row


def _overrides(saver: BaseCheckpointSaver[Any], name: str) -> bool:
    return getattr(type(saver), name, None) is not getattr(BaseCheckpointSaver, name, None)


def _pass_on(name: str) -> Any:
    def passed_on(self: SealedSaver, *args: Any, **options: Any) -> Any:
        return getattr(self.inner, name)(*args, **options)

    return passed_on

"""Small writes that need no commit of their own: they go to disk with the next transaction of their thread.

What a model answered, what a read found, what a task wrote: nothing in the world depends on them until the thread does
something that is committed itself (an intent, a question, a checkpoint). So they ride ahead in that transaction:
whatever of a thread is on disk, everything that led to it is. If nothing comes along, they are written by themselves
within :data:`LINGER_SECONDS`; a process that dies before asks the model, or reads, again.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from sqlalchemy import Connection

T = TypeVar("T")
Work = Callable[["Connection"], Any]
Commit = Callable[[Callable[["Connection"], T], bool], Awaitable[T]]
"""Runs work in a transaction; the flag says that it may overtake what waits."""

LINGER_SECONDS = 0.02


class Gathering(ABC):
    """Work that takes other work of its writer along: many rows cost less together than one by one."""

    @abstractmethod
    def gather(self, other: Work) -> bool:
        """Take this along, and do it in this one's place; False if it cannot."""

    @abstractmethod
    def __call__(self, connection: Connection) -> Any:
        """Do it all."""


def writer_key(thread_id: str, epoch: int) -> str:
    """Names a writer: a thread under one lease. What one leaves behind is not written, or failed at, by the next."""
    return f"{thread_id}|{epoch}"


class Trailing:
    """What is still to be written, by the writer that it belongs to (:func:`writer_key`)."""

    def __init__(self, commit: Commit[Any]) -> None:
        self._commit = commit
        self._works: dict[str, list[Work]] = {}
        self._under_way: list[str] = []
        self._failed: dict[str, Exception] = {}
        self._writers: dict[str, str] = {}
        self._timer: tuple[asyncio.AbstractEventLoop, asyncio.TimerHandle] | None = None
        self._settling: asyncio.Task[None] | None = None

    def __bool__(self) -> bool:
        return bool(self._works or self._failed)

    def add(self, key: str, work: Work) -> None:
        """Write this with the next transaction of the writer ``key``, after what was added before.

        What an earlier :class:`Gathering` takes along is done in its place: they all are one transaction.
        """
        works = self._works.setdefault(key, [])
        gathering = (each for each in reversed(works) if isinstance(each, Gathering))
        if not (isinstance(work, Gathering) and any(each.gather(work) for each in gathering)):
            works.append(work)
        loop = asyncio.get_running_loop()
        if self._timer is None or self._timer[0] is not loop:
            self._timer = loop, loop.call_later(LINGER_SECONDS, self._lingered)

    def begin(self, thread_id: str, epoch: int) -> None:
        """A writer has the thread from now on; what earlier ones could not write concerns nobody any more."""
        self._writers[thread_id] = writer_key(thread_id, epoch)
        for key in [each for each in self._failed if _is_of(each, thread_id)]:
            del self._failed[key]

    def end(self, thread_id: str, epoch: int) -> None:
        """The writer is about to give the thread back: nothing of it trails any more."""
        if self._writers.get(thread_id) == writer_key(thread_id, epoch):
            del self._writers[thread_id]

    def is_writing(self, key: str) -> bool:
        """Whether this writer has its thread; what others still say must not wait, but be written or refused now."""
        return self._writers.get(key.rpartition("|")[0]) == key

    def is_under_way(self, key: str) -> bool:
        """Whether writes of this writer are on their way to the disk; nothing of it may overtake them."""
        return key in self._under_way

    async def commit(self, key: str, work: Callable[[Connection], T], brief: bool) -> T:
        """Run ``work`` in a transaction, what trails of ``key`` ahead of it.

        Raises:
            Exception: what ``work`` raises, or what kept an earlier write of ``key`` from the disk.
        """
        failed = self._failed.pop(key, None)
        if failed is not None:
            raise failed
        ahead = self._works.pop(key, None)
        brief = brief and not self.is_under_way(key)
        if ahead is None:
            result: T = await self._commit(work, brief)
            return result
        return await self._together(key, ahead, work, brief)

    async def settle(self, thread_id: str | None = None) -> None:
        """Write what trails, of one thread or of all; the writer's next transaction is told what could not be."""
        while key := next((each for each in self._works if thread_id is None or _is_of(each, thread_id)), None):
            try:
                await self._together(key, self._works.pop(key), _nothing, not self.is_under_way(key))
            except Exception as error:  # whatever it is, the writer's next transaction raises it
                self._failed[key] = error

    async def _together(self, key: str, ahead: list[Work], work: Callable[[Connection], T], brief: bool) -> T:
        reached: list[bool] = []
        self._under_way.append(key)

        def both(connection: Connection) -> T:
            reached.clear()
            for each in ahead:
                each(connection)
            reached.append(True)
            return work(connection)

        try:
            result: T = await self._commit(both, brief)
        except Exception:  # looked at, and raised on: what went ahead must not be lost with it
            if reached and work is not _nothing:
                # It was the work that failed, and took with it what went ahead.
                self._works[key] = [*ahead, *self._works.pop(key, [])]
                await self.settle(key.rpartition("|")[0])
            raise
        finally:
            self._under_way.remove(key)
        return result

    def _lingered(self) -> None:
        self._timer = None
        if self._works:
            self._settling = asyncio.ensure_future(self.settle())


def _is_of(key: str, thread_id: str) -> bool:
    return key.rpartition("|")[0] == thread_id


def _nothing(_connection: Connection) -> None:
    """Nothing comes along."""

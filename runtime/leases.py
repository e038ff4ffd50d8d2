"""One writer for each thread: a lease with an epoch, which the database compares on every write.

A process that lost its lease (it slept, it was declared dead) may not know it. Its epoch is then an older one, and
the journal and the checkpoints refuse what it writes.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import Connection, insert, select, text, update

from .clock import Clock
from .database import Database
from .errors import LeaseLost, StateFolderError, ThreadBusy
from .owners import is_dead
from .tables import leases

LEASE_SECONDS = 60.0
"""How long a dead writer on another machine keeps others from its thread; a live one renews well before."""
WATCH_SECONDS = 1.0
"""How often a writer looks whether its run was cancelled elsewhere."""
_EPOCH = text("SELECT epoch FROM leases WHERE thread_id = :thread")


class Leases:
    """Takes, keeps and gives back the leases of one process."""

    def __init__(self, database: Database, clock: Clock, owner: str) -> None:
        self._database = database
        self._clock = clock
        self._owner = owner
        self.held: dict[str, int] = {}
        """Thread id to epoch, of every lease that this process holds."""

    @asynccontextmanager
    async def hold(self, thread_id: str, is_cancelled: Callable[[], Awaitable[bool]]) -> AsyncIterator[int]:
        """Be the one writer of a thread for as long as the block runs; gives the epoch.

        The block's task is cancelled if the lease is lost or ``is_cancelled`` says so.

        Raises:
            ThreadBusy: if a live process holds it.
            LeaseLost: out of the block, if another writer has taken the thread meanwhile.
        """
        epoch = await self.take(thread_id)
        keeper = asyncio.create_task(self._keep(thread_id, epoch, is_cancelled, asyncio.current_task()))
        try:
            yield epoch
        except asyncio.CancelledError:
            if not _has_lost(keeper):
                raise
            if task := asyncio.current_task():
                task.uncancel()
            raise taken_over(thread_id) from None
        finally:
            keeper.cancel()
            await asyncio.wait((keeper,))
            await self.give_back(thread_id, epoch)

    async def take(self, thread_id: str) -> int:
        """Become the one writer of a thread and return the epoch of the lease.

        Raises:
            ThreadBusy: if a live process, or another task of this one, holds it.
        """
        now = self._clock()
        if thread_id in self.held:
            raise ThreadBusy(f"Thread {thread_id} is being moved by this process already. Wait until that run pauses.")

        def work(connection: Connection) -> int:
            row = connection.execute(select(leases).where(leases.c.thread_id == thread_id)).mappings().first()
            values = {"owner": self._owner, "expires": now + LEASE_SECONDS}
            if row is None:
                connection.execute(insert(leases).values(thread_id=thread_id, epoch=1, **values))
                return 1
            if row["owner"] not in ("", self._owner) and row["expires"] > now and not is_dead(row["owner"]):
                raise ThreadBusy(
                    f"Thread {thread_id} is being moved by {row['owner']}. "
                    f"Wait for it, or try again in {row['expires'] - now:.0f} s if that process is dead."
                )
            epoch = int(row["epoch"]) + 1
            connection.execute(update(leases).where(leases.c.thread_id == thread_id).values(epoch=epoch, **values))
            return epoch

        epoch = await self._database.transaction(work)
        self.held[thread_id] = epoch
        return epoch

    async def give_back(self, thread_id: str, epoch: int) -> None:
        """End a lease; the next writer gets a later epoch."""
        if self.held.get(thread_id) == epoch:
            del self.held[thread_id]
        await self._set(thread_id, epoch, owner="", expires=0.0)

    async def _keep(
        self,
        thread_id: str,
        epoch: int,
        is_cancelled: Callable[[], Awaitable[bool]],
        holder: asyncio.Task[Any] | None,
    ) -> bool:
        """Renew a lease until it is lost (True) or its run is cancelled (False); the holder is told by cancelling."""
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            try:
                kept = await self._set(thread_id, epoch, owner=self._owner, expires=self._clock() + LEASE_SECONDS)
                if kept and not await is_cancelled():
                    continue
            except StateFolderError:
                # A disk that is full or locked for a moment; whoever takes the lease meanwhile has a later epoch.
                continue
            if holder is not None:
                holder.cancel("the run was cancelled" if kept else "the lease was lost")
            return not kept

    async def _set(self, thread_id: str, epoch: int, **values: Any) -> bool:
        statement = update(leases).where(leases.c.thread_id == thread_id, leases.c.epoch == epoch).values(**values)
        return await self._database.transaction(lambda connection: connection.execute(statement).rowcount == 1)


def fence(connection: Connection, thread_id: str, epoch: int) -> None:
    """Go on with a transaction only if this epoch is that of the thread's lease.

    Raises:
        LeaseLost: if another writer has taken the thread.
    """
    if connection.execute(_EPOCH, {"thread": thread_id}).scalar() != epoch:
        raise taken_over(thread_id)


def taken_over(thread_id: str) -> LeaseLost:
    """What a writer is told that has lost its lease."""
    return LeaseLost(
        f"Another process has taken thread {thread_id} and goes on with the run. This one stopped; nothing was written."
    )


def _has_lost(keeper: asyncio.Task[bool]) -> bool:
    return keeper.done() and not keeper.cancelled() and keeper.exception() is None and keeper.result()

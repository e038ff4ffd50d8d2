"""One writer for each thread: a lease with an epoch, which the database compares on every write.

A process that lost its lease (it slept, it was declared dead) may not know it. Its epoch is then an older one, and
the journal and the checkpoints refuse what it writes.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import Connection

from .clock import Clock
from .database import Database
from .errors import LeaseLost, StateFolderError, ThreadBusy
from .owners import LEASE_SECONDS, is_held
from .statements import Statement

WATCH_SECONDS = 1.0
"""How often a writer looks whether its run was cancelled elsewhere."""
_EPOCH = Statement("SELECT epoch FROM leases WHERE thread_id = :thread")
_FIND = Statement("SELECT owner, epoch, expires FROM leases WHERE thread_id = :thread")
_TAKE = Statement(
    "INSERT INTO leases (thread_id, owner, epoch, expires) VALUES (:thread, :owner, :epoch, :expires)"
    " ON CONFLICT (thread_id) DO UPDATE SET owner = :owner, epoch = :epoch, expires = :expires"
)
_SET = Statement("UPDATE leases SET owner = :owner, expires = :expires WHERE thread_id = :thread AND epoch = :epoch")


class Leases:
    """Takes, keeps and gives back the leases of one runtime."""

    def __init__(self, database: Database, clock: Clock, owner: str) -> None:
        self._database = database
        self._clock = clock
        self._owner = owner
        self.held: dict[str, int] = {}
        """Thread id to epoch, of every lease that this runtime holds."""

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
            row = _FIND.row(connection, {"thread": thread_id}) or {"owner": self._owner, "epoch": 0}
            if row["owner"] != self._owner and is_held(row["owner"], row["expires"], now):
                raise ThreadBusy(
                    f"Thread {thread_id} is being moved by {row['owner']}. "
                    f"Wait for it, or try again in {min(row['expires'] - now, LEASE_SECONDS):.0f} s if it is dead."
                )
            epoch = int(row["epoch"]) + 1
            values = {"thread": thread_id, "owner": self._owner, "epoch": epoch, "expires": now + LEASE_SECONDS}
            _TAKE.count(connection, values)
            return epoch

        epoch = await self._database.transaction(work, brief=True, apart=True)
        await self._database.settle(thread_id)
        self._database.begin_writer(thread_id, epoch)
        self.held[thread_id] = epoch
        return epoch

    async def give_back(self, thread_id: str, epoch: int) -> None:
        """End a lease; the next writer gets a later epoch."""
        # What trails was written under this lease, and is refused without it.
        self._database.end_writer(thread_id, epoch)
        await self._database.settle(thread_id)
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
        named = {"thread": thread_id, "epoch": epoch, **values}
        return await self._database.transaction(
            lambda connection: _SET.count(connection, named) == 1, brief=True, apart=True
        )


def fence(connection: Connection, thread_id: str, epoch: int) -> None:
    """Go on with a transaction only if this epoch is that of the thread's lease.

    Raises:
        LeaseLost: if another writer has taken the thread.
    """
    if _EPOCH.value(connection, {"thread": thread_id}) != epoch:
        raise taken_over(thread_id)


def taken_over(thread_id: str) -> LeaseLost:
    """What a writer is told that has lost its lease."""
    return LeaseLost(
        f"Another process has taken thread {thread_id} and goes on with the run. This one stopped; nothing was written."
    )


def _has_lost(keeper: asyncio.Task[bool]) -> bool:
    return keeper.done() and not keeper.cancelled() and keeper.exception() is None and keeper.result()

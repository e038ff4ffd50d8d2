"""Ray as a pool of workers: on this machine, or a cluster that is there already. The only place that knows it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from graphwright.models import MissingExtra

from .benches import work
from .fanning import Batch, BatchLost, OpenPool, Order

LOCAL = "local"


def ray_pool(address: str = LOCAL) -> OpenPool:
    """What opens a pool on a Ray cluster.

    Args:
        address: ``local`` for this machine's processors, or that of a cluster: ``auto``, ``ray://host:10001``,
            ``host:6379``.

    Raises:
        MissingExtra: if Ray is not installed.
    """
    try:
        ray = import_module("ray")  # an extra, which type checkers need not find
    except ImportError:
        raise MissingExtra("Fanning out needs Ray: pip install 'graphwright[ray]'") from None
    return lambda order: RayPool(ray, order, address)


class RayPool:
    """One task for each batch."""

    def __init__(self, ray: Any, order: Order, address: str) -> None:
        self._ray = ray
        self._is_ours = not ray.is_initialized()
        if self._is_ours:
            where: dict[str, Any] = {"include_dashboard": False} if address == LOCAL else {"address": address}
            ray.init(log_to_driver=False, logging_level=logging.ERROR, **where)
        self._order = ray.put(order)
        # A batch whose worker died is tried again in parts by whoever asked: as a whole it might kill the next as well.
        self._work = ray.remote(num_cpus=1, max_retries=0)(work)

    @property
    def size(self) -> int:
        """A batch for each processor of the cluster."""
        return max(1, int(self._ray.cluster_resources().get("CPU", 1)))

    async def run(self, batch: Batch) -> Sequence[bytes]:
        """Results of a batch."""
        gone = self._ray.exceptions
        task = self._work.remote(self._order, batch)
        try:
            lines: Sequence[bytes] = await asyncio.wrap_future(task.future())
        except asyncio.CancelledError:
            self._ray.cancel(task, force=True)
            raise
        except gone.RayTaskError as error:
            raise error.cause from error
        except (gone.WorkerCrashedError, gone.OutOfMemoryError, gone.NodeDiedError, gone.ObjectLostError) as error:
            raise BatchLost(str(error).strip().splitlines()[0]) from error
        return lines

    def close(self) -> None:
        """End the cluster, if it was begun here."""
        if self._is_ours:
            self._ray.shutdown()

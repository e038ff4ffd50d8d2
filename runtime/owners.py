"""Who moves a run: one runtime of one process, named so that others on the machine can see whether it still lives."""

from __future__ import annotations

import itertools
import os
import socket
from pathlib import Path
from typing import Literal

LEASE_SECONDS = 60.0
"""How long a dead writer on another machine keeps others from its thread; a live one renews well before."""
CLOCK_TOLERANCE_SECONDS = 600.0
"""How far the clocks of two machines may differ before one takes the other's lease for a mistake."""

_runtimes = itertools.count(1)


def new_owner() -> str:
    """A name like ``host:pid:start.number`` that no other runtime on this machine has or can get."""
    return f"{socket.gethostname()}:{os.getpid()}:{_started(os.getpid())}.{next(_runtimes)}"


def life_of(owner: str) -> Literal["alive", "dead", "unknown"]:
    """Whether the process of an owner lives; unknown for another machine's, and where it cannot be told."""
    host, _, rest = owner.rpartition(":")[0].rpartition(":")
    started = owner.rpartition(":")[2].partition(".")[0]
    if host != socket.gethostname() or not rest.isdigit():
        return "unknown"
    pid = int(rest)
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return "dead"
    except PermissionError:
        return "unknown"  # another user's: the number may be anybody's by now
    return "alive" if _started(pid) == started else "dead"


def is_held(owner: str, expires: float, now: float) -> bool:
    """Whether a lease still keeps others out.

    Its owner may have written the time of its end before the clock was set back: one that ends much later than any
    lease may is believed only of a process that is seen to live.

    Args:
        owner: Of the lease; empty if it was given back.
        expires: When it ends unless it is renewed.
        now: Unix seconds.
    """
    if not owner or expires <= now:
        return False
    life = life_of(owner)
    if life == "unknown":
        return expires <= now + LEASE_SECONDS + CLOCK_TOLERANCE_SECONDS
    return life == "alive"


def _started(pid: int) -> str:
    """When a process began, in clock ticks since boot (Linux); elsewhere "0", so that only a free pid tells."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return "0"

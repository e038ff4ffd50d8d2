"""The world outside: a ledger that no framework writes, and the moments at which a process can be killed."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections import Counter, defaultdict
from pathlib import Path

PAUSE_SECONDS = 0.003
"""An effect takes up to twice this long: before it is written, and again until it is answered."""


class Boundaries:
    """Counts the moments around writes and effects; kills this process at the one it was told."""

    def __init__(self, kill_at: int | None = None) -> None:
        self.passed = 0
        self.kill_at = kill_at

    def __call__(self, _label: str) -> None:
        self.passed += 1
        if self.passed == self.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)


class Ledger:
    """What really happened: one line an effect, appended and synced before the effect is answered."""

    def __init__(self, path: Path, boundaries: Boundaries | None = None) -> None:
        self.path = path
        self._boundary = boundaries or Boundaries()

    async def effect(self, name: str, key: str = "") -> None:
        """Do it; the process may be killed at any moment of this."""
        await asyncio.sleep(random.random() * PAUSE_SECONDS)
        self._boundary("before the effect")
        self.write(name, key)
        self._boundary("after the effect")
        await asyncio.sleep(random.random() * PAUSE_SECONDS)

    def write(self, name: str, key: str = "") -> None:
        """Append one line."""
        file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(file, f"{name}\t{key}\n".encode())
            os.fsync(file)
        finally:
            os.close(file)

    def lines(self) -> list[tuple[str, str]]:
        """(name, key) of everything that happened, in order."""
        if not self.path.exists():
            return []
        pairs = (line.partition("\t") for line in self.path.read_text().splitlines())
        return [(name, key) for name, _, key in pairs]

    def times(self) -> Counter[str]:
        """How often each effect happened."""
        return Counter(name for name, _ in self.lines())

    def distinct(self) -> Counter[str]:
        """How often each effect happened for a service that honours idempotency keys."""
        keys: defaultdict[str, set[str]] = defaultdict(set)
        for name, key in self.lines():
            keys[name].add(key)
        return Counter({name: len(each) for name, each in keys.items()})

    def has(self, key: str) -> bool:
        """Whether an effect happened under this key."""
        return any(each == key for _, each in self.lines())

"""A folder of knowledge bases and its one owner: the lock, the shared Chroma client, moving damage aside."""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from .errors import FolderNotWritable, KnowledgeBaseBusy
from .vectors import Hnsw, VectorStore

_LOCK = ".lock"
_OWNER = "owner.json"
_opened: dict[Path, Store] = {}
_guard = threading.RLock()


class Store:
    """One folder, owned by this process; shared by all knowledge bases opened in it."""

    def __init__(self, folder: Path, hnsw: Hnsw | None) -> None:
        self.folder = folder
        self.writing = threading.RLock()
        """One ingest at a time."""
        self.users = 0
        self._lock = _take(folder)
        try:
            self.vectors = VectorStore(folder / "chroma", hnsw)
        except BaseException:
            self._lock.release()
            raise

    def release(self) -> None:
        """One user less; the last one closes Chroma and gives the folder free."""
        with _guard:
            self.users -= 1
            if self.users == 0:
                _opened.pop(self.folder, None)
                try:
                    self.vectors.close()
                finally:
                    _give(self.folder, self._lock)


def acquire(folder: Path, hnsw: Hnsw | None = None) -> Store:
    """The store of a folder, opened or joined. Raises KnowledgeBaseBusy, FolderNotWritable, IndexDamaged."""
    with _guard:
        folder = folder.resolve()
        store = _opened.get(folder)
        if store is None:
            store = _opened[folder] = Store(folder, hnsw)
        store.users += 1
        return store


def move_aside(folder: Path, names: list[str]) -> None:
    """Move what is damaged into `damaged-TIME`, so that nothing is deleted. Raises KnowledgeBaseBusy."""
    with _guard:
        folder = folder.resolve()
        if folder in _opened:
            raise KnowledgeBaseBusy(f"{str(folder)!r} is open in this process. Close its knowledge bases first.")
        lock = _take(folder)
        try:
            found = [folder / name for name in names if (folder / name).exists()]
            aside = folder / f"damaged-{datetime.now(UTC):%Y%m%dT%H%M%S%f}"
            for path in found:
                aside.mkdir(exist_ok=True)
                path.rename(aside / path.name)
        finally:
            _give(folder, lock)


def _take(folder: Path) -> FileLock:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = FileLock(folder / _LOCK)
        lock.acquire(timeout=0)
        (folder / _OWNER).write_text(json.dumps(_me()))
    except Timeout:
        raise KnowledgeBaseBusy(_busy(folder)) from None
    except OSError as error:
        raise FolderNotWritable(
            f"The folder {str(folder)!r} cannot be written ({error.strerror or error}). A knowledge base needs to "
            "write even to be searched: make it writable, or copy it and open the copy."
        ) from error
    return lock


def _give(folder: Path, lock: FileLock) -> None:
    (folder / _OWNER).unlink(missing_ok=True)
    lock.release()


def _me() -> dict[str, Any]:
    command = " ".join(Path(part).name if at == 0 else part for at, part in enumerate(sys.argv[:3]))[:200]
    return {"pid": os.getpid(), "host": socket.gethostname(), "since": f"{datetime.now(UTC):%F %T}", "command": command}


def _busy(folder: Path) -> str:
    try:
        owner = json.loads((folder / _OWNER).read_text())
        who = f"process {owner['pid']} on {owner['host']} since {owner['since']} UTC ({owner['command']})"
    except (OSError, ValueError, KeyError, TypeError):
        who = "another process that did not leave its name"
    return (
        f"The folder {str(folder)!r} is in use by {who}. A knowledge base has one owner at a time: wait until it ends, "
        "end it, or use another folder."
    )

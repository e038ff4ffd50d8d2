"""What a comparison needs around it: an environment for each peer, and the scripted server on loopback.

The shared harness is used where it stands; environments go to a cache folder that is not part of the repository.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]
PEERS_VARIABLE = "GRAPHWRIGHT_BENCH_PEERS"
SERVER = "server"
"""The environment of the scripted server."""
START_SECONDS = 15.0


class EnvironmentMissing(Exception):
    """A peer's environment could not be made. The message ends with what the installer said."""


@dataclass(frozen=True)
class Harness:
    """The shared harness, and the cache folder for what it needs."""

    peers: Path
    work: Path

    def python(self, environment: str) -> Path:
        """The interpreter of one environment."""
        return self.work / "venvs" / environment / "bin" / "python"

    def table(self) -> Any:
        """The harness's own table of peers (`PEERS`, `COST`), loaded by path."""
        spec = importlib.util.spec_from_file_location("shared_peers", self.peers / "peers.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    def requirements(self) -> dict[str, list[str]]:
        """Environment name to what is installed there, as `peers.txt` lists it."""
        lines = (self.peers / "peers.txt").read_text().splitlines()
        listed = (line.partition("|") for line in lines if line.strip() and not line.startswith("#"))
        return {name: wanted.split() for name, _, wanted in listed}

    def make(self, environments: Iterable[str]) -> dict[str, str]:
        """Make what is missing, one after the other; returns what failed, with the reason."""
        failed = {}
        for name in dict.fromkeys(environments):
            if not self.python(name).exists() or not self._stamp(name).exists():
                try:
                    self._make(name)
                except EnvironmentMissing as problem:
                    failed[name] = str(problem)
        return failed

    def _make(self, name: str) -> None:
        print(f"making the environment {name!r}", file=sys.stderr)
        folder = self.work / "venvs" / name
        folder.parent.mkdir(parents=True, exist_ok=True)
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        self._uv("venv", "-q", "--python", version, "--allow-existing", str(folder))
        wanted = self.requirements()[name]
        self._uv("pip", "install", "-q", "--link-mode=copy", "--python", str(self.python(name)), *wanted)
        self._stamp(name).write_text("\n".join(wanted) + "\n")

    def _stamp(self, name: str) -> Path:
        """Written last, so that an installation that was cut off is repeated."""
        return self.work / "venvs" / name / "installed"

    def _uv(self, *arguments: str) -> None:
        try:
            done = subprocess.run([find_uv(), *arguments], capture_output=True, text=True, timeout=900)
        except subprocess.TimeoutExpired:
            raise EnvironmentMissing(f"uv {arguments[0]} took longer than 900 s.") from None
        if done.returncode:
            raise EnvironmentMissing(f"uv {arguments[0]} failed: {done.stderr.strip()[-400:]}")


def find_uv() -> str:
    """`uv` from $UV, from beside this interpreter, or from the path."""
    beside = Path(sys.executable).with_name("uv")
    found = os.environ.get("UV") or (str(beside) if beside.exists() else shutil.which("uv"))
    if not found:
        raise EnvironmentMissing("There is no uv. Install it, or name it in the variable UV.")
    return found


def import_common(peers: Path) -> Any:
    """The shared `bench_common`, imported by path; it sets variables that keep peers from telemetry."""
    sys.path.insert(0, str(peers))
    return importlib.import_module("bench_common")


def default_peers() -> Path:
    """Where the shared harness is: $GRAPHWRIGHT_BENCH_PEERS, or beside the checkout."""
    return Path(os.environ.get(PEERS_VARIABLE) or REPOSITORY.parent / "shared" / "bench" / "peers")


def pinned(command: list[str], core: int) -> list[str]:
    """The command on one core (of two or more), so that the server and a client do not trade places."""
    if shutil.which("taskset") is None or (os.cpu_count() or 1) < 2:
        return command
    return ["taskset", "-c", str(core), *command]


@contextmanager
def loopback_server(harness: Harness) -> Iterator[str]:
    """The scripted server on a free port of the last core; gives its address without a path."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    script = [str(harness.python(SERVER)), str(harness.peers / "fake_openai.py"), "--port", str(port)]
    command = pinned(script, (os.cpu_count() or 1) - 1)
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_for(address, server)
        yield address
    finally:
        server.terminate()
        server.wait(10)


def _wait_for(address: str, server: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            urllib.request.urlopen(f"{address}/stats", timeout=2).close()
            return
        except OSError:
            if server.poll() is not None:
                said = server.stderr.read() if server.stderr else ""
                raise RuntimeError(f"The loopback server ended at once: {said[-400:]}") from None
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)

"""Shared by every test: no network but loopback, no key from the environment, a state folder of its own."""

from __future__ import annotations

import ipaddress
import os
import socket
from pathlib import Path
from typing import Any

import pytest

for _name in [name for name in os.environ if name.startswith(("OPENAI_", "GRAPHWRIGHT_", "LANGSMITH_", "LANGCHAIN_"))]:
    del os.environ[_name]
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ["ANONYMIZED_TELEMETRY"] = "False"

_real_connect = socket.socket.connect
_real_connect_ex = socket.socket.connect_ex
_real_sendto = socket.socket.sendto
_real_getaddrinfo = socket.getaddrinfo


class NetworkBlocked(OSError):
    """A test tried to leave the machine."""


def _check(address: Any) -> None:
    if not isinstance(address, tuple):
        return
    host = str(address[0])
    try:
        loopback = ipaddress.ip_address(host.split("%")[0]).is_loopback
    except ValueError:
        loopback = host == "localhost"
    if not loopback:
        raise NetworkBlocked(f"Tests reach loopback only, not {host!r}. Mock it, or serve it on 127.0.0.1.")


def _connect(self: socket.socket, address: Any) -> None:
    _check(address)
    _real_connect(self, address)


def _connect_ex(self: socket.socket, address: Any) -> int:
    _check(address)
    return _real_connect_ex(self, address)


def _sendto(self: socket.socket, data: Any, *flags_and_address: Any) -> int:
    _check(flags_and_address[-1])
    return _real_sendto(self, data, *flags_and_address)


def _getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
    if host not in (None, "", "localhost", b"localhost"):
        _check((host.decode() if isinstance(host, bytes) else host,))
    return _real_getaddrinfo(host, *args, **kwargs)


socket.socket.connect = _connect  # type: ignore[method-assign,assignment]  # the block must hold for every library
socket.socket.connect_ex = _connect_ex  # type: ignore[method-assign,assignment]  # same
socket.socket.sendto = _sendto  # type: ignore[method-assign,assignment]  # same
socket.getaddrinfo = _getaddrinfo


@pytest.fixture(autouse=True)
def _own_state_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRAPHWRIGHT_STATE_DIR", str(tmp_path / ".graphwright"))


@pytest.fixture(autouse=True)
def _own_prompt_folders(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test adds to the search path of prompts is gone after it."""
    from graphwright.prompts import folders

    monkeypatch.setattr(folders, "_added", list(folders._added))

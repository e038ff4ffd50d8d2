"""What `fetch_url` may reach, how much of it, and what it brings back."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import ToolFailed
from ..threads import in_thread
from ..words import listed
from .addresses import why_not_public
from .web_address import WebAddress

if TYPE_CHECKING:
    from ssl import SSLContext

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Gives the numeric addresses of a host and port; OSError where there are none."""


async def resolve(host: str, port: int) -> Sequence[str]:
    """Ask the system's resolver; it may block a thread, never the loop or the exit."""
    found = await in_thread(lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    return list(dict.fromkeys(str(answer[4][0]) for answer in found))


@dataclass(frozen=True, kw_only=True)
class FetchRules:
    """What `fetch_url` may reach and how much of it; provide others as a resource."""

    hosts: tuple[str, ...] | None = None
    """Names of hosts, `*.example.org` for all below one; None means every public host, empty means none."""
    ports: frozenset[int] = frozenset({80, 443})
    seconds: float = 20.0
    """For everything: resolving, all redirects, reading."""
    max_bytes: int = 2_000_000
    """Of one body, both as sent and as unpacked."""
    redirects: int = 5
    resolve: Resolve = resolve
    why_not: Callable[[str], str] = why_not_public
    """Why a numeric address must not be connected to; "" if it may."""
    tls: SSLContext | None = None
    """Which certificates are believed; None means those of the system."""

    def check_host(self, address: WebAddress) -> None:
        """Raise ToolFailed unless the host is one of `hosts`."""
        if self.hosts is None or any(_matches(address.host, pattern) for pattern in self.hosts):
            return
        raise ToolFailed(f"{address.host!r} is not among the hosts that may be fetched from: {listed(self.hosts)}.")


@dataclass(frozen=True)
class Page:
    """What was fetched; the text is a stranger's."""

    url: str
    """Where it was found in the end, after redirects."""
    type: str
    text: str


def _matches(host: str, pattern: str) -> bool:
    pattern = pattern.lower().rstrip(".")
    return host.endswith(pattern[1:]) if pattern.startswith("*.") else host == pattern

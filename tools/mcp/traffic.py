"""Counts what a server sends, so that one that floods is cut off; keeps the end of what it says on stderr."""

from __future__ import annotations

from .servers import McpServer


class Flood(Exception):
    """A server sent more than it may."""


class Traffic:
    """What a server sent since our last request."""

    def __init__(self, server: McpServer) -> None:
        self._server = server
        self._bytes = 0
        self._messages = 0

    def renew(self) -> None:
        """A request of ours begins: its answers are counted from zero."""
        self._bytes = self._messages = 0

    def take(self, size: int, *, messages: int = 1) -> None:
        """Count what came; raises Flood when it is too much."""
        self._bytes += size
        self._messages += messages
        if self._bytes > self._server.max_bytes:
            raise Flood(f"it sent more than {self._server.max_bytes:,} bytes after one request")
        if self._messages > self._server.max_messages:
            raise Flood(f"it sent more than {self._server.max_messages:,} messages after one request")


class Tail:
    """The last bytes of a stream, as text."""

    def __init__(self, size: int = 8_000) -> None:
        self._size = size
        self._kept = b""

    def add(self, chunk: bytes) -> None:
        """Keep the end of what was there and this."""
        self._kept = (self._kept + chunk)[-self._size :]

    @property
    def text(self) -> str:
        """What is kept, safe to print."""
        return "".join(map(_shown, self._kept.decode(errors="replace"))).strip()


def _shown(character: str) -> str:
    """A control character as its escape: nothing of a server may command a terminal."""
    if character.isprintable() or character in "\n\t":
        return character
    return character.encode("unicode_escape").decode()

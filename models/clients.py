"""Doors to model servers, shared: some for each event loop, address and key, so that connections are reused.

The OpenAI SDK makes the client: its headers, proxies and certificates are those of any SDK user. Its request building
is passed by: merging headers, parsing the address and validating options takes a quarter of a turn and gives the same
result every time, so it is done once for each door.
"""

from __future__ import annotations

import asyncio
from functools import lru_cache
from ssl import SSLContext

import httpx2
from openai import AsyncOpenAI, DefaultAsyncHttpxClient

_Key = tuple[str, str, float]
_doors: dict[asyncio.AbstractEventLoop, dict[_Key, list[Door]]] = {}

CONNECT_SECONDS = 5.0
CROWD = 8
"""Requests in flight through one door before another is opened: a pool looks at each connection twice a request."""


class Door:
    """A pool of connections to one server, with everything of a request prepared but its body."""

    def __init__(self, base_url: str, api_key: str, timeout: float) -> None:
        self._timeout = httpx2.Timeout(timeout, connect=min(timeout, CONNECT_SECONDS))
        self._http = DefaultAsyncHttpxClient(verify=_certificates(), timeout=self._timeout)
        sdk = AsyncOpenAI(
            base_url=base_url, api_key=api_key, timeout=self._timeout, max_retries=0, http_client=self._http
        )
        said = {name: value for name, value in sdk.default_headers.items() if isinstance(value, str)}
        self._headers = httpx2.Headers({**self._http.headers, **said, **sdk.auth_headers})
        self._url = httpx2.URL(f"{str(sdk.base_url).rstrip('/')}/chat/completions")
        self._extensions = {"timeout": self._timeout.as_dict()}
        self.crowd = 0
        """Requests whose answers have not been read to their end."""

    async def open(self, body: bytes) -> httpx2.Response:
        """Send a body; the answer is still to be read, and :meth:`close` has to be told when it was."""
        request = httpx2.Request("POST", self._url, headers=self._headers, content=body, extensions=self._extensions)
        self.crowd += 1
        try:
            return await self._http.send(request, stream=True)
        except BaseException:
            self.crowd -= 1
            raise

    async def close(self, response: httpx2.Response) -> None:
        """Give the connection back, or drop it if the answer was not read to its end."""
        self.crowd -= 1
        await response.aclose()

    async def shut(self) -> None:
        """Close every connection."""
        await self._http.aclose()


def door_for(base_url: str, api_key: str, timeout: float) -> Door:
    """A door of the running loop for this address and key; `timeout` is the longest silence in s."""
    loop, key = asyncio.get_running_loop(), (base_url, api_key, timeout)
    ours = _doors.get(loop)
    if ours is None:
        for gone in [other for other in _doors if other.is_closed()]:
            del _doors[gone]
        ours = _doors[loop] = {}
    doors = ours.setdefault(key, [])
    for door in doors:
        if door.crowd < CROWD:
            return door
    doors.append(Door(base_url, api_key, timeout))
    return doors[-1]


async def close_clients() -> None:
    """Close the connections of the running loop; the next request opens new ones."""
    for doors in _doors.pop(asyncio.get_running_loop(), {}).values():
        for door in doors:
            await door.shut()


@lru_cache(maxsize=1)
def _certificates() -> SSLContext:
    """Loading the certificates takes longer than everything else about a client, so it is done once."""
    return httpx2.create_ssl_context()

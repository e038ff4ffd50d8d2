"""OpenAI clients, shared: one for each event loop, address and key, so that connections are reused."""

from __future__ import annotations

import asyncio
from functools import lru_cache
from ssl import SSLContext

import httpx2
from openai import AsyncOpenAI, DefaultAsyncHttpxClient

_Key = tuple[str, str, float]
_clients: dict[asyncio.AbstractEventLoop, dict[_Key, AsyncOpenAI]] = {}

CONNECT_SECONDS = 5.0


def client_for(base_url: str, api_key: str, timeout: float) -> AsyncOpenAI:
    """The running loop's client for this address and key; `timeout` is the longest silence in s."""
    loop, key = asyncio.get_running_loop(), (base_url, api_key, timeout)
    ours = _clients.get(loop)
    if ours is None:
        for gone in [other for other in _clients if other.is_closed()]:
            del _clients[gone]
        ours = _clients[loop] = {}
    client = ours.get(key)
    if client is None:
        client = ours[key] = _new_client(base_url, api_key, timeout)
    return client


async def close_clients() -> None:
    """Close the connections of the running loop; the next request opens new ones."""
    for client in _clients.pop(asyncio.get_running_loop(), {}).values():
        await client.close()


def _new_client(base_url: str, api_key: str, timeout: float) -> AsyncOpenAI:
    patience = httpx2.Timeout(timeout, connect=min(timeout, CONNECT_SECONDS))
    http = DefaultAsyncHttpxClient(verify=_certificates(), timeout=patience)
    return AsyncOpenAI(base_url=base_url, api_key=api_key, timeout=patience, max_retries=0, http_client=http)


@lru_cache(maxsize=1)
def _certificates() -> SSLContext:
    """Loading the certificates takes longer than everything else about a client, so it is done once."""
    return httpx2.create_ssl_context()

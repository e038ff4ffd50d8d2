"""Tests reach loopback and nothing else, and see no key of the machine they run on."""

from __future__ import annotations

import asyncio
import os
import socket

import pytest

ELSEWHERE = "192.0.2.1"
"""An address that documentation reserves: nobody answers there."""


def test_a_connection_to_another_machine_is_refused_before_it_starts() -> None:
    with socket.socket() as client:
        with pytest.raises(OSError, match=r"Tests reach loopback only, not '192\.0\.2\.1'"):
            client.connect((ELSEWHERE, 80))
        with pytest.raises(OSError, match="Tests reach loopback only"):
            client.connect_ex((ELSEWHERE, 80))


def test_a_datagram_to_another_machine_is_refused() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as client, pytest.raises(OSError, match="Tests reach loopback only"):
        client.sendto(b"hello", (ELSEWHERE, 53))


async def test_a_name_is_not_looked_up() -> None:
    with pytest.raises(OSError, match=r"Tests reach loopback only, not 'api\.example\.com'"):
        await asyncio.open_connection("api.example.com", 443)


async def test_loopback_is_open() -> None:
    server = await asyncio.start_server(lambda _, writer: writer.close(), "localhost", 0)

    _, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])

    writer.close()
    server.close()


def test_no_key_and_no_setting_of_the_machine_is_seen() -> None:
    prefixes = ("OPENAI_", "LANGSMITH_", "LANGCHAIN_", "GRAPHWRIGHT_")

    assert [name for name in os.environ if name.startswith(prefixes)] == ["GRAPHWRIGHT_STATE_DIR"]

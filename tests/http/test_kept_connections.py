"""How the adapters look at a kept connection, where no server can show it."""

from __future__ import annotations

import select
import socket
import ssl
from types import SimpleNamespace
from typing import Any

import pytest

from docassemble_client._http import aiohttp_connector, httpcore_connection
from docassemble_client._http.httpcore_connection import NetworkStream

pytestmark = pytest.mark.sockets


def test_a_connection_is_watched_without_poll(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows has only `select`."""
    monkeypatch.delattr(select, "poll", raising=False)
    first, second = socket.socketpair()
    with first, second:
        is_readable = aiohttp_connector._watch(first)
        assert not is_readable()
        second.send(b"x")
        assert is_readable()


@pytest.mark.parametrize("error", [ssl.SSLError("closed"), ValueError("unwrapped")])
def test_a_broken_tls_connection_counts_as_readable(error: Exception) -> None:
    """It cannot be used again."""

    def read(_: int) -> bytes:
        raise error

    tls: Any = SimpleNamespace(read=read)

    assert httpcore_connection._has_decrypted_bytes(tls)


def test_a_stream_that_may_hold_bytes_is_not_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bytes could be taken for the next response."""
    stream = NetworkStream.__new__(NetworkStream)
    monkeypatch.setattr(stream, "_stream", SimpleNamespace(is_last_read_full=True), raising=False)

    assert httpcore_connection._has_pending_bytes(stream)

"""The pool of transports with one connection each, which replaces httpx's pool."""

from __future__ import annotations

import asyncio

from docassemble_client._http.connection_pool import OneConnectionPool
from tests.mock import settle


class Transport:
    """A transport that counts how often it is closed."""

    def __init__(self) -> None:
        self.closed = 0

    async def aclose(self) -> None:
        """Count the call."""
        self.closed += 1


async def test_idle_transports_are_reused_and_expired_ones_closed() -> None:
    """The most recently used transport is reused; after five idle seconds it is closed."""

    async def scenario() -> tuple[list[Transport], list[int]]:
        transports: list[Transport] = []

        def make_transport() -> Transport:
            transports.append(Transport())
            return transports[-1]

        pool = OneConnectionPool(make_transport)
        acquired = [pool.acquire() for _ in range(3)]
        for transport in acquired:
            pool.release(transport)
        assert pool.acquire() is acquired[-1]
        pool.release(acquired[-1])
        await asyncio.sleep(4)
        pool.release(pool.acquire())
        await asyncio.sleep(2)
        assert pool.acquire() is acquired[-1]
        await settle()
        closed_by_pool = [transport.closed for transport in transports]
        await pool.aclose()
        return transports, closed_by_pool

    transports, closed_by_pool = await scenario()

    assert closed_by_pool == [1, 1, 0]
    assert [transport.closed for transport in transports] == [1, 1, 1]

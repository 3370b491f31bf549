"""Each library: closing the client ends the calls that are still connecting."""

from __future__ import annotations

import asyncio
import socket
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any

import pytest

from docassemble_client import AsyncDocassemble, NotSent
from docassemble_client._http.connecting import Connecting
from tests.mock import get_other_tasks
from tests.raw_server import HANG_SECONDS, KEY, check_leaks

if TYPE_CHECKING:
    from collections.abc import Generator

leak_check = pytest.fixture(autouse=True)(check_leaks)
pytestmark = [
    pytest.mark.sockets,
    pytest.mark.parametrize("library", ["httpx", "httpx2", "aiohttp"]),
]


@pytest.fixture
def silent_address() -> Generator[str]:
    """Return an address that accepts connections, and never sends anything."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def unresponsive_address() -> Generator[str]:
    """Return an address that does not even complete a connection, as behind a firewall."""
    with ExitStack() as stack:
        server = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.settimeout(0)
            with suppress(BlockingIOError):
                waiting.connect(server.getsockname())
        yield f"127.0.0.1:{server.getsockname()[1]}"


async def close_while_connecting(url: str, library: Any, **options: Any) -> NotSent:
    """Close the client while a call connects; return the error of the call."""
    da = AsyncDocassemble(url, KEY, transport=library, verify=False, **options)
    call = asyncio.create_task(da.users.create("jane@example.com"))
    await asyncio.sleep(0.1)
    async with asyncio.timeout(HANG_SECONDS):
        await da.aclose()
        with pytest.raises(NotSent, match="the client was closed") as caught:
            await call
    assert get_other_tasks() == set()
    return caught.value


async def test_before_the_connection(library: Any, unresponsive_address: str) -> None:
    """Nothing was sent."""
    error = await close_while_connecting(f"http://{unresponsive_address}", library)
    assert not error.maybe_processed
    assert not error.is_transient


async def test_in_the_handshake_of_tls(library: Any, silent_address: str) -> None:
    """Nothing was sent."""
    error = await close_while_connecting(f"https://{silent_address}", library)
    assert not error.maybe_processed


async def test_before_the_tunnel_of_a_proxy_stands(library: Any, silent_address: str) -> None:
    """Nothing was sent."""
    proxy = f"http://{silent_address}"
    error = await close_while_connecting("https://da.example.com", library, proxy=proxy)
    assert not error.maybe_processed


async def test_many_calls_end(library: Any, silent_address: str) -> None:
    """All at once."""
    da = AsyncDocassemble(f"https://{silent_address}", KEY, transport=library, verify=False)
    calls = [asyncio.create_task(da.users.get_current()) for _ in range(20)]
    await asyncio.sleep(0.1)
    async with asyncio.timeout(HANG_SECONDS):
        await da.aclose()
        errors = await asyncio.gather(*calls, return_exceptions=True)
    assert {type(error).__name__ for error in errors} <= {"NotSent", "UsageError"}


async def test_a_timeout_of_the_caller_is_the_callers_own(
    library: Any, unresponsive_address: str
) -> None:
    """It ends the call, not the client."""
    async with AsyncDocassemble(f"http://{unresponsive_address}", KEY, transport=library) as da:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await da.users.get_current()


async def test_a_timeout_of_the_block_is_not_that_of_the_closing(library: Any) -> None:
    """The library's own limit for a connection is raised unchanged."""

    async def connect() -> None:
        async with Connecting().interruptible():
            message = "own"
            raise TimeoutError(message)

    with pytest.raises(TimeoutError, match="own"):
        await connect()

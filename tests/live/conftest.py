"""A real server for the live tests: started once, reused while it runs."""

from __future__ import annotations

import asyncio
import os
import secrets
import sys
from typing import TYPE_CHECKING, Protocol, TypeVar

import pytest

from docassemble_client import AsyncDocassemble
from docassemble_client._codec import strict

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from tests.live.server import LiveServer

T = TypeVar("T")


class Run(Protocol):
    """Runs a coroutine function on a client of the server's administrator."""

    def __call__(self, job: Callable[[AsyncDocassemble], Awaitable[T]]) -> T:
        """Run it to its end."""
        ...


@pytest.fixture(scope="session")
def server() -> LiveServer:
    """Start the server, or find the one that runs; it goes on running afterwards."""
    if sys.platform == "win32":
        pytest.skip("the live server needs Linux or macOS")
    from tests.live.server import LiveServerUnavailable, ensure_running  # noqa: PLC0415

    try:
        return ensure_running()
    except LiveServerUnavailable as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))


@pytest.fixture(autouse=True)
def strict_decoding() -> Iterator[None]:
    """Decode strictly: a model that does not fit the real server fails its test."""
    with strict():
        yield


@pytest.fixture
def run(server: LiveServer) -> Run:
    """Run a coroutine function on a client of the server's administrator."""

    def run_with_client(job: Callable[[AsyncDocassemble], Awaitable[T]]) -> T:
        async def with_client() -> T:
            async with AsyncDocassemble(server.url, server.api_key) as da:
                return await job(da)

        return asyncio.run(with_client())

    return run_with_client


@pytest.fixture
def unique() -> str:
    """A name that nothing on the server has yet."""
    return f"t{secrets.token_hex(8)}"

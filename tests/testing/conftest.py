"""Fixtures: a fake server on a virtual clock, and strict decoding."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from docassemble_client import APIError
from docassemble_client._core.deserialize import strict_mode
from docassemble_client.pytest_plugin import (
    blocking_docassemble,
    docassemble,
    fake_docassemble,
)
from docassemble_client.testing import FakeServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Iterator

    from docassemble_client import AsyncDocassemble

__all__ = ["blocking_docassemble", "docassemble", "fake_docassemble"]

START_TIME = 1_780_000_000.0


class LoopClock:
    """A clock that shows the virtual time of the running event loop."""

    def now(self) -> float:
        """Return the time in seconds since 1970."""
        try:
            return START_TIME + asyncio.get_running_loop().time()
        except RuntimeError:
            return START_TIME

    async def sleep(self, seconds: float) -> None:
        """Wait that many seconds."""
        await asyncio.sleep(seconds)


@pytest.fixture(autouse=True)
def strict_decoding() -> Iterator[None]:
    """Decode strictly, like the live tests."""
    with strict_mode():
        yield


@pytest.fixture
def fake() -> FakeServer:
    """Create a server whose restarts and installations take time."""
    return FakeServer(
        clock=LoopClock(),
        page_size=3,
        restart_seconds=20.0,
        install_seconds=30.0,
        outage="unavailable",
    )


@pytest.fixture
async def da(fake: FakeServer) -> AsyncIterator[AsyncDocassemble]:
    """Use a client of the administrator."""
    async with fake.client() as client:
        yield client


async def get_error_text(call: Awaitable[Any]) -> str:
    """Return the status and body of the error that a call raises."""
    with pytest.raises(APIError) as error:
        await call
    return f"{error.value.status} {error.value.body}"

"""Fixtures: a fake server on a virtual clock, and strict decoding."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import pytest

from docassemble_client import APIError
from docassemble_client._core.deserialize import strict_mode
from docassemble_client.pytest_plugin import docassemble, fake_docassemble
from docassemble_client.testing import FakeServer
from tests.mock import run as run_job

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from docassemble_client import AsyncDocassemble
    from docassemble_client.testing import FakeUser

__all__ = ["docassemble", "fake_docassemble"]

T = TypeVar("T")
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


class Run(Protocol):
    """Runs a coroutine function on a client."""

    def __call__(
        self, job: Callable[[AsyncDocassemble], Awaitable[T]], user: FakeUser | None = None
    ) -> T:
        """Run it; on the administrator's client by default."""
        ...


@pytest.fixture(autouse=True)
def strict_decoding() -> Iterator[None]:
    """Decode strictly, like the live tests."""
    with strict_mode():
        yield


@pytest.fixture
def fake() -> FakeServer:
    """Create a server whose restarts and installations take time."""
    return FakeServer(clock=LoopClock(), page_size=3, restart_seconds=20.0, install_seconds=30.0)


@pytest.fixture
def run(fake: FakeServer) -> Run:
    """Return a function that runs a coroutine function on a client of the server."""

    def run_with_client(
        job: Callable[[AsyncDocassemble], Awaitable[T]], user: FakeUser | None = None
    ) -> T:
        async def with_client() -> T:
            async with fake.client(user) as da:
                return await job(da)

        return run_job(with_client())

    return run_with_client


async def get_error_text(call: Awaitable[Any]) -> str:
    """Return the status and body of the error that a call raises."""
    with pytest.raises(APIError) as error:
        await call
    return f"{error.value.status} {error.value.body}"

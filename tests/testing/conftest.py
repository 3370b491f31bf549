"""A fake server for each test, decoded strictly, on a clock that costs no time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import pytest

from docassemble_client import APIError
from docassemble_client._core.deserialize import strict
from docassemble_client.pytest_plugin import docassemble, fake_docassemble
from docassemble_client.testing import FakeServer
from tests.mock import run as run_job

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from docassemble_client import AsyncDocassemble
    from docassemble_client.testing import User

__all__ = ["docassemble", "fake_docassemble"]

T = TypeVar("T")
DAWN = 1_780_000_000.0


class LoopClock:
    """The clock of the running event loop, which jumps to the next thing to do."""

    def now(self) -> float:
        """Seconds since 1970."""
        try:
            return DAWN + asyncio.get_running_loop().time()
        except RuntimeError:
            return DAWN

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


class Run(Protocol):
    """Runs a coroutine function on a client."""

    def __call__(
        self, job: Callable[[AsyncDocassemble], Awaitable[T]], user: User | None = None
    ) -> T:
        """Run it to its end; the administrator's client by default."""
        ...


@pytest.fixture(autouse=True)
def strict_decoding() -> Iterator[None]:
    """Decode strictly, as the live tests do."""
    with strict():
        yield


@pytest.fixture
def fake() -> FakeServer:
    """Make a server on which tasks take time."""
    return FakeServer(clock=LoopClock(), page_size=3, restart_seconds=20.0, install_seconds=30.0)


@pytest.fixture
def run(fake: FakeServer) -> Run:
    """Run a coroutine function on a client of the server."""

    def run_with_client(
        job: Callable[[AsyncDocassemble], Awaitable[T]], user: User | None = None
    ) -> T:
        async def with_client() -> T:
            async with fake.client(user) as da:
                return await job(da)

        return run_job(with_client())

    return run_with_client


async def said(call: Awaitable[Any]) -> str:
    """Return the status and words with which a call is refused."""
    with pytest.raises(APIError) as error:
        await call
    return f"{error.value.status} {error.value.body}"

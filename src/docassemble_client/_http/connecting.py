"""The opening of connections, which the end of the client interrupts."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from docassemble_client._concurrency import monotonic, sleep, timeout_at

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from docassemble_client._concurrency import TimeoutScope

_RELEASE_SECONDS = 1.0


class ClientClosedError(ConnectionError):
    """The client was closed while a connection was being opened. Becomes a NotSent."""


class Connecting:
    """
    The connections that a client is opening.

    Attributes:
        is_closed: Whether the client was closed.
    """

    def __init__(self) -> None:
        self.is_closed = False
        self._scopes: set[TimeoutScope] = set()

    @asynccontextmanager
    async def interruptible(self) -> AsyncGenerator[None]:
        """
        Run a block that opens a connection.

        Raises:
            ClientClosedError: The client was closed in the meantime.
        """
        scope = timeout_at(None)
        self._scopes.add(scope)
        try:
            async with scope:
                yield
        except TimeoutError:
            if scope.expired():
                raise ClientClosedError from None
            raise
        finally:
            self._scopes.discard(scope)

    async def aclose(self) -> None:
        """Interrupt all blocks, and wait until they have released what they use."""
        self.is_closed = True
        now = monotonic()
        for scope in self._scopes:
            scope.reschedule(now)
        while self._scopes and monotonic() < now + _RELEASE_SECONDS:
            await sleep(0)

"""Pools of httpx transports with one connection each, and how long idle connections are kept."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from docassemble_client._concurrency import Task, create_task, gather, monotonic

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from docassemble_client._http.adapter import HTTPXTransport

STATUSES_WITHOUT_BODY = (204, 304)
KEEPALIVE_SECONDS = 5.0  # httpx's own default


def announces_body(headers: Mapping[str, str]) -> bool:
    """Whether a response announces a body; without one, it may still be on its way."""
    return headers.get("content-length", "0") != "0" or "transfer-encoding" in headers


class GivenTransport:
    """The transport that the caller passed, who also closes it."""

    def __init__(self, transport: HTTPXTransport) -> None:
        self._transport = transport

    def acquire(self) -> Any:
        """Return the transport."""
        return self._transport

    def release(self, transport: Any) -> None:
        """Do nothing: the transport is shared."""

    async def aclose(self) -> None:
        """Do nothing: other clients may use the transport."""


class OneConnectionPool:
    """
    A pool of transports with one connection each.

    The pool inside an httpx transport scans all of its connections for each request. With a
    hundred connections, a request then costs several times as much.
    """

    def __init__(self, make_transport: Callable[[], Any]) -> None:
        """
        Create the first transport, to check that it can be created.

        Args:
            make_transport: Creates a transport, without connecting.
        """
        self._make_transport = make_transport
        first = make_transport()
        self._transports = {first}
        # The most recently used transport is acquired first, so that surplus ones expire.
        self._idle: deque[tuple[float, Any]] = deque([(0.0, first)])
        self._closing: set[Task[None]] = set()

    def acquire(self) -> Any:
        """Return a transport that is not in use; close idle ones that have expired."""
        if not self._idle:
            transport = self._make_transport()
            self._transports.add(transport)
            return transport
        _, transport = self._idle.pop()
        oldest_allowed = monotonic() - KEEPALIVE_SECONDS
        while self._idle and self._idle[0][0] < oldest_allowed:
            _, expired = self._idle.popleft()
            self._transports.remove(expired)
            task = create_task(expired.aclose())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)
        return transport

    def release(self, transport: Any) -> None:
        """Return a transport to the pool after the response has been read."""
        self._idle.append((monotonic(), transport))

    async def aclose(self) -> None:
        """Close all connections."""
        await gather(*self._closing, *(transport.aclose() for transport in self._transports))

"""Carries every call: encode, execute, decode."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakValueDictionary

from attrs import evolve

from docassemble_client._codec import decode
from docassemble_client._encode import encode
from docassemble_client._flow import execute
from docassemble_client._redact import scrub_arguments
from docassemble_client._types import UNSET, Response
from docassemble_client.config import Timeouts
from docassemble_client.operations import STATUS_HINTS
from docassemble_client.pagination import Paginator
from docassemble_client.transfer import Download, DownloadStream

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from docassemble_client._flow import Reply, Request
    from docassemble_client._operation import Operation
    from docassemble_client._transport import Transport
    from docassemble_client._types import Unset
    from docassemble_client.config import RetryPolicy, Timeout
    from docassemble_client.pagination import Page

T = TypeVar("T")
logger = logging.getLogger("docassemble_client")


class Runtime:
    """What the generated calls hand their operation and arguments to."""

    def __init__(self, transport: Transport, *, timeout: Timeout, retry: RetryPolicy) -> None:
        self._transport = transport
        self._timeouts = Timeouts.of(timeout)
        self._retry = retry
        self._locks: WeakValueDictionary[object, asyncio.Lock] = WeakValueDictionary()

    async def call(
        self,
        operation: Operation[T],
        arguments: Mapping[str, object],
        *,
        timeout: Timeout | Unset,
        retry: RetryPolicy | None,
    ) -> T:
        """Carry one call."""
        request = encode(operation, arguments)
        logger.debug("%s %s", operation, scrub_arguments(operation, arguments))
        lock = self._lock(operation, arguments)
        reply = await self._run(request, operation, timeout, retry, lock)
        return decode(operation, request, reply)

    def paginate(
        self,
        operation: Operation[Any],
        arguments: Mapping[str, object],
        *,
        timeout: Timeout | Unset,
        retry: RetryPolicy | None,
    ) -> Paginator[Any]:
        """Prepare the calls of a list; wrong arguments are refused at once."""
        encode(operation, arguments)
        paging = operation.paging
        resume = paging.resume if paging else ""

        async def fetch(token: str | None) -> Page[Any]:
            page: Page[Any] = await self.call(
                operation, {**arguments, resume: token}, timeout=timeout, retry=retry
            )
            return page

        first = arguments.get(resume)
        return Paginator(fetch, first if isinstance(first, str) else None)

    def download(
        self,
        operation: Operation[Any],
        arguments: Mapping[str, object],
        *,
        timeout: Timeout | Unset,
        retry: RetryPolicy | None,
    ) -> Download:
        """Prepare a call that brings a file; wrong arguments are refused at once."""
        request = evolve(encode(operation, arguments), stream=True)

        @asynccontextmanager
        async def open_stream() -> AsyncGenerator[DownloadStream]:
            reply = await self._run(request, operation, timeout, retry)
            try:
                yield DownloadStream(reply.status, reply.headers, reply.chunks)
            finally:
                await reply.close()

        return Download(open_stream)

    async def request(
        self, request: Request, *, timeout: Timeout | Unset, retry: RetryPolicy | None
    ) -> Response:
        """Carry a request that no operation describes."""
        reply = await self._run(request, None, timeout, retry)
        return Response(status=reply.status, headers=reply.headers, content=reply.content)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._transport.aclose()

    async def _run(
        self,
        request: Request,
        operation: Operation[Any] | None,
        timeout: Timeout | Unset,
        retry: RetryPolicy | None,
        lock: asyncio.Lock | None = None,
    ) -> Reply:
        known = operation.errors if operation else ()
        timeouts = self._timeouts if timeout is UNSET else Timeouts.of(timeout)
        flow = execute(request, retry or self._retry, known, STATUS_HINTS)
        return await self._transport.run(flow, request, timeouts, lock)

    def _lock(
        self, operation: Operation[Any], arguments: Mapping[str, object]
    ) -> asyncio.Lock | None:
        """Find what lets calls that must not overlap run one after the other."""
        if not operation.serialise:
            return None
        key = tuple(arguments.get(name) for name in operation.serialise)
        return self._locks.setdefault(key, asyncio.Lock())

"""Carries every call: encode, execute, decode."""

from __future__ import annotations

import asyncio
import logging
from contextlib import aclosing, asynccontextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakValueDictionary

from attrs import evolve

from docassemble_client._core.deserialize import decode
from docassemble_client._core.redaction import scrub_arguments
from docassemble_client._core.retry import RetryBudget
from docassemble_client._core.serialize import encode, normalised
from docassemble_client._types import UNSET
from docassemble_client.config import RetryPolicy, Timeouts
from docassemble_client.errors import (
    DecodeError,
    RequestTimeout,
    TaskTimeout,
    TransportError,
    UsageError,
)
from docassemble_client.operations import OPERATIONS, STATUS_HINTS, TASKS

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Coroutine, Mapping

    from docassemble_client._core.driver import Run
    from docassemble_client._core.flow import Flow
    from docassemble_client._core.messages import Reply, Request
    from docassemble_client._core.polling import TaskCalls, TaskStatus
    from docassemble_client._http.transport import Transport
    from docassemble_client._types import Unset
    from docassemble_client.config import Timeout
    from docassemble_client.operation import KnownError, Operation, TaskKind
    from docassemble_client.pagination import Page, Paginator
    from docassemble_client.responses import Response
    from docassemble_client.tasks import PollPolicy, TaskEvent, TaskHandle, TaskResult
    from docassemble_client.transfer import Download, DownloadStream

T = TypeVar("T")
logger = logging.getLogger("docassemble_client")
# A look at a task is repeated by the wait itself.
_ONCE = RetryPolicy(attempts=1)


class Executor:
    """What the generated calls hand their operation and arguments to."""

    def __init__(
        self, transport: Transport, *, timeout: Timeout, retry: RetryPolicy, poll: PollPolicy | None
    ) -> None:
        self._transport = transport
        self._timeouts = Timeouts.of(timeout)
        self._retry = retry
        self._poll = poll
        self._budget = RetryBudget(retry)
        self._locks: WeakValueDictionary[object, asyncio.Lock] = WeakValueDictionary()

    def call(
        self,
        operation: Operation[T],
        arguments: Mapping[str, object],
        *,
        timeout: Timeout | Unset,
        retry: RetryPolicy | None,
    ) -> Coroutine[Any, Any, T]:
        """Carry one call; wrong arguments are refused at once."""
        request = encode(operation, arguments)
        if logger.isEnabledFor(logging.DEBUG):
            logger.debug("%s %s", operation, scrub_arguments(operation, arguments))
        timeouts = self._timeouts if timeout is UNSET else Timeouts.of(timeout)
        if not operation.serialise and timeouts.total is None:
            self._transport.claim()
            return self._straight(operation, request, timeouts, retry)
        run = self._start(self._flow(operation, request, retry), request, timeouts)
        return run.result(self._lock(operation, arguments))

    def paginate(
        self,
        operation: Operation[Any],
        arguments: Mapping[str, object],
        *,
        timeout: Timeout | Unset,
        retry: RetryPolicy | None,
    ) -> Paginator[Any]:
        """Prepare the calls of a list; wrong arguments are refused at once."""
        from docassemble_client._core.flow import pages  # noqa: PLC0415 - only lists need it
        from docassemble_client.pagination import Paginator  # noqa: PLC0415 - as above

        request = encode(operation, arguments)
        paging = operation.paging
        resume = paging.resume if paging else ""

        def fetch(token: str | None) -> Flow[Page[Any]]:
            return self._flow(operation, encode(operation, {**arguments, resume: token}), retry)

        def walk(token: str | None, limit: int | None) -> Run[None]:
            flow = pages(fetch, operation.id, start=token, limit=limit)
            return self._start(flow, request, timeout, each=True)

        first = arguments.get(resume)
        return Paginator(walk, first if isinstance(first, str) else None)

    def download(
        self,
        operation: Operation[Any],
        arguments: Mapping[str, object],
        *,
        timeout: Timeout | Unset,
        retry: RetryPolicy | None,
    ) -> Download:
        """Prepare a call that brings a file; wrong arguments are refused at once."""
        from docassemble_client.transfer import (  # noqa: PLC0415 - only files need it
            Download,
            DownloadStream,
        )

        request = evolve(encode(operation, arguments), stream=True)

        @asynccontextmanager
        async def open_stream() -> AsyncGenerator[DownloadStream]:
            run = self._start(self._exchange(request, retry, operation.errors), request, timeout)
            reply = await run.result()
            try:
                async with aclosing(run.within(reply.chunks)) as chunks:
                    yield DownloadStream(
                        reply.status,
                        reply.headers,
                        chunks,
                        operation=operation.id,
                        method=request.method,
                        path=request.path,
                    )
            finally:
                await reply.close()

        return Download(open_stream)

    async def request(
        self, request: Request, *, timeout: Timeout | Unset, retry: RetryPolicy | None
    ) -> Response:
        """Carry a request that no operation describes."""
        from docassemble_client.responses import Response  # noqa: PLC0415 - few calls bring it

        reply = await self._start(self._exchange(request, retry), request, timeout).result()
        return Response(status=reply.status, headers=reply.headers, content=reply.content)

    async def watch(
        self, handle: TaskHandle, *, timeout: float | None, poll: PollPolicy | None
    ) -> AsyncGenerator[TaskEvent | TaskResult]:
        """
        Wait for a task.

        Yields:
            An event after each look, and at the end what the task brought.

        Raises:
            TaskTimeout: It was not over in time.
        """
        from docassemble_client._core.polling import wait  # noqa: PLC0415 - few calls begin a task
        from docassemble_client.tasks import PollPolicy  # noqa: PLC0415 - as above

        policy = poll or self._poll or PollPolicy()
        kind = TASKS.get(handle.kind)
        if kind is None:
            message = f"this client knows no task of the kind {handle.kind!r}"
            raise UsageError(message, operation=handle.operation)
        flow = wait(handle, kind, policy, self._task_calls(handle, kind))
        look = Timeouts(
            connect=policy.request_timeout, read=policy.request_timeout, write=policy.request_timeout, total=timeout
        )
        request = encode(OPERATIONS[kind.status], {"task_id": handle.id})
        run = self._start(flow, request, look)
        try:
            while (event := await run.step()) is not None:
                yield evolve(event, elapsed=run.elapsed)
        except RequestTimeout:
            # Every other time-out is progress to the flow, so this is the total one.
            message = f"the task was not over after {timeout} s"
            hint = "It goes on in the server; wait again with the error's handle"
            raise TaskTimeout(
                message, operation=handle.operation, hint=hint, handle=handle
            ) from None
        finally:
            run.close()
        yield await run.result()

    async def aclose(self) -> None:
        """Close all connections."""
        await self._transport.aclose()

    def _flow(
        self, operation: Operation[T], request: Request, retry: RetryPolicy | None
    ) -> Flow[T]:
        reply = yield from self._exchange(request, retry, operation.errors)
        return decode(operation, request, reply)

    def _exchange(
        self, request: Request, retry: RetryPolicy | None, errors: tuple[KnownError, ...] = ()
    ) -> Flow[Reply]:
        from docassemble_client._core.flow import execute  # noqa: PLC0415 - see _straight

        return execute(request, retry or self._retry, errors, STATUS_HINTS, budget=self._budget)

    async def _straight(
        self,
        operation: Operation[T],
        request: Request,
        timeouts: Timeouts,
        retry: RetryPolicy | None,
    ) -> T:
        """Do what the flow and its driver do, which begin only where the first try went wrong."""
        # Of a success they decide nothing, and cost twice as much as the rest around a call.
        try:
            reply = await self._transport.send(request, timeouts)
        except (TransportError, DecodeError) as error:
            outcome: Reply | TransportError | DecodeError = error
        else:
            if reply.status < HTTPStatus.MULTIPLE_CHOICES:
                self._budget.earn()
                return decode(operation, request, reply)
            outcome = reply
        from docassemble_client._core.driver import Begun, Run  # noqa: PLC0415 - most calls need none

        line = Begun(self._transport, outcome)
        return await Run(line, self._flow(operation, request, retry), request, timeouts).result()

    def _start(
        self, flow: Flow[T], request: Request, timeout: Timeout | Unset, *, each: bool = False
    ) -> Run[T]:
        from docassemble_client._core.driver import Run  # noqa: PLC0415 - see _straight

        timeouts = self._timeouts if timeout is UNSET else Timeouts.of(timeout)
        return Run(self._transport, flow, request, timeouts, each=each)

    def _task_calls(self, handle: TaskHandle, kind: TaskKind) -> TaskCalls:
        from docassemble_client._core.polling import TaskCalls, TaskStatus  # noqa: PLC0415 - as above

        def ask(operation: Operation[Any], arguments: Mapping[str, object]) -> Flow[Any]:
            return self._flow(operation, encode(operation, arguments), _ONCE)

        def status() -> Flow[TaskStatus]:
            answer = yield from ask(OPERATIONS[kind.status], {"task_id": handle.id})
            ok = getattr(answer, kind.ok) if kind.ok else None
            texts = (getattr(answer, name) for name in (kind.log, kind.error) if name)
            log = next((text for text in texts if text), "")
            return TaskStatus(state=answer.status, ok=ok, log=log)

        def confirm() -> Flow[float | None]:
            answer = yield from ask(OPERATIONS[kind.confirm], {})
            return getattr(answer, kind.started) if kind.started else None

        def listed() -> Flow[Mapping[str, str | None]]:
            answer = yield from ask(OPERATIONS[kind.listed], {})
            return {normalised(one.name or ""): one.version for one in answer}

        return TaskCalls(status=status, confirm=confirm, listed=listed if kind.listed else None)

    def _lock(
        self, operation: Operation[Any], arguments: Mapping[str, object]
    ) -> asyncio.Lock | None:
        """Find what lets calls that must not overlap run one after the other."""
        if not operation.serialise:
            return None
        key = tuple(arguments.get(name) for name in operation.serialise)
        return self._locks.setdefault(key, asyncio.Lock())

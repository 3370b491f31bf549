"""Runs calls: serializes arguments, sends requests, deserializes responses."""

from __future__ import annotations

import logging
from contextlib import aclosing, asynccontextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakValueDictionary

from attrs import evolve

from docassemble_client._concurrency import Lock
from docassemble_client._core.deserialize import deserialize
from docassemble_client._core.driver import Begun, Run
from docassemble_client._core.flow import execute, pages
from docassemble_client._core.polling import TaskCalls, TaskStatus, poll_task
from docassemble_client._core.redaction import redact_arguments
from docassemble_client._core.retry import RetryBudget
from docassemble_client._core.serialize import normalize_package_name, serialize
from docassemble_client._types import UNSET
from docassemble_client.config import PollPolicy, RetryPolicy, Timeouts
from docassemble_client.errors import (
    DecodeError,
    RequestTimeout,
    TaskTimeout,
    TransportError,
    UsageError,
)
from docassemble_client.operations import OPERATIONS, STATUS_HINTS, TASKS
from docassemble_client.pagination import Paginator
from docassemble_client.responses import Response
from docassemble_client.transfer import Download, DownloadStream

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Coroutine, Mapping

    from docassemble_client._core.flow import Flow
    from docassemble_client._core.messages import RawResponse, Request
    from docassemble_client._http.transport import Transport
    from docassemble_client._types import Unset
    from docassemble_client.config import Timeout
    from docassemble_client.operation import KnownError, Operation, TaskKind
    from docassemble_client.pagination import Page
    from docassemble_client.tasks import TaskEvent, TaskHandle, TaskResult

T = TypeVar("T")
logger = logging.getLogger("docassemble_client")
# The wait itself repeats a failed poll.
_SINGLE_ATTEMPT = RetryPolicy(attempts=1)


class Executor:
    """Runs operations. The generated methods pass their operation and arguments to it."""

    def __init__(
        self, transport: Transport, *, timeout: Timeout, retry: RetryPolicy, poll: PollPolicy | None
    ) -> None:
        self._transport = transport
        self._timeouts = Timeouts.from_value(timeout)
        self._retry = retry
        self._poll = poll
        self._budget = RetryBudget(retry)
        self._locks: WeakValueDictionary[object, Lock] = WeakValueDictionary()

    def call(
        self,
        operation: Operation[T],
        arguments: Mapping[str, object],
        *,
        timeout: Timeout | Unset,
        retry: RetryPolicy | None,
    ) -> Coroutine[Any, Any, T]:
        """Make a call; invalid arguments are refused immediately."""
        request = serialize(operation, arguments)
        if logger.isEnabledFor(logging.DEBUG):
            logger.debug("%s %s", operation, redact_arguments(operation, arguments))
        timeouts = self._timeouts if timeout is UNSET else Timeouts.from_value(timeout)
        if not operation.exclusive_by and timeouts.total is None:
            self._transport.bind_to_loop()
            return self._call_without_flow(operation, request, timeouts, retry)
        run = self._make_run(self._make_flow(operation, request, retry), request, timeouts)
        return run.result(self._session_lock(operation, arguments))

    def paginate(
        self,
        operation: Operation[Any],
        arguments: Mapping[str, object],
        *,
        timeout: Timeout | Unset,
        retry: RetryPolicy | None,
    ) -> Paginator[Any]:
        """Prepare the calls of a list; invalid arguments are refused immediately."""
        request = serialize(operation, arguments)
        paging = operation.paging
        page_param = paging.page_param if paging else ""

        def fetch(token: str | None) -> Flow[Page[Any]]:
            return self._make_flow(
                operation, serialize(operation, {**arguments, page_param: token}), retry
            )

        def open_source(token: str | None, max_items: int | None) -> Run[None]:
            flow = pages(fetch, operation.id, start=token, limit=max_items)
            return self._make_run(flow, request, timeout, per_page=True)

        first_token = arguments.get(page_param)
        return Paginator(open_source, first_token if isinstance(first_token, str) else None)

    def download(
        self,
        operation: Operation[Any],
        arguments: Mapping[str, object],
        *,
        timeout: Timeout | Unset,
        retry: RetryPolicy | None,
    ) -> Download:
        """Prepare the download of a file; invalid arguments are refused immediately."""
        request = evolve(serialize(operation, arguments), stream=True)

        @asynccontextmanager
        async def open_stream() -> AsyncGenerator[DownloadStream]:
            run = self._make_run(
                self._send_with_retries(request, retry, operation.errors), request, timeout
            )
            response = await run.result()
            try:
                async with aclosing(run.within(response.chunks)) as chunks:
                    yield DownloadStream(
                        response.status,
                        response.headers,
                        chunks,
                        operation=operation.id,
                        method=request.method,
                        path=request.path,
                    )
            finally:
                await response.close()

        return Download(open_stream)

    async def request(
        self, request: Request, *, timeout: Timeout | Unset, retry: RetryPolicy | None
    ) -> Response:
        """Send a request that no operation describes."""
        response = await self._make_run(
            self._send_with_retries(request, retry), request, timeout
        ).result()
        return Response(status=response.status, headers=response.headers, content=response.content)

    async def watch(
        self, handle: TaskHandle, *, timeout: float | None, poll: PollPolicy | None
    ) -> AsyncGenerator[TaskEvent | TaskResult]:
        """
        Wait for a task.

        Yields:
            An event after each poll, and at the end the result of the task.

        Raises:
            TaskTimeout: The task did not end in time.
        """
        policy = poll or self._poll or PollPolicy()
        kind = TASKS.get(handle.kind)
        if kind is None:
            message = f"the kind of task {handle.kind!r} is not supported by this client"
            raise UsageError(message, operation=handle.operation)
        flow = poll_task(handle, kind, policy, self._task_calls(handle, kind))
        timeouts = Timeouts(
            connect=policy.request_timeout,
            read=policy.request_timeout,
            write=policy.request_timeout,
            total=timeout,
        )
        request = serialize(OPERATIONS[kind.status], {"task_id": handle.id})
        run = self._make_run(flow, request, timeouts)
        try:
            while (event := await run.step()) is not None:
                yield evolve(event, elapsed=run.elapsed)
        except RequestTimeout:
            # Every other timeout counts as progress, so this is the total timeout.
            message = f"the task did not end within {timeout} s"
            hint = "It continues on the server; wait again with the error's handle"
            raise TaskTimeout(
                message, operation=handle.operation, hint=hint, handle=handle
            ) from None
        finally:
            run.close()
        yield await run.result()

    async def aclose(self) -> None:
        """Close all connections."""
        await self._transport.aclose()

    def _make_flow(
        self, operation: Operation[T], request: Request, retry: RetryPolicy | None
    ) -> Flow[T]:
        response = yield from self._send_with_retries(request, retry, operation.errors)
        return deserialize(operation, request, response)

    def _send_with_retries(
        self, request: Request, retry: RetryPolicy | None, errors: tuple[KnownError, ...] = ()
    ) -> Flow[RawResponse]:
        return execute(request, retry or self._retry, errors, STATUS_HINTS, budget=self._budget)

    async def _call_without_flow(
        self,
        operation: Operation[T],
        request: Request,
        timeouts: Timeouts,
        retry: RetryPolicy | None,
    ) -> T:
        """Send the first attempt without a flow; start one only if the attempt fails."""
        # On success the flow has nothing to decide and would double our overhead.
        try:
            response = await self._transport.send(request, timeouts)
        except (TransportError, DecodeError) as error:
            outcome: RawResponse | TransportError | DecodeError = error
        else:
            if response.status < HTTPStatus.MULTIPLE_CHOICES:
                self._budget.deposit()
                return deserialize(operation, request, response)
            outcome = response
        transport = Begun(self._transport, outcome)
        return await Run(
            transport, self._make_flow(operation, request, retry), request, timeouts
        ).result()

    def _make_run(
        self, flow: Flow[T], request: Request, timeout: Timeout | Unset, *, per_page: bool = False
    ) -> Run[T]:
        timeouts = self._timeouts if timeout is UNSET else Timeouts.from_value(timeout)
        return Run(self._transport, flow, request, timeouts, per_delivery=per_page)

    def _task_calls(self, handle: TaskHandle, kind: TaskKind) -> TaskCalls:
        def call_once(operation: Operation[Any], arguments: Mapping[str, object]) -> Flow[Any]:
            return self._make_flow(operation, serialize(operation, arguments), _SINGLE_ATTEMPT)

        def get_status() -> Flow[TaskStatus]:
            response = yield from call_once(OPERATIONS[kind.status], {"task_id": handle.id})
            ok = getattr(response, kind.ok) if kind.ok else None
            texts = (getattr(response, name) for name in (kind.log, kind.error) if name)
            log = next((text for text in texts if text), "")
            return TaskStatus(state=response.status, ok=ok, log=log)

        def confirm() -> Flow[float | None]:
            response = yield from call_once(OPERATIONS[kind.confirm], {})
            return getattr(response, kind.started) if kind.started else None

        def list_packages() -> Flow[Mapping[str, str | None]]:
            response = yield from call_once(OPERATIONS[kind.listed], {})
            return {
                normalize_package_name(package.name or ""): package.version for package in response
            }

        return TaskCalls(
            get_status=get_status,
            confirm=confirm,
            list_packages=list_packages if kind.listed else None,
        )

    def _session_lock(
        self, operation: Operation[Any], arguments: Mapping[str, object]
    ) -> Lock | None:
        """Return the lock for calls that must run one after the other, if there is one."""
        if not operation.exclusive_by:
            return None
        key = tuple(arguments.get(name) for name in operation.exclusive_by)
        return self._locks.setdefault(key, Lock())

"""Runs calls: arguments → request → response → value, with retries, lists, downloads and waits."""

from __future__ import annotations

import logging
from contextlib import aclosing, asynccontextmanager
from copy import copy
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar

from docassemble_client._checks import check_arguments
from docassemble_client._concurrency import Lock, monotonic, sleep, time_limit
from docassemble_client._core.deserialize import deserialize, deserialize_in_steps
from docassemble_client._core.error_mapping import raise_for_status
from docassemble_client._core.messages import RawResponse, SendState, check_headers, record_response
from docassemble_client._core.redaction import redact_arguments
from docassemble_client._core.retry import (
    UNPROCESSED_STATUSES,
    RetryBudget,
    get_retried_statuses,
    retry_delay,
)
from docassemble_client._core.serialize import serialize
from docassemble_client._core.total_limit import NULL_CONTEXT, LimitedChunks, TotalLimit
from docassemble_client._types import UNSET
from docassemble_client.config import POLL, RETRY, PollPolicy, RetryPolicy, Timeouts
from docassemble_client.errors import DocassembleError, TaskTimeout, TransportError, UsageError
from docassemble_client.operations import STATUS_HINTS
from docassemble_client.pagination import Page, Paginator

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Coroutine, Mapping

    from docassemble_client._core.messages import Request
    from docassemble_client._core.polling import TaskPoller
    from docassemble_client._core.session_locks import SessionLocks
    from docassemble_client._http.transport import Transport
    from docassemble_client._types import Unset
    from docassemble_client.config import Timeout
    from docassemble_client.operation import Operation
    from docassemble_client.responses import Response
    from docassemble_client.tasks import TaskEvent, TaskHandle, TaskResult
    from docassemble_client.transfer import Download, DownloadStream

T = TypeVar("T")
logger = logging.getLogger("docassemble_client")
# Without a handler, Python would write the warnings of retries to stderr.
logger.addHandler(logging.NullHandler())
# A larger response is decoded in steps, between which other tasks run and time limits apply.
MAX_STEP_BYTES = 262_144
# The poller itself repeats a failed poll.
_SINGLE_ATTEMPT = RetryPolicy(attempts=1)


class Executor:
    """Runs operations. The generated methods pass their operation and arguments to it."""

    def __init__(
        self,
        transport: Transport,
        *,
        timeouts: Timeouts,
        retry: RetryPolicy,
        poll: PollPolicy,
        budget: RetryBudget,
        session_locks: SessionLocks,
    ) -> None:
        self._transport = transport
        self._timeouts = timeouts
        self._retry = retry
        self._poll = poll
        self._budget = budget
        self._session_locks = session_locks

    def call(
        self,
        operation: Operation[T],
        arguments: Mapping[str, object],
        *,
        timeout: Timeout | Unset,
        retry: RetryPolicy | None,
        headers: Mapping[str, str] | None,
    ) -> Coroutine[Any, Any, T]:
        """Run a call; raise UsageError before anything is sent if an argument is wrong."""
        request = serialize(operation, arguments)
        if headers is not None:
            request = copy(request)  # it may be shared
            request.headers = check_headers(headers, operation.id)
        if logger.isEnabledFor(logging.DEBUG):
            logger.debug("%s %s", operation, redact_arguments(operation, arguments))
        timeouts = self._timeouts if timeout is UNSET else Timeouts.from_value(timeout)
        self._transport.bind_to_loop()
        if timeouts.total is None and not operation.exclusive_by:
            return self._send_with_retries(request, operation, timeouts, retry)
        lock = self._session_lock(operation, arguments)
        return self._send_with_limits(request, operation, timeouts, retry, lock)

    def _session_lock(
        self, operation: Operation[Any], arguments: Mapping[str, object]
    ) -> Lock | None:
        """Return the lock of the session that a call changes; its calls must not overlap."""
        if not operation.exclusive_by:
            return None
        key = tuple(arguments.get(name) for name in operation.exclusive_by)
        return self._session_locks.get(key)

    def paginate(
        self,
        operation: Operation[Any],
        arguments: Mapping[str, object],
        *,
        timeout: Timeout | Unset,
        retry: RetryPolicy | None,
        headers: Mapping[str, str] | None,
    ) -> Paginator[Any]:
        """Prepare the calls of a list; raise UsageError if an argument is wrong."""
        from docassemble_client.events import PageEvent

        serialize(operation, arguments)
        argument = operation.paging.page_param if operation.paging else ""

        async def fetch(page_token: str | None, number: int) -> Page[Any]:
            page: Page[Any] = await self.call(
                operation,
                {**arguments, argument: page_token},
                timeout=timeout,
                retry=retry,
                headers=headers,
            )
            event = PageEvent(operation=operation.id, number=number, item_count=len(page.items))
            self._transport.emit(event)
            return page

        first = arguments.get(argument)
        return Paginator(fetch, operation.id, first if isinstance(first, str) else None)

    def download(
        self,
        operation: Operation[Any],
        arguments: Mapping[str, object],
        *,
        timeout: Timeout | Unset,
        retry: RetryPolicy | None,
        headers: Mapping[str, str] | None,
    ) -> Download:
        """Prepare a call that returns a file; raise UsageError if an argument is wrong."""
        from docassemble_client.transfer import Download, DownloadStream

        request = copy(serialize(operation, arguments))  # it may be shared
        request.stream = True
        if headers is not None:
            request.headers = check_headers(headers, operation.id)
        timeouts = self._timeouts if timeout is UNSET else Timeouts.from_value(timeout)

        @asynccontextmanager
        async def open_stream() -> AsyncGenerator[DownloadStream]:
            self._transport.bind_to_loop()
            limit = TotalLimit(request, timeouts.total)
            response: RawResponse = await self._send_with_limits(
                request, operation, timeouts, retry, None, limit
            )
            try:
                async with aclosing(LimitedChunks(response.iter_chunks(), limit)) as chunks:
                    yield DownloadStream(
                        response.status,
                        response.headers,
                        chunks,
                        operation=operation.id,
                        method=request.method,
                        path=request.path,
                        request_number=response.request_number,
                        release_slot=response.release_slot,
                    )
            finally:
                await (response.release or response.aclose)()

        return Download(open_stream)

    async def request(
        self, request: Request, *, timeout: Timeout | Unset, retry: RetryPolicy | None
    ) -> Response:
        """Send a request that no operation describes."""
        from docassemble_client.responses import Response

        timeouts = self._timeouts if timeout is UNSET else Timeouts.from_value(timeout)
        self._transport.bind_to_loop()
        response: RawResponse = await self._send_with_limits(request, None, timeouts, retry, None)
        return Response(status=response.status, headers=response.headers, content=response.content)

    def prepare_wait(
        self, task: TaskHandle | str, *, timeout: float | None, poll: PollPolicy | None
    ) -> TaskWait:
        """Prepare to wait for a task, given by its handle or token; UsageError if it is wrong."""
        from docassemble_client.tasks import to_handle

        handle = to_handle(task)
        self._transport.bind_to_loop()
        check_arguments(POLL, optional=True, poll=poll)
        return TaskWait(self, handle, self._poll if poll is None else poll, timeout)

    async def poll_task(self, poller: TaskPoller, timeouts: Timeouts) -> TaskEvent:
        """Poll a task until there is something to report."""
        from docassemble_client.events import WaitEvent

        event: TaskEvent | None = None
        while event is None:
            if poller.delay:
                await sleep(poller.delay)
            operation, arguments = poller.next_call()
            request = serialize(operation, arguments)
            try:
                value = await self._send_with_retries(request, operation, timeouts, _SINGLE_ATTEMPT)
            except DocassembleError as error:
                event = poller.record_error(error)
            else:
                event = poller.record(value)
        self._transport.emit(
            WaitEvent(
                operation=poller.handle.operation,
                state=event.state,
                polls=event.polls,
                reason=event.reason,
            )
        )
        return event

    async def _send_with_limits(
        self,
        request: Request,
        operation: Operation[Any] | None,
        timeouts: Timeouts,
        retry: RetryPolicy | None,
        lock: Lock | None,
        limit: TotalLimit | None = None,
    ) -> Any:
        limit = limit or TotalLimit(request, timeouts.total)
        try:
            async with limit.start(), lock or NULL_CONTEXT:
                return await self._send_with_retries(
                    request, operation, timeouts, retry, limit.state
                )
        except TimeoutError as error:
            raise limit.convert(error) from None

    async def _send_with_retries(
        self,
        request: Request,
        operation: Operation[Any] | None,
        timeouts: Timeouts,
        retry: RetryPolicy | None,
        state: SendState | None = None,
    ) -> Any:
        """
        Send a request, and retry it as the policy allows.

        Args:
            request: The request.
            operation: The operation; None to return the raw response.
            timeouts: Time limits of one attempt.
            retry: Policy of this call instead of the client's.
            state: Progress of the call, updated in place.

        Returns:
            The value of the operation; for a stream, the response.

        Raises:
            DocassembleError: No attempt succeeded.
        """
        check_arguments(RETRY, optional=True, retry=retry)
        policy = self._retry if retry is None else retry
        state = state or SendState()
        self._budget.deposit()
        attempt = 1
        outcome: RawResponse | TransportError | None = None
        while True:
            try:
                outcome = await self._transport.send(request, timeouts, state)
            except (TransportError, UsageError) as error:
                last_outcome, outcome = outcome, _to_outcome(error, state, outcome)
                if outcome is last_outcome:
                    break
            else:
                if outcome.status < HTTPStatus.MULTIPLE_CHOICES:
                    record_response(outcome)
                    if operation is None or request.stream:
                        return outcome
                    if len(outcome.content) > MAX_STEP_BYTES:
                        return await _deserialize_large(operation, request, outcome)
                    return deserialize(operation, request, outcome)
                state.is_sent = outcome.status not in UNPROCESSED_STATUSES
            delay = retry_delay(request, outcome, attempt, policy, self._budget)
            if delay is None:
                break
            self._report_retry(request, outcome, attempt, delay)
            await sleep(delay)
            attempt += 1
        if isinstance(outcome, TransportError):
            raise outcome
        is_retried = outcome.status in get_retried_statuses(request)
        max_delay = policy.max_delay if is_retried else None
        return raise_for_status(request, outcome, operation, STATUS_HINTS, max_delay)

    def _report_retry(
        self, request: Request, outcome: RawResponse | TransportError, attempt: int, delay: float
    ) -> None:
        from docassemble_client.events import RetryEvent

        reason = type(outcome).__name__
        if isinstance(outcome, RawResponse):
            reason = str(outcome.status)
        logger.warning(
            "%s: attempt %d failed (%s), next in %.1f s", request.operation, attempt, reason, delay
        )
        event = RetryEvent(operation=request.operation, attempt=attempt, reason=reason, delay=delay)
        self._transport.emit(event)


def _to_outcome(
    error: TransportError | UsageError,
    state: SendState,
    last_outcome: RawResponse | TransportError | None,
) -> RawResponse | TransportError:
    """Return the outcome of an attempt that failed; raise an error that ends the call."""
    if error is state.callers_error:
        raise error
    if isinstance(error, TransportError):
        state.is_sent = error.maybe_processed
        return error
    # Such as a client that was closed between two attempts. It says that nothing was sent, which
    # holds for this attempt only.
    if last_outcome is None or not state.maybe_processed:
        raise error
    return last_outcome


async def _deserialize_large(operation: Operation[T], request: Request, response: RawResponse) -> T:
    from docassemble_client._long_work import run_in_steps

    return await run_in_steps(deserialize_in_steps(operation, request, response))


class TaskWait:
    """
    The wait for one task, with its total limit.

    Attributes:
        result: The result, once the task has ended; None before.
    """

    def __init__(
        self, executor: Executor, handle: TaskHandle, policy: PollPolicy, timeout: float | None
    ) -> None:
        from docassemble_client._core.polling import TaskPoller

        self._executor = executor
        self._poller = TaskPoller(handle, policy)
        self._started = monotonic()
        seconds = policy.request_timeout
        self._timeouts = Timeouts(
            connect=seconds, read=seconds, write=seconds, pool=seconds, total=timeout
        )

    @property
    def result(self) -> TaskResult | None:
        """The result of the task."""
        return self._poller.result

    async def next_event(self) -> TaskEvent:
        """
        Poll until there is something to report.

        Returns:
            The event.

        Raises:
            TaskTimeout: The total limit expired.
            TaskError: The task failed, or the server does not know it.
        """
        total = self._timeouts.total
        remaining = None if total is None else self._started + total - monotonic()

        def make_error() -> TaskTimeout:
            handle = self._poller.handle
            message = f"the task did not end within {total} s"
            hint = "It continues on the server; wait again with the error's handle"
            return TaskTimeout(message, operation=handle.operation, hint=hint, handle=handle)

        async with time_limit(remaining, make_error):
            event = await self._executor.poll_task(self._poller, self._timeouts)
        return event._replace(elapsed=monotonic() - self._started)

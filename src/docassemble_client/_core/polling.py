"""Waits for a task, without I/O: decides what to request next and when the task has ended."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from attrs import frozen

from docassemble_client._core.flow import Deliver, Flow, Sleep, Tell
from docassemble_client._core.retry import TRANSIENT_STATUSES
from docassemble_client.errors import (
    APIError,
    DecodeError,
    DocassembleError,
    RedirectRefused,
    TaskFailed,
    TaskLost,
    TransportError,
)
from docassemble_client.events import WaitEvent
from docassemble_client.tasks import TaskEvent, TaskResult

if TYPE_CHECKING:
    from docassemble_client.config import PollPolicy
    from docassemble_client.operation import TaskKind
    from docassemble_client.tasks import TaskHandle

# Polls that may still reach a process from before the restart.
_MAX_OLD_PROCESS_POLLS = 5
# How long an old process may respond after `completed`; a restart takes about 30 seconds.
_MAX_CLOCK_SKEW_SECONDS = 120.0
_SEE_LOG = "See the error's log"


@frozen(kw_only=True)
class TaskStatus:
    """
    Status of a task, in one form for all kinds.

    Attributes:
        state: State as the server names it.
        ok: Whether the task succeeded; None if unknown.
        log: Output of the task, or its error message.
    """

    state: str
    ok: bool | None = None
    log: str = ""


@frozen(kw_only=True)
class TaskCalls:
    """
    The API calls of a wait.

    Attributes:
        get_status: Returns the status of the task.
        confirm: Makes the cheap call that must succeed; returns the start time of the server in
            seconds since 1970, or None if the server does not send it.
        list_packages: Returns versions by normalized name, for tasks that change packages.
    """

    get_status: Callable[[], Flow[TaskStatus]]
    confirm: Callable[[], Flow[float | None]]
    list_packages: Callable[[], Flow[Mapping[str, str | None]]] | None = None


class TaskPoller:
    """Waits for one task."""

    def __init__(
        self,
        handle: TaskHandle,
        kind: TaskKind,
        policy: PollPolicy,
        calls: TaskCalls,
        jitter: Callable[[], float],
    ) -> None:
        self.handle = handle
        self.kind = kind
        self.policy = policy
        self.calls = calls
        self.jitter = jitter
        self.started = handle.started if kind.started else None
        self.max_delay = min(policy.max_interval, policy.interval)
        self.slept = 0.0
        self.polls = 0
        self.old_process_retries = _MAX_OLD_PROCESS_POLLS

    def run(self) -> Flow[TaskResult]:
        status = yield from self._poll_until_done()
        if status is not None and status.ok is False:
            message = "the task failed on the server"
            raise self._task_failed(message, status.log)
        yield from self._confirm_restart(is_forgotten=status is None)
        log = status.log if status else ""
        if self.calls.list_packages is not None and self.handle.expected_state:
            yield from self._verify_package(
                self.calls.list_packages, log, is_forgotten=status is None
            )
        yield from self._report("completed", "")
        return TaskResult(handle=self.handle, log=log)

    def _poll_until_done(self) -> Flow[TaskStatus | None]:
        """Poll until the task has ended; return None if the server has forgotten its result."""
        was_seen = False
        while True:
            self.polls += 1
            try:
                status = yield from self.calls.get_status()
            except DocassembleError as error:
                if not is_transient(error):
                    raise
                was_seen = True
                yield from self._sleep("restarting", _error_name(error))
                continue
            if status.state == self.kind.completed:
                return status
            if status.state == self.kind.unknown:
                if not self._can_be_proven(was_seen=was_seen):
                    raise self._task_lost()
                return None
            was_seen = True
            yield from self._sleep("working", "")

    def _can_be_proven(self, *, was_seen: bool) -> bool:
        """Whether the outcome of a task can be proven that the server has forgotten."""
        if self.kind.ok:
            # Only the list of packages shows whether it succeeded.
            return bool(self.handle.expected_state)
        return was_seen or self.started is not None

    def _confirm_restart(self, *, is_forgotten: bool) -> Flow[None]:
        """Wait until the cheap call succeeds on a process that started after the task."""
        slept_before = self.slept
        while True:
            reason = ""
            try:
                started = yield from self.calls.confirm()
            except DocassembleError as error:
                if not is_transient(error):
                    raise
                reason = _error_name(error)
            else:
                if not self._is_old_process(started):
                    return
                self.old_process_retries -= 1
                if is_forgotten and not self.old_process_retries:
                    raise self._task_lost()
                if not is_forgotten and self.slept - slept_before > _MAX_CLOCK_SKEW_SECONDS:
                    # The date came from a proxy whose clock differs: accept the server's report.
                    return
            yield from self._sleep("confirming", reason)

    def _is_old_process(self, started: float | None) -> bool:
        # The task's start is the Date of the response, in whole seconds.
        return self.started is not None and started is not None and started < self.started - 1

    def _verify_package(
        self,
        list_packages: Callable[[], Flow[Mapping[str, str | None]]],
        log: str,
        *,
        is_forgotten: bool,
    ) -> Flow[None]:
        while True:
            try:
                versions = yield from list_packages()
            except DocassembleError as error:
                if not is_transient(error):
                    raise
                yield from self._sleep("confirming", _error_name(error))
                continue
            is_listed = versions.get(self.handle.target) is not None
            if is_listed != (self.handle.expected_state == "listed"):
                if is_forgotten:
                    raise self._task_lost()
                problem = "is not listed with a version" if not is_listed else "is still listed"
                message = f"the server reports success, but the package {problem}"
                raise self._task_failed(message, log)
            return

    def _sleep(self, state: str, reason: str) -> Flow[None]:
        yield from self._report(state, reason)
        # Between half and all of it, so that many clients do not poll at the same time.
        delay = self.max_delay * (1 + self.jitter()) / 2
        yield Sleep(delay)
        self.slept += delay
        self.max_delay = min(self.policy.max_interval, self.max_delay * self.policy.backoff_factor)

    def _report(self, state: str, reason: str) -> Flow[None]:
        operation = self.handle.operation
        yield Tell(WaitEvent(operation=operation, state=state, polls=self.polls, reason=reason))
        yield Deliver(TaskEvent(state=state, polls=self.polls, reason=reason))

    def _task_failed(self, message: str, log: str) -> TaskFailed:
        return TaskFailed(
            message, operation=self.handle.operation, handle=self.handle, log=log, hint=_SEE_LOG
        )

    def _task_lost(self) -> TaskLost:
        return TaskLost(
            "the server does not know the task",
            operation=self.handle.operation,
            handle=self.handle,
            hint="It forgets a task after an hour, or 30 s after it first reported it as completed",
        )


def poll_task(
    handle: TaskHandle,
    kind: TaskKind,
    policy: PollPolicy,
    calls: TaskCalls,
    *,
    jitter: Callable[[], float] = random.random,
) -> Flow[TaskResult]:
    """
    Wait until a task has ended and its result is verified.

    Timeouts, broken connections, 502, 503, 504 and responses that are not JSON count as progress:
    the server restarts. A completed task is confirmed when a cheap call succeeds on a process that
    started after the task. An installation must also show in the list of packages.

    Args:
        handle: The task.
        kind: How to wait for such a task.
        policy: Delays between the polls.
        calls: The API calls.
        jitter: Returns a random number from 0 to 1.

    Yields:
        Steps for the driver; after each poll a Deliver with a TaskEvent.

    Returns:
        The result of the task.

    Raises:
        TaskFailed: The task failed.
        TaskLost: The server does not know the task.
        DocassembleError: A poll failed for another reason than a restart.
    """
    return TaskPoller(handle, kind, policy, calls, jitter).run()


def is_transient(error: DocassembleError) -> bool:
    """Whether the error may be caused by a restart of the server."""
    if isinstance(error, APIError):
        return error.status in TRANSIENT_STATUSES
    return isinstance(error, (TransportError, DecodeError)) and not isinstance(
        error, RedirectRefused
    )


def _error_name(error: DocassembleError) -> str:
    return str(error.status) if isinstance(error, APIError) else type(error).__name__

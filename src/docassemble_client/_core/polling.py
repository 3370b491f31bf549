"""Decides what to request next while a client waits for a task, and when the task has ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from docassemble_client._core.retry import compute_delay
from docassemble_client._names import normalize_package_name
from docassemble_client.errors import APIError, DocassembleError, TaskFailed, TaskLost, UsageError
from docassemble_client.operations import OPERATIONS, TASKS
from docassemble_client.tasks import TaskEvent, TaskResult

if TYPE_CHECKING:
    from collections.abc import Mapping

    from docassemble_client.config import PollPolicy
    from docassemble_client.operation import Operation
    from docassemble_client.tasks import TaskHandle

# Polls that may still reach a process from before the restart.
_MAX_OLD_PROCESS_POLLS = 5
# How long an old process may respond after `completed`; a restart takes about 30 seconds.
_MAX_CLOCK_SKEW_SECONDS = 120.0
_POLL_JITTER = 0.5  # many clients must not poll at the same moment


class TaskPoller:
    """
    The state of a polled task; it does no I/O.

    First it asks for the task's status until the task has ended. Then it confirms that the server
    answers from a process that started after the task, because `completed` can be reported too
    early. At last it looks the package up, because the server reports success even if pip failed.

    Attributes:
        handle: The task.
        result: The result, once the task has ended and was confirmed.
        delay: Seconds to wait before the next request.
    """

    def __init__(self, handle: TaskHandle, policy: PollPolicy) -> None:
        """
        Start with the status of the task.

        Args:
            handle: The task.
            policy: Delays between polls.

        Raises:
            UsageError: The handle is of an unknown kind.
        """
        kind = TASKS.get(handle.kind)
        if kind is None:
            message = f"the kind of task {handle.kind!r} is not supported by this client"
            raise UsageError(message, operation=handle.operation)
        self.handle = handle
        self.result: TaskResult | None = None
        self.delay = 0.0
        self._kind = kind
        self._policy = policy
        self._started = handle.started_at if kind.start_time_attribute else None
        self._operation_id = kind.status_operation
        self._polls = 0
        self._delay_count = 0
        self._log = ""
        self._is_known = False
        self._is_forgotten = False
        self._old_process_polls = 0
        self._seconds_confirming = 0.0

    def next_call(self) -> tuple[Operation[Any], Mapping[str, object]]:
        """Return the operation to call next, and its arguments."""
        if self._operation_id == self._kind.status_operation:
            self._polls += 1
            return OPERATIONS[self._operation_id], {"task_id": self.handle.id}
        return OPERATIONS[self._operation_id], {}

    def record_error(self, error: DocassembleError) -> TaskEvent:
        """
        Record the error of the last call, and schedule the next poll.

        Args:
            error: The error.

        Returns:
            The event that reports the restart.

        Raises:
            DocassembleError: The error, if it is not transient.
        """
        if not error.is_transient:
            raise error
        self._is_known = True
        is_polling = self._operation_id == self._kind.status_operation
        reason = str(error.status) if isinstance(error, APIError) else type(error).__name__
        return self._schedule_poll("restarting" if is_polling else "confirming", reason)

    def record(self, value: Any) -> TaskEvent | None:
        """
        Record the result of the last call.

        Args:
            value: The result of the operation.

        Returns:
            The event, or None if the next call follows at once.

        Raises:
            TaskFailed: The task failed.
            TaskLost: The server does not know the task.
        """
        if self._operation_id == self._kind.status_operation:
            return self._record_status(value)
        if self._operation_id == self._kind.confirm_operation:
            return self._record_confirmation(value)
        return self._record_packages(value)

    def _record_status(self, status: Any) -> TaskEvent | None:
        if status.status == self._kind.unknown_state:
            if not self._can_be_proven():
                raise self._task_lost()
            self._is_forgotten = True
        elif status.status == self._kind.completed_state:
            texts = (
                getattr(status, name)
                for name in (self._kind.log_attribute, self._kind.error_attribute)
                if name
            )
            self._log = next((text for text in texts if text), "")
            if self._kind.ok_attribute and getattr(status, self._kind.ok_attribute) is False:
                message = "the task failed on the server"
                raise self._task_failed(message)
        else:
            self._is_known = True
            return self._schedule_poll("working", "")
        self._operation_id = self._kind.confirm_operation
        self.delay = 0.0
        return None

    def _can_be_proven(self) -> bool:
        """Whether a later call can show that a task ended that the server has forgotten."""
        if self._kind.ok_attribute:
            return bool(self.handle.expected_state)
        return self._is_known or self._started is not None

    def _record_confirmation(self, health: Any) -> TaskEvent | None:
        started = (
            getattr(health, self._kind.start_time_attribute)
            if self._kind.start_time_attribute
            else None
        )
        if self._is_old_process(started):
            self._old_process_polls += 1
            if self._is_forgotten and self._old_process_polls == _MAX_OLD_PROCESS_POLLS:
                raise self._task_lost()
            # After too long, a proxy with another clock set the date: `completed` stands.
            if self._is_forgotten or self._seconds_confirming <= _MAX_CLOCK_SKEW_SECONDS:
                return self._schedule_poll("confirming", "")
        if self._kind.list_operation and self.handle.expected_state:
            self._operation_id = self._kind.list_operation
            self.delay = 0.0
            return None
        return self._complete()

    def _is_old_process(self, started: float | None) -> bool:
        # The start of the task is the Date of a response, in whole seconds.
        return self._started is not None and started is not None and started < self._started - 1

    def _record_packages(self, packages: Any) -> TaskEvent:
        versions = {normalize_package_name(item.name): item.version for item in packages}
        is_listed = versions.get(self.handle.package) is not None
        if is_listed == (self.handle.expected_state == "listed"):
            return self._complete()
        if self._is_forgotten:
            raise self._task_lost()
        problem = "is still listed" if is_listed else "is not listed with a version"
        message = f"the server reports success, but the package {problem}"
        raise self._task_failed(message)

    def _schedule_poll(self, state: str, reason: str) -> TaskEvent:
        self._delay_count += 1
        policy = self._policy
        self.delay = compute_delay(
            self._delay_count,
            min(policy.interval, policy.max_interval),
            policy.max_interval,
            factor=policy.backoff_factor,
            jitter=_POLL_JITTER,
        )
        if self._operation_id == self._kind.confirm_operation:
            self._seconds_confirming += self.delay
        return TaskEvent(state=state, polls=self._polls, reason=reason)

    def _complete(self) -> TaskEvent:
        self.result = TaskResult(handle=self.handle, log=self._log)
        return TaskEvent(state="completed", polls=self._polls)

    def _task_failed(self, message: str) -> TaskFailed:
        return TaskFailed(
            message,
            operation=self.handle.operation,
            handle=self.handle,
            log=self._log,
            hint="Read the reason in the error's log",
        )

    def _task_lost(self) -> TaskLost:
        return TaskLost(
            "the server does not know the task",
            operation=self.handle.operation,
            handle=self.handle,
            hint="It forgets a task after an hour, or 30 s after it first reported it as completed",
        )

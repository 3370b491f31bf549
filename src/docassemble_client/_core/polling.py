"""Waiting for a task, without I/O: what to ask, and when an answer is to be believed."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from attrs import frozen

from docassemble_client._core.flow import TRANSIENT, Deliver, Flow, Sleep, Tell
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
    from docassemble_client.operation import TaskKind
    from docassemble_client.tasks import PollPolicy, TaskHandle

_OLD_PROCESSES = 5  # looks that may still find a process from before a forgotten restart
_CLOCKS_DISAGREE = 120.0  # seconds of an old process after completed; a restart takes some 30
_SEE_LOG = "See the error's log"


@frozen(kw_only=True)
class TaskStatus:
    """
    What the server says of a task, in one form for all kinds.

    Attributes:
        state: Its word for how far the task is.
        ok: Whether it went well; None if it does not say.
        log: What the work printed, or the message of its failure.
    """

    state: str
    ok: bool | None = None
    log: str = ""


@frozen(kw_only=True)
class TaskCalls:
    """
    The calls that waiting is made of.

    Attributes:
        status: Asks how far the task is.
        confirm: Makes the cheap call that must succeed; brings the server's start in seconds
            since 1970 where it says it.
        listed: Lists versions by normalised name, for tasks that change what is listed.
    """

    status: Callable[[], Flow[TaskStatus]]
    confirm: Callable[[], Flow[float | None]]
    listed: Callable[[], Flow[Mapping[str, str | None]]] | None = None


class _Wait:
    """One wait for one task."""

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
        self.begun = handle.started if kind.started else None
        self.longest = min(policy.max_interval, policy.interval)
        self.paused = 0.0
        self.polls = 0
        self.patience = _OLD_PROCESSES

    def run(self) -> Flow[TaskResult]:
        status = yield from self._finished()
        if status is not None and status.ok is False:
            message = "the work failed on the server"
            raise self._failed(message, status.log)
        yield from self._confirmed(missed=status is None)
        log = status.log if status else ""
        if self.calls.listed is not None and self.handle.expects:
            yield from self._verified(self.calls.listed, log, missed=status is None)
        yield from self._report("completed", "")
        return TaskResult(handle=self.handle, log=log)

    def _finished(self) -> Flow[TaskStatus | None]:
        """Poll until the task is over; None where the server has already forgotten its result."""
        known = False
        while True:
            self.polls += 1
            try:
                status = yield from self.calls.status()
            except DocassembleError as error:
                if not _passing(error):
                    raise
                known = True
                yield from self._pause("restarting", _name(error))
                continue
            if status.state == self.kind.completed:
                return status
            if status.state == self.kind.unknown:
                if not self._provable(known=known):
                    raise self._lost()
                return None
            known = True
            yield from self._pause("working", "")

    def _provable(self, *, known: bool) -> bool:
        """Whether anything can show how a task ended that the server has forgotten."""
        if self.kind.ok:
            # That it is over says nothing; the list of packages does.
            return bool(self.handle.expects)
        return known or self.begun is not None

    def _confirmed(self, *, missed: bool) -> Flow[None]:
        """Wait until the cheap call succeeds, on a process that started after the task."""
        before = self.paused
        while True:
            detail = ""
            try:
                started = yield from self.calls.confirm()
            except DocassembleError as error:
                if not _passing(error):
                    raise
                detail = _name(error)
            else:
                if not self._too_old(started):
                    return
                self.patience -= 1
                if missed and not self.patience:
                    raise self._lost()
                if not missed and self.paused - before > _CLOCKS_DISAGREE:
                    # The date came from a proxy with another clock; the server's word stands.
                    return
            yield from self._pause("confirming", detail)

    def _too_old(self, started: float | None) -> bool:
        # The task's start is the Date of the answer, in whole seconds.
        return self.begun is not None and started is not None and started < self.begun - 1

    def _verified(
        self, listed: Callable[[], Flow[Mapping[str, str | None]]], log: str, *, missed: bool
    ) -> Flow[None]:
        while True:
            try:
                versions = yield from listed()
            except DocassembleError as error:
                if not _passing(error):
                    raise
                yield from self._pause("confirming", _name(error))
                continue
            there = versions.get(self.handle.target) is not None
            if there != (self.handle.expects == "listed"):
                if missed:
                    raise self._lost()
                what = "is not listed with a version" if not there else "is still listed"
                message = f"the server reports success, but the package {what}"
                raise self._failed(message, log)
            return

    def _pause(self, state: str, detail: str) -> Flow[None]:
        yield from self._report(state, detail)
        # Between half and all of it: many waiters must not ask at the same moment.
        pause = self.longest * (1 + self.jitter()) / 2
        yield Sleep(pause)
        self.paused += pause
        self.longest = min(self.policy.max_interval, self.longest * self.policy.backoff_factor)

    def _report(self, state: str, detail: str) -> Flow[None]:
        operation = self.handle.operation
        yield Tell(WaitEvent(operation=operation, state=state, polls=self.polls, detail=detail))
        yield Deliver(TaskEvent(state=state, polls=self.polls, detail=detail))

    def _failed(self, message: str, log: str) -> TaskFailed:
        return TaskFailed(
            message, operation=self.handle.operation, handle=self.handle, log=log, hint=_SEE_LOG
        )

    def _lost(self) -> TaskLost:
        return TaskLost(
            "the server does not know the task",
            operation=self.handle.operation,
            handle=self.handle,
            hint="It forgets a task after an hour, or 30 s after it was first seen completed",
        )


def wait(
    handle: TaskHandle,
    kind: TaskKind,
    policy: PollPolicy,
    calls: TaskCalls,
    *,
    jitter: Callable[[], float] = random.random,
) -> Flow[TaskResult]:
    """
    Wait for a task until it can be believed.

    Time-outs, broken connections, 502, 503, 504 and pages that are no JSON are progress: the
    server restarts. A completed task is believed when a cheap call succeeds on a process that
    started after it, and an installation when the package is listed with a version.

    Args:
        handle: The task.
        kind: How such tasks are waited for.
        policy: Pauses between the polls.
        calls: The calls to make.
        jitter: Draws a number from 0 to 1.

    Yields:
        What the driver has to do; a TaskEvent after each look in a Deliver.

    Returns:
        What the task brought.

    Raises:
        TaskFailed: The work failed.
        TaskLost: The server does not know the task.
        DocassembleError: Asking failed for another reason than a restart.
    """
    return _Wait(handle, kind, policy, calls, jitter).run()


def _passing(error: DocassembleError) -> bool:
    """Whether a restart of the server can be behind it."""
    if isinstance(error, APIError):
        return error.status in TRANSIENT
    return isinstance(error, (TransportError, DecodeError)) and not isinstance(
        error, RedirectRefused
    )


def _name(error: DocassembleError) -> str:
    return str(error.status) if isinstance(error, APIError) else type(error).__name__

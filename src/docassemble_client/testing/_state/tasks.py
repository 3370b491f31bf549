"""Restarts and installations, which take time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from attrs import define

from docassemble_client.testing._state.secrets import letters

if TYPE_CHECKING:
    from collections.abc import Callable

    from docassemble_client.testing.clock import Clock

_KEPT = 3600.0
_KEPT_ONCE_SEEN = 30.0
_GRACE = 0.1  # part of a restart during which the old process still answers
_TICK = 0.001  # seconds between the start of a process and that of the next at least


@define
class Work:
    """
    How an installation ended.

    Attributes:
        ok: Whether it went well.
        log: What it printed.
    """

    ok: bool
    log: str


@define
class Task:
    """
    A restart or an installation.

    Attributes:
        id: Its number.
        kind: What it is.
        begun: Start of the process that began it.
        forgotten: When the server forgets it.
        work: How it ended; None as long as it goes on, and for a restart.
        restarts: Whether a restart belongs to it.
    """

    id: str
    kind: Literal["restart", "install"]
    begun: float
    forgotten: float
    work: Work | None = None
    restarts: bool = True


class Tasks:
    """
    Everything that goes on in the background.

    Attributes:
        started: When the server's process started, in seconds since 1970.
        restart_seconds: How long a restart takes.
        install_seconds: How long an installation takes, without the restart that follows.
    """

    def __init__(self, clock: Clock, *, restart_seconds: float, install_seconds: float) -> None:
        self._clock = clock
        self.restart_seconds = restart_seconds
        self.install_seconds = install_seconds
        self.started = clock.now()
        self._tasks: dict[str, Task] = {}
        self._due: list[tuple[float, Task, Callable[[], Work]]] = []
        self._down = self.started  # when the restart that is going on closes the server
        self._up: float | None = None  # when it ends; None if there is none

    @property
    def restarting(self) -> bool:
        """Whether the server restarts at the moment."""
        self._proceed()
        return self._up is not None and self._down <= self._clock.now()

    @property
    def left(self) -> float:
        """Seconds until a restart that is going on is over."""
        self._proceed()
        return 0.0 if self._up is None else self._up - self._clock.now()

    def restart(self) -> str:
        """Restart the server, and return the number of the task."""
        task = self._task("restart")
        self._go_down(self._clock.now())
        self._proceed()
        return task.id

    def install(self, work: Callable[[], Work], *, restart: bool) -> str:
        """Begin an installation, and return the number of the task."""
        task = self._task("install")
        task.restarts = restart
        self._due.append((self._clock.now() + self.install_seconds, task, work))
        return task.id

    def look(self, kind: str, number: str) -> Task | None:
        """Find a task of a kind, if the server still knows it."""
        self._proceed()
        task = self._tasks.get(number)
        if task is None or task.kind != kind or task.forgotten <= self._clock.now():
            return None
        return task

    def over(self, task: Task) -> bool:
        """Whether a task is over; from now on it is soon forgotten."""
        if task.kind == "install" and task.work is None:
            return False
        succeeds = task.work is None or task.work.ok
        if task.restarts and succeeds and self.started <= task.begun:
            return False
        task.forgotten = min(task.forgotten, self._clock.now() + _KEPT_ONCE_SEEN)
        return True

    def _task(self, kind: Literal["restart", "install"]) -> Task:
        task = Task(letters(24), kind, self.started, self._clock.now() + _KEPT)
        self._tasks[task.id] = task
        return task

    def _go_down(self, when: float) -> None:
        if self._up is None:
            self._down = when + self.restart_seconds * _GRACE
        self._up = max(self._up or 0.0, when + self.restart_seconds)

    def _proceed(self) -> None:
        now = self._clock.now()
        for item in [one for one in self._due if one[0] <= now]:
            self._due.remove(item)
            when, task, work = item
            task.work = work()
            if task.restarts and task.work.ok:
                self._go_down(when)
        if self._up is not None and self._up <= now:
            self.started = max(self._up, self.started + _TICK)
            self._up = None

"""Background tasks: restarts and installations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from attrs import define

from docassemble_client.testing._state.secrets import generate_letters

if TYPE_CHECKING:
    from collections.abc import Callable

    from docassemble_client.testing.clock import Clock

_LIFETIME_SECONDS = 3600.0
_LIFETIME_ONCE_REPORTED_SECONDS = 30.0
_GRACE_FRACTION = 0.1  # share of a restart during which the old process still responds
_MIN_SECONDS_BETWEEN_STARTS = 0.001


@define
class InstallResult:
    """
    Result of an installation.

    Attributes:
        ok: Whether pip succeeded.
        log: Output of pip.
    """

    ok: bool
    log: str


@define
class Task:
    """
    A restart or an installation.

    Attributes:
        id: Task ID.
        kind: Kind of task.
        server_start_time: Start time of the process that started the task.
        expires: When the server forgets the task.
        result: Result of the installation; None while it runs, and for a restart.
        needs_restart: Whether the task includes a restart.
    """

    id: str
    kind: Literal["restart", "install"]
    server_start_time: float
    expires: float
    result: InstallResult | None = None
    needs_restart: bool = True


class Tasks:
    """
    All background tasks.

    Attributes:
        server_start_time: When the server process started, in seconds since 1970.
        restart_seconds: Duration of a restart.
        install_seconds: Duration of an installation, without the restart that follows.
    """

    def __init__(self, clock: Clock, *, restart_seconds: float, install_seconds: float) -> None:
        self._clock = clock
        self.restart_seconds = restart_seconds
        self.install_seconds = install_seconds
        self.server_start_time = clock.now()
        self._tasks: dict[str, Task] = {}
        self._scheduled_installs: list[tuple[float, Task, Callable[[], InstallResult]]] = []
        self._outage_start = self.server_start_time
        self._outage_end: float | None = None  # None if no restart is in progress

    @property
    def is_restarting(self) -> bool:
        """Whether the server is unavailable because of a restart."""
        self._process_due_events()
        return self._outage_end is not None and self._outage_start <= self._clock.now()

    @property
    def restart_seconds_left(self) -> float:
        """Seconds until the restart in progress ends; 0 if there is none."""
        self._process_due_events()
        return 0.0 if self._outage_end is None else self._outage_end - self._clock.now()

    def restart(self) -> str:
        """Restart the server, and return the task ID."""
        task = self._add_task("restart")
        self._schedule_outage(self._clock.now())
        self._process_due_events()
        return task.id

    def install(self, run_pip: Callable[[], InstallResult], *, restart: bool) -> str:
        """Start an installation, and return the task ID."""
        task = self._add_task("install")
        task.needs_restart = restart
        self._scheduled_installs.append((self._clock.now() + self.install_seconds, task, run_pip))
        return task.id

    def find(self, kind: str, task_id: str) -> Task | None:
        """Find a task of a kind, unless it has expired."""
        self._process_due_events()
        task = self._tasks.get(task_id)
        if task is None or task.kind != kind or task.expires <= self._clock.now():
            return None
        return task

    def check_completion(self, task: Task) -> bool:
        """Check whether a task is complete; a complete task expires soon after this call."""
        if task.kind == "install" and task.result is None:
            return False
        succeeds = task.result is None or task.result.ok
        if task.needs_restart and succeeds and self.server_start_time <= task.server_start_time:
            return False
        task.expires = min(task.expires, self._clock.now() + _LIFETIME_ONCE_REPORTED_SECONDS)
        return True

    def _add_task(self, kind: Literal["restart", "install"]) -> Task:
        task = Task(
            generate_letters(24),
            kind,
            self.server_start_time,
            self._clock.now() + _LIFETIME_SECONDS,
        )
        self._tasks[task.id] = task
        return task

    def _schedule_outage(self, start: float) -> None:
        if self._outage_end is None:
            self._outage_start = start + self.restart_seconds * _GRACE_FRACTION
        self._outage_end = max(self._outage_end or 0.0, start + self.restart_seconds)

    def _process_due_events(self) -> None:
        now = self._clock.now()
        for install in [install for install in self._scheduled_installs if install[0] <= now]:
            self._scheduled_installs.remove(install)
            end, task, run_pip = install
            task.result = run_pip()
            if task.needs_restart and task.result.ok:
                self._schedule_outage(end)
        if self._outage_end is not None and self._outage_end <= now:
            self.server_start_time = max(
                self._outage_end, self.server_start_time + _MIN_SECONDS_BETWEEN_STARTS
            )
            self._outage_end = None

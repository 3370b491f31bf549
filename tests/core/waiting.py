"""Waits for tasks without I/O, with scripted responses by path."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from docassemble_client._core.deserialize import deserialize
from docassemble_client._core.error_mapping import raise_for_status
from docassemble_client._core.polling import TaskPoller
from docassemble_client._core.serialize import serialize
from docassemble_client.config import PollPolicy
from docassemble_client.errors import DocassembleError
from docassemble_client.operations import STATUS_HINTS
from docassemble_client.tasks import TaskEvent, TaskHandle, TaskResult
from tests.core.responses import make_json

if TYPE_CHECKING:
    from typing import TypeAlias

    from docassemble_client._core.messages import RawResponse

    Outcome: TypeAlias = RawResponse | DocassembleError
    Script: TypeAlias = list[tuple[str, Outcome]]

TASK_STARTED = 1000.0
RESTART = TaskHandle(id="T", kind="restart", operation="server.restart", started_at=TASK_STARTED)
INSTALL = TaskHandle(
    id="T",
    kind="install",
    operation="packages.install",
    started_at=TASK_STARTED,
    package="docassemble-demo",
    expected_state="listed",
)
UNINSTALL = INSTALL._replace(operation="packages.uninstall", expected_state="gone")
UNNAMED = INSTALL._replace(package="", expected_state="")
RESTART_STATUS, INSTALL_STATUS = "/api/restart_status", "/api/package_update_status"
HEALTH, PACKAGES = "/health_status", "/api/package"

WORKING = (RESTART_STATUS, make_json({"status": "working"}))
COMPLETED = (RESTART_STATUS, make_json({"status": "completed"}))
UNKNOWN = (RESTART_STATUS, make_json({"status": "unknown"}))
PIP_WORKING = (INSTALL_STATUS, make_json({"status": "working"}))
PIP_COMPLETED = (INSTALL_STATUS, make_json({"status": "completed", "ok": True, "log": "pip's log"}))
PIP_FAILED = (
    INSTALL_STATUS,
    make_json({"status": "completed", "ok": False, "error_message": "no such"}),
)
PIP_UNKNOWN = (INSTALL_STATUS, make_json({"status": "unknown"}))


def make_health(server_start: float) -> tuple[str, Outcome]:
    return HEALTH, make_json({"ok": True, "server_start_time": server_start, "version": "1.10.14"})


NEW, OLD = make_health(TASK_STARTED + 30), make_health(TASK_STARTED - 500)


def make_listing(*packages: tuple[str, str | None]) -> tuple[str, Outcome]:
    common = {"type": "pip", "can_update": True, "can_uninstall": True}
    return PACKAGES, make_json(
        [
            {"name": name, **common, **({"version": version} if version else {})}
            for name, version in packages
        ]
    )


LISTED = make_listing(("docassemble.base", "1.10.14"), ("docassemble.demo", "1.0"))
NOT_LISTED = make_listing(("docassemble.base", "1.10.14"))


class Wait:
    """
    A wait with the outcomes of a script, each for the path that the poller must request next.

    Attributes:
        events: All events.
        delays: All delays, in seconds.
    """

    def __init__(
        self, handle: TaskHandle, script: Script, policy: PollPolicy | None = None
    ) -> None:
        self._remaining = list(script)
        self._poller = TaskPoller(handle, policy or PollPolicy())
        self.events: list[TaskEvent] = []
        self.delays: list[float] = []

    def run(self) -> TaskResult:
        """Poll until the task has ended; the whole script must be needed."""
        while self._poller.result is None:
            if event := self._poll():
                self.events.append(event)
        assert self._remaining == []
        return self._poller.result

    def fail(self, expected: type[DocassembleError]) -> Any:
        """Poll until the error; the whole script must be needed."""
        with pytest.raises(expected) as caught:
            self.run()
        assert type(caught.value) is expected
        assert self._remaining == []
        return caught.value

    def _poll(self) -> TaskEvent | None:
        if self._poller.delay:
            self.delays.append(self._poller.delay)
        operation, arguments = self._poller.next_call()
        request = serialize(operation, arguments)
        path, outcome = self._remaining.pop(0)
        assert request.path == path
        is_status = path in {RESTART_STATUS, INSTALL_STATUS}
        assert request.query == ((("task_id", "T"),) if is_status else ())
        try:
            if isinstance(outcome, DocassembleError):
                raise outcome
            response = raise_for_status(request, outcome, operation, STATUS_HINTS)
            value = deserialize(operation, request, response)
        except DocassembleError as error:
            return self._poller.record_error(error)
        return self._poller.record(value)

    @property
    def states(self) -> list[str]:
        """States of the events."""
        return [event.state for event in self.events]

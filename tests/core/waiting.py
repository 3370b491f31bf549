"""Waits for tasks by hand, with scripted responses by path."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest
from attrs import evolve

from docassemble_client._core.executor import Executor
from docassemble_client._core.polling import poll_task
from docassemble_client.config import PollPolicy, RetryPolicy
from docassemble_client.operations import TASKS
from docassemble_client.tasks import TaskEvent, TaskHandle, TaskResult
from tests.core.hand import Hand, in_json

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from docassemble_client._core.messages import Request
    from docassemble_client.errors import DocassembleError
    from tests.core.hand import Answer

    Script: TypeAlias = list[tuple[str, Answer]]

BEGUN = 1000.0
RESTART = TaskHandle(id="T", kind="restart", operation="server.restart", started=BEGUN)
INSTALL = TaskHandle(
    id="T",
    kind="install",
    operation="packages.install",
    started=BEGUN,
    target="docassemble-demo",
    expected_state="listed",
)
UNINSTALL = evolve(INSTALL, operation="packages.uninstall", expected_state="gone")
UNNAMED = evolve(INSTALL, target="", expected_state="")
RESTARTED, INSTALLED = "/api/restart_status", "/api/package_update_status"
HEALTH, PACKAGES = "/health_status", "/api/package"

WORKING = (RESTARTED, in_json({"status": "working"}))
COMPLETED = (RESTARTED, in_json({"status": "completed"}))
UNKNOWN = (RESTARTED, in_json({"status": "unknown"}))
PIP_WORKS = (INSTALLED, in_json({"status": "working"}))
PIP_DONE = (INSTALLED, in_json({"status": "completed", "ok": True, "log": "pip's log"}))
PIP_FAILED = (INSTALLED, in_json({"status": "completed", "ok": False, "error_message": "no such"}))
PIP_UNKNOWN = (INSTALLED, in_json({"status": "unknown"}))


def healthy(since: float | None) -> tuple[str, Answer]:
    return HEALTH, in_json({"ok": True, "server_start_time": since, "version": "1.10.14"})


NEW, OLD = healthy(BEGUN + 30), healthy(BEGUN - 500)


def listing(*packages: tuple[str | None, str | None]) -> tuple[str, Answer]:
    common = {"type": "pip", "can_update": True, "can_uninstall": True}
    return PACKAGES, in_json(
        [
            {"name": name, **common, **({"version": version} if version else {})}
            for name, version in packages
        ]
    )


LISTED = listing(("docassemble.base", "1.10.14"), ("docassemble.demo", "1.0"))
NOT_LISTED = listing(("docassemble.base", "1.10.14"))


class Wait:
    """A wait with the answers of a script, each for the path it is meant for."""

    def __init__(
        self,
        handle: TaskHandle,
        script: Script,
        policy: PollPolicy | None = None,
        jitter: Callable[[], float] = lambda: 1.0,
    ) -> None:
        self.left = list(script)
        self.hand = Hand(self._answer)
        kind = TASKS[handle.kind]
        policy = policy or PollPolicy()
        runtime = Executor(cast("Any", None), timeout=None, retry=RetryPolicy(), poll=policy)
        calls = runtime._task_calls(handle, kind)
        self.flow = poll_task(handle, kind, policy, calls, jitter=jitter)
        self.events: list[TaskEvent] = []

    def _answer(self, request: Request) -> Answer:
        path, answer = self.left.pop(0)
        assert request.path == path
        assert request.query == ((("task_id", "T"),) if path in {RESTARTED, INSTALLED} else ())
        return answer

    def run(self) -> TaskResult:
        """Go to the end; the whole script must have been needed."""
        self.events, result = self.hand.play(self.flow)
        assert self.left == []
        return result

    def fail(self, kind: type[DocassembleError]) -> Any:
        """Go to the error; the whole script must have been needed."""
        with pytest.raises(kind) as caught:
            self.hand.play(self.flow)
        assert type(caught.value) is kind
        assert self.left == []
        return caught.value

    @property
    def states(self) -> list[str]:
        """States of the events."""
        return [event.state for event in self.events]

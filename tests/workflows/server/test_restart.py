"""The configuration in part, and restarts that are really over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from docassemble_client import RedirectRefused, TaskTimeout
from tests.mock import now, run
from tests.workflows.routes import Routes

if TYPE_CHECKING:
    from docassemble_client import ConfigPatch, TaskHandle
    from tests.mock import Answer

CONFIG = {
    "secretkey": "exampleSecret123",
    "debug": True,
    "mail": {"server": "old", "password": "exampleSecret123", "smtp": {"port": 25}},
    "admins": ["ana"],
}
TASK = (200, {"success": True, "task_id": "exampleTaskIdOf24Letters"})


def patch(changes: Any, *, dry_run: bool = False) -> tuple[ConfigPatch, list[Any]]:
    """Change the configuration; also return what was sent."""
    server = Routes({"GET /api/config": (200, CONFIG), "PATCH /api/config": TASK})

    async def job() -> ConfigPatch:
        async with server.client() as da:
            return await da.config_patch(changes, dry_run=dry_run)

    result = run(job())
    return result, [sent["config_changes"] for _, sent in server.those("PATCH")]


def test_config_is_merged_at_every_depth() -> None:
    """What is not named stays; only directives that differ are sent, each as a whole."""
    result, sent = patch(
        {
            "debug": True,
            "mail": {"server": "new", "smtp": {"port": 25, "tls": "exampleSecret123"}},
            "admins": ["ben"],
            "timezone": "Europe/Berlin",
            "words": {"a": {"b": 1}},
        }
    )

    mail = {"server": "new", "password": "exampleSecret123"}
    assert sent == [
        {
            "mail": {**mail, "smtp": {"port": 25, "tls": "exampleSecret123"}},
            "admins": ["ben"],
            "timezone": "Europe/Berlin",
            "words": {"a": {"b": 1}},
        }
    ]
    assert result.added == ("mail.smtp.tls", "timezone", "words")
    assert result.changed == ("mail.server", "admins")
    assert result.task is not None
    assert str(result).splitlines() == [
        "+ mail.smtp.tls", "+ timezone", "+ words", "~ mail.server", "~ admins"
    ]  # fmt: skip
    assert "exampleSecret123" not in repr(result)


@pytest.mark.parametrize("changes", [{}, {"debug": True, "mail": {"smtp": {"port": 25}}}])
def test_config_that_is_as_wanted_is_not_sent(changes: Any) -> None:
    """No restart is begun where nothing differs."""
    result, sent = patch(changes)

    assert (result.task, sent, str(result)) == (None, [], "nothing differs")


def test_config_is_only_compared_in_a_dry_run() -> None:
    """The difference is told and nothing is sent; a mapping can take the place of a value."""
    result, sent = patch({"debug": 1, "admins": {"x": 1}, "mail": None}, dry_run=True)

    assert (result.task, sent) == (None, [])
    assert result.changed == ("debug", "admins", "mail")


class Restarting(Routes):
    """A server whose health is answered from a script, and whose restart is over at once."""

    def __init__(self, *health: Answer) -> None:
        done = (200, {"status": "completed"})
        super().__init__(
            {
                "GET /health_status": list(health),
                "POST /api/restart": TASK,
                "GET /api/restart_status": done,
                "GET /api/user": (200, {}),
            }
        )

    def restart(self, **options: Any) -> tuple[TaskHandle, float]:
        """Restart it; also return how many seconds that took."""

        async def job() -> tuple[TaskHandle, float]:
            async with self.client() as da:
                return await da.restart(**options), now()

        return run(job())


def health(start: float) -> Answer:
    """Make the JSON of a process that started then."""
    return 200, {"ok": True, "server_start_time": start, "version": "1.10.14"}


def test_restart_without_waiting_is_one_call() -> None:
    """The handle can be waited for later."""
    server = Restarting(health(1))

    handle, _ = server.restart(wait=False)

    assert (handle.kind, server.calls) == ("restart", ["POST /api/restart"])


def test_restart_is_over_when_new_processes_answer_in_a_row() -> None:
    """An old process, a broken connection, an error or a page in between begins the row anew."""
    new = health(9)
    row = [
        *(health(5), health(2), health(5)),  # before
        new,  # what the wait for the task looks at
        *(new, new, health(5)),
        *(new, new, httpx.ConnectError("refused")),
        *(new, (503, "x"), new, httpx.Response(200, text="<html>")),
        *(new, new, new),
    ]
    server = Restarting(*row)

    _, seconds = server.restart()

    assert server.calls.count("GET /health_status") == len(row)
    assert seconds == pytest.approx(12, abs=0.5)


def test_restart_that_never_gets_steady_times_out() -> None:
    """The error holds the handle."""
    server = Restarting(health(5))

    with pytest.raises(TaskTimeout, match=r"steadily within 30 s") as caught:
        server.restart(timeout=30)

    assert caught.value.handle is not None
    assert caught.value.operation == "server.restart"


def test_restart_does_not_wait_for_what_cannot_pass() -> None:
    """A server that sends the client elsewhere will go on to do so."""
    away = httpx.Response(302, headers={"location": "https://elsewhere.example.com/"})
    server = Restarting(*[health(5)] * 3, health(9), away)

    with pytest.raises(RedirectRefused):
        server.restart()

"""Partial changes of the configuration, and waiting for a restart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from docassemble_client import RedirectRefused, TaskTimeout, UsageError
from tests.mock import get_loop_time
from tests.workflows.routes import RouteServer

if TYPE_CHECKING:
    from docassemble_client import ConfigPatch, TaskHandle
    from tests.mock import MockResponse

CONFIG = {
    "secretkey": "exampleSecret123",
    "debug": True,
    "mail": {"server": "old", "password": "exampleSecret123", "smtp": {"port": 25}},
    "admins": ["ana"],
}
TASK = (200, {"success": True, "task_id": "exampleTaskIdOf24Letters"})


async def patch_config(changes: Any, *, dry_run: bool = False) -> tuple[ConfigPatch, list[Any]]:
    """Change the configuration; also return the changes that were sent."""
    server = RouteServer({"GET /api/config": (200, CONFIG), "PATCH /api/config": TASK})

    async with server.client() as da:
        result = await da.patch_config(changes, dry_run=dry_run)

    return result, [payload["config_changes"] for _, payload in server.find_calls("PATCH")]


async def test_config_is_merged_at_every_depth() -> None:
    """Other values are kept; only top-level directives that differ are sent."""
    result, sent = await patch_config(
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
async def test_equal_config_is_not_sent(changes: Any) -> None:
    """The server does not restart."""
    result, sent = await patch_config(changes)

    assert (result.task, sent, str(result)) == (None, [], "nothing differs")


async def test_dry_run_only_compares() -> None:
    """Values are compared as JSON: True is not 1."""
    result, sent = await patch_config({"debug": 1, "admins": {"x": 1}, "mail": None}, dry_run=True)

    assert (result.task, sent) == (None, [])
    assert result.changed == ("debug", "admins", "mail")


class RestartingServer(RouteServer):
    """A server with scripted health responses, whose restart task completes at once."""

    def __init__(self, *health: MockResponse) -> None:
        completed = (200, {"status": "completed"})
        super().__init__(
            {
                "GET /health_status": list(health),
                "POST /api/restart": TASK,
                "GET /api/restart_status": completed,
                "GET /api/user": (200, {}),
            }
        )

    async def restart(self, **options: Any) -> tuple[TaskHandle, float]:
        """Restart the server; also return how many seconds it took."""
        async with self.client() as da:
            return await da.restart(**options), get_loop_time()


def make_health(start: float) -> MockResponse:
    """Make the health response of a process that started at this time."""
    return 200, {"ok": True, "server_start_time": start, "version": "1.10.14"}


async def test_restart_without_waiting_is_one_call() -> None:
    """You can wait for the handle later."""
    server = RestartingServer(make_health(1))

    handle, _ = await server.restart(wait=False)

    assert (handle.kind, server.calls) == ("restart", ["POST /api/restart"])


async def test_restart_ends_after_consecutive_responses_of_new_processes() -> None:
    """An old process, a lost connection, an error or a page resets the count."""
    new = make_health(9)
    responses = [
        *(make_health(5), make_health(2), make_health(5)),  # before
        new,  # while waiting for the task
        *(new, new, make_health(5)),
        *(new, new, httpx.ConnectError("refused")),
        *(new, (503, "x"), new, httpx.Response(200, text="<html>")),
        *(new, new, new),
    ]
    server = RestartingServer(*responses)

    _, seconds = await server.restart()

    assert server.calls.count("GET /health_status") == len(responses)
    assert seconds == pytest.approx(12, abs=0.5)


async def test_restart_that_is_never_stable_times_out() -> None:
    """The error has the handle."""
    server = RestartingServer(make_health(5))

    with pytest.raises(TaskTimeout, match=r"stable within 30 s") as error:
        await server.restart(timeout=30)

    assert error.value.handle is not None
    assert error.value.operation == "server.restart"


async def test_redirect_ends_the_wait() -> None:
    """A redirect is permanent."""
    redirect = httpx.Response(302, headers={"location": "https://elsewhere.example.com/"})
    server = RestartingServer(*[make_health(5)] * 3, make_health(9), redirect)

    with pytest.raises(RedirectRefused):
        await server.restart()


async def test_changes_that_contain_themselves_are_refused() -> None:
    """They cannot be written as JSON; nothing is changed."""
    admins: list[Any] = []
    admins.append(admins)

    with pytest.raises(UsageError, match="changes cannot be written as JSON"):
        await patch_config({"admins": admins})

"""The commands doctor, server, task and config."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    import pytest

    from docassemble_client.testing import FakeServer
    from tests.cli.conftest import Dactl


def test_doctor_reports_for_people(dactl: Dactl, fake: FakeServer) -> None:
    """The report is that of the library."""
    result = dactl("doctor")

    assert result.code == 0
    assert result.lines[0] == f"{fake.url}: usable"
    assert result.lines[3] == f"  API key: valid, of {fake.admin_email} (admin)"


def test_doctor_has_an_exit_code(
    dactl: Dactl, fake: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key that is not accepted is 3, a server that does not respond 4."""
    fake.drop_connection("server.get_health", times=100)
    unreachable = dactl("doctor", "--json")
    fake.clear_faults()
    monkeypatch.setenv("DOCASSEMBLE_API_KEY", "wrong")
    refused = dactl("doctor", "--json")

    assert (unreachable.code, refused.code) == (4, 3)
    assert json.loads(refused.out)["kind"] == "ServerReport"
    assert json.loads(refused.out)["ok"] is False


def test_health_is_shown(dactl: Dactl) -> None:
    """It names the version and the start time."""
    result = dactl("server", "health")

    assert result.out.startswith("docassemble 1.10.14 works, up since ")


def test_impossible_start_time_is_unknown(
    dactl: Dactl, default_transport: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server can send any number."""
    health = {"ok": True, "version": "1.10.14", "server_start_time": 1e300}
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json=health))
    monkeypatch.setitem(default_transport, "transport", transport)

    result = dactl("server", "health")

    assert result.out == "docassemble 1.10.14 works, up since an unknown time\n"


def test_server_restarts(dactl: Dactl, fake: FakeServer) -> None:
    """The command ends when the server is stable."""
    result = dactl("server", "restart")

    assert result.out == "restarted\n"
    assert "server.restart" in {request.operation for request in fake.received_requests}


def test_wait_ends_when_the_server_responds(dactl: Dactl, fake: FakeServer) -> None:
    """Failures before that do not end it."""
    fake.fail("server.get_health", status=502, times=4)

    result = dactl("server", "wait")

    assert result.out == "docassemble 1.10.14 responds\n"


def test_wait_has_a_limit(dactl: Dactl, fake: FakeServer) -> None:
    """Then the exit code is 4, and the error one line with a hint."""
    fake.fail("server.get_health", status=502, times=1000)

    result = dactl("server", "wait", "--timeout", "30s")

    assert (result.code, result.out) == (4, "")
    assert result.err == (
        "dactl: the server did not respond in time.\n"
        "hint: Look at its logs, or wait longer with --timeout\n"
    )


def test_task_of_another_command_is_awaited(dactl: Dactl) -> None:
    """`call` writes the token of a task that it starts."""
    token = dactl("call", "server.restart").out.strip()

    assert dactl("task", "wait", token).out == "completed\n"
    assert json.loads(dactl("task", "wait", token, "--json").out)["kind"] == "TaskResult"


def test_configuration_is_hidden(dactl: Dactl, fake: FakeServer) -> None:
    """Names are shown, values only with --reveal."""
    fake.config["mail"] = {"password": "canary"}

    hidden = dactl("config", "get")
    revealed = dactl("config", "get", "mail", "no such", "--reveal", "--json")

    assert "mail: ***" in hidden.lines
    assert "canary" not in hidden.out + hidden.err
    assert json.loads(revealed.out)["value"] == {"mail": {"password": "canary"}}
    assert revealed.code == 5
    assert revealed.err == "dactl: the configuration does not contain no such\n"


def test_configuration_is_patched_only_with_yes(dactl: Dactl, fake: FakeServer) -> None:
    """Without --yes the differences are shown, by name."""
    fake.config["mail"] = {"server": "old"}
    Path("changes.yml").write_text("mail:\n  server: new\n  port: 25\n", encoding="utf-8")

    shown = dactl("config", "patch", "changes.yml")
    unchanged = dict(fake.config["mail"])
    done = dactl("config", "patch", "changes.yml", "--yes")

    assert sorted(shown.lines) == ["+ mail.port", "~ mail.server"]
    assert shown.err == "nothing was changed; add --yes to do it\n"
    assert unchanged == {"server": "old"}
    assert fake.config["mail"] == {"server": "new", "port": 25}
    assert done.out == shown.out

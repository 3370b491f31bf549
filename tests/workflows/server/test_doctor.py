"""What the doctor finds: addresses, keys, and what a key may do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from docassemble_client.operations import OPERATIONS
from tests.mock import run
from tests.workflows.accounts.test_ensure import account
from tests.workflows.routes import REFUSED, Routes

if TYPE_CHECKING:
    from docassemble_client import ServerReport
    from tests.mock import Answer

HEALTH = (200, {"ok": True, "server_start_time": 1795123456.5, "version": "1.10.14"})
EMPTY: Answer = (200, [])
PAGE: Answer = (200, {"items": [], "next_id": None})
STATUS = (200, {"status": "unknown"})
OFF = (404, "File not found")
# Every call the doctor makes, as an administrator is answered.
EVERYTHING: dict[str, Any] = {
    "GET /health_status": HEALTH,
    "GET /api/user": (200, account("admin@example.com", 1, privileges=["admin"])),
    "GET /api/list": EMPTY,
    "GET /api/package": EMPTY,
    "GET /api/package_update_status": STATUS,
    "GET /api/playground": EMPTY,
    "GET /api/privileges": EMPTY,
    "GET /api/restart_status": STATUS,
    "GET /api/interviews": PAGE,
    "GET /api/user/interviews": PAGE,
    "GET /api/user/api": EMPTY,
    "GET /api/user_list": PAGE,
}


def examined(routes: dict[str, Any], **options: Any) -> tuple[ServerReport, Routes]:
    """Examine a server with these routes."""
    server = Routes(routes)

    async def job() -> ServerReport:
        async with server.client(**options) as da:
            return await da.doctor()

    return run(job()), server


def only(*allowed: str, **changes: Answer) -> dict[str, Any]:
    """Make a server that refuses all but these calls."""
    return {call: EVERYTHING[call] for call in ("GET /health_status", *allowed)} | changes


def test_administrator_may_do_everything() -> None:
    """All is read from answers and the table; nothing but reading calls is sent, each once."""
    report, server = examined(EVERYTHING)

    assert report.ok
    assert set(report.allowed) == set(OPERATIONS)
    assert (report.refused, report.unknown, report.off, report.limited) == ((), (), (), False)
    assert (report.owner, report.privileges) == ("admin@example.com", ("admin",))
    assert sorted(server.calls) == sorted(EVERYTHING)
    assert "GET /api/config" not in server.calls
    lines = str(report).splitlines()
    assert lines[:4] == [
        "https://da.example.com: usable",
        "  server: docassemble 1.10.14, up since 2026-11-19 21:24:16 UTC",
        "  TLS: yes",
        "  API key: valid, of admin@example.com (admin)",
    ]
    assert lines[4].startswith("  it may call: api_keys (all); files (all); ")


def test_plain_user_may_do_little() -> None:
    """What nobody granted is refused or, where only the configuration could tell, not known."""
    user = (200, account(None, privileges=["user"]))  # type: ignore[arg-type]
    own = ("GET /api/list", "GET /api/user/interviews", "GET /api/user/api")

    report, _ = examined(only(*own, **{"GET /api/user": user}))

    assert {"sessions.start", "users.update_current", "api_keys.create"} <= set(report.allowed)
    assert {"users.list", "server.restart", "server.get_config"} <= set(report.refused)
    assert {"users.create", "users.get"} <= set(report.unknown)
    assert (report.owner, report.limited) == ("", False)
    assert "  API key: valid (user)" in str(report)


def test_permission_of_a_privilege_counts() -> None:
    """A privilege that the configuration gives permissions shows in what it is answered."""
    clerk = (200, account(privileges=["clerk"]))
    own = ("GET /api/list", "GET /api/user/interviews", "GET /api/user/api", "GET /api/user_list")

    report, _ = examined(only(*own, **{"GET /api/user": clerk}))

    assert {"users.list", "users.get", "users.get_by_username"} <= set(report.allowed)
    assert "sessions.list" in report.refused


def test_limited_key_is_recognised() -> None:
    """A key that is refused what its owner may is limited; the rest follows from permissions."""
    report, _ = examined(only("GET /api/list", "GET /api/interviews", "GET /api/user/interviews"))

    assert (report.limited, report.key_valid, report.owner) == (True, True, "")
    assert {"sessions.list", "sessions.list_across_users", "stash.store"} <= set(report.allowed)
    assert {"server.get_config", "playground.upload_files"} <= set(report.refused)
    assert {"users.update_current", "sessions.delete_many"} <= set(report.unknown)
    assert "  API key: valid, with limited permissions" in str(report)


def test_limited_key_may_be_refused_with_400() -> None:
    """Some operations answer a missing permission so."""
    refused = (400, "You do not have sufficient privileges to see the list of privileges.")

    report, _ = examined(EVERYTHING | {"GET /api/privileges": refused})

    assert report.limited
    assert "privileges.list" in report.refused


def test_wrong_key_is_told_from_a_wrong_address() -> None:
    """The server answers, but accepts the key for nothing."""
    report, _ = examined(only())

    assert (report.reachable, report.key_valid, report.ok) == (True, False, False)
    assert report.allowed == ("server.get_health",)
    assert str(report).splitlines() == [
        "https://da.example.com: not usable",
        "  server: docassemble 1.10.14, up since 2026-11-19 21:24:16 UTC",
        "  TLS: yes",
        "  API key: not accepted",
    ]


def test_features_that_are_off_are_named() -> None:
    """All operations of the feature are off, also those that were not asked."""
    off = dict.fromkeys(("GET /api/playground", "GET /api/package_update_status"), OFF)

    report, _ = examined(EVERYTHING | off)

    assert report.switches == ("allow updates", "enable playground")
    assert {"playground.upload_files", "packages.install"} <= set(report.off)
    assert {"packages.list", "server.restart"} <= set(report.allowed)
    text = str(report)
    assert "  switched off by: enable playground" in text
    assert "  switched off: packages (install, update, uninstall, get_update_status); play" in text


def test_restarts_are_off_with_all_that_needs_them() -> None:
    """They are off where three features are, of which one cannot be asked for itself."""
    report, _ = examined(EVERYTHING | {"GET /api/restart_status": OFF})

    assert report.switches == ("allow configuration editing", "allow updates", "enable playground")
    assert {"server.restart", "server.get_restart_status", "server.update_config"} <= set(
        report.off
    )
    assert "server.get_config" not in report.allowed


def test_server_that_cannot_be_reached_is_told() -> None:
    """Nothing more is tried; the reason is that of the connection."""
    report, server = examined({"GET /health_status": httpx.ConnectError("refused")})

    assert (report.reachable, report.ok, len(server.calls)) == (False, False, 1)
    assert "  problem: server.get_health (GET /health_status): " in str(report)
    assert "API key" not in str(report)


def test_redirect_is_told_with_the_address_to_use() -> None:
    """A server that sends the client elsewhere is reachable, and the key is not sent on."""
    away = httpx.Response(301, headers={"location": "https://forms.example.org/health_status"})

    report, _ = examined({"GET /health_status": away})

    assert (report.reachable, report.ok, report.key_valid) == (True, False, None)
    assert report.redirect == "https://forms.example.org/health_status"
    assert "  redirect: to https://forms.example.org/health_status; use that" in str(report)


@pytest.mark.parametrize("answer", [httpx.Response(200, text="<html>"), (503, "x"), OFF])
def test_something_else_at_the_address_is_told(answer: Answer) -> None:
    """What is no docassemble answers pages or errors; the key is not called wrong for that."""
    pages: dict[str, Any] = dict.fromkeys(EVERYTHING, answer)

    report, _ = examined(pages)

    assert (report.reachable, report.key_valid, report.version) == (True, None, "")
    assert report.problem
    assert "server.restart" not in report.allowed
    assert "  API key: could not be checked" in str(report)


def test_connection_without_encryption_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Over http the key can be read on the way."""
    monkeypatch.setattr(Routes, "url", "http://da.example.com")

    report, _ = examined({"GET /health_status": REFUSED})

    assert not report.tls
    assert "  TLS: no, the key travels in clear" in str(report)

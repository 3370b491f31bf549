"""The report of `doctor`: the address, the key, and the operations it may use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx
import pytest

from docassemble_client.operations import OPERATIONS
from tests.workflows.accounts.test_ensure import make_user_json
from tests.workflows.routes import ACCESS_DENIED, RouteServer

if TYPE_CHECKING:
    from docassemble_client import ServerReport
    from tests.mock import MockResponse

HEALTH = (200, {"ok": True, "server_start_time": 1795123456.5, "version": "1.10.14"})
EMPTY: MockResponse = (200, [])
PAGE: MockResponse = (200, {"items": [], "next_id": None})
STATUS = (200, {"status": "unknown"})
DISABLED = (404, "File not found")
# The responses of every call that `doctor` makes, for an administrator.
ADMIN_ROUTES: dict[str, Any] = {
    "GET /health_status": HEALTH,
    "GET /api/user": (200, make_user_json("admin@example.com", 1, privileges=["admin"])),
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


async def run_doctor(routes: dict[str, Any], **options: Any) -> tuple[ServerReport, RouteServer]:
    """Run `doctor` on a server with these routes."""
    server = RouteServer(routes)

    async def check() -> ServerReport:
        async with server.client(**options) as da:
            return await da.doctor()

    return await check(), server


def make_routes(*allowed: str, **changes: MockResponse) -> dict[str, Any]:
    """Make routes of a server that refuses all other calls."""
    return {call: ADMIN_ROUTES[call] for call in ("GET /health_status", *allowed)} | changes


async def test_administrator_may_use_every_operation() -> None:
    """Only calls that read are made, each once; the rest is inferred."""
    report, server = await run_doctor(ADMIN_ROUTES)

    assert report.ok
    assert set(report.allowed) == set(OPERATIONS)
    assert (report.refused, report.unknown, report.disabled, report.limited) == ((), (), (), False)
    assert (report.owner, report.privileges) == ("admin@example.com", ("admin",))
    assert sorted(server.calls) == sorted(ADMIN_ROUTES)
    assert "GET /api/config" not in server.calls
    lines = str(report).splitlines()
    assert lines[:4] == [
        "https://da.example.com: usable",
        "  server: docassemble 1.10.14, up since 2026-11-19 21:24:16 UTC",
        "  TLS: yes",
        "  API key: valid, of admin@example.com (admin)",
    ]
    assert lines[4].startswith("  allowed: api_keys (all); files (all); ")


@pytest.mark.parametrize("seconds", [-1e308, 1e308, 1e15])
async def test_impossible_start_time_is_unknown(seconds: float) -> None:
    """A server can send any number."""
    health = (200, {"ok": True, "server_start_time": seconds, "version": "1.10.14"})

    report, _ = await run_doctor(ADMIN_ROUTES | {"GET /health_status": health})

    assert report.start_time is None
    assert "up since" not in str(report)


async def test_user_without_privileges_may_use_few_operations() -> None:
    """Operations are refused, or unknown if they depend on the configuration."""
    user = (200, make_user_json(None, privileges=["user"]))  # type: ignore[arg-type]  # the server sends null
    own_calls = ("GET /api/list", "GET /api/user/interviews", "GET /api/user/api")

    report, _ = await run_doctor(make_routes(*own_calls, **{"GET /api/user": user}))

    assert {"sessions.start", "users.update_current", "api_keys.create"} <= set(report.allowed)
    assert {"users.list", "server.restart", "server.get_config"} <= set(report.refused)
    assert {"users.create", "users.get"} <= set(report.unknown)
    assert (report.owner, report.limited) == ("", False)
    assert "  API key: valid (user)" in str(report)


async def test_permissions_of_a_privilege_are_inferred() -> None:
    """The configuration can grant permissions to a privilege; the responses show them."""
    clerk = (200, make_user_json(privileges=["clerk"]))
    own_calls = (
        "GET /api/list",
        "GET /api/user/interviews",
        "GET /api/user/api",
        "GET /api/user_list",
    )

    report, _ = await run_doctor(make_routes(*own_calls, **{"GET /api/user": clerk}))

    assert {"users.list", "users.get", "users.get_by_username"} <= set(report.allowed)
    assert "sessions.list" in report.refused


async def test_limited_key_is_recognised() -> None:
    """A key is limited if it may not use an operation that its owner may use."""
    report, _ = await run_doctor(
        make_routes("GET /api/list", "GET /api/interviews", "GET /api/user/interviews")
    )

    assert (report.limited, report.key_valid, report.owner) == (True, True, "")
    assert {"sessions.list", "sessions.list_across_users", "stash.store"} <= set(report.allowed)
    assert {"server.get_config", "playground.upload_files"} <= set(report.refused)
    assert {"users.update_current", "sessions.delete_many"} <= set(report.unknown)
    assert "  API key: valid, with limited permissions" in str(report)


async def test_status_400_is_a_refusal() -> None:
    """Some operations return it if a permission is missing."""
    refused = (400, "You do not have sufficient privileges to see the list of privileges.")

    report, _ = await run_doctor(ADMIN_ROUTES | {"GET /api/privileges": refused})

    assert report.limited
    assert "privileges.list" in report.refused


async def test_invalid_key_is_reported_as_not_accepted() -> None:
    """The server responds, but refuses the key everywhere."""
    report, _ = await run_doctor(make_routes())

    assert (report.reachable, report.key_valid, report.ok) == (True, False, False)
    assert report.allowed == ("server.get_health",)
    assert str(report).splitlines() == [
        "https://da.example.com: not usable",
        "  server: docassemble 1.10.14, up since 2026-11-19 21:24:16 UTC",
        "  TLS: yes",
        "  API key: not accepted; check that it exists, is complete, and may be used from here",
    ]


async def test_disabled_features_are_reported() -> None:
    """All operations of the feature are disabled, including those that were not called."""
    disabled = dict.fromkeys(("GET /api/playground", "GET /api/package_update_status"), DISABLED)

    report, _ = await run_doctor(ADMIN_ROUTES | disabled)

    assert report.disabled_directives == ("allow updates", "enable playground")
    assert {"playground.upload_files", "packages.install"} <= set(report.disabled)
    assert {"packages.list", "server.restart"} <= set(report.allowed)
    text = str(report)
    assert "  disabled directive: enable playground" in text
    assert "  disabled: packages (install, update, uninstall, get_update_status); play" in text


async def test_disabled_restarts_disable_three_directives() -> None:
    """Restarts are available if any of the three is on; one has no call of its own."""
    report, _ = await run_doctor(ADMIN_ROUTES | {"GET /api/restart_status": DISABLED})

    assert report.disabled_directives == (
        "allow configuration editing",
        "allow updates",
        "enable playground",
    )
    assert {"server.restart", "server.get_restart_status", "server.update_config"} <= set(
        report.disabled
    )
    assert "server.get_config" not in report.allowed


async def test_unreachable_server_is_reported() -> None:
    """No more calls are made; `problem` is the connection error."""
    report, server = await run_doctor({"GET /health_status": httpx.ConnectError("refused")})

    assert (report.reachable, report.ok, len(server.calls)) == (False, False, 1)
    assert "  problem: server.get_health (GET /health_status): " in str(report)
    assert "API key" not in str(report)


@pytest.mark.parametrize(
    ("base_url", "location", "expected"),
    [
        ("http://da.example.com", "https://da.example.com/health_status", "https://da.example.com"),
        ("https://a.org", "https://da.example.com/da/health_status", "https://da.example.com/da"),
        ("https://a.org", "/da/health_status", "https://a.org/da"),
        ("https://a.org/da", "https://a.org/health_status/", "https://a.org"),
        ("https://a.org", "https://www.a.org:8443/health_status?x=1", "https://www.a.org:8443"),
        ("http://a.org/da", "https://a.org/", "https://a.org"),
    ],
)
async def test_redirect_is_reported_with_the_base_url_to_use(
    base_url: str, location: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The path of the request is removed; the key is not sent to the target."""
    monkeypatch.setattr(RouteServer, "url", base_url)
    redirect = httpx.Response(301, headers={"location": location})
    path = urlsplit(base_url).path

    report, server = await run_doctor({f"GET {path}/health_status": redirect})

    assert (report.reachable, report.ok, report.key_valid) == (True, False, None)
    assert report.redirect == expected
    assert f"Use {expected} as base URL." in f"{report}."
    assert "/health_status" not in str(report)
    assert len(server.calls) == 1


@pytest.mark.parametrize(
    "location",
    ["https://sso.example.org/login", "/", "", "https://da.example.com/health_status/"],
)
async def test_redirect_to_another_page_names_no_base_url(location: str) -> None:
    """It leads to a login page or the start page, or in a circle."""
    redirect = httpx.Response(302, headers={"location": location} if location else {})

    report, _ = await run_doctor({"GET /health_status": redirect})

    assert (report.redirect, report.ok) == ("", False)
    assert "not docassemble's health status" in report.problem
    assert "as base URL" not in report.problem


HTML = httpx.Response(200, text="<html>", headers={"content-type": "text/html"})
FORBIDDEN = httpx.Response(403, text="<html>", headers={"content-type": "text/html"})
GATEWAY = httpx.Response(401, json={"message": "Forbidden"})


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (HTML, "not a docassemble server (it returns something else than a health status"),
        (DISABLED, "not a docassemble server (status 404). Check the scheme, the host"),
        (FORBIDDEN, "not a docassemble server (status 403: a proxy may require a login"),
        (GATEWAY, "not a docassemble server (status 401: a proxy may require a login"),
        ((503, "x"), "docassemble does not respond (status 503). It may be restarting"),
        ((429, "x"), "a proxy limits the request rate. Try again later"),
    ],
)
async def test_other_server_at_the_address_is_reported(
    response: MockResponse, expected: str
) -> None:
    """Nothing is said about features and privileges, and only one call has the key."""
    report, server = await run_doctor(dict.fromkeys(ADMIN_ROUTES, response))

    assert (report.reachable, report.key_valid, report.version) == (True, None, "")
    assert (report.allowed, report.refused, report.unknown) == ((), (), ())
    assert (report.disabled, report.disabled_directives) == ((), ())
    assert server.calls == ["GET /health_status", "GET /api/user"]
    lines = str(report).splitlines()
    assert len(lines) == 3
    assert expected in lines[2]


async def test_key_is_not_judged_while_the_server_fails() -> None:
    """The server may restart after the first response."""
    routes: dict[str, Any] = dict.fromkeys(ADMIN_ROUTES, (503, "x"))

    report, _ = await run_doctor(routes | {"GET /health_status": HEALTH})

    assert (report.key_valid, report.disabled, report.ok) == (None, (), False)
    assert "  API key: could not be checked" in str(report)


async def test_path_of_a_wrong_base_url_is_questioned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some people add /api, or copy the address of an interview."""
    monkeypatch.setattr(RouteServer, "url", "https://da.example.com/api")

    report, _ = await run_doctor(
        dict.fromkeys(("GET /api/health_status", "GET /api/api/user"), DISABLED)
    )

    assert "If docassemble is not in the folder /api, remove it" in report.problem


@pytest.mark.parametrize("owner", [ADMIN_ROUTES["GET /api/user"], ACCESS_DENIED])
async def test_blocked_health_status_does_not_hide_docassemble(owner: MockResponse) -> None:
    """A proxy may block it, while the API is available; a refusal in JSON is docassemble's."""
    routes = ADMIN_ROUTES | {"GET /health_status": FORBIDDEN, "GET /api/user": owner}

    report, server = await run_doctor(routes)

    assert (report.key_valid, report.ok) == (True, False)
    assert "server.get_health (GET /health_status): 403" in report.problem
    assert sorted(server.calls) == sorted(ADMIN_ROUTES)


async def test_unencrypted_connection_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """With http, others can read the key."""
    monkeypatch.setattr(RouteServer, "url", "http://da.example.com")

    report, _ = await run_doctor({"GET /health_status": ACCESS_DENIED})

    assert not report.tls
    assert "  TLS: no, the key is sent unencrypted" in str(report)

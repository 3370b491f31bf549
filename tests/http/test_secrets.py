"""Headers, keys, queries and bodies never show in logs, events or errors, with every library."""

from __future__ import annotations

import json
import logging
from traceback import TracebackException
from typing import TYPE_CHECKING

import pytest

from docassemble_client import AsyncDocassemble, DocassembleError, RetryEvent, Secret
from tests.http.test_adapters import hang_up, library
from tests.raw_server import (
    NO_DELAY,
    check_leaks,
    connect,
    make_response,
    respond_with,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from docassemble_client import Event
    from tests.raw_server import Script

pytestmark = pytest.mark.sockets

leak_check = pytest.fixture(autouse=True)(check_leaks)
__all__ = ["library"]

CANARY = "canary5ecret"
_BODIES = ("body", "content")
RETRY_WARNING = "users.create: attempt 1 failed (429), next in 0.0 s"


def respond_once_with(status: int) -> Script:
    """Respond to the first request with a response that repeats secrets, then as expected."""
    content = json.dumps(CANARY).encode()
    headers = (f"Set-Cookie: s={CANARY}", f"X-Own: {CANARY}")
    return respond_with(
        make_response(content, *headers, status=status),
        make_response(b'{"user_id": 2, "password": "x"}'),
        make_response(b"{}"),
    )


async def make_call(da: AsyncDocassemble, shown: list[object]) -> None:
    """Use secrets in every place where a call can have them."""
    view = da.as_key(f"{CANARY}key").with_options(headers=lambda: {"x-view": CANARY})
    shown += [da, view, da._settings, view._settings, da._get_executor(), view._get_executor()]
    try:
        await view.users.create(
            f"{CANARY}@example.com", password=Secret(CANARY), headers={"x-call": CANARY}
        )
        await view.request("GET", "/x", params={"q": CANARY}, headers={"x-call": CANARY})
    except DocassembleError as error:
        shown += [list_own_locals(error)]
        # Its body is the only place where the response is kept.
        fields = {name: value for name, value in vars(error).items() if name not in _BODIES}
        shown += [error, str(error), fields]


def list_own_locals(error: Exception) -> list[str]:
    """Return the local variables of a traceback in this folder, without those of the body."""
    frames = TracebackException.from_exception(error, capture_locals=True).stack
    return [
        f"{frame.filename} {name}: {text}"
        for frame in frames
        if "docassemble_client/_http" in frame.filename.replace("\\", "/")
        for name, text in (frame.locals or {}).items()
        if name not in _BODIES
    ]


def check_shown(caplog: pytest.LogCaptureFixture, shown: list[object]) -> None:
    """Fail if a secret is shown. The logs of HTTP libraries are not the client's."""
    records = [record for record in caplog.records if record.name == "docassemble_client"]
    shown += [(record.getMessage(), record.__dict__) for record in records]
    assert records
    assert [text for text in map(repr, shown) if CANARY in text] == []


@pytest.mark.parametrize("level", [logging.DEBUG, logging.WARNING])
async def test_a_retry_is_logged_as_a_warning_without_secrets(
    caplog: pytest.LogCaptureFixture, level: int
) -> None:
    """Key, headers, query and body of the call, and the response, are not in the warning."""
    caplog.set_level(level, "docassemble_client")
    shown: list[object] = []
    events: list[Event] = []

    async with connect(
        respond_once_with(429), on_event=events.append, headers={"x-client": CANARY}, retry=NO_DELAY
    ) as (da, server):
        await make_call(da, shown)
        headers = [request.headers for request in server.requests]

    warnings = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert [record.getMessage() for record in warnings] == [RETRY_WARNING]
    assert sum(isinstance(event, RetryEvent) for event in events) == 1
    # The secrets were sent, with each attempt.
    for sent in headers[:2]:
        assert [sent[name] for name in ("x-client", "x-view", "x-call")] == [CANARY] * 3
        assert sent["x-api-key"] == f"{CANARY}key"
    check_shown(caplog, [*shown, *events])


@pytest.mark.parametrize(
    "failure",
    [
        pytest.param(lambda: respond_once_with(400), id="bad request"),
        pytest.param(lambda: respond_once_with(302), id="redirect"),
        pytest.param(lambda: respond_once_with(200), id="decode error"),
        pytest.param(lambda: hang_up, id="hang up"),
    ],
)
async def test_errors_show_no_secret(
    caplog: pytest.LogCaptureFixture, failure: Callable[[], Script]
) -> None:
    """Neither their text nor their attributes, except the body of the response."""
    caplog.set_level(logging.DEBUG, "docassemble_client")
    shown: list[object] = []
    events: list[Event] = []

    async with connect(
        failure(), on_event=events.append, headers=lambda: {"x-client": CANARY}, retry=NO_DELAY
    ) as (da, _):
        await make_call(da, shown)

    assert any(isinstance(value, DocassembleError) for value in shown)
    check_shown(caplog, [*shown, *events])


async def test_headers_of_the_caller_are_sent_without_authentication() -> None:
    """A proxy may need them for the health check too, which does not get the key."""
    content = b'{"ok": true, "server_start_time": "1", "version": "1"}'
    async with connect(respond_with(make_response(content)), headers={"x-client": "1"}) as (
        da,
        server,
    ):
        await da.server.get_health(headers={"x-call": "2"})
        headers = server.requests[0].headers

    assert (headers["x-client"], headers["x-call"]) == ("1", "2")
    assert "x-api-key" not in headers

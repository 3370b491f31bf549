"""Tests the front end without a server, using the fixtures of docassemble_client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest_asyncio

from examples.custom_front_end import app, get_client, stored_sessions

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from docassemble_client import AsyncDocassemble
    from docassemble_client.testing import FakeServer

ANSWERS = {"target_variable": "leek", "other_target_variable": "fig"}


@pytest_asyncio.fixture
async def http(docassemble: AsyncDocassemble) -> AsyncGenerator[httpx.AsyncClient]:
    """Return a browser of the application, which calls the fake server."""
    app.dependency_overrides[get_client] = lambda: docassemble
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://app.test") as client:
        yield client
    app.dependency_overrides.clear()
    stored_sessions.clear()


async def start(http: httpx.AsyncClient) -> dict[str, Any]:
    """Start a session."""
    response = await http.post("/sessions")
    assert response.status_code == 201, response.text
    started: dict[str, Any] = response.json()
    return started


async def test_visitor_answers_the_interview(
    http: httpx.AsyncClient, fake_docassemble: FakeServer
) -> None:
    """A visitor sees the fields, answers them, sees the next screen, and leaves nothing."""
    started = await start(http)
    path = f"/sessions/{started['token']}"

    shown = (await http.get(path)).json()
    answered = (await http.post(f"{path}/answers", json=ANSWERS)).json()
    deleted = await http.delete(path)

    assert [field["name"] for field in started["fields"]] == list(ANSWERS)
    assert shown["question"] == started["question"]
    assert answered["question"] == "Result of question"
    assert deleted.status_code == 204
    assert fake_docassemble.received_requests[-1].operation == "sessions.delete"
    assert (await http.get(path)).status_code == 404


async def test_only_fields_of_the_screen_can_be_set(
    http: httpx.AsyncClient, fake_docassemble: FakeServer
) -> None:
    """A value for another variable is refused with its name, and nothing is sent."""
    token = (await start(http))["token"]
    count = len(fake_docassemble.received_requests)

    response = await http.post(f"/sessions/{token}/answers", json={**ANSWERS, "is_admin": True})

    assert response.status_code == 422
    assert list(response.json()["detail"]) == ["is_admin"]
    requests = fake_docassemble.received_requests[count:]
    assert [request.operation for request in requests] == ["sessions.get_question"]


async def test_browser_gets_no_secret(
    http: httpx.AsyncClient, fake_docassemble: FakeServer
) -> None:
    """No response contains the API key, the session's ID or its secret."""
    started = await http.post("/sessions")
    answered = await http.post(f"/sessions/{started.json()['token']}/answers", json=ANSWERS)

    (stored,) = stored_sessions.values()
    secrets = [fake_docassemble.api_key, stored.id]
    secrets += [stored.secret.reveal()] if stored.secret else []
    assert not [secret for secret in secrets if secret in started.text + answered.text]


async def test_failure_of_docassemble_leaves_no_session(
    http: httpx.AsyncClient, fake_docassemble: FakeServer
) -> None:
    """The visitor gets a 502 without details, and a started session is deleted."""
    fake_docassemble.fail("sessions.get_question", status=500)

    response = await http.post("/sessions")

    assert response.status_code == 502
    assert response.json() == {"detail": "The interview is not available."}
    assert fake_docassemble.received_requests[-1].operation == "sessions.delete"
    assert not stored_sessions

"""Tests the FastAPI example without a server, using the fixtures of docassemble_client."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import httpx

from examples.fastapi_app import app, get_client

if TYPE_CHECKING:
    from docassemble_client import AsyncDocassemble
    from docassemble_client.testing import FakeServer


def get(path: str, docassemble: AsyncDocassemble) -> httpx.Response:
    """Call the application, which calls the fake server."""

    async def send_request() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://app.test") as http:
            return await http.get(path)

    app.dependency_overrides[get_client] = lambda: docassemble
    try:
        return asyncio.run(send_request())
    finally:
        app.dependency_overrides.clear()


def test_result_of_the_interview_is_returned(
    fake_docassemble: FakeServer, docassemble: AsyncDocassemble
) -> None:
    """The interview runs to its end, and its session is deleted."""
    response = get("/inhabitants/42", docassemble)

    assert response.json() == {"result": {"final": True, "inhabitants": 2}}
    assert [request.operation for request in fake_docassemble.received_requests] == [
        "sessions.start",
        "sessions.set_variables",
        "sessions.delete",
    ]


def test_failure_of_docassemble_is_a_bad_gateway(
    fake_docassemble: FakeServer, docassemble: AsyncDocassemble
) -> None:
    """The application reports that docassemble failed."""
    fake_docassemble.fail("sessions.start", status=500)

    response = get("/inhabitants/42", docassemble)

    assert response.status_code == 502
    assert "sessions.start" in response.json()["detail"]


def test_failure_leaves_no_session_behind(
    fake_docassemble: FakeServer, docassemble: AsyncDocassemble
) -> None:
    """A started session is deleted when a later call fails."""
    fake_docassemble.fail("sessions.set_variables", status=500)

    response = get("/inhabitants/42", docassemble)

    assert response.status_code == 502
    assert fake_docassemble.received_requests[-1].operation == "sessions.delete"

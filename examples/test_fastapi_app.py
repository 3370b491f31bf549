"""Tests the FastAPI example without a server, using the fixtures of docassemble_client."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from examples.fastapi_app import app, get_client

if TYPE_CHECKING:
    from docassemble_client import AsyncDocassemble
    from docassemble_client.testing import FakeServer


async def get(path: str, docassemble: AsyncDocassemble) -> httpx.Response:
    """Call the application, which calls the fake server."""
    app.dependency_overrides[get_client] = lambda: docassemble
    try:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://app.test") as http:
            return await http.get(path)
    finally:
        app.dependency_overrides.clear()


async def test_result_of_the_interview_is_returned(
    fake_docassemble: FakeServer, docassemble: AsyncDocassemble
) -> None:
    """The interview runs to its end, and its session is deleted."""
    response = await get("/inhabitants/42", docassemble)

    assert response.json() == {"result": {"final": True, "inhabitants": 2}}
    assert [request.operation for request in fake_docassemble.received_requests] == [
        "sessions.start",
        "sessions.set_variables",
        "sessions.delete",
    ]


async def test_failure_of_docassemble_is_a_bad_gateway(
    fake_docassemble: FakeServer, docassemble: AsyncDocassemble
) -> None:
    """The application reports that docassemble failed."""
    fake_docassemble.fail("sessions.start", status=500)

    response = await get("/inhabitants/42", docassemble)

    assert response.status_code == 502
    assert "sessions.start" in response.json()["detail"]


async def test_failure_leaves_no_session_behind(
    fake_docassemble: FakeServer, docassemble: AsyncDocassemble
) -> None:
    """A started session is deleted when a later call fails."""
    fake_docassemble.fail("sessions.set_variables", status=500)

    response = await get("/inhabitants/42", docassemble)

    assert response.status_code == 502
    assert fake_docassemble.received_requests[-1].operation == "sessions.delete"

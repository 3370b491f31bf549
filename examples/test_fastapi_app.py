"""Tests the FastAPI example without a server, with the fixtures of docassemble_client."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import httpx

from examples.fastapi_app import app, client

if TYPE_CHECKING:
    from docassemble_client import AsyncDocassemble
    from docassemble_client.testing import FakeServer


def get(path: str, docassemble: AsyncDocassemble) -> httpx.Response:
    """Call the application, which calls the fake docassemble."""

    async def call() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://app.test") as http:
            return await http.get(path)

    app.dependency_overrides[client] = lambda: docassemble
    try:
        return asyncio.run(call())
    finally:
        app.dependency_overrides.clear()


def test_result_of_the_interview_is_returned(
    fake_docassemble: FakeServer, docassemble: AsyncDocassemble
) -> None:
    """The interview runs to its end, and its session is gone afterwards."""
    response = get("/inhabitants/42", docassemble)

    assert response.json() == {"result": {"final": True, "inhabitants": 2}}
    assert [one.operation for one in fake_docassemble.received] == [
        "sessions.start",
        "sessions.set_variables",
        "sessions.delete",
    ]


def test_failure_of_docassemble_is_a_bad_gateway(
    fake_docassemble: FakeServer, docassemble: AsyncDocassemble
) -> None:
    """Whoever calls the application learns that docassemble failed."""
    fake_docassemble.fail("sessions.start", status=500)

    response = get("/inhabitants/42", docassemble)

    assert response.status_code == 502
    assert "sessions.start" in response.json()["detail"]


def test_failure_leaves_no_session_behind(
    fake_docassemble: FakeServer, docassemble: AsyncDocassemble
) -> None:
    """A session that began is deleted when a later step fails."""
    fake_docassemble.fail("sessions.set_variables", status=500)

    response = get("/inhabitants/42", docassemble)

    assert response.status_code == 502
    assert fake_docassemble.received[-1].operation == "sessions.delete"

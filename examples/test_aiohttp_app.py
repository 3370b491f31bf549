"""Tests the aiohttp example without a server, using the fixtures of docassemble_client."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp.test_utils import TestClient, TestServer

from examples.aiohttp_app import make_app

if TYPE_CHECKING:
    from docassemble_client import AsyncDocassemble
    from docassemble_client.testing import FakeServer


async def test_addresses_of_all_pages_are_returned(
    fake_docassemble: FakeServer, docassemble: AsyncDocassemble
) -> None:
    """Users of several pages are returned."""
    expected = ["admin@example.com", *(f"user{number}@example.com" for number in range(25))]
    for email in expected[1:]:
        fake_docassemble.add_user(email)

    async with TestClient(TestServer(make_app(docassemble))) as http:
        response = await http.get("/addresses")
        addresses: list[str] = await response.json()
        assert addresses == expected

    assert len(fake_docassemble.received_requests) == 3

"""Transports of httpx and httpx2 that the caller passes, and closes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import httpx2
import pytest

from docassemble_client import (
    AsyncDocassemble,
    MaybeSent,
    NotSent,
    RequestTimeout,
    UsageError,
)
from tests.raw_server import (
    KEY,
    NO_RETRIES,
    USER,
    check_leaks,
    make_response,
    respond_with,
    serve,
)

if TYPE_CHECKING:
    from types import ModuleType

pytestmark = pytest.mark.sockets

leak_check = pytest.fixture(autouse=True)(check_leaks)

SECRET = "hunter2"


@pytest.fixture(params=[httpx, httpx2])
def module(request: pytest.FixtureRequest) -> ModuleType:
    """Run a test with each library that has transports."""
    library: ModuleType = request.param
    return library


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ConnectError", NotSent),
        ("ConnectTimeout", RequestTimeout),
        ("ReadTimeout", RequestTimeout),
        ("ReadError", MaybeSent),
        ("RemoteProtocolError", MaybeSent),
        ("DecodingError", MaybeSent),
    ],
)
async def test_errors_of_a_custom_transport_are_mapped(
    module: Any, name: str, expected: type[Exception]
) -> None:
    """The errors of httpx2 are not errors of httpx, but are mapped in the same way."""

    class CustomTransport(module.AsyncBaseTransport):  # type: ignore[misc]  # of either library
        """Raises an error of its library."""

        async def handle_async_request(self, request: Any) -> Any:
            assert isinstance(request, module.Request)
            raise getattr(module, name)(SECRET)

    with pytest.raises(expected) as caught:
        async with AsyncDocassemble(
            "http://x.example", KEY, transport=CustomTransport(), retry=NO_RETRIES
        ) as da:
            await da.users.get_current()

    assert type(caught.value) is expected


@pytest.mark.parametrize("is_used", [True, False])
async def test_a_given_transport_is_not_closed(module: Any, *, is_used: bool) -> None:
    """It belongs to the caller; the client is closed nevertheless."""
    closed: list[bool] = []

    class CustomTransport(module.MockTransport):  # type: ignore[misc]  # of either library
        """Records that it was closed."""

        async def aclose(self) -> None:
            closed.append(True)

    transport = CustomTransport(lambda _: module.Response(204))

    async with AsyncDocassemble("http://x.example", KEY, transport=transport) as da:
        if is_used:
            await da.request("GET", "/x")
    with pytest.raises(UsageError, match="client is closed"):
        await da.request("GET", "/x")

    assert closed == []


async def test_two_clients_can_share_a_transport(module: Any) -> None:
    """After one client is closed, the other uses the same connection."""
    script = respond_with(*[make_response(USER)] * 4)
    async with serve(script) as server, module.AsyncHTTPTransport() as transport:
        first = AsyncDocassemble(server.url, KEY, transport=transport)
        second = AsyncDocassemble(server.url, KEY[::-1], transport=transport)
        for da in (first, second, first):
            assert (await da.users.get_current()).id == 1
        await first.aclose()
        assert (await second.users.get_current()).id == 1
        await second.aclose()
        keys = [request.headers["x-api-key"] for request in server.requests]
        assert (keys, server.connections) == ([KEY, KEY[::-1], KEY, KEY[::-1]], 1)

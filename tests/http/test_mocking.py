"""Users can mock the client with respx, and with pytest-httpx2 if it uses httpx2."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import httpx2
import pytest

from docassemble_client import AsyncDocassemble, NotSent, RetryPolicy

if TYPE_CHECKING:
    import respx

URL = "https://da.example.com"
FIXTURES = {httpx: "respx_mock", httpx2: "httpx2_mock"}
NO_DELAY = RetryPolicy(initial_delay=0)


@pytest.fixture(params=FIXTURES, ids=["httpx", "httpx2"])
def library(request: pytest.FixtureRequest) -> Any:
    """Run each test with both libraries."""
    return request.param


@pytest.fixture
def router(library: Any, request: pytest.FixtureRequest) -> respx.MockRouter:
    """Return the fixture that mocks the library."""
    router: respx.MockRouter = request.getfixturevalue(FIXTURES[library])
    return router


async def test_a_route_responds_to_a_call(router: respx.MockRouter, library: Any) -> None:
    """The test sees the request, the program the decoded response."""
    route = router.get(f"{URL}/api/config").respond(json={"debug": True})

    async with AsyncDocassemble(URL, "key", transport=library.__name__) as da:
        config = await da.server.get_config()

    assert config == {"debug": True}
    assert route.calls.last.request.headers["x-api-key"] == "key"


async def test_a_route_can_fail(router: respx.MockRouter, library: Any) -> None:
    """An error of the route is an error of the connection, and is retried."""
    route = router.get(f"{URL}/api/config").mock(side_effect=library.ConnectError("refused"))

    async with AsyncDocassemble(URL, "key", transport=library.__name__, retry=NO_DELAY) as da:
        with pytest.raises(NotSent):
            await da.server.get_config()

    assert route.call_count == 3

"""Views of a client: with another key, or with other settings."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from docassemble_client import (
    AsyncDocassemble,
    RetryBudget,
    RetryPolicy,
    Secret,
    ServerError,
    Timeouts,
    UsageError,
)
from docassemble_client.testing import FakeServer
from tests.mock import MockServer, build_response, settle
from tests.raw_server import KEY, NO_DELAY, USER, make_response, respond_with, serve

if TYPE_CHECKING:
    from collections.abc import Callable

    from docassemble_client import Event

URL = MockServer.url
OTHER_KEY = "otherApiKey0123456789ABCDEFGHIJK"
I = "docassemble.demo:data/questions/questions.yml"  # noqa: E741 - as the API calls it


def make_server(status: int = 200) -> MockServer:
    """Make a server that responds with a user."""
    return MockServer(lambda _: (status, json.loads(USER)))


def make_client(server: MockServer, **options: Any) -> AsyncDocassemble:
    return AsyncDocassemble(URL, KEY, transport=server.transport, **options)


async def run_views(
    make_view: Callable[[AsyncDocassemble], AsyncDocassemble], **options: Any
) -> tuple[Any, Any, list[Event]]:
    """Call with a view, then with its client; return both requests and the client's events."""
    server = make_server()
    events: list[Event] = []

    async with make_client(server, on_event=events.append, **options) as da:
        await make_view(da).users.get_current()
        await da.users.get_current()

    view_request, client_request = server.requests
    return view_request, client_request, events


def get_timeouts(request: Any) -> tuple[Any, ...]:
    """Return the timeouts for connect, read and write."""
    return tuple(request.extensions["timeout"][name] for name in ("connect", "read", "write"))


@pytest.mark.parametrize(
    ("timeout", "expected"),
    [(5, (5, 5, 5)), (None, (None, None, None)), (Timeouts(read=7), (10, 7, 60))],
)
async def test_a_view_can_have_another_timeout(timeout: Any, expected: tuple[Any, ...]) -> None:
    """The client keeps its own; None means no limit."""
    request, client_request, _ = await run_views(
        lambda da: da.with_options(timeout=timeout), timeout=9
    )

    assert get_timeouts(request) == expected
    assert get_timeouts(client_request) == (9, 9, 9)


async def test_a_view_can_have_other_headers() -> None:
    """They replace those of the client with the same name; headers of a call replace both."""
    server = make_server()
    async with make_client(server, headers={"X-A": "1", "X-B": "1", "X-C": "1"}) as da:
        view = da.with_options(headers=lambda: {"x-b": "2", "x-c": "2"})
        await view.with_options(headers={"x-d": "3"}).users.get_current(headers={"X-C": "4"})
        await da.users.get_current()

    values = [
        [request.headers.get(name) for name in ("x-a", "x-b", "x-c", "x-d")]
        for request in server.requests
    ]
    assert values == [["1", "2", "4", "3"], ["1", "1", "1", None]]


async def test_a_view_can_have_another_hook_or_none() -> None:
    """Its events are not those of the client."""
    events: list[Event] = []

    *_, with_other = await run_views(lambda da: da.with_options(on_event=events.append))
    *_, with_none = await run_views(lambda da: da.with_options(on_event=None))
    *_, with_same = await run_views(lambda da: da.with_options(timeout=5))

    counts = [len(numbers) for numbers in (events, with_other, with_none, with_same)]
    assert counts == [2, 2, 2, 4]


async def test_a_view_can_have_another_retry_policy() -> None:
    """Other calls of the client keep theirs."""
    server = make_server(503)
    async with make_client(server, retry=NO_DELAY) as da:
        counts = []
        for client in (da.with_options(retry=RetryPolicy(attempts=1)), da):
            start = len(server.requests)
            with pytest.raises(ServerError):
                await client.users.get_current()
            counts.append(len(server.requests) - start)
        assert counts == [1, 3]


@pytest.mark.parametrize("key", [OTHER_KEY, Secret(OTHER_KEY)])
async def test_a_view_can_act_as_another_key(key: str | Secret) -> None:
    """All other settings are those of the client."""
    options: dict[str, Any] = {"timeout": 9, "headers": {"x-a": "1"}}
    request, client_request, events = await run_views(lambda da: da.as_key(key), **options)

    assert request.headers["x-api-key"] == OTHER_KEY
    assert client_request.headers["x-api-key"] == KEY
    assert (get_timeouts(request), request.headers["x-a"]) == ((9, 9, 9), "1")
    assert len(events) == 4


async def test_views_can_be_combined() -> None:
    """A view of a view has the settings of both."""
    request, _, _ = await run_views(
        lambda da: da.with_options(timeout=5).as_key(OTHER_KEY).with_options(headers={"x-a": "1"})
    )

    assert request.headers["x-api-key"] == OTHER_KEY
    assert (get_timeouts(request), request.headers["x-a"]) == ((5, 5, 5), "1")


@pytest.mark.parametrize(
    ("make_view", "name"),
    [
        (lambda da: da.as_key(""), "api_key"),
        (lambda da: da.as_key("hunter2\n"), "api_key"),
        (lambda da: da.with_options(timeout=-1), "timeout"),
    ],
)
def test_invalid_settings_of_a_view_are_refused(
    make_view: Callable[[AsyncDocassemble], object], name: str
) -> None:
    """As by the constructor, and without the value."""
    with pytest.raises(UsageError, match=name) as caught:
        make_view(AsyncDocassemble(URL, KEY))

    assert "hunter2" not in f"{caught.value!r} {caught.value}"


def test_a_view_is_a_client_of_the_same_class() -> None:
    """Its repr shows the URL only; its namespaces are its own, and made once."""

    class Subclass(AsyncDocassemble):
        tenant = ""

    da = Subclass(URL, KEY, public_url="https://forms.example.org")
    da.tenant = "legal aid"
    view = da.as_key(OTHER_KEY)

    assert type(view) is Subclass
    assert view.tenant == "legal aid"
    assert repr(view) == f"Subclass({URL!r})"
    assert (view.base_url, view.public_url) == (da.base_url, da.public_url)
    assert view.users is view.users
    assert view.users is not da.users


async def test_closing_a_view_does_not_close_the_client() -> None:
    """Closing the client also ends its views, whichever was used first."""
    da = make_client(make_server())
    view = da.as_key(OTHER_KEY)
    async with view.with_options(timeout=5) as other:
        await other.users.get_current()
    await view.aclose()
    await view.users.get_current()
    await da.users.get_current()
    await da.aclose()
    for client in (da, view, other, da.as_key(KEY)):
        with pytest.raises(UsageError, match="closed"):
            await client.users.get_current()


async def test_a_view_belongs_to_the_event_loop_of_its_client() -> None:
    """They share connections, which no other loop can use."""
    da = make_client(make_server())
    view = da.as_key(OTHER_KEY)

    await asyncio.to_thread(asyncio.run, view.users.get_current())

    with pytest.raises(UsageError, match="another event loop"):
        await da.users.get_current()


@pytest.mark.sockets
async def test_views_share_the_connections() -> None:
    """Calls with many keys need one connection if they follow each other."""
    async with (
        serve(respond_with(*[make_response(USER)] * 3)) as server,
        AsyncDocassemble(server.url, KEY, verify=False) as da,
    ):
        for key in (KEY, OTHER_KEY, KEY):
            await da.as_key(key).users.get_current()

    assert [request.headers["x-api-key"] for request in server.requests] == [KEY, OTHER_KEY, KEY]
    assert server.connections == 1


async def test_views_share_the_concurrency_limit() -> None:
    """At most `max_concurrency` requests of a client and its views are in progress."""
    server = make_server()
    server.gate = asyncio.Event()
    async with make_client(server, max_concurrency=2) as da:
        clients = (da, da.as_key(OTHER_KEY), da.with_options(timeout=5))
        calls = [asyncio.create_task(client.users.get_current()) for client in clients]
        await settle()
        assert server.active_requests == 2
        server.gate.set()
        await asyncio.gather(*calls)

    assert len(server.requests) == 3


async def test_views_share_the_retry_budget() -> None:
    """During an outage the views of one client add no more retries than the client alone."""
    server = make_server(503)
    budget = RetryBudget(capacity=2, deposit=0)
    async with make_client(server, retry=NO_DELAY, retry_budget=budget) as da:
        for client in (da, da.as_key(OTHER_KEY), da.with_options(timeout=5)):
            with pytest.raises(ServerError):
                await client.users.get_current()

    assert len(server.requests) == 3 + 1 + 1


async def test_calls_of_one_session_do_not_overlap_across_views() -> None:
    """Two views that change the same session wait for each other."""
    server = MockServer(lambda _: build_response(204))
    server.gate = asyncio.Event()
    async with make_client(server) as da:
        clients = (da, da.as_key(OTHER_KEY))
        calls = [
            asyncio.create_task(client.sessions.set_variables(I, "s", variables={"a": 1}))
            for client in clients
        ]
        await settle()
        assert server.active_requests == 1
        server.gate.set()
        await asyncio.gather(*calls)

    assert len(server.requests) == 2


async def test_workflows_of_a_view_use_its_settings() -> None:
    """Every request of a workflow has the key and the headers of the view."""
    fake = FakeServer()
    transport = fake.transport()
    requests: list[httpx.Request] = []

    async def record(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return await transport.handle_async_request(request)

    recording = httpx.MockTransport(record)
    async with AsyncDocassemble(fake.url, fake.api_key, transport=recording) as da:
        key = await da.api_keys.create("other")
        requests.clear()
        view = da.as_key(key).with_options(headers={"x-a": "1"})
        assert (await view.ensure_user("ada@example.com")).created

    assert len(requests) > 1
    sent = {(request.headers["x-api-key"], request.headers.get("x-a")) for request in requests}
    assert sent == {(key.reveal(), "1")}

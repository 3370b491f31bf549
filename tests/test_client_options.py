"""Options of the client: callbacks, retries, timeouts and the environment."""

from __future__ import annotations

import asyncio
import json
import logging
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from docassemble_client import (
    AsyncDocassemble,
    RequestTimeout,
    RetryBudget,
    ServerError,
    TaskEvent,
    Timeouts,
    Upload,
    UsageError,
)
from docassemble_client.testing import FakeServer
from tests.mock import MockServer, get_loop_time, settle
from tests.raw_server import KEY, NO_DELAY, NO_RETRIES, USER

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import httpx

    from tests.mock import MockResponse

URL = MockServer.url


def respond(_: httpx.Request) -> MockResponse:
    """Respond with a user."""
    return 200, json.loads(USER)


def make_client(server: MockServer, **options: Any) -> AsyncDocassemble:
    return AsyncDocassemble(URL, KEY, transport=server.transport, **options)


class Callback:
    """Has a coroutine function as a method and as `__call__`."""

    async def __call__(self, *_: object) -> dict[str, str]:
        """Do nothing."""
        return {}

    async def method(self, *_: object) -> dict[str, str]:
        """Do nothing."""
        return {}


async def coroutine_function(*_: object) -> dict[str, str]:
    return {}


@pytest.mark.parametrize(
    "callback",
    [coroutine_function, partial(coroutine_function, 1), Callback(), Callback().method],
)
@pytest.mark.parametrize("option", ["on_event", "headers"])
def test_a_coroutine_function_is_refused(option: str, callback: Any) -> None:
    """`on_event` and `headers` are called without await, so the error comes at construction."""
    options: dict[str, Any] = {option: callback}

    with pytest.raises(UsageError, match=f"{option} must be .*not a coroutine function") as caught:
        AsyncDocassemble(URL, KEY, **options)
    with pytest.raises(UsageError, match=f"{option} must be .*not a coroutine function"):
        AsyncDocassemble(URL, KEY).with_options(**options)

    assert caught.value.hint


class Recorder:
    """
    Callbacks that record their calls.

    Attributes:
        calls: Arguments of each call whose work has ended.
    """

    def __init__(self) -> None:
        self.calls: list[tuple[object, ...]] = []

    def record(self, *arguments: object) -> None:
        """Record a call."""
        self.calls.append(arguments)

    async def record_later(self, *arguments: object) -> None:
        """Record a call after a pause."""
        await asyncio.sleep(1)
        self.calls.append(arguments)


@pytest.mark.parametrize("name", ["record", "record_later"])
async def test_on_progress_may_be_a_function_or_a_coroutine_function(
    name: str, tmp_path: Path
) -> None:
    """A coroutine is awaited before the call goes on: in a wait, a download and an upload."""
    recorder = Recorder()
    on_progress = getattr(recorder, name)

    async with FakeServer().client() as da:
        upload = Upload(b"abc", "a.txt", on_progress=on_progress)
        await da.playground.upload_files([upload], folder="static")
        assert recorder.calls == [(3, 3)]
        file = da.playground.download_file("a.txt", folder="static")
        await file.save(tmp_path, on_progress=on_progress)
        assert recorder.calls[1:] == [(3, 3)]
        await da.wait_for_task(await da.server.restart(), on_progress=on_progress)
        [[event]] = recorder.calls[2:]
        assert isinstance(event, TaskEvent)
        assert event.state == "completed"


async def test_clients_can_share_a_retry_budget() -> None:
    """A retry of one client leaves fewer for the others; by default each has its own budget."""

    async def count_requests(**options: Any) -> list[int]:
        counts = []
        for _ in range(2):
            server = MockServer(lambda _: (503, None))
            async with make_client(server, retry=NO_DELAY, **options) as da:
                with pytest.raises(ServerError):
                    await da.users.get_current()
            counts.append(len(server.requests))
        return counts

    assert await count_requests() == [3, 3]
    assert await count_requests(retry_budget=RetryBudget(capacity=2, deposit=0)) == [3, 1]
    assert await count_requests(retry_budget=RetryBudget(capacity=0)) == [1, 1]


async def test_a_retry_is_logged_as_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    """The warning names the operation, the attempt, the reason and the delay, but no secret."""
    statuses = iter([503, 200])
    server = MockServer(lambda _: (next(statuses), json.loads(USER)))

    with caplog.at_level(logging.WARNING):
        async with make_client(server, retry=NO_DELAY) as da:
            await da.users.get_by_username("hunter2", headers={"x-a": "hunter2"})

    [record] = caplog.records
    assert (record.name, record.levelname) == ("docassemble_client", "WARNING")
    message = "users.get_by_username: attempt 1 failed (503), next in 0.0 s"
    assert record.getMessage() == message
    assert "hunter2" not in repr(record.__dict__)


@pytest.mark.parametrize("timeout", [5, Timeouts(pool=5)])
async def test_the_wait_for_a_free_slot_can_be_limited(timeout: Timeouts | float) -> None:
    """The error says that nothing was sent; the slot is free for later calls."""
    server = MockServer(respond)

    server.gate = asyncio.Event()
    async with make_client(server, max_concurrency=1, timeout=timeout) as da:
        first = asyncio.create_task(da.users.get_current())
        await settle()
        with pytest.raises(RequestTimeout, match="none was free within 5 s") as caught:
            await da.users.get_current(retry=NO_RETRIES)
        assert get_loop_time() == pytest.approx(5)
        assert (caught.value.maybe_processed, caught.value.request_number) == (False, None)
        assert "max_concurrency" in caught.value.hint
        server.gate.set()
        await first
        await da.users.get_current()

    assert len(server.requests) == 2


async def test_by_default_the_wait_for_a_slot_has_no_limit() -> None:
    """Many calls in one `gather` wait for their slots as long as it takes."""
    server = MockServer(respond)

    server.gate = asyncio.Event()
    async with make_client(server, max_concurrency=1) as da:
        calls = [asyncio.create_task(da.users.get_current()) for _ in range(3)]
        await asyncio.sleep(1000)
        server.gate.set()
        await asyncio.gather(*calls)

    assert len(server.requests) == 3


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Set only these of the client's environment variables."""
    names = ("DOCASSEMBLE_URL", "DOCASSEMBLE_API_KEY", "DOCASSEMBLE_PUBLIC_URL")

    def set_variables(*values: str | None) -> None:
        for name, value in zip(names, (*values, *[None] * len(names)), strict=False):
            monkeypatch.delenv(name, raising=False)
            if value is not None:
                monkeypatch.setenv(name, value)

    return set_variables


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ((), "DOCASSEMBLE_URL and DOCASSEMBLE_API_KEY are not set"),
        ((URL,), "DOCASSEMBLE_API_KEY is not set"),
        ((None, KEY), "DOCASSEMBLE_URL is not set"),
        ((URL, "", URL), "DOCASSEMBLE_API_KEY is not set"),
    ],
)
def test_a_missing_variable_is_reported(
    values: tuple[str | None, ...], message: str, environment: Callable[..., None]
) -> None:
    """The error names each environment variable that is not set."""
    environment(*values)

    with pytest.raises(UsageError) as caught:
        AsyncDocassemble.from_env()

    assert caught.value.message == message
    assert KEY not in str(caught.value)


async def test_from_env_creates_a_client(environment: Callable[..., None]) -> None:
    """URL and key come from the environment; options are passed on, also for subclasses."""

    class Subclass(AsyncDocassemble):
        pass

    environment(URL + "/", KEY)
    server = MockServer(respond)
    options: dict[str, Any] = {"timeout": 5, "headers": {"x-a": "1"}, "retry": NO_RETRIES}
    async with Subclass.from_env(transport=server.transport, **options) as da:
        assert repr(da) == f"Subclass({URL!r})"
        assert da.public_url is None
        await da.users.get_current()

    [request] = server.requests
    assert request.extensions["timeout"] == {"connect": 5, "read": 5, "write": 5, "pool": None}
    assert (request.headers["x-api-key"], request.headers["x-a"]) == (KEY, "1")


@pytest.mark.parametrize(
    ("value", "options", "expected"),
    [
        ("https://forms.example.org/", {}, "https://forms.example.org"),
        ("https://forms.example.org", {"public_url": "https://x.example"}, "https://x.example"),
        ("https://forms.example.org", {"public_url": None}, None),
        ("", {}, None),
        (None, {}, None),
    ],
)
def test_the_environment_can_set_the_public_url(
    value: str | None,
    options: dict[str, Any],
    expected: str | None,
    environment: Callable[..., None],
) -> None:
    """DOCASSEMBLE_PUBLIC_URL sets `public_url`, unless you pass it."""
    environment(URL, KEY, value)

    assert AsyncDocassemble.from_env(**options).public_url == expected


def test_an_invalid_public_url_of_the_environment_is_refused(
    environment: Callable[..., None],
) -> None:
    """The error is that of the argument."""
    environment(URL, KEY, "forms.example.org")

    with pytest.raises(UsageError, match="public_url needs a scheme"):
        AsyncDocassemble.from_env()

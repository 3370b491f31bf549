"""The response of a call beside its value."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from docassemble_client import (
    AsyncDocassemble,
    BinaryContent,
    CallResult,
    NotFound,
    Timeouts,
    Upload,
    UsageError,
)
from docassemble_client.testing import FakeServer
from tests.mock import MockServer, build_response
from tests.raw_server import KEY, NO_DELAY, NO_RETRIES, USER

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


def make_client(server: MockServer, **options: Any) -> AsyncDocassemble:
    return AsyncDocassemble(server.url, KEY, transport=server.transport, **options)


async def test_a_call_can_return_its_response() -> None:
    """The result has the value, status, headers and content, and shows no content."""
    statuses = iter([503, 200])
    headers = {"x-request-id": "hunter2", "set-cookie": "session=hunter2"}
    server = MockServer(lambda _: build_response(next(statuses), json.loads(USER), headers))
    async with make_client(server, retry=NO_DELAY) as da:
        result = await da.with_response(da.users.get_current())

    assert result.value.email == "jane@example.com"
    assert result.status == 200
    assert result.headers["x-request-id"] == "hunter2"
    assert "set-cookie" not in result.headers
    assert json.loads(result.content) == json.loads(USER)
    assert "hunter2" not in repr(result)
    assert repr(result).endswith(f"content=<{len(result.content)} bytes>)")


async def wait_for_restart(da: AsyncDocassemble) -> object:
    return await da.wait_for_task(await da.server.restart())


CALLS_WITH_RESPONSES: dict[str, Callable[[AsyncDocassemble], Awaitable[object]]] = {
    "page": lambda da: da.users.list(),
    "file": lambda da: da.playground.download_file("a.yml"),
    "task": wait_for_restart,
    "raw": lambda da: da.request("GET", "/api/user"),
    "nothing": lambda da: da.users.update(1, first_name="Ada"),
    "limited": lambda da: da.users.get_current(timeout=Timeouts(total=5)),
    "workflow": lambda da: da.ensure_user("ada@example.com"),
}


@pytest.mark.parametrize("name", CALLS_WITH_RESPONSES)
async def test_every_kind_of_call_can_return_its_response(name: str) -> None:
    """After several requests it is the last response; the content of a file is in the value."""
    async with FakeServer().client() as da:
        await da.playground.upload_files([Upload(b"---\n", "a.yml")], restart=False)
        result = await da.with_response(CALLS_WITH_RESPONSES[name](da))
        assert result.status == (204 if name == "nothing" else 200)
        assert result.headers["date"]
        assert (result.value is None) == (name == "nothing")
        assert bool(result.content) == (name not in {"file", "nothing"})
        if isinstance(result.value, BinaryContent):
            assert result.value.content == b"---\n"


async def test_calls_in_parallel_have_their_own_responses() -> None:
    """A call of another task is not mistaken for the awaited one."""
    server = MockServer(lambda request: (200, request.url.path))
    async with make_client(server) as da:
        results = await asyncio.gather(
            *(da.with_response(da.request("GET", f"/{number}")) for number in range(5)),
            da.request("GET", "/x"),
        )
        for number, result in enumerate(results[:-1]):
            assert isinstance(result, CallResult)
            assert result.content == f'"/{number}"\n'.encode()


async def test_a_failed_call_raises_its_error() -> None:
    """The error has the status and headers; the next call is not affected."""
    async with make_client(MockServer(lambda _: (404, None)), retry=NO_RETRIES) as da:
        with pytest.raises(NotFound) as caught:
            await da.with_response(da.users.get(9))
        assert (caught.value.status, "content-type" in caught.value.headers) == (404, True)


async def test_an_awaitable_without_a_call_is_refused() -> None:
    """This also concerns a task that was started before, whose response is not seen."""
    async with make_client(MockServer(lambda _: (200, json.loads(USER)))) as da:
        for awaitable in (asyncio.sleep(0), asyncio.create_task(da.users.get_current())):
            with pytest.raises(UsageError, match="made no call") as caught:
                await da.with_response(awaitable)
            assert "da.users.get(9)" in caught.value.hint

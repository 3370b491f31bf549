"""The number of a request in its events and in its error, with every HTTP library."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from docassemble_client import (
    AsyncDocassemble,
    DocassembleError,
    RequestEvent,
    ResponseEvent,
    Timeouts,
    UsageError,
)
from docassemble_client._http import transport as transport_module
from tests.http.test_adapters import (
    break_off,
    hang_up,
    library,
    reset_in_body,
    stop_in_body,
)
from tests.raw_server import (
    HANG_SECONDS,
    KEY,
    NO_DELAY,
    NO_RETRIES,
    USER,
    check_leaks,
    connect,
    make_client,
    make_response,
    never_respond,
    respond_with,
    serve,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from docassemble_client import Event
    from tests.raw_server import RawServer, Script

    Call = Callable[[AsyncDocassemble], Awaitable[object]]

pytestmark = pytest.mark.sockets

leak_check = pytest.fixture(autouse=True)(check_leaks)
__all__ = ["library"]

SHORT = Timeouts(read=0.05)
TOTAL = Timeouts(total=0.05)


async def get_user(da: AsyncDocassemble) -> object:
    return await da.users.get_current()


async def download(da: AsyncDocassemble) -> object:
    return await da.files.download(17)


async def download_little(da: AsyncDocassemble) -> object:
    return await da.files.download(17).read(max_size=3)


# The class of the error, the response or script of the server, the call, and its timeout.
FAILURES: list[tuple[str, bytes | Script, Call, Timeouts | None]] = [
    ("BadRequest", make_response(b"no", status=400), get_user, None),
    ("RedirectRefused", make_response(b"", "Location: /x", status=302), get_user, None),
    ("DecodeError", make_response(b"no JSON"), get_user, None),
    ("DecodeError", make_response(b"x" * 101), get_user, None),
    ("DecodeError", make_response(b"x", "Content-Encoding: br"), download, None),
    ("DownloadTooLarge", make_response(b"long"), download_little, None),
    ("MaybeSent", hang_up, get_user, None),
    ("MaybeSent", break_off, get_user, None),
    ("MaybeSent", break_off, download, None),
    ("MaybeSent", reset_in_body, download, None),
    ("RequestTimeout", never_respond, get_user, SHORT),
    ("RequestTimeout", stop_in_body, download, SHORT),
    ("RequestTimeout", never_respond, get_user, TOTAL),
    ("RequestTimeout", stop_in_body, get_user, TOTAL),
    ("RequestTimeout", stop_in_body, download, TOTAL),
]


def _catch_error(
    call: Call,
) -> Callable[[AsyncDocassemble, RawServer], Awaitable[DocassembleError]]:
    async def scenario(da: AsyncDocassemble, _: RawServer) -> DocassembleError:
        with pytest.raises(DocassembleError) as caught:
            await call(da)
        return caught.value

    return scenario


def get_numbers(events: list[Event]) -> list[int]:
    """Return the numbers of all requests; each has both events."""
    requests = [event.number for event in events if isinstance(event, RequestEvent)]
    assert requests == [event.number for event in events if isinstance(event, ResponseEvent)]
    return requests


@pytest.mark.parametrize(
    ("name", "response", "call", "timeout"),
    FAILURES,
    ids=[f"{name}-{index}" for index, (name, *_) in enumerate(FAILURES)],
)
async def test_an_error_has_the_number_of_its_events(
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    response: bytes | Script,
    call: Call,
    timeout: Timeouts | None,
) -> None:
    """So that an error in a log can be found among the events."""
    monkeypatch.setattr(transport_module, "MAX_BODY_BYTES", 100)
    script = respond_with(response) if isinstance(response, bytes) else response
    events: list[Event] = []

    async with connect(script, on_event=events.append, timeout=timeout or HANG_SECONDS) as (
        da,
        server,
    ):
        error: DocassembleError = await _catch_error(call)(da, server)

    assert type(error).__name__ == name
    assert [error.request_number] == get_numbers(events)


@pytest.mark.parametrize("call", [get_user, download])
async def test_an_error_has_the_number_of_the_last_attempt(
    call: Call,
) -> None:
    """Each attempt has its own number."""
    events: list[Event] = []

    script = respond_with(*[make_response(status=503)] * 3)
    async with connect(script, on_event=events.append, retry=NO_DELAY) as (da, server):
        error = await _catch_error(call)(da, server)

    numbers = get_numbers(events)
    assert len(set(numbers)) == 3
    assert error.request_number == max(numbers) == numbers[-1]


async def test_an_error_has_a_number_without_a_hook() -> None:
    """Numbers are unique among all clients of a process."""
    numbers = []
    async with serve(respond_with(*[make_response(status=400)] * 4)) as server:
        for _ in range(2):
            async with make_client(server) as da:
                for client in (da, da.as_key(KEY)):
                    with pytest.raises(DocassembleError) as caught:
                        await client.users.get_current()
                    numbers.append(caught.value.request_number)

    assert None not in numbers
    assert len(set(numbers)) == 4


async def pass_invalid_argument(da: AsyncDocassemble) -> None:
    await da.request("GET", "no slash")


async def wait_for_session(da: AsyncDocassemble) -> None:
    first = asyncio.ensure_future(set_variable(da, HANG_SECONDS))
    await asyncio.sleep(0)
    try:
        await set_variable(da, 0.05)
    finally:
        first.cancel()
        await asyncio.wait({first})


async def set_variable(da: AsyncDocassemble, total: float) -> None:
    timeout = Timeouts(total=total)
    await da.sessions.set_variables("a", "b", variables={"x": 1}, timeout=timeout)


@pytest.mark.parametrize("call", [pass_invalid_argument, wait_for_session])
async def test_an_error_without_a_request_has_no_number(
    call: Call,
) -> None:
    """Nothing was sent for the call."""
    async with connect(never_respond) as (da, server):
        error: DocassembleError = await _catch_error(call)(da, server)

    assert error.request_number is None
    assert not error.maybe_processed


async def test_a_request_that_cannot_be_built_has_a_number_but_no_event() -> None:
    """Only its error shows the number, which no other request has."""
    events: list[Event] = []

    script = respond_with(make_response(USER))
    async with connect(script, on_event=events.append, retry=NO_RETRIES) as (da, _):
        with pytest.raises(UsageError) as caught:
            await da.request("GET", "/x", params={"q": "x" * 70_000})
        await da.users.get_current()
        number = caught.value.request_number

    assert number not in get_numbers(events)

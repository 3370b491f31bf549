"""Events of the `on_event` hook: their order, their content, and that they contain no secrets."""

from __future__ import annotations

import asyncio
import logging
import pickle
from typing import TYPE_CHECKING, Any, get_args

import httpx
import pytest

import docassemble_client
from docassemble_client import AsyncDocassemble, events
from docassemble_client.config import PollPolicy, RetryPolicy
from docassemble_client.errors import BadRequest, DocassembleError, MaybeSent
from docassemble_client.events import (
    PageEvent,
    RequestEvent,
    ResponseEvent,
    RetryEvent,
    WaitEvent,
)
from docassemble_client.tasks import TaskHandle
from tests.mock import MockServer, build_response, settle

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from docassemble_client.events import Event
    from tests.mock import MockResponse

USER = {
    "id": 7,
    "email": "a@example.com",
    "active": True,
    "privileges": ["user"],
    "account_type": "local",
    "timezone": None,
    "language": None,
    **dict.fromkeys(("first_name", "last_name", "country", "organization"), ""),
    **{f"subdivision{number}": "" for number in ("first", "second", "third")},
}
HANDLE = TaskHandle(id="hunter2", kind="restart", operation="server.restart", started_at=5.0)
SAMPLES: list[Event] = [
    RequestEvent(number=1, operation="o", method="GET", path="/"),
    ResponseEvent(
        number=1, operation="o", method="GET", path="/", status=200, error="", seconds=0.5
    ),
    RetryEvent(operation="o", attempt=1, reason="503", delay=0.5),
    WaitEvent(operation="o", state="working", polls=1, reason=""),
    PageEvent(operation="o", number=1, item_count=5),
]


async def record_events(
    responses: list[MockResponse],
    use_client: Callable[[AsyncDocassemble], Awaitable[object]],
    **options: Any,
) -> list[Event]:
    """Use a client with a server that sends these responses; return the events."""
    events: list[Event] = []
    remaining = iter(responses)
    mock = MockServer(lambda _: next(remaining))
    settings: dict[str, Any] = {
        "retry": RetryPolicy(initial_delay=0),
        "poll": PollPolicy(interval=0),
        "on_event": events.append,
        **options,
    }

    async with AsyncDocassemble(mock.url, "hunter2", transport=mock.transport, **settings) as da:
        await use_client(da)

    assert next(remaining, None) is None
    return events


def event_names(events: list[Event]) -> list[str]:
    return [type(event).__name__.removesuffix("Event") for event in events]


async def test_request_and_response_events_have_the_same_number() -> None:
    """One event precedes the request, the other follows the headers of the response."""
    request_event, response_event = await record_events(
        [(200, USER)], lambda da: da.users.get_current()
    )

    assert isinstance(request_event, RequestEvent)
    assert isinstance(response_event, ResponseEvent)
    assert request_event == RequestEvent(
        number=request_event.number, operation="users.get_current", method="GET", path="/api/user"
    )
    assert response_event == ResponseEvent(
        number=request_event.number,
        operation="users.get_current",
        method="GET",
        path="/api/user",
        status=200,
        error="",
        seconds=response_event.seconds,
    )
    assert response_event.seconds >= 0


async def test_each_attempt_has_events_with_a_retry_event_between() -> None:
    """A 503, a broken connection and the success have their events."""
    events = await record_events(
        [(503, None), httpx.ReadError("hunter2"), (200, USER)],
        lambda da: da.users.get_current(),
    )

    assert event_names(events) == ["Request", "Response", "Retry"] * 2 + ["Request", "Response"]
    assert [event.reason for event in events if isinstance(event, RetryEvent)] == [
        "503",
        "MaybeSent",
    ]
    response_events = [event for event in events if isinstance(event, ResponseEvent)]
    assert [(event.status, event.error) for event in response_events] == [
        (503, ""),
        (None, "MaybeSent"),
        (200, ""),
    ]
    assert len({event.number for event in response_events}) == 3


async def test_each_page_of_a_list_has_an_event() -> None:
    """It has the number of the page and of its items."""

    async def list_users(da: AsyncDocassemble) -> None:
        async for _ in da.users.list():
            pass

    events = await record_events(
        [
            (200, {"items": [USER, USER], "next_id": "hunter2"}),
            (200, {"items": [USER], "next_id": None}),
        ],
        list_users,
    )

    assert event_names(events) == ["Request", "Response", "Page"] * 2
    assert [event for event in events if isinstance(event, PageEvent)] == [
        PageEvent(operation="users.list", number=1, item_count=2),
        PageEvent(operation="users.list", number=2, item_count=1),
    ]
    assert "hunter2" not in repr(events)


async def test_each_poll_of_a_task_has_an_event() -> None:
    """Polls are calls of their own operations; the wait event has the operation of the task."""
    healthy = {"ok": True, "server_start_time": 9.5, "version": "1.10.14"}
    events = await record_events(
        [(200, {"status": "working"}), (502, None), (200, {"status": "completed"}), (200, healthy)],
        lambda da: da.wait_for_task(HANDLE),
    )

    poll_events = ["Request", "Response", "Wait"]
    assert event_names(events) == poll_events * 2 + ["Request", "Response"] + poll_events
    assert [event for event in events if isinstance(event, WaitEvent)] == [
        WaitEvent(operation="server.restart", state="working", polls=1, reason=""),
        WaitEvent(operation="server.restart", state="restarting", polls=2, reason="502"),
        WaitEvent(operation="server.restart", state="completed", polls=3, reason=""),
    ]
    operations = {event.operation for event in events if isinstance(event, RequestEvent)}
    assert operations == {"server.get_restart_status", "server.get_health"}


async def test_events_contain_no_secret() -> None:
    """No event contains the key, an argument, a header, a body or the text of an error."""

    async def make_calls(da: AsyncDocassemble) -> None:
        await da.sessions.set_variables(
            "hunter2.yml", "hunter2", secret="hunter2", variables={"hunter2": "hunter2"}
        )
        await da.users.get_secret("hunter2", "hunter2")
        with pytest.raises(MaybeSent):
            await da.users.create("hunter2@example.com", password="hunter2")
        with pytest.raises(BadRequest):
            await da.request("POST", "/x", params={"hunter2": "hunter2"}, json="hunter2")

    events = await record_events(
        [
            build_response(200, {"questionType": "hunter2"}, headers={"set-cookie": "hunter2"}),
            (200, "hunter2"),
            httpx.ReadError("hunter2"),
            (400, "hunter2"),
        ],
        make_calls,
    )

    assert len(events) == 8
    assert "hunter2" not in repr(events)


async def test_exceptions_of_the_hook_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    """An exception of the hook does not break the call."""

    def fail(_: Event) -> None:
        raise KeyError

    with caplog.at_level(logging.ERROR, logger="docassemble_client"):
        await record_events(
            [(503, None), (200, USER)], lambda da: da.users.get_current(), on_event=fail
        )

    assert [record.getMessage() for record in caplog.records] == ["on_event failed"] * 5


async def test_a_call_without_a_retry_logs_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """The client logs nothing at INFO, whether the call succeeds or fails."""

    async def make_calls(da: AsyncDocassemble) -> None:
        await da.users.get_current()
        with pytest.raises(BadRequest):
            await da.users.get_current()

    with caplog.at_level(logging.INFO):
        await record_events([(200, USER), (400, None)], make_calls, on_event=None)

    assert caplog.records == []


async def test_each_retry_is_logged_as_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    """The warning says the same as the RetryEvent, and nothing else."""
    responses: list[MockResponse] = [(503, "hunter2"), httpx.ReadError("hunter2"), (200, "hunter2")]
    with caplog.at_level(logging.INFO):
        events = await record_events(
            responses,
            lambda da: da.users.get_secret("hunter2", "hunter2", headers={"x-a": "hunter2"}),
        )

    retries = [event for event in events if isinstance(event, RetryEvent)]
    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [
        (
            logging.WARNING,
            f"users.get_secret: attempt {event.attempt} failed ({event.reason}), next in 0.0 s",
        )
        for event in retries
    ]
    assert [event.reason for event in retries] == ["503", "MaybeSent"]
    assert "hunter2" not in repr([record.__dict__ for record in caplog.records])


async def test_requests_are_logged_at_debug(caplog: pytest.LogCaptureFixture) -> None:
    """The logger is docassemble_client; no value of an argument is logged."""
    with caplog.at_level(logging.DEBUG, logger="docassemble_client"):
        await record_events(
            [(200, "hunter2")], lambda da: da.users.get_secret("hunter2", "hunter2")
        )

    assert {record.name for record in caplog.records} == {"docassemble_client"}
    assert "users.get_secret: GET /api/secret: 200 in " in caplog.text
    assert "hunter2" not in caplog.text


async def test_a_cancelled_request_has_a_response_event() -> None:
    """Each RequestEvent has its ResponseEvent."""

    async def cancel_call(da: AsyncDocassemble) -> None:
        call = asyncio.create_task(da.users.get_current())
        await settle(3)
        call.cancel()
        await asyncio.wait([call])

    events: list[Event] = []
    mock = MockServer(lambda _: (200, USER))

    async with AsyncDocassemble(
        mock.url, "hunter2", transport=mock.transport, on_event=events.append
    ) as da:
        mock.gate = asyncio.Event()
        await cancel_call(da)

    assert event_names(events) == ["Request", "Response"]
    assert isinstance(events[1], ResponseEvent)
    assert (events[1].status, events[1].error) == (None, "CancelledError")


async def test_refused_arguments_cause_no_event() -> None:
    """Without a request there is no event."""

    async def make_call(da: AsyncDocassemble) -> None:
        with pytest.raises(DocassembleError):
            await da.request("GET", "no slash")

    assert await record_events([], make_call) == []


@pytest.mark.parametrize("event", SAMPLES)
def test_events_are_immutable_values(event: Event) -> None:
    """Events compare by value and survive pickle."""
    with pytest.raises(AttributeError):
        event.operation = "other"  # type: ignore[misc]  # must fail
    assert pickle.loads(pickle.dumps(event)) == event  # noqa: S301 - our own
    assert hash(event) == hash(event._replace())


def test_every_event_is_public_and_has_a_sample() -> None:
    """A new event class needs a sample in these tests."""
    assert set(get_args(events.Event)) == {type(event) for event in SAMPLES}
    for event in SAMPLES:
        assert getattr(docassemble_client, type(event).__name__) is type(event)

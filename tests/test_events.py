"""What a hook is told: frozen facts in their order, without secrets, and never in the way."""

from __future__ import annotations

import asyncio
import logging
import pickle
from typing import TYPE_CHECKING, Any, get_args

import attrs
import httpx
import pytest

from docassemble_client import AsyncDocassemble, events
from docassemble_client.config import RetryPolicy
from docassemble_client.errors import BadRequest, DocassembleError, MaybeSent
from docassemble_client.events import (
    PageEvent,
    RequestEvent,
    ResponseEvent,
    RetryEvent,
    WaitEvent,
)
from docassemble_client.tasks import PollPolicy, TaskHandle
from tests.mock import Mock, as_response, run, settle

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from docassemble_client.events import Event
    from tests.mock import Answer

USER = {
    "id": 7,
    "email": "a@example.com",
    "active": True,
    "privileges": ["user"],
    "account_type": "local",
    "timezone": None,
    "language": None,
    **dict.fromkeys(("first_name", "last_name", "country", "organization"), ""),
    **{f"subdivision{one}": "" for one in ("first", "second", "third")},
}
HANDLE = TaskHandle(id="hunter2", kind="restart", operation="server.restart", started=5.0)
SAMPLES: list[Event] = [
    RequestEvent(number=1, operation="o", method="GET", path="/"),
    ResponseEvent(
        number=1, operation="o", method="GET", path="/", status=200, error="", seconds=0.5
    ),
    RetryEvent(operation="o", attempt=1, reason="503", delay=0.5),
    WaitEvent(operation="o", state="working", polls=1, detail=""),
    PageEvent(operation="o", number=1, items=5),
]


def told(
    answers: list[Answer], use: Callable[[AsyncDocassemble], Awaitable[object]], **more: Any
) -> list[Event]:
    """Use a client on a server with these answers; what its hook was told."""
    heard: list[Event] = []
    left = iter(answers)
    mock = Mock(lambda _: next(left))
    settings: dict[str, Any] = {
        "retry": RetryPolicy(initial_delay=0),
        "poll": PollPolicy(interval=0),
        "on_event": heard.append,
        **more,
    }

    async def go() -> None:
        async with AsyncDocassemble(mock.url, "hunter2", transport=mock.http, **settings) as da:
            await use(da)

    run(go())
    assert next(left, None) is None
    return heard


def kinds(heard: list[Event]) -> list[str]:
    return [type(one).__name__.removesuffix("Event") for one in heard]


def test_a_request_and_its_answer_are_told_with_one_number() -> None:
    """Before the request and when the headers of its answer have come."""
    first, second = told([(200, USER)], lambda da: da.users.get_current())

    assert isinstance(first, RequestEvent)
    assert isinstance(second, ResponseEvent)
    assert first == RequestEvent(
        number=first.number, operation="users.get_current", method="GET", path="/api/user"
    )
    assert second == ResponseEvent(
        number=first.number,
        operation="users.get_current",
        method="GET",
        path="/api/user",
        status=200,
        error="",
        seconds=second.seconds,
    )
    assert second.seconds >= 0


def test_each_attempt_is_told_with_the_retry_between() -> None:
    """An answer that leads to a retry, a broken connection that does, and the success."""
    heard = told(
        [(503, None), httpx.ReadError("hunter2"), (200, USER)],
        lambda da: da.users.get_current(),
    )

    assert kinds(heard) == ["Request", "Response", "Retry"] * 2 + ["Request", "Response"]
    assert [one.reason for one in heard if isinstance(one, RetryEvent)] == ["503", "MaybeSent"]
    answers = [one for one in heard if isinstance(one, ResponseEvent)]
    assert [(one.status, one.error) for one in answers] == [
        (503, ""),
        (None, "MaybeSent"),
        (200, ""),
    ]
    assert len({one.number for one in answers}) == 3


def test_each_page_of_a_list_is_told() -> None:
    """After the answer with the page: which one it is, and how many items it has."""

    async def use(da: AsyncDocassemble) -> None:
        async for _ in da.users.list():
            pass

    heard = told(
        [
            (200, {"items": [USER, USER], "next_id": "hunter2"}),
            (200, {"items": [USER], "next_id": None}),
        ],
        use,
    )

    assert kinds(heard) == ["Request", "Response", "Page"] * 2
    assert [one for one in heard if isinstance(one, PageEvent)] == [
        PageEvent(operation="users.list", number=1, items=2),
        PageEvent(operation="users.list", number=2, items=1),
    ]
    assert "hunter2" not in repr(heard)


def test_each_look_at_a_task_is_told() -> None:
    """The looks are calls of their own operations; the wait is one of the task's."""
    healthy = {"ok": True, "server_start_time": 9.5, "version": "1.10.14"}
    heard = told(
        [(200, {"status": "working"}), (502, None), (200, {"status": "completed"}), (200, healthy)],
        lambda da: da.wait_for_task(HANDLE),
    )

    looks = ["Request", "Response", "Wait"]
    assert kinds(heard) == looks * 2 + ["Request", "Response"] + looks
    assert [one for one in heard if isinstance(one, WaitEvent)] == [
        WaitEvent(operation="server.restart", state="working", polls=1, detail=""),
        WaitEvent(operation="server.restart", state="restarting", polls=2, detail="502"),
        WaitEvent(operation="server.restart", state="completed", polls=3, detail=""),
    ]
    operations = {one.operation for one in heard if isinstance(one, RequestEvent)}
    assert operations == {"server.get_restart_status", "server.get_health"}


def test_no_secret_is_told() -> None:
    """Neither the key nor any argument, header, body, address or error text reaches an event."""

    async def use(da: AsyncDocassemble) -> None:
        await da.sessions.set_variables(
            "hunter2.yml", "hunter2", secret="hunter2", variables={"hunter2": "hunter2"}
        )
        await da.users.get_secret("hunter2", "hunter2")
        with pytest.raises(MaybeSent):
            await da.users.create("hunter2@example.com", password="hunter2")
        with pytest.raises(BadRequest):
            await da.request("POST", "/x", params={"hunter2": "hunter2"}, json="hunter2")

    heard = told(
        [
            as_response(200, {"questionType": "hunter2"}, headers={"set-cookie": "hunter2"}),
            (200, "hunter2"),
            httpx.ReadError("hunter2"),
            (400, "hunter2"),
        ],
        use,
    )

    assert len(heard) == 8
    assert "hunter2" not in repr(heard)


def test_what_a_hook_raises_is_logged_and_no_more(caplog: pytest.LogCaptureFixture) -> None:
    """A hook that fails does not break the call, and is named in the log."""

    def broken(_: Event) -> None:
        raise KeyError

    with caplog.at_level(logging.ERROR, logger="docassemble_client"):
        told([(503, None), (200, USER)], lambda da: da.users.get_current(), on_event=broken)

    assert [record.getMessage() for record in caplog.records] == ["on_event failed"] * 5


def test_without_a_hook_nothing_is_said(caplog: pytest.LogCaptureFixture) -> None:
    """By default the client is silent, whatever happens."""
    with caplog.at_level(logging.INFO):
        told([(503, None), (200, USER)], lambda da: da.users.get_current(), on_event=None)

    assert caplog.records == []


def test_the_log_says_what_goes_out_and_comes_back(caplog: pytest.LogCaptureFixture) -> None:
    """Under the name docassemble_client, on the level DEBUG, without any value of an argument."""
    with caplog.at_level(logging.DEBUG, logger="docassemble_client"):
        told([(200, "hunter2")], lambda da: da.users.get_secret("hunter2", "hunter2"))

    assert {record.name for record in caplog.records} == {"docassemble_client"}
    assert "users.get_secret: GET /api/secret: 200 in " in caplog.text
    assert "hunter2" not in caplog.text


def test_a_cancelled_request_is_told_to_have_ended() -> None:
    """Each RequestEvent has its ResponseEvent, however the request ends."""

    async def use(da: AsyncDocassemble) -> None:
        call = asyncio.create_task(da.users.get_current())
        await settle(3)
        call.cancel()
        await asyncio.wait([call])

    heard: list[Event] = []
    mock = Mock(lambda _: (200, USER))

    async def go() -> None:
        async with AsyncDocassemble(
            mock.url, "hunter2", transport=mock.http, on_event=heard.append
        ) as da:
            mock.gate = asyncio.Event()
            await use(da)

    run(go())
    assert kinds(heard) == ["Request", "Response"]
    assert isinstance(heard[1], ResponseEvent)
    assert (heard[1].status, heard[1].error) == (None, "CancelledError")


def test_refused_arguments_are_no_event() -> None:
    """Nothing is told where nothing is sent."""

    async def use(da: AsyncDocassemble) -> None:
        with pytest.raises(DocassembleError):
            await da.request("GET", "no slash")

    assert told([], use) == []


@pytest.mark.parametrize("event", SAMPLES)
def test_events_are_plain_facts(event: Event) -> None:
    """They cannot be changed, compare by value and survive pickle."""
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        event.operation = "other"  # type: ignore[misc]  # what must fail
    assert pickle.loads(pickle.dumps(event)) == event  # noqa: S301 - our own
    assert hash(event) == hash(attrs.evolve(event))


def test_every_event_is_public_and_sampled() -> None:
    """A new kind of event must come with its tests."""
    assert set(get_args(events.Event)) == {type(one) for one in SAMPLES}
    assert set(events.__all__) == {type(one).__name__ for one in SAMPLES} | {"Event"}

"""Waiting for tasks: progress, timeouts, cancellation and continuation."""

from __future__ import annotations

import asyncio
import math
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from docassemble_client.config import PollPolicy
from docassemble_client.errors import AccessDenied, TaskFailed, TaskTimeout, UsageError
from docassemble_client.events import WaitEvent
from docassemble_client.tasks import TaskEvent, TaskHandle, TaskResult
from tests.mock import MockServer, build_response, get_loop_time, get_other_tasks, settle

if TYPE_CHECKING:
    from collections.abc import Callable

    from docassemble_client import AsyncDocassemble
    from docassemble_client.events import Event
    from tests.mock import MockResponse

HANDLE = TaskHandle(id="T", kind="restart", operation="server.restart", started_at=1000.0)
INSTALL = TaskHandle(
    id="T",
    kind="install",
    operation="packages.install",
    started_at=1000.5,
    package="docassemble-demo",
    expected_state="listed",
)
POLL = PollPolicy(interval=1, backoff_factor=1)
ENDLESS = "working"


def make_server(*states: str | Exception) -> MockServer:
    """Create a server whose restart has these states; the last one remains."""
    remaining = list(states)

    def respond(request: httpx.Request) -> MockResponse:
        if request.url.path == "/health_status":
            return 200, {"ok": True, "server_start_time": 1030.0, "version": "1.10.14"}
        state = remaining.pop(0) if len(remaining) > 1 else remaining[0]
        return state if isinstance(state, Exception) else (200, {"status": state})

    return MockServer(respond)


def make_client(server: MockServer, **options: Any) -> AsyncDocassemble:
    return server.make_client(poll=POLL, **options)


async def test_a_wait_ends_with_the_result_of_the_task() -> None:
    """on_progress receives an event for each poll, with the elapsed time; so does the hook."""
    server = make_server("working", httpx.ConnectError("no"), "completed")
    events: list[TaskEvent] = []
    hook_events: list[Event] = []

    async with make_client(server, on_event=hook_events.append) as da:
        assert await da.wait_for_task(HANDLE, on_progress=events.append) == TaskResult(
            handle=HANDLE
        )

    assert [event for event in hook_events if isinstance(event, WaitEvent)] == [
        WaitEvent(
            operation="server.restart", state=event.state, polls=event.polls, reason=event.reason
        )
        for event in events
    ]
    assert [(event.state, event.polls, event.reason) for event in events] == [
        ("working", 1, ""),
        ("restarting", 2, "NotSent"),
        ("completed", 3, ""),
    ]
    assert [event.elapsed for event in events] == sorted(event.elapsed for event in events)
    assert 1 <= events[-1].elapsed <= 2


async def test_a_failed_poll_is_not_retried_by_the_client() -> None:
    """The client's own retries would multiply the requests during a restart."""
    server = make_server(httpx.ReadError("reset"), "completed")

    async with make_client(server) as da:
        await da.wait_for_task(HANDLE)

    assert [request.url.path for request in server.requests] == [
        "/api/restart_status",
        "/api/restart_status",
        "/health_status",
    ]


async def test_a_token_can_be_passed_instead_of_a_handle() -> None:
    """Another process can wait with only the token."""
    server = make_server("completed")

    async with make_client(server) as da:
        assert await da.wait_for_task(HANDLE.to_token()) == TaskResult(handle=HANDLE)


async def test_none_ends_the_wait_immediately() -> None:
    """Calls that start no restart return None."""
    server = make_server(ENDLESS)

    async with make_client(server) as da:
        assert await da.wait_for_task(None) is None
        assert [event async for event in da.watch_task(None)] == []

    assert server.requests == []


async def test_watch_task_yields_an_event_per_poll() -> None:
    """watch_task yields the events that on_progress receives, and ends with the task."""
    server = make_server("working", "completed")

    async with make_client(server) as da:
        assert [event.state async for event in da.watch_task(HANDLE)] == ["working", "completed"]


@pytest.mark.parametrize("timeout", [0, 5, 600.0])
async def test_a_wait_can_be_continued_after_a_timeout(timeout: float) -> None:
    """The TaskTimeout has the handle of the task."""
    server = make_server(ENDLESS)

    async with make_client(server) as da:
        with pytest.raises(TaskTimeout) as caught:
            await da.wait_for_task(HANDLE, timeout=timeout)
        assert get_loop_time() == timeout
        assert get_other_tasks() == set()
        error = caught.value

    assert error.handle == HANDLE
    assert str(error) == (
        f"server.restart: the task did not end within {timeout} s."
        " It continues on the server; wait again with the error's handle."
    )


async def test_the_total_timeout_applies_if_the_server_does_not_respond() -> None:
    """A hanging server does not extend the wait."""
    server = make_server(ENDLESS)

    async with make_client(server) as da:
        server.gate = asyncio.Event()
        with pytest.raises(TaskTimeout):
            await da.wait_for_task(HANDLE, timeout=7)
        assert get_loop_time() == 7
        assert server.active_requests == 0


async def test_no_timeout_is_held_while_the_caller_works_on_an_event() -> None:
    """The caller's work is not interrupted; the next event comes too late."""
    server = make_server(ENDLESS)
    states = []

    async def scenario() -> None:
        async with make_client(server) as da:
            async for event in da.watch_task(HANDLE, timeout=5):
                await asyncio.sleep(100)
                states.append(event.state)

    with pytest.raises(TaskTimeout):
        await scenario()
    assert states == ["working"]


async def test_a_poll_does_not_wait_for_a_slot_for_ever() -> None:
    """While other calls hold every slot, each poll ends after its request_timeout."""
    server = make_server(ENDLESS, "completed")

    async with make_client(server, max_concurrency=1) as da:
        server.gate = asyncio.Event()
        call = asyncio.create_task(da.server.get_restart_status("other"))
        await settle()
        events = da.watch_task(HANDLE, poll=POLL._replace(request_timeout=3))
        reasons = [(await anext(events)).reason]
        assert get_loop_time() == 3
        server.gate.set()
        await call
        assert reasons + [event.reason async for event in events] == ["RequestTimeout", ""]


async def test_a_wait_can_have_no_timeout() -> None:
    """timeout=None waits until the task ends."""
    server = make_server(*["working"] * 2000, "completed")

    async with make_client(server) as da:
        await da.wait_for_task(HANDLE, timeout=None)
        assert get_loop_time() > 1000


@pytest.mark.parametrize("timeout", [-1, "5", math.nan])
async def test_an_invalid_timeout_is_refused(timeout: Any) -> None:
    """An invalid timeout is a UsageError, before any request."""
    server = make_server(ENDLESS)

    with pytest.raises(UsageError, match="must be a finite number of seconds"):
        async with make_client(server) as da:
            await da.wait_for_task(HANDLE, timeout=timeout)
    assert server.requests == []


async def test_the_policy_of_a_wait_overrides_the_clients_policy() -> None:
    """poll= sets the delays of this wait."""
    server = make_server("working", "completed")

    async with make_client(server) as da:
        await da.wait_for_task(HANDLE, poll=PollPolicy(interval=100, max_interval=100))
        assert 50 <= get_loop_time() <= 100


@pytest.mark.parametrize("steps", [0, 1, 5, 30])
@pytest.mark.parametrize("is_hanging", [False, True])
async def test_cancelling_a_wait_sends_no_request(steps: int, *, is_hanging: bool) -> None:
    """No request is sent and no task remains; the server's task continues."""
    server = make_server(ENDLESS)

    async with make_client(server) as da:
        server.gate = asyncio.Event() if is_hanging else None
        task = asyncio.create_task(da.wait_for_task(HANDLE))
        await settle(steps)
        before = len(server.requests)
        task.cancel()
        await asyncio.wait([task])
        await asyncio.sleep(1000)
        assert task.cancelled()
        assert get_other_tasks() == set()
        assert server.active_requests == 0
        assert len(server.requests) == before

    assert {request.method for request in server.requests} <= {"GET"}


async def test_leaving_watch_task_stops_the_polls() -> None:
    """Leaving the loop ends the wait."""
    server = make_server(ENDLESS)

    async with make_client(server) as da:
        async with aclosing(da.watch_task(HANDLE)) as events:
            async for _ in events:
                break
        await asyncio.sleep(1000)
        assert len(server.requests) == 1


async def test_an_exception_of_on_progress_ends_the_wait() -> None:
    """A callback can stop the wait; its exception is raised unchanged."""
    server = make_server(ENDLESS)

    def stop(_: TaskEvent) -> None:
        raise KeyError

    async with make_client(server) as da:
        with pytest.raises(KeyError):
            await da.wait_for_task(HANDLE, on_progress=stop)
        assert get_other_tasks() == set()

    assert len(server.requests) == 1


async def test_several_waits_for_one_task_have_the_same_result() -> None:
    """Waits are independent of each other."""
    server = make_server(*["working"] * 9, "completed")

    async with make_client(server) as da:
        waits = (da.wait_for_task(HANDLE) for _ in range(5))
        assert list(await asyncio.gather(*waits)) == [TaskResult(handle=HANDLE)] * 5


async def test_a_refusal_is_raised_immediately() -> None:
    """A key without the privilege does not wait."""
    server = MockServer(lambda _: (403, "Access denied."))

    with pytest.raises(AccessDenied):
        async with make_client(server) as da:
            await da.wait_for_task(HANDLE)


async def test_a_failed_installation_has_the_log_of_pip() -> None:
    """The handle has the expected package, and the error has the output of pip."""

    def respond(request: httpx.Request) -> MockResponse:
        if request.method == "POST":
            date = {"date": "Thu, 01 Jan 1970 00:16:40 GMT"}
            return build_response(200, {"task_id": "T"}, headers=date)
        return 200, {"status": "completed", "ok": False, "error_message": "hunter2"}

    server = MockServer(respond)

    async with make_client(server) as da:
        task = await da.packages.install(pip="docassemble.demo==1.0")
        assert task == INSTALL._replace(started_at=1000.0)
        with pytest.raises(TaskFailed) as caught:
            await da.wait_for_task(task)
        error = caught.value

    assert error.log == "hunter2"
    assert "hunter2" not in f"{error} {error!r}"


def test_a_result_does_not_show_its_log() -> None:
    """The repr shows only the length of the log."""
    assert repr(TaskResult(handle=HANDLE, log="hunter2")).endswith("log=<7 characters>)")


@pytest.mark.parametrize("method", ["wait", "watch"])
async def test_a_task_of_an_unknown_kind_is_refused(method: str) -> None:
    """A token of a newer client may have a kind that this client does not support."""
    server = make_server(ENDLESS)
    token = HANDLE._replace(kind="backup").to_token()

    async def wait() -> None:
        async with make_client(server) as da:
            methods: dict[str, Callable[[], Any]] = {
                "wait": lambda: da.wait_for_task(token),
                "watch": lambda: anext(da.watch_task(token)),
            }
            await methods[method]()

    with pytest.raises(UsageError, match="kind of task 'backup' is not supported"):
        await wait()
    assert server.requests == []

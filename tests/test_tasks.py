"""Waiting for tasks as users do: watched, limited, given up and taken up again."""

from __future__ import annotations

import asyncio
import math
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from attrs import evolve

from docassemble_client import AsyncDocassemble
from docassemble_client.errors import (
    AccessDenied,
    TaskFailed,
    TaskTimeout,
    UsageError,
)
from docassemble_client.tasks import PollPolicy, TaskEvent, TaskHandle, TaskResult
from tests.mock import Mock, as_response, now, others, run, settle

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.mock import Answer

HANDLE = TaskHandle(id="T", kind="restart", operation="server.restart", started=1000.0)
INSTALL = TaskHandle(
    id="T",
    kind="install",
    operation="packages.install",
    started=1000.5,
    target="docassemble-demo",
    expects="listed",
)
POLL = PollPolicy(interval=1, backoff_factor=1)
FOREVER = "working"


def server(*states: str | Exception) -> Mock:
    """A server whose restart goes through these states, the last one for ever."""
    left = list(states)

    def answer(request: httpx.Request) -> Answer:
        if request.url.path == "/health_status":
            return 200, {"ok": True, "server_start_time": 1030.0, "version": "1.10.14"}
        state = left.pop(0) if len(left) > 1 else left[0]
        return state if isinstance(state, Exception) else (200, {"status": state})

    return Mock(answer)


def client(mock: Mock, **more: Any) -> AsyncDocassemble:
    return AsyncDocassemble(mock.url, "key", transport=mock.http, poll=POLL, **more)


def test_a_task_is_waited_for_to_its_end() -> None:
    """The result names the task; on_progress has seen each look, with the time it took."""
    mock = server("working", httpx.ConnectError("no"), "completed")
    seen: list[TaskEvent] = []

    async def use() -> TaskResult | None:
        async with client(mock) as da:
            return await da.wait_for_task(HANDLE, on_progress=seen.append)

    assert run(use()) == TaskResult(handle=HANDLE)
    assert [(one.state, one.polls, one.detail) for one in seen] == [
        ("working", 1, ""),
        ("restarting", 2, "NotSent"),
        ("completed", 3, ""),
    ]
    assert [one.elapsed for one in seen] == sorted(one.elapsed for one in seen)
    assert 1 <= seen[-1].elapsed <= 2


def test_a_look_is_repeated_by_the_wait_alone() -> None:
    """The client's own retries would multiply the looks at a server that restarts."""
    mock = server(httpx.ReadError("reset"), "completed")

    async def use() -> None:
        async with client(mock) as da:
            await da.wait_for_task(HANDLE)

    run(use())
    assert [request.url.path for request in mock.requests] == [
        "/api/restart_status",
        "/api/restart_status",
        "/health_status",
    ]


def test_a_token_is_waited_for_like_its_handle() -> None:
    """What another process wrote down is enough to wait."""
    mock = server("completed")

    async def use() -> TaskResult | None:
        async with client(mock) as da:
            return await da.wait_for_task(HANDLE.to_token())

    assert run(use()) == TaskResult(handle=HANDLE)


def test_where_nothing_began_nothing_is_waited_for() -> None:
    """None comes from calls that started no restart, and is over at once."""
    mock = server(FOREVER)

    async def use() -> None:
        async with client(mock) as da:
            assert await da.wait_for_task(None) is None
            assert [event async for event in da.watch_task(None)] == []

    run(use())
    assert mock.requests == []


def test_watching_shows_each_look() -> None:
    """watch_task brings the events that on_progress is called with, and ends with the task."""
    mock = server("working", "completed")

    async def use() -> list[str]:
        async with client(mock) as da:
            return [event.state async for event in da.watch_task(HANDLE)]

    assert run(use()) == ["working", "completed"]


@pytest.mark.parametrize("timeout", [0, 5, 600.0])
def test_a_wait_that_takes_too_long_can_be_taken_up_again(timeout: float) -> None:
    """TaskTimeout comes at its time and carries the handle, with which to go on."""
    mock = server(FOREVER)

    async def use() -> TaskTimeout:
        async with client(mock) as da:
            with pytest.raises(TaskTimeout) as caught:
                await da.wait_for_task(HANDLE, timeout=timeout)
            assert now() == timeout
            assert others() == set()
            return caught.value

    error = run(use())
    assert error.handle == HANDLE
    assert str(error) == (
        f"server.restart: the task was not over after {timeout} s."
        " It goes on in the server; wait again with the error's handle."
    )


def test_the_total_limit_holds_while_the_server_is_silent() -> None:
    """A server that hangs does not hold the wait beyond its time."""
    mock = server(FOREVER)

    async def use() -> None:
        async with client(mock) as da:
            mock.gate = asyncio.Event()
            with pytest.raises(TaskTimeout):
                await da.wait_for_task(HANDLE, timeout=7)
            assert now() == 7
            assert mock.busy == 0

    run(use())


def test_without_a_limit_a_wait_has_all_the_time() -> None:
    """timeout=None waits as long as it takes."""
    mock = server(*["working"] * 2000, "completed")

    async def use() -> float:
        async with client(mock) as da:
            await da.wait_for_task(HANDLE, timeout=None)
            return now()

    assert run(use()) > 1000


@pytest.mark.parametrize("timeout", [-1, "5", math.nan])
def test_a_limit_that_cannot_be_is_refused(timeout: Any) -> None:
    """A wrong timeout is a wrong call, before anything is asked."""
    mock = server(FOREVER)

    async def use() -> None:
        async with client(mock) as da:
            await da.wait_for_task(HANDLE, timeout=timeout)

    with pytest.raises(UsageError, match="must be a number of seconds"):
        run(use())
    assert mock.requests == []


def test_the_policy_of_one_wait_comes_before_the_clients() -> None:
    """With poll= a wait looks as often as it wishes."""
    mock = server("working", "completed")

    async def use() -> float:
        async with client(mock) as da:
            await da.wait_for_task(HANDLE, poll=PollPolicy(interval=100, max_interval=100))
            return now()

    assert 50 <= run(use()) <= 100


@pytest.mark.parametrize("turns", [0, 1, 5, 30])
@pytest.mark.parametrize("silent", [False, True])
def test_cancelling_a_wait_never_touches_the_server(turns: int, *, silent: bool) -> None:
    """After a cancellation no request goes out, no task stays, and the server's work goes on."""
    mock = server(FOREVER)

    async def use() -> None:
        async with client(mock) as da:
            mock.gate = asyncio.Event() if silent else None
            task = asyncio.create_task(da.wait_for_task(HANDLE))
            await settle(turns)
            before = len(mock.requests)
            task.cancel()
            await asyncio.wait([task])
            await asyncio.sleep(1000)
            assert task.cancelled()
            assert others() == set()
            assert mock.busy == 0
            assert len(mock.requests) == before

    run(use())
    assert {request.method for request in mock.requests} <= {"GET"}


def test_who_stops_watching_stops_the_looks() -> None:
    """Leaving the loop ends the wait."""
    mock = server(FOREVER)

    async def use() -> None:
        async with client(mock) as da:
            async with aclosing(da.watch_task(HANDLE)) as events:
                async for _ in events:
                    break
            await asyncio.sleep(1000)
            assert len(mock.requests) == 1

    run(use())


def test_what_on_progress_raises_ends_the_wait() -> None:
    """A callback can stop the wait, and its error is not changed."""
    mock = server(FOREVER)

    def stop(_: TaskEvent) -> None:
        raise KeyError

    async def use() -> None:
        async with client(mock) as da:
            with pytest.raises(KeyError):
                await da.wait_for_task(HANDLE, on_progress=stop)
            assert others() == set()

    run(use())
    assert len(mock.requests) == 1


def test_many_waits_for_one_task_end_alike() -> None:
    """Waits do not know of each other."""
    mock = server(*["working"] * 9, "completed")

    async def use() -> list[TaskResult | None]:
        async with client(mock) as da:
            waits = (da.wait_for_task(HANDLE) for _ in range(5))
            return list(await asyncio.gather(*waits))

    assert run(use()) == [TaskResult(handle=HANDLE)] * 5


def test_a_refusal_is_raised() -> None:
    """A key that may not ask is told so at once."""
    mock = Mock(lambda _: (403, "Access denied."))

    async def use() -> None:
        async with client(mock) as da:
            await da.wait_for_task(HANDLE)

    with pytest.raises(AccessDenied):
        run(use())


def test_a_failed_installation_brings_the_log_of_pip() -> None:
    """From the call to the failure: the handle says what to look for, the error what pip said."""

    def answer(request: httpx.Request) -> Answer:
        if request.method == "POST":
            date = {"date": "Thu, 01 Jan 1970 00:16:40 GMT"}
            return as_response(200, {"task_id": "T"}, headers=date)
        return 200, {"status": "completed", "ok": False, "error_message": "hunter2"}

    mock = Mock(answer)

    async def use() -> TaskFailed:
        async with client(mock) as da:
            task = await da.packages.install(pip="docassemble.demo==1.0")
            assert task == evolve(INSTALL, started=1000.0)
            with pytest.raises(TaskFailed) as caught:
                await da.wait_for_task(task)
            return caught.value

    error = run(use())
    assert error.log == "hunter2"
    assert "hunter2" not in f"{error} {error!r}"


def test_a_result_does_not_show_its_log() -> None:
    """A log of 200 kB belongs in no message."""
    assert repr(TaskResult(handle=HANDLE, log="hunter2")).endswith("log=<7 characters>)")


@pytest.mark.parametrize("use", ["wait", "watch"])
def test_a_task_of_an_unknown_kind_is_refused(use: str) -> None:
    """A token of a newer client may name a kind this one does not know."""
    mock = server(FOREVER)
    token = evolve(HANDLE, kind="backup").to_token()

    async def wait() -> None:
        async with client(mock) as da:
            uses: dict[str, Callable[[], Any]] = {
                "wait": lambda: da.wait_for_task(token),
                "watch": lambda: anext(da.watch_task(token)),
            }
            await uses[use]()

    with pytest.raises(UsageError, match="no task of the kind 'backup'"):
        run(wait())
    assert mock.requests == []

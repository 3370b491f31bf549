"""Running coroutines without an event loop, beside one, and in callbacks."""

from __future__ import annotations

import asyncio
import contextvars
import gc
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import pytest
import respx

from docassemble_client import (
    Docassemble,
    Question,
)
from docassemble_client._blocking import (
    BlockingTaskGroup,
    FinishedTask,
    SuspendedError,
    call_blocking,
    is_blocking,
    run_all,
    run_blocking,
)
from docassemble_client._concurrency import create_task, find_loop, gather, wait, wait_until_done
from tests.blocking.conftest import LETTER

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from docassemble_client.testing import FakeServer

I = "docassemble.base:data/questions/examples/text-field.yml"  # noqa: E741 - as the API calls it


def test_a_task_has_ended_when_it_is_started() -> None:
    """There is nothing to wait for."""

    async def work() -> int:
        return 1

    async def start() -> int:
        task = create_task(work())
        await wait_until_done(task)
        assert await wait([task]) == ({task}, set())
        return task.result()

    assert run_blocking(start()) == 1


def test_a_task_group_raises_the_first_error() -> None:
    """Later tasks are not started."""
    started: list[int] = []

    async def work(number: int) -> None:
        started.append(number)
        if number == 1:
            raise KeyError(number)

    async def run() -> None:
        async with BlockingTaskGroup() as group:
            for number in range(3):
                group.create_task(work(number))

    with pytest.raises(ExceptionGroup) as caught:
        run_blocking(run())
    assert started == [0, 1]
    assert isinstance(caught.value.exceptions[0], KeyError)


def test_gather_runs_everything_and_raises_the_first_error() -> None:
    """Unless the errors are to be ignored."""
    started: list[int] = []

    async def work(number: int) -> None:
        started.append(number)
        raise KeyError(number)

    with pytest.raises(KeyError, match="0"):
        run_blocking(gather(work(0), work(1)))
    run_blocking(gather(work(2), return_exceptions=True))
    assert started == [0, 1, 2]


def test_an_interrupted_gather_closes_the_rest() -> None:
    """Python warns of coroutines that nobody awaits."""

    async def interrupt() -> None:
        raise KeyboardInterrupt

    async def work() -> None:
        """Do nothing."""

    with pytest.raises(KeyboardInterrupt):
        run_blocking(run_all((interrupt(), work()), return_exceptions=False))


def test_a_finished_task_has_the_methods_of_a_task() -> None:
    """Its error is raised by `result`."""

    async def work(number: int) -> int:
        return 1 // number

    seen: list[object] = []
    task = FinishedTask(work(1))
    task.add_done_callback(seen.append)
    assert (task.done(), task.cancelled(), task.result(), task.exception()) == (
        True,
        False,
        1,
        None,
    )
    assert seen == [task]
    failed = FinishedTask(work(0))
    assert isinstance(failed.exception(), ZeroDivisionError)
    with pytest.raises(ZeroDivisionError):
        failed.result()


def test_a_coroutine_that_suspends_is_a_fault_of_this_package() -> None:
    """The message says so, and what to do; the coroutine is closed."""
    closed: list[int] = []

    async def wait() -> None:
        try:
            await asyncio.sleep(0)
        finally:
            closed.append(1)

    with pytest.raises(SuspendedError, match="Please report this; AsyncDocassemble"):
        run_blocking(wait())
    assert closed == [1]


def test_coroutine_functions_are_refused_as_callbacks(da: Docassemble) -> None:
    """Nobody could await their coroutines."""

    async def report(_: object) -> None:
        """Do nothing."""

    with pytest.raises(TypeError, match="calls functions, not coroutine functions"):
        da.wait_for_task(da.server.restart(), on_progress=report)

    class Later:
        def __await__(self) -> Any: ...

    with pytest.raises(TypeError, match="calls functions"):
        da.wait_for_task(da.server.restart(), on_progress=lambda _: Later())


def test_a_callback_may_use_any_client(da: Docassemble, fake: FakeServer) -> None:
    """The same, another, and an asynchronous one with an event loop of its own."""
    ids: list[int] = []

    async def call() -> int:
        async with fake.client() as other:
            assert not is_blocking()
            return (await other.users.get_current()).id

    def report(_: object) -> None:
        assert is_blocking()
        ids.append(da.users.get_current().id)
        with fake.blocking_client() as other:
            ids.append(other.users.get_current().id)
        ids.append(asyncio.run(call()))

    da.wait_for_task(da.server.restart(), on_progress=report)
    assert set(ids) == {1}
    assert not is_blocking()


async def test_it_works_while_an_event_loop_runs(da: Docassemble, fake: FakeServer) -> None:
    """As in a notebook; the loop waits. Tasks that a callback starts are asynchronous."""
    tasks: list[asyncio.Task[int]] = []

    async def call() -> int:
        async with fake.client() as other:
            return (await other.users.get_current()).id

    def start(_: object) -> None:
        tasks.append(asyncio.ensure_future(call()))

    assert da.users.get_current().id == 1
    with da.interview(LETTER).session() as s:
        assert isinstance(s.question(), Question)
        async with fake.client() as other:
            assert (await other.users.get_current()).id == 1
    da.wait_for_task(da.server.restart(), on_progress=start)
    assert tasks
    assert set(await asyncio.gather(*tasks)) == {1}
    assert isinstance(find_loop(), asyncio.AbstractEventLoop)
    da.close()


async def test_a_loop_does_not_close_generators_of_a_blocking_client(fake: FakeServer) -> None:
    """An abandoned generator is closed at once, and not in a task."""
    closed: list[bool] = []

    async def generate() -> AsyncGenerator[int]:
        try:
            yield 1
        finally:
            closed.append(is_blocking())

    async def abandon() -> int:
        async for number in generate():
            return number
        return 0

    assert run_blocking(abandon()) == 1
    gc.collect()
    assert closed == [True]
    with fake.blocking_client() as da:
        da.sessions.start(I)
        for session in da.export_sessions():
            assert session.error is None
            break
        gc.collect()
        async with aclosing(generate()) as other:
            assert await anext(other) == 1
    assert closed[-1] is False


def test_another_context_is_not_blocking() -> None:
    """The mark ends with the call, also in a copy of its context."""
    contexts: list[contextvars.Context] = []
    call_blocking(lambda: contexts.append(contextvars.copy_context()))

    assert not contexts[0].run(is_blocking)


@respx.mock
async def test_respx_mocks_the_client_in_a_loop(fake: FakeServer) -> None:
    """The response is no coroutine, although a loop runs."""
    respx.route().mock(side_effect=fake.side_effect)
    with Docassemble(fake.url, fake.api_key, transport="httpx") as da:
        assert da.users.get_current().id == 1

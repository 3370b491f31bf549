"""Restarts and installations on the real server, waited for as a user would."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from docassemble_client import (
    AsyncDocassemble,
    Event,
    NotSent,
    RequestEvent,
    RetryEvent,
    TaskEvent,
    TaskFailed,
    TaskHandle,
    TaskLost,
    TaskTimeout,
    TransportError,
)

if TYPE_CHECKING:
    from tests.live.conftest import Run
    from tests.live.server import LiveServer

# Pure Python, no dependencies, and nothing the server itself needs.
PACKAGE = "pyjokes"


def test_restart_is_survived_with_calls_in_flight(server: LiveServer) -> None:
    """The wait comes through a restart amid 8 other calls, and no unsafe call is repeated."""
    events: list[Event] = []

    async def read(da: AsyncDocassemble, done: asyncio.Event) -> int:
        number = 0
        while not done.is_set():
            await da.users.get_current()
            number += 1
        return number

    async def store(da: AsyncDocassemble, done: asyncio.Event) -> tuple[int, int]:
        sent = unsent = 0
        while not done.is_set():
            try:
                await da.stash.store({"number": sent}, expire=60)
            except NotSent:
                unsent += 1
            except TransportError:
                sent += 1
            else:
                sent += 1
        return sent, unsent

    async def job() -> tuple[list[int], list[tuple[int, int]]]:
        async with AsyncDocassemble(server.url, server.api_key, on_event=events.append) as da:
            done = asyncio.Event()
            readers = [asyncio.create_task(read(da, done)) for _ in range(4)]
            writers = [asyncio.create_task(store(da, done)) for _ in range(4)]
            seen: list[TaskEvent] = []
            handle = await da.server.restart()
            result = await da.wait_for_task(handle, timeout=180, on_progress=seen.append)
            done.set()

            assert result is not None
            assert result.handle == handle
            assert seen[-1].state == "completed"
            health = await da.server.get_health()
            assert handle.started is not None
            assert health.server_start_time >= handle.started - 1
            return await asyncio.gather(*readers), await asyncio.gather(*writers)

    reads, writes = asyncio.run(job())

    requests = Counter(one.operation for one in events if isinstance(one, RequestEvent))
    retries = [one for one in events if isinstance(one, RetryEvent)]
    assert all(number > 0 for number in reads)
    calls = sum(sent + unsent for sent, unsent in writes)
    again = [one for one in retries if one.operation == "stash.store"]
    assert {one.reason for one in again} <= {"NotSent", "RequestTimeout", "429"}
    assert requests["stash.store"] == calls + len(again)


def test_configuration_change_is_there_after_the_wait(run: Run, unique: str) -> None:
    """After waiting for update_config the directive is in force, and the token finds the task."""

    async def job(da: AsyncDocassemble) -> None:
        handle = await da.server.update_config({"client test directive": unique})
        states = [one.state async for one in da.watch_task(handle.to_token(), timeout=180)]
        config = await da.server.get_config()

        assert states[-1] == "completed"
        assert config["client test directive"] == unique

    run(job)


def test_package_is_installed_and_removed(run: Run) -> None:
    """An installation is believed when the package is listed with a version, a removal when not."""

    async def job(da: AsyncDocassemble) -> None:
        handle = await da.packages.install(pip=PACKAGE)
        result = await da.wait_for_task(handle, timeout=300)
        listed = {one.name: one.version for one in await da.packages.list()}
        removal = await da.packages.uninstall(PACKAGE)
        await da.wait_for_task(removal, timeout=300)
        after = [one.name for one in await da.packages.list()]

        assert result is not None
        assert result.log
        assert listed[PACKAGE]
        assert PACKAGE not in after

    run(job)


@pytest.mark.parametrize("restart", [True, False])
def test_failed_installation_carries_the_log_of_pip(
    run: Run, unique: str, *, restart: bool
) -> None:
    """A package that does not exist is TaskFailed with pip's log, whatever the server's ok says."""
    name = f"docassemble-{unique}"

    async def job(da: AsyncDocassemble) -> None:
        handle = await da.packages.install(pip=name, restart=restart)
        with pytest.raises(TaskFailed) as error:
            await da.wait_for_task(handle, timeout=300)
        if any(one.name == name for one in await da.packages.list()):
            await da.wait_for_task(await da.packages.uninstall(name), timeout=300)

        assert error.value.handle == handle
        assert name in error.value.log
        assert name not in str(error.value)

    run(job)


def test_unknown_task_is_lost(run: Run) -> None:
    """A task that the server never had is TaskLost, not a hang."""

    async def job(da: AsyncDocassemble) -> None:
        handle = TaskHandle(id="nosuchtask", kind="restart", operation="server.restart")

        with pytest.raises(TaskLost):
            await da.wait_for_task(handle, timeout=60)

    run(job)


def test_wait_gives_up_in_time_and_goes_on_later(run: Run) -> None:
    """After TaskTimeout the handle in the error can be waited for again."""

    async def job(da: AsyncDocassemble) -> None:
        handle = await da.server.restart()
        with pytest.raises(TaskTimeout) as error:
            await da.wait_for_task(handle, timeout=0.01)
        result = await da.wait_for_task(error.value.handle, timeout=180)

        assert error.value.handle == handle
        assert result is not None

    run(job)


def test_nothing_to_wait_for(run: Run) -> None:
    """None, which an operation brings where nothing restarts, is waited for at once."""

    async def job(da: AsyncDocassemble) -> None:
        assert await da.wait_for_task(None) is None

    run(job)

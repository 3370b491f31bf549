"""Waiting for restarts and installations on the real server."""

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
    from tests.live.server import LiveServer

# Pure Python, without dependencies, and not used by the server.
PACKAGE = "pyjokes"


async def test_waiting_survives_a_restart_with_concurrent_calls(server: LiveServer) -> None:
    """The wait survives a restart during 8 other calls; no unsafe call is repeated."""
    events: list[Event] = []

    async def read(da: AsyncDocassemble, is_finished: asyncio.Event) -> int:
        count = 0
        while not is_finished.is_set():
            await da.users.get_current()
            count += 1
        return count

    async def store(da: AsyncDocassemble, is_finished: asyncio.Event) -> tuple[int, int]:
        sent = unsent = 0
        while not is_finished.is_set():
            try:
                await da.stash.store({"number": sent}, expire=60)
            except NotSent:
                unsent += 1
            except TransportError:
                sent += 1
            else:
                sent += 1
        return sent, unsent

    async with AsyncDocassemble(server.url, server.api_key, on_event=events.append) as da:
        is_finished = asyncio.Event()
        readers = [asyncio.create_task(read(da, is_finished)) for _ in range(4)]
        writers = [asyncio.create_task(store(da, is_finished)) for _ in range(4)]
        progress: list[TaskEvent] = []
        handle = await da.server.restart()
        result = await da.wait_for_task(handle, timeout=180, on_progress=progress.append)
        is_finished.set()

        assert result is not None
        assert result.handle == handle
        assert progress[-1].state == "completed"
        health = await da.server.get_health()
        assert handle.started_at is not None
        assert health.server_start_time >= handle.started_at - 1
        reads, writes = await asyncio.gather(*readers), await asyncio.gather(*writers)

    requests = Counter(event.operation for event in events if isinstance(event, RequestEvent))
    retries = [event for event in events if isinstance(event, RetryEvent)]
    assert all(count > 0 for count in reads)
    calls = sum(sent + unsent for sent, unsent in writes)
    repeated = [event for event in retries if event.operation == "stash.store"]
    assert {event.reason for event in repeated} <= {"NotSent", "RequestTimeout", "429"}
    assert requests["stash.store"] == calls + len(repeated)


async def test_configuration_is_changed_after_waiting(da: AsyncDocassemble, unique: str) -> None:
    """After waiting by task token, the changed directive is active."""
    handle = await da.server.update_config({"client test directive": unique})
    states = [event.state async for event in da.watch_task(handle.to_token(), timeout=180)]
    config = await da.server.get_config()

    assert states[-1] == "completed"
    assert config["client test directive"] == unique


async def test_package_is_installed_and_uninstalled(da: AsyncDocassemble) -> None:
    """After waiting, the package is listed with a version; after uninstalling, it is not."""
    handle = await da.packages.install(pip=PACKAGE)
    result = await da.wait_for_task(handle, timeout=300)
    versions = {package.name: package.version for package in await da.packages.list()}
    removal = await da.packages.uninstall(PACKAGE)
    await da.wait_for_task(removal, timeout=300)
    after = [package.name for package in await da.packages.list()]

    assert result is not None
    assert result.log
    assert versions[PACKAGE]
    assert PACKAGE not in after


@pytest.mark.parametrize("restart", [True, False])
async def test_failed_installation_has_the_log_of_pip(
    da: AsyncDocassemble, unique: str, *, restart: bool
) -> None:
    """Installing an unknown package raises TaskFailed with the log of pip."""
    name = f"docassemble-{unique}"

    handle = await da.packages.install(pip=name, restart=restart)
    with pytest.raises(TaskFailed) as error:
        await da.wait_for_task(handle, timeout=300)
    if any(package.name == name for package in await da.packages.list()):
        await da.wait_for_task(await da.packages.uninstall(name), timeout=300)

    assert error.value.handle == handle
    assert name in error.value.log
    assert name not in str(error.value)


async def test_unknown_task_raises_task_lost(da: AsyncDocassemble) -> None:
    """Waiting for an unknown task ends with TaskLost."""
    handle = TaskHandle(id="nosuchtask", kind="restart", operation="server.restart")

    with pytest.raises(TaskLost):
        await da.wait_for_task(handle, timeout=60)


async def test_wait_that_timed_out_can_be_continued(da: AsyncDocassemble) -> None:
    """The handle in TaskTimeout can be waited for again."""
    handle = await da.server.restart()
    with pytest.raises(TaskTimeout) as error:
        await da.wait_for_task(handle, timeout=0.01)
    result = await da.wait_for_task(error.value.handle, timeout=180)

    assert error.value.handle == handle
    assert result is not None


async def test_waiting_for_none_returns_none(da: AsyncDocassemble) -> None:
    """Operations return None if there is no task; waiting for None returns immediately."""
    assert await da.wait_for_task(None) is None

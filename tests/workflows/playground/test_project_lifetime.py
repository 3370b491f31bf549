"""Projects are deleted although their block is cancelled."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from docassemble_client import RequestEvent
from tests.mock import get_loop_time
from tests.workflows.package_files import (
    count_calls,
    make_slow_server,
    write_package,
)

if TYPE_CHECKING:
    from pathlib import Path

    from docassemble_client import AsyncDocassemble
    from docassemble_client.testing import FakeServer


@pytest.fixture
def fake() -> FakeServer:
    """Make a server on which restarts take time."""
    return make_slow_server()


@pytest.mark.parametrize("moment", [0.5, 1.5, 4.0, 7.5])
async def test_cancelled_block_deletes_its_project(fake: FakeServer, moment: float) -> None:
    """It is cancelled before and while the project is created, inside, and while it is deleted."""
    fake.latency = 1

    async with fake.client() as da:

        async def use() -> None:
            async with da.project("mine", create=True, delete=True, user_id=1):
                await asyncio.sleep(5)

        task = asyncio.create_task(use())
        await asyncio.sleep(moment)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert get_loop_time() == moment

    async with fake.client() as da:
        assert await da.playground.list_projects() == []
    assert count_calls(fake, "playground.create_project") == (moment > 1)


@pytest.mark.parametrize("method", ["sync", "install", "pull"])
async def test_deletion_waits_for_the_upload_under_way(
    fake: FakeServer, tmp_path: Path, method: str
) -> None:
    """The server completes it, and would create the project again."""
    folder = write_package(tmp_path)
    for operation in ("upload_files", "install_packages", "pull_package"):
        fake.delay(f"playground.{operation}", seconds=5)
    times: dict[str, float] = {}

    def record(event: object) -> None:
        if isinstance(event, RequestEvent):
            times[event.operation] = get_loop_time()

    async def use(da: AsyncDocassemble) -> None:
        async with da.project("mine", create=True, delete=True) as project:
            if method == "sync":
                await project.sync(folder)
            elif method == "install":
                await project.install(folder)
            else:
                await project.pull(pip="docassemble.mine")

    async with fake.client(on_event=record) as da:
        task = asyncio.create_task(use(da))
        await asyncio.sleep(2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert get_loop_time() == 2.0

    assert times["playground.delete_project"] == 5.0

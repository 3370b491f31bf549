"""Slow disks and large folders do not block the event loop."""

from __future__ import annotations

import asyncio
import os
from functools import partial
from threading import Event
from typing import TYPE_CHECKING, Any

import pytest

from docassemble_client.workflows.batch.journal import Journal
from docassemble_client.workflows.packages import archive
from docassemble_client.workflows.playground import layout, watch
from tests.workflows.letters import LETTER, I, make_letter_server
from tests.workflows.package_files import make_slow_server, write_package

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from docassemble_client import AsyncDocassemble

REAL_FSYNC = os.fsync


async def deploy(da: AsyncDocassemble, folder: Path) -> None:
    await da.deploy(write_package(folder))


async def install(da: AsyncDocassemble, folder: Path) -> None:
    async with da.project("mine", create=True, delete=True) as project:
        await project.install(write_package(folder))


async def sync(da: AsyncDocassemble, folder: Path) -> None:
    async with da.project("mine", create=True, delete=True) as project:
        await project.sync(write_package(folder))


async def watch_folder(da: AsyncDocassemble, folder: Path) -> None:
    async with da.project("mine", create=True, delete=True) as project:
        async for _ in project.watch(write_package(folder)):
            return


async def save_document(da: AsyncDocassemble, folder: Path) -> None:
    await da.interview(I).assemble({"name": "Ada"}).save(folder)


async def assemble_many(da: AsyncDocassemble, folder: Path) -> None:
    batch = da.interview(I).assemble_many([{"name": "Ada"}], journal=folder / "journal")
    async for _ in batch:
        pass


class SlowFunction:
    """
    A function that lasts until the event loop lets it end.

    Attributes:
        calls: Number of calls.
        is_blocking: Whether a call blocked the event loop.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._loop = asyncio.get_running_loop()
        self.calls = 0
        self.is_blocking = False

    def __get__(self, instance: Any, owner: type) -> Callable[..., Any]:
        return partial(self, instance)

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        """Wait for the event loop, and call the function."""
        self.calls += 1
        released = Event()
        self._loop.call_soon_threadsafe(released.set)
        self.is_blocking |= not released.wait(2)
        return self._function(*arguments, **options)


@pytest.mark.parametrize(
    ("workflow", "target", "name"),
    [
        (deploy, archive, "scan_sources"),
        (deploy, archive, "read_metadata"),
        (install, archive, "scan_sources"),
        (sync, layout, "scan_sources"),
        (sync, layout, "read_chunks"),
        (watch_folder, watch, "scan_sources"),
        (save_document, os, "fsync"),
        (assemble_many, os, "fsync"),
        (assemble_many, Journal, "_load"),
    ],
)
async def test_slow_work_does_not_block_the_event_loop(
    workflow: Callable[[AsyncDocassemble, Path], Awaitable[None]],
    target: Any,
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Other tasks run while a thread works."""
    fake = make_slow_server()
    make_letter_server(LETTER, fake=fake)
    slow = SlowFunction(getattr(target, name))
    monkeypatch.setattr(target, name, slow)

    async with fake.client() as da:
        await workflow(da, tmp_path)

    assert slow.calls
    assert not slow.is_blocking


async def test_records_during_an_fsync_wait_for_the_next_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An fsync that is under way may not include them; later rows share the next one."""
    sizes: list[int] = []
    loop, begun, released = asyncio.get_running_loop(), asyncio.Event(), Event()

    def record_size(descriptor: int) -> None:
        sizes.append(os.fstat(descriptor).st_size)
        loop.call_soon_threadsafe(begun.set)
        assert released.wait(2)
        REAL_FSYNC(descriptor)

    monkeypatch.setattr(os, "fsync", record_size)
    path = tmp_path / "journal"
    with Journal(path, interview=I, server="https://da.example.com") as journal:
        async with asyncio.TaskGroup() as group:
            first = group.create_task(journal.record_start("0", "d", "s"))
            await begun.wait()
            others = [
                group.create_task(journal.record_start(str(number), "d", "s"))
                for number in range(1, 5)
            ]
            await asyncio.sleep(0)
            assert not any(task.done() for task in (first, *others))
            released.set()

    assert len(sizes) == 2
    assert sizes[0] < sizes[1] == path.stat().st_size

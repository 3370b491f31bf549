"""Callbacks of workflows may be functions or coroutine functions."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from tests.workflows.letters import I, make_letter_server
from tests.workflows.package_files import make_slow_server, run_with_client, write_package

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from docassemble_client import AsyncDocassemble


class SlowCallback:
    """
    A callback that takes a second.

    Attributes:
        calls: Number of calls.
        is_running: Whether a call has not ended.
    """

    def __init__(self) -> None:
        self.calls = 0
        self.is_running = False

    def count(self, _: object) -> None:
        """Count a call."""
        self.calls += 1

    async def count_slowly(self, _: object) -> None:
        """Count a call after a second."""
        assert not self.is_running
        self.is_running = True
        await asyncio.sleep(1)
        self.is_running = False
        self.calls += 1


async def deploy(da: AsyncDocassemble, folder: Path, on_progress: Any) -> None:
    await da.deploy(write_package(folder), on_progress=on_progress)


async def install_project(da: AsyncDocassemble, folder: Path, on_progress: Any) -> None:
    async with da.project("mine", create=True, delete=True) as project:
        await project.install(write_package(folder, modules=True), on_progress=on_progress)


async def pull_project(da: AsyncDocassemble, _: Path, on_progress: Any) -> None:
    async with da.project("mine", create=True, delete=True) as project:
        await project.pull(pip="docassemble.ALToolbox", on_progress=on_progress)


@pytest.mark.parametrize("workflow", [deploy, install_project, pull_project])
@pytest.mark.parametrize("method", ["count", "count_slowly"])
def test_progress_of_a_restart_is_reported(
    workflow: Callable[[AsyncDocassemble, Path, Any], Awaitable[None]], method: str, tmp_path: Path
) -> None:
    """A coroutine is awaited before the workflow goes on."""
    callback = SlowCallback()

    run_with_client(
        make_slow_server(), lambda da: workflow(da, tmp_path, getattr(callback, method))
    )

    assert callback.calls > 1
    assert not callback.is_running


@pytest.mark.parametrize("method", ["count", "count_slowly"])
def test_progress_of_a_batch_is_reported(method: str) -> None:
    """A coroutine is awaited before the result is yielded."""
    fake, _ = make_letter_server()
    callback = SlowCallback()
    rows = [{"name": name} for name in ("Ada", "Bob", "Cleo")]

    async def scenario(da: AsyncDocassemble) -> None:
        on_progress = getattr(callback, method)
        number = 0
        async for _ in da.interview(I).assemble_many(rows, on_progress=on_progress):
            number += 1
            assert (callback.calls, callback.is_running) == (number, False)

    run_with_client(fake, scenario)

    assert callback.calls == len(rows)

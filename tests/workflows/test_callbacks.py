"""Callbacks may be functions or coroutine functions; their exceptions reach the caller."""

from __future__ import annotations

import asyncio
import inspect
import re
from typing import TYPE_CHECKING, Any

import pytest

import docassemble_client
from docassemble_client import NotFound, TaskFailed, TaskTimeout, Timeouts, Upload
from docassemble_client._concurrency import time_limit
from tests.workflows.letters import LETTER, I, make_letter_server
from tests.workflows.package_files import (
    make_slow_server,
    write_package,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
    from pathlib import Path

    from docassemble_client import AsyncDocassemble
    from docassemble_client.testing import FakeServer

# Annotations of parameters that take functions or iterables of the caller.
_CALLBACK_TYPES = re.compile(r"\b(Callable|Progress|Rows|RowKey|Answers|Content|Headers)\b")


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


async def uninstall(da: AsyncDocassemble, folder: Path, on_progress: Any) -> None:
    await da.deploy(write_package(folder), restart=False)
    await da.uninstall("docassemble.mine", on_progress=on_progress)


async def download_project(da: AsyncDocassemble, folder: Path, on_file: Any) -> None:
    async with da.project("mine", create=True) as project:
        await da.playground.upload_files([Upload(b"x", "a.yml")], folder="static", project="mine")
        await project.download(folder / "new", on_file=on_file)


async def back_up(da: AsyncDocassemble, folder: Path, on_project: Any) -> None:
    await da.playground.upload_files([Upload(b"x", "a.yml")], folder="static")
    await da.backup_playgrounds(folder / "new", on_project=on_project)


async def check_interviews(da: AsyncDocassemble, folder: Path, on_result: Any) -> None:
    await da.check_interviews(
        ["docassemble.demo:data/questions/questions.yml"], on_result=on_result
    )


async def install_project(da: AsyncDocassemble, folder: Path, on_progress: Any) -> None:
    async with da.project("mine", create=True, delete=True) as project:
        await project.install(write_package(folder, modules=True), on_progress=on_progress)


async def pull_project(da: AsyncDocassemble, _: Path, on_progress: Any) -> None:
    async with da.project("mine", create=True, delete=True) as project:
        await project.pull(pip="docassemble.ALToolbox", on_progress=on_progress)


@pytest.mark.parametrize("workflow", [deploy, uninstall, install_project, pull_project])
@pytest.mark.parametrize("method", ["count", "count_slowly"])
async def test_progress_of_a_restart_is_reported(
    workflow: Callable[[AsyncDocassemble, Path, Any], Awaitable[None]], method: str, tmp_path: Path
) -> None:
    """A coroutine is awaited before the workflow goes on."""
    callback = SlowCallback()

    async with make_slow_server().client() as da:
        await workflow(da, tmp_path, getattr(callback, method))

    assert callback.calls > 1
    assert not callback.is_running


@pytest.mark.parametrize("method", ["count", "count_slowly"])
async def test_progress_of_a_batch_is_reported(method: str) -> None:
    """A coroutine is awaited before the result is yielded."""
    fake = make_letter_server()[0]
    callback = SlowCallback()
    rows = [{"name": name} for name in ("Ada", "Bob", "Cleo")]

    async with fake.client() as da:
        on_progress = getattr(callback, method)
        number = 0
        async for _ in da.interview(I).assemble_many(rows, on_progress=on_progress):
            number += 1
            assert (callback.calls, callback.is_running) == (number, False)

    assert callback.calls == len(rows)


async def sync_project(da: AsyncDocassemble, folder: Path, on_change: Any) -> None:
    async with da.project("mine", create=True, delete=True) as project:
        await project.sync(write_package(folder), on_change=on_change)


async def preview_sync(da: AsyncDocassemble, folder: Path, on_change: Any) -> None:
    async with da.project("mine", create=True, delete=True) as project:
        await project.sync(write_package(folder), dry_run=True, on_change=on_change)


async def watch_project(da: AsyncDocassemble, folder: Path, on_change: Any) -> None:
    async with da.project("mine", create=True, delete=True) as project:
        async for _ in project.watch(write_package(folder), on_change=on_change):
            return


async def watch_with_sleep(da: AsyncDocassemble, folder: Path, sleep: Any) -> None:
    async with da.project("mine", create=True, delete=True) as project:
        async for _ in project.watch(write_package(folder), sleep=sleep):
            return


@pytest.mark.parametrize("workflow", [sync_project, preview_sync, watch_project])
@pytest.mark.parametrize("method", ["count", "count_slowly"])
async def test_changes_of_a_sync_are_reported(
    workflow: Callable[[AsyncDocassemble, Path, Any], Awaitable[None]], method: str, tmp_path: Path
) -> None:
    """A coroutine is awaited before the next change is reported."""
    callback = SlowCallback()

    async with make_slow_server().client() as da:
        await workflow(da, tmp_path, getattr(callback, method))

    assert callback.calls == 4
    assert not callback.is_running


async def wait_for_task(da: AsyncDocassemble, _: Path, on_progress: Any) -> None:
    await da.wait_for_task(await da.packages.install(pip="cowsay"), on_progress=on_progress)


async def wait_with_headers(da: AsyncDocassemble, _: Path, headers: Any) -> None:
    task = await da.packages.install(pip="cowsay")
    await da.with_options(headers=headers).wait_for_task(task)


async def upload_with_progress(da: AsyncDocassemble, folder: Path, on_progress: Any) -> None:
    (folder / "a.txt").write_text("a", encoding="utf-8")
    await da.playground.upload_files([Upload(folder / "a.txt", on_progress=on_progress)])


async def answer_with_iterable(da: AsyncDocassemble, _: Path, read: Any) -> None:
    async def iterate() -> AsyncGenerator[bytes]:
        yield b"a"
        read()

    async with da.interview(I).session() as s:
        await s.answer({}, files={"photo": Upload(iterate(), "photo.jpg")})


async def save_document(da: AsyncDocassemble, folder: Path, on_progress: Any) -> None:
    async with da.interview(I).assemble({"name": "Ada"}) as documents:
        await documents["pdf"].save(folder, on_progress=on_progress)


async def save_stream(da: AsyncDocassemble, folder: Path, on_progress: Any) -> None:
    async with da.interview(I).assemble({"name": "Ada"}) as documents, documents["pdf"] as stream:
        await stream.save(folder, on_progress=on_progress)


async def run_interview(da: AsyncDocassemble, _: Path, choose: Any) -> None:
    async with da.interview(I).session() as s:
        await s.run(choose)


async def assemble(da: AsyncDocassemble, _: Path, choose: Any) -> None:
    await da.interview(I).assemble(choose)


async def assemble_many(da: AsyncDocassemble, folder: Path, **options: Any) -> None:
    options.setdefault("rows", [{"name": "Ada"}])
    async for _ in da.interview(I).assemble_many(**options, journal=folder / "journal"):
        pass


async def assemble_many_with_progress(da: AsyncDocassemble, folder: Path, function: Any) -> None:
    await assemble_many(da, folder, on_progress=function)


async def assemble_many_with_key(da: AsyncDocassemble, folder: Path, function: Any) -> None:
    await assemble_many(da, folder, key=function)


async def assemble_many_from_iterable(da: AsyncDocassemble, folder: Path, function: Any) -> None:
    def iterate() -> Iterator[dict[str, str]]:
        yield {"name": "Ada"}
        function()

    await assemble_many(da, folder, rows=iterate())


# Calls by the parameters that take the caller's functions and iterables.
CALLS: dict[str, list[Callable[[AsyncDocassemble, Path, Any], Awaitable[None]]]] = {
    "AsyncDocassemble.backup_playgrounds(on_project)": [back_up],
    "AsyncDocassemble.check_interviews(on_result)": [check_interviews],
    "AsyncDocassemble.deploy(on_progress)": [deploy],
    "AsyncDocassemble.uninstall(on_progress)": [uninstall],
    "AsyncDocassemble.wait_for_task(on_progress)": [wait_for_task],
    "AsyncDocassemble.with_options(headers)": [wait_with_headers],
    "DownloadStream.save(on_progress)": [save_stream],
    "Download.save(on_progress)": [save_document],
    "DocumentDownload.save(on_progress)": [save_document],
    "Interview.assemble(answers)": [assemble],
    "Interview.assemble_many(key)": [assemble_many_with_key],
    "Interview.assemble_many(on_progress)": [assemble_many_with_progress],
    "Interview.assemble_many(rows)": [assemble_many_from_iterable],
    "InterviewSession.run(answers)": [run_interview],
    "Project.download(on_file)": [download_project],
    "Project.install(on_progress)": [install_project],
    "Project.pull(on_progress)": [pull_project],
    "Project.sync(on_change)": [sync_project, preview_sync],
    "Project.watch(on_change)": [watch_project],
    "Project.watch(sleep)": [watch_with_sleep],
    "Upload(content)": [answer_with_iterable],
    "Upload(on_progress)": [upload_with_progress],
}
# Its exceptions are logged, because they must not break a call (tests/test_events.py).
HOOKS = {"AsyncDocassemble.with_options(on_event)"}
# Its exceptions are those of the downloads, as `load` is how to read each of them.
LOADERS = {"DocumentDownloads.load(load)"}


def find_callback_parameters() -> set[str]:
    """Find the parameters of all public methods that take functions or iterables of the caller."""
    names = {
        f"{name}.{method}({parameter.name})"
        for name in docassemble_client.__all__
        if inspect.isclass(cls := getattr(docassemble_client, name))
        # The blocking client passes its arguments on to the asynchronous one.
        if not cls.__module__.startswith("docassemble_client.blocking")
        for method, function in inspect.getmembers(cls, inspect.isfunction)
        if not method.startswith("_")
        for parameter in inspect.signature(function).parameters.values()
        if _CALLBACK_TYPES.search(str(parameter.annotation))
    }
    uploads = inspect.signature(Upload).parameters.values()
    return names | {
        f"Upload({parameter.name})"
        for parameter in uploads
        if _CALLBACK_TYPES.search(str(parameter.annotation))
    }


def test_every_parameter_for_callbacks_is_tested() -> None:
    """A new one needs a call in the table."""
    assert find_callback_parameters() == CALLS.keys() | HOOKS | LOADERS


def make_server() -> FakeServer:
    """Make a server with slow restarts and the letter interview."""
    fake = make_slow_server()
    make_letter_server(LETTER, fake=fake)
    return fake


@pytest.mark.parametrize(
    "error", [TimeoutError("mine"), TaskFailed("mine"), NotFound("mine"), PermissionError("mine")]
)
@pytest.mark.parametrize("timeout", [None, 600.0])
@pytest.mark.parametrize("call", [call for calls in CALLS.values() for call in calls])
async def test_exception_of_a_callback_reaches_the_caller(
    call: Callable[[AsyncDocassemble, Path, Any], Awaitable[None]],
    timeout: float | None,
    error: Exception,
    tmp_path: Path,
) -> None:
    """No class of exceptions is mistaken for an error of the client or an expired time limit."""

    def fail(*_: object) -> Any:
        raise error

    with pytest.raises(type(error)) as caught:
        async with make_server().client(timeout=Timeouts(total=timeout)) as da:
            await call(da, tmp_path, fail)

    assert caught.value is error


async def test_timeout_of_a_block_passes_its_time_limit() -> None:
    """Even if the limit expires at the same moment."""
    own_error = TimeoutError("mine")

    async def raise_at_the_limit() -> None:
        async with time_limit(1.0, TaskTimeout):
            try:
                await asyncio.sleep(2)
            except asyncio.CancelledError:
                raise own_error from None

    with pytest.raises(TimeoutError) as caught:
        await raise_at_the_limit()

    assert caught.value is own_error


async def test_expired_time_limit_raises_its_own_error() -> None:
    """Nothing of asyncio is visible."""
    with pytest.raises(TaskTimeout) as caught:
        async with time_limit(1.0, TaskTimeout):
            await asyncio.sleep(2)

    assert caught.value.__cause__ is None

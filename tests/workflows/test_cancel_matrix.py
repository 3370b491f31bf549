"""Workflows that are cancelled at each step, in each way, with each HTTP library."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import anyio
import pytest

from docassemble_client import AsyncDocassemble, PollPolicy, Upload
from docassemble_client.testing import FakeServer, Field, ManualClock, ScriptedScreen
from docassemble_client.testing._server.messages import FakeRequest
from tests.clock import wait_for_jobs
from tests.faults.server import Connection, FaultServer, serve
from tests.workflows.letters import LETTER, I, count_sessions, make_letter_server
from tests.workflows.package_files import write_package

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine
    from pathlib import Path
    from typing import Self

pytestmark = pytest.mark.sockets

SHARED = "docassemble.demo:data/questions/shared.yml"
SLOTS = 4
ROWS = [{"name": name} for name in ("Ada", "Bob", "Cy")]


async def session(da: AsyncDocassemble, _: Path) -> None:
    async with da.interview(I).session() as s:
        await s.question()
        await s.answer({"name": "Ada"})


async def run(da: AsyncDocassemble, _: Path) -> None:
    async with da.interview(I).session() as s:
        await s.run({"name": "Ada"})


async def assemble(da: AsyncDocassemble, _: Path) -> None:
    await da.interview(I).assemble({"name": "Ada"})


async def save(da: AsyncDocassemble, folder: Path) -> None:
    await da.interview(I).assemble({"name": "Ada"}).save(folder / "out")


async def assemble_many(da: AsyncDocassemble, folder: Path) -> None:
    results = da.interview(I).assemble_many(ROWS, journal=folder / "journal", concurrency=2)
    async with aclosing(results):
        async for _ in results:
            pass


async def prefilled_url(da: AsyncDocassemble, _: Path) -> None:
    link = await da.interview(SHARED).prefilled_url({"name": "Ada"})
    # The caller has the link now, and has to delete its session.
    da._shared.cleanup.start(partial(da.sessions.delete, link.i, link.session), "a session")


async def install(da: AsyncDocassemble, folder: Path) -> None:
    async with da.project("mine", create=True, delete=True) as project:
        await project.install(folder / "package")


async def sync(da: AsyncDocassemble, folder: Path) -> None:
    async with da.project("mine", create=True, delete=True) as project:
        await project.sync(folder / "package")
        await project.sync(folder / "package")


async def watch(da: AsyncDocassemble, folder: Path) -> None:
    async with (
        da.project("mine", create=True, delete=True) as project,
        aclosing(project.watch(folder / "package", debounce=0)) as events,
    ):
        async for _ in events:
            return


async def deploy(da: AsyncDocassemble, folder: Path) -> None:
    await da.deploy(folder / "package", restart=False)  # a restart takes seconds


async def ensure_api_key(da: AsyncDocassemble, _: Path) -> None:
    ensured = await da.ensure_api_key(1, "ci")
    # The caller has the key now.
    assert ensured.key is not None
    da._shared.cleanup.start(partial(da.api_keys.delete_for_user, 1, ensured.key), "a key")


async def export_sessions(da: AsyncDocassemble, folder: Path) -> None:
    async for _ in da.export_sessions(i=I):
        pass


async def export_session_rows(da: AsyncDocassemble, _: Path) -> None:
    async with da.interview(I).session() as s:
        await s.answer({"name": "Ada"})
        async for _row in da.export_session_rows(["name"], i=I):
            pass


async def check_interviews(da: AsyncDocassemble, _: Path) -> None:
    await da.check_interviews([I, SHARED])


async def uninstall(da: AsyncDocassemble, folder: Path) -> None:
    await da.deploy(folder / "package", restart="auto")
    await da.uninstall("docassemble.Mine", restart=False)


async def download(da: AsyncDocassemble, folder: Path) -> None:
    async with da.project("mine", create=True, delete=True) as project:
        await project.sync(folder / "package")
        await project.download(folder / "copy", overwrite=True)


async def backup_playgrounds(da: AsyncDocassemble, folder: Path) -> None:
    await da.playground.upload_files([Upload(b"x", "x.yml")], folder="questions")
    await da.backup_playgrounds(folder / "backup", overwrite=True)


WORKFLOWS: dict[str, Callable[[AsyncDocassemble, Path], Coroutine[Any, Any, None]]] = {
    function.__name__: function
    for function in (
        session,
        run,
        assemble,
        save,
        assemble_many,
        prefilled_url,
        install,
        sync,
        watch,
        deploy,
        ensure_api_key,
        export_sessions,
        export_session_rows,
        check_interviews,
        uninstall,
        download,
        backup_playgrounds,
    )
}


class LoopSteps:
    """
    Calls a function after each iteration of the running event loop.

    Attributes:
        number: Number of iterations.
    """

    def __init__(self, on_step: Callable[[int], object]) -> None:
        self.number = 0
        self._on_step = on_step
        self._loop: Any = asyncio.get_running_loop()

    def __enter__(self) -> Self:
        self._loop._run_once = self._run_once
        return self

    def __exit__(self, *_: object) -> None:
        del self._loop._run_once

    def _run_once(self) -> None:
        type(self._loop)._run_once(self._loop)
        self.number += 1
        self._on_step(self.number)


async def cancel_by_task(work: Coroutine[Any, Any, None], step: int, *, times: int) -> bool:
    """Cancel the task of the work; return whether the work came to the step."""
    task = asyncio.ensure_future(work)
    has_ended = False

    def on_step(number: int) -> None:
        nonlocal has_ended
        if number == step:
            has_ended = task.done()
        if step <= number < step + times:
            task.cancel()

    with LoopSteps(on_step) as steps:
        await asyncio.wait([task])
        is_reached = steps.number >= step and not has_ended
    assert task.cancelled() is is_reached
    return is_reached


async def cancel_once(work: Coroutine[Any, Any, None], step: int) -> bool:
    return await cancel_by_task(work, step, times=1)


async def cancel_twice(work: Coroutine[Any, Any, None], step: int) -> bool:
    return await cancel_by_task(work, step, times=2)


async def cancel_by_scope(work: Coroutine[Any, Any, None], step: int) -> bool:
    """Cancel as FastAPI does: on each iteration of the event loop."""
    has_ended = False
    with anyio.CancelScope() as scope:
        with LoopSteps(lambda number: scope.cancel() if number == step else None):
            await work
        has_ended = True
    assert scope.cancelled_caught is not has_ended
    return not has_ended


async def cancel_by_group(work: Coroutine[Any, Any, None], step: int) -> bool:
    """Let another task of the group fail."""
    reached = asyncio.Event()

    async def fail() -> None:
        await reached.wait()
        raise LookupError

    async def end() -> None:
        await work
        failing.cancel()

    try:
        async with asyncio.TaskGroup() as group:
            failing = group.create_task(fail())
            working = group.create_task(end())
            with LoopSteps(lambda number: reached.set() if number == step else None):
                await asyncio.wait([working])
    except* LookupError:
        assert working.cancelled() or working.result() is None
    return working.cancelled()


WAYS = {
    function.__name__: function
    for function in (cancel_once, cancel_twice, cancel_by_scope, cancel_by_group)
}


def make_fault(fake: FakeServer) -> Callable[[Connection], Awaitable[None]]:
    """Serve a fake server on the event loop of the test."""

    async def respond(connection: Connection) -> None:
        while True:
            head = (await connection.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            request_line, *lines = head.strip().split("\r\n")
            method, target, _ = request_line.split(" ")
            path, _, query = target.partition("?")
            headers = dict(line.lower().split(": ", 1) for line in lines)
            original = dict(line.split(": ", 1) for line in lines)
            names = {name.lower(): value for name, value in original.items()}
            content = b""
            if headers.get("transfer-encoding") == "chunked":
                while size := int(await connection.reader.readuntil(b"\r\n"), 16):
                    content += (await connection.reader.readexactly(size + 2))[:-2]
                await connection.reader.readexactly(2)
            else:
                length = int(headers.get("content-length", "0"))
                content = await connection.reader.readexactly(length)
            request = FakeRequest(
                method=method,
                path=path,
                query=dict(parse_qsl(query, keep_blank_values=True)),
                headers=names,
                content=content,
            )
            response = await fake.respond(request)
            fields = {**response.headers, "content-length": str(len(response.content))}
            head_lines = [f"HTTP/1.1 {response.status} X"]
            head_lines += [f"{name}: {value}" for name, value in fields.items()]
            await connection.send("\r\n".join([*head_lines, "", ""]).encode() + response.content)

    return respond


def get_client_tasks(server: FaultServer) -> set[asyncio.Task[Any]]:
    """Return the tasks that do not belong to the test or its server."""
    tasks = asyncio.all_tasks() - server.tasks - {asyncio.current_task()}
    return {task for task in tasks if "_accept_connection" not in repr(task.get_coro())}


async def cancel_workflow(name: str, way: str, transport: Any, step: int, folder: Path) -> bool:
    """Cancel a workflow at a step; check that nothing is left; return whether it was cancelled."""
    fake, _ = make_letter_server(LETTER, fake=FakeServer(clock=ManualClock()))
    fake.add_interview(SHARED, ScriptedScreen("Name?", [Field("name")]), multi_user=True)
    async with serve(make_fault(fake)) as server:
        fake.url = server.url
        da = AsyncDocassemble(
            server.url,
            fake.api_key,
            transport=transport,
            verify=False,
            max_concurrency=SLOTS,
            poll=PollPolicy(interval=0),
        )
        is_cancelled = await WAYS[way](WORKFLOWS[name](da, folder), step)
        await da.aclose()
        limiter: Any = da._shared.get_connections().limiter
        assert (limiter._free_slots, len(limiter._waiters)) == (SLOTS, 0)
        assert get_client_tasks(server) == set()
        await server.wait_all_closed()
        assert count_sessions(fake) == 0
        async with fake.client() as checking:
            assert await checking.playground.list_projects() == []
            assert [key.name for key in await checking.api_keys.list_for_user(1)] == ["default"]
        await wait_for_jobs()
        assert not [path for path in folder.rglob("*.part") if path.is_file()]
        (folder / "journal").unlink(missing_ok=True)
    return is_cancelled


async def run_matrix(name: str, way: str, transport: str, folder: Path, stride: int) -> int:
    """Cancel a workflow at its steps; return the last one."""
    write_package(folder / "package")
    for step in count(1, stride):
        if not await cancel_workflow(name, way, transport, step, folder):
            return step
    raise AssertionError


@pytest.mark.slow
@pytest.mark.parametrize("transport", ["httpx", "aiohttp"])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", WORKFLOWS)
async def test_cancelled_workflow_leaves_nothing(
    name: str, way: str, transport: str, tmp_path: Path
) -> None:
    """At each step: CancelledError, and after `aclose` nothing remains."""
    assert await run_matrix(name, way, transport, tmp_path, 1) > 5


@pytest.mark.parametrize("transport", ["httpx", "aiohttp"])
@pytest.mark.parametrize("name", WORKFLOWS)
async def test_cancelled_workflow_leaves_nothing_at_some_steps(
    name: str, transport: str, tmp_path: Path
) -> None:
    """The same at each seventh step, in the way of web frameworks."""
    assert await run_matrix(name, "cancel_by_scope", transport, tmp_path, 7) > 5

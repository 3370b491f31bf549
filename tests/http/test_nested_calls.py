"""Calls that are made while another one is open never wait for the slot of that one."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from docassemble_client import AsyncDocassemble, RequestTimeout, Timeouts, Upload
from tests.http.test_adapters import library
from tests.raw_server import (
    HANG_SECONDS,
    USER,
    Connection,
    check_leaks,
    make_client,
    make_response,
    never_respond,
    serve,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable
    from pathlib import Path

    Use = Callable[[AsyncDocassemble, Path], Awaitable[None]]

leak_check = pytest.fixture(autouse=True)(check_leaks)
pytestmark = pytest.mark.sockets
__all__ = ["library"]


async def respond(connection: Connection) -> None:
    """Send a user, a file, or an empty response to an upload."""
    while True:
        request = await connection.receive()
        if request.target == "/api/user":
            await connection.send(make_response(USER))
        elif request.method == "GET":
            await connection.send(make_response(b"x" * 300_000, "Content-Type: application/pdf"))
        else:
            await connection.send(make_response(status=204))


async def call_while_reading(da: AsyncDocassemble, _: Path) -> None:
    async with da.files.download(17) as stream:
        async for _chunk in stream:
            await da.users.get_current()


async def call_on_progress(da: AsyncDocassemble, folder: Path) -> None:
    async def report(*_: object) -> None:
        await da.users.get_current()

    await da.files.download(17).save(folder / "a.pdf", on_progress=report)


async def call_while_uploading(da: AsyncDocassemble, _: Path) -> None:
    async def report(*_: object) -> None:
        await da.users.get_current()

    await da.playground.upload_files([Upload(b"x" * 300_000, "a.txt", on_progress=report)])


async def upload_an_open_download(da: AsyncDocassemble, _: Path) -> None:
    async with da.files.download(17) as stream:
        await da.playground.upload_files([Upload(aiter(stream), "a.pdf")])


async def upload_a_download(da: AsyncDocassemble, _: Path) -> None:
    async def generate() -> AsyncGenerator[bytes]:
        async with da.files.download(17) as stream:
            async for chunk in stream:
                yield chunk

    await da.playground.upload_files([Upload(generate(), "a.pdf")])


USES: list[Use] = [
    call_while_reading,
    call_on_progress,
    call_while_uploading,
    upload_an_open_download,
    upload_a_download,
]


@pytest.mark.parametrize("slots", [1, 2])
@pytest.mark.parametrize("use", USES)
async def test_a_task_never_waits_for_its_own_slot(
    use: Use, slots: int, tmp_path: Path, library: str
) -> None:
    """As many tasks as there are slots make calls while a call of theirs is open."""
    async with (
        serve(respond) as server,
        make_client(server, max_concurrency=slots, transport=library) as da,
        asyncio.timeout(HANG_SECONDS),
    ):
        await asyncio.gather(*(use(da, tmp_path) for _ in range(slots)))

        # No slot is lost, and none is added.
        assert da._shared.get_connections().limiter._free_slots == slots


async def test_a_download_that_the_client_reads_keeps_its_slot(tmp_path: Path) -> None:
    """Thousands of files can be saved at once, a few at the same time."""
    async with serve(never_respond) as server, make_client(server, max_concurrency=1) as da:
        save = asyncio.create_task(da.files.download(17).save(tmp_path / "a.pdf"))
        await server.request_arrived.wait()

        with pytest.raises(RequestTimeout, match="none was free") as caught:
            await da.users.get_current(timeout=Timeouts(pool=0.05))

        assert not caught.value.maybe_processed
        save.cancel()
        await asyncio.wait([save])


async def test_a_borrowed_slot_goes_back_before_anyone_else_gets_one(tmp_path: Path) -> None:
    """Calls of other tasks still wait for a slot of their own."""
    current = maximum = 0

    async def count_requests(connection: Connection) -> None:
        nonlocal current, maximum
        while True:
            await connection.receive()
            current += 1
            maximum = max(maximum, current)
            await asyncio.sleep(0)
            current -= 1
            await connection.send(make_response(status=204))

    async with serve(count_requests) as server, make_client(server, max_concurrency=1) as da:

        async def generate() -> AsyncGenerator[bytes]:
            for _ in range(3):
                await da.request("GET", "/x")
                yield b"x"

        upload = da.playground.upload_files([Upload(generate(), "a.txt")])
        await asyncio.gather(upload, *(da.request("GET", "/y") for _ in range(5)))
        targets = [request.target for request in server.requests]

    assert maximum == 1
    assert targets[:4] == ["/x", "/x", "/x", "/api/playground"]

"""A folder that is watched, and synced after each change."""

from __future__ import annotations

import asyncio
import shutil
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import pytest

from docassemble_client import AccessDenied, TransportError, UsageError, WatchEvent
from tests.mock import now, others
from tests.workflows.package_files import asked, on, package, slow, write

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from docassemble_client import AsyncDocassemble
    from docassemble_client.testing import FakeServer

STYLE = "docassemble/mine/data/static/style.css"


@pytest.fixture
def fake() -> FakeServer:
    """Make a server on which restarts take time."""
    return slow()


def watched(
    fake: FakeServer,
    folder: Path,
    events: int,
    waits: Sequence[Callable[[], object]] = (),
    **options: Any,
) -> tuple[list[str], list[float]]:
    """
    Watch until so many events came; return them and how long was waited each time.

    Args:
        fake: The server.
        folder: What is watched.
        events: How many events.
        waits: What happens while it waits, one for each time.
        options: Arguments of `watch`.
    """
    waited: list[float] = []
    what = iter(waits)

    async def wait(seconds: float) -> None:
        waited.append(seconds)
        next(what, bool)()
        await asyncio.sleep(seconds)

    async def job(da: AsyncDocassemble) -> list[str]:
        seen: list[str] = []
        async with (
            da.project("mine", create=True, delete=True) as project,
            aclosing(project.watch(folder, wait=wait, **options)) as watch,
        ):
            async for event in watch:
                seen.append(str(event))
                if len(seen) == events:
                    break
        assert await da.playground.list_projects() == []
        return seen

    return on(fake, job), waited


def nothing() -> None:
    """Let nothing happen while it waits."""


def test_folder_is_synced_at_once_and_after_each_change(fake: FakeServer, tmp_path: Path) -> None:
    """It waits until nothing changes any more, and compares with the server only once."""
    folder = package(tmp_path)

    def change(text: str) -> Callable[[], object]:
        return lambda: write(folder, {STYLE: text})

    seen, waited = watched(
        fake,
        folder,
        3,
        [
            nothing,  # settles for the first sync
            nothing,
            change("a"),  # while it looks for changes
            change("bb"),  # while it settles
            change("ccc"),
            nothing,
            nothing,
            change("dddd"),
        ],
        interval=2.0,
        settle=0.5,
    )

    assert seen[0].count("+") == 4
    assert seen[1:] == ["~ static/style.css", "~ static/style.css"]
    assert waited == [0.5, 2.0, 2.0, 0.5, 0.5, 0.5, 2.0, 2.0, 0.5]
    assert asked(fake, "playground.list_files") == 5
    assert asked(fake, "playground.download_file") == 0


def test_first_sync_is_told_though_nothing_differs(fake: FakeServer, tmp_path: Path) -> None:
    """Whoever watches knows that it has begun; a file that is only touched is not worth a word."""
    folder = package(tmp_path)

    async def job(da: AsyncDocassemble) -> list[WatchEvent]:
        async with da.project("mine", create=True) as project:
            await project.sync(folder)
            seen: list[WatchEvent] = []
            async with aclosing(project.watch(folder)) as watch:
                async for event in watch:
                    seen.append(event)
                    if len(seen) == 2:
                        return seen
                    (folder / STYLE).touch()
                    loop = asyncio.get_running_loop()
                    loop.call_later(10, write, folder, {STYLE: "a"})
        raise AssertionError

    first, second = on(fake, job)

    assert first.report is not None
    assert (first.report.changes, first.report.unchanged) == ((), 4)
    assert str(second) == "~ static/style.css"


def test_file_that_is_deleted_is_deleted_on_the_server(fake: FakeServer, tmp_path: Path) -> None:
    """If that is wanted; a module restarts the server."""
    folder = package(tmp_path, modules=True)

    seen, _ = watched(
        fake, folder, 2, [nothing, (folder / "docassemble/mine/rules.py").unlink], delete=True
    )

    assert seen[1] == "- modules/rules.py"


def test_failure_of_the_server_is_told_and_tried_again(fake: FakeServer, tmp_path: Path) -> None:
    """At longer and longer intervals, up to half a minute, without a change of the folder."""
    fake.fail("playground.list_files", status=403, body="Access denied.", times=7)

    seen, waited = watched(fake, package(tmp_path), 8)

    assert all("not synced: playground.list_files" in one for one in seen[:7])
    assert seen[7].count("+") == 4
    assert waited[1::2] == [2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]


def test_what_failed_in_the_middle_is_compared_anew(fake: FakeServer, tmp_path: Path) -> None:
    """Though the folder is as it was when it was synced before, the server is not."""
    folder = package(tmp_path)
    old = (folder / STYLE).read_text(encoding="utf-8")

    def change() -> None:
        write(folder, {STYLE: "new", "docassemble/mine/data/templates/letter.md": "new"})
        fake.delay("playground.upload_files", seconds=0)
        fake.fail("playground.upload_files", status=403, body="Access denied.")

    def undo() -> None:
        write(
            folder,
            {STYLE: old, "docassemble/mine/data/templates/letter.md": "Dear {{ client }},\n"},
        )

    seen, _ = watched(fake, folder, 3, [nothing, change, nothing, undo])

    assert "not synced" in seen[1]
    assert seen[2] == "~ static/style.css"


def test_folder_that_is_wrong_is_told_once_for_each_change(
    fake: FakeServer, tmp_path: Path
) -> None:
    """Nothing but a change of it can help; a folder that comes back is synced."""
    folder = package(tmp_path / "mine")
    gone = tmp_path / "gone"

    seen, waited = watched(
        fake,
        folder,
        3,
        [
            nothing,
            lambda: shutil.move(folder, gone),
            *[nothing] * 5,
            lambda: shutil.move(gone, folder),
        ],
    )

    assert seen[1].startswith("not synced: there is no folder at the path given")
    assert seen[2] == "nothing differs"
    assert len(waited) == 9


def test_file_that_cannot_be_read_is_told(
    fake: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error of the disk is no end of the watch either."""
    folder = package(tmp_path)

    def broken(*_: object) -> Any:
        monkeypatch.undo()
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("docassemble_client.workflows.playground.sync.find_local", broken)

    seen, _ = watched(fake, folder, 2, [nothing, lambda: write(folder, {STYLE: "a"})])

    assert seen[0] == "not synced: [Errno 13] Permission denied"
    assert seen[1].count("+") == 4


@pytest.mark.parametrize("moment", [0.1, 0.35, 5.0])
def test_cancelled_watch_leaves_nothing_behind(
    fake: FakeServer, tmp_path: Path, moment: float
) -> None:
    """While it settles, while it sends, and while it waits for changes."""
    fake.latency = 0.1
    folder = package(tmp_path)

    async def job(da: AsyncDocassemble) -> None:
        async def use() -> None:
            async with da.project("mine", create=True, delete=True) as project:
                entered.set()
                async for _ in project.watch(folder):
                    await asyncio.sleep(0)

        entered = asyncio.Event()
        before = others()
        task = asyncio.create_task(use())
        await entered.wait()
        await asyncio.sleep(moment)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await da.playground.list_projects() == []
        await asyncio.sleep(0)
        assert others() == before
        assert now() < 60

    on(fake, job)


def test_event_says_how_it_failed() -> None:
    """The error is there, for programs."""
    for error in (AccessDenied("no"), TransportError("gone"), UsageError("wrong"), OSError("disk")):
        assert str(WatchEvent(error=error)) == f"not synced: {error}"

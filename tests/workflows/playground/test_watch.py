"""Watching a folder and syncing it after each change."""

from __future__ import annotations

import asyncio
import shutil
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import pytest

from docassemble_client import AccessDenied, TransportError, UsageError, WatchEvent
from tests.mock import get_loop_time, get_other_tasks
from tests.workflows.package_files import (
    count_calls,
    make_slow_server,
    write_files,
    write_package,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from docassemble_client.testing import FakeServer

STYLE = "docassemble/mine/data/static/style.css"


@pytest.fixture
def fake() -> FakeServer:
    """Make a server on which restarts take time."""
    return make_slow_server()


async def watch_events(
    fake: FakeServer,
    folder: Path,
    events: int,
    actions: Sequence[Callable[[], object]] = (),
    **options: Any,
) -> tuple[list[str], list[float]]:
    """
    Watch a folder for a number of events; return them and the seconds of each sleep.

    Args:
        fake: The server.
        folder: The folder.
        events: Number of events.
        actions: Called one by one, each during one sleep.
        options: Arguments of `watch`.
    """
    sleeps: list[float] = []
    pending_actions = iter(actions)

    async def sleep(seconds: float) -> None:
        sleeps.append(seconds)
        next(pending_actions, do_nothing)()
        await asyncio.sleep(seconds)

    async with fake.client() as da:
        outcomes: list[str] = []
        async with (
            da.project("mine", create=True, delete=True) as project,
            aclosing(project.watch(folder, sleep=sleep, **options)) as watch,
        ):
            async for event in watch:
                outcomes.append(str(event))
                if len(outcomes) == events:
                    break
        assert await da.playground.list_projects() == []
        return outcomes, sleeps


def do_nothing() -> None:
    """Do nothing during a sleep."""


async def test_folder_is_synced_at_once_and_after_each_change(
    fake: FakeServer, tmp_path: Path
) -> None:
    """A sync starts when the files stop changing; the server is compared only once."""
    folder = write_package(tmp_path)

    def change(text: str) -> Callable[[], object]:
        return lambda: write_files(folder, {STYLE: text})

    outcomes, sleeps = await watch_events(
        fake,
        folder,
        3,
        [
            do_nothing,  # debounce of the first sync
            do_nothing,
            change("a"),  # between two checks
            change("bb"),  # during the debounce
            change("ccc"),
            do_nothing,
            do_nothing,
            change("dddd"),
        ],
        interval=2.0,
        debounce=0.5,
    )

    assert outcomes[0].count("+") == 4
    assert outcomes[1:] == ["~ static/style.css", "~ static/style.css"]
    assert sleeps == [0.5, 2.0, 2.0, 0.5, 0.5, 0.5, 2.0, 2.0, 0.5]
    assert count_calls(fake, "playground.list_files") == 5
    assert count_calls(fake, "playground.download_file") == 0


async def test_first_sync_is_reported_even_without_changes(
    fake: FakeServer, tmp_path: Path
) -> None:
    """Later syncs without changes are not reported, for example after a touch."""
    folder = write_package(tmp_path)

    async with fake.client() as da, da.project("mine", create=True) as project:
        await project.sync(folder)
        async with aclosing(project.watch(folder)) as watch:
            first = await anext(watch)
            (folder / STYLE).touch()
            loop = asyncio.get_running_loop()
            loop.call_later(10, write_files, folder, {STYLE: "a"})
            second = await anext(watch)

    assert first.report is not None
    assert (first.report.changes, first.report.unchanged) == ((), 4)
    assert str(second) == "~ static/style.css"


async def test_deleted_file_is_deleted_on_the_server(fake: FakeServer, tmp_path: Path) -> None:
    """It needs delete=True; a module restarts the server."""
    folder = write_package(tmp_path, modules=True)

    outcomes, _ = await watch_events(
        fake, folder, 2, [do_nothing, (folder / "docassemble/mine/rules.py").unlink], delete=True
    )

    assert outcomes[1] == "- modules/rules.py"


async def test_server_error_is_reported_and_the_sync_retried(
    fake: FakeServer, tmp_path: Path
) -> None:
    """The delay doubles up to 30 seconds; no change of the folder is needed."""
    fake.fail("playground.list_files", status=403, body="Access denied.", times=7)

    outcomes, sleeps = await watch_events(fake, write_package(tmp_path), 8)

    assert all("not synced: playground.list_files" in event for event in outcomes[:7])
    assert outcomes[7].count("+") == 4
    assert sleeps[1::2] == [2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]


async def test_server_is_compared_again_after_a_failed_sync(
    fake: FakeServer, tmp_path: Path
) -> None:
    """The folder is as before, but the server has a part of the changes."""
    folder = write_package(tmp_path)
    old = (folder / STYLE).read_text(encoding="utf-8")

    def change() -> None:
        write_files(folder, {STYLE: "new", "docassemble/mine/data/templates/letter.md": "new"})
        fake.delay("playground.upload_files", seconds=0)
        fake.fail("playground.upload_files", status=403, body="Access denied.")

    def undo() -> None:
        write_files(
            folder,
            {STYLE: old, "docassemble/mine/data/templates/letter.md": "Dear {{ client }},\n"},
        )

    outcomes, _ = await watch_events(fake, folder, 3, [do_nothing, change, do_nothing, undo])

    assert "not synced" in outcomes[1]
    assert outcomes[2] == "~ static/style.css"


async def test_invalid_folder_is_reported_once_per_change(fake: FakeServer, tmp_path: Path) -> None:
    """The sync is repeated only after a change; a restored folder is synced."""
    folder = write_package(tmp_path / "mine")
    elsewhere = tmp_path / "elsewhere"

    outcomes, sleeps = await watch_events(
        fake,
        folder,
        3,
        [
            do_nothing,
            lambda: shutil.move(folder, elsewhere),
            *[do_nothing] * 5,
            lambda: shutil.move(elsewhere, folder),
        ],
    )

    assert outcomes[1].startswith("not synced: there is no folder at this path")
    assert outcomes[2] == "nothing differs"
    assert len(sleeps) == 9


async def test_unreadable_file_is_reported(
    fake: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An OSError does not end the watch."""
    folder = write_package(tmp_path)

    def raise_error(*_: object) -> Any:
        monkeypatch.undo()
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(
        "docassemble_client.workflows.playground.sync.find_local_files", raise_error
    )

    outcomes, _ = await watch_events(
        fake, folder, 2, [do_nothing, lambda: write_files(folder, {STYLE: "a"})]
    )

    assert outcomes[0] == "not synced: [Errno 13] Permission denied"
    assert outcomes[1].count("+") == 4


@pytest.mark.parametrize("moment", [0.1, 0.35, 5.0])
async def test_cancelled_watch_leaves_nothing_behind(
    fake: FakeServer, tmp_path: Path, moment: float
) -> None:
    """It is cancelled during the debounce, during a sync, and between two checks."""
    fake.latency = 0.1
    folder = write_package(tmp_path)

    async with fake.client() as da:

        async def use() -> None:
            async with da.project("mine", create=True, delete=True) as project:
                entered.set()
                async for _ in project.watch(folder):
                    await asyncio.sleep(0)

        entered = asyncio.Event()
        before = get_other_tasks()
        task = asyncio.create_task(use())
        await entered.wait()
        await asyncio.sleep(moment)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.sleep(1)
        assert await da.playground.list_projects() == []
        assert get_other_tasks() == before
        assert get_loop_time() < 60


def test_text_of_an_event_has_the_error() -> None:
    """All kinds of errors are shown."""
    for error in (AccessDenied("no"), TransportError("gone"), UsageError("wrong"), OSError("disk")):
        assert str(WatchEvent(error=error)) == f"not synced: {error}"

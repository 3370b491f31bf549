"""Documents of a batch: a row is done only when its documents are on the disk, or taken."""

from __future__ import annotations

import errno
import json
import os
import threading
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import pytest

from docassemble_client import BinaryContent, DocumentsNotSaved, JournalError, UsageError
from docassemble_client.testing import ScriptedScreen
from docassemble_client.workflows.batch.row_folder import create_folder
from tests.workflows.batch.test_batch import ROWS, run_batch, summarize
from tests.workflows.letters import I, make_letter_server

if TYPE_CHECKING:
    from pathlib import Path

    from docassemble_client import BatchProgress, RowResult


@pytest.fixture
def options(tmp_path: Path) -> dict[str, Any]:
    return {
        "journal": tmp_path / "run.jsonl",
        "save_to": tmp_path / "out",
        "key": "name",
        "formats": ["pdf"],
    }


async def test_a_folder_that_cannot_be_made_is_the_result_of_its_row(
    options: dict[str, Any],
) -> None:
    """The other rows go on; the error names neither the row nor the folder."""
    fake, _ = make_letter_server()
    options["save_to"].mkdir()
    blocking_file = (await run_batch(fake, ROWS[1:2], **options))[0].paths[0].parent
    for path in (*blocking_file.iterdir(), options["journal"]):
        path.unlink()
    blocking_file.rmdir()
    blocking_file.write_bytes(b"a file where the folder should be")

    results = await run_batch(fake, **options)

    assert [result.outcome for result in results] == ["done", "unknown", "done"]
    assert isinstance(results[1].error, DocumentsNotSaved)
    assert "(File exists)" in str(results[1].error)
    assert "Bob" not in str(results[1].error)


async def test_a_folder_for_all_rows_that_cannot_be_made_ends_the_batch(
    options: dict[str, Any],
) -> None:
    """It ends before any row runs."""
    fake, ended = make_letter_server()
    options["save_to"].write_bytes(b"a file where the folder should be")

    with pytest.raises(UsageError, match="save_to cannot be a folder"):
        await run_batch(fake, **options)

    assert ended == []


async def test_a_full_disk_ends_the_batch(
    options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would fail every row. The journal records that the row must not be repeated."""
    fake, _ = make_letter_server()

    def fail(folder: Path) -> None:
        if folder != options["save_to"]:
            raise OSError(errno.ENOSPC, "No space left on device")
        create_folder(folder)

    with monkeypatch.context() as patch:
        patch.setattr("docassemble_client.workflows.batch.batch.create_folder", fail)
        with pytest.raises(OSError, match="No space"):
            await run_batch(fake, ROWS[:1], **options)

    assert summarize(await run_batch(fake, ROWS[:1], **options)) == [("Ada", "unknown", True)]


async def test_a_journal_has_absolute_folders(
    options: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A later run from another folder finds the files."""
    fake, _ = make_letter_server()
    monkeypatch.chdir(tmp_path)
    (first,) = await run_batch(fake, ROWS[:1], **options | {"save_to": "out"})
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")

    (second,) = await run_batch(fake, ROWS[:1], **options | {"save_to": "out"})

    assert second.from_journal
    assert second.paths == first.paths
    assert second.paths[0].is_absolute()


@pytest.mark.parametrize("remainder", ["nothing", "partial file", "no folder"])
async def test_a_done_row_whose_files_are_gone_is_missing(
    remainder: str, options: dict[str, Any]
) -> None:
    """It is not done again, unless you ask for it."""
    fake, ended = make_letter_server()
    (first,) = await run_batch(fake, ROWS[:1], **options)
    (path,) = first.paths
    path.unlink()
    if remainder == "partial file":
        path.with_name(".0123456789abcdef.part").touch()
    if remainder == "no folder":
        path.parent.rmdir()
    reports: list[BatchProgress] = []

    (second,) = await run_batch(fake, ROWS[:1], on_progress=reports.append, **options)
    runs = len(ended)
    (third,) = await run_batch(fake, ROWS[:1], rerun_missing=True, **options)
    (fourth,) = await run_batch(fake, ROWS[:1], rerun_missing=True, **options)

    assert (second.outcome, second.paths, second.from_journal) == ("missing", (), True)
    assert (reports[0].missing, reports[0].completed, runs) == (1, 1, 1)
    assert (third.outcome, third.paths, third.from_journal) == ("done", first.paths, False)
    assert (fourth.outcome, fourth.from_journal, len(ended)) == ("done", True, 2)


async def test_files_that_were_never_completed_are_not_documents(options: dict[str, Any]) -> None:
    """A process that is killed leaves them."""
    fake, _ = make_letter_server()
    (first,) = await run_batch(fake, ROWS[:1], **options)
    first.paths[0].with_name(".0123456789abcdef.part").touch()

    (second,) = await run_batch(fake, ROWS[:1], **options)

    assert second.paths == first.paths


async def test_documents_in_memory_are_done_when_they_are_taken(tmp_path: Path) -> None:
    """If the program ends while it processes a result, the row is unknown."""
    fake, _ = make_letter_server()
    path = tmp_path / "run.jsonl"

    async def process(count: int) -> list[RowResult]:
        results: list[RowResult] = []
        async with fake.client() as da:
            rows = da.interview(I).assemble_many(ROWS, journal=path, concurrency=1)
            async with aclosing(rows):
                async for result in rows:
                    results.append(result)
                    if len(results) == count:
                        break
        return results

    await process(2)
    results = {result.key: result for result in await process(4)}

    assert (results["0"].outcome, results["0"].from_journal) == ("done", True)
    assert (results["1"].outcome, results["1"].from_journal) == ("unknown", True)
    assert (results["2"].outcome, results["2"].from_journal) == ("done", False)
    assert (await process(4))[2].from_journal


async def test_an_interview_that_returns_a_file_runs_once() -> None:
    """Its last block may send an e-mail or count something."""
    letter = BinaryContent(content=b"%PDF-1.7", content_type="application/pdf")
    fake, ended = make_letter_server(final=lambda _: letter)

    (result,) = await run_batch(fake, ROWS[:1])

    assert result.outcome == "done"
    assert ended == ["Ada"]


async def test_a_journal_with_deep_json_is_damaged(tmp_path: Path) -> None:
    """It is refused as any other damaged file, and not changed."""
    fake, _ = make_letter_server(final=lambda _: ScriptedScreen("Done"))
    path = tmp_path / "run.jsonl"
    await run_batch(fake, ROWS[:1], journal=path)
    content = path.read_bytes() + b"[" * 100_000 + b"\n" + json.dumps({}).encode() + b"\n"
    path.write_bytes(content)

    with pytest.raises(JournalError, match="damaged"):
        await run_batch(fake, ROWS[:1], journal=path)

    assert path.read_bytes() == content


async def test_a_session_that_a_full_disk_leaves_is_reported(
    options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """If it cannot be deleted either, the error of the block has a note that names it."""
    fake, _ = make_letter_server()
    fake.fail("sessions.delete", status=400, body="No.", times=None)

    def fail(folder: Path) -> None:
        if folder != options["save_to"]:
            raise OSError(errno.ENOSPC, "No space left on device")
        create_folder(folder)

    monkeypatch.setattr("docassemble_client.workflows.batch.batch.create_folder", fail)

    async def assemble() -> None:
        async with fake.client() as da:
            async for _ in da.interview(I).assemble_many(ROWS[:1], **options):
                pass

    with pytest.raises(OSError, match="No space") as caught:
        await assemble()

    assert any(I in note and "the session" in note for note in caught.value.__notes__)


async def test_a_slow_disk_does_not_block_the_event_loop(
    options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Journal, documents and folders are written to the disk in other threads."""
    loop_thread, threads, synced = threading.get_ident(), set[int](), os.fsync

    def record_thread(descriptor: int) -> None:
        threads.add(threading.get_ident())
        synced(descriptor)

    monkeypatch.setattr(os, "fsync", record_thread)
    fake, _ = make_letter_server()
    results = await run_batch(fake, **options)

    assert [result.outcome for result in results] == ["done"] * 3
    assert threads
    assert loop_thread not in threads

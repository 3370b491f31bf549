"""A batch of many rows: every row has one result, and no session is left behind."""

from __future__ import annotations

import asyncio
import weakref
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import pytest

from docassemble_client import (
    BatchProgress,
    InterviewFailed,
    JournalError,
    MissingAnswer,
    NoDocuments,
    PayloadTooLarge,
    RowResult,
    Upload,
    UsageError,
)
from docassemble_client.testing import FakeDocument, ScriptedScreen
from tests.mock import get_other_tasks
from tests.workflows.letters import I, count_sessions, make_letter_server

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator
    from pathlib import Path

    from docassemble_client.testing import FakeServer, SessionVariables

NAMES = ["Ada", "Bob", "Cleo"]
ROWS: list[dict[str, Any]] = [{"name": name} for name in NAMES]


async def run_batch(fake: FakeServer, rows: Any = None, **options: Any) -> list[RowResult]:
    """Run a batch, and return its results in the order of the rows; no session or task is left."""
    try:
        async with fake.client() as da:
            results = da.interview(I).assemble_many(ROWS if rows is None else rows, **options)
            collected = [result async for result in results]
        assert not get_other_tasks()
        return sorted(collected, key=lambda result: result.index)
    finally:
        assert count_sessions(fake) == 0


def summarize(results: list[RowResult]) -> list[tuple[str, str, bool]]:
    return [(result.key, result.outcome, result.from_journal) for result in results]


def make_final_screen(answers: SessionVariables) -> ScriptedScreen:
    """Make a letter that contains the name, but none for Bob."""
    content = f"%PDF-{answers['name']}".encode()
    return ScriptedScreen(
        "Done", documents=[FakeDocument("Letter", {"pdf": content})] * (content[5:] != b"Bob")
    )


async def test_every_row_returns_its_documents() -> None:
    """By default the documents are in memory."""
    fake, ended = make_letter_server(final=lambda answers: ScriptedScreen("", documents=[
        FakeDocument("Letter", {"pdf": f"%PDF-{answers['name']}".encode()})
    ]))  # fmt: skip

    results = await run_batch(fake)

    assert summarize(results) == [("0", "done", False), ("1", "done", False), ("2", "done", False)]
    for result, row in zip(results, ROWS, strict=True):
        assert result.documents is not None
        assert result.documents["pdf"].content.decode() == f"%PDF-{row['name']}"
        assert result.row is row
        assert (result.paths, result.error, result.leftover_session) == ((), None, "")
        assert row["name"] not in repr(result)
    assert {*ended} == {*NAMES}


@pytest.mark.parametrize("kind", ["generator", "async generator", "iterator"])
async def test_rows_are_read_from_any_iterable_as_they_start(kind: str) -> None:
    """Synchronous and asynchronous iterables are accepted."""
    fake, _ = make_letter_server()
    read: list[int] = []

    def make_rows() -> Iterator[dict[str, Any]]:
        for number in range(5):
            read.append(number)
            yield {"name": f"{number}"}

    async def make_slow_rows() -> AsyncGenerator[dict[str, Any]]:
        for row in make_rows():
            await asyncio.sleep(5)
            yield row

    sources: Any = {
        "generator": make_rows(),
        "async generator": make_slow_rows(),
        "iterator": iter(ROWS),
    }
    keys: list[str] = []
    async with fake.client() as da:
        async for result in da.interview(I).assemble_many(sources[kind], concurrency=1):
            keys.append(result.key)
            assert len(read) <= len(keys) + 1
    assert keys == [f"{number}" for number in range(3 if kind == "iterator" else 5)]


async def test_slow_consumer_holds_back_the_rows() -> None:
    """While nobody reads results, no more rows start than `concurrency` allows."""
    fake, _ = make_letter_server()
    read: list[int] = []

    def make_rows() -> Iterator[dict[str, Any]]:
        for number in range(1000):
            read.append(number)
            yield {"name": f"{number}"}

    async with (
        fake.client() as da,
        aclosing(da.interview(I).assemble_many(make_rows(), concurrency=3)) as results,
    ):
        for count in range(10):
            await anext(results)
            await asyncio.sleep(1000)
            assert len(read) <= count + 1 + 4

    assert count_sessions(fake) == 0


class TrackedRow(dict[str, Any]):
    """A row that a weak set can hold."""

    __hash__ = object.__hash__  # type: ignore[assignment]  # by identity


async def test_rows_and_results_are_not_kept_in_memory() -> None:
    """Only the rows in progress and the last result are in memory."""
    fake, _ = make_letter_server()
    alive: weakref.WeakSet[TrackedRow] = weakref.WeakSet()
    max_alive = 0

    def make_rows() -> Iterator[dict[str, Any]]:
        for number in range(100):
            row = TrackedRow(name=f"{number}")
            alive.add(row)
            yield row

    async with fake.client() as da:
        async for result in da.interview(I).assemble_many(make_rows(), concurrency=3):
            max_alive = max(max_alive, len(alive))
            assert result.documents is not None

    assert max_alive <= 6


async def test_error_of_a_row_is_its_result() -> None:
    """A row is failed if the interview certainly did not finish, and unknown if it did."""

    def end(answers: SessionVariables) -> object:
        return 1 / 0 if answers["name"] == "Cleo" else make_final_screen(answers)

    fake, _ = make_letter_server(final=end)

    results = await run_batch(fake, [*ROWS, {}, {"name": object()}, {"name": "Dan"}])

    assert [result.outcome for result in results] == [
        "done", "unknown", "failed", "failed", "failed", "done"
    ]  # fmt: skip
    assert [type(result.error) for result in results] == [
        type(None), NoDocuments, InterviewFailed, MissingAnswer, UsageError, type(None)
    ]  # fmt: skip


async def test_row_with_a_file_that_is_too_large_fails_at_once() -> None:
    """The server would refuse the file again, so the request is not repeated."""
    fake, _ = make_letter_server()
    rows = [{"name": Upload(bytes(16 * 1024 * 1024), "large.pdf")}]

    (result,) = await run_batch(fake, rows)

    assert (result.outcome, type(result.error)) == ("failed", PayloadTooLarge)
    operations = [request.operation for request in fake.received_requests]
    assert operations.count("sessions.set_variables") == 1


async def test_error_of_a_row_has_no_traceback_and_no_cause() -> None:
    """Frames keep other rows in memory, and a cause may not be picklable."""
    fake, _ = make_letter_server()

    (result,) = await run_batch(fake, [{"name": object()}])

    assert result.error is not None
    assert [result.error.__cause__, result.error.__context__, result.error.__traceback__] == [
        None, None, None
    ]  # fmt: skip


async def test_documents_of_each_row_are_saved_in_its_own_folder(tmp_path: Path) -> None:
    """Folders are named after keys where possible, and never shared."""
    fake, _ = make_letter_server()
    names = ["ada", "Ada", "../ada", "con", "x" * 300, "", "a/ada"]

    results = await run_batch(
        fake,
        [{"name": "Ada", "folder": name} for name in names],
        save_to=tmp_path / "out",
        key="folder",
        formats=("pdf",),
    )

    folders = [result.paths[0].parent for result in results]
    assert [result.key for result in results] == names
    assert folders[0].name == "ada"
    assert len({folder.name.lower() for folder in folders}) == len(names)
    assert {folder.parent for folder in folders} == {tmp_path / "out"}
    assert all(result.paths[0].read_bytes().startswith(b"%PDF") for result in results)
    assert all(result.documents is None for result in results)


async def test_progress_is_reported_before_each_result() -> None:
    """It counts reported rows and rows in progress, and shows the current limit."""
    fake, _ = make_letter_server(final=make_final_screen)
    reports: list[BatchProgress] = []

    await run_batch(fake, [*ROWS, {}], on_progress=reports.append, concurrency=2)

    last = reports[-1]
    assert [progress.completed for progress in reports] == [1, 2, 3, 4]
    assert (last.done, last.failed, last.unknown) == (2, 1, 1)
    assert (last.total, last.active, last.from_journal) == (4, 0, 0)
    assert {progress.concurrency for progress in reports} <= {1, 2}
    await run_batch(fake, iter(ROWS), on_progress=reports.append)
    assert reports[-1].total is None


@pytest.mark.parametrize(
    ("rows", "options", "message"),
    [
        (ROWS, {"concurrency": 0}, "concurrency must be a whole number from 1"),
        (ROWS, {"key": "age"}, "row 0 has no 'age'"),
        ([*ROWS, *ROWS], {"key": lambda row: row["name"]}, "two rows have the key 'Ada'"),
        ({"name": "Ada"}, {}, "row 0 is not a mapping"),
    ],
)
async def test_invalid_arguments_end_the_batch(
    rows: Any, options: dict[str, Any], message: str
) -> None:
    """They are errors of the whole batch."""
    fake, _ = make_letter_server()

    with pytest.raises(UsageError, match=message):
        await run_batch(fake, rows, **options)


@pytest.mark.parametrize("method", ["close", "cancel"])
async def test_leaving_a_batch_deletes_its_sessions(method: str, tmp_path: Path) -> None:
    """Rows in progress are cancelled, and the journal records that they did not finish."""
    fake, _ = make_letter_server()
    fake.delay("sessions.get_question", seconds=1, times=None)
    path = tmp_path / "run.jsonl"

    async def read_first(results: AsyncGenerator[RowResult]) -> None:
        async with aclosing(results):
            async for result in results:
                assert result.outcome == "done"
                if method == "cancel":
                    asyncio.current_task().cancel()  # type: ignore[union-attr]  # there is one
                    await asyncio.sleep(0)
                break

    async with fake.client(transport=fake.transport()) as da:
        results = da.interview(I).assemble_many(iter([*ROWS] * 9), concurrency=4, journal=path)
        await asyncio.gather(read_first(results), return_exceptions=True)
        assert not get_other_tasks()

    assert count_sessions(fake) == 0
    assert b'"done"' not in path.read_bytes()


async def test_second_run_repeats_only_failed_rows(tmp_path: Path) -> None:
    """Done rows are reported with their files; unknown rows are repeated only on request."""
    fake, ended = make_letter_server(final=make_final_screen)
    options: dict[str, Any] = {
        "journal": tmp_path / "run.jsonl", "save_to": tmp_path, "key": "name"
    }  # fmt: skip
    rows = [*ROWS, {"name": "Dan"}]
    fake.fail("sessions.set_variables", status=400, body="No.")
    first = await run_batch(fake, rows, concurrency=1, **options)
    ended.clear()

    reports: list[BatchProgress] = []
    second = await run_batch(fake, rows, concurrency=1, on_progress=reports.append, **options)

    assert summarize(first)[:2] == [("Ada", "failed", False), ("Bob", "unknown", False)]
    assert summarize(second) == [
        ("Ada", "done", False), ("Bob", "unknown", True),
        ("Cleo", "done", True), ("Dan", "done", True),
    ]  # fmt: skip
    assert {*ended} == {"Ada"}
    assert second[2].paths == first[2].paths
    assert second[2].paths[0].is_file()
    assert reports[-1].from_journal == 3
    third = await run_batch(fake, rows, rerun_unknown=True, **options)
    assert [result.from_journal for result in third] == [True, False, True, True]
    assert {*ended} == {"Ada", "Bob"}


async def test_rows_that_differ_from_the_journal_are_refused(tmp_path: Path) -> None:
    """The batch ends before it processes any row."""
    fake, ended = make_letter_server()
    await run_batch(fake, journal=tmp_path / "run.jsonl")
    ended.clear()

    with pytest.raises(JournalError, match="row '0' differs from the journal's row"):
        await run_batch(fake, [*reversed(ROWS)], journal=tmp_path / "run.jsonl")

    assert ended == []


async def test_answers_of_a_failed_row_may_be_corrected(tmp_path: Path) -> None:
    """A later run accepts other answers for it."""
    fake, _ = make_letter_server()
    assert (await run_batch(fake, [{}], journal=tmp_path / "run.jsonl"))[0].outcome == "failed"

    results = await run_batch(fake, [{"name": "Ada"}], journal=tmp_path / "run.jsonl")

    assert summarize(results) == [("0", "done", False)]


async def test_row_that_cannot_be_sent_is_not_in_the_journal(tmp_path: Path) -> None:
    """It has no digest and never started."""
    fake, _ = make_letter_server()

    (result,) = await run_batch(fake, [{"name": object()}], journal=tmp_path / "run.jsonl")

    assert isinstance(result.error, UsageError)
    assert (tmp_path / "run.jsonl").read_bytes().count(b"\n") == 1


async def test_journal_contains_nothing_personal(tmp_path: Path) -> None:
    """It contains no answer, no session secret and no file name."""
    fake, _ = make_letter_server()
    path = tmp_path / "run.jsonl"

    await run_batch(fake, [{"name": "hunter2"}], journal=path, save_to=tmp_path / "out")

    text = path.read_text(encoding="utf-8")
    secrets = [received.request.query.get("secret", "") for received in fake.received_requests]
    assert secrets[0]
    for private in ("hunter2", "letter.pdf", *filter(None, secrets)):
        assert private not in text

"""Many rows: each is reported once, errors are results, and nothing is left behind."""

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
    RowResult,
    UsageError,
)
from docassemble_client.testing import Document, Screen
from tests.mock import others, run
from tests.workflows.letters import I, letters, sessions

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator
    from pathlib import Path

    from docassemble_client.testing import Answers, FakeServer

NAMES = ["Ada", "Bob", "Cleo"]
ROWS: list[dict[str, Any]] = [{"name": one} for one in NAMES]


def batch(fake: FakeServer, rows: Any = None, **options: Any) -> list[RowResult]:
    """Run a batch, in the order of its rows; no session and no task stays."""

    async def job() -> list[RowResult]:
        async with fake.client() as da:
            many = da.interview(I).assemble_many(ROWS if rows is None else rows, **options)
            results = [one async for one in many]
        assert not others()
        return sorted(results, key=lambda one: one.index)

    try:
        return run(job())
    finally:
        assert sessions(fake) == 0


def outcomes(results: list[RowResult]) -> list[tuple[str, str, bool]]:
    return [(one.key, one.outcome, one.earlier) for one in results]


def named(answers: Answers) -> Screen:
    """End with a letter to whom it is, or without one for Bob."""
    content = f"%PDF-{answers['name']}".encode()
    return Screen(
        "Done", documents=[Document("Letter", {"pdf": content})] * (content[5:] != b"Bob")
    )


def test_every_row_brings_its_documents() -> None:
    """By default they come in memory, with the row and its position."""
    fake, ended = letters(final=lambda answers: Screen("", documents=[
        Document("Letter", {"pdf": f"%PDF-{answers['name']}".encode()})
    ]))  # fmt: skip

    results = batch(fake)

    assert outcomes(results) == [("0", "done", False), ("1", "done", False), ("2", "done", False)]
    for result, row in zip(results, ROWS, strict=True):
        assert result.documents is not None
        assert result.documents["pdf"].content.decode() == f"%PDF-{row['name']}"
        assert result.row is row
        assert (result.paths, result.error, result.left) == ((), None, "")
        assert row["name"] not in repr(result)
    assert {*ended} == {*NAMES}


@pytest.mark.parametrize("kind", ["generator", "async generator", "iterator"])
def test_rows_come_from_anything(kind: str) -> None:
    """Rows are any iterable or async iterable, which is read as rows begin."""
    fake, _ = letters()
    read: list[int] = []

    def rows() -> Iterator[dict[str, Any]]:
        for number in range(5):
            read.append(number)
            yield {"name": f"{number}"}

    async def slow_rows() -> AsyncGenerator[dict[str, Any]]:
        for row in rows():
            await asyncio.sleep(5)
            yield row

    async def job() -> list[str]:
        source: Any = {"generator": rows(), "async generator": slow_rows(), "iterator": iter(ROWS)}
        keys: list[str] = []
        async with fake.client() as da:
            async for one in da.interview(I).assemble_many(source[kind], concurrency=1):
                keys.append(one.key)
                assert len(read) <= len(keys) + 1
        return keys

    assert run(job()) == [f"{number}" for number in range(3 if kind == "iterator" else 5)]


def test_slow_consumer_holds_back_the_rows() -> None:
    """While nobody takes results, no more rows begin than may be under way."""
    fake, _ = letters()
    read: list[int] = []

    def rows() -> Iterator[dict[str, Any]]:
        for number in range(1000):
            read.append(number)
            yield {"name": f"{number}"}

    async def job() -> None:
        async with (
            fake.client() as da,
            aclosing(da.interview(I).assemble_many(rows(), concurrency=3)) as results,
        ):
            for taken in range(10):
                await anext(results)
                await asyncio.sleep(1000)
                assert len(read) <= taken + 1 + 4

    run(job())
    assert sessions(fake) == 0


class Tracked(dict[str, Any]):
    """A row of which can be told whether it is still in memory."""

    __hash__ = object.__hash__  # type: ignore[assignment]  # each is one of its own


def test_rows_and_results_are_not_kept() -> None:
    """However many rows there are, those in memory are those under way and the last one taken."""
    fake, _ = letters()
    alive: weakref.WeakSet[Tracked] = weakref.WeakSet()
    most = 0

    def rows() -> Iterator[dict[str, Any]]:
        for number in range(100):
            row = Tracked(name=f"{number}")
            alive.add(row)
            yield row

    async def job() -> None:
        nonlocal most
        async with fake.client() as da:
            async for one in da.interview(I).assemble_many(rows(), concurrency=3):
                most = max(most, len(alive))
                assert one.documents is not None

    run(job())
    assert most <= 6


def test_what_goes_wrong_with_a_row_is_its_result() -> None:
    """Others go on; failed is what has certainly not come to its end, unknown what has."""

    def end(answers: Answers) -> object:
        return 1 / 0 if answers["name"] == "Cleo" else named(answers)

    fake, _ = letters(final=end)

    results = batch(fake, [*ROWS, {}, {"name": object()}, {"name": "Dan"}])

    assert [one.outcome for one in results] == [
        "done", "unknown", "failed", "failed", "failed", "done"
    ]  # fmt: skip
    assert [type(one.error) for one in results] == [
        type(None), NoDocuments, InterviewFailed, MissingAnswer, UsageError, type(None)
    ]  # fmt: skip


def test_error_of_a_row_stands_alone() -> None:
    """It holds no frames, which hold other rows, and no cause, which may not be plain data."""
    fake, _ = letters()

    (result,) = batch(fake, [{"name": object()}])

    assert result.error is not None
    assert [result.error.__cause__, result.error.__context__, result.error.__traceback__] == [
        None, None, None
    ]  # fmt: skip


def test_documents_are_saved_in_a_folder_for_each_row(tmp_path: Path) -> None:
    """Folders have the names of keys, as far as these can be names, and are never shared."""
    fake, _ = letters()
    names = ["ada", "Ada", "../ada", "con", "x" * 300, "", "a/ada"]

    results = batch(
        fake,
        [{"name": one} for one in names],
        save_to=tmp_path / "out",
        key="name",
        formats=("pdf",),
    )

    folders = [one.paths[0].parent for one in results]
    assert [one.key for one in results] == names
    assert folders[0].name == "ada"
    assert len({one.name.lower() for one in folders}) == len(names)
    assert {one.parent for one in folders} == {tmp_path / "out"}
    assert all(one.paths[0].read_bytes().startswith(b"%PDF") for one in results)
    assert all(one.documents is None for one in results)


def test_progress_is_told_before_each_result() -> None:
    """It counts what was reported, what is under way, and how much may be."""
    fake, _ = letters(final=named)
    told: list[BatchProgress] = []

    batch(fake, [*ROWS, {}], on_progress=told.append, concurrency=2)

    assert [one.ended for one in told] == [1, 2, 3, 4]
    assert (told[-1].done, told[-1].failed, told[-1].unknown) == (2, 1, 1)
    assert (told[-1].total, told[-1].active, told[-1].earlier) == (4, 0, 0)
    assert {one.concurrency for one in told} <= {1, 2}
    batch(fake, iter(ROWS), on_progress=told.append)
    assert told[-1].total is None


@pytest.mark.parametrize(
    ("rows", "options", "words"),
    [
        (ROWS, {"concurrency": 0}, "concurrency must be"),
        (ROWS, {"key": "age"}, "row 0 lacks 'age'"),
        ([*ROWS, *ROWS], {"key": lambda row: row["name"]}, "two rows have the key 'Ada'"),
        ({"name": "Ada"}, {}, "row 0 is no mapping"),
    ],
)
def test_wrong_use_is_an_error(rows: Any, options: dict[str, Any], words: str) -> None:
    """What makes no sense for the whole batch ends it."""
    fake, _ = letters()

    with pytest.raises(UsageError, match=words):
        batch(fake, rows, **options)


@pytest.mark.parametrize("how", ["close", "cancel"])
def test_leaving_a_batch_deletes_its_sessions(how: str, tmp_path: Path) -> None:
    """Rows under way are given up, and the journal says that nothing of them was done."""
    fake, _ = letters()
    fake.delay("sessions.get_question", seconds=1, times=None)
    path = tmp_path / "run.jsonl"

    async def take(results: AsyncGenerator[RowResult]) -> None:
        async with aclosing(results):
            async for one in results:
                assert one.outcome == "done"
                if how == "cancel":
                    asyncio.current_task().cancel()  # type: ignore[union-attr]  # there is one
                    await asyncio.sleep(0)
                break

    async def job() -> None:
        async with fake.client(transport=fake.transport()) as da:
            many = da.interview(I).assemble_many(iter([*ROWS] * 9), concurrency=4, journal=path)
            await asyncio.gather(take(many), return_exceptions=True)
            assert not others()

    run(job())
    assert sessions(fake) == 0
    assert b'"unknown"' not in path.read_bytes()


def test_disk_that_cannot_be_written_ends_the_batch(tmp_path: Path) -> None:
    """It is no fault of a row; the journal has learnt that the row may not be repeated."""
    fake, _ = letters()
    (tmp_path / "out").write_bytes(b"a file where the folder should be")
    path = tmp_path / "run.jsonl"

    with pytest.raises(OSError, match="out"):
        batch(fake, ROWS[:1], save_to=tmp_path / "out", journal=path)

    assert outcomes(batch(fake, ROWS[:1], journal=path)) == [("0", "unknown", True)]


def test_another_run_does_no_row_twice(tmp_path: Path) -> None:
    """Done rows are reported with their files, failed ones tried again, unknown ones left."""
    fake, ended = letters(final=named)
    options: dict[str, Any] = {
        "journal": tmp_path / "run.jsonl", "save_to": tmp_path, "key": "name"
    }  # fmt: skip
    rows = [*ROWS, {"name": "Dan"}]
    fake.fail("sessions.set_variables", status=400, body="No.")
    first = batch(fake, rows, concurrency=1, **options)
    ended.clear()

    told: list[BatchProgress] = []
    second = batch(fake, rows, concurrency=1, on_progress=told.append, **options)

    assert outcomes(first)[:2] == [("Ada", "failed", False), ("Bob", "unknown", False)]
    assert outcomes(second) == [
        ("Ada", "done", False), ("Bob", "unknown", True),
        ("Cleo", "done", True), ("Dan", "done", True),
    ]  # fmt: skip
    assert {*ended} == {"Ada"}
    assert second[2].paths == first[2].paths
    assert second[2].paths[0].is_file()
    assert told[-1].earlier == 3
    third = batch(fake, rows, repeat_unknown=True, **options)
    assert [one.earlier for one in third] == [True, False, True, True]
    assert {*ended} == {"Ada", "Bob"}


def test_other_rows_are_refused(tmp_path: Path) -> None:
    """A journal whose row was another one ends the batch before anything is done twice."""
    fake, ended = letters()
    batch(fake, journal=tmp_path / "run.jsonl")
    ended.clear()

    with pytest.raises(JournalError, match="row '0' is not the one that the journal knows"):
        batch(fake, [*reversed(ROWS)], journal=tmp_path / "run.jsonl")

    assert ended == []


def test_failed_row_may_be_mended(tmp_path: Path) -> None:
    """Nothing was done for it, so it may be another one the next time."""
    fake, _ = letters()
    assert batch(fake, [{}], journal=tmp_path / "run.jsonl")[0].outcome == "failed"

    results = batch(fake, [{"name": "Ada"}], journal=tmp_path / "run.jsonl")

    assert outcomes(results) == [("0", "done", False)]


def test_row_that_cannot_be_sent_is_told_with_a_journal_too(tmp_path: Path) -> None:
    """It has no digest, and was never begun."""
    fake, _ = letters()

    (result,) = batch(fake, [{"name": object()}], journal=tmp_path / "run.jsonl")

    assert isinstance(result.error, UsageError)
    assert (tmp_path / "run.jsonl").read_bytes().count(b"\n") == 1


def test_journal_holds_nothing_personal(tmp_path: Path) -> None:
    """No answer, no secret of a session and no file name stands in it."""
    fake, _ = letters()
    path = tmp_path / "run.jsonl"

    batch(fake, [{"name": "hunter2"}], journal=path, save_to=tmp_path / "out")

    text = path.read_text(encoding="utf-8")
    secrets = [one.request.query.get("secret", "") for one in fake.received]
    assert secrets[0]
    assert not [one for one in ("hunter2", "letter.pdf", *filter(None, secrets)) if one in text]

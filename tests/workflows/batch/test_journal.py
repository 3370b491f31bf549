"""The journal of a batch: its entries, the files it refuses, and what it never contains."""

from __future__ import annotations

import asyncio
import io
import json
from typing import TYPE_CHECKING, Any

import pytest

from docassemble_client import DAObject, JournalError, Upload, UsageError
from docassemble_client._cleanup import CleanupTasks
from docassemble_client.workflows.batch import journal as journal_module
from docassemble_client.workflows.batch.journal import Journal, JournalEntry

if TYPE_CHECKING:
    from pathlib import Path

I = "docassemble.demo:data/questions/order.yml"  # noqa: E741 - the usual name
URL = "https://da.example.com"


def open_journal(path: Path, *, interview: str = I, server: str = URL) -> Journal:
    return Journal(path, interview=interview, server=server)


async def write(path: Path, *calls: tuple[str, tuple[str, ...], dict[str, str]]) -> None:
    """Open a journal, and make these calls concurrently."""
    with open_journal(path) as journal:
        await asyncio.gather(
            *(getattr(journal, name)(*args, **options) for name, args, options in calls)
        )


def start(key: str, session: str = "s1") -> tuple[str, tuple[str, ...], dict[str, str]]:
    return "record_start", (key, f"d{key}", session), {}


def end(key: str, outcome: str, **options: str) -> tuple[str, tuple[str, ...], dict[str, str]]:
    return "record_end", (key, f"d{key}", outcome), options


def read_entries(path: Path, *keys: str) -> list[JournalEntry | None]:
    with open_journal(path) as journal:
        return [journal[key] for key in keys]


async def test_journal_remembers_how_rows_ended(tmp_path: Path) -> None:
    """The last record of a row counts."""
    path = tmp_path / "run.jsonl"
    await write(path, start("1"), start("2", "s2"), end("1", "done", folder="out/1"))
    await write(path, start("3", "s3"), end("3", "failed"), end("4", "unknown", session="s4"))

    assert read_entries(path, "1", "2", "3", "4", "5") == [
        JournalEntry(digest="d1", outcome="done", folder="out/1"),
        JournalEntry(digest="d2", session="s2"),
        JournalEntry(digest="d3", outcome="failed"),
        JournalEntry(digest="d4", outcome="unknown", session="s4"),
        None,
    ]
    with open_journal(path) as journal:
        leftovers = journal.find_leftover_sessions()
    assert [(key, entry.session) for key, entry in leftovers] == [("2", "s2"), ("4", "s4")]


@pytest.mark.parametrize("cut", [1, 5, 30])
async def test_incomplete_last_line_is_dropped(tmp_path: Path, cut: int) -> None:
    """A crash during a write loses only this record."""
    path = tmp_path / "run.jsonl"
    await write(path, start("1"), end("1", "done"))
    path.write_bytes(path.read_bytes()[:-cut])

    assert read_entries(path, "1") == [JournalEntry(digest="d1", session="s1")]
    await write(path, end("1", "unknown"))
    assert read_entries(path, "1") == [JournalEntry(digest="d1", outcome="unknown")]


async def test_incomplete_header_is_written_again(tmp_path: Path) -> None:
    """A crash during the first write leaves nothing to keep."""
    path = tmp_path / "run.jsonl"
    await write(path)
    path.write_bytes(path.read_bytes()[:60])

    await write(path, end("1", "done"))

    assert read_entries(path, "1") == [JournalEntry(digest="d1", outcome="done")]


@pytest.mark.parametrize(
    "line",
    [
        b"no json\n",
        b"[1]\n",
        b'{"row": 1, "digest": "d"}\n',
        b'{"digest": "d"}\n',
        b'{"row": "1", "digest": "d", "outcome": "odd"}\n',
        b'{"row": "1", "digest": "d", "session": 5}\n',
    ],
)
async def test_damaged_line_is_refused(tmp_path: Path, line: bytes) -> None:
    """The error names a damaged line before the last one; the file is not changed."""
    path = tmp_path / "run.jsonl"
    await write(path, start("1"))
    content = path.read_bytes() + line + b'{"row": "2", "digest": "d"}\n'
    path.write_bytes(content)

    with pytest.raises(JournalError, match="line 3 of the journal is damaged"):
        open_journal(path)

    assert path.read_bytes() == content


@pytest.mark.parametrize("end", [b"\n", b"", b"\0\n"])
async def test_only_a_line_without_its_end_is_incomplete(tmp_path: Path, end: bytes) -> None:
    """A damaged last line was on the disk, so its row may have run."""
    path = tmp_path / "run.jsonl"
    await write(path, start("1"))
    content = path.read_bytes()
    path.write_bytes(content + b'{"row": "2", "digest": "d2" "session": "s2"}' + end)

    if end:
        with pytest.raises(JournalError, match="line 3 of the journal is damaged"):
            open_journal(path)
    else:
        assert read_entries(path, "1", "2") == [JournalEntry(digest="d1", session="s1"), None]
        assert path.read_bytes() == content


@pytest.mark.parametrize(
    "content",
    [
        b"name,age\nAda,36\n",
        b"hello",
        b'{"a": 1}\n',
        json.dumps(
            {"docassemble-client journal": 1, "interview": I, "server": URL, "salt": 5}
        ).encode()
        + b"\n",
    ],
)
def test_file_that_is_not_a_journal_is_not_changed(tmp_path: Path, content: bytes) -> None:
    """Data of other programs are not overwritten."""
    path = tmp_path / "data.csv"
    path.write_bytes(content)

    with pytest.raises(JournalError, match="not a journal"):
        open_journal(path)

    assert path.read_bytes() == content


@pytest.mark.parametrize(
    ("options", "name"),
    [({"interview": "x"}, "interview"), ({"server": "https://b"}, "server")],
)
async def test_journal_of_another_interview_or_server_is_refused(
    tmp_path: Path, options: dict[str, str], name: str
) -> None:
    """A journal belongs to one interview on one server."""
    path = tmp_path / "run.jsonl"
    await write(path)

    with pytest.raises(JournalError, match=f"another {name}"):
        open_journal(path, **options)


async def test_journal_of_another_version_is_refused(tmp_path: Path) -> None:
    """An unknown format is not read."""
    path = tmp_path / "run.jsonl"
    await write(path)
    path.write_bytes(path.read_bytes().replace(b'journal": 1', b'journal": 2'))

    with pytest.raises(JournalError, match="another format version"):
        open_journal(path)


def test_journal_is_locked_while_it_is_open(tmp_path: Path) -> None:
    """Only one batch at a time can use it."""
    path = tmp_path / "run.jsonl"

    with open_journal(path), pytest.raises(JournalError, match="another batch uses"):
        open_journal(path)
    with open_journal(path) as journal:
        assert journal["1"] is None


def test_digests_identify_rows_and_reveal_nothing(tmp_path: Path) -> None:
    """Equal rows have equal digests, but only in the same journal."""
    path, second_path = tmp_path / "run.jsonl", tmp_path / "second.jsonl"
    row: dict[str, Any] = {"name": "hunter2", "age": 5}
    files: list[Any] = [b"1", b"2", path, [b"1", b"2"], Upload(b"1", "a"), Upload(path, "a")]
    files.append(Upload(io.BytesIO(b"1"), "b"))
    with open_journal(path) as journal:
        digest = journal.compute_digest({"age": 5, "name": "hunter2"})
        digests = [journal.compute_digest({"name": value}) for value in ("Ada", "Bob", *files)]
        digests += [journal.compute_digest({"x": DAObject("Thing", name="Ada")})]
        assert journal.compute_digest(row) == digest not in digests
        assert len({*digests}) == len(digests)
        with pytest.raises(UsageError):
            journal.compute_digest({"name": object()})  # type: ignore[dict-item]  # on purpose
    with open_journal(path) as journal, open_journal(second_path) as second:
        assert journal.compute_digest(row) == digest != second.compute_digest(row)
    assert b"hunter2" not in path.read_bytes()


async def test_journal_is_closed_if_the_caller_is_cancelled_while_it_opens(tmp_path: Path) -> None:
    """The file is not locked afterwards."""
    path = tmp_path / "run.jsonl"
    cleanup = CleanupTasks()

    task = asyncio.ensure_future(
        journal_module.open_journal(path, interview=I, server=URL, cleanup=cleanup)
    )
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await cleanup.aclose(None)

    assert read_entries(path, "1") == [None]
    assert cleanup.take_leftovers() == ()

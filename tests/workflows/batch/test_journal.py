"""The journal of a batch: what it remembers, what it refuses, and what never stands in it."""

from __future__ import annotations

import asyncio
import io
import json
from typing import TYPE_CHECKING, Any

import pytest

from docassemble_client import DAObject, JournalError, Upload, UsageError
from docassemble_client.workflows.batch.journal import Entry, Journal

if TYPE_CHECKING:
    from pathlib import Path

I = "docassemble.demo:data/questions/order.yml"  # noqa: E741 - as everybody calls it
URL = "https://da.example.com"


def opened(path: Path, *, interview: str = I, server: str = URL) -> Journal:
    """Open a journal."""
    return Journal(path, interview=interview, server=server)


def write(path: Path, *calls: tuple[str, tuple[str, ...], dict[str, str]]) -> None:
    """Open a journal, and write into it at the same time."""

    async def job() -> None:
        with opened(path) as journal:
            await asyncio.gather(
                *(getattr(journal, name)(*values, **more) for name, values, more in calls)
            )

    asyncio.run(job())


def began(key: str, session: str = "s1") -> tuple[str, tuple[str, ...], dict[str, str]]:
    return "began", (key, f"d{key}", session), {}


def ended(key: str, outcome: str, **more: str) -> tuple[str, tuple[str, ...], dict[str, str]]:
    return "ended", (key, f"d{key}", outcome), more


def known(path: Path, *keys: str) -> list[Entry | None]:
    """Read what a journal knows."""
    with opened(path) as journal:
        return [journal[key] for key in keys]


def test_journal_remembers_how_rows_ended(tmp_path: Path) -> None:
    """The last line of a row counts."""
    path = tmp_path / "run.jsonl"
    write(path, began("1"), began("2", "s2"), ended("1", "done", folder="out/1"))
    write(path, began("3", "s3"), ended("3", "failed"), ended("4", "unknown", session="s4"))

    assert known(path, "1", "2", "3", "4", "5") == [
        Entry(digest="d1", outcome="done", folder="out/1"),
        Entry(digest="d2", session="s2"),
        Entry(digest="d3", outcome="failed"),
        Entry(digest="d4", outcome="unknown", session="s4"),
        None,
    ]
    with opened(path) as journal:
        assert [(key, one.session) for key, one in journal.left_behind()] == [
            ("2", "s2"), ("4", "s4")
        ]  # fmt: skip


@pytest.mark.parametrize("cut", [1, 5, 30])
def test_torn_last_line_is_dropped(tmp_path: Path, cut: int) -> None:
    """A crash in the middle of a write loses this line only, and the next one is whole."""
    path = tmp_path / "run.jsonl"
    write(path, began("1"), ended("1", "done"))
    path.write_bytes(path.read_bytes()[:-cut])

    assert known(path, "1") == [Entry(digest="d1", session="s1")]
    write(path, ended("1", "unknown"))
    assert known(path, "1") == [Entry(digest="d1", outcome="unknown")]


def test_torn_first_line_is_begun_anew(tmp_path: Path) -> None:
    """A crash in the middle of the first write leaves nothing to keep."""
    path = tmp_path / "run.jsonl"
    write(path)
    path.write_bytes(path.read_bytes()[:60])

    write(path, ended("1", "done"))

    assert known(path, "1") == [Entry(digest="d1", outcome="done")]


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
def test_damaged_line_is_refused(tmp_path: Path, line: bytes) -> None:
    """What is damaged before the last line is told with its number, and left as it is."""
    path = tmp_path / "run.jsonl"
    write(path, began("1"))
    content = path.read_bytes() + line + b'{"row": "2", "digest": "d"}\n'
    path.write_bytes(content)

    with pytest.raises(JournalError, match="line 3 of the journal is damaged"):
        opened(path)

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
def test_file_that_is_no_journal_is_left_alone(tmp_path: Path, content: bytes) -> None:
    """Nobody's data are overwritten."""
    path = tmp_path / "data.csv"
    path.write_bytes(content)

    with pytest.raises(JournalError, match="no journal"):
        opened(path)

    assert path.read_bytes() == content


@pytest.mark.parametrize(
    ("other", "what"),
    [({"interview": "x"}, "interview"), ({"server": "https://b"}, "server")],
)
def test_journal_of_something_else_is_refused(
    tmp_path: Path, other: dict[str, str], what: str
) -> None:
    """A journal belongs to one interview on one server."""
    path = tmp_path / "run.jsonl"
    write(path)

    with pytest.raises(JournalError, match=f"another {what}"):
        opened(path, **other)


def test_journal_of_another_version_is_refused(tmp_path: Path) -> None:
    """A format that is not known is not guessed at."""
    path = tmp_path / "run.jsonl"
    write(path)
    path.write_bytes(path.read_bytes().replace(b'journal": 1', b'journal": 2'))

    with pytest.raises(JournalError, match="another version"):
        opened(path)


def test_journal_is_used_by_one_batch_at_a_time(tmp_path: Path) -> None:
    """The second one is refused, until the first one is over."""
    path = tmp_path / "run.jsonl"

    with opened(path), pytest.raises(JournalError, match="another batch uses"):
        opened(path)
    with opened(path) as journal:
        assert journal["1"] is None


def test_digests_tell_rows_apart_and_nothing_else(tmp_path: Path) -> None:
    """Equal rows have equal digests, in one journal only; what they hold stands nowhere."""
    path, other = tmp_path / "run.jsonl", tmp_path / "other.jsonl"
    row: dict[str, Any] = {"name": "hunter2", "age": 5}
    files: list[Any] = [b"1", b"2", path, [b"1", b"2"], Upload(b"1", "a"), Upload(path, "a")]
    files.append(Upload(io.BytesIO(b"1"), "b"))
    with opened(path) as journal:
        same = journal.digest({"age": 5, "name": "hunter2"})
        digests = [journal.digest({"name": one}) for one in ("Ada", "Bob", *files)]
        digests += [journal.digest({"x": DAObject("Thing", name="Ada")})]
        assert journal.digest(row) == same not in digests
        assert len({*digests}) == len(digests)
        with pytest.raises(UsageError):
            journal.digest({"name": object()})  # type: ignore[dict-item]  # on purpose
    with opened(path) as journal, opened(other) as second:
        assert journal.digest(row) == same != second.digest(row)
    assert b"hunter2" not in path.read_bytes()

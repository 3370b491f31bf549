"""A journal on disk of the rows of a batch, so that a later run repeats no row."""

from __future__ import annotations

import json
import os
import secrets
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeAlias, cast

from attrs import frozen

from docassemble_client._cleanup import CleanupTasks
from docassemble_client._concurrency import make_lock, sleep, to_thread
from docassemble_client.workflows.errors import JournalError
from docassemble_client.workflows.interviews.answer_digest import compute_digest

if TYPE_CHECKING:
    from typing import Self

    from docassemble_client.workflows.interviews.answers import Answer

if sys.platform == "win32":  # pragma: no cover
    import msvcrt

    def _lock(file: IO[bytes]) -> None:
        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(file: IO[bytes]) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


_FORMAT_NAME = "docassemble-client journal"
_HEADER_PREFIX = f'{{"{_FORMAT_NAME}"'.encode()
_FORMAT_VERSION = 1
_DIGEST_BYTES = 16  # enough to distinguish rows
_OUTCOMES = frozenset({"done", "failed", "unknown"})
_Record: TypeAlias = Mapping[str, Any]


@frozen(kw_only=True)
class JournalEntry:
    """
    The state of a row in the journal.

    Attributes:
        digest: Salted digest of the row's answers.
        outcome: done, failed or unknown; empty if the row started and did not end.
        session: ID of the session that is, or may be, still on the server; empty if none.
        folder: Absolute folder of the documents; empty if they were not saved.
        files: Number of documents in the folder; 0 if unknown.
    """

    digest: str
    outcome: str = ""
    session: str = ""
    folder: str = ""
    files: int = 0


class Journal:
    """
    A locked file of JSON lines, one for each start and each end of a row.

    It contains row keys, digests, session IDs and folders, but no answers and no secrets.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        interview: str,
        server: str,
        cleanup: CleanupTasks | None = None,
    ) -> None:
        """
        Open or create a journal, and lock it until it is closed.

        Args:
            path: The file.
            interview: File name of the interview.
            server: Address of the server.
            cleanup: Syncs records to the disk, even if the row is cancelled in the meantime.

        Raises:
            JournalError: The file is in use, damaged, not a journal, or belongs to another
                interview or server.
            OSError: The file cannot be written.
        """
        self._path = Path(path)
        self._cleanup = cleanup or CleanupTasks()
        self._entries: dict[str, JournalEntry] = {}
        self._written_count = self._synced_count = 0
        self._sync_lock = make_lock()
        # Append mode, so that existing content cannot be overwritten.
        self._file = self._path.open("a+b")
        try:
            self._load(interview, server)
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    async def aclose(self) -> None:
        """Wait for records that are being synced, and unlock and close the file."""
        try:
            async with self._sync_lock:
                pass
        finally:
            self._file.close()

    def __getitem__(self, key: str) -> JournalEntry | None:
        return self._entries.get(key)

    def find_leftover_sessions(self) -> list[tuple[str, JournalEntry]]:
        """
        Find the rows whose session may still be on the server.

        Returns:
            Keys of these rows with their entries.
        """
        return [(key, entry) for key, entry in self._entries.items() if entry.session]

    def compute_digest(
        self, row: Mapping[str, Answer], initial: Mapping[str, Answer] | None = None
    ) -> str:
        """
        Compute a digest that identifies the answers of a row without revealing them.

        Args:
            row: Answers by variable.
            initial: Variables that are set before the first question.

        Returns:
            The digest, with the salt of this journal.

        Raises:
            UsageError: A value cannot be sent.
        """
        digest = compute_digest(row, self._salt)
        if initial:
            digests = {"row": digest, "initial": compute_digest(initial, self._salt)}
            digest = compute_digest(digests, self._salt)
        return digest[: 2 * _DIGEST_BYTES]

    async def record_start(self, key: str, digest: str, session: str) -> None:
        """
        Record the start of a row, before its answers are sent.

        Args:
            key: Key of the row.
            digest: Digest of the row.
            session: ID of the row's session.
        """
        self._write({"row": key, "digest": digest, "session": session})
        await self._sync()

    async def record_end(
        self,
        key: str,
        digest: str,
        outcome: str,
        *,
        folder: str = "",
        files: int = 0,
        session: str = "",
    ) -> None:
        """
        Record the outcome of a row, before it is reported.

        Args:
            key: Key of the row.
            digest: Digest of the row.
            outcome: done, failed or unknown.
            folder: Absolute folder of the documents.
            files: Number of documents in the folder.
            session: ID of the row's session, if it could not be deleted.
        """
        optional = {"folder": folder, "files": files, "session": session}
        record = {"row": key, "digest": digest, "outcome": outcome}
        self._write(record | {name: value for name, value in optional.items() if value})
        await self._sync()

    def _write(self, record: _Record) -> None:
        self._file.write(json.dumps(record).encode() + b"\n")
        self._file.flush()
        self._written_count += 1

    async def _sync(self) -> None:
        """Wait until all records so far are on disk; rows that end together share one fsync."""
        count = self._written_count
        await sleep(0)
        await self._cleanup.run(partial(self._sync_records, count), "unsynced lines of a journal")

    async def _sync_records(self, count: int) -> None:
        async with self._sync_lock:
            if self._synced_count < count:
                # Records that are written during the fsync may not be part of it.
                count = self._written_count
                await to_thread(os.fsync, self._file.fileno())
                self._synced_count = count

    def _load(self, interview: str, server: str) -> None:
        try:
            _lock(self._file)
        except OSError:
            message = "another batch uses this journal"
            raise JournalError(message, hint="Wait until it ends, or use another file") from None
        header = {_FORMAT_NAME: _FORMAT_VERSION, "interview": interview, "server": server}
        size, is_first = 0, True
        self._salt = secrets.token_bytes(_DIGEST_BYTES)
        self._file.seek(0)
        for number, line in enumerate(self._file, start=1):
            record = _parse_record(line)
            if record is None:
                # Only the last line can be incomplete: after a crash while it was written.
                is_cut = not line.endswith(b"\n")
                if not is_cut or (is_first and not line.startswith(_HEADER_PREFIX)):
                    raise _damage_error(number)
                break
            if is_first:
                self._salt = _read_salt(record, header)
                is_first = False
            else:
                self._add_entry(record, number)
            size += len(line)
        self._file.truncate(size)
        if is_first:
            self._write({**header, "salt": self._salt.hex()})

    def _add_entry(self, record: _Record, number: int) -> None:
        key, digest = record.get("row"), record.get("digest")
        optional = [record.get(name, "") for name in ("outcome", "session", "folder")]
        if not all(isinstance(value, str) for value in (key, digest, *optional)):
            raise _damage_error(number)
        outcome, session, folder = optional
        files = record.get("files", 0)
        if (outcome and outcome not in _OUTCOMES) or type(files) is not int:
            raise _damage_error(number)
        self._entries[cast("str", key)] = JournalEntry(
            digest=cast("str", digest),
            outcome=outcome,
            session=session,
            folder=folder,
            files=files,
        )


async def open_journal(
    path: str | os.PathLike[str], *, interview: str, server: str, cleanup: CleanupTasks
) -> Journal:
    """
    Open a journal in a thread, because a large one takes long to read.

    If the caller is cancelled in the meantime, the journal is closed.

    Args:
        path: As for `Journal`.
        interview: As for `Journal`.
        server: As for `Journal`.
        cleanup: As for `Journal`.

    Returns:
        The journal.

    Raises:
        JournalError: As for `Journal`.
        OSError: The file cannot be written.
    """
    make_journal = partial(Journal, path, interview=interview, server=server, cleanup=cleanup)
    return await cleanup.run(
        partial(to_thread, make_journal), "the lock of a journal", undo=Journal.aclose
    )


def _parse_record(line: bytes) -> _Record | None:
    """Parse a line; None if it is incomplete or not a JSON object."""
    try:
        record: object = json.loads(line)
    except (ValueError, RecursionError):
        return None
    is_complete = line.endswith(b"\n") and isinstance(record, dict)
    return cast("_Record", record) if is_complete else None


def _read_salt(header: _Record, expected: _Record) -> bytes:
    """Check the header, and return the salt."""
    if _FORMAT_NAME not in header:
        raise _damage_error(1)
    for name, value in expected.items():
        if header.get(name) != value:
            field = "format version" if name == _FORMAT_NAME else name
            message = f"the journal was written for another {field}"
            raise JournalError(message, hint="Use a separate file for each batch")
    try:
        return bytes.fromhex(header["salt"])
    except (KeyError, TypeError, ValueError):
        raise _damage_error(1) from None


def _damage_error(number: int) -> JournalError:
    message = f"line {number} of the journal is damaged, or the file is not a journal"
    return JournalError(message, hint="The file was not changed; use another file to start again")

"""What a batch has done, on disk: so that another run does nothing twice."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import os
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeAlias, cast

from attrs import frozen

from docassemble_client.transfer import Upload
from docassemble_client.workflows.errors import JournalError
from docassemble_client.workflows.interviews.answers import encode_answers

if TYPE_CHECKING:
    from typing import Self

    from docassemble_client.transfer import FileInput
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


_NAME = "docassemble-client journal"
_OPENING = f'{{"{_NAME}"'.encode()
_VERSION = 1
_SHORT = 16  # bytes of a digest: enough to tell rows apart
_ENDS = frozenset({"done", "failed", "unknown"})
_Line: TypeAlias = Mapping[str, Any]


@frozen(kw_only=True)
class Entry:
    """
    What the journal knows of a row.

    Attributes:
        digest: Salted digest of what the row holds.
        outcome: How it ended; empty if it only began.
        session: ID of the session that is, or may be, on the server still; empty if none is.
        folder: Where its documents are; empty if they were not saved.
    """

    digest: str
    outcome: str = ""
    session: str = ""
    folder: str = ""


class Journal:
    """
    A file of JSON lines, one for each row that began or ended, under a lock.

    It holds keys of rows, digests, IDs of sessions and folders; no answer and no secret.
    """

    def __init__(self, path: str | os.PathLike[str], *, interview: str, server: str) -> None:
        """
        Open a journal, or begin one; nobody else can open it before it is closed.

        Args:
            path: The file.
            interview: File name of the interview.
            server: Address of the server.

        Raises:
            JournalError: It is in use, damaged, no journal, or that of something else.
            OSError: The file cannot be written.
        """
        self._path = Path(path)
        self._entries: dict[str, Entry] = {}
        self._written = self._durable = 0
        # Appending, so that nothing that stands in it can be overwritten.
        self._file = self._path.open("a+b")
        try:
            self._begin(interview, server)
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __getitem__(self, key: str) -> Entry | None:
        return self._entries.get(key)

    def left_behind(self) -> list[tuple[str, Entry]]:
        """
        Find what earlier runs left on the server.

        Returns:
            Keys of rows, and what is known of them, with the ID of a session.
        """
        return [(key, one) for key, one in self._entries.items() if one.session]

    def digest(self, row: Mapping[str, Answer]) -> str:
        """
        Make a text that is the same for the same row only, and tells nothing about it.

        Args:
            row: Answers by variable.

        Returns:
            The digest, salted with what only this journal has.

        Raises:
            UsageError: A value cannot be sent.
        """
        encoded = encode_answers(row)
        files = {
            encoded.file_variables.get(part, part): [_mark(one) for one in several]
            for part, several in encoded.files.items()
        }
        text = json.dumps([encoded.literal, encoded.converted, files], sort_keys=True)
        return hmac.new(self._salt, text.encode(), hashlib.sha256).hexdigest()[: 2 * _SHORT]

    async def began(self, key: str, digest: str, session: str) -> None:
        """
        Write that a row begins, before its answers are sent.

        Args:
            key: Key of the row.
            digest: Its digest.
            session: ID of its session.
        """
        self._write({"row": key, "digest": digest, "session": session})
        await self._synced()

    async def ended(
        self, key: str, digest: str, outcome: str, *, folder: str = "", session: str = ""
    ) -> None:
        """
        Write how a row ended, before anybody is told.

        Args:
            key: Key of the row.
            digest: Its digest.
            outcome: done, failed or unknown.
            folder: Where its documents are.
            session: ID of its session, if it could not be deleted.
        """
        more = {"folder": folder, "session": session}
        line = {"row": key, "digest": digest, "outcome": outcome}
        self._write(line | {name: value for name, value in more.items() if value})
        await self._synced()

    def _write(self, line: _Line) -> None:
        self._file.write(json.dumps(line).encode() + b"\n")
        self._file.flush()
        self._written += 1

    async def _synced(self) -> None:
        """Wait until what is written is on the disk; rows that end together share it."""
        mine = self._written
        await asyncio.sleep(0)
        if self._durable < mine:
            os.fsync(self._file.fileno())
            self._durable = self._written

    def _begin(self, interview: str, server: str) -> None:
        try:
            _lock(self._file)
        except OSError:
            message = "another batch uses this journal"
            raise JournalError(message, hint="Wait for it, or use another file") from None
        head = {_NAME: _VERSION, "interview": interview, "server": server}
        size, first = 0, True
        self._salt = secrets.token_bytes(_SHORT)
        self._file.seek(0)
        for number, line in enumerate(self._file, start=1):
            content = _read(line)
            if content is None:
                # Only the last line can be torn: by a crash in the middle of writing it.
                if self._file.read(1) or (first and not line.startswith(_OPENING)):
                    raise _damaged(number)
                break
            if first:
                self._salt = _checked_head(content, head)
                first = False
            else:
                self._note(content, number)
            size += len(line)
        self._file.truncate(size)
        if first:
            self._write({**head, "salt": self._salt.hex()})

    def _note(self, line: _Line, number: int) -> None:
        key, digest = line.get("row"), line.get("digest")
        rest = [line.get(name, "") for name in ("outcome", "session", "folder")]
        if not all(isinstance(one, str) for one in (key, digest, *rest)):
            raise _damaged(number)
        outcome, session, folder = rest
        if outcome and outcome not in _ENDS:
            raise _damaged(number)
        self._entries[cast("str", key)] = Entry(
            digest=cast("str", digest), outcome=outcome, session=session, folder=folder
        )


def _read(line: bytes) -> _Line | None:
    """Read a line; None if it is not whole."""
    try:
        content: object = json.loads(line)
    except ValueError:
        return None
    whole = line.endswith(b"\n") and isinstance(content, dict)
    return cast("_Line", content) if whole else None


def _checked_head(line: _Line, wanted: _Line) -> bytes:
    """Compare the first line with what it has to be, and return the salt."""
    if _NAME not in line:
        raise _damaged(1)
    for name, value in wanted.items():
        if line.get(name) != value:
            what = "version" if name == _NAME else name
            message = f"the journal is that of another {what}"
            raise JournalError(message, hint="Use one file for each batch")
    try:
        return bytes.fromhex(line["salt"])
    except (KeyError, TypeError, ValueError):
        raise _damaged(1) from None


def _damaged(number: int) -> JournalError:
    message = f"line {number} of the journal is damaged, or the file is no journal"
    return JournalError(message, hint="It was left as it is; use another file to begin anew")


def _mark(file: FileInput) -> str:
    """Tell a file from another one, as far as it can be read twice."""
    name = ""
    if isinstance(file, Upload):
        name = file.filename
        file = file.content
    if isinstance(file, bytes):
        return f"{name}:{hashlib.sha256(file).hexdigest()}"
    return f"{name}:{os.fspath(file)}" if isinstance(file, (str, os.PathLike)) else name

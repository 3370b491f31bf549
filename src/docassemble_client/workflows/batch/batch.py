"""One interview for many rows: bounded, resumable, and each row at most once."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import AsyncIterable, Callable, Iterable, Mapping, Sequence, Sized
from contextlib import ExitStack, aclosing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from attrs import define, evolve, field, frozen

from docassemble_client.errors import DocassembleError, UsageError
from docassemble_client.transfer import safe_filename
from docassemble_client.workflows.batch.adaptive_limit import Pace
from docassemble_client.workflows.batch.journal import Journal
from docassemble_client.workflows.batch.resilient_session import CarefulSession
from docassemble_client.workflows.batch.results import BatchProgress, RowOutcome, RowResult
from docassemble_client.workflows.errors import InterviewError, JournalError
from docassemble_client.workflows.interviews.answer_source import Policy
from docassemble_client.workflows.interviews.document_sources import documents_of
from docassemble_client.workflows.interviews.documents import Documents
from docassemble_client.workflows.shield import to_its_end

if TYPE_CHECKING:
    import os
    from collections.abc import AsyncGenerator

    from docassemble_client.client import AsyncDocassemble
    from docassemble_client.workflows.interviews.answers import Answer
    from docassemble_client.workflows.interviews.documents import DocumentDownloads

Row: TypeAlias = "Mapping[str, Answer]"
Rows: TypeAlias = "Iterable[Row] | AsyncIterable[Row]"
"""Answers by variable, one mapping for each run of the interview."""
RowKey: TypeAlias = "str | Callable[[Row], object]"
"""What tells rows apart: the name of a variable, or a function of the row."""

_LONGEST = 64  # characters of a key in a folder's name
_PLAIN = re.compile(r"[a-z0-9_-][a-z0-9._-]{0,63}", re.ASCII)


@frozen(kw_only=True)
class Wishes:
    """
    What is wanted of every row; see `Interview.assemble_many`.

    Attributes:
        concurrency: How many rows are under way at most.
        save_to: Folder for the documents.
        key: What tells rows apart.
        policy: What to answer where the row says nothing.
        max_steps: How many screens there may be.
        url_args: What url_args of the interview is to hold.
        formats: Formats that are wanted.
        max_size: How many bytes each document may have.
        repeat_unknown: Whether to repeat what an earlier run may have done.
        patience: Seconds for which a call is repeated.
        on_progress: Is told after each row.
    """

    concurrency: int
    save_to: Path | None
    key: RowKey | None
    policy: Policy
    max_steps: int
    url_args: Mapping[str, str] | None
    formats: Sequence[str] | None
    max_size: int | None
    repeat_unknown: bool
    patience: float
    on_progress: Callable[[BatchProgress], object] | None = field(repr=False)


class Batch:
    """Runs one interview for many rows."""

    def __init__(
        self, da: AsyncDocassemble, i: str, wishes: Wishes, journal: Journal | None
    ) -> None:
        self._da = da
        self._i = i
        self._wishes = wishes
        self._journal = journal
        self._pace = Pace(wishes.concurrency)
        self._keys: set[str] = set()
        self._left: set[str] = set()
        self._progress = BatchProgress()

    async def results(self, rows: Rows) -> AsyncGenerator[RowResult]:
        """
        Run all rows.

        Args:
            rows: The rows.

        Yields:
            How each ended, in the order in which they end.
        """
        total = len(rows) if isinstance(rows, Sized) else None
        self._progress = evolve(self._progress, total=total)
        await self._clean_up()
        source = _numbered(rows)
        running: set[asyncio.Task[RowResult]] = set()
        fetching: set[asyncio.Task[tuple[int, Row] | None]] = set()
        more = True
        try:
            while True:
                if more and not fetching and len(running) < self._pace.limit:
                    # A task, as rows may come slowly while others end.
                    fetching = {asyncio.ensure_future(_next(source))}
                if not (running or fetching):
                    return
                await asyncio.wait({*running, *fetching}, return_when=asyncio.FIRST_COMPLETED)
                for fetched in [one for one in fetching if one.done()]:
                    fetching = set()
                    row = fetched.result()
                    more = row is not None
                    if row is not None:
                        running.add(asyncio.ensure_future(self._result(*row)))
                for ended in [one for one in running if one.done()]:
                    running.discard(ended)
                    yield self._reported(ended.result(), active=len(running))
        finally:
            await to_its_end(_stopped({*running, *fetching}))
            await source.aclose()

    def _reported(self, result: RowResult, *, active: int) -> RowResult:
        self._progress = self._progress.after(result, active=active, concurrency=self._pace.limit)
        if self._wishes.on_progress is not None:
            self._wishes.on_progress(self._progress)
        return result

    async def _clean_up(self) -> None:
        """Delete the sessions that earlier runs left on the server."""
        journal = self._journal
        for key, entry in [] if journal is None else journal.left_behind():
            try:
                await self._da.sessions.delete(self._i, entry.session)
            except DocassembleError:
                # They stay in the journal, and the next run tries again.
                self._left.add(entry.session)
                continue
            if journal is not None and entry.outcome:
                await journal.ended(key, entry.digest, entry.outcome, folder=entry.folder)

    async def _result(self, index: int, row: Row) -> RowResult:
        """Do a row, unless an earlier run has done it or may have."""
        one = _Row(index, self._key(index, row), row)
        if self._journal is not None:
            try:
                one.digest = self._journal.digest(row)
            except UsageError as error:
                return one.result("failed", error=error)
            entry = self._journal[one.key]
            # One that failed may have been mended since.
            known = entry is not None and entry.outcome != "failed"
            if entry is not None and known and entry.digest != one.digest:
                message = f"row {one.key!r} is not the one that the journal knows under this key"
                hint = "Use another journal, or a key that stays with its row"
                raise JournalError(message, hint=hint)
            if entry is not None and entry.outcome == "done":
                return one.result("done", paths=_files(entry.folder), earlier=True)
            if entry is not None and known and not self._wishes.repeat_unknown:
                left = entry.session if entry.session in self._left else ""
                if not entry.outcome:
                    await self._journal.ended(one.key, one.digest, "unknown", session=left)
                return one.result("unknown", earlier=True, left=left)
        return await self._done(one)

    def _key(self, index: int, row: Row) -> str:
        wanted = self._wishes.key
        if not isinstance(cast("object", row), Mapping):
            message = f"row {index} is no mapping of answers by variable"
            raise UsageError(message)
        if wanted is None:
            return str(index)
        if isinstance(wanted, str) and wanted not in row:
            message = f"row {index} lacks {wanted!r}, which is to be its key"
            raise UsageError(message)
        key = str(row[wanted] if isinstance(wanted, str) else wanted(row))
        if key in self._keys:
            message = f"two rows have the key {key!r}"
            raise UsageError(message, hint="Choose a key that no two rows share")
        self._keys.add(key)
        return key

    async def _done(self, one: _Row) -> RowResult:
        """Do a row; what goes wrong with it is its result."""
        session = CarefulSession(
            self._da,
            self._i,
            url_args=self._wishes.url_args,
            patience=self._wishes.patience,
            pace=self._pace,
            began=partial(self._began, one),
        )
        try:
            async with session:
                transcript = await session.run(
                    one.row, policy=self._wishes.policy, max_steps=self._wishes.max_steps
                )
                downloads = documents_of(
                    self._da,
                    transcript,
                    formats=self._wishes.formats,
                    max_size=self._wishes.max_size,
                )
                documents, paths = await self._taken(session, one, downloads)
        except DocassembleError as error:
            if isinstance(error, InterviewError):
                self._pace.succeeded(None)
            result = one.result(_undone(session), error=error, left=session.left)
        except BaseException:
            # Cancelled, or the disk is full: the journal still learns what is certain.
            await to_its_end(self._ended(one, one.result(_undone(session), left=session.left)))
            raise
        else:
            self._pace.succeeded(session.seconds)
            result = one.result("done", documents=documents, paths=paths, left=session.left)
        await self._ended(one, result)
        return result

    async def _taken(
        self, session: CarefulSession, one: _Row, downloads: DocumentDownloads
    ) -> tuple[Documents | None, tuple[Path, ...]]:
        """Take the documents before their session is deleted."""
        folder = self._folder(one.key)
        if folder is None:
            read = [await session.persist(each.read) for each in downloads]
            return Documents(read, downloads.transcript), ()
        folder.mkdir(parents=True, exist_ok=True)
        saves = [partial(each.save, folder / each.filename) for each in downloads]
        return None, tuple([await session.persist(save) for save in saves])

    def _folder(self, key: str) -> Path | None:
        """Find the folder of a row, which is no other row's whatever their keys are."""
        if self._wishes.save_to is None:
            return None
        name = safe_filename(key) or "row"
        if name != key or not _PLAIN.fullmatch(key):
            digest = hashlib.sha256(key.encode(errors="surrogatepass")).hexdigest()
            name = f"{name[:_LONGEST]}-{digest[:10]}"
        return self._wishes.save_to / name

    async def _began(self, one: _Row, session: str) -> None:
        if self._journal is not None:
            await self._journal.began(one.key, one.digest, session)

    async def _ended(self, one: _Row, result: RowResult) -> None:
        if self._journal is not None:
            folder = self._folder(one.key) if result.paths else None
            await self._journal.ended(
                one.key,
                one.digest,
                result.outcome,
                folder=str(folder or ""),
                session=result.left,
            )


@define
class _Row:
    """A row that is to be done."""

    index: int
    key: str
    row: Row = field(repr=False)
    digest: str = ""

    def result(
        self,
        outcome: RowOutcome,
        *,
        documents: Documents | None = None,
        paths: tuple[Path, ...] = (),
        error: DocassembleError | None = None,
        earlier: bool = False,
        left: str = "",
    ) -> RowResult:
        """Make the result that is reported."""
        return RowResult(
            index=self.index,
            key=self.key,
            outcome=outcome,
            row=self.row,
            documents=documents,
            paths=paths,
            error=error and _alone(error),
            earlier=earlier,
            left=left,
        )


async def assemble_many(
    da: AsyncDocassemble,
    i: str,
    rows: Rows,
    wishes: Wishes,
    *,
    journal: str | os.PathLike[str] | None,
) -> AsyncGenerator[RowResult]:
    """
    Run one interview for many rows.

    Args:
        da: Client.
        i: Interview.
        rows: Answers by variable, for each run.
        wishes: What is wanted of every row.
        journal: File that remembers what was done.

    Yields:
        How each row ended.
    """
    if type(wishes.concurrency) is not int or wishes.concurrency < 1:
        message = "concurrency must be a whole number from 1"
        raise UsageError(message)
    with ExitStack() as stack:
        opened = None
        if journal is not None:
            opened = stack.enter_context(Journal(journal, interview=i, server=da.base_url))
        async with aclosing(Batch(da, i, wishes, opened).results(rows)) as results:
            async for result in results:
                yield result


async def _numbered(rows: Rows) -> AsyncGenerator[tuple[int, Row]]:
    index = 0
    if isinstance(rows, AsyncIterable):
        async for row in rows:
            yield index, row
            index += 1
    else:
        for row in rows:
            yield index, row
            index += 1


async def _next(source: AsyncGenerator[tuple[int, Row]]) -> tuple[int, Row] | None:
    return await anext(source, None)


async def _stopped(tasks: set[asyncio.Task[Any]]) -> None:
    """Cancel tasks, and wait until they have cleaned up."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _alone(error: DocassembleError) -> DocassembleError:
    """Let go of frames and causes, which hold whole rows, and what cannot be pickled."""
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)


def _undone(session: CarefulSession) -> RowOutcome:
    return "unknown" if session.at_risk else "failed"


def _files(folder: str) -> tuple[Path, ...]:
    place = Path(folder)
    return tuple(sorted(place.iterdir())) if folder and place.is_dir() else ()

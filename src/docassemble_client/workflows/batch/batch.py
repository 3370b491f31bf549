"""Runs one interview for many rows: bounded, resumable, each row at most once."""

from __future__ import annotations

import errno
import os
from collections.abc import (
    AsyncGenerator,
    Callable,
    Mapping,
    Sequence,
    Sized,
)
from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias, cast

from attrs import evolve, field, frozen

from docassemble_client._base_client import BaseClient
from docassemble_client._checks import (
    CALLABLE,
    COUNT,
    FLAG,
    MAPPING,
    MAPPING_OR_FUNCTION,
    ROWS,
    SECONDS,
    SIZE,
    TEXT_OR_FUNCTION,
    TEXT_OR_TEXTS,
    check_arguments,
    validate,
)
from docassemble_client._client_lifetime import get_cleanup_tasks
from docassemble_client._concurrency import (
    FIRST_COMPLETED,
    Task,
    create_task,
    gather,
    run_callback,
    to_thread,
    wait,
)
from docassemble_client.errors import DocassembleError, UsageError
from docassemble_client.workflows.batch.adaptive_limit import AdaptiveLimit
from docassemble_client.workflows.batch.journal import Journal, open_journal
from docassemble_client.workflows.batch.resilient_session import ResilientSession
from docassemble_client.workflows.batch.results import BatchProgress, RowOutcome, RowResult
from docassemble_client.workflows.batch.row_folder import (
    create_folder,
    list_documents,
    make_folder_path,
)
from docassemble_client.workflows.batch.row_reader import Row, Rows, enumerate_rows, fetch_row
from docassemble_client.workflows.batch.row_state import RowState
from docassemble_client.workflows.errors import DocumentsNotSaved, InterviewError, JournalError
from docassemble_client.workflows.interviews.answers import Answer
from docassemble_client.workflows.interviews.document_sources import find_documents
from docassemble_client.workflows.interviews.documents import DocumentDownloads, Documents
from docassemble_client.workflows.interviews.policy_values import POLICY, AnswerPolicy
from docassemble_client.workflows.interviews.text_format import TEXT_FORMAT, TextFormat

RowKey: TypeAlias = str | Callable[[Row], object]
"""Identifies a row: the name of a variable, or a function of the row."""

InitialVariables: TypeAlias = Mapping[str, Answer] | Callable[[Row], Mapping[str, Answer]]
"""Variables to set before the first question: the same for every row, or a function of the row."""

# They concern every row, so they end the batch.
_DISK_ERRORS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO})


@frozen(kw_only=True)
class BatchOptions:
    """Options for every row, as in `Interview.assemble_many`."""

    concurrency: int = field(validator=validate(COUNT))
    save_to: Path | None
    key: RowKey | None = field(validator=validate(TEXT_OR_FUNCTION, optional=True))
    initial: InitialVariables | None = field(repr=False)
    policy: AnswerPolicy = field(validator=validate(POLICY))
    max_steps: int = field(validator=validate(COUNT))
    text_format: TextFormat = field(validator=validate(TEXT_FORMAT))
    url_args: Mapping[str, str] | None = field(validator=validate(MAPPING, optional=True))
    documents: Sequence[str] | None = field(validator=validate(TEXT_OR_TEXTS, optional=True))
    formats: Sequence[str] | None = field(validator=validate(TEXT_OR_TEXTS, optional=True))
    max_size: int | None = field(validator=validate(SIZE, optional=True))
    rerun_unknown: bool = field(validator=validate(FLAG))
    rerun_missing: bool = field(validator=validate(FLAG))
    outage_timeout: float = field(validator=validate(SECONDS))
    on_progress: Callable[[BatchProgress], object] | None = field(repr=False)


class Batch:
    """Runs one interview for many rows."""

    def __init__(
        self, client: BaseClient, i: str, options: BatchOptions, journal: Journal | None
    ) -> None:
        self._client = client
        self._i = i
        self._options = options
        self._journal = journal
        self._adaptive_limit = AdaptiveLimit(options.concurrency)
        self._keys: set[str] = set()
        self._leftover_sessions: set[str] = set()
        self._own_sessions: set[str] = set()
        self._rows_in_memory: dict[int, RowState] = {}
        self._progress = BatchProgress()

    async def run(self, rows: Rows) -> AsyncGenerator[RowResult]:
        """
        Run all rows, and close the journal.

        Args:
            rows: The rows.

        Yields:
            The result of each row, in the order in which the rows end.
        """
        total = len(rows) if isinstance(rows, Sized) else None
        self._progress = evolve(self._progress, total=total)
        numbered_rows = enumerate_rows(rows)
        running: set[Task[RowResult]] = set()
        fetching: set[Task[tuple[int, Row] | None]] = set()
        has_more_rows = True
        try:
            await self._prepare()
            while True:
                if has_more_rows and not fetching and len(running) < self._adaptive_limit.limit:
                    # A task, because rows may arrive slowly while others end.
                    fetching = {create_task(fetch_row(numbered_rows))}
                if not (running or fetching):
                    break
                await wait({*running, *fetching}, return_when=FIRST_COMPLETED)
                for fetch in [task for task in fetching if task.done()]:
                    fetching = set()
                    numbered_row = fetch.result()
                    has_more_rows = numbered_row is not None
                    if numbered_row is not None:
                        running.add(create_task(self._process_row(*numbered_row)))
                for completed in [task for task in running if task.done()]:
                    running.discard(completed)
                    result = completed.result()
                    yield await self._report_progress(result, active=len(running))
                    # Documents in memory are safe only when the caller asks for the next row.
                    if (row := self._rows_in_memory.pop(result.index, None)) is not None:
                        await self._record_end(row, result)
        except BaseException as error:
            for task in (*running, *fetching):
                task.cancel()
            await get_cleanup_tasks(self._client).finish(
                partial(self._stop, {*running, *fetching}, numbered_rows),
                f"sessions of a batch of {self._i}",
                error,
                note="The batch was not stopped",
            )
            raise
        await self._stop(set(), numbered_rows)

    async def _stop(self, tasks: set[Task[Any]], rows: AsyncGenerator[tuple[int, Row]]) -> None:
        """Wait until cancelled tasks have cleaned up, and close the rows and the journal."""
        try:
            await gather(*tasks, return_exceptions=True)
            await rows.aclose()
        finally:
            if self._journal is not None:
                await self._journal.aclose()

    async def _report_progress(self, result: RowResult, *, active: int) -> RowResult:
        self._progress = self._progress.with_result(
            result, active=active, concurrency=self._adaptive_limit.limit
        )
        if self._options.on_progress is not None:
            await run_callback(self._options.on_progress, self._progress)
        return result

    async def _prepare(self) -> None:
        """Create the folder for the documents, and delete the sessions of earlier runs."""
        if self._options.save_to is not None:
            try:
                await to_thread(create_folder, self._options.save_to.absolute())
            except (FileExistsError, NotADirectoryError) as error:
                message = f"save_to cannot be a folder ({error.strerror})"
                raise UsageError(
                    message, hint="Pass the path of a folder, which may be new"
                ) from None
        await self._delete_leftover_sessions()

    async def _delete_leftover_sessions(self) -> None:
        """Delete the sessions that earlier runs left on the server."""
        journal = self._journal
        for key, entry in [] if journal is None else journal.find_leftover_sessions():
            try:
                await self._client.sessions.delete(self._i, entry.session)
            except DocassembleError:
                # They stay in the journal, and the next run tries again.
                self._leftover_sessions.add(entry.session)
                continue
            if journal is not None and entry.outcome:
                await journal.record_end(
                    key, entry.digest, entry.outcome, folder=entry.folder, files=entry.files
                )

    async def _process_row(self, index: int, answers: Row) -> RowResult:
        """Run a row, unless the journal shows that an earlier run processed it, or may have."""
        initial = self._options.initial
        row = RowState(
            index,
            self._make_key(index, answers),
            answers,
            initial=initial(answers) if callable(initial) else initial or {},
        )
        if self._journal is not None:
            try:
                row.digest = self._journal.compute_digest(answers, row.initial)
            except UsageError as error:
                return row.make_result("failed", error=error)
            entry = self._journal[row.key]
            # The answers of a failed row may have been corrected since.
            may_have_finished = entry is not None and entry.outcome != "failed"
            if entry is not None and may_have_finished and entry.digest != row.digest:
                message = f"row {row.key!r} differs from the journal's row with the same key"
                hint = "Use another journal, or a key that always identifies the same row"
                raise JournalError(message, hint=hint)
            if entry is not None and entry.outcome == "done":
                paths = await to_thread(list_documents, Path(entry.folder)) if entry.folder else ()
                are_missing = entry.folder and len(paths) < max(1, entry.files)
                if not (are_missing and self._options.rerun_missing):
                    outcome: RowOutcome = "missing" if are_missing else "done"
                    return row.make_result(outcome, paths=paths, from_journal=True)
            elif entry is not None and may_have_finished and not self._options.rerun_unknown:
                leftover = entry.session if entry.session in self._leftover_sessions else ""
                if not entry.outcome:
                    await self._journal.record_end(row.key, row.digest, "unknown", session=leftover)
                return row.make_result("unknown", from_journal=True, leftover_session=leftover)
        return await self._run_row(row)

    def _make_key(self, index: int, answers: Row) -> str:
        option = self._options.key
        if not isinstance(cast("object", answers), Mapping):
            message = f"row {index} is not a mapping of answers by variable"
            raise UsageError(message)
        if option is None:
            return str(index)
        if isinstance(option, str) and option not in answers:
            message = f"row {index} has no {option!r}, which is the key"
            raise UsageError(message)
        key = str(answers[option] if isinstance(option, str) else option(answers))
        if key in self._keys:
            message = f"two rows have the key {key!r}"
            raise UsageError(message, hint="Choose a key that is unique for each row")
        self._keys.add(key)
        return key

    async def _run_row(self, row: RowState) -> RowResult:
        """Run a row; an error of the client becomes its result."""
        session = ResilientSession(
            self._client,
            self._i,
            url_args=self._options.url_args,
            outage_timeout=self._options.outage_timeout,
            adaptive_limit=self._adaptive_limit,
            on_start=partial(self._record_start, row),
            own_sessions=self._own_sessions,
        )
        try:
            async with session:
                transcript = await session.run(
                    row.answers,
                    initial=row.initial,
                    policy=self._options.policy,
                    max_steps=self._options.max_steps,
                    text_format=self._options.text_format,
                )
                downloads = await find_documents(
                    self._client,
                    session,
                    transcript,
                    documents=self._options.documents,
                    formats=self._options.formats,
                    max_size=self._options.max_size,
                )
                documents, paths = await self._save_documents(session, row, downloads)
        except DocassembleError as error:
            if isinstance(error, InterviewError):
                self._adaptive_limit.record_success(None)
            result = row.make_result(
                _failure_outcome(session), error=error, leftover_session=session.leftover_session
            )
        except BaseException:
            # Cancelled, or the disk is full: the journal still records the outcome.
            result = row.make_result(
                _failure_outcome(session), leftover_session=session.leftover_session
            )
            if session.leftover_session:
                leftover = f"the session {session.leftover_session} of {self._i}"
                get_cleanup_tasks(self._client).report(leftover)
            await self._record_end(row, result)
            raise
        else:
            self._adaptive_limit.record_success(session.seconds)
            result = row.make_result(
                "done",
                documents=documents,
                paths=paths,
                leftover_session=session.leftover_session,
            )
        if result.documents is not None:
            self._rows_in_memory[row.index] = row
        else:
            await self._record_end(row, result)
        return result

    async def _save_documents(
        self, session: ResilientSession, row: RowState, downloads: DocumentDownloads
    ) -> tuple[Documents | None, tuple[Path, ...]]:
        """Save the documents, or read them into memory, before the session is deleted."""
        parent = self._options.save_to
        if parent is None:
            documents = await downloads.load(
                lambda download: session.retry_until_available(download.read)
            )
            return Documents(documents, downloads.transcript, downloads.dead_links), ()
        folder = make_folder_path(parent, row.key)
        try:
            await to_thread(create_folder, folder)
            paths = await downloads.load(
                lambda download: session.retry_until_available(
                    partial(download.save, folder / download.filename)
                )
            )
        except OSError as error:
            if error.errno in _DISK_ERRORS:
                raise
            raise DocumentsNotSaved.from_error(error) from None
        return None, tuple(paths)

    async def _record_start(self, row: RowState, session: str) -> None:
        if self._journal is not None:
            await self._journal.record_start(row.key, row.digest, session)

    async def _record_end(self, row: RowState, result: RowResult) -> None:
        if self._journal is not None:
            await self._journal.record_end(
                row.key,
                row.digest,
                result.outcome,
                folder=str(result.paths[0].parent) if result.paths else "",
                files=len(result.paths),
                session=result.leftover_session,
            )


async def assemble_many(
    client: BaseClient,
    i: str,
    rows: Rows,
    options: BatchOptions,
    *,
    journal: str | os.PathLike[str] | None,
) -> AsyncGenerator[RowResult]:
    """Run one interview for many rows."""
    check_arguments(ROWS, rows=rows)
    check_arguments(CALLABLE, optional=True, on_progress=options.on_progress)
    check_arguments(MAPPING_OR_FUNCTION, optional=True, initial=options.initial)
    opened_journal = None
    if journal is not None:
        opened_journal = await open_journal(
            journal, interview=i, server=client.base_url, cleanup=get_cleanup_tasks(client)
        )
    async with aclosing(Batch(client, i, options, opened_journal).run(rows)) as results:
        async for result in results:
            yield result


def _failure_outcome(session: ResilientSession) -> RowOutcome:
    return "unknown" if session.may_have_finished else "failed"

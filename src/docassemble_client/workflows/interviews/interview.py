"""Starts, resumes and assembles an interview, and creates prefilled links to it."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from pathlib import Path

from docassemble_client._base_client import BaseClient
from docassemble_client._checks import (
    FLAG,
    MAPPING,
    NAMES,
    PATH,
    SIZE,
    TEXT,
    TEXT_OR_TEXTS,
    TEXTS,
    check_arguments,
)
from docassemble_client.config import Secret
from docassemble_client.workflows.batch.batch import (
    BatchOptions,
    InitialVariables,
    RowKey,
    assemble_many,
)
from docassemble_client.workflows.batch.results import BatchProgress, RowResult
from docassemble_client.workflows.batch.row_reader import Rows
from docassemble_client.workflows.interviews.answer_source import Answers
from docassemble_client.workflows.interviews.answers import Answer
from docassemble_client.workflows.interviews.assembly import Assembly, open_documents
from docassemble_client.workflows.interviews.documents import DocumentDownloads
from docassemble_client.workflows.interviews.interview_name import complete_interview_name
from docassemble_client.workflows.interviews.policy_values import AnswerPolicy
from docassemble_client.workflows.interviews.prefilled_url import PrefilledURL, create_prefilled_url
from docassemble_client.workflows.interviews.session import InterviewSession
from docassemble_client.workflows.interviews.text_format import PLAIN_TEXT, TextFormat
from docassemble_client.workflows.interviews.unknown_answers import (
    UnknownAnswer,
    find_unknown_answers,
)


class Interview:
    """
    An interview on the server; created by `AsyncDocassemble.interview`.

    Sessions are started under the interview's full name: docassemble.demo:questions.yml becomes
    docassemble.demo:data/questions/questions.yml. Links to a session with a short name would open a
    new session instead. `InterviewSession.i` is the name of the session.

    Attributes:
        i: File name, as you passed it.
    """

    def __init__(self, client: BaseClient, i: str, *, exact_name: bool = False) -> None:
        check_arguments(TEXT, i=i)
        check_arguments(FLAG, exact_name=exact_name)
        self._client = client
        self.i = i
        self._start_name = i if exact_name else complete_interview_name(i)

    def session(
        self,
        *,
        secret: str | Secret | None = None,
        url_args: Mapping[str, str] | None = None,
        keep: bool = False,
    ) -> InterviewSession:
        """
        Create a session that `async with` starts, and deletes at the end of the block.

        Args:
            secret: Encryption key of 16, 24 or 32 bytes; by default the server creates one.
            url_args: URL arguments of the interview, by name.
            keep: Whether to keep the session on the server.

        Returns:
            The session, not started yet.
        """
        return InterviewSession(
            self._client, self._start_name, secret=secret, url_args=url_args, keep=keep
        )

    def resume(
        self, session: str, *, secret: str | Secret | None = None, keep: bool = True
    ) -> InterviewSession:
        """
        Resume an existing session, for example in the next request of a user.

        Call `question` before `answer`: the answer then belongs to that question. The interview
        must have the name that the session was started under: `InterviewSession.i`.

        Args:
            session: ID of the session.
            secret: Encryption key, if the session is encrypted.
            keep: Whether to keep the session on the server at the end of `async with`.

        Returns:
            The session; no request is sent yet.
        """
        return InterviewSession(self._client, self.i, secret=secret, keep=keep, session_id=session)

    def assemble(
        self,
        answers: Answers | None = None,
        *,
        initial: Mapping[str, Answer] | None = None,
        policy: AnswerPolicy = AnswerPolicy.strict,
        max_steps: int = 200,
        text_format: TextFormat = PLAIN_TEXT,
        secret: str | Secret | None = None,
        url_args: Mapping[str, str] | None = None,
        documents: Sequence[str] | None = None,
        formats: Sequence[str] | None = None,
        max_size: int | None = None,
    ) -> Assembly:
        """
        Run the interview to its end and return its documents.

        Await the result to get the documents in memory. Use
        `await interview.assemble(answers).save("folder")` to write them to disk, or `async with` to
        download them one by one. The session and its documents on the server are then deleted.

        The documents are those that a person could download in a browser: the attachments of every
        screen, and the files that its text links to. If several screens show a document, the last
        one counts. The documents of the last screen, or the file or JSON that the interview
        returned instead, come first. If no screen shows a document, the documents of attachments in
        the interview's variables are returned.

        Args:
            answers: Answers, as for `InterviewSession.run`.
            initial: Variables to set before the first question, as `InterviewSession.set_variables`
                does.
            policy: How to answer fields that the answers do not cover.
            max_steps: Maximum number of screens, including reloads of waiting screens.
            text_format: How text for numbers and several choices is written.
            secret: Encryption key of 16, 24 or 32 bytes; by default the server creates one.
            url_args: URL arguments of the interview, by name.
            documents: Variables whose documents to include, such as ("letter",), even if no screen
                shows them; by default all documents that the screens show.
            formats: Formats to include, such as ("pdf", "docx"); all by default.
            max_size: Maximum size of each document in bytes; None for no limit.

        Returns:
            The documents; the interview runs when you use them.

        Raises:
            InvalidAnswer: While running: answers do not fit the fields of a screen.
            MissingAnswer: While running: a required field has no answer.
            InterviewStuck: The interview does not reach an end.
            InterviewFailed: The server refused an answer, or the interview raised an error.
            NoDocuments: The interview ended without a document, or a variable holds none.
            DownloadTooLarge: A document is larger than `max_size`.
            InvalidDocument: The content of a document does not match its format.

        Example:
            ```python
            documents = await da.interview(LETTER).assemble({"name": "Ada"})
            print(documents["pdf"].filename, len(documents["pdf"].content))
            ```
        """
        check_arguments(TEXT_OR_TEXTS, optional=True, formats=formats)
        check_arguments(SIZE, optional=True, max_size=max_size)

        def assemble() -> AbstractAsyncContextManager[DocumentDownloads]:
            return open_documents(
                self._client,
                self.session(secret=secret, url_args=url_args),
                answers,
                initial=initial,
                policy=policy,
                max_steps=max_steps,
                text_format=text_format,
                documents=documents,
                formats=formats,
                max_size=max_size,
            )

        return Assembly(assemble)

    def assemble_many(
        self,
        rows: Rows,
        *,
        concurrency: int = 4,
        journal: str | os.PathLike[str] | None = None,
        save_to: str | os.PathLike[str] | None = None,
        key: RowKey | None = None,
        initial: InitialVariables | None = None,
        policy: AnswerPolicy = AnswerPolicy.strict,
        max_steps: int = 200,
        text_format: TextFormat = PLAIN_TEXT,
        url_args: Mapping[str, str] | None = None,
        documents: Sequence[str] | None = None,
        formats: Sequence[str] | None = None,
        max_size: int | None = None,
        rerun_unknown: bool = False,
        rerun_missing: bool = False,
        outage_timeout: float = 300.0,
        on_progress: Callable[[BatchProgress], object] | None = None,
    ) -> AsyncGenerator[RowResult]:
        """
        Run the interview for each row of answers, several at a time, and return the documents.

        A result is yielded when its row ends. A row that fails does not stop the others. Requests
        that are safe to repeat are retried while the server is unavailable. The number of
        concurrent rows adapts to the server's load. Leaving the iteration or cancelling it deletes
        all sessions; use `contextlib.aclosing` to delete them immediately.

        With a journal, another run with the same rows continues where this one stopped, even after
        a crash. Finished rows are reported, but not run again. Failed rows run again. Rows that may
        have finished are reported as unknown. The journal contains no answers.

        Args:
            rows: Answers by variable for each row, from any iterable or async iterable. Rows are
                read only as fast as they can start.
            concurrency: Maximum number of rows processed at once.
            journal: File that records the outcome of each row. Only one batch at a time can use it.
            save_to: Folder for the documents, with one subfolder per row; by default the results
                contain the documents.
            key: Unique key of a row in the journal and in folder names: the name of a variable, or
                a function of the row; by default the row's position. Only keys that you pass stay
                in memory after their row has finished.
            initial: Variables to set before the first question of every row, or a function of the
                row that returns them. With `initial=lambda row: row` all answers are set in one
                call, and only questions about other variables are asked.
            policy: How to answer fields that a row does not cover.
            max_steps: Maximum number of screens, including reloads of waiting screens.
            text_format: How text for numbers and several choices is written.
            url_args: URL arguments of the interview, by name.
            documents: Variables whose documents to include, such as ("letter",), even if no screen
                shows them; by default all documents that the screens show.
            formats: Formats to include, such as ("pdf", "docx"); all by default.
            max_size: Maximum size of each document in bytes; None for no limit.
            rerun_unknown: Whether to run rows again that may have finished in an earlier run.
            rerun_missing: Whether to run rows again that were done, but whose files are gone.
            outage_timeout: Seconds for which a request is retried while the server is unavailable.
            on_progress: Function or coroutine function, called with the progress of the batch
                before each result.

        Returns:
            One result for each row.

        Raises:
            JournalError: While iterating: the journal is in use, damaged, or from other rows.
            UsageError: While iterating: an argument is invalid, or two rows have the same key.
            OSError: While iterating: documents or the journal cannot be written.

        Example:
            ```python
            async for result in interview.assemble_many(rows, journal="run.jsonl", save_to="out"):
                print(result.key, result.outcome, result.error or result.paths)
            ```
        """
        check_arguments(PATH, optional=True, journal=journal, save_to=save_to)
        options = BatchOptions(
            concurrency=concurrency,
            save_to=None if save_to is None else Path(save_to),
            key=key,
            initial=initial,
            policy=policy,
            max_steps=max_steps,
            text_format=text_format,
            url_args=url_args,
            documents=documents,
            formats=formats,
            max_size=max_size,
            rerun_unknown=rerun_unknown,
            rerun_missing=rerun_missing,
            outage_timeout=outage_timeout,
            on_progress=on_progress,
        )
        return assemble_many(self._client, self._start_name, rows, options, journal=journal)

    async def check_answers(self, answers: Iterable[str]) -> list[UnknownAnswer]:
        """
        Find answers whose name the interview does not know, such as misspelled ones.

        The result lists warnings, not errors. It also lists IDs of questions, and variables that
        only Python modules use, because the server does not know them. It lists attributes and
        items of a known variable only if they are misspelled: `generic object` questions and
        methods such as `name_fields()` may ask for others. Names that the interview knows but never
        asks for are not reported: see `Transcript.unused`.

        Args:
            answers: Answers by variable, or only their names.

        Returns:
            The unknown names, each with similar names that the interview knows.

        Raises:
            UsageError: `answers` is not valid.
            AccessDenied: The key needs the privilege admin or developer, or the permission
                interview_data.
            BadRequest: The interview does not exist, or its YAML has an error.

        Example:
            ```python
            for warning in await interview.check_answers(row):
                print(warning)
            ```
        """
        check_arguments(NAMES, answers=answers)
        names = list(answers)
        check_arguments(TEXTS, answers=names)
        data = await self._client.interviews.get_data(self.i)
        return find_unknown_answers(names, data.names)

    async def prefilled_url(
        self,
        answers: Mapping[str, Answer] | None = None,
        *,
        expires: timedelta | int | None = None,
        one_time: bool = False,
        url_args: Mapping[str, str] | None = None,
    ) -> PrefilledURL:
        """
        Start a session with these answers and create a URL that opens it in a browser.

        The interview runs only when somebody opens the URL. The URL begins with the client's
        `public_url`, if set. If a request fails, the session is deleted.

        Args:
            answers: Values by variable, as for `InterviewSession.answer`.
            expires: Lifetime of the URL as a timedelta or in seconds; by default one hour.
            one_time: Whether the URL works only once.
            url_args: URL arguments of the interview, by name.

        Returns:
            The URL and its session, which stays on the server.

        Raises:
            UsageError: An answer or `expires` is invalid; no request was sent.
            SessionNotShareable: The session is encrypted, so nobody else could open it.
            APIError: The server refused a variable, or the interview cannot be started.
        """
        check_arguments(MAPPING, optional=True, answers=answers)
        check_arguments(FLAG, one_time=one_time)
        session = self.session(url_args=url_args)
        return await create_prefilled_url(
            session, answers or {}, expires=expires, one_time=one_time
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.i!r})"

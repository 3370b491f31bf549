"""Interviews: their sessions, their documents, and links that hand them over."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from docassemble_client.workflows.interviews.answer_source import Policy
from docassemble_client.workflows.interviews.session import InterviewSession

if TYPE_CHECKING:
    import os
    from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager
    from datetime import timedelta

    from docassemble_client.client import AsyncDocassemble
    from docassemble_client.config import Secret
    from docassemble_client.workflows.batch.batch import RowKey, Rows
    from docassemble_client.workflows.batch.results import BatchProgress, RowResult
    from docassemble_client.workflows.interviews.answer_source import Answers
    from docassemble_client.workflows.interviews.answers import Answer
    from docassemble_client.workflows.interviews.assembly import Assembly
    from docassemble_client.workflows.interviews.documents import DocumentDownloads
    from docassemble_client.workflows.interviews.prefilled_url import PrefilledURL


class Interview:
    """
    An interview on the server; made by `AsyncDocassemble.interview`.

    Attributes:
        i: Its file name, such as docassemble.demo:data/questions/questions.yml.
    """

    def __init__(self, da: AsyncDocassemble, i: str) -> None:
        self._da = da
        self.i = i

    def session(
        self,
        *,
        secret: str | Secret | None = None,
        url_args: Mapping[str, str] | None = None,
        keep: bool = False,
    ) -> InterviewSession:
        """
        Prepare a session, which `async with` starts and at its end deletes.

        Args:
            secret: Encryption key of 16, 24 or 32 bytes; without one the server makes one.
            url_args: What url_args of the interview is to hold, by name.
            keep: Whether the session stays on the server.

        Returns:
            The session, not started yet.
        """
        return InterviewSession(self._da, self.i, secret=secret, url_args=url_args, keep=keep)

    def resume(
        self, session: str, *, secret: str | Secret | None = None, keep: bool = True
    ) -> InterviewSession:
        """
        Go on with a session that is on the server already, such as in the next request of a user.

        Ask for its `question` before you answer, as the answer then goes with it.

        Args:
            session: ID of the session.
            secret: What decrypts it, if it is encrypted.
            keep: Whether it stays on the server at the end of `async with`.

        Returns:
            The session; nothing is sent yet.
        """
        return InterviewSession(self._da, self.i, secret=secret, keep=keep, running=session)

    def assemble(
        self,
        answers: Answers | None = None,
        *,
        policy: Policy = Policy.refuse,
        max_steps: int = 200,
        secret: str | Secret | None = None,
        url_args: Mapping[str, str] | None = None,
        formats: Sequence[str] | None = None,
        max_size: int | None = None,
    ) -> Assembly:
        """
        Run the interview to its end for the documents it makes.

        Awaiting it brings them in memory, `await interview.assemble(answers).save("folder")` writes
        them to disk, and `async with` keeps the session open while they are taken one by one. In
        any case the session, and with it the documents on the server, is deleted at the end.

        Documents are the attachments of the last screen, and also what an interview answers
        instead of a screen: a file, or JSON.

        Args:
            answers: Answers, as for `InterviewSession.run`.
            policy: What to answer where the answers say nothing.
            max_steps: How many screens there may be, counting each look at one that waits.
            secret: Encryption key of 16, 24 or 32 bytes; without one the server makes one.
            url_args: What url_args of the interview is to hold, by name.
            formats: Formats that are wanted, such as ("pdf", "docx"); all by default.
            max_size: How many bytes each document may have; None for any number.

        Returns:
            The documents, not asked for yet; nothing is sent yet.

        Raises:
            MissingAnswer: When it is used: something required has no answer.
            StuckInterview: The interview does not come to an end.
            InterviewFailed: The server refused an answer, or the interview broke.
            NoDocuments: The interview ended without a document.
            DownloadTooLarge: A document is larger than `max_size`.
            InvalidDocument: What came is no document of its format.

        Example:
            ```python
            documents = await da.interview(LETTER).assemble({"name": "Ada"})
            print(documents["pdf"].filename, len(documents["pdf"].content))
            ```
        """
        from docassemble_client.workflows.interviews.assembly import Assembly, assembled  # noqa: PLC0415 - loaded if used

        def assemble() -> AbstractAsyncContextManager[DocumentDownloads]:
            return assembled(
                self._da,
                self.session(secret=secret, url_args=url_args),
                answers,
                policy=policy,
                max_steps=max_steps,
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
        policy: Policy = Policy.refuse,
        max_steps: int = 200,
        url_args: Mapping[str, str] | None = None,
        formats: Sequence[str] | None = None,
        max_size: int | None = None,
        repeat_unknown: bool = False,
        patience: float = 300.0,
        on_progress: Callable[[BatchProgress], object] | None = None,
    ) -> AsyncGenerator[RowResult]:
        """
        Run the interview for each row of answers, some at a time, for the documents it makes.

        Results come as rows end, and are not kept. What goes wrong with a row is its result, and
        stops nothing. Calls that can be repeated without harm are repeated until the server is
        back, so a row fails only for reasons of its own. How many rows are under way adapts to how
        the server answers. Leaving the iteration, or cancelling it, deletes all sessions; use
        `contextlib.aclosing` to have that done at once.

        With a journal, another run with the same rows goes on where this one stopped, however it
        stopped: what is done is reported and not done again; what failed is tried again; what may
        have been done is unknown, and repeated only if asked. The journal holds no answers.

        Args:
            rows: Answers by variable for each run, from any iterable or async iterable; it is read
                as fast as rows can begin.
            concurrency: How many rows are under way at most.
            journal: File that remembers which rows were done; only one batch at a time can use it.
            save_to: Folder for the documents, a folder for each row; by default they come with the
                results in memory.
            key: What tells rows apart, also in the journal and as the name of a folder: the name
                of a variable, or a function of the row; by default its position. Keys that are
                given are the only thing kept of rows that ended.
            policy: What to answer where a row says nothing.
            max_steps: How many screens there may be, counting each look at one that waits.
            url_args: What url_args of the interview is to hold, by name.
            formats: Formats that are wanted, such as ("pdf", "docx"); all by default.
            max_size: How many bytes each document may have; None for any number.
            repeat_unknown: Whether to repeat rows that an earlier run may have done.
            patience: Seconds for which a call is repeated while the server does not answer.
            on_progress: Called with how far the batch is, before each result.

        Returns:
            How each row ended, once for each.

        Raises:
            JournalError: While iterating: the journal is in use, damaged, or that of other rows.
            UsageError: While iterating: an argument is wrong, or two rows have the same key.
            OSError: While iterating: documents or the journal cannot be written.

        Example:
            ```python
            async for result in interview.assemble_many(rows, journal="run.jsonl", save_to="out"):
                print(result.key, result.outcome, result.error or result.paths)
            ```
        """
        from docassemble_client.workflows.batch.batch import Wishes, assemble_many  # noqa: PLC0415 - loaded if used

        wishes = Wishes(
            concurrency=concurrency,
            save_to=None if save_to is None else Path(save_to),
            key=key,
            policy=policy,
            max_steps=max_steps,
            url_args=url_args,
            formats=formats,
            max_size=max_size,
            repeat_unknown=repeat_unknown,
            patience=patience,
            on_progress=on_progress,
        )
        return assemble_many(self._da, self.i, rows, wishes, journal=journal)

    async def prefilled_url(
        self,
        answers: Mapping[str, Answer] | None = None,
        *,
        expires: timedelta | int | None = None,
        one_time: bool = False,
        url_args: Mapping[str, str] | None = None,
    ) -> PrefilledURL:
        """
        Start a session with these answers, and make a URL that hands it over to a person.

        The answers are set without running the interview: nothing is sent, assembled or asked
        before the person comes. The URL leads to `public_url` of the client, where it was given.
        Where anything fails, the session is deleted.

        Args:
            answers: Values by variable, as for `InterviewSession.answer`.
            expires: How long the URL works, a timedelta or seconds; by default an hour.
            one_time: Whether the URL works only once.
            url_args: What url_args of the interview is to hold, by name.

        Returns:
            The URL, and the session it leads to; the session stays on the server.

        Raises:
            UsageError: A value cannot be sent, or the time is none; nothing was sent.
            HandoverRefused: The session is encrypted, so nobody else could open it.
            APIError: The server refused a variable, or the interview cannot be started.
        """
        from docassemble_client.workflows.interviews.prefilled_url import prefilled_url  # noqa: PLC0415 - loaded if used

        session = self.session(url_args=url_args)
        return await prefilled_url(
            self._da, session, answers or {}, expires=expires, one_time=one_time
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.i!r})"

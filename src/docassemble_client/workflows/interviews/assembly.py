"""Runs an interview to its end and returns its documents."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Callable, Generator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from types import TracebackType

from docassemble_client._base_client import BaseClient
from docassemble_client.errors import UsageError
from docassemble_client.workflows.interviews.answer_source import Answers
from docassemble_client.workflows.interviews.answers import Answer
from docassemble_client.workflows.interviews.document_sources import find_documents
from docassemble_client.workflows.interviews.documents import DocumentDownloads, Documents
from docassemble_client.workflows.interviews.policy_values import AnswerPolicy
from docassemble_client.workflows.interviews.session import InterviewSession
from docassemble_client.workflows.interviews.text_format import TextFormat


class Assembly:
    """
    The documents of an interview that has not run yet.

    Await it (or call `read`) to get the documents in memory. Call `save` to write them to a folder
    without holding them in memory. Use `async with` to download them one by one while their session
    is open. Each use runs the interview again, in a session that is deleted afterwards.
    """

    def __init__(
        self, assemble: Callable[[], AbstractAsyncContextManager[DocumentDownloads]]
    ) -> None:
        self._assemble = assemble
        self._context: AbstractAsyncContextManager[DocumentDownloads] | None = None

    def __await__(self) -> Generator[object, None, Documents]:
        return self.read().__await__()

    async def read(self) -> Documents:
        """
        Run the interview and read its documents into memory.

        Returns:
            The documents.

        Raises:
            InterviewError: The interview did not reach its end, or returned no document.
            DownloadTooLarge: A document is larger than allowed.
            InvalidDocument: The content of a document does not match its format.
            DocassembleError: A request failed.
        """
        async with self._assemble() as documents:
            return await documents.read()

    async def save(self, folder: str | os.PathLike[str]) -> tuple[Path, ...]:
        """
        Run the interview and write its documents to a folder, one after the other.

        The folder is created if it is missing. Existing files are not replaced: a number is added
        to the new file's name.

        Args:
            folder: Folder to write to.

        Returns:
            The paths of the files, in the order of the documents.

        Raises:
            InterviewError: The interview did not reach its end, or returned no document.
            DownloadTooLarge: A document is larger than allowed.
            InvalidDocument: The content of a document does not match its format.
            DocassembleError: A request failed.
            OSError: A file cannot be written.
        """
        async with self._assemble() as documents:
            return await documents.save(folder)

    async def __aenter__(self) -> DocumentDownloads:
        if self._context is not None:
            message = "these documents are already open; close them first or call assemble again"
            raise UsageError(message)
        self._context = self._assemble()
        try:
            return await self._context.__aenter__()
        except BaseException:
            self._context = None
            raise

    async def __aexit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        context, self._context = self._context, None
        if context is not None:
            await context.__aexit__(error_type, error, traceback)


@asynccontextmanager
async def open_documents(
    client: BaseClient,
    session: InterviewSession,
    answers: Answers | None,
    *,
    initial: Mapping[str, Answer] | None,
    policy: AnswerPolicy,
    max_steps: int,
    text_format: TextFormat,
    documents: Sequence[str] | None,
    formats: Sequence[str] | None,
    max_size: int | None,
) -> AsyncGenerator[DocumentDownloads]:
    """
    Run an interview, and keep its session open while its documents are used.

    Args:
        client: Client.
        session: Session, not started yet.
        answers: Answers, as for `InterviewSession.run`.
        initial: Variables to set before the first question.
        policy: How to answer fields that the answers do not cover.
        max_steps: Maximum number of screens.
        text_format: How text for numbers and several choices is written.
        documents: Variables whose documents to include; None for all that the screens show.
        formats: Formats to include; None for all.
        max_size: Maximum size of each document in bytes; None for no limit.

    Yields:
        The documents.
    """
    async with session:
        transcript = await session.run(
            answers, initial=initial, policy=policy, max_steps=max_steps, text_format=text_format
        )
        yield await find_documents(
            client, session, transcript, documents=documents, formats=formats, max_size=max_size
        )

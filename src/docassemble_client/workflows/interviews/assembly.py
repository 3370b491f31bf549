"""Data in, documents out: one interview run to its end for what it makes."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from docassemble_client.errors import UsageError
from docassemble_client.workflows.interviews.document_sources import documents_of

if TYPE_CHECKING:
    import os
    from collections.abc import AsyncGenerator, Callable, Generator, Sequence
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path
    from types import TracebackType

    from docassemble_client.client import AsyncDocassemble
    from docassemble_client.workflows.interviews.answer_source import Answers, Policy
    from docassemble_client.workflows.interviews.documents import DocumentDownloads, Documents
    from docassemble_client.workflows.interviews.session import InterviewSession


class Assembly:
    """
    The documents of an interview that is not run yet.

    Await it (or call `read`) to get them in memory, call `save` to write them to a folder without
    holding them in memory, or enter it with `async with` to take them one by one while their
    session is open. Each use runs the interview anew, in a session that is deleted afterwards.
    """

    def __init__(
        self, assemble: Callable[[], AbstractAsyncContextManager[DocumentDownloads]]
    ) -> None:
        self._assemble = assemble
        self._entered: AbstractAsyncContextManager[DocumentDownloads] | None = None

    def __await__(self) -> Generator[object, None, Documents]:
        return self.read().__await__()

    async def read(self) -> Documents:
        """
        Run the interview, and read its documents into memory.

        Returns:
            The documents.

        Raises:
            InterviewError: The interview was not driven to its end, or brought no document.
            DownloadTooLarge: A document is larger than allowed.
            InvalidDocument: What came is no document of its format.
            DocassembleError: A call failed.
        """
        async with self._assemble() as documents:
            return await documents.read()

    async def save(self, folder: str | os.PathLike[str]) -> tuple[Path, ...]:
        """
        Run the interview, and write its documents to a folder, one after the other.

        The folder is made if it does not exist. No file that is there already is replaced: a new
        one gets a number.

        Args:
            folder: The folder.

        Returns:
            The paths of the files, in the order of the documents.

        Raises:
            InterviewError: The interview was not driven to its end, or brought no document.
            DownloadTooLarge: A document is larger than allowed.
            InvalidDocument: What came is no document of its format.
            DocassembleError: A call failed.
            OSError: A file cannot be written.
        """
        async with self._assemble() as documents:
            return await documents.save(folder)

    async def __aenter__(self) -> DocumentDownloads:
        if self._entered is not None:
            message = "these documents are open already; call assemble again, or leave them first"
            raise UsageError(message)
        self._entered = self._assemble()
        try:
            return await self._entered.__aenter__()
        except BaseException:
            self._entered = None
            raise

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        entered, self._entered = self._entered, None
        if entered is not None:
            await entered.__aexit__(kind, error, traceback)


@asynccontextmanager
async def assembled(
    da: AsyncDocassemble,
    session: InterviewSession,
    answers: Answers | None,
    *,
    policy: Policy,
    max_steps: int,
    formats: Sequence[str] | None,
    max_size: int | None,
) -> AsyncGenerator[DocumentDownloads]:
    """
    Run an interview, and keep its session open as long as its documents are used.

    Args:
        da: Client.
        session: A session that is not started yet.
        answers: Answers, as for `InterviewSession.run`.
        policy: What to answer where they say nothing.
        max_steps: How many screens there may be.
        formats: Formats that are wanted; None for all.
        max_size: How many bytes each document may have.

    Yields:
        The documents.
    """
    async with session:
        transcript = await session.run(answers, policy=policy, max_steps=max_steps)
        yield documents_of(da, transcript, formats=formats, max_size=max_size)

"""Documents of a finished interview, in memory or still on the server."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Generator, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Generic, Literal, TypeAlias, TypeVar, overload

from attrs import frozen

from docassemble_client.errors import NotFound
from docassemble_client.responses import BinaryContent
from docassemble_client.transfer import Download, DownloadStream
from docassemble_client.workflows.interviews.transcript import Transcript

R = TypeVar("R")
T = TypeVar("T", bound="Document | DocumentDownload")
DocumentSource: TypeAlias = Literal["attachment", "link", "variable", "response"]
"""
Where a document comes from. attachment: a screen offers it. link: the text of a screen links to it.
variable: no screen shows it. response: the interview returned it instead of a screen.
"""


@frozen(kw_only=True, eq=False, repr=False)
class Document(BinaryContent):
    """
    A document in memory.

    Attributes:
        name: Name of the document in the interview.
        format: Format, such as pdf or docx.
        variable: Interview variable that holds the document; empty if unknown.
        source: Where the document comes from: attachment, link, variable or response.
        question: Name of the question whose screen shows it; empty if no screen does.
    """

    name: str
    format: str
    variable: str = ""
    source: DocumentSource = "attachment"
    question: str = ""


class DocumentDownload(Download):
    """
    A document that is on the server as long as its session exists.

    Await it (or call `read`) to get it in memory, call `save` to write it to disk, or use
    `async with` to stream it. Each use sends a new request.

    Attributes:
        name: Name of the document in the interview.
        format: Format, such as pdf or docx.
        variable: Interview variable that holds the document; empty if unknown.
        source: Where the document comes from: attachment, link, variable or response.
        question: Name of the question whose screen shows it; empty if no screen does.
        filename: Safe file name, unique among the documents of the interview.
    """

    def __init__(
        self,
        open_stream: Callable[[], AbstractAsyncContextManager[DownloadStream]],
        *,
        name: str,
        format: str,  # noqa: A002 - as the attribute
        variable: str,
        filename: str,
        source: DocumentSource,
        question: str,
    ) -> None:
        super().__init__(open_stream)
        self.name = name
        self.format = format
        self.variable = variable
        self.filename = filename
        self.source: DocumentSource = source
        self.question = question

    def __await__(self) -> Generator[object, None, Document]:
        return self.read().__await__()

    async def read(self, *, max_size: int | None = None) -> Document:
        """
        Read the document into memory.

        Args:
            max_size: Maximum size in bytes; None for no limit.

        Returns:
            The document.

        Raises:
            DownloadTooLarge: The document is larger than allowed.
            InvalidDocument: The content does not match the format.
            DocassembleError: The download failed.
        """
        content = await super().read(max_size=max_size)
        return Document(
            content=content.content,
            content_type=content.content_type,
            filename=content.filename,
            status=content.status,
            name=self.name,
            format=self.format,
            variable=self.variable,
            source=self.source,
            question=self.question,
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.filename}>"


class _DocumentSequence(Sequence[T], Generic[T]):
    """Documents, accessible by position, name, variable, file name or format."""

    def __init__(
        self, documents: Sequence[T], transcript: Transcript, dead_links: Sequence[str] = ()
    ) -> None:
        self._documents = tuple(documents)
        self.transcript = transcript
        self.dead_links: tuple[str, ...] = tuple(dead_links)

    @overload
    def __getitem__(self, key: int | str | tuple[str, ...]) -> T: ...
    @overload
    def __getitem__(self, key: slice) -> Sequence[T]: ...
    def __getitem__(self, key: int | slice | str | tuple[str, ...]) -> T | Sequence[T]:
        if isinstance(key, (int, slice)):
            return self._documents[key]
        keys = {key} if isinstance(key, str) else {*key}
        matches = [document for document in self if keys <= {*self._get_keys(document)}]
        if len(matches) == 1:
            return matches[0]
        problem = "several documents match" if matches else "no document matches"
        available = ", ".join(f"{document.name!r} as {document.format}" for document in self)
        message = f"{problem} {' and '.join(map(repr, sorted(keys)))}; available: {available}"
        raise KeyError(message)

    def __iter__(self) -> Iterator[T]:
        return iter(self._documents)

    def __len__(self) -> int:
        return len(self._documents)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {', '.join(str(item.filename) for item in self)}>"

    def _get_keys(self, document: T) -> tuple[str | None, ...]:
        return document.name, document.format, document.variable, document.filename


class Documents(_DocumentSequence[Document]):
    """
    Documents in memory, those of the last screen first.

    Index them by position, or by format, name, variable or file name: `documents["pdf"]`,
    `documents["Letter"]`, or `documents["Letter", "pdf"]` for both. Exactly one must match.

    Attributes:
        transcript: Transcript of the interview.
        dead_links: Names of files that a screen links to, but the server does not have.
    """

    def save(self, folder: str | os.PathLike[str]) -> tuple[Path, ...]:
        """
        Write all documents to a folder; create the folder if it is missing.

        Existing files are not replaced: a number is added to the new file's name.

        It waits for the disk. If other tasks run, call it in a thread: `asyncio.to_thread`.

        Args:
            folder: Folder to write to.

        Returns:
            The paths of the files, in the order of the documents.

        Raises:
            OSError: A file cannot be written.
        """
        path = Path(folder)
        path.mkdir(parents=True, exist_ok=True)
        return tuple(document.save(path) for document in self)


class DocumentDownloads(_DocumentSequence[DocumentDownload]):
    """
    Documents on the server, those of the last screen first. Index them as in `Documents`.

    Attributes:
        transcript: Transcript of the interview.
        dead_links: Names of files that a screen links to, but the server does not have; known after
            `read` or `save`.
    """

    async def read(self) -> Documents:
        """
        Read all documents into memory, except dead links.

        Returns:
            The documents.

        Raises:
            DocassembleError: A download failed, or a document is too large or invalid.
        """
        documents = await self.load(DocumentDownload.read)
        return Documents(documents, self.transcript, self.dead_links)

    async def save(self, folder: str | os.PathLike[str]) -> tuple[Path, ...]:
        """
        Write all documents to a folder, except dead links; create the folder if missing.

        Existing files are not replaced: a number is added to the new file's name.

        Args:
            folder: Folder to write to.

        Returns:
            The paths of the files, in the order of the documents.

        Raises:
            DocassembleError: A download failed, or a document is too large or invalid.
            OSError: A file cannot be written.
        """
        path = Path(folder)
        path.mkdir(parents=True, exist_ok=True)
        return tuple(await self.load(lambda document: document.save(path)))

    async def load(self, load: Callable[[DocumentDownload], Awaitable[R]]) -> list[R]:
        """
        Load all documents with a function, one after the other.

        Dead links are left out, as nobody could download these files in a browser either. They are
        listed in `dead_links`.

        Args:
            load: Loads one document.

        Returns:
            The results of the function, in the order of the documents.

        Raises:
            NotFound: An attachment does not exist any more, or all links are dead.
            DocassembleError: A download failed, or a document is too large or invalid.
        """
        results: list[R] = []
        dead_links: list[str] = []
        for document in self:
            try:
                results.append(await load(document))
            except NotFound:
                dead_links.append(document.filename)
                if document.source != "link" or len(dead_links) == len(self):
                    raise
        self.dead_links = tuple(dead_links)
        return results

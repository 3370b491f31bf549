"""A document before its download: its name, its source and how to open it."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import frozen

from docassemble_client._filenames import sanitize_filename
from docassemble_client.errors import NotFound
from docassemble_client.responses import BinaryContent, JSONReply
from docassemble_client.transfer import DownloadStream
from docassemble_client.workflows.interviews.documents import DocumentSource

if TYPE_CHECKING:
    from docassemble_client._base_client import BaseClient
    from docassemble_client.models import Question
    from docassemble_client.workflows.interviews.transcript import Transcript

# For files without an extension, and responses without a file name.
_FORMAT_BY_MEDIA_TYPE = {
    "application/pdf": "pdf",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/rtf": "rtf",
    "application/zip": "zip",
    "application/json": "json",
    "image/svg+xml": "svg",
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/gif": "gif",
    "text/plain": "txt",
    "text/csv": "csv",
    "text/html": "html",
    "text/markdown": "md",
}


@frozen(kw_only=True)
class DocumentEntry:
    """
    A document before its download.

    Attributes:
        number: Number of its file; None for a response of the interview.
        name: As in `Document`; so are `format`, `variable`, `filename`, `source` and `question`.
        open_stream: Opens the download.
    """

    number: int | None
    name: str
    format: str
    variable: str = ""
    filename: str
    source: DocumentSource
    question: str = ""
    open_stream: Callable[[], AbstractAsyncContextManager[DownloadStream]]

    @property
    def key(self) -> tuple[int | None, str]:
        """Identifies the content on the server."""
        return self.number, self.format

    def replaces(self, earlier: DocumentEntry) -> bool:
        """
        Return whether this is a newer version of a document.

        Args:
            earlier: Document of an earlier screen.

        Returns:
            Whether both have the same variable; without variables, the same name. The formats of
            an attachment are replaced together, those of links one by one.
        """
        are_attachments = self.source == earlier.source == "attachment"
        if self.key == earlier.key:
            return True
        if self.variable and earlier.variable:
            is_format = are_attachments or self.format == earlier.format
            return is_format and self.variable == earlier.variable
        if are_attachments:
            return self.name == earlier.name
        return self.filename.lower() == earlier.filename.lower()


def find_attachments(client: BaseClient, question: Question) -> Iterator[DocumentEntry]:
    """
    Find the attachments of a screen, in each of their formats.

    Args:
        client: Client.
        question: The screen.

    Yields:
        The documents.
    """
    for attachment in question.attachments or []:
        variable = attachment.variable_name or ""
        stem = attachment.filename or attachment.name or "document"
        # The server sorts the keys of `number`; valid_formats has the order of the interview.
        formats = dict.fromkeys([*(attachment.valid_formats or []), *attachment.number])
        files: set[tuple[int, str]] = set()
        for name in (name for name in formats if name in attachment.number):
            number = attachment.number[name]
            filename = sanitize_filename(attachment.filename_with_extension.get(name))
            # "rtf to docx" is a format of its own, also where the file is listed as docx too.
            format_ = get_suffix(filename) or name
            if (number, format_) in files:
                continue
            files.add((number, format_))
            yield DocumentEntry(
                number=number,
                name=attachment.name or attachment.filename or "",
                format=format_,
                variable="" if is_internal(variable) else variable,
                filename=filename or sanitize_filename(f"{stem}.{format_}") or "document",
                source="attachment",
                question=question.question_name,
                open_stream=partial(client.files.download, number, extension=format_),
            )


def find_response(transcript: Transcript) -> Iterator[DocumentEntry]:
    """
    Find what the interview returned instead of its last screen.

    Args:
        transcript: Transcript of the interview.

    Yields:
        The response, unless it is null or a screen.
    """
    match transcript.final:
        case BinaryContent() as content:
            format_ = get_suffix(content.filename) or get_format(content.content_type)
            yield _make_response_entry(content, format_)
        case JSONReply(data) if data is not None:
            text = json.dumps(data).encode()
            content = BinaryContent(content=text, content_type="application/json")
            yield _make_response_entry(content, "json")
        case _:
            return


def make_file_entry(
    client: BaseClient,
    number: int,
    format_: str,
    filename: str,
    *,
    name: str,
    variable: str,
    source: DocumentSource,
    question: str = "",
) -> DocumentEntry:
    """
    Make the entry of a file with this number.

    Args:
        client: Client.
        number: Number of the file.
        format_: Format: the extension on the server.
        filename: File name with extension; may be empty.
        name: Name of the document; by default the file name without extension.
        variable: Variable that holds it.
        source: Where it comes from.
        question: Name of the question that shows it.

    Returns:
        The entry.
    """
    filename = filename or f"{number}.{format_}"

    @asynccontextmanager
    async def open_stream() -> AsyncGenerator[DownloadStream]:
        # In the order of do_serve_uploaded_file_with_filename_and_extension
        # (webapp/files/helpers.py): the stored file with this extension, else that of this name.
        async with AsyncExitStack() as stack:
            try:
                download = client.files.download(number, extension=format_)
                stream = await stack.enter_async_context(download)
            except NotFound:
                download = client.files.download(number, filename=filename)
                stream = await stack.enter_async_context(download)
            yield stream

    return DocumentEntry(
        number=number,
        name=name or Path(filename).stem,
        format=format_,
        variable="" if is_internal(variable) else variable,
        filename=sanitize_filename(filename) or f"{number}.{format_}",
        source=source,
        question=question,
        open_stream=open_stream,
    )


def is_internal(variable: str) -> bool:
    """Return whether the server chose the variable, for an attachment that has none."""
    return variable.startswith("_internal")


def get_suffix(filename: str | None) -> str:
    """Return the extension of a file name in lower case, without its dot; empty if none."""
    return Path(filename or "").suffix.removeprefix(".").lower()


def get_format(content_type: str) -> str:
    """Return the format of a media type; bin if it is unknown."""
    media_type = content_type.partition(";")[0].strip().lower()
    return _FORMAT_BY_MEDIA_TYPE.get(media_type, "bin")


def _make_response_entry(content: BinaryContent, format_: str) -> DocumentEntry:
    name = content.filename or f"response.{format_}"

    @asynccontextmanager
    async def open_stream() -> AsyncGenerator[DownloadStream]:
        headers = {
            "content-type": content.content_type,
            "content-length": str(len(content.content)),
        }
        yield DownloadStream(content.status, headers, _yield_once(content.content))

    return DocumentEntry(
        number=None,
        name=name,
        format=format_,
        filename=name,
        source="response",
        open_stream=open_stream,
    )


async def _yield_once(content: bytes) -> AsyncIterator[bytes]:
    yield content

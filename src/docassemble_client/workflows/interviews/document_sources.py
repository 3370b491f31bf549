"""Finds the documents at the end of an interview, and verifies their format."""

from __future__ import annotations

import json
from contextlib import aclosing, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from docassemble_client._filenames import sanitize_filename
from docassemble_client.errors import DownloadTooLarge
from docassemble_client.models import Question
from docassemble_client.responses import BinaryContent, JSONReply
from docassemble_client.transfer import DownloadStream
from docassemble_client.workflows.errors import InvalidDocument, NoDocuments
from docassemble_client.workflows.interviews.documents import DocumentDownload, DocumentDownloads

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
    from contextlib import AbstractAsyncContextManager

    from docassemble_client._base_client import BaseClient
    from docassemble_client.models import Attachment
    from docassemble_client.workflows.interviews.transcript import Transcript

_HEAD_BYTES = 1024  # where the format of a document is recognised
_ZIP, _OLE, _RTF = b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"{\\rtf"
_MAGIC_BY_FORMAT: dict[str, tuple[bytes, ...]] = {
    **dict.fromkeys(("docx", "docm", "xlsx", "xlsm", "pptx", "odt", "ods", "zip"), (_ZIP,)),
    **dict.fromkeys(("doc", "xls", "ppt"), (_OLE, _RTF)),
    **dict.fromkeys(("jpg", "jpeg"), (b"\xff\xd8\xff",)),
    **dict.fromkeys(("tif", "tiff"), (b"II*\x00", b"MM\x00*")),
    "rtf": (_RTF,),
    "png": (b"\x89PNG",),
    "gif": (b"GIF8",),
}
_MARKUP_FORMATS = frozenset({"html", "htm", "xhtml", "xml"})
# For responses without a file name.
_FORMAT_BY_MEDIA_TYPE = {
    "application/pdf": "pdf",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/rtf": "rtf",
    "application/zip": "zip",
    "application/json": "json",
    "image/svg+xml": "svg",
    "image/png": "png",
    "image/jpeg": "jpg",
    "text/plain": "txt",
    "text/csv": "csv",
    "text/html": "html",
    "text/markdown": "md",
}


class _DocumentSource(NamedTuple):
    """A document of the last screen, or the response that replaced the screen."""

    name: str
    format: str
    variable: str
    filename: str
    open_stream: Callable[[], AbstractAsyncContextManager[DownloadStream]]


def find_documents(
    client: BaseClient,
    transcript: Transcript,
    *,
    formats: Sequence[str] | None,
    max_size: int | None,
) -> DocumentDownloads:
    """
    Find the documents at the end of an interview.

    Args:
        client: Client.
        transcript: Transcript of the interview.
        formats: Formats to include; None for all.
        max_size: Maximum size of each document in bytes; None for no limit.

    Returns:
        The documents, not requested yet.

    Raises:
        NoDocuments: The interview ended without a matching document.
    """
    formats = (formats,) if isinstance(formats, str) else formats
    sources = list(_find_sources(client, transcript))
    selected = [source for source in sources if formats is None or source.format in formats]
    if not selected:
        raise _no_documents_error(transcript, sources, formats)
    used_filenames: set[str] = set()
    downloads: list[DocumentDownload] = []
    for source in selected:
        filename = _unique_filename(source.filename, used_filenames)
        downloads.append(
            DocumentDownload(
                _VerifiedDownload(source, filename, max_size),
                name=source.name,
                format=source.format,
                variable=source.variable,
                filename=filename,
            )
        )
    return DocumentDownloads(downloads, transcript)


def _find_sources(client: BaseClient, transcript: Transcript) -> Iterator[_DocumentSource]:
    match transcript.final:
        case Question() as question:
            for attachment in question.attachments or []:
                yield from _make_attachment_sources(client, attachment)
        case BinaryContent() as content:
            media_type = content.content_type.partition(";")[0].strip().lower()
            suffix = Path(content.filename or "").suffix.removeprefix(".").lower()
            format_ = suffix or _FORMAT_BY_MEDIA_TYPE.get(media_type, "bin")
            yield _make_response_source(content, format_)
        case JSONReply(data) if data is not None:
            text = json.dumps(data).encode()
            content = BinaryContent(content=text, content_type="application/json")
            yield _make_response_source(content, "json")
        case _:
            return


def _make_attachment_sources(
    client: BaseClient, attachment: Attachment
) -> Iterator[_DocumentSource]:
    variable = attachment.variable_name or ""
    stem = attachment.filename or attachment.name or "document"
    # The server sorts the keys of `number`; valid_formats has the order of the interview.
    formats = dict.fromkeys([*(attachment.valid_formats or []), *attachment.number])
    for format_ in (name for name in formats if name in attachment.number):
        server_filename = sanitize_filename(attachment.filename_with_extension.get(format_))
        yield _DocumentSource(
            name=attachment.name or attachment.filename or "",
            format=format_,
            # The server assigns an internal variable to attachments that have none.
            variable="" if variable.startswith("_internal") else variable,
            filename=server_filename or sanitize_filename(f"{stem}.{format_}") or "document",
            open_stream=partial(
                client.files.download, attachment.number[format_], extension=format_
            ),
        )


def _make_response_source(content: BinaryContent, format_: str) -> _DocumentSource:
    name = content.filename or f"response.{format_}"

    @asynccontextmanager
    async def open_stream() -> AsyncGenerator[DownloadStream]:
        headers = {
            "content-type": content.content_type,
            "content-length": str(len(content.content)),
        }
        yield DownloadStream(content.status, headers, _yield_once(content.content))

    return _DocumentSource(
        name=name, format=format_, variable="", filename=name, open_stream=open_stream
    )


async def _yield_once(content: bytes) -> AsyncIterator[bytes]:
    yield content


def _unique_filename(filename: str, used: set[str]) -> str:
    """Add a number to a file name that is in use already, ignoring case."""
    path, number = Path(filename), 0
    while filename.lower() in used:
        number += 1
        filename = path.with_stem(f"{path.stem} ({number})").name
    used.add(filename.lower())
    return filename


def _no_documents_error(
    transcript: Transcript, sources: list[_DocumentSource], formats: Sequence[str] | None
) -> NoDocuments:
    final = transcript.final
    question = final.question_name if isinstance(final, Question) else ""
    end = f"on question {question!r} ({transcript.end_type})" if question else "with a response"
    message = f"the interview ended {end} without a document"
    hint = "Documents are the attachments of the last screen, which is in the error's transcript"
    if sources:
        message += f" as {' or '.join(formats or ())}"
        hint = f"Available formats: {', '.join(sorted({source.format for source in sources}))}"
    return NoDocuments(
        message, hint=hint, transcript=transcript, question=question, end_type=transcript.end_type
    )


class _VerifiedDownload:
    """Opens a document, and verifies its size and format before passing it on."""

    def __init__(self, source: _DocumentSource, filename: str, max_size: int | None) -> None:
        self._source = source
        self._filename = filename
        self._max_size = max_size

    @asynccontextmanager
    async def __call__(self) -> AsyncGenerator[DownloadStream]:
        async with (
            self._source.open_stream() as stream,
            aclosing(self._verify_chunks(stream)) as chunks,
        ):
            size = {} if stream.size is None else {"content-length": str(stream.size)}
            headers = {"content-type": stream.content_type, **size}
            verified = DownloadStream(stream.status, headers, chunks)
            verified.filename = self._filename
            yield verified

    async def _verify_chunks(self, stream: DownloadStream) -> AsyncGenerator[bytes]:
        head, size = bytearray(), 0
        self._check_size(stream.size or 0)
        async for chunk in stream:
            size += len(chunk)
            self._check_size(size)
            if len(head) >= _HEAD_BYTES:
                yield chunk
                continue
            head += chunk
            if len(head) >= _HEAD_BYTES:
                self._check_magic(bytes(head))
                yield bytes(head)
        if len(head) < _HEAD_BYTES:
            self._check_magic(bytes(head))
            yield bytes(head)

    def _check_size(self, size: int) -> None:
        if self._max_size is not None and size > self._max_size:
            message = f"a document ({self._source.format}) is larger than {self._max_size} bytes"
            hint = "Increase max_size to allow larger documents"
            raise DownloadTooLarge(message, hint=hint, max_size=self._max_size)

    def _check_magic(self, head: bytes) -> None:
        format_ = self._source.format.lower()
        start = head.lstrip().lower()
        is_html = format_ not in _MARKUP_FORMATS and start.startswith((b"<!doctype", b"<html"))
        # PDF readers accept the header anywhere in the first kilobyte.
        lacks_header = format_ == "pdf" and b"%PDF-" not in head[:_HEAD_BYTES]
        magic = _MAGIC_BY_FORMAT.get(format_)
        if is_html or lacks_header or (magic is not None and not head.startswith(magic)):
            content = "an HTML page" if is_html else "other content"
            message = f"the server sent {content} instead of a document ({self._source.format})"
            hint = (
                "Download it again; if that fails, check the responses of the server or its proxy"
            )
            raise InvalidDocument(message, hint=hint, format=self._source.format, content=head)

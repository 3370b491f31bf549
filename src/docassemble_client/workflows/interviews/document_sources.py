"""What the end of an interview offers as documents, and whether what comes is one."""

from __future__ import annotations

import json
from contextlib import aclosing, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from docassemble_client.errors import DownloadTooLarge
from docassemble_client.models import Question
from docassemble_client.responses import BinaryContent, JSONReply
from docassemble_client.transfer import DownloadStream, safe_filename
from docassemble_client.workflows.errors import InvalidDocument, NoDocuments
from docassemble_client.workflows.interviews.documents import DocumentDownload, DocumentDownloads

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
    from contextlib import AbstractAsyncContextManager

    from docassemble_client.client import AsyncDocassemble
    from docassemble_client.models import Attachment
    from docassemble_client.workflows.interviews.runner import Transcript

_HEAD = 1024  # bytes in which a document shows what it is
_ZIP, _OLE, _RTF = b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"{\\rtf"
_BEGINNINGS: dict[str, tuple[bytes, ...]] = {
    **dict.fromkeys(("docx", "docm", "xlsx", "xlsm", "pptx", "odt", "ods", "zip"), (_ZIP,)),
    **dict.fromkeys(("doc", "xls", "ppt"), (_OLE, _RTF)),
    **dict.fromkeys(("jpg", "jpeg"), (b"\xff\xd8\xff",)),
    **dict.fromkeys(("tif", "tiff"), (b"II*\x00", b"MM\x00*")),
    "rtf": (_RTF,),
    "png": (b"\x89PNG",),
    "gif": (b"GIF8",),
}
_PAGES = frozenset({"html", "htm", "xhtml", "xml"})
# What a document is in, where only its media type is known.
_FORMATS = {
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


class _Offer(NamedTuple):
    """A document of the last screen, or the last screen itself."""

    name: str
    format: str
    variable: str
    filename: str
    source: Callable[[], AbstractAsyncContextManager[DownloadStream]]


def documents_of(
    da: AsyncDocassemble,
    transcript: Transcript,
    *,
    formats: Sequence[str] | None,
    max_size: int | None,
) -> DocumentDownloads:
    """
    Find the documents at the end of an interview.

    Args:
        da: Client.
        transcript: How the interview went.
        formats: Formats that are wanted; None for all.
        max_size: How many bytes each may have.

    Returns:
        The documents, of which none was asked for yet.

    Raises:
        NoDocuments: There are none.
    """
    formats = (formats,) if isinstance(formats, str) else formats
    offers = list(_offers(da, transcript))
    wanted = [one for one in offers if formats is None or one.format in formats]
    if not wanted:
        raise _none(transcript, offers, formats)
    taken: set[str] = set()
    downloads: list[DocumentDownload] = []
    for one in wanted:
        filename = _different(one.filename, taken)
        downloads.append(
            DocumentDownload(
                _Opening(one, filename, max_size),
                name=one.name,
                format=one.format,
                variable=one.variable,
                filename=filename,
            )
        )
    return DocumentDownloads(downloads, transcript)


def _offers(da: AsyncDocassemble, transcript: Transcript) -> Iterator[_Offer]:
    match transcript.final:
        case Question() as question:
            for attachment in question.attachments or []:
                yield from _attached(da, attachment)
        case BinaryContent() as content:
            media = content.content_type.partition(";")[0].strip().lower()
            suffix = Path(content.filename or "").suffix.removeprefix(".").lower()
            yield _replied(content, suffix or _FORMATS.get(media, "bin"))
        case JSONReply(data) if data is not None:
            text = json.dumps(data).encode()
            yield _replied(BinaryContent(content=text, content_type="application/json"), "json")
        case _:
            return


def _attached(da: AsyncDocassemble, attachment: Attachment) -> Iterator[_Offer]:
    variable = attachment.variable_name or ""
    stem = attachment.filename or attachment.name or "document"
    # JSON of the server has its keys sorted; this list is in the order of the interview.
    kinds = dict.fromkeys([*(attachment.valid_formats or []), *attachment.number])
    for kind in (one for one in kinds if one in attachment.number):
        own = safe_filename(attachment.filename_with_extension.get(kind))
        yield _Offer(
            name=attachment.name or attachment.filename or "",
            format=kind,
            # The server gives one of its own to what has none.
            variable="" if variable.startswith("_internal") else variable,
            filename=own or safe_filename(f"{stem}.{kind}") or "document",
            source=partial(da.files.download, attachment.number[kind], extension=kind),
        )


def _replied(content: BinaryContent, kind: str) -> _Offer:
    name = content.filename or f"response.{kind}"

    @asynccontextmanager
    async def source() -> AsyncGenerator[DownloadStream]:
        headers = {
            "content-type": content.content_type,
            "content-length": str(len(content.content)),
        }
        yield DownloadStream(content.status, headers, _once(content.content))

    return _Offer(name=name, format=kind, variable="", filename=name, source=source)


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content


def _different(filename: str, taken: set[str]) -> str:
    """Number a file name that another document has already, also where case does not count."""
    path, number = Path(filename), 0
    while filename.lower() in taken:
        number += 1
        filename = path.with_stem(f"{path.stem} ({number})").name
    taken.add(filename.lower())
    return filename


def _none(
    transcript: Transcript, offers: list[_Offer], formats: Sequence[str] | None
) -> NoDocuments:
    final = transcript.final
    question = final.question_name if isinstance(final, Question) else ""
    where = f"on question {question!r} ({transcript.ended})" if question else "with a reply"
    hint = "Its transcript has the last screen; an interview brings documents as attachments"
    lack = "without a document"
    if offers:
        lack = f"without a document as {' or '.join(formats or ())}"
        hint = f"There are documents as {', '.join(sorted({one.format for one in offers}))}"
    message = f"the interview ended {where} {lack}"
    return NoDocuments(
        message, hint=hint, transcript=transcript, question=question, ended=transcript.ended
    )


class _Opening:
    """Opens a document, and looks at what comes before it hands it on."""

    def __init__(self, offer: _Offer, filename: str, max_size: int | None) -> None:
        self._offer = offer
        self._filename = filename
        self._max_size = max_size

    @asynccontextmanager
    async def __call__(self) -> AsyncGenerator[DownloadStream]:
        async with self._offer.source() as stream, aclosing(self._checked(stream)) as chunks:
            size = {} if stream.size is None else {"content-length": str(stream.size)}
            headers = {"content-type": stream.content_type, **size}
            checked = DownloadStream(stream.status, headers, chunks)
            checked.filename = self._filename
            yield checked

    async def _checked(self, stream: DownloadStream) -> AsyncGenerator[bytes]:
        head, done = bytearray(), 0
        self._measure(stream.size or 0)
        async for chunk in stream:
            done += len(chunk)
            self._measure(done)
            if len(head) >= _HEAD:
                yield chunk
                continue
            head += chunk
            if len(head) >= _HEAD:
                self._look(bytes(head))
                yield bytes(head)
        if len(head) < _HEAD:
            self._look(bytes(head))
            yield bytes(head)

    def _measure(self, size: int) -> None:
        if self._max_size is not None and size > self._max_size:
            message = f"a document ({self._offer.format}) is larger than {self._max_size} bytes"
            hint = "Allow more with max_size="
            raise DownloadTooLarge(message, hint=hint, max_size=self._max_size)

    def _look(self, head: bytes) -> None:
        kind = self._offer.format.lower()
        page = kind not in _PAGES and head.lstrip().lower().startswith((b"<!doctype", b"<html"))
        # Readers of PDF look for its mark in the first kilobyte.
        known = b"%PDF-" in head[:_HEAD] if kind == "pdf" else True
        beginnings = _BEGINNINGS.get(kind)
        if page or not known or (beginnings is not None and not head.startswith(beginnings)):
            what = "a web page" if page else "something else"
            message = f"{what} came in place of a document ({self._offer.format})"
            hint = "Download it again; if it stays so, look at what the server, or a proxy, says"
            raise InvalidDocument(message, hint=hint, format=self._offer.format, content=head)

"""Opens documents, and verifies their size and format before passing them on."""

from __future__ import annotations

from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING

from docassemble_client.errors import DownloadTooLarge
from docassemble_client.transfer import DownloadStream
from docassemble_client.workflows.errors import InvalidDocument

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable
    from contextlib import AbstractAsyncContextManager

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


class VerifiedDownload:
    """Opens a document, and verifies its size and format before passing it on."""

    def __init__(
        self,
        open_stream: Callable[[], AbstractAsyncContextManager[DownloadStream]],
        *,
        format: str,  # noqa: A002 - as the attribute of a document
        filename: str,
        max_size: int | None,
    ) -> None:
        self._open_stream = open_stream
        self._format = format
        self._filename = filename
        self._max_size = max_size

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[DownloadStream]:
        """Open the document."""
        async with (
            self._open_stream() as stream,
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
            message = f"a document ({self._format}) is larger than {self._max_size} bytes"
            hint = "Increase max_size to allow larger documents"
            raise DownloadTooLarge(message, hint=hint, max_size=self._max_size)

    def _check_magic(self, head: bytes) -> None:
        format_ = self._format.lower()
        start = head.lstrip().lower()
        is_html = format_ not in _MARKUP_FORMATS and start.startswith((b"<!doctype", b"<html"))
        # PDF readers accept the header anywhere in the first kilobyte.
        lacks_header = format_ == "pdf" and b"%PDF-" not in head[:_HEAD_BYTES]
        magic = _MAGIC_BY_FORMAT.get(format_)
        if is_html or lacks_header or (magic is not None and not head.startswith(magic)):
            content = "an HTML page" if is_html else "other content"
            message = f"the server sent {content} instead of a document ({self._format})"
            hint = (
                "Download it again; if that fails, check the responses of the server or its proxy"
            )
            raise InvalidDocument(message, hint=hint, format=self._format, content=head)

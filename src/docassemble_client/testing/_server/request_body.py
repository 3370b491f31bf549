"""Parses request bodies like the server does."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote_to_bytes

from attrs import field, frozen

from docassemble_client._header_params import parse_media_type

if TYPE_CHECKING:
    from python_multipart.multipart import Field as FormField
    from python_multipart.multipart import File

_FORM = "application/x-www-form-urlencoded"
_MULTIPART = "multipart/form-data"
# In a line of a part's head, which begins with the boundary (RFC 2231; also used by aiohttp).
_EXTENDED_NAME = re.compile(
    rb"(?i)(\r?\n?--[^\r\n]+\r\n(?:[^\r\n]+\r\n)*?content-disposition:[^\r\n]*?)"
    rb"filename\*\s*=\s*utf-8'[^']*'([^\s;]+)"
)


@frozen
class UploadedFile:
    """
    A file in a request.

    Attributes:
        name: Name of the field.
        filename: Name of the file.
        content: The bytes.
    """

    name: str
    filename: str
    content: bytes = field(repr=False)


@frozen
class RequestBody:
    """
    A parsed body.

    Attributes:
        data: JSON value, or the fields of a form.
        files: Uploaded files.
        is_json: Whether the body was JSON.
    """

    data: Any = field(repr=False)
    files: tuple[UploadedFile, ...] = ()
    is_json: bool = False


def read_body(content_type: str, content: bytes) -> RequestBody:
    """
    Parse a body; an invalid body counts as an empty form.

    Args:
        content_type: Content type of the request.
        content: The bytes.

    Returns:
        The data and files.
    """
    kind = parse_media_type(content_type)
    if kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json")):
        try:
            value = json.loads(content)
        except (ValueError, RecursionError):
            value = None
        # The server treats null as a missing body.
        if value is not None:
            return RequestBody(value, is_json=True)
    if kind == _FORM:
        pairs = parse_qsl(content.decode(errors="replace"), keep_blank_values=True)
        return RequestBody(dict(reversed(pairs)))
    if kind == _MULTIPART:
        return _read_multipart(content_type, content)
    return RequestBody({})


def _read_multipart(content_type: str, content: bytes) -> RequestBody:
    """Parse a form with files; the first field of each name counts."""
    # Imported here because only uploads need this package of the extra.
    from python_multipart import FormParser, create_form_parser
    from python_multipart.exceptions import FormParserError

    form: dict[str, str] = {}
    files: list[UploadedFile] = []
    open_files: list[File] = []

    def add_field(form_field: FormField) -> None:
        form.setdefault(_decode(form_field.field_name), _decode(form_field.value))

    def add_file(file: File) -> None:
        file.file_object.seek(0)
        # Browsers and this client escape quotes in file names.
        filename = _decode(file.file_name).replace("%22", '"')
        files.append(UploadedFile(_decode(file.field_name), filename, file.file_object.read()))
        open_files.append(file)

    content = _replace_extended_names(content)
    headers = {"Content-Type": content_type.encode("latin-1", "replace")}
    try:
        parser: FormParser = create_form_parser(headers, add_field, add_file)
        parser.write(content)
        parser.finalize()
    except FormParserError:
        return RequestBody({})
    finally:
        for file in open_files:  # a large file is on the disk; the parser flushes it to the end
            file.close()
    # Browsers send a file without a name if the user has chosen none.
    return RequestBody(form, tuple(upload for upload in files if upload.filename))


def _replace_extended_names(content: bytes) -> bytes:
    """Replace `filename*`, which the parser does not know, by `filename` in the heads of parts."""

    def replace(match: re.Match[bytes]) -> bytes:
        name = unquote_to_bytes(match[2]).replace(b'"', b"%22")
        return match[1] + b'filename="' + name + b'"'

    return _EXTENDED_NAME.sub(replace, content) if b"filename*" in content else content


def _decode(value: bytes | None) -> str:
    return (value or b"").decode(errors="replace")

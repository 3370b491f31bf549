"""Bodies of requests, read as the server reads them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from attrs import field, frozen

from docassemble_client._types import media_type

if TYPE_CHECKING:
    from python_multipart.multipart import Field as FormField
    from python_multipart.multipart import File

_FORM = "application/x-www-form-urlencoded"
_MULTIPART = "multipart/form-data"


@frozen
class Part:
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
class Body:
    """
    What a body holds.

    Attributes:
        data: The JSON value, or else the fields of the form.
        files: The files.
        is_json: Whether the data was JSON.
    """

    data: Any = field(repr=False)
    files: tuple[Part, ...] = ()
    is_json: bool = False


def read_body(content_type: str, content: bytes) -> Body:
    """
    Read a body; what is not understood counts as an empty form.

    Args:
        content_type: What the request says of it.
        content: The bytes.

    Returns:
        Its data and files.
    """
    kind = media_type(content_type)
    if kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json")):
        try:
            value = json.loads(content)
        except (ValueError, RecursionError):
            value = None
        # The server takes null for no JSON at all.
        if value is not None:
            return Body(value, is_json=True)
    if kind == _FORM:
        pairs = parse_qsl(content.decode(errors="replace"), keep_blank_values=True)
        return Body(dict(reversed(pairs)))
    if kind == _MULTIPART:
        return _multipart(content_type, content)
    return Body({})


def _multipart(content_type: str, content: bytes) -> Body:
    """Read a form with files; of several fields of one name the first counts."""
    # Not on the import path: only uploads need the extra.
    from python_multipart import FormParser, create_form_parser
    from python_multipart.exceptions import FormParserError

    form: dict[str, str] = {}
    files: list[Part] = []

    def on_field(one: FormField) -> None:
        form.setdefault(_text(one.field_name), _text(one.value))

    def on_file(one: File) -> None:
        one.file_object.seek(0)
        # A quote is escaped as browsers do.
        filename = _text(one.file_name).replace("%22", '"')
        files.append(Part(_text(one.field_name), filename, one.file_object.read()))

    headers = {"Content-Type": content_type.encode("latin-1", "replace")}
    try:
        parser: FormParser = create_form_parser(headers, on_field, on_file)
        parser.write(content)
        parser.finalize()
    except FormParserError:
        return Body({})
    # A browser sends a field for a file that nobody chose, without a name.
    return Body(form, tuple(one for one in files if one.filename))


def _text(value: bytes | None) -> str:
    return (value or b"").decode(errors="replace")

"""Files on the fake server: download, template fields and conversion."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any
from zipfile import ZipFile

import pytest

from docassemble_client import AsyncDocassemble, ServerError, TemplateFields, Upload
from tests.testing.conftest import get_error_text
from tests.testing.test_server import make_raw_call

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from docassemble_client.testing import FakeServer

    Call = Callable[[AsyncDocassemble], Awaitable[Any]]


def make_docx(*paragraphs: str) -> bytes:
    """Create a Word document."""
    buffer = BytesIO()
    body = "".join(f'<w:p a="b"><w:r><w:t>{text}</w:t></w:r></w:p>' for text in paragraphs)
    with ZipFile(buffer, "w") as archive:
        archive.writestr("word/document.xml", f"<w:document>{body}</w:document>")
    return buffer.getvalue()


TEMPLATES = {
    "docx": make_docx("Dear {{ client }},", "{%p for item in items %}"),
    "md": b"Dear {{ client }}, {% if items %} {{ client }}",
    "pdf": b"%PDF-1.7 /T (client) /T (items)",
}


@pytest.mark.parametrize("kind", TEMPLATES)
async def test_template_fields_are_returned_as_json_and_as_a_draft(
    da: AsyncDocassemble, kind: str
) -> None:
    """Each field of a template is listed once."""
    template = Upload(TEMPLATES[kind], f"letter.{kind}")

    result = await da.files.extract_fields(template)
    draft = await da.files.extract_fields(template, output_format="yaml")

    assert isinstance(result, TemplateFields)
    assert result.fields == ["client", "items"]
    assert isinstance(draft, str)
    assert '  - "client": client' in draft


@pytest.mark.parametrize("name", ["a.pdf", "a.docx", "a.md"])
async def test_unreadable_template_has_no_fields(da: AsyncDocassemble, name: str) -> None:
    """The JSON is an empty list; the draft is refused."""
    template = Upload(b"\xff", name)

    result = await da.files.extract_fields(template)
    error = await get_error_text(da.files.extract_fields(template, output_format="yaml"))

    assert isinstance(result, TemplateFields)
    assert result.fields == []
    assert error == "400 No fields could be found."


async def test_document_is_converted_to_markdown(da: AsyncDocassemble) -> None:
    """Empty paragraphs are omitted; other formats need LibreOffice, which is missing."""
    text = await da.files.convert_to_markdown(Upload(make_docx("A &amp; B", "", "C"), "a.docx"))
    with pytest.raises(ServerError):
        await da.files.convert_to_markdown(Upload(b"x", "a.rtf"))

    assert text == "A & B\n\nC\n"


async def test_private_file_needs_a_privilege(da: AsyncDocassemble, fake: FakeServer) -> None:
    """All users may download public files."""
    ada = fake.add_user("ada@example.com")
    public = fake.add_file("public.txt", b"Hello")
    private = fake.add_file("private", b"Secret", private=True)

    async with fake.client(ada) as client:
        file = await client.files.download(public.number)
        assert (file.content, file.content_type) == (b"Hello", "text/plain; charset=utf-8")
        error = await get_error_text(client.files.download(private.number).read())
        assert error == "404 File not found"

    file = await da.files.download(private.number, filename="file")
    assert file.content == b"Secret"
    for download in (
        da.files.download(private.number, extension="pdf"),
        da.files.download(private.number, filename="private"),
    ):
        assert await get_error_text(download.read()) == "404 File not found"


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda da: da.files.extract_fields(Upload(b"", "a.txt")), "400 Invalid input format."),
        (
            lambda da: da.files.extract_fields(Upload(b"", "a.md"), output_format="x"),
            "400 Invalid output format.",
        ),
        (make_raw_call("POST", "/api/fields"), "400 File not included."),
        (lambda da: da.files.convert_to_markdown(Upload(b"", "a")), "400 Invalid input file form"),
        (lambda da: da.files.convert_to_markdown(Upload(b"", "a.docx")), "400 Unable to convert"),
        (
            lambda da: da.request(
                "POST",
                "/api/convert_file",
                data={"format": "x"},
                files={"file": Upload(b"", "a")},
            ),
            "400 Invalid output file format.",
        ),
        (make_raw_call("POST", "/api/convert_file"), "404 File not found"),
    ],
)
async def test_invalid_calls_on_files_are_refused(
    da: AsyncDocassemble, call: Call, expected: str
) -> None:
    """Each error has the same text as on a real server."""
    error = await get_error_text(call(da))

    assert error.startswith(expected)

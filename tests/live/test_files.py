"""Templates, conversions and downloads on the real server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from docassemble_client import (
    AsyncDocassemble,
    TemplateFieldLocation,
    TemplateFields,
    Upload,
)
from tests.live.accounts import limited_client, temporary_account
from tests.live.documents import make_docx, make_pdf_form
from tests.live.known_errors import get_error

if TYPE_CHECKING:
    from tests.live.conftest import Connect
    from tests.live.known_errors import ApiCall

TEXT_FIELD = "docassemble.base:data/questions/examples/text-field.yml"
HOSTILE = "Brief für 'Ada' \"neu\".{}"
LETTER = ("Dear {{ client.name }}, pay {{ amount }}.", "{%p for item in items %}")


@pytest.mark.parametrize(
    ("template", "fields"),
    [
        (Upload(" ".join(LETTER).encode(), HOSTILE.format("md")), {"client", "amount", "items"}),
        (Upload(make_docx(*LETTER), HOSTILE.format("docx")), {"client", "amount", "items"}),
        (Upload(make_pdf_form(), HOSTILE.format("pdf")), {"client", "agree"}),
    ],
    ids=["md", "docx", "pdf"],
)
async def test_fields_are_extracted_as_list_and_as_yaml(
    da: AsyncDocassemble, template: Upload, fields: set[str]
) -> None:
    """The fields of a template are returned as JSON or as YAML, for any file name."""
    template_fields = await da.files.extract_fields(template)
    yaml_text = await da.files.extract_fields(template, output_format="yaml")

    assert isinstance(template_fields, TemplateFields)
    assert set(template_fields.fields) == fields
    assert isinstance(yaml_text, str)
    assert all(f'"{name}": ' in yaml_text for name in fields)


async def test_pdf_fields_have_location_type_and_values(da: AsyncDocassemble) -> None:
    """PDF fields have all properties; only checkboxes have an export value."""
    template_fields = await da.files.extract_fields(Upload(make_pdf_form(), "form.pdf"))

    assert template_fields == TemplateFields(
        fields=["client", "agree"],
        default_values={"client": "Ada", "agree": "No"},
        types={"client": "/Tx", "agree": "/Btn"},
        locations={
            "client": TemplateFieldLocation(page=1, box=[100, 700, 300, 720]),
            "agree": TemplateFieldLocation(page=1, box=[100, 600, 120, 620]),
        },
        export_values={"client": None, "agree": "Agreed"},
    )


async def test_unreadable_template_has_no_fields(da: AsyncDocassemble) -> None:
    """An unreadable file has an empty list of fields."""
    template_fields = await da.files.extract_fields(Upload(b"no PDF at all", "form.pdf"))

    assert isinstance(template_fields, TemplateFields)
    assert template_fields.fields == []


async def test_document_is_converted_to_markdown(da: AsyncDocassemble) -> None:
    """The text of a document is returned as Markdown, for any file name."""
    document = Upload(make_docx("Größe: {{ size }}", "Ende"), HOSTILE.format("docx"))

    text = await da.files.convert_to_markdown(document)

    assert text == "Größe: {{ size }}\n\nEnde\n"


async def test_file_is_downloaded_by_number_extension_and_stored_name(da: AsyncDocassemble) -> None:
    """An upload is found as `file` and `file.txt`; extension takes precedence over filename."""
    number = await _upload_file(da)

    without_name = await da.files.download(number)
    named = [
        await da.files.download(number, extension="txt"),
        await da.files.download(number, filename="file.txt"),
        await da.files.download(number, extension="txt", filename="other.txt"),
    ]
    await da.sessions.delete_many_current(i=TEXT_FIELD)

    assert (without_name.content, without_name.filename) == (b"Hello", "file")
    assert without_name.content_type == "text/plain; charset=utf-8"
    assert [(file.content, file.filename) for file in named] == [(b"Hello", "file.txt")] * 3


async def test_file_is_not_found_by_other_names_other_users_or_after_deletion(
    da: AsyncDocassemble, connect: Connect
) -> None:
    """Unknown numbers, extensions and names, files of others and of deleted sessions are 404."""
    number = await _upload_file(da)

    async with temporary_account(da, connect) as stranger:
        refusals = [
            await get_error(call)
            for call in (
                stranger.da.files.download(number).read(),
                da.files.download(10**9).read(),
                da.files.download(number, extension="pdf").read(),
                da.files.download(number, filename=HOSTILE.format("txt")).read(),
            )
        ]
        own = await stranger.da.files.download(await _upload_file(stranger.da))
    await da.sessions.delete_many_current(i=TEXT_FIELD)
    refusals.append(await get_error(da.files.download(number).read()))

    assert refusals == ["404 File not found"] * 5
    assert own.content == b"Hello"


async def _upload_file(da: AsyncDocassemble) -> int:
    """Upload a file to a new session, and return its number."""
    new = await da.sessions.start(TEXT_FIELD)
    await da.sessions.set_variables(
        new.i,
        new.session,
        secret=new.secret,
        files={"brief": Upload(b"Hello", HOSTILE.format("txt"))},
        question=False,
    )
    answers = await da.sessions.get_variables(new.i, new.session, secret=new.secret)
    files: object = answers["brief"]
    assert isinstance(files, dict)
    number = files["elements"][0]["number"]
    assert isinstance(number, int)
    return number


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (
            lambda da: da.files.convert_to_markdown(Upload(b"text", "letter.txt")),
            "400 Invalid input file format.",
        ),
        (
            lambda da: da.files.convert_to_markdown(Upload(b"no ZIP file", "letter.docx")),
            "400 Unable to convert file.",
        ),
        (
            lambda da: da.files.extract_fields(Upload(b"text", "letter.txt")),
            "400 Invalid input format.",
        ),
        (
            lambda da: da.files.extract_fields(Upload(b"{{ a }}", "a.md"), output_format="xml"),
            "400 Invalid output format.",
        ),
        (
            lambda da: da.files.extract_fields(Upload(b"text", "a.md"), output_format="yaml"),
            "400 No fields could be found.",
        ),
    ],
)
async def test_invalid_document_is_refused(
    da: AsyncDocassemble, call: ApiCall, expected: str
) -> None:
    """Invalid documents and formats are refused with the documented errors."""
    assert await get_error(call(da)) == expected


async def test_files_need_a_key_and_templates_need_a_permission(
    da: AsyncDocassemble, connect: Connect
) -> None:
    """An unknown key is denied all calls; limited keys need template_parse for templates."""
    template = Upload(b"{{ a }}", "a.md")
    async with (
        connect("0" * 32) as nobody,
        limited_client(da, connect, "access_sessions") as limited,
    ):
        refusals = [
            await get_error(nobody.files.convert_to_markdown(Upload(make_docx("Text"), "a.docx"))),
            await get_error(nobody.files.download(1).read()),
            await get_error(limited.files.extract_fields(template)),
        ]
    async with limited_client(da, connect, "template_parse") as reader:
        template_fields = await reader.files.extract_fields(template)

    assert refusals == ["403 Access denied."] * 3
    assert isinstance(template_fields, TemplateFields)
    assert template_fields.fields == ["a"]

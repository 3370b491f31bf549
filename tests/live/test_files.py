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
from tests.live.documents import docx, pdf_form
from tests.live.people import limited, person
from tests.live.refusals import refusal

if TYPE_CHECKING:
    from tests.live.conftest import Connect, Run
    from tests.live.refusals import Call

TEXT_FIELD = "docassemble.base:data/questions/examples/text-field.yml"
HOSTILE = "Brief für 'Ada' \"neu\".{}"
LETTER = ("Dear {{ client.name }}, pay {{ amount }}.", "{%p for item in items %}")


@pytest.mark.parametrize(
    ("template", "fields"),
    [
        (Upload(" ".join(LETTER).encode(), HOSTILE.format("md")), {"client", "amount", "items"}),
        (Upload(docx(*LETTER), HOSTILE.format("docx")), {"client", "amount", "items"}),
        (Upload(pdf_form(), HOSTILE.format("pdf")), {"client", "agree"}),
    ],
    ids=["md", "docx", "pdf"],
)
def test_fields_come_as_list_and_as_draft(run: Run, template: Upload, fields: set[str]) -> None:
    """The fields of a template come as JSON or as a draft question, whatever it is called."""

    async def job(da: AsyncDocassemble) -> None:
        found = await da.files.extract_fields(template)
        draft = await da.files.extract_fields(template, output_format="yaml")

        assert isinstance(found, TemplateFields)
        assert set(found.fields) == fields
        assert isinstance(draft, str)
        assert all(f'"{one}": ' in draft for one in fields)

    run(job)


def test_fields_of_a_pdf_have_place_type_and_values(run: Run) -> None:
    """Of a PDF form everything is told; a text field has no export value, a checkbox has one."""

    async def job(da: AsyncDocassemble) -> None:
        found = await da.files.extract_fields(Upload(pdf_form(), "form.pdf"))

        assert found == TemplateFields(
            fields=["client", "agree"],
            default_values={"client": "Ada", "agree": "No"},
            types={"client": "/Tx", "agree": "/Btn"},
            locations={
                "client": TemplateFieldLocation(page=1, box=[100, 700, 300, 720]),
                "agree": TemplateFieldLocation(page=1, box=[100, 600, 120, 620]),
            },
            export_values={"client": None, "agree": "Agreed"},
        )

    run(job)


def test_unreadable_template_has_no_fields(run: Run) -> None:
    """As JSON, a file that cannot be read is answered like one without fields."""

    async def job(da: AsyncDocassemble) -> None:
        found = await da.files.extract_fields(Upload(b"no PDF at all", "form.pdf"))

        assert isinstance(found, TemplateFields)
        assert found.fields == []

    run(job)


def test_document_is_converted_to_markdown(run: Run) -> None:
    """The text of a document comes as Markdown in UTF-8, whatever the document is called."""

    async def job(da: AsyncDocassemble) -> None:
        document = Upload(docx("Größe: {{ size }}", "Ende"), HOSTILE.format("docx"))

        text = await da.files.convert_to_markdown(document)

        assert text == "Größe: {{ size }}\n\nEnde\n"

    run(job)


def test_file_is_downloaded_by_number_extension_and_stored_name(run: Run) -> None:
    """An upload is found as file and file.txt; extension beats filename."""

    async def job(da: AsyncDocassemble) -> None:
        number = await _uploaded(da)

        plain = await da.files.download(number)
        named = [
            await da.files.download(number, extension="txt"),
            await da.files.download(number, filename="file.txt"),
            await da.files.download(number, extension="txt", filename="other.txt"),
        ]
        await da.sessions.delete_many_current(i=TEXT_FIELD)

        assert (plain.content, plain.filename) == (b"Hello", "file")
        assert plain.content_type == "text/plain; charset=utf-8"
        assert [(one.content, one.filename) for one in named] == [(b"Hello", "file.txt")] * 3

    run(job)


def test_file_is_not_found_under_other_names_by_others_or_without_its_session(
    run: Run, connect: Connect
) -> None:
    """Unknown numbers, extensions and names, strangers' files and deleted sessions are 404."""

    async def job(da: AsyncDocassemble) -> None:
        number = await _uploaded(da)

        async with person(da, connect) as stranger:
            refusals = [
                await refusal(call)
                for call in (
                    stranger.da.files.download(number).read(),
                    da.files.download(10**9).read(),
                    da.files.download(number, extension="pdf").read(),
                    da.files.download(number, filename=HOSTILE.format("txt")).read(),
                )
            ]
            own = await stranger.da.files.download(await _uploaded(stranger.da))
        await da.sessions.delete_many_current(i=TEXT_FIELD)
        refusals.append(await refusal(da.files.download(number).read()))

        assert refusals == ["404 File not found"] * 5
        assert own.content == b"Hello"

    run(job)


async def _uploaded(da: AsyncDocassemble) -> int:
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
def test_unusable_document_is_refused(run: Run, call: Call, expected: str) -> None:
    """What the server cannot read or make is refused with the documented text."""

    async def job(da: AsyncDocassemble) -> None:
        assert await refusal(call(da)) == expected

    run(job)


def test_files_need_a_key_and_templates_a_permission(run: Run, connect: Connect) -> None:
    """A wrong key is denied everything; a limited one without template_parse the templates."""

    async def job(da: AsyncDocassemble) -> None:
        template = Upload(b"{{ a }}", "a.md")
        async with connect("0" * 32) as nobody, limited(da, connect, "access_sessions") as other:
            refusals = [
                await refusal(nobody.files.convert_to_markdown(Upload(docx("Text"), "a.docx"))),
                await refusal(nobody.files.download(1).read()),
                await refusal(other.files.extract_fields(template)),
            ]
        async with limited(da, connect, "template_parse") as reader:
            found = await reader.files.extract_fields(template)

        assert refusals == ["403 Access denied."] * 3
        assert isinstance(found, TemplateFields)
        assert found.fields == ["a"]

    run(job)

"""Assembling documents in memory, to disk and one by one; every session is deleted."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from attrs import evolve

from docassemble_client import (
    AsyncDocassemble,
    BinaryContent,
    Documents,
    DownloadTooLarge,
    InterviewFailed,
    InvalidDocument,
    MissingAnswer,
    NoDocuments,
    NotFound,
    UsageError,
)
from docassemble_client.testing import FakeDocument, FakeServer, ScriptedScreen
from docassemble_client.testing._handlers import questions
from tests.workflows.letters import DOCX, LETTER, PDF, I, count_sessions, make_letter_server
from tests.workflows.screens import ScriptedServer, make_screen

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.mock import MockResponse

ADA = {"name": "Ada"}


async def assemble(fake: FakeServer, answers: Any = None, **options: Any) -> Documents:
    """Assemble in memory, and check that no session stays on the server."""
    try:
        async with fake.client() as da:
            return await da.interview(I).assemble(ADA if answers is None else answers, **options)
    finally:
        assert count_sessions(fake) == 0


async def test_documents_are_read_into_memory() -> None:
    """They can be indexed by name, variable, file name and format, and have the transcript."""
    fake, finished_names = make_letter_server()

    documents = await assemble(fake)

    assert [(item.name, item.variable, item.format, item.filename) for item in documents] == [
        ("Letter", "letter", "pdf", "letter.pdf"),
        ("Letter", "letter", "docx", "letter.docx"),
    ]
    assert documents["pdf"].content == documents["letter", "pdf"].content == PDF
    assert documents["letter.docx"] is documents[1]
    assert documents[1].content == DOCX
    assert [*documents[:1]] == [documents[0]]
    assert documents["pdf"].content_type == "application/pdf"
    assert documents.transcript.end_type == "deadend"
    assert repr(documents) == "<Documents letter.pdf, letter.docx>"
    assert finished_names == ["Ada"]


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("odt", "no document matches 'odt'; available: 'Letter' as pdf, 'Letter' as docx"),
        ("Letter", "several documents match 'Letter'"),
        (("pdf", "docx"), "no document matches 'docx' and 'pdf'"),
    ],
)
async def test_key_without_a_single_match_lists_the_documents(key: Any, text: str) -> None:
    """A key that matches no document or several is an error that lists all of them."""
    fake, _ = make_letter_server()

    with pytest.raises(KeyError, match=text):
        (await assemble(fake))[key]


async def test_only_the_requested_formats_are_downloaded() -> None:
    """Documents in other formats are not requested."""
    fake, _ = make_letter_server()

    documents = await assemble(fake, formats="pdf")

    assert [document.format for document in documents] == ["pdf"]
    operations = [request.operation for request in fake.received_requests]
    assert operations.count("files.download") == 1


async def test_documents_are_saved_while_their_session_is_open(tmp_path: Path) -> None:
    """A missing folder is created, and existing files are not replaced."""
    fake, _ = make_letter_server()
    folder = tmp_path / "new" / "letters"

    async with fake.client() as da:
        first = await da.interview(I).assemble(ADA).save(folder)
        second = (await da.interview(I).assemble(ADA, formats=["pdf"])).save(folder)

    assert [path.name for path in (*first, *second)] == [
        "letter.pdf", "letter.docx", "letter (1).pdf"
    ]  # fmt: skip
    assert (folder / "letter (1).pdf").read_bytes() == PDF
    assert (folder / "letter.docx").read_bytes() == DOCX
    assert count_sessions(fake) == 0


async def test_documents_are_downloaded_one_by_one(tmp_path: Path) -> None:
    """Inside the block the session exists, and each document can be read, saved and streamed."""
    fake, finished_names = make_letter_server(FakeDocument("Letter", {"txt": b"Dear Ada" * 1000}))

    async with fake.client() as da:
        assembly = da.interview(I).assemble(ADA)
        async with assembly as documents:
            assert count_sessions(fake) == 1
            document = documents["txt"]
            async with document as stream:
                assert (stream.filename, stream.size) == ("letter.txt", 8000)
                content = b"".join([chunk async for chunk in stream])
            assert (await document.save(tmp_path)).read_bytes() == content
            assert (await document).content == content == b"Dear Ada" * 1000
            assert repr(document) == "<DocumentDownload letter.txt>"
            with pytest.raises(UsageError, match="already open"):
                await assembly.__aenter__()
        assert count_sessions(fake) == 0
        with pytest.raises(NotFound):
            await document
        async with assembly as documents:
            assert len(documents) == 1

    assert len(finished_names) >= 2


async def test_failed_entry_leaves_the_assembly_usable() -> None:
    """It can be opened again, and closing it twice does nothing."""
    fake, _ = make_letter_server()
    fake.fail("sessions.start", status=400, body="No.")

    async with fake.client() as da:
        assembly = da.interview(I).assemble(ADA)
        with pytest.raises(Exception, match="400"):
            await assembly.__aenter__()
        async with assembly as documents:
            assert len(documents) == 2
        await assembly.__aexit__(None, None, None)


async def test_hostile_file_names_stay_in_the_folder(tmp_path: Path) -> None:
    """No name points outside the folder, names a device, or replaces another document."""
    names = ["../../etc/passwd", "CON.pdf", "Letter", "letter", ""]
    fake, _ = make_letter_server(*(FakeDocument(f"{n}", {"pdf": PDF}) for n in range(len(names))))
    remaining_names = iter(names)

    make_attachment = questions._make_attachment

    def make_hostile_attachment(*arguments: Any) -> Any:
        name = next(remaining_names, "x")
        return evolve(
            make_attachment(*arguments),
            filename_with_extension={"pdf": name and f"{name}.pdf"},
            filename=name,
        )

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(questions, "_make_attachment", make_hostile_attachment)
        async with fake.client() as da, da.interview(I).assemble(ADA) as documents:
            assert len(documents) == len(names)
            paths = await documents.save(tmp_path)

    assert [path.name for path in paths] == [
        "passwd.pdf", "_CON.pdf.pdf", "Letter.pdf", "letter (1).pdf", "4.pdf"
    ]  # fmt: skip
    assert {path.parent for path in paths} == {tmp_path}


@pytest.mark.parametrize(
    ("reply", "format_", "filename"),
    [
        (BinaryContent(content=PDF, content_type="application/pdf"), "pdf", "response.pdf"),
        (BinaryContent(content=b"<svg/>", content_type="image/svg+xml"), "svg", "response.svg"),
        (b"anything", "bin", "response.bin"),
        ({"total": 3}, "json", "response.json"),
    ],
)
async def test_reply_instead_of_a_screen_is_a_document(
    reply: Any, format_: str, filename: str
) -> None:
    """A file or JSON that an interview returns is its document."""
    fake, _ = make_letter_server(final=lambda _: reply)

    (document,) = await assemble(fake)

    expected = b'{"total": 3}' if format_ == "json" else getattr(reply, "content", reply)
    assert (document.format, document.filename, document.name) == (format_, filename, filename)
    assert document.content == expected


async def test_end_without_documents_names_the_question() -> None:
    """The error has the question and the transcript, and its text contains no answers."""
    fake, _ = make_letter_server(final=lambda _: ScriptedScreen("Bye, ${ name }", name="The end"))

    with pytest.raises(NoDocuments) as caught:
        await assemble(fake, {"name": "hunter2"})

    error = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 - our own
    assert "on question 'The end' (deadend) without a document" in str(error)
    assert (error.question, error.end_type) == ("The end", "deadend")
    assert error.transcript.steps[0].answers == {"name": "hunter2"}
    assert "hunter2" not in f"{error} {error!r}"


async def test_missing_format_lists_the_available_ones() -> None:
    """The error lists the formats that the documents have."""
    fake, _ = make_letter_server()

    with pytest.raises(NoDocuments, match=r"document as rtf or odt\. Available formats: docx"):
        await assemble(fake, formats=("rtf", "odt"))


async def test_null_response_is_not_a_document() -> None:
    """An interview that returns null has no document."""
    fake, _ = make_letter_server(final=lambda _: None)

    with pytest.raises(NoDocuments, match="ended with a response without a document"):
        await assemble(fake)


async def test_errors_of_the_run_are_raised() -> None:
    """A missing answer and a failed interview raise the same errors as `run`."""
    fake, _ = make_letter_server(final=lambda _: 1 / 0)

    with pytest.raises(MissingAnswer):
        await assemble(fake, {})
    with pytest.raises(InterviewFailed):
        await assemble(fake)


async def test_document_that_is_too_large_is_refused() -> None:
    """A document with a known size is refused before it is downloaded."""
    fake, _ = make_letter_server(FakeDocument("Letter", {"txt": b"x" * 100}))

    with pytest.raises(DownloadTooLarge) as caught:
        await assemble(fake, max_size=99)

    assert caught.value.max_size == 99
    assert len((await assemble(fake, max_size=100))["txt"].content) == 100


class ChunkedServer(ScriptedServer):
    """A server that sends its document in chunks, without the size."""

    def __init__(self) -> None:
        attachment = {"number": {"pdf": 1}, "filename_with_extension": {}, "url": {}}
        super().__init__(make_screen(kind="deadend", attachments=[attachment]))

    def _reply(self, request: httpx.Request) -> MockResponse:
        if request.url.path == "/api/file/1":
            return httpx.Response(200, content=self._send_chunks())
        return super()._reply(request)

    async def _send_chunks(self) -> AsyncIterator[bytes]:
        yield b"%PDF-"
        for _ in range(5):
            yield b"x" * 999


async def test_document_is_received_in_chunks() -> None:
    """The content is complete, and a document that becomes too large is refused."""
    server = ChunkedServer()

    async with AsyncDocassemble(server.url, "key", transport=server.transport) as da:
        document = (await da.interview(I).assemble())[0]
        assert document.content == b"%PDF-" + b"x" * 4995
        assert (document.name, document.filename) == ("", "document.pdf")
        with pytest.raises(DownloadTooLarge):
            await da.interview(I).assemble(max_size=4999)


@pytest.mark.parametrize(
    ("format_", "content", "text"),
    [
        ("pdf", b"<!DOCTYPE html>no", "sent an HTML page instead of a document .pdf"),
        ("pdf", b"", "other content"),
        ("docx", b"\n <HTML>no", "an HTML page"),
        ("docx", b"PDF", "other content"),
        ("txt", b"<html>" + b" " * 2000, "an HTML page"),
    ],
)
async def test_content_of_another_format_is_an_error(
    format_: str, content: bytes, text: str
) -> None:
    """A proxy's page, or content of another format, is not accepted as a document."""
    fake, _ = make_letter_server(FakeDocument("Letter", {format_: content}))

    with pytest.raises(InvalidDocument, match=text) as caught:
        await assemble(fake)

    assert caught.value.format == format_
    assert content.startswith(caught.value.content)


@pytest.mark.parametrize(
    ("format_", "content"),
    [("html", b"<html>yes"), ("pdf", b"junk %PDF-1.4"), ("rtf", b"{\\rtf1"), ("txt", b"")],
)
async def test_valid_document_is_accepted(format_: str, content: bytes) -> None:
    """An HTML document may be a page, a PDF may have a prefix, and a text may be empty."""
    fake, _ = make_letter_server(FakeDocument("Letter", {format_: content}))

    assert (await assemble(fake))[0].content == content


async def test_session_options_are_sent() -> None:
    """The session is started with its options, and deleted at the end."""
    fake, _ = make_letter_server(LETTER)

    await assemble(fake, secret="k" * 16, url_args={"lang": "de"})

    query = fake.received_requests[0].request.query
    assert (query["secret"], query["lang"]) == ("k" * 16, "de")
    assert fake.received_requests[-1].operation == "sessions.delete"

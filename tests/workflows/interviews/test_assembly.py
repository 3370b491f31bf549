"""Data in, documents out: in memory, to disk and one by one, and nothing is left behind."""

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
from docassemble_client.testing import Document, FakeServer, Screen
from docassemble_client.testing._handlers import questions
from tests.mock import run
from tests.workflows.letters import DOCX, LETTER, PDF, I, letters, sessions
from tests.workflows.screens import Script, screen

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.mock import Answer

ADA = {"name": "Ada"}


def assemble(fake: FakeServer, answers: Any = None, **options: Any) -> Documents:
    """Assemble in memory; whatever happens, no session stays on the server."""

    async def job() -> Documents:
        async with fake.client() as da:
            return await da.interview(I).assemble(ADA if answers is None else answers, **options)

    try:
        return run(job())
    finally:
        assert sessions(fake) == 0


def test_documents_come_in_memory_by_name_and_format() -> None:
    """Each is found by what says which one it is, and the transcript comes along."""
    fake, ended = letters()

    documents = assemble(fake)

    assert [(one.name, one.variable, one.format, one.filename) for one in documents] == [
        ("Letter", "letter", "pdf", "letter.pdf"),
        ("Letter", "letter", "docx", "letter.docx"),
    ]
    assert documents["pdf"].content == documents["letter", "pdf"].content == PDF
    assert documents["letter.docx"] is documents[1]
    assert documents[1].content == DOCX
    assert [*documents[:1]] == [documents[0]]
    assert documents["pdf"].content_type == "application/pdf"
    assert documents.transcript.ended == "deadend"
    assert repr(documents) == "<Documents letter.pdf, letter.docx>"
    assert ended == ["Ada"]


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("odt", "no document is 'odt'; there are 'Letter' as pdf, 'Letter' as docx"),
        ("Letter", "several documents are 'Letter'"),
        (("pdf", "docx"), "no document is 'docx' and 'pdf'"),
    ],
)
def test_unclear_name_says_what_there_is(key: Any, words: str) -> None:
    """A name that none has, or several have, is an error that lists them."""
    fake, _ = letters()

    with pytest.raises(KeyError, match=words):
        assemble(fake)[key]


def test_only_the_formats_that_are_wanted_come() -> None:
    """Others are not downloaded."""
    fake, _ = letters()

    documents = assemble(fake, formats="pdf")

    assert [one.format for one in documents] == ["pdf"]
    assert [one.operation for one in fake.received].count("files.download") == 1


def test_documents_are_saved_while_their_session_is_open(tmp_path: Path) -> None:
    """They go to a folder that need not exist; what is there already stays."""
    fake, _ = letters()
    folder = tmp_path / "new" / "letters"

    async def job() -> None:
        async with fake.client() as da:
            first = await da.interview(I).assemble(ADA).save(folder)
            again = (await da.interview(I).assemble(ADA, formats=["pdf"])).save(folder)

        assert [one.name for one in (*first, *again)] == [
            "letter.pdf", "letter.docx", "letter (1).pdf"
        ]  # fmt: skip

    run(job())
    assert (folder / "letter (1).pdf").read_bytes() == PDF
    assert (folder / "letter.docx").read_bytes() == DOCX
    assert sessions(fake) == 0


def test_documents_are_taken_one_by_one(tmp_path: Path) -> None:
    """In its block the session stays, and each document can be read, saved and streamed."""
    fake, ended = letters(Document("Letter", {"txt": b"Dear Ada" * 1000}))

    async def job() -> None:
        async with fake.client() as da:
            assembly = da.interview(I).assemble(ADA)
            async with assembly as documents:
                assert sessions(fake) == 1
                one = documents["txt"]
                async with one as stream:
                    assert (stream.filename, stream.size) == ("letter.txt", 8000)
                    content = b"".join([chunk async for chunk in stream])
                assert (await one.save(tmp_path)).read_bytes() == content == b"Dear Ada" * 1000
                assert (await one).content == content
                assert repr(one) == "<DocumentDownload letter.txt>"
                with pytest.raises(UsageError, match="open already"):
                    await assembly.__aenter__()
            assert sessions(fake) == 0
            with pytest.raises(NotFound):
                await one
            async with assembly as documents:
                assert len(documents) == 1

    run(job())
    assert len(ended) >= 2


def test_failed_entry_leaves_the_assembly_usable() -> None:
    """What could not be opened can be opened again, and leaving it twice does no harm."""
    fake, _ = letters()
    fake.fail("sessions.start", status=400, body="No.")

    async def job() -> None:
        async with fake.client() as da:
            assembly = da.interview(I).assemble(ADA)
            with pytest.raises(Exception, match="400"):
                await assembly.__aenter__()
            async with assembly as documents:
                assert len(documents) == 2
            await assembly.__aexit__(None, None, None)

    run(job())


def test_hostile_file_names_stay_in_the_folder(tmp_path: Path) -> None:
    """No name leads out of the folder, names a device, or hides another document."""
    names = ["../../etc/passwd", "CON.pdf", "Letter", "letter", ""]
    fake, _ = letters(*(Document(f"{n}", {"pdf": PDF}) for n in range(len(names))))
    attached = iter(names)

    async def job() -> tuple[Path, ...]:
        async with fake.client() as da, da.interview(I).assemble(ADA) as documents:
            assert len(documents) == len(names)
            return await documents.save(tmp_path)

    original = questions._attachment

    def hostile(*arguments: Any) -> Any:
        name = next(attached, "x")
        return evolve(
            original(*arguments),
            filename_with_extension={"pdf": name and f"{name}.pdf"},
            filename=name,
        )

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(questions, "_attachment", hostile)
        paths = run(job())

    assert [one.name for one in paths] == [
        "passwd.pdf", "_CON.pdf.pdf", "Letter.pdf", "letter (1).pdf", "4.pdf"
    ]  # fmt: skip
    assert {one.parent for one in paths} == {tmp_path}


@pytest.mark.parametrize(
    ("reply", "format_", "filename"),
    [
        (BinaryContent(content=PDF, content_type="application/pdf"), "pdf", "response.pdf"),
        (BinaryContent(content=b"<svg/>", content_type="image/svg+xml"), "svg", "response.svg"),
        (b"anything", "bin", "response.bin"),
        ({"total": 3}, "json", "response.json"),
    ],
)
def test_reply_instead_of_a_screen_is_a_document(reply: Any, format_: str, filename: str) -> None:
    """A file, or JSON, that an interview answers with is its document."""
    fake, _ = letters(final=lambda _: reply)

    (document,) = assemble(fake)

    expected = b'{"total": 3}' if format_ == "json" else getattr(reply, "content", reply)
    assert (document.format, document.filename, document.name) == (format_, filename, filename)
    assert document.content == expected


def test_end_without_documents_says_where() -> None:
    """The error names the question, carries the transcript, and tells nothing that was typed."""
    fake, _ = letters(final=lambda _: Screen("Bye, ${ name }", name="The end"))

    with pytest.raises(NoDocuments) as caught:
        assemble(fake, {"name": "hunter2"})

    error = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 - our own
    assert "on question 'The end' (deadend) without a document" in str(error)
    assert (error.question, error.ended) == ("The end", "deadend")
    assert error.transcript.steps[0].sent == {"name": "hunter2"}
    assert "hunter2" not in f"{error} {error!r}"


def test_end_without_the_wanted_format_says_which_there_are() -> None:
    """Documents in other formats are named."""
    fake, _ = letters()

    with pytest.raises(NoDocuments, match=r"document as rtf or odt\. There are documents as docx"):
        assemble(fake, formats=("rtf", "odt"))


def test_reply_of_nothing_is_no_document() -> None:
    """An interview that answers null has made nothing."""
    fake, _ = letters(final=lambda _: None)

    with pytest.raises(NoDocuments, match="ended with a reply without a document"):
        assemble(fake)


def test_errors_of_the_driver_pass_through() -> None:
    """A missing answer and a broken interview are told as `run` tells them."""
    fake, _ = letters(final=lambda _: 1 / 0)

    with pytest.raises(MissingAnswer):
        assemble(fake, {})
    with pytest.raises(InterviewFailed):
        assemble(fake)


def test_document_that_is_too_large_is_refused() -> None:
    """One that says its size is refused before its bytes are taken."""
    fake, _ = letters(Document("Letter", {"txt": b"x" * 100}))

    with pytest.raises(DownloadTooLarge) as caught:
        assemble(fake, max_size=99)

    assert caught.value.max_size == 99
    assert len(assemble(fake, max_size=100)["txt"].content) == 100


class Pieces(Script):
    """A server whose document comes in pieces, and does not say its size."""

    def __init__(self) -> None:
        attachment = {"number": {"pdf": 1}, "filename_with_extension": {}, "url": {}}
        super().__init__(screen(kind="deadend", attachments=[attachment]))

    def _reply(self, request: httpx.Request) -> Answer:
        if request.url.path == "/api/file/1":
            return httpx.Response(200, content=self._pieces())
        return super()._reply(request)

    async def _pieces(self) -> AsyncIterator[bytes]:
        yield b"%PDF-"
        for _ in range(5):
            yield b"x" * 999


def test_document_comes_in_pieces_of_any_size() -> None:
    """All of it arrives, and one that grows too large on its way is refused."""
    server = Pieces()

    async def job() -> None:
        async with AsyncDocassemble(server.url, "key", transport=server.http) as da:
            document = (await da.interview(I).assemble())[0]
            assert document.content == b"%PDF-" + b"x" * 4995
            assert (document.name, document.filename) == ("", "document.pdf")
            with pytest.raises(DownloadTooLarge):
                await da.interview(I).assemble(max_size=4999)

    run(job())


@pytest.mark.parametrize(
    ("format_", "content", "words"),
    [
        ("pdf", b"<!DOCTYPE html>no", "a web page came in place of a document .pdf"),
        ("pdf", b"", "something else"),
        ("docx", b"\n <HTML>no", "a web page"),
        ("docx", b"PDF", "something else"),
        ("txt", b"<html>" + b" " * 2000, "a web page"),
    ],
)
def test_what_is_no_document_is_an_error(format_: str, content: bytes, words: str) -> None:
    """A page of a proxy, or bytes of another kind, never pass for a document."""
    fake, _ = letters(Document("Letter", {format_: content}))

    with pytest.raises(InvalidDocument, match=words) as caught:
        assemble(fake)

    assert caught.value.format == format_
    assert content.startswith(caught.value.content)


@pytest.mark.parametrize(
    ("format_", "content"),
    [("html", b"<html>yes"), ("pdf", b"junk %PDF-1.4"), ("rtf", b"{\\rtf1"), ("txt", b"")],
)
def test_what_is_a_document_passes(format_: str, content: bytes) -> None:
    """Pages are pages, PDF may have something before it, and text may be empty."""
    fake, _ = letters(Document("Letter", {format_: content}))

    assert assemble(fake)[0].content == content


def test_every_session_of_a_letter_is_gone() -> None:
    """Options of the session reach it, and it is deleted."""
    fake, _ = letters(LETTER)

    assemble(fake, secret="k" * 16, url_args={"lang": "de"})

    query = fake.received[0].request.query
    assert (query["secret"], query["lang"]) == ("k" * 16, "de")
    assert fake.received[-1].operation == "sessions.delete"

"""Documents are what a person in a browser could download, in whatever way they are offered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from docassemble_client import (
    AsyncDocassemble,
    Documents,
    JSONReply,
    NoDocuments,
    NotFound,
)
from tests.workflows.documents import (
    DocumentServer,
    assemble,
    make_attachment,
    make_collection,
    make_file,
)
from tests.workflows.screens import I, make_screen

if TYPE_CHECKING:
    from pathlib import Path


LETTER = make_collection("Letter", make_file(5, "letter.md"), make_file(6, "letter.txt"))

FILE_LIST = {"_class": "docassemble.base.util.DAFileList"}


def make_end(text: str = "", *attachments: Any) -> dict[str, Any]:
    """Make a last screen with this text and these attachments."""
    return make_screen(
        kind="deadend", questionName="End", subquestionText=text, attachments=[*attachments]
    )


def make_step(name: str, text: str = "", *attachments: Any) -> dict[str, Any]:
    """Make an earlier screen, on which the user only continues."""
    return {
        **make_end(text, *attachments),
        "questionType": "fields",
        "questionName": name,
        "question_variable_name": f"{name}_seen",
    }


def describe(documents: Documents) -> list[tuple[str | None, str, str, str]]:
    """Return file name, source, question and content of each document."""
    return [
        (item.filename, item.source, item.question, item.content.decode()) for item in documents
    ]


async def test_documents_of_every_screen_are_returned() -> None:
    """Those of the last screen come first."""
    server = DocumentServer(
        make_step("First", "", make_attachment("Letter", 1)),
        make_step("Second", "[Get](/uploadedfile/2/form.md)"),
        make_end("", make_attachment("Receipt", 3)),
    )

    documents = await assemble(server)

    assert describe(documents) == [
        ("receipt.md", "attachment", "End", "3 md"),
        ("form.md", "link", "Second", "2 md"),
        ("letter.md", "attachment", "First", "1 md"),
    ]
    assert server.count_variable_reads() == 0


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        (make_attachment("Draft", 1, "letter"), make_attachment("Letter", 2, "letter")),
        (make_attachment("Letter", 1), make_attachment("Letter", 2)),
        (make_attachment("Letter", 1, "letter"), make_attachment("Letter", 2)),
        ("[Get](/uploadedfile/1/letter.md)", "[Get](/uploadedfile/2/LETTER.md)"),
        (make_attachment("Letter", 1), "[Get](/uploadedfile/2/letter.md)"),
        (make_attachment("Letter", 2), "[Get](/uploadedfile/2/other.md)"),
        ("[Get](/uploadedfile/1/letter.md)", make_attachment("Letter", 2)),
    ],
)
async def test_later_version_of_a_document_wins(earlier: Any, later: Any) -> None:
    """A document is identified by its variable, else by its name, else by its file name."""
    screens = [
        make("X", content) if isinstance(content, str) else make("X", "", content)
        for make, content in ((make_step, earlier), (lambda _, *content: make_end(*content), later))
    ]

    documents = await assemble(DocumentServer(*screens))

    assert [document.content for document in documents] == [b"2 md"]


async def test_format_of_an_attachment_is_that_of_its_file() -> None:
    """The server lists a docx file under "rtf to docx", alone or a second time."""
    both = make_attachment("Letter", 1)
    both["number"] = {"md": 1, "rtf to md": 1, "rtf to txt": 2}
    both["filename_with_extension"] = {
        "md": "letter.md",
        "rtf to md": "letter.md",
        "rtf to txt": "letter.txt",
    }

    documents = await assemble(DocumentServer(make_end("", both)))

    assert [(item.format, item.filename) for item in documents] == [
        ("md", "letter.md"),
        ("txt", "letter.txt"),
    ]


async def test_different_documents_with_one_name_are_kept() -> None:
    """Different variables, and attachments of the same screen, are different documents."""
    server = DocumentServer(
        make_step("First", "", make_attachment("Letter", 1, "draft")),
        make_end(
            "[A](/uploadedfile/4/letter.md) [B](/uploadedfile/5/letter.md)",
            make_attachment("Letter", 2, "final"),
            make_attachment("Letter", 3, "copy"),
        ),
    )

    documents = await assemble(server)

    assert [(item.filename, item.variable) for item in documents] == [
        ("letter.md", "final"),
        ("letter (1).md", "copy"),
        ("letter (2).md", ""),
        ("letter (3).md", ""),
    ]


async def test_files_with_one_name_are_told_apart_by_their_variables() -> None:
    """A file that no variable holds any more is an old version; the others are documents."""
    server = DocumentServer(
        make_step("First", "[A](/uploadedfile/1/form.md) [A](/uploadedfile/2/form.txt)"),
        make_step("Second", "[B](/uploadedfile/3/form.md)"),
        make_end("[C](/uploadedfile/4/form.md)"),
        values={
            "cases": [
                make_collection("Form", make_file(3, "form.md"), make_file(2, "form.txt")),
                make_collection("Form", make_file(4, "form.md")),
            ]
        },
    )

    documents = await assemble(server)

    assert [(item.variable, item.content) for item in documents] == [
        ("cases[1]", b"4 md"), ("cases[0]", b"3 md"), ("cases[0]", b"2 txt")
    ]  # fmt: skip
    assert server.count_variable_reads() == 1


async def test_file_is_returned_once() -> None:
    """A link to an attachment, and links in several spellings, lead to the same document."""
    server = DocumentServer(
        make_end(
            "[Get](/uploadedfile/1/letter.md) [View](/uploadedfiledownload/1/letter.md) [FILE 1] "
            "[Other](/uploadedfile/2/form.md) <a href='/uploadedfile/2/form.md'>Other</a>",
            make_attachment("Letter", 1),
        ),
        values={"letter": make_collection("Letter", make_file(1, "letter.md"))},
    )

    assert describe(await assemble(server)) == [
        ("letter.md", "attachment", "End", "1 md"),
        ("form.md", "link", "End", "2 md"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "[Get](/uploadedfile/5)",
        "[Get](/tempfile/abc/letter.md)",
        "[Get](https://other.example.com/uploadedfile/5/letter.md)",
        "[FILE 5]",
        "[FILE 5] [FILE 99]",
    ],
)
async def test_link_without_all_details_is_resolved(text: str) -> None:
    """The variables of the session know the file's number, name and format."""
    server = DocumentServer(make_end(text), values={"letter": LETTER})
    server.missing = {99}

    documents = await assemble(server)

    assert describe(documents) == [("letter.md", "link", "End", "5 md")]
    assert (documents[0].name, documents[0].variable) == ("Letter", "letter")
    assert server.count_variable_reads() == 1


@pytest.mark.parametrize(
    "text",
    [
        "[Get](https://other.example.com/uploadedfile/5/other.md)",
        "[Get](https://other.example.com/uploadedfile/7/letter.md)",
        "[Get](/tempfile/abc/other.md)",
        "[FILE 9]",
        "[FILE 8]",
    ],
)
async def test_images_and_files_of_other_servers_are_left_out(text: str) -> None:
    """The same number on another server is another file, and an image is not a document."""
    values = {"letter": LETTER, "photo": make_file(9, "photo.png")}
    server = DocumentServer(make_end(text, make_attachment("Form", 1)), values=values)
    server.missing = {8}

    assert [document.name for document in await assemble(server)] == ["Form"]


@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("http://server.test", {}),
        ("https://DA.example.org", {"public_url": "https://da.example.org"}),
    ],
)
async def test_absolute_link_to_the_server_is_followed(url: str, options: dict[str, Any]) -> None:
    """The server has the client's base URL or its public URL; no variables are read."""
    server = DocumentServer()
    base = server.url.rstrip("/") if url == "http://server.test" else url
    server.screens = [make_end(f"[Get]({base}/uploadedfile/5/letter.md)")]

    assert describe(await assemble(server, **options)) == [("letter.md", "link", "End", "5 md")]
    assert server.count_variable_reads() == 0


async def test_file_without_a_variable_has_the_format_of_its_content() -> None:
    """The server's content type tells it."""
    server = DocumentServer(make_end("[Get](/uploadedfile/3)"))

    assert [item.filename for item in await assemble(server)] == ["3.md"]


async def test_file_is_opened_by_name_if_its_extension_is_unknown() -> None:
    """The same order as in the browser."""
    server = DocumentServer(make_end("[Get](/uploadedfile/5/letter.md)"))
    server.named_files = {5}

    assert (await assemble(server))[0].content == b"5 letter.md"


async def test_dead_links_are_left_out_and_listed(tmp_path: Path) -> None:
    """Nobody can download these files; without any other document the error says so."""
    links = "[A](/uploadedfile/5/a.md) [B](/uploadedfile/6/b.md)"
    server = DocumentServer(make_end(links))
    server.missing = {5}

    async with AsyncDocassemble(server.url, "key", transport=server.transport) as da:
        interview = da.interview(I)
        rows = [row async for row in interview.assemble_many([{}])]
        rows += [row async for row in interview.assemble_many([{}], save_to=tmp_path / "many")]
        documents, paths, (row, saved_row) = (
            await interview.assemble(),
            await interview.assemble().save(tmp_path),
            rows,
        )

    assert ([item.filename for item in documents], documents.dead_links) == (["b.md"], ("a.md",))
    assert [path.name for path in (*paths, *saved_row.paths)] == ["b.md", "b.md"]
    assert row.documents is not None
    assert (len(row.documents), row.documents.dead_links) == (1, ("a.md",))
    server.missing = {5, 6}
    with pytest.raises(NotFound):
        await assemble(server)


async def test_missing_attachment_is_an_error() -> None:
    """Other than a link, the server made it for this session."""
    server = DocumentServer(make_end("", make_attachment("A", 5), make_attachment("B", 6)))
    server.missing = {5}

    with pytest.raises(NotFound):
        await assemble(server)


async def test_documents_that_no_screen_shows_are_in_the_variables() -> None:
    """Only if no screen shows one; uploaded files and the server's own variables do not count."""
    values = {
        "_internal": {"docvar": {"0": make_collection("Hidden", make_file(1, "hidden.md"))}},
        "upload": {
            "_class": "docassemble.base.util.DAFileList",
            "elements": [make_file(2, "a.md")],
        },
        "letter": LETTER,
        "alias": LETTER,
    }

    documents = await assemble(DocumentServer(make_end(), values=values))

    assert [(item.name, item.filename, item.variable, item.source) for item in documents] == [
        ("Letter", "letter.md", "letter", "variable"),
        ("Letter", "letter.txt", "letter", "variable"),
    ]
    shown = await assemble(DocumentServer(make_end("", make_attachment("Form", 1)), values=values))
    assert [item.name for item in shown] == ["Form"]


@pytest.mark.parametrize(
    ("names", "filenames"),
    [
        ("letter", ["letter.md", "letter.txt"]),
        (("form", "letter"), ["form.md", "letter.md", "letter.txt"]),
        (("cases[0]",), ["case.md"]),
        (("cases",), ["case.md"]),
        (("upload",), ["upload.md"]),
        (("letter.txt",), ["letter.txt"]),
        (("linked",), ["linked.md"]),
    ],
)
async def test_documents_are_selected_by_variable(names: Any, filenames: list[str]) -> None:
    """Shown or not, in the order of the names; a list or object has the documents of its parts."""
    values = {
        "letter": LETTER,
        "cases": {
            "_class": "docassemble.base.util.DAList",
            "elements": [
                {
                    "_class": "docassemble.base.util.DAObject",
                    "form": make_collection("Case", make_file(7, "case.md")),
                }
            ],
        },
        "upload": {**FILE_LIST, "elements": [make_file(8, "upload.md")]},
        "linked": make_file(9, "linked.md"),
    }
    end = make_end("[Get](/uploadedfile/9/linked.md)", make_attachment("Form", 1, "form"))

    documents = await assemble(DocumentServer(end, values=values), documents=names)

    assert [item.filename for item in documents] == filenames


async def test_variable_without_a_document_is_an_error() -> None:
    """The error lists the variables that have documents."""
    server = DocumentServer(make_end("", make_attachment("Form", 1)), values={"letter": LETTER})

    with pytest.raises(NoDocuments, match=r"'leter' holds no .*Variables with files: letter\."):
        await assemble(server, documents=("letter", "leter"))

    server.values = {}
    with pytest.raises(NoDocuments, match="Variables with files: none"):
        await assemble(server, documents="letter")


async def test_response_comes_before_the_documents_of_earlier_screens() -> None:
    """An interview may show a document and then return JSON."""
    server = DocumentServer(make_step("First", "", make_attachment("Letter", 1)), {"total": 3})

    documents = await assemble(server)

    assert [(item.filename, item.source) for item in documents] == [
        ("response.json", "response"), ("letter.md", "attachment")
    ]  # fmt: skip
    assert documents.transcript.final == JSONReply({"total": 3})


async def test_menu_without_documents_names_its_actions() -> None:
    """The error says how the interview goes on."""
    link = "[Go](/interview?action=eyJhY3Rpb24iOiAicGljayJ9)"

    with pytest.raises(NoDocuments, match=r"\(menu\) without a document\. .*action \(pick\)"):
        await assemble(DocumentServer(make_end(link)))

"""Files, Playground, links and interviews on the fake server."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any
from zipfile import ZipFile

import pytest

from docassemble_client import AsyncDocassemble, ServerError, TemplateFields, Upload
from tests.testing.conftest import said
from tests.testing.test_server import package, raw

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from docassemble_client.testing import FakeServer
    from tests.testing.conftest import Run

    Call = Callable[[AsyncDocassemble], Awaitable[Any]]

QUESTIONLESS = "docassemble.demo:data/questions/examples/questionless.yml"
PLAYGROUND = "/api/playground"


def docx(*paragraphs: str) -> bytes:
    """Make a Word document."""
    buffer = BytesIO()
    body = "".join(f'<w:p a="b"><w:r><w:t>{one}</w:t></w:r></w:p>' for one in paragraphs)
    with ZipFile(buffer, "w") as archive:
        archive.writestr("word/document.xml", f"<w:document>{body}</w:document>")
    return buffer.getvalue()


TEMPLATES = {
    "docx": docx("Dear {{ client }},", "{%p for item in items %}"),
    "md": b"Dear {{ client }}, {% if items %} {{ client }}",
    "pdf": b"%PDF-1.7 /T (client) /T (items)",
}


@pytest.mark.parametrize("kind", TEMPLATES)
def test_fields_of_a_template_come_as_a_list_and_as_a_draft(run: Run, kind: str) -> None:
    """Of each kind of template, each name once."""
    template = Upload(TEMPLATES[kind], f"letter.{kind}")

    async def job(da: AsyncDocassemble) -> None:
        found = await da.files.extract_fields(template)
        draft = await da.files.extract_fields(template, output_format="yaml")

        assert isinstance(found, TemplateFields)
        assert found.fields == ["client", "items"]
        assert isinstance(draft, str)
        assert '  - "client": client' in draft

    run(job)


@pytest.mark.parametrize("name", ["a.pdf", "a.docx", "a.md"])
def test_unreadable_template_has_no_fields(run: Run, name: str) -> None:
    """As JSON that is an empty list, as a draft a refusal."""
    template = Upload(b"\xff", name)

    async def job(da: AsyncDocassemble) -> None:
        found = await da.files.extract_fields(template)

        assert isinstance(found, TemplateFields)
        assert found.fields == []
        assert (await said(da.files.extract_fields(template, output_format="yaml"))) == (
            "400 No fields could be found."
        )

    run(job)


def test_document_becomes_markdown(run: Run) -> None:
    """Its paragraphs, without empty ones; other formats need a program the server lacks."""

    async def job(da: AsyncDocassemble) -> None:
        text = await da.files.convert_to_markdown(Upload(docx("A &amp; B", "", "C"), "a.docx"))
        with pytest.raises(ServerError):
            await da.files.convert_to_markdown(Upload(b"x", "a.rtf"))

        assert text == "A & B\n\nC\n"

    run(job)


def test_stored_file_is_seen_by_whom_it_concerns(run: Run, fake: FakeServer) -> None:
    """One that is not private by everybody, a private one by the privileged only."""
    ada = fake.add_user("ada@example.com")
    public = fake.add_file("public.txt", b"Hello")
    private = fake.add_file("private", b"Secret", private=True)

    async def job(da: AsyncDocassemble) -> None:
        file = await da.files.download(public.number)
        assert (file.content, file.content_type) == (b"Hello", "text/plain; charset=utf-8")
        assert await said(da.files.download(private.number).read()) == "404 File not found"

    run(job, ada)

    async def privileged(da: AsyncDocassemble) -> None:
        named = await da.files.download(private.number, filename="file")
        assert named.content == b"Secret"
        for wrong in (
            da.files.download(private.number, extension="pdf"),
            da.files.download(private.number, filename="private"),
        ):
            assert await said(wrong.read()) == "404 File not found"

    run(privileged)


def test_playground_holds_files_of_projects(run: Run, fake: FakeServer) -> None:
    """They are listed, read and deleted; a module needs a restart, if it is wanted."""
    ada = fake.add_user("ada@example.com", "developer")

    async def job(da: AsyncDocassemble) -> None:
        await da.playground.create_project("work")
        place: dict[str, Any] = {"folder": "questions", "project": "work"}
        nothing = await da.playground.upload_files([Upload(b"a", "b c ü.yml")], **place)
        names = await da.playground.list_files(**place)
        file = await da.playground.download_file("b_c_u.yml", **place)
        await da.playground.delete_file("b_c_u.yml", **place)
        await da.playground.delete_file("b_c_u.yml", **place)
        none = await da.playground.list_files(**place)
        module = await da.playground.upload_files([Upload(b"", "m.py")], folder="modules")
        await da.wait_for_task(module)
        quiet = await da.playground.delete_file("m.py", folder="modules", restart=False)
        projects = await da.playground.list_projects()
        await da.playground.delete_project("work")

        assert (nothing, names, file.content, none) == (None, ["b_c_u.yml"], b"a", [])
        assert module is not None
        assert (quiet, projects, await da.playground.list_projects()) == (None, ["work"], [])

    run(job, ada)


def test_packages_go_into_the_playground_and_come_out(run: Run) -> None:
    """An archive is taken apart; what pip would find can be pulled."""
    files = {
        "p__docassemble__mine__data__questions__a.yml": "question: A",
        "p__docassemble__mine__data__static__README.md": "",
        "p__docassemble__mine__tools.py": "",
        "p__docassemble__mine__": "",
    }

    async def job(da: AsyncDocassemble) -> None:
        archive = Upload(package(**files), "mine.zip")
        handle = await da.playground.install_packages([archive])
        await da.wait_for_task(handle)
        plain = Upload(package("docassemble.plain"), "plain.zip")
        none = await da.playground.install_packages([plain])
        pulled = await da.playground.pull_package(pip="pyjokes>=0.1", restart=False)
        packages = await da.playground.list_files(folder="packages")
        questions = await da.playground.list_files(folder="questions")
        out = await da.playground.download_file("docassemble.mine", folder="packages")

        assert handle is not None
        assert (none, pulled, questions) == (None, None, ["a.yml"])
        assert packages == ["docassemble.mine", "docassemble.plain", "docassemble.pyjokes"]
        assert (out.filename, out.content[:2]) == ("docassemble-mine.zip", b"PK")

    run(job)


def upload(path: str, filename: str, content: bytes = b"", **fields: Any) -> Call:
    """Upload a file."""
    files = {"file": Upload(content, filename)}
    return lambda da: da.request("POST", path, data=fields, files=files)


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda da: da.files.extract_fields(Upload(b"", "a.txt")), "400 Invalid input format."),
        (
            lambda da: da.files.extract_fields(Upload(b"", "a.md"), output_format="x"),
            "400 Invalid output format.",
        ),
        (raw("POST", "/api/fields"), "400 File not included."),
        (lambda da: da.files.convert_to_markdown(Upload(b"", "a")), "400 Invalid input file form"),
        (lambda da: da.files.convert_to_markdown(Upload(b"", "a.docx")), "400 Unable to convert"),
        (upload("/api/convert_file", "a", format="x"), "400 Invalid output file format."),
        (raw("POST", "/api/convert_file"), "404 File not found"),
        (lambda da: da.playground.list_files(folder="x"), "400 Invalid folder."),
        (lambda da: da.playground.list_files(project="x"), "400 Invalid project."),
        (
            lambda da: da.request("GET", PLAYGROUND, params={"user_id": "x"}),
            "400 Invalid user_id.",
        ),
        (lambda da: da.playground.download_file("no.txt").read(), "404 File not found"),
        (
            lambda da: da.playground.download_file("docassemble.no", folder="packages").read(),
            "404 File not found",
        ),
        (raw("POST", PLAYGROUND), "400 No file found."),
        (upload(PLAYGROUND, "??"), "400 Error saving file(s)."),
        (upload(PLAYGROUND, "a" * 256), "400 Error saving file(s)."),
        (upload(PLAYGROUND, "a", folder="packages"), "404 File not found"),
        (raw("DELETE", PLAYGROUND), "400 Missing filename."),
        (lambda da: da.playground.delete_file("a", folder="packages"), "404 File not found"),
        (raw("POST", PLAYGROUND + "/project"), "400 Project not provided."),
        (raw("DELETE", PLAYGROUND + "/project"), "400 Project not provided."),
        (lambda da: da.playground.create_project("1a"), "400 Invalid project name."),
        (lambda da: da.playground.create_project("default"), "400 Invalid project."),
        (lambda da: da.playground.delete_project("x"), "400 Invalid project."),
        (raw("POST", PLAYGROUND + "_install"), "400 No package found."),
        (upload(PLAYGROUND + "_install", "a.zip"), "400 Error installing packages."),
        (upload(PLAYGROUND + "_install", "a", package("")), "400 Not a docassemble package."),
        (raw("POST", PLAYGROUND + "_pull"), "400 Either github_url or pip is required."),
        (lambda da: da.playground.pull_package(pip="no"), "400 Pull process encountered an error"),
        (lambda da: da.playground.pull_package(github_url="x"), "400 Pull process encountered"),
        (raw("POST", "/api/resume_url"), "400 No filename supplied."),
        (raw("POST", "/api/resume_url", i="x", url_args="["), "400 Malformed URL arguments"),
        (raw("POST", "/api/resume_url", i="x", url_args="[]"), "400 Malformed URL arguments"),
        (raw("POST", "/api/resume_url", i="x", expire="x"), "400 Invalid number of seconds."),
        (raw("GET", "/api/temp_url"), "400 No url supplied."),
        (lambda da: da.links.create_redirect_url("x", expire=0), "400 Invalid number of seconds."),
        (raw("GET", "/api/interview_data"), "400 No filename supplied."),
        (lambda da: da.interviews.get_data("x"), "400 Error finding interview: Interview x"),
    ],
)
def test_what_cannot_be_done_with_files_is_refused(run: Run, call: Call, expected: str) -> None:
    """Each refusal is the server's own, to the letter."""

    async def job(da: AsyncDocassemble) -> str:
        return await said(call(da))

    assert run(job).startswith(expected)


def test_playground_of_others_is_closed(run: Run, fake: FakeServer) -> None:
    """A developer has only the own one."""
    ada = fake.add_user("ada@example.com", "developer")

    assert run(lambda da: said(da.playground.list_files(user_id=1)), ada) == "400 Invalid user_id."


def test_links_are_made(run: Run, fake: FakeServer) -> None:
    """To log in, to resume and to be led elsewhere, each with a code of its own."""

    async def job(da: AsyncDocassemble) -> None:
        admin = fake.admin
        s = await da.sessions.start(QUESTIONLESS)
        links = [
            await da.links.create_login_url(admin.email, admin.password, i=QUESTIONLESS),
            await da.links.create_resume_url(QUESTIONLESS, url_args={"a": 1}),
            await da.links.create_redirect_url("https://example.com"),
        ]
        await da.request("POST", "/api/resume_url", json={"i": "x", "url_args": "{}"})
        locked = da.links.create_login_url(admin.email, admin.password, i=s.i, session=s.session)
        script = da.links.create_login_url(admin.email, admin.password, next_page="javascript:x")

        assert [one.reveal().partition("=")[0] for one in links] == [
            "https://docassemble.test/user/autologin?key",
            "https://docassemble.test/launch?c",
            "https://docassemble.test/goto?c",
        ]
        assert await said(locked) == "400 Could not decrypt dictionary"
        assert await said(script) == "400 Unknown path for next"

    run(job)


def test_interviews_are_listed_and_tell_their_names(run: Run, fake: FakeServer) -> None:
    """Those with a short name are advertised, also in the configuration; a tag chooses."""
    about: dict[str, Any] = {"metadata": {"subtitle": "B"}, "tags": ["demo"]}
    fake.add_interview("docassemble.demo:b.yml", "a", dispatch="b", **about)
    playground = "docassemble.playground1:"
    fake.config["dispatch"] = {"gone": f"{playground}gone.yml", "bad": f"{playground}bad.yml"}

    async def job(da: AsyncDocassemble) -> None:
        await da.playground.upload_files([Upload(b"a: [", "bad.yml")], folder="questions")
        listed = await da.interviews.list()
        tagged = await da.interviews.list(tag="demo", absolute_urls=False)
        data = await da.interviews.get_data("docassemble.demo:b.yml")
        await da.interviews.clear_cache()

        assert [one.link for one in listed] == [
            "https://docassemble.test/start/b/",
            "https://docassemble.test/start/bad/",
            "https://docassemble.test/start/gone/",
            "https://docassemble.test/start/questionless/",
        ]
        assert [one.subtitle for one in listed] == ["B", None, None, None]
        assert {one.status_class for one in listed[1:3]} == {"dainterviewhaserror"}
        assert [(one.link, one.metadata["subtitle"]) for one in tagged] == [("/start/b/", "B")]
        own = [one.var for one in data.names.var_list if one.var_type == "default"]
        assert own == data.names.undefined_names == ["a"]
        assert {one.name for one in data.names.classes_list if one.methods} >= {"Address"}
        assert "a" in data.vocabulary

    run(job)

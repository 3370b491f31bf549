"""The blocking client on the fake server: workflows, views, lists, callbacks, and running loops."""

from __future__ import annotations

import copy
import os
import pickle
import subprocess
import sys
from datetime import timedelta
from typing import TYPE_CHECKING

import httpx
import pytest
import respx

from docassemble_client import (
    AsyncDocassemble,
    Docassemble,
    NotFound,
    Question,
    UsageError,
    blocking,
)
from tests.blocking.conftest import LETTER

if TYPE_CHECKING:
    from pathlib import Path

    from docassemble_client.testing import FakeServer

I = "docassemble.base:data/questions/examples/text-field.yml"  # noqa: E741 - as the API calls it


def test_a_session_is_driven_step_by_step(da: Docassemble, fake: FakeServer) -> None:
    """As with the asynchronous client, without `await`."""
    with da.interview(LETTER).session() as s:
        question = s.question()
        assert isinstance(question, Question)
        s.answer({"name": "Ada"})
        assert s.variables()["name"] == "Ada"
        assert (s.i, s.encrypted, s.keep) == (LETTER, True, False)
        resumed = da.interview(LETTER).resume(s.id, secret=s.secret)
        with resumed as other:
            assert other.variables()["name"] == "Ada"
        s.keep = True
    assert len(list(da.sessions.list())) == 1
    assert repr(s) == f"<InterviewSession {LETTER} {s.id}>"
    s.delete()
    assert list(da.sessions.list()) == []
    with pytest.raises(UsageError, match="has not been started"):
        s.question()


def test_an_interview_is_assembled(da: Docassemble, tmp_path: Path) -> None:
    """In memory, to disk, and one document after the other."""
    interview = da.interview(LETTER)
    documents = interview.assemble({"name": "Ada"}).read()
    assert documents["pdf"].content == b"%PDF-"
    paths = interview.assemble({"name": "Ada"}).save(tmp_path)
    assert [path.read_bytes() for path in paths] == [b"%PDF-"]
    with interview.assemble({"name": "Ada"}) as downloads:
        assert len(downloads) == 1
        assert [document.format for document in downloads] == ["pdf"]
        assert downloads["pdf"].read().content == b"%PDF-"
        assert [document.name for document in downloads[:1]] == [downloads[0].name]
        assert downloads.load(lambda document: document.filename) == [downloads[0].filename]
        assert downloads.read()[0].content == b"%PDF-"
        assert downloads.transcript.steps
        assert downloads.dead_links == ()
        assert "pdf" in repr(downloads[0])
        with downloads[0] as stream:
            assert stream.read().content == b"%PDF-"


def test_lists_are_iterated_by_items_and_pages(da: Docassemble, fake: FakeServer) -> None:
    """And again from a token."""
    for number in range(4):
        fake.add_user(f"{number}@example.com")
    users = da.users.list()
    assert len([user.id for user in users]) == 5
    assert len(users.first_page().items) == 2
    assert [len(page) for page in users.pages()] == [2, 2, 1]
    token = users.first_page().next_page_token
    assert [len(page) for page in users.pages(page_token=token)] == [2, 1]
    assert len(list(users.items(max_items=3))) == 3
    assert repr(users) == "<Paginator of users.list>"
    with pytest.raises(UsageError, match="max_items"):
        users.items(max_items=-1)


def test_a_page_that_failed_is_requested_again(da: Docassemble, fake: FakeServer) -> None:
    """The iteration does not end quietly after an error."""
    iterator = da.users.list().items()
    fake.fail("users.list", status=500)
    with pytest.raises(Exception, match="500"):
        next(iterator)
    assert next(iterator).id == 1
    iterator.close()
    assert list(iterator) == []


def test_views_share_the_client(da: Docassemble, fake: FakeServer) -> None:
    """They keep the class and the attributes of a subclass, but not its namespaces."""

    class Mine(Docassemble):
        note = "none"

    mine = Mine(fake.url, fake.api_key, transport=fake.transport())
    mine.note = "mine"
    assert mine.users.get_current().id == 1
    other = fake.add_user("b@example.com")
    view = mine.as_key(other.api_key)
    assert (type(view), view.note) == (Mine, "mine")
    assert view.users.get_current().email == "b@example.com"
    assert mine.users.get_current().id == 1
    view.close()
    assert mine.with_options(timeout=5).users.get_current().id == 1
    mine.close()
    with pytest.raises(UsageError, match="the client is closed"):
        view.users.get_current()


def test_a_client_is_created_from_the_environment(
    fake: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the asynchronous one."""
    monkeypatch.setenv("DOCASSEMBLE_URL", fake.url)
    monkeypatch.setenv("DOCASSEMBLE_API_KEY", fake.api_key)
    with Docassemble.from_env(transport=fake.transport()) as da:
        assert da.users.get_current().id == 1
        assert (da.base_url, da.public_url) == (fake.url, None)
        assert repr(da) == f"Docassemble('{fake.url}')"
        assert repr(da.users).startswith("<docassemble_client.blocking.api.users.Users object")


def test_a_response_comes_with_its_value(da: Docassemble) -> None:
    """Pass the function, not its result."""
    result = da.with_response(da.users.get, 1)
    assert (result.status, result.value.id) == (200, 1)
    assert da.with_response(da.users.list().first_page).value.items
    with pytest.raises(UsageError, match="made no call"):
        da.with_response(len, [])


def test_workflows_run(da: Docassemble, fake: FakeServer, tmp_path: Path) -> None:
    """Those that need several calls at once make them one after the other."""
    assert da.doctor().reachable
    assert da.restart(timeout=60).kind == "restart"
    assert da.wait_for_task(da.server.restart()) is not None
    assert da.wait_for_task(None) is None
    assert da.patch_config({"debug": False}, dry_run=True) is not None
    user = da.ensure_user("ana@example.com", privileges=["advocate"])
    assert user.created
    assert da.ensure_api_key(user.user, "ci").key is not None
    da.sessions.start(I)
    assert len(list(da.export_sessions())) == 1
    report = da.cleanup_sessions(older_than=timedelta(microseconds=1), i=I, dry_run=False)
    assert len(report.deleted) == 1
    assert da.request("GET", "/api/user").status == 200
    folder = tmp_path / "questions"
    folder.mkdir()
    (folder / "main.yml").write_text("question: Hello\nmandatory: True\n", encoding="utf-8")
    changes: list[str] = []
    with da.project("demo", create=True, delete=True) as project:
        report_ = project.sync(tmp_path, on_change=lambda change: changes.append(str(change)))
        assert [str(change) for change in report_.changes] == changes == ["+ questions/main.yml"]
        assert project.sync(tmp_path).changes == ()
        assert project.name == "demo"
        assert project.user_id == 1
        with project.interview("main.yml").session() as s:
            assert isinstance(s.question(), Question)
    assert da.playground.list_projects() == []


def test_a_client_cannot_be_pickled_or_copied(da: Docassemble) -> None:
    """Neither can its objects."""
    for value in (da, da.users, da.users.list()):
        with pytest.raises(TypeError, match="Create it in each process"):
            pickle.dumps(value)
        with pytest.raises(TypeError, match="cannot be pickled or copied"):
            copy.copy(value)


def test_attributes_of_the_class_are_descriptors() -> None:
    """Documentation tools look at them."""
    assert blocking.InterviewSession.keep is vars(blocking.InterviewSession)["keep"]


def test_an_open_download_cannot_be_opened_again(da: Docassemble, fake: FakeServer) -> None:
    """As the asynchronous one."""
    number = fake.add_file("a.txt", b"abc").number
    download = da.files.download(number)
    with download as stream:
        assert (stream.filename, stream.size, stream.status) == ("file", 3, 200)
        with pytest.raises(UsageError, match="already open"), download:
            pass
        assert da.users.get_current().id == 1
        assert b"".join(stream) == b"abc"


def test_errors_of_calls_are_the_same(da: Docassemble) -> None:
    """With their operation and hint."""
    with pytest.raises(NotFound) as caught:
        da.users.get(999)
    assert caught.value.operation == "users.get"


@respx.mock
def test_respx_mocks_the_client(fake: FakeServer) -> None:
    """As any program that uses httpx."""
    respx.route().mock(side_effect=fake.side_effect)
    with Docassemble(fake.url, fake.api_key, transport="httpx") as da:
        assert da.users.get_current().id == 1


def test_a_blocking_transport_of_the_caller_is_asked_for_its_library(fake: FakeServer) -> None:
    """A class of httpx that wraps another transport."""

    class Counting(httpx.BaseTransport):
        count = 0

        def handle_request(self, request: httpx.Request) -> httpx.Response:
            self.count += 1
            return fake.transport().handle_request(request)

    transport = Counting()
    with Docassemble(fake.url, fake.api_key, transport=transport) as da:
        assert da.users.get_current().id == 1
    assert transport.count == 1


def test_creating_a_client_loads_no_http_library() -> None:
    """As for the asynchronous client; the workflows are loaded at their first use."""
    code = (
        "import sys; from docassemble_client import Docassemble;"
        " Docassemble('https://da.example.com', 'key');"
        " print([n for n in ('cattrs', 'httpx', 'docassemble_client.workflows.interviews.session')"
        " if n in sys.modules])"
    )
    output = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-W", "error", "-c", code],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ},
    ).stdout

    assert output.strip() == "[]"


def test_both_clients_are_public() -> None:
    """From the package root, and the other blocking classes from `blocking`."""
    assert blocking.Docassemble is Docassemble
    assert Docassemble is not AsyncDocassemble  # type: ignore[comparison-overlap]  # that is tested
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = blocking.Nothing  # type: ignore[attr-defined]  # that is tested
    assert "ClosableIterator" in dir(blocking)

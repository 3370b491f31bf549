"""The blocking client on a real server: calls of every tag, and the workflows."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from docassemble_client import Docassemble, NotFound, Question
from docassemble_client.operations import OPERATIONS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from docassemble_client import AsyncDocassemble

I = "docassemble.base:data/questions/examples/text-field.yml"  # noqa: E741 - as the API calls it
ANSWERS = {"target_variable": "leek", "other_target_variable": "fig"}


def make_name() -> str:
    """Return a name that no other test uses."""
    return f"blocking{uuid4().hex[:12]}"


def use_api_keys(da: Docassemble) -> None:
    """Create, change and delete a key."""
    name = make_name()
    key = da.api_keys.create(name)
    try:
        assert name in [item.name for item in da.api_keys.list()]
    finally:
        da.api_keys.delete(key)
    assert name not in [item.name for item in da.api_keys.list()]


def use_files(da: Docassemble) -> None:
    """A file that does not exist."""
    with pytest.raises(NotFound):
        da.files.download(999_999_999).read()


def use_interviews(da: Docassemble) -> None:
    """List the interviews, and what one contains."""
    assert da.interviews.list() is not None
    assert "target_variable" in str(da.interviews.get_data(I).names)


def use_links(da: Docassemble) -> None:
    """Create a link that is not followed."""
    assert da.links.create_redirect_url("https://example.com", expire=60).reveal()


def use_packages(da: Docassemble) -> None:
    """List the packages."""
    assert "docassemble.base" in [package.name for package in da.packages.list()]


def use_playground(da: Docassemble) -> None:
    """Create a project, write and read a file, delete the project."""
    name = make_name()
    with da.project(name, create=True, delete=True):
        da.playground.upload_files([b"question: x"], folder="questions", project=name)
        [filename] = da.playground.list_files(folder="questions", project=name)
        download = da.playground.download_file(filename, folder="questions", project=name)
        assert download.read().content == b"question: x"
    assert name not in da.playground.list_projects()


def use_privileges(da: Docassemble) -> None:
    """Create and delete a privilege."""
    name = make_name()
    da.privileges.create(name)
    assert name in da.privileges.list()
    da.privileges.delete(name)
    assert name not in da.privileges.list()


def use_server(da: Docassemble) -> None:
    """Read the state and the configuration."""
    assert da.server.get_health().version
    assert da.server.get_config()


def use_sessions(da: Docassemble) -> None:
    """Start, answer, read, list and delete."""
    session = da.sessions.start(I)
    try:
        reply = da.sessions.get_question(I, session.session, secret=session.secret)
        assert isinstance(reply, Question)
        da.sessions.set_variables(I, session.session, secret=session.secret, variables=ANSWERS)
        variables = da.sessions.get_variables(I, session.session, secret=session.secret)
        assert variables["target_variable"] == "leek"
        assert session.session in [item.session for item in da.sessions.list(i=I)]
    finally:
        da.sessions.delete(I, session.session)


def use_stash(da: Docassemble) -> None:
    """Store and retrieve."""
    stashed = da.stash.store({"a": 1})
    assert da.stash.retrieve(stashed.stash_key, stashed.secret) == {"a": 1}


def use_users(da: Docassemble) -> None:
    """Create, list by pages, and deactivate."""
    email = f"{make_name()}@example.com"
    user = da.ensure_user(email).user
    try:
        assert da.users.get(user.id).email == email
        assert email in [item.email for item in da.users.list()]
        assert da.users.list().first_page().items
    finally:
        da.users.delete(user.id, remove="account")


TAGS: dict[str, Callable[[Docassemble], None]] = {
    name.removeprefix("use_"): function
    for name, function in list(globals().items())
    if name.startswith("use_")
}


@pytest.fixture
def blocking_client(da: AsyncDocassemble) -> Docassemble:
    """A blocking client with the address and key of the other."""
    settings = da._settings
    return Docassemble(da.base_url, settings.api_key, timeout=settings.timeouts)


def test_every_tag_has_calls() -> None:
    """A new tag needs calls here."""
    assert TAGS.keys() == {operation.tag for operation in OPERATIONS.values()}


@pytest.mark.parametrize("tag", TAGS)
async def test_calls_of_a_tag(tag: str, blocking_client: Docassemble) -> None:
    """Also while an event loop runs."""
    with blocking_client as da:
        TAGS[tag](da)


async def test_workflows(blocking_client: Docassemble, tmp_path: Path) -> None:
    """In a thread of their own."""

    def run() -> None:
        with blocking_client as da:
            assert da.doctor().reachable
            with da.interview(I).session() as s:
                assert s.run(ANSWERS).end_type == "deadend"
            folder = tmp_path / "questions"
            folder.mkdir()
            (folder / "main.yml").write_text("question: Hello\nmandatory: True\n")
            with da.project(make_name(), create=True, delete=True) as project:
                assert len(project.sync(tmp_path).changes) == 1
                assert project.sync(tmp_path, dry_run=True).changes == ()
                with project.interview("main.yml").session() as s:
                    assert isinstance(s.question(), Question)
            old = da.cleanup_sessions(older_than=timedelta(days=9000), i=I)
            assert old.dry_run

    await asyncio.to_thread(run)

"""The fake server as an older docassemble: what the specification tells of them."""

from __future__ import annotations

import pytest

from docassemble_client import (
    AccessDenied,
    AsyncDocassemble,
    BadRequest,
    DocassembleError,
    NotFound,
    ServerError,
)
from docassemble_client.testing import FakeServer
from tests.mock import run
from tests.testing.conftest import said
from tests.testing.letter import I, add_letter, begin

OLD, NEW = "1.9.13", "1.10.14"
WRONG = "wrongSecretWrong"


@pytest.mark.parametrize("version", [OLD, NEW])
def test_health_and_list_of_packages_tell_the_version(version: str) -> None:
    """The client finds out which server it talks to."""
    fake = FakeServer(version=version)

    async def job() -> None:
        async with fake.client() as da:
            health = await da.server.get_health()
            listed = {one.name: one.version for one in await da.packages.list()}
        assert health.version == listed["docassemble.webapp"] == version

    run(job())


@pytest.mark.parametrize(("version", "heeded"), [(OLD, False), (NEW, True)])
def test_servers_before_1_10_make_keys_without_limits(version: str, *, heeded: bool) -> None:
    """They ignore the permissions of a new key, and do not tell that it has none."""
    fake = FakeServer(version=version)

    async def job() -> None:
        async with fake.client() as da:
            secret = await da.api_keys.create("limited", permissions=["access_user_info"])
            shown = await da.api_keys.get(name="limited")
            async with AsyncDocassemble(fake.url, secret, transport=fake.transport()) as limited:
                able = not isinstance(await outcome(limited), DocassembleError)
        assert able is not heeded
        assert shown.permissions == (["access_user_info"] if heeded else None)

    async def outcome(da: AsyncDocassemble) -> object:
        try:
            return await da.server.get_config()
        except AccessDenied as error:
            return error

    run(job())


@pytest.mark.parametrize(("version", "able"), [(OLD, False), (NEW, True)])
def test_servers_before_1_10_do_not_know_read_packages(version: str, *, able: bool) -> None:
    """Their list of packages needs the permission to manage them."""
    fake = FakeServer(version=version)

    async def job() -> None:
        async with fake.client() as da:
            secret = await da.api_keys.create("reader")
            await da.api_keys.update(api_key=secret, permissions=["read_packages"])
            async with AsyncDocassemble(fake.url, secret, transport=fake.transport()) as reader:
                if able:
                    assert await reader.packages.list()
                else:
                    with pytest.raises(AccessDenied):
                        await reader.packages.list()

    run(job())


@pytest.mark.parametrize(("version", "tail"), [(OLD, ": Padding is incorrect."), (NEW, "")])
def test_servers_before_1_10_say_why_they_cannot_decrypt(version: str, tail: str) -> None:
    """With the text of the exception after a colon."""
    fake = FakeServer(version=version)
    add_letter(fake)

    async def job() -> None:
        async with fake.client() as da:
            s = await begin(da)
            problem = await said(da.sessions.get_variables(s.i, s.session, secret=WRONG))
        assert problem == f"400 Unable to decrypt interview dictionary{tail}"

    run(job())


@pytest.mark.parametrize(("version", "error"), [("1.8.18", ServerError), (OLD, BadRequest)])
def test_servers_before_1_9_answer_a_failing_action_with_a_page(
    version: str, error: type[DocassembleError]
) -> None:
    """Whether the session, its secret or the action is wrong."""
    fake = FakeServer(version=version)
    add_letter(fake)

    async def job() -> None:
        async with fake.client() as da:
            s = await begin(da)
            for session, secret, action in (
                ("none", s.secret, "tell"),
                (s.session, WRONG, "tell"),
                (s.session, s.secret, "fail"),
            ):
                with pytest.raises(error):
                    await da.sessions.run_action(I, session, action, secret=secret)

    run(job())


def test_what_a_server_does_not_have_yet_is_not_found() -> None:
    """Paths that came later are pages with status 404."""
    fake = FakeServer(version="1.3.0")

    async def job() -> None:
        async with fake.client() as da:
            with pytest.raises(NotFound):
                await da.server.restart()

    run(job())

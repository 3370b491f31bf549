"""The fake server as an older docassemble, as described in the specification."""

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
from tests.testing.conftest import get_error_text
from tests.testing.letter_interview import WRONG_SECRET, I, add_letter_interview, start_session

OLD, NEW = "1.9.13", "1.10.14"


@pytest.mark.parametrize("version", [OLD, NEW])
async def test_health_and_list_of_packages_contain_the_version(version: str) -> None:
    """The client can find the version of the server."""
    fake = FakeServer(version=version)

    async with fake.client() as da:
        health = await da.server.get_health()
        versions = {package.name: package.version for package in await da.packages.list()}
    assert health.version == versions["docassemble.webapp"] == version


@pytest.mark.parametrize(("version", "is_limited"), [(OLD, False), (NEW, True)])
async def test_servers_before_1_10_create_unlimited_keys(version: str, *, is_limited: bool) -> None:
    """They ignore the permissions of a new key, and do not list that it has none."""
    fake = FakeServer(version=version)

    async with fake.client() as da:
        secret = await da.api_keys.create("limited", permissions=["access_user_info"])
        key = await da.api_keys.get(name="limited")
        async with AsyncDocassemble(fake.url, secret, transport=fake.transport()) as client:
            if is_limited:
                with pytest.raises(AccessDenied):
                    await client.server.get_config()
            else:
                await client.server.get_config()
    assert key.permissions == (["access_user_info"] if is_limited else None)


@pytest.mark.parametrize(("version", "may_list"), [(OLD, False), (NEW, True)])
async def test_servers_before_1_10_do_not_know_read_packages(
    version: str, *, may_list: bool
) -> None:
    """Listing packages requires the permission manage_packages there."""
    fake = FakeServer(version=version)

    async with fake.client() as da:
        secret = await da.api_keys.create("reader")
        await da.api_keys.update(api_key=secret, permissions=["read_packages"])
        async with AsyncDocassemble(fake.url, secret, transport=fake.transport()) as reader:
            if may_list:
                assert await reader.packages.list()
            else:
                with pytest.raises(AccessDenied):
                    await reader.packages.list()


@pytest.mark.parametrize(("version", "detail"), [(OLD, ": Padding is incorrect."), (NEW, "")])
async def test_servers_before_1_10_explain_why_they_cannot_decrypt(
    version: str, detail: str
) -> None:
    """The text of the exception follows the error text."""
    fake = FakeServer(version=version)
    add_letter_interview(fake)

    async with fake.client() as da:
        s = await start_session(da)
        error = await get_error_text(da.sessions.get_variables(s.i, s.session, secret=WRONG_SECRET))
    assert error == f"400 Unable to decrypt interview dictionary{detail}"


@pytest.mark.parametrize(("version", "error"), [("1.8.18", ServerError), (OLD, BadRequest)])
async def test_servers_before_1_9_return_an_html_page_for_a_failed_action(
    version: str, error: type[DocassembleError]
) -> None:
    """The reason may be the session, its secret or the action."""
    fake = FakeServer(version=version)
    add_letter_interview(fake)

    async with fake.client() as da:
        s = await start_session(da)
        for session, secret, action in (
            ("none", s.secret, "tell"),
            (s.session, WRONG_SECRET, "tell"),
            (s.session, s.secret, "fail"),
        ):
            with pytest.raises(error):
                await da.sessions.run_action(I, session, action, secret=secret)


async def test_operations_of_later_versions_are_not_found() -> None:
    """Their paths return an HTML page with status 404."""
    fake = FakeServer(version="1.3.0")

    async with fake.client() as da:
        with pytest.raises(NotFound):
            await da.server.restart()

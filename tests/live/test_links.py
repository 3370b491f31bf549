"""Temporary links on the real server: their targets, expiry and errors."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from attrs import frozen

from docassemble_client import AsyncDocassemble, Secret, Session
from tests.live.accounts import Account, limited_client, temporary_account
from tests.live.known_errors import ACCESS_DENIED, assert_error

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from docassemble_client._types import JSON
    from tests.live.conftest import Connect

TEXT_FIELD = "docassemble.base:data/questions/examples/text-field.yml"
SHORT_NAME = "docassemble.demo:questions.yml"
FULL_NAME = "docassemble.demo:data/questions/questions.yml"
OTHER_SITE = "https://www.example.com/report?id=7&name=caf%C3%A9"
USED_UP_STATUS = 501  # of a one-time link that was used
URL_ARGS = {"source": "Bäckerei & Co"}
INVALID_EXPIRY = "Invalid number of seconds."


@frozen
class Visitor:
    """
    A user with an encrypted session.

    Attributes:
        account: Account of the user.
        secret: Key that decrypts the sessions of the user.
        first: The session.
    """

    account: Account
    secret: Secret
    first: Session

    async def create_login_url(self, admin: AsyncDocassemble, **options: Any) -> Secret:
        """Create a link that logs the user in."""
        return await admin.links.create_login_url(
            self.account.email, self.account.password, **options
        )

    async def list_url_args(self) -> dict[str, JSON]:
        """List the latest URL arguments by session."""
        sessions = self.account.da.sessions.list_current(
            secret=self.secret, include_dictionary=True
        )
        return {
            summary.session: (summary.variables or {})["url_args"]
            async for summary in sessions.items(max_items=10)
        }


@asynccontextmanager
async def temporary_visitor(da: AsyncDocassemble, connect: Connect) -> AsyncGenerator[Visitor]:
    """Create an account with a session; delete both afterwards."""
    async with temporary_account(da, connect) as account:
        secret = await account.da.users.get_secret(account.email, account.password)
        first = await account.da.sessions.start(TEXT_FIELD, secret=secret)
        yield Visitor(account, secret, first)


async def open_link(link: Secret, *, times: int = 1) -> list[tuple[int, str]]:
    """Open a link, each time in a new browser: status and location."""
    responses = []
    for _ in range(times):
        async with httpx.AsyncClient() as browser:
            response = await browser.get(link.reveal())
        responses.append((response.status_code, response.headers.get("location", "")))
    return responses


async def test_login_link_works_once(da: AsyncDocassemble, connect: Connect) -> None:
    """The link logs the user in and redirects to the list of interviews, but only once."""
    async with temporary_account(da, connect) as account, httpx.AsyncClient() as browser:
        link = await da.links.create_login_url(account.email, account.password)
        first = await browser.get(link.reveal())
        page = await browser.get(first.url.join("/user/profile"))
        second = await open_link(link)

    assert link.reveal() not in f"{link!r} {link}"
    assert first.status_code == 302
    assert first.headers["location"].startswith("/interviews")
    assert account.email in page.text
    assert second == [(403, "")]


@pytest.mark.parametrize(
    ("next_page", "location"),
    [(OTHER_SITE, OTHER_SITE), ("interviews", "/interviews"), ("playground", "/playground")],
)
async def test_login_link_opens_any_page(
    da: AsyncDocassemble, connect: Connect, next_page: str, location: str
) -> None:
    """The page is a URL or a name that the server knows."""
    async with temporary_account(da, connect) as account:
        link = await da.links.create_login_url(account.email, account.password, next_page=next_page)
        ((status, target),) = await open_link(link)

    assert status == 302
    assert location in target


@pytest.mark.parametrize(
    ("options", "resumed"),
    [({}, False), ({"resume_existing": True}, True), ({"session": ""}, True)],
)
async def test_login_link_opens_a_session_on_request(
    da: AsyncDocassemble, connect: Connect, options: dict[str, Any], *, resumed: bool
) -> None:
    """The link opens a new session, the existing session, or a specified session."""
    async with (
        temporary_visitor(da, connect) as visit,
        httpx.AsyncClient(follow_redirects=True) as browser,
    ):
        arguments = {name: value or visit.first.session for name, value in options.items()}
        link = await visit.create_login_url(da, i=TEXT_FIELD, url_args=URL_ARGS, **arguments)
        page = await browser.get(link.reveal())
        sessions = await visit.list_url_args()

    assert page.status_code == 200
    assert len(sessions) == (1 if resumed else 2)
    assert sessions.pop(visit.first.session) == (URL_ARGS if resumed else {})
    assert list(sessions.values()) == ([] if resumed else [URL_ARGS])


async def test_invalid_logins_are_refused(da: AsyncDocassemble, connect: Connect) -> None:
    """User, password, page, session and expiry are checked."""
    async with (
        temporary_account(da, connect) as account,
        temporary_visitor(da, connect) as visit,
    ):

        async def assert_login_error(problem: str, status: int = 400, **options: Any) -> None:
            values = {"username": account.email, "password": account.password, **options}
            await assert_error(da.links.create_login_url(**values), status, problem)

        await assert_login_error("Username not known", 403, username="nobody@example.com")
        await assert_login_error("Incorrect password", 403, password="wrong")
        for expire in (0, -1):
            await assert_login_error(INVALID_EXPIRY, expire=expire)
        for page in ("no such page", "javascript:alert(1)"):
            await assert_login_error("Unknown path for next", next_page=page)
        session = visit.first.session
        await assert_login_error("Could not decrypt dictionary", i=TEXT_FIELD, session=session)


async def test_only_admins_create_login_links(da: AsyncDocassemble, connect: Connect) -> None:
    """Other users cannot create login links; limited keys need log_user_in."""
    async with (
        temporary_account(da, connect, "developer", "advocate") as account,
        limited_client(da, connect, "access_user_info") as limited,
        limited_client(da, connect, "log_user_in") as permitted,
    ):
        for client in (account.da, limited):
            call = client.links.create_login_url(account.email, account.password)
            await assert_error(call, 403, ACCESS_DENIED)
        link = await permitted.links.create_login_url(account.email, account.password)

        assert (await open_link(link))[0][0] == 302


async def test_login_link_of_an_inactive_user_is_refused(
    da: AsyncDocassemble, connect: Connect
) -> None:
    """The link is created, but does not log in."""
    async with temporary_account(da, connect) as account:
        await da.users.deactivate(account.id)
        link = await da.links.create_login_url(account.email, account.password)
        ((status, _),) = await open_link(link)

    assert status == 403


@pytest.mark.parametrize(("one_time", "second"), [(True, USED_UP_STATUS), (False, 200)])
async def test_resume_link_opens_the_session(
    da: AsyncDocassemble, connect: Connect, *, one_time: bool, second: int
) -> None:
    """A logged-in user can open the session, once or several times."""
    async with temporary_visitor(da, connect) as visit, httpx.AsyncClient() as browser:
        await browser.get((await visit.create_login_url(da)).reveal())
        link = await visit.account.da.links.create_resume_url(
            TEXT_FIELD, session=visit.first.session, url_args=URL_ARGS, one_time=one_time
        )
        statuses = [(await browser.get(link.reveal())).status_code for _ in range(2)]
        sessions = await visit.list_url_args()

    assert visit.first.session not in link.reveal()
    assert statuses == [200, second]
    assert sessions == {visit.first.session: URL_ARGS}


@pytest.mark.parametrize("exact_name", [False, True])
async def test_link_to_a_session_needs_the_full_name_of_the_interview(
    da: AsyncDocassemble, connect: Connect, *, exact_name: bool
) -> None:
    """A link opens the session of a workflow; under a short name it starts another."""
    async with (
        temporary_account(da, connect) as account,
        httpx.AsyncClient(follow_redirects=True) as browser,
    ):
        login = await da.links.create_login_url(account.email, account.password)
        await browser.get(login.reveal())
        secret = await account.da.users.get_secret(account.email, account.password)
        interview = account.da.interview(SHORT_NAME, exact_name=exact_name)
        async with interview.session(secret=secret) as s:
            link = await s.resume_url()
            page = await browser.get(link.reveal())
            listed = account.da.sessions.list_current(i=FULL_NAME).items(max_items=10)
            opened = [summary.session async for summary in listed]
            assert (s.id in opened) is not exact_name

    assert page.status_code == 200
    assert len(opened) == 1


async def test_resume_link_without_a_session_starts_a_session(
    da: AsyncDocassemble, connect: Connect
) -> None:
    """A session starts each time the link is opened."""
    async with temporary_visitor(da, connect) as visit, httpx.AsyncClient() as browser:
        await browser.get((await visit.create_login_url(da)).reveal())
        link = await visit.account.da.links.create_resume_url(TEXT_FIELD)
        statuses = [(await browser.get(link.reveal())).status_code for _ in range(2)]
        sessions = await visit.list_url_args()

    assert statuses == [200, 200]
    assert len(sessions) == 3


@pytest.mark.parametrize(("one_time", "second"), [(True, USED_UP_STATUS), (False, 302)])
async def test_redirect_link_opens_any_url(
    da: AsyncDocassemble, connect: Connect, *, one_time: bool, second: int
) -> None:
    """The link redirects to its URL, once or several times."""
    async with temporary_account(da, connect) as account:
        link = await account.da.links.create_redirect_url(OTHER_SITE, one_time=one_time)
        first, repeated = await open_link(link, times=2)

    assert first == (302, OTHER_SITE)
    assert repeated[0] == second


async def test_invalid_lifetimes_are_refused(da: AsyncDocassemble) -> None:
    """The lifetime must be at least one second."""
    for expire in (0, -1):
        await assert_error(da.links.create_resume_url("any", expire=expire), 400, INVALID_EXPIRY)
        await assert_error(
            da.links.create_redirect_url(OTHER_SITE, expire=expire), 400, INVALID_EXPIRY
        )

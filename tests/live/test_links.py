"""Temporary links on the real server: where they lead, how often, and which are refused."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from attrs import frozen

from docassemble_client import AsyncDocassemble, Secret, Session
from tests.live.people import Person, limited, person
from tests.live.refusals import DENIED, refused

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from docassemble_client._types import JSON
    from tests.live.conftest import Connect, Run

TEXT_FIELD = "docassemble.base:data/questions/examples/text-field.yml"
ELSEWHERE = "https://www.example.com/report?id=7&name=caf%C3%A9"
GONE = 501  # the server answers so to a link that is used up
URL_ARGS = {"source": "Bäckerei & Co"}
BAD_EXPIRY = "Invalid number of seconds."


@frozen
class Visitor:
    """
    A person who also has a browser.

    Attributes:
        one: The person.
        secret: The key that decrypts the person's sessions.
        first: An encrypted session of the person.
    """

    one: Person
    secret: Secret
    first: Session

    async def login(self, admin: AsyncDocassemble, **options: Any) -> Secret:
        """Make a link that logs the person in."""
        return await admin.links.create_login_url(self.one.email, self.one.password, **options)

    async def url_args(self) -> dict[str, JSON]:
        """Return by session with which URL arguments each was last opened."""
        sessions = self.one.da.sessions.list_current(secret=self.secret, include_dictionary=True)
        return {
            each.session: (each.variables or {})["url_args"]
            async for each in sessions.items(limit=10)
        }


@asynccontextmanager
async def visitor(da: AsyncDocassemble, connect: Connect) -> AsyncGenerator[Visitor]:
    """Make a person with a session; both are gone afterwards."""
    async with person(da, connect) as one:
        secret = await one.da.users.get_secret(one.email, one.password)
        first = await one.da.sessions.start(TEXT_FIELD, secret=secret)
        yield Visitor(one, secret, first)


async def opened(link: Secret, *, times: int = 1) -> list[tuple[int, str]]:
    """Open a link in a browser of its own each time: the status and where it leads."""
    answers = []
    for _ in range(times):
        async with httpx.AsyncClient() as browser:
            answer = await browser.get(link.reveal())
        answers.append((answer.status_code, answer.headers.get("location", "")))
    return answers


def test_login_link_works_once(run: Run, connect: Connect) -> None:
    """Whoever opens it is logged in and sent to the list of interviews, but only once."""

    async def job(da: AsyncDocassemble) -> None:
        async with person(da, connect) as one, httpx.AsyncClient() as browser:
            link = await da.links.create_login_url(one.email, one.password)
            first = await browser.get(link.reveal())
            page = await browser.get(first.url.join("/user/profile"))
            second = await opened(link)

        assert link.reveal() not in f"{link!r} {link}"
        assert first.status_code == 302
        assert first.headers["location"].startswith("/interviews")
        assert one.email in page.text
        assert second == [(403, "")]

    run(job)


@pytest.mark.parametrize(
    ("next_page", "location"),
    [(ELSEWHERE, ELSEWHERE), ("interviews", "/interviews"), ("playground", "/playground")],
)
def test_login_link_leads_to_any_page(
    run: Run, connect: Connect, next_page: str, location: str
) -> None:
    """A page is a URL or a name that the server knows."""

    async def job(da: AsyncDocassemble) -> None:
        async with person(da, connect) as one:
            link = await da.links.create_login_url(one.email, one.password, next_page=next_page)
            ((status, there),) = await opened(link)

        assert status == 302
        assert location in there

    run(job)


@pytest.mark.parametrize(
    ("how", "resumed"), [({}, False), ({"resume_existing": True}, True), ({"session": ""}, True)]
)
def test_login_link_opens_a_session_if_told_to(
    run: Run, connect: Connect, how: dict[str, Any], *, resumed: bool
) -> None:
    """It leads to a new session, the user's own one, or the one that is named."""

    async def job(da: AsyncDocassemble) -> None:
        async with (
            visitor(da, connect) as visit,
            httpx.AsyncClient(follow_redirects=True) as browser,
        ):
            chosen = {name: value or visit.first.session for name, value in how.items()}
            link = await visit.login(da, i=TEXT_FIELD, url_args=URL_ARGS, **chosen)
            page = await browser.get(link.reveal())
            sessions = await visit.url_args()

        assert page.status_code == 200
        assert len(sessions) == (1 if resumed else 2)
        assert sessions.pop(visit.first.session) == (URL_ARGS if resumed else {})
        assert list(sessions.values()) == ([] if resumed else [URL_ARGS])

    run(job)


def test_bad_logins_are_refused(run: Run, connect: Connect) -> None:
    """The user, the password, the page, the session and the time must fit."""

    async def job(da: AsyncDocassemble) -> None:
        async with (
            person(da, connect) as one,
            visitor(da, connect) as other,
        ):

            async def login(problem: str, status: int = 400, **options: Any) -> None:
                values = {"username": one.email, "password": one.password, **options}
                await refused(da.links.create_login_url(**values), status, problem)

            await login("Username not known", 403, username="nobody@example.com")
            await login("Incorrect password", 403, password="wrong")
            for expire in (0, -1):
                await login(BAD_EXPIRY, expire=expire)
            for page in ("no such page", "javascript:alert(1)"):
                await login("Unknown path for next", next_page=page)
            session = other.first.session
            await login("Could not decrypt dictionary", i=TEXT_FIELD, session=session)

    run(job)


def test_login_links_are_for_admins(run: Run, connect: Connect) -> None:
    """Others make none, not even for themselves; a limited key does with log_user_in."""

    async def job(da: AsyncDocassemble) -> None:
        async with (
            person(da, connect, "developer", "advocate") as one,
            limited(da, connect, "access_user_info") as without,
            limited(da, connect, "log_user_in") as able,
        ):
            for client in (one.da, without):
                call = client.links.create_login_url(one.email, one.password)
                await refused(call, 403, DENIED)
            link = await able.links.create_login_url(one.email, one.password)

            assert (await opened(link))[0][0] == 302

    run(job)


def test_login_link_of_an_inactive_user_is_dead(run: Run, connect: Connect) -> None:
    """The link is made, but lets nobody in."""

    async def job(da: AsyncDocassemble) -> None:
        async with person(da, connect) as one:
            await da.users.deactivate(one.id)
            link = await da.links.create_login_url(one.email, one.password)
            ((status, _),) = await opened(link)

        assert status == 403

    run(job)


@pytest.mark.parametrize(("one_time", "second"), [(True, GONE), (False, 200)])
def test_resume_link_leads_to_the_session(
    run: Run, connect: Connect, *, one_time: bool, second: int
) -> None:
    """Whoever can decrypt the session gets into it, once or as often as wanted."""

    async def job(da: AsyncDocassemble) -> None:
        async with visitor(da, connect) as visit, httpx.AsyncClient() as browser:
            await browser.get((await visit.login(da)).reveal())
            link = await visit.one.da.links.create_resume_url(
                TEXT_FIELD, session=visit.first.session, url_args=URL_ARGS, one_time=one_time
            )
            statuses = [(await browser.get(link.reveal())).status_code for _ in range(2)]
            sessions = await visit.url_args()

        assert visit.first.session not in link.reveal()
        assert statuses == [200, second]
        assert sessions == {visit.first.session: URL_ARGS}

    run(job)


def test_resume_link_without_a_session_starts_one(run: Run, connect: Connect) -> None:
    """Each time it is opened, another session begins."""

    async def job(da: AsyncDocassemble) -> None:
        async with visitor(da, connect) as visit, httpx.AsyncClient() as browser:
            await browser.get((await visit.login(da)).reveal())
            link = await visit.one.da.links.create_resume_url(TEXT_FIELD)
            statuses = [(await browser.get(link.reveal())).status_code for _ in range(2)]
            sessions = await visit.url_args()

        assert statuses == [200, 200]
        assert len(sessions) == 3

    run(job)


@pytest.mark.parametrize(("one_time", "second"), [(True, GONE), (False, 302)])
def test_redirect_link_leads_anywhere(
    run: Run, connect: Connect, *, one_time: bool, second: int
) -> None:
    """It leads to the URL it was made for, once or as often as wanted."""

    async def job(da: AsyncDocassemble) -> None:
        async with person(da, connect) as one:
            link = await one.da.links.create_redirect_url(ELSEWHERE, one_time=one_time)
            first, again = await opened(link, times=2)

        assert first == (302, ELSEWHERE)
        assert again[0] == second

    run(job)


def test_bad_lifetimes_are_refused(run: Run) -> None:
    """A link lives a second at least."""

    async def job(da: AsyncDocassemble) -> None:
        for expire in (0, -1):
            await refused(da.links.create_resume_url("any", expire=expire), 400, BAD_EXPIRY)
            await refused(da.links.create_redirect_url(ELSEWHERE, expire=expire), 400, BAD_EXPIRY)

    run(job)

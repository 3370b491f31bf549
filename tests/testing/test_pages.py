"""Links of the fake server, opened as a person would."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from docassemble_client.testing import FakeServer, Recording, Screen
from docassemble_client.testing.recordings import RecordedReply, RecordedScreen
from tests.testing.conftest import LoopClock

if TYPE_CHECKING:
    from docassemble_client import AsyncDocassemble
    from docassemble_client._types import JSON
    from docassemble_client.testing import User
    from tests.testing.conftest import Run

NAME = "docassemble.mine:data/questions/name.yml"
OPEN = "docassemble.mine:data/questions/open.yml"
BRINGS = "docassemble.mine:data/questions/json.yml"
PLAYED = "docassemble.mine:data/questions/played.yml"
SHADES = "docassemble.mine:data/questions/shades.yml"
NEEDY = "docassemble.mine:data/questions/needy.yml"
DEAD = "used up or has expired"


def _ask(*_: object) -> Screen:
    return Screen("Shade?", ["shade"])


@pytest.fixture
def fake() -> FakeServer:
    """Make a server with interviews and a user."""
    fake = FakeServer(clock=LoopClock())
    fake.add_interview(NAME, Screen("Your <name>?", ["name"], subtext="Please"), title="Name")
    fake.add_interview(OPEN, Screen("Hello, ${ name }!", ["fruit"]), multi_user=True)
    fake.add_interview(BRINGS, final=lambda _: {"a": 1}, multi_user=True)
    fake.add_interview(NEEDY, "amount", multi_user=True)
    fake.add_interview(SHADES, Screen("Ready?", ["ready"]), actions={"ask": _ask}, multi_user=True)
    question: dict[str, JSON] = {
        "questionType": "fields",
        "questionName": "A",
        "questionText": "Recorded?",
    }
    screens = [RecordedScreen(reply=RecordedReply(json=question))]
    fake.add_recording(Recording(filename=PLAYED, screens=screens, encrypted=False))
    return fake


def browser(fake: FakeServer) -> httpx.AsyncClient:
    """Make a browser, which keeps cookies and follows redirects within the server."""
    return httpx.AsyncClient(transport=fake.transport(), base_url=fake.url, follow_redirects=True)


async def login(da: AsyncDocassemble, user: User, **options: Any) -> str:
    """Make a link that logs a user in."""
    return (await da.links.create_login_url(user.email, user.password, **options)).reveal()


def test_login_link_logs_in_once_and_leads_on(run: Run, fake: FakeServer) -> None:
    """The browser is known afterwards; another one, or a second time, is not let in."""
    ada = fake.add_user("ada@example.com")

    async def job(da: AsyncDocassemble) -> None:
        link = await login(da, ada, next_page="/user/profile")
        named = await login(da, ada, next_page="playground")
        away = await login(da, ada, next_page="https://example.com/")
        async with browser(fake) as one, browser(fake) as other:
            page = await one.get(link)
            again = await other.get(link)
            stranger = await other.get("/user/profile", follow_redirects=False)
            places = [
                (await other.get(each, follow_redirects=False)).headers["location"]
                for each in (named, away)
            ]
        assert (page.status_code, "ada@example.com" in page.text) == (200, True)
        assert (again.status_code, DEAD in again.text) == (403, True)
        assert stranger.headers["location"] == "/user/sign-in?next=/user/profile"
        assert places == ["/playground", "https://example.com/"]

    run(job)


def test_login_link_is_dead_when_late_or_for_the_inactive(run: Run, fake: FakeServer) -> None:
    """It lives as long as it was made for."""
    ada = fake.add_user("ada@example.com")

    async def job(da: AsyncDocassemble) -> None:
        late = await login(da, ada, expire=5)
        await fake.clock.sleep(6)
        early = await login(da, ada)
        await da.users.deactivate(ada.id)
        async with browser(fake) as one:
            statuses = [(await one.get(each)).status_code for each in (late, early)]
            statuses += [(await one.get("/user/autologin")).status_code]
        assert statuses == [403, 403, 403]

    run(job)


@pytest.mark.parametrize(("how", "count"), [("new", 2), ("resume", 1), ("named", 1)])
def test_login_link_opens_a_session(run: Run, fake: FakeServer, how: str, count: int) -> None:
    """Another one, the user's latest, or the one that is named, with the arguments given."""
    ada = fake.add_user("ada@example.com")

    async def job(da: AsyncDocassemble) -> None:
        secret = await da.users.get_secret(ada.email, ada.password)
        async with fake.client(ada) as own, browser(fake) as one:
            s = await own.sessions.start(NAME, secret=secret)
            options: dict[str, dict[str, Any]] = {
                "new": {},
                "resume": {"resume_existing": True},
                "named": {"session": s.session},
            }
            link = await login(da, ada, i=NAME, url_args={"from": "ü"}, **options[how])
            page = await one.get(link)
            found = own.sessions.list_current(secret=secret, include_dictionary=True)
            listed = [each async for each in found]
        assert page.status_code == 200
        assert "Your &lt;name&gt;?" in page.text
        assert "Please" in page.text
        assert len(listed) == count
        assert {"from": "ü"} in [(each.variables or {})["url_args"] for each in listed]

    run(job)


def test_resuming_without_a_session_begins_one(run: Run, fake: FakeServer) -> None:
    """A user who has none yet gets a new one."""
    ada = fake.add_user("ada@example.com")

    async def job(da: AsyncDocassemble) -> None:
        async with fake.client(ada) as own, browser(fake) as one:
            await one.get(await login(da, ada, i=NAME, resume_existing=True))
            assert len([each async for each in own.sessions.list_current()]) == 1

    run(job)


def test_resume_link_opens_its_session_as_often_as_told(run: Run, fake: FakeServer) -> None:
    """Who is not logged in can open one that is not encrypted, and has it then too."""

    async def job(da: AsyncDocassemble) -> None:
        s = await da.sessions.start(OPEN)
        await da.sessions.set_variables(OPEN, s.session, variables={"name": "Ada"})
        once = await da.links.create_resume_url(OPEN, session=s.session, one_time=True)
        often = await da.links.create_resume_url(OPEN, session=s.session, url_args={"a": "b"})
        async with browser(fake) as one:
            pages = [await one.get(each.reveal()) for each in (once, once, often, often)]
        listed = [each async for each in da.sessions.list()]
        found = [each async for each in da.sessions.list(query="DA.Sessions.user_id > 0")]
        known = await da.sessions.get_variables(OPEN, s.session)
        await da.sessions.delete(OPEN, s.session)
        left = [each.session async for each in da.sessions.list()]

        assert [each.status_code for each in pages] == [200, 501, 200, 200]
        assert "Hello, Ada!" in pages[0].text
        assert [(each.user_id, each.temp_user_id, each.email) for each in listed] == [
            (1, None, "admin@example.com"),
            (None, 1, None),
        ]
        assert len(found) == 1
        assert known["url_args"] == {"a": "b"}
        assert left == [s.session]

    run(job)


def test_resume_link_without_a_session_begins_one_each_time(run: Run, fake: FakeServer) -> None:
    """A stranger's session is the stranger's, and can be read through the API."""

    async def job(da: AsyncDocassemble) -> None:
        link = (await da.links.create_resume_url(SHADES)).reveal()
        async with browser(fake) as one:
            statuses = [(await one.get(link)).status_code for _ in range(2)]
        first, second = [each async for each in da.sessions.list()]
        await da.sessions.run_action(SHADES, first.session, "ask", persistent=True)
        known: Any = await da.sessions.get_variables(SHADES, first.session)
        assert statuses == [200, 200]
        assert first.temp_user_id == second.temp_user_id
        assert list(known["_internal"]["event_stack"]) == [f"t{first.temp_user_id}"]

    run(job)


@pytest.mark.parametrize(
    ("i", "status", "text"),
    [
        (BRINGS, 200, '{"a":1}'),
        (NEEDY, 501, "&#x27;amount&#x27; is not defined"),
        (PLAYED, 200, "Recorded?"),
        ("docassemble.mine:no-such.yml", 404, "Not Found"),
    ],
)
def test_interview_shows_what_it_comes_to(
    run: Run, fake: FakeServer, i: str, status: int, text: str
) -> None:
    """Screens are pages; what it brings is sent as it is; what fails is told."""

    async def job(da: AsyncDocassemble) -> None:
        link = await da.links.create_resume_url(i)
        async with browser(fake) as one:
            page = await one.get(link.reveal())
        assert (page.status_code, text in page.text) == (status, True)

    run(job)


def test_encrypted_session_opens_only_to_its_user(run: Run, fake: FakeServer) -> None:
    """A stranger cannot decrypt it, nor another user."""

    async def job(da: AsyncDocassemble) -> None:
        s = await da.sessions.start(NAME)
        link = await da.links.create_resume_url(NAME, session=s.session)
        async with browser(fake) as one:
            page = await one.get(link.reveal())
        assert (page.status_code, "Unable to decrypt" in page.text) == (501, True)

    run(job)


def test_redirect_link_leads_anywhere(run: Run, fake: FakeServer) -> None:
    """Once, or as often as wanted; a link of one kind does not work as another."""
    elsewhere = "https://example.com/?a=ü"

    async def job(da: AsyncDocassemble) -> None:
        once = (await da.links.create_redirect_url(elsewhere, one_time=True)).reveal()
        often = (await da.links.create_redirect_url(elsewhere)).reveal()
        async with httpx.AsyncClient(transport=fake.transport()) as one:
            first = await one.get(once)
            statuses = [(await one.get(each)).status_code for each in (once, often, often)]
            wrong = await one.get(often.replace("/goto", "/launch"))
            posted = await one.post(often)
        assert (first.status_code, first.headers["location"]) == (302, f"{elsewhere[:-1]}%C3%BC")
        assert statuses == [501, 302, 302]
        assert (wrong.status_code, posted.status_code) == (501, 404)

    run(job)


def test_invitation_leads_to_the_form_with_its_address(run: Run, fake: FakeServer) -> None:
    """Without an invitation the form is empty."""

    async def job(da: AsyncDocassemble) -> None:
        (invited,) = await da.users.invite(["ada@example.com"], send_emails=False)
        async with browser(fake) as one:
            form = await one.get(str(invited.url))
            empty = await one.get("/user/register")
        assert 'value="ada@example.com"' in form.text
        assert 'value=""' in empty.text

    run(job)


def test_removed_user_takes_own_answers_back(run: Run, fake: FakeServer) -> None:
    """In a session that somebody else has too, what the others have saved remains."""
    ada = fake.add_user("ada@example.com")

    async def job(da: AsyncDocassemble) -> None:
        async with fake.client(ada) as own:
            s = await own.sessions.start(OPEN)
            link = await da.links.create_resume_url(OPEN, session=s.session)
            for user, name in ((own, "Ada"), (da, "Grace"), (own, "Ada again")):
                await user.sessions.set_variables(OPEN, s.session, variables={"name": name})
        async with browser(fake) as one:
            await one.get(link.reveal())
        await da.users.delete(ada.id, "account")
        assert (await da.sessions.get_variables(OPEN, s.session))["name"] == "Grace"

    run(job)

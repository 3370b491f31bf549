"""Links of the fake server, opened in a browser."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from docassemble_client.testing import FakeServer, Recording, ScriptedScreen
from docassemble_client.testing.recordings import RecordedReply, RecordedScreen
from tests.testing.conftest import LoopClock, get_error_text
from tests.testing.test_server import make_raw_call

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from docassemble_client import AsyncDocassemble
    from docassemble_client._types import JSON
    from docassemble_client.testing import FakeUser

    Call = Callable[[AsyncDocassemble], Awaitable[Any]]

QUESTIONLESS = "docassemble.demo:data/questions/examples/questionless.yml"
NAME = "docassemble.mine:data/questions/name.yml"
OPEN = "docassemble.mine:data/questions/open.yml"
JSON_REPLY = "docassemble.mine:data/questions/json.yml"
RECORDED = "docassemble.mine:data/questions/recorded.yml"
SHADES = "docassemble.mine:data/questions/shades.yml"
UNDEFINED = "docassemble.mine:data/questions/undefined.yml"
EXPIRED = "used up or has expired"


def _ask_shade(*_: object) -> ScriptedScreen:
    return ScriptedScreen("Shade?", ["shade"])


@pytest.fixture
def fake() -> FakeServer:
    """Create a server with interviews."""
    fake = FakeServer(clock=LoopClock())
    fake.add_interview(
        NAME, ScriptedScreen("Your <name>?", ["name"], subtext="Please"), title="Name"
    )
    fake.add_interview(OPEN, ScriptedScreen("Hello, ${ name }!", ["fruit"]), multi_user=True)
    fake.add_interview(JSON_REPLY, final=lambda _: {"a": 1}, multi_user=True)
    fake.add_interview(UNDEFINED, "amount", multi_user=True)
    fake.add_interview(
        SHADES, ScriptedScreen("Ready?", ["ready"]), actions={"ask": _ask_shade}, multi_user=True
    )
    question: dict[str, JSON] = {
        "questionType": "fields",
        "questionName": "A",
        "questionText": "Recorded?",
    }
    screens = [RecordedScreen(reply=RecordedReply(json=question))]
    fake.add_recording(Recording(filename=RECORDED, screens=screens, encrypted=False))
    return fake


def open_browser(fake: FakeServer) -> httpx.AsyncClient:
    """Open a browser that keeps cookies and follows redirects within the server."""
    return httpx.AsyncClient(transport=fake.transport(), base_url=fake.url, follow_redirects=True)


async def create_login_url(da: AsyncDocassemble, user: FakeUser, **options: Any) -> str:
    """Create a link that logs a user in."""
    return (await da.links.create_login_url(user.email, user.password, **options)).reveal()


async def test_links_are_created(da: AsyncDocassemble, fake: FakeServer) -> None:
    """The URLs of login, resume and redirect links contain a code."""
    admin = fake.admin
    s = await da.sessions.start(QUESTIONLESS)
    links = [
        await da.links.create_login_url(admin.email, admin.password, i=QUESTIONLESS),
        await da.links.create_resume_url(QUESTIONLESS, url_args={"a": 1}),
        await da.links.create_redirect_url("https://example.com"),
    ]
    await da.request("POST", "/api/resume_url", json={"i": "x", "url_args": "{}"})
    wrong_secret = da.links.create_login_url(admin.email, admin.password, i=s.i, session=s.session)
    unknown_path = da.links.create_login_url(admin.email, admin.password, next_page="javascript:x")

    assert [link.reveal().partition("=")[0] for link in links] == [
        "https://docassemble.test/user/autologin?key",
        "https://docassemble.test/launch?c",
        "https://docassemble.test/goto?c",
    ]
    assert await get_error_text(wrong_secret) == "400 Could not decrypt dictionary"
    assert await get_error_text(unknown_path) == "400 Unknown path for next"


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (make_raw_call("POST", "/api/resume_url"), "400 No filename supplied."),
        (
            make_raw_call("POST", "/api/resume_url", i="x", url_args="["),
            "400 Malformed URL arguments",
        ),
        (
            make_raw_call("POST", "/api/resume_url", i="x", url_args="[]"),
            "400 Malformed URL arguments",
        ),
        (
            make_raw_call("POST", "/api/resume_url", i="x", expire="x"),
            "400 Invalid number of seconds.",
        ),
        (make_raw_call("GET", "/api/temp_url"), "400 No url supplied."),
        (lambda da: da.links.create_redirect_url("x", expire=0), "400 Invalid number of seconds."),
    ],
)
async def test_invalid_calls_on_links_are_refused(
    da: AsyncDocassemble, call: Call, expected: str
) -> None:
    """Each error has the same text as on a real server."""
    error = await get_error_text(call(da))

    assert error.startswith(expected)


async def test_login_link_logs_in_once_and_redirects(
    da: AsyncDocassemble, fake: FakeServer
) -> None:
    """The link is refused when it is opened again, and in another browser."""
    ada = fake.add_user("ada@example.com")

    link = await create_login_url(da, ada, next_page="/user/profile")
    to_playground = await create_login_url(da, ada, next_page="playground")
    to_other_site = await create_login_url(da, ada, next_page="https://example.com/")
    async with open_browser(fake) as first, open_browser(fake) as second:
        page = await first.get(link)
        refusal = await second.get(link)
        sign_in = await second.get("/user/profile", follow_redirects=False)
        locations = [
            (await second.get(url, follow_redirects=False)).headers["location"]
            for url in (to_playground, to_other_site)
        ]
    assert (page.status_code, "ada@example.com" in page.text) == (200, True)
    assert (refusal.status_code, EXPIRED in refusal.text) == (403, True)
    assert sign_in.headers["location"] == "/user/sign-in?next=/user/profile"
    assert locations == ["/playground", "https://example.com/"]


async def test_expired_login_link_and_inactive_user_are_refused(
    da: AsyncDocassemble, fake: FakeServer
) -> None:
    """A request without a key is refused too."""
    ada = fake.add_user("ada@example.com")

    expired = await create_login_url(da, ada, expire=5)
    await fake.clock.sleep(6)
    valid = await create_login_url(da, ada)
    await da.users.deactivate(ada.id)
    urls = (expired, valid, "/user/autologin")
    async with open_browser(fake) as browser:
        statuses = [(await browser.get(url)).status_code for url in urls]
    assert statuses == [403, 403, 403]


@pytest.mark.parametrize(("target", "count"), [("new", 2), ("latest", 1), ("named", 1)])
async def test_login_link_opens_a_session(
    da: AsyncDocassemble, fake: FakeServer, target: str, count: int
) -> None:
    """It opens a new session, the user's latest or a named one, with the URL arguments."""
    ada = fake.add_user("ada@example.com")

    secret = await da.users.get_secret(ada.email, ada.password)
    async with fake.client(ada) as client, open_browser(fake) as browser:
        s = await client.sessions.start(NAME, secret=secret)
        options: dict[str, dict[str, Any]] = {
            "new": {},
            "latest": {"resume_existing": True},
            "named": {"session": s.session},
        }
        link = await create_login_url(da, ada, i=NAME, url_args={"from": "ü"}, **options[target])
        page = await browser.get(link)
        paginator = client.sessions.list_current(secret=secret, include_dictionary=True)
        sessions = [session async for session in paginator]
    assert page.status_code == 200
    assert "Your &lt;name&gt;?" in page.text
    assert "Please" in page.text
    assert len(sessions) == count
    assert {"from": "ü"} in [(session.variables or {})["url_args"] for session in sessions]


async def test_resuming_without_a_session_starts_one(
    da: AsyncDocassemble, fake: FakeServer
) -> None:
    """A user who has no session yet gets a new session."""
    ada = fake.add_user("ada@example.com")

    async with fake.client(ada) as client, open_browser(fake) as browser:
        await browser.get(await create_login_url(da, ada, i=NAME, resume_existing=True))
        assert len([session async for session in client.sessions.list_current()]) == 1


async def test_resume_link_opens_its_session_once_or_several_times(
    da: AsyncDocassemble, fake: FakeServer
) -> None:
    """An anonymous visitor who opens an unencrypted session becomes one of its users."""
    s = await da.sessions.start(OPEN)
    await da.sessions.set_variables(OPEN, s.session, variables={"name": "Ada"})
    once = await da.links.create_resume_url(OPEN, session=s.session, one_time=True)
    often = await da.links.create_resume_url(OPEN, session=s.session, url_args={"a": "b"})
    async with open_browser(fake) as browser:
        pages = [await browser.get(url.reveal()) for url in (once, once, often, often)]
    sessions = [session async for session in da.sessions.list()]
    owned = [item async for item in da.sessions.list(query="DA.Sessions.user_id > 0")]
    variables = await da.sessions.get_variables(OPEN, s.session)
    await da.sessions.delete(OPEN, s.session)
    remaining = [session.session async for session in da.sessions.list()]

    assert [page.status_code for page in pages] == [200, 501, 200, 200]
    assert "Hello, Ada!" in pages[0].text
    assert [(item.user_id, item.temp_user_id, item.email) for item in sessions] == [
        (1, None, "admin@example.com"),
        (None, 1, None),
    ]
    assert len(owned) == 1
    assert variables["url_args"] == {"a": "b"}
    assert remaining == [s.session]


async def test_resume_link_without_a_session_starts_a_new_one_each_time(
    da: AsyncDocassemble, fake: FakeServer
) -> None:
    """The sessions of an anonymous visitor can be read through the API."""
    link = (await da.links.create_resume_url(SHADES)).reveal()
    async with open_browser(fake) as browser:
        statuses = [(await browser.get(link)).status_code for _ in range(2)]
    first, second = [session async for session in da.sessions.list()]
    await da.sessions.run_action(SHADES, first.session, "ask", persistent=True)
    variables: Any = await da.sessions.get_variables(SHADES, first.session)
    assert statuses == [200, 200]
    assert first.temp_user_id == second.temp_user_id
    assert list(variables["_internal"]["event_stack"]) == [f"t{first.temp_user_id}"]


@pytest.mark.parametrize(
    ("i", "status", "text"),
    [
        (JSON_REPLY, 200, '{"a":1}'),
        (UNDEFINED, 501, "&#x27;amount&#x27; is not defined"),
        (RECORDED, 200, "Recorded?"),
        ("docassemble.mine:no-such.yml", 404, "Not Found"),
    ],
)
async def test_browser_shows_the_outcome_of_an_interview(
    da: AsyncDocassemble, fake: FakeServer, i: str, status: int, text: str
) -> None:
    """Screens and errors are HTML pages; final values are returned as they are."""
    link = await da.links.create_resume_url(i)
    async with open_browser(fake) as browser:
        page = await browser.get(link.reveal())
    assert (page.status_code, text in page.text) == (status, True)


async def test_encrypted_session_opens_only_for_its_user(
    da: AsyncDocassemble, fake: FakeServer
) -> None:
    """An anonymous visitor cannot decrypt it."""
    s = await da.sessions.start(NAME)
    link = await da.links.create_resume_url(NAME, session=s.session)
    async with open_browser(fake) as browser:
        page = await browser.get(link.reveal())
    assert (page.status_code, "Unable to decrypt" in page.text) == (501, True)


async def test_redirect_link_redirects_to_any_url(da: AsyncDocassemble, fake: FakeServer) -> None:
    """It works once or several times; it does not work as another kind of link."""
    target = "https://example.com/?a=ü"

    once = (await da.links.create_redirect_url(target, one_time=True)).reveal()
    often = (await da.links.create_redirect_url(target)).reveal()
    async with httpx.AsyncClient(transport=fake.transport()) as client:
        first = await client.get(once)
        statuses = [(await client.get(url)).status_code for url in (once, often, often)]
        wrong_kind = await client.get(often.replace("/goto", "/launch"))
        wrong_method = await client.post(often)
    assert (first.status_code, first.headers["location"]) == (302, f"{target[:-1]}%C3%BC")
    assert statuses == [501, 302, 302]
    assert (wrong_kind.status_code, wrong_method.status_code) == (501, 404)


async def test_invitation_opens_the_registration_form_with_its_address(
    da: AsyncDocassemble, fake: FakeServer
) -> None:
    """Without an invitation the form is empty."""
    (invitation,) = await da.users.invite(["ada@example.com"], send_emails=False)
    async with open_browser(fake) as browser:
        form = await browser.get(str(invitation.url))
        empty_form = await browser.get("/user/register")
    assert 'value="ada@example.com"' in form.text
    assert 'value=""' in empty_form.text


async def test_deleting_a_user_deletes_their_steps_in_shared_sessions(
    da: AsyncDocassemble, fake: FakeServer
) -> None:
    """The steps of the other users remain."""
    ada = fake.add_user("ada@example.com")

    async with fake.client(ada) as ada_client:
        s = await ada_client.sessions.start(OPEN)
        link = await da.links.create_resume_url(OPEN, session=s.session)
        answers = ((ada_client, "Ada"), (da, "Grace"), (ada_client, "Ada again"))
        for client, name in answers:
            await client.sessions.set_variables(OPEN, s.session, variables={"name": name})
    async with open_browser(fake) as browser:
        await browser.get(link.reveal())
    await da.users.delete(ada.id, "account")
    assert (await da.sessions.get_variables(OPEN, s.session))["name"] == "Grace"

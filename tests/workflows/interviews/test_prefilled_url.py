"""Links to prefilled sessions: their answers, addresses and failures."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from docassemble_client import BadRequest, DocassembleError, Secret, SessionNotShareable, UsageError
from tests.workflows.routes import RouteServer

I = "docassemble.demo:data/questions/questions.yml"  # noqa: E741 - docassemble's own name
NEW = "GET /api/session/new"
LINK = "POST /api/resume_url"


def make_server(**changes: Any) -> RouteServer:
    """Make a server with a response for every call; `changes` replace some of them."""
    routes: dict[str, Any] = {
        NEW: (200, {"i": I, "session": "s1", "encrypted": False}),
        "POST /api/session": (204, None),
        LINK: (200, "https://da.example.com/launch?c=exampleCode"),
        "DELETE /api/session": (204, None),
    }
    return RouteServer(routes | changes)


async def create_link(
    server: RouteServer, answers: Any, *, public_url: str | None = None, **options: Any
) -> str:
    """Create a link to a prefilled session, and return its URL as text."""
    async with server.client(public_url=public_url) as da:
        assert da.public_url == (public_url and public_url.rstrip("/"))
        link = await da.interview(I).prefilled_url(answers, **options)

    assert (link.i, link.session) == (I, "s1")
    assert "exampleCode" not in repr(link)
    return link.url.reveal()


async def test_session_is_prefilled_without_running_the_interview() -> None:
    """Text and dates are set without a question, and the session is kept."""
    server = make_server()

    url = await create_link(
        server,
        {"text": "2026-03-14", "day": date(2026, 3, 14)},
        url_args={"lang": "de"},
        expires=timedelta(minutes=1, milliseconds=1),
        one_time=True,
    )

    assert url == "https://da.example.com/launch?c=exampleCode"
    assert server.calls == [NEW, "POST /api/session", "POST /api/session", LINK]
    _, text, day, link = server.payloads
    assert (text["variables"], text["raw"], text["question"]) == (
        {"text": "2026-03-14"}, True, False
    )  # fmt: skip
    assert (day["variables"], day["raw"], day["question"]) == (
        {"day": "2026-03-14"}, False, False
    )  # fmt: skip
    assert link == {"i": I, "session": "s1", "expire": 61, "one_time": True}
    assert server.payloads[0]["lang"] == "de"


async def test_session_without_answers_is_only_linked() -> None:
    """Without answers no variables are set."""
    server = make_server()

    await create_link(server, None)

    assert server.calls == [NEW, LINK]


@pytest.mark.parametrize(
    ("prefix", "path", "public_url", "expected"),
    [
        ("", "/launch", "https://forms.example.org", "https://forms.example.org/launch"),
        ("/da", "/da/launch", "https://forms.example.org", "https://forms.example.org/launch"),
        ("/da", "/da/launch", "https://x.org:8443/f/", "https://x.org:8443/f/launch"),
        ("/da", "/launch", "https://x.org/f", "https://x.org/f/launch"),
        ("/da", "/dash/launch", "https://x.org", "https://x.org/dash/launch"),
    ],
)
async def test_link_has_the_public_address(
    prefix: str, path: str, public_url: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only scheme, host, port and prefix of the internal address are replaced."""
    routes = make_server(**{LINK: (200, f"http://10.0.0.5:81{path}?c=x%2Fy")}).routes
    server = RouteServer(
        {call.replace("/api", f"{prefix}/api"): route for call, route in routes.items()}
    )
    monkeypatch.setattr(RouteServer, "url", f"{RouteServer.url}{prefix}")

    url = await create_link(server, None, public_url=public_url)

    assert url == f"{expected}?c=x%2Fy"


@pytest.mark.parametrize("failing", ["POST /api/session", LINK])
async def test_session_is_deleted_if_a_later_request_fails(failing: str) -> None:
    """A session without a link is not left on the server."""
    server = make_server(**{failing: (400, "Invalid number of seconds.")})

    with pytest.raises(BadRequest):
        await create_link(server, {"fruit": "fig"})

    assert server.calls[-1] == "DELETE /api/session"


async def test_encrypted_session_is_refused() -> None:
    """Nobody else could open it, so it is deleted before variables are set."""
    encrypted = {"i": I, "session": "s1", "encrypted": True, "secret": "exampleSecret123"}
    server = make_server(**{NEW: (200, encrypted)})

    with pytest.raises(
        SessionNotShareable, match=r"could not read the answers.*multi_user"
    ) as caught:
        await create_link(server, {"fruit": "fig"})

    assert isinstance(caught.value, DocassembleError)
    assert "exampleSecret123" not in str(caught.value)
    assert server.calls == [NEW, "DELETE /api/session"]


async def create_resume_link(
    server: RouteServer, *, public_url: str | None = None, **options: Any
) -> str:
    """Create a link to a running session, and return its URL as text."""

    async def scenario() -> Secret:
        async with (
            server.client(public_url=public_url) as da,
            da.interview(I).session(**options) as s,
        ):
            return await s.resume_url(expires=timedelta(days=1), one_time=True)

    return (await scenario()).reveal()


async def test_running_session_is_linked() -> None:
    """The link has the public address, and keep still decides whether the session is deleted."""
    server = make_server()

    url = await create_resume_link(server, public_url="https://forms.example.org", keep=True)

    assert url == "https://forms.example.org/launch?c=exampleCode"
    assert server.calls == [NEW, LINK]
    assert server.payloads[1] == {"i": I, "session": "s1", "expire": 86400, "one_time": True}


@pytest.mark.parametrize("secret", [None, "exampleSecret123"])
async def test_running_session_that_is_encrypted_needs_a_known_key(secret: str | None) -> None:
    """With a user's own secret the user can open it; with the server's secret nobody can."""
    encrypted = {"i": I, "session": "s1", "encrypted": True, "secret": "exampleSecret123"}
    server = make_server(**{NEW: (200, encrypted)})

    if secret:
        assert "exampleCode" in await create_resume_link(server, secret=secret)
        return
    with pytest.raises(SessionNotShareable, match="could not read the answers"):
        await create_resume_link(server)

    assert server.calls == [NEW, "DELETE /api/session"]


@pytest.mark.parametrize("expires", [0, timedelta(), -1, True, 1.5])
async def test_invalid_lifetime_is_refused(expires: Any) -> None:
    """No request is sent for a link that could not work."""
    server = make_server()

    with pytest.raises(UsageError, match="at least one second"):
        await create_link(server, None, expires=expires)

    assert server.calls == []


async def test_invalid_name_is_refused_before_the_session_is_started() -> None:
    """No request is sent, so no session is left on the server."""
    server = make_server()

    with pytest.raises(UsageError, match="is not a valid variable name"):
        await create_link(server, {"f()": 1})

    assert server.calls == []


async def test_files_are_uploaded_without_other_answers() -> None:
    """A file is uploaded even if there are no other answers."""
    server = make_server()

    await create_link(server, {"letter": b"Dear Ada"})

    assert server.calls == [NEW, "POST /api/session", LINK]
    assert b"Dear Ada" in server.payloads[1]["multipart"]


async def test_link_is_a_secret() -> None:
    """Anyone who has the link can open the session."""
    async with make_server().client() as da:
        assert (await da.interview(I).prefilled_url()).url == Secret(
            "https://da.example.com/launch?c=exampleCode"
        )

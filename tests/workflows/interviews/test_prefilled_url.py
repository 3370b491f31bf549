"""Prefilled sessions: what is set, where the link leads, and that failures leave nothing."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from docassemble_client import BadRequest, DocassembleError, HandoverRefused, Secret, UsageError
from tests.mock import run
from tests.workflows.routes import Routes

if TYPE_CHECKING:
    from docassemble_client import PrefilledURL

I = "docassemble.demo:data/questions/questions.yml"  # noqa: E741 - as everybody calls it
NEW = "GET /api/session/new"
LINK = "POST /api/resume_url"


def server(**changes: Any) -> Routes:
    """Make a server on which everything goes well, but for these."""
    routes: dict[str, Any] = {
        NEW: (200, {"i": I, "session": "s1", "encrypted": False}),
        "POST /api/session": (204, None),
        LINK: (200, "https://da.example.com/launch?c=exampleCode"),
        "DELETE /api/session": (204, None),
    }
    return Routes(routes | changes)


def hand_over(routes: Routes, answers: Any, *, public: str | None = None, **more: Any) -> str:
    """Make the link, and return it in clear."""

    async def job() -> PrefilledURL:
        async with routes.client(public_url=public) as da:
            assert da.public_url == (public and public.rstrip("/"))
            return await da.interview(I).prefilled_url(answers, **more)

    link = run(job())
    assert (link.i, link.session) == (I, "s1")
    assert "exampleCode" not in repr(link)
    return link.url.reveal()


def test_session_is_prefilled_without_running_the_interview() -> None:
    """Text is set as it is and dates as dates, both without a question; the session stays."""
    routes = server()

    url = hand_over(
        routes,
        {"typed": "2026-03-14", "meant": date(2026, 3, 14)},
        url_args={"lang": "de"},
        expires=timedelta(minutes=1, milliseconds=1),
        one_time=True,
    )

    assert url == "https://da.example.com/launch?c=exampleCode"
    assert routes.calls == [NEW, "POST /api/session", "POST /api/session", LINK]
    _, typed, meant, link = routes.sent
    assert (typed["variables"], typed["raw"], typed["question"]) == (
        {"typed": "2026-03-14"}, True, False
    )  # fmt: skip
    assert (meant["variables"], meant["raw"], meant["question"]) == (
        {"meant": "2026-03-14"}, False, False
    )  # fmt: skip
    assert link == {"i": I, "session": "s1", "expire": 61, "one_time": True}
    assert routes.sent[0]["lang"] == "de"


def test_session_without_answers_is_only_linked() -> None:
    """Nothing is set where there is nothing to set."""
    routes = server()

    hand_over(routes, None)

    assert routes.calls == [NEW, LINK]


@pytest.mark.parametrize(
    ("base", "link", "public", "expected"),
    [
        ("", "/launch", "https://forms.example.org", "https://forms.example.org/launch"),
        ("/da", "/da/launch", "https://forms.example.org", "https://forms.example.org/launch"),
        ("/da", "/da/launch", "https://x.org:8443/f/", "https://x.org:8443/f/launch"),
        ("/da", "/launch", "https://x.org/f", "https://x.org/f/launch"),
        ("/da", "/dash/launch", "https://x.org", "https://x.org/dash/launch"),
    ],
)
def test_link_leads_to_the_public_address(
    base: str, link: str, public: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scheme, host, port and prefix of the internal address are replaced, and nothing else."""
    prefixed = {
        call.replace("/api", f"{base}/api"): route for call, route in server().routes.items()
    }
    routes = Routes(prefixed)
    routes.routes[LINK.replace("/api", f"{base}/api")] = (200, f"http://10.0.0.5:81{link}?c=x%2Fy")
    monkeypatch.setattr(Routes, "url", f"{Routes.url}{base}")

    url = hand_over(routes, None, public=public)

    assert url == f"{expected}?c=x%2Fy"


@pytest.mark.parametrize("failing", ["POST /api/session", LINK])
def test_session_is_deleted_where_a_later_step_fails(failing: str) -> None:
    """A session that nobody gets is not left behind."""
    routes = server(**{failing: (400, "Invalid number of seconds.")})

    with pytest.raises(BadRequest):
        hand_over(routes, {"fruit": "fig"})

    assert routes.calls[-1] == "DELETE /api/session"


def test_encrypted_session_is_refused_with_reasons() -> None:
    """Nobody else could open it: it is deleted before anything is set."""
    encrypted = {"i": I, "session": "s1", "encrypted": True, "secret": "exampleSecret123"}
    routes = server(**{NEW: (200, encrypted)})

    with pytest.raises(HandoverRefused, match=r"could not read the answers.*multi_user") as caught:
        hand_over(routes, {"fruit": "fig"})

    assert isinstance(caught.value, DocassembleError)
    assert "exampleSecret123" not in str(caught.value)
    assert routes.calls == [NEW, "DELETE /api/session"]


def resumed(routes: Routes, *, public: str | None = None, **options: Any) -> str:
    """Make a link to a running session, and return it in clear."""

    async def job() -> Secret:
        async with (
            routes.client(public_url=public) as da,
            da.interview(I).session(**options) as s,
        ):
            return await s.resume_url(expires=timedelta(days=1), one_time=True)

    return run(job()).reveal()


def test_running_session_is_linked_to() -> None:
    """The link leads to the public address, and the session stays as long as it was to stay."""
    routes = server()

    url = resumed(routes, public="https://forms.example.org", keep=True)

    assert url == "https://forms.example.org/launch?c=exampleCode"
    assert routes.calls == [NEW, LINK]
    assert routes.sent[1] == {"i": I, "session": "s1", "expire": 86400, "one_time": True}


@pytest.mark.parametrize("secret", [None, "exampleSecret123"])
def test_running_session_that_is_encrypted_needs_a_known_key(secret: str | None) -> None:
    """With the secret of a person, the person can open it; with one of the server, nobody."""
    encrypted = {"i": I, "session": "s1", "encrypted": True, "secret": "exampleSecret123"}
    routes = server(**{NEW: (200, encrypted)})

    if secret:
        assert "exampleCode" in resumed(routes, secret=secret)
        return
    with pytest.raises(HandoverRefused, match="could not read the answers"):
        resumed(routes)

    assert routes.calls == [NEW, "DELETE /api/session"]


@pytest.mark.parametrize("expires", [0, timedelta(), -1, True, 1.5])
def test_link_without_a_life_is_refused(expires: Any) -> None:
    """Nothing is sent for a link that could not work."""
    routes = server()

    with pytest.raises(UsageError, match="at least one second"):
        hand_over(routes, None, expires=expires)

    assert routes.calls == []


def test_name_that_is_none_is_refused_before_a_session_begins() -> None:
    """Nothing is left behind, as nothing was sent."""
    routes = server()

    with pytest.raises(UsageError, match="is not the name of a variable"):
        hand_over(routes, {"f()": 1})

    assert routes.calls == []


def test_prefilled_files_go_with_what_is_converted() -> None:
    """A file is uploaded in a call of its own kind, also without other answers."""
    routes = server()

    hand_over(routes, {"letter": b"Dear Ada"})

    assert routes.calls == [NEW, "POST /api/session", LINK]
    assert b"Dear Ada" in routes.sent[1]["multipart"]


def test_link_is_a_secret() -> None:
    """Whoever has it gets into the session."""

    async def job() -> PrefilledURL:
        async with server().client() as da:
            return await da.interview(I).prefilled_url()

    assert run(job()).url == Secret("https://da.example.com/launch?c=exampleCode")

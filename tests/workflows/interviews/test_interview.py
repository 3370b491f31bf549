"""Sessions of an interview: their requests, and their deletion."""

from __future__ import annotations

import asyncio
import json
from datetime import date
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import pytest

from docassemble_client import AsyncDocassemble, BadRequest, Question, Secret, UsageError
from tests.mock import MockServer, get_other_tasks, settle
from tests.workflows.screens import I, make_screen

if TYPE_CHECKING:
    import httpx

    from tests.mock import MockResponse

SECRET = "exampleSecret123"
SESSION = {"i": I, "session": "s1", "secret": SECRET, "encrypted": True}


def make_question(name: str, *, mandatory: bool = False) -> dict[str, Any]:
    """Make the JSON of a screen."""
    options: dict[str, Any] = {"mandatory": True} if mandatory else {}
    return make_screen(questionName=name, questionText="?", event_list=[f"var_{name}"], **options)


class SessionServer(MockServer):
    """
    A server with one session.

    Attributes:
        replies: Next replies to setting variables.
        failing: Methods and paths that it refuses.
    """

    def __init__(self) -> None:
        super().__init__(self._reply)
        self.replies: list[tuple[int, Any]] = []
        self.failing: set[tuple[str, str]] = set()

    def _reply(self, request: httpx.Request) -> MockResponse:
        call = (request.method, request.url.path.removeprefix("/api/session"))
        if call in self.failing:
            return 400, "Unable to obtain interview dictionary."
        if call == ("GET", "/new"):
            return 200, SESSION
        if call == ("POST", ""):
            return self.replies.pop(0) if self.replies else (204, None)
        answers: dict[tuple[str, str], tuple[int, Any]] = {
            ("GET", "/question"): (200, make_question("first", mandatory=True)),
            ("POST", "/back"): (200, make_question("before")),
            ("POST", "/action"): (200, {"total": 3}),
            ("GET", ""): (200, {"fruit": "fig"}),
        }
        return answers.get(call, (204, None))

    def get_bodies(self) -> list[dict[str, Any]]:
        """Return every JSON body that was sent."""
        return [json.loads(item.content) for item in self.requests if item.method == "POST"]

    def get_calls(self) -> list[str]:
        """Return the method and the end of the path of every request."""
        return [f"{item.method} {item.url.path.rpartition('/')[2]}" for item in self.requests]


def make_client(server: SessionServer) -> AsyncDocassemble:
    """Make a client of this server."""
    return AsyncDocassemble(server.url, "key", transport=server.transport)


async def test_session_is_started_and_deleted() -> None:
    """`async with` starts the session with its options, and deletes it at the end."""
    server = SessionServer()

    async with make_client(server) as da:
        interview = da.interview(I)
        async with interview.session(url_args={"lang": "de"}) as s:
            assert (s.i, s.id, s.encrypted) == (I, "s1", True)
            assert s.secret == Secret(SECRET)
            assert SECRET not in repr(s)
            assert repr(interview) == f"Interview({I!r})"

    assert server.get_calls() == ["GET new", "DELETE session"]
    assert parse_qs(server.requests[0].url.query.decode())["lang"] == ["de"]


async def test_keep_prevents_the_deletion() -> None:
    """With keep a session is deleted only by `delete`, and only once."""
    server = SessionServer()

    async with make_client(server) as da:
        async with da.interview(I).session(keep=True) as s:
            assert s.keep
        async with da.interview(I).session(keep=True) as s:
            await s.delete()
            await s.delete()

    assert server.get_calls() == ["GET new", "GET new", "DELETE session"]


async def test_answer_is_sent_with_its_question() -> None:
    """An answer includes the secret, the event list and the name of a mandatory question."""
    server = SessionServer()
    server.replies = [(200, make_question("second")), (200, make_question("third"))]

    server.replies.insert(0, (204, None))
    async with make_client(server) as da, da.interview(I).session() as s:
        await s.answer({"early": 1})
        await s.question()
        second = await s.answer({"fruit": "fig"})
        await s.answer({"pet": "2026-03-14"})

    assert isinstance(second, Question)
    early, fruit, pet = server.get_bodies()
    assert all(body["secret"] == SECRET for body in (early, fruit, pet))
    assert "event_list" not in early
    assert "question_name" not in early
    assert (fruit["event_list"], fruit["question_name"]) == (["var_first"], "first")
    assert pet["event_list"] == ["var_second"]
    assert "question_name" not in pet


async def test_secret_of_the_caller_is_sent() -> None:
    """A session started with the caller's secret uses it for every call."""
    server = SessionServer()

    async with make_client(server) as da, da.interview(I).session(secret="k" * 16) as s:
        await s.answer({"x": 1})

    assert server.get_bodies()[0]["secret"] == "k" * 16


async def test_conversion_depends_on_the_values() -> None:
    """Only dates are converted; date-like text is sent before them, in the same step."""
    server = SessionServer()

    async with make_client(server) as da, da.interview(I).session() as s:
        await s.answer({"text": "2026-03-14"})
        await s.answer({"day": date(2026, 3, 14)})
        await s.answer({"text": "2026-03-14", "day": date(2026, 3, 14)})

    text, day, first, second = server.get_bodies()
    assert (text["variables"], text["raw"]) == ({"text": "2026-03-14"}, True)
    assert (day["variables"], day["raw"]) == ({"day": "2026-03-14"}, False)
    assert (first["variables"], first["raw"], first["question"]) == (
        {"text": "2026-03-14"},
        True,
        False,
    )
    assert (second["variables"], second["raw"], second["overwrite"]) == (
        {"day": "2026-03-14"},
        False,
        True,
    )


async def test_files_are_sent_with_the_answers() -> None:
    """Files in `answers` and in `files` are sent as parts, each for its variable."""
    server = SessionServer()

    async with make_client(server) as da, da.interview(I).session() as s:
        await s.answer({"user.photo": b"one", "name": "Ada"}, files={"letter": b"two"})

    content = server.requests[1].content
    assert b'name="file_0"' in content
    assert b'{"file_0": "user.photo"}' in content.replace(b'":"', b'": "')
    assert b'name="letter"' in content


@pytest.mark.parametrize("options", [{"files": {"f()": b"x"}}, {"delete": ["x; y"]}])
async def test_names_of_files_and_deleted_variables_are_checked(options: Any) -> None:
    """No request is sent if one of them is not a valid variable name."""
    server = SessionServer()

    async with make_client(server) as da, da.interview(I).session() as s:
        with pytest.raises(UsageError, match="is not a valid variable name"):
            await s.answer({"fruit": "fig"}, **options)

    assert server.get_calls() == ["GET new", "DELETE session"]


async def test_failed_deletion_can_be_repeated() -> None:
    """The session keeps its ID until the server has deleted it."""
    server = SessionServer()
    server.failing = {("DELETE", "")}

    async with make_client(server) as da, da.interview(I).session() as s:
        with pytest.raises(BadRequest):
            await s.delete()
        server.failing = set()
        await s.delete()
        await s.delete()

    assert server.get_calls() == ["GET new", "DELETE session", "DELETE session"]


async def test_other_calls_send_the_secret() -> None:
    """Going back, actions and variables send the secret and their own arguments."""
    server = SessionServer()

    async with make_client(server) as da, da.interview(I).session() as s:
        assert isinstance(await s.go_back(), Question)
        await s.action("total", {"of": 2}, read_only=True)
        await s.action("ask", persistent=True)
        assert await s.variables() == {"fruit": "fig"}

    back, action, persistent = server.get_bodies()
    assert back["secret"] == action["secret"] == SECRET
    assert (action["action"], action["arguments"], action["read_only"]) == (
        "total",
        {"of": 2},
        True,
    )
    assert (persistent["persistent"], persistent["read_only"]) == (True, False)
    assert "secret" in server.requests[4].url.params


async def test_calls_of_a_session_run_one_after_the_other() -> None:
    """Concurrent calls are sent to the server one at a time."""
    server = SessionServer()
    max_active = 0

    async with make_client(server) as da, da.interview(I).session() as s:
        server.gate = asyncio.Event()
        calls = [asyncio.ensure_future(s.answer({"x": n})) for n in range(12)]
        for _ in calls:
            await settle()
            max_active = max(max_active, server.active_requests)
            server.gate.set()
        await asyncio.gather(*calls)

    assert max_active == 1
    assert [body["variables"]["x"] for body in server.get_bodies()] == [*range(12)]


@pytest.mark.parametrize("keep", [True, False])
async def test_session_is_resumed(keep: bool) -> None:
    """An existing session is not started, uses its secret, and is deleted only without keep."""
    server = SessionServer()

    async with (
        make_client(server) as da,
        da.interview(I).resume("s1", secret=SECRET, keep=keep) as s,
    ):
        assert (s.i, s.id, s.encrypted) == (I, "s1", True)
        await s.question()
        await s.answer({"x": 1})
    async with make_client(server) as da, da.interview(I).resume("s1") as s:
        assert (s.encrypted, s.secret) == (False, None)

    (body,) = server.get_bodies()
    assert (body["session"], body["secret"], body["question_name"]) == ("s1", SECRET, "first")
    assert server.get_calls() == [
        "GET question",
        "POST session",
        *([] if keep else ["DELETE session"]),
    ]


async def test_session_works_only_inside_its_block() -> None:
    """Before and after, calls raise UsageError; a session cannot be started twice."""
    server = SessionServer()

    async with make_client(server) as da:
        s = da.interview(I).session()
        with pytest.raises(UsageError, match="not been started"):
            await s.question()
        assert repr(s) == f"<InterviewSession {I} not started>"
        async with s:
            with pytest.raises(UsageError, match="already been started"):
                await s.__aenter__()
        with pytest.raises(UsageError, match="not been started, or has been deleted"):
            await s.answer({})

    assert server.get_calls() == ["GET new", "DELETE session"]


@pytest.mark.parametrize("moment", ["start", "body", "end"])
async def test_cancelled_session_is_deleted(moment: str) -> None:
    """The caller leaves at once; when the client is closed, session and task are gone."""
    server = SessionServer()

    async def use_session(da: AsyncDocassemble) -> None:
        async with da.interview(I).session() as s:
            server.gate = asyncio.Event()
            if moment == "body":
                await s.question()

    async with make_client(server) as da:
        if moment == "start":
            server.gate = asyncio.Event()
        task = asyncio.ensure_future(use_session(da))
        await settle()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert server.gate is not None
        server.gate.set()
    assert not get_other_tasks()
    assert server.get_calls()[-1] == "DELETE session"


@pytest.mark.parametrize("failing", [("GET", "/new"), ("DELETE", "")])
async def test_failed_start_or_deletion_is_raised(failing: tuple[str, str]) -> None:
    """A session that cannot be started or deleted is an error."""
    server = SessionServer()
    server.failing = {failing}

    async with make_client(server) as da:
        with pytest.raises(BadRequest):
            async with da.interview(I).session():
                pass


async def test_failed_deletion_does_not_hide_an_error() -> None:
    """The error of the block is raised, with a note about the session that was not deleted."""
    server = SessionServer()
    server.failing = {("DELETE", "")}

    async with make_client(server) as da:
        with pytest.raises(LookupError) as error:
            async with da.interview(I).session():
                raise LookupError

    assert error.value.__notes__[0].startswith("The session was not deleted: sessions.delete")

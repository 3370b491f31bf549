"""Sessions of an interview: what they send, and that they leave nothing behind."""

from __future__ import annotations

import asyncio
import json
from datetime import date
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import pytest

from docassemble_client import AsyncDocassemble, BadRequest, Question, Secret, UsageError
from tests.mock import Mock, others, run, settle
from tests.workflows.screens import I, screen

if TYPE_CHECKING:
    import httpx

    from tests.mock import Answer

SECRET = "exampleSecret123"
SESSION = {"i": I, "session": "s1", "secret": SECRET, "encrypted": True}


def question(name: str, *, mandatory: bool = False) -> dict[str, Any]:
    """Make the JSON of a screen."""
    more: dict[str, Any] = {"mandatory": True} if mandatory else {}
    return screen(questionName=name, questionText="?", event_list=[f"var_{name}"], **more)


class Server(Mock):
    """
    A server with one session.

    Attributes:
        replies: What it answers next to setting variables.
        failing: Paths it refuses, by method.
    """

    def __init__(self) -> None:
        super().__init__(self._reply)
        self.replies: list[tuple[int, Any]] = []
        self.failing: set[tuple[str, str]] = set()

    def _reply(self, request: httpx.Request) -> Answer:
        call = (request.method, request.url.path.removeprefix("/api/session"))
        if call in self.failing:
            return 400, "Unable to obtain interview dictionary."
        if call == ("GET", "/new"):
            return 200, SESSION
        if call == ("POST", ""):
            return self.replies.pop(0) if self.replies else (204, None)
        answers: dict[tuple[str, str], tuple[int, Any]] = {
            ("GET", "/question"): (200, question("first", mandatory=True)),
            ("POST", "/back"): (200, question("before")),
            ("POST", "/action"): (200, {"total": 3}),
            ("GET", ""): (200, {"fruit": "fig"}),
        }
        return answers.get(call, (204, None))

    def bodies(self) -> list[dict[str, Any]]:
        """Every JSON body that was sent."""
        return [json.loads(one.content) for one in self.requests if one.method == "POST"]

    def calls(self) -> list[str]:
        """Method and end of the path of every request."""
        return [f"{one.method} {one.url.path.rpartition('/')[2]}" for one in self.requests]


def client(server: Server) -> AsyncDocassemble:
    """Make a client of this server."""
    return AsyncDocassemble(server.url, "key", transport=server.http)


def test_session_begins_and_is_deleted() -> None:
    """A session is started when it is entered, with what was given, and deleted at its end."""
    server = Server()

    async def job() -> None:
        async with client(server) as da:
            interview = da.interview(I)
            async with interview.session(url_args={"lang": "de"}) as s:
                assert (s.i, s.id, s.encrypted) == (I, "s1", True)
                assert s.secret == Secret(SECRET)
                assert SECRET not in repr(s)
                assert repr(interview) == f"Interview({I!r})"

    run(job())
    assert server.calls() == ["GET new", "DELETE session"]
    assert parse_qs(server.requests[0].url.query.decode())["lang"] == ["de"]


def test_session_that_is_kept_stays() -> None:
    """With keep nothing is deleted, unless the program does so itself, once."""
    server = Server()

    async def job() -> None:
        async with client(server) as da:
            async with da.interview(I).session(keep=True) as s:
                assert s.keep
            async with da.interview(I).session(keep=True) as s:
                await s.delete()
                await s.delete()

    run(job())
    assert server.calls() == ["GET new", "GET new", "DELETE session"]


def test_answer_carries_what_the_question_needs() -> None:
    """Secret, event list and, of a mandatory question, its name go along with the answer."""
    server = Server()
    server.replies = [(200, question("second")), (200, question("third"))]

    async def job() -> None:
        async with client(server) as da, da.interview(I).session() as s:
            await s.answer({"early": 1})
            await s.question()
            second = await s.answer({"fruit": "fig"})
            await s.answer({"pet": "2026-03-14"})

        assert isinstance(second, Question)

    server.replies.insert(0, (204, None))
    run(job())
    early, fruit, pet = server.bodies()
    assert all(one["secret"] == SECRET for one in (early, fruit, pet))
    assert "event_list" not in early
    assert "question_name" not in early
    assert (fruit["event_list"], fruit["question_name"]) == (["var_first"], "first")
    assert pet["event_list"] == ["var_second"]
    assert "question_name" not in pet


def test_key_that_was_given_opens_the_session() -> None:
    """A session started with a key of the caller's goes on with it."""
    server = Server()

    async def job() -> None:
        async with client(server) as da, da.interview(I).session(secret="k" * 16) as s:
            await s.answer({"x": 1})

    run(job())
    assert server.bodies()[0]["secret"] == "k" * 16


def test_conversion_is_chosen_by_the_values() -> None:
    """Only what is meant as a date is converted; typed text goes first, in the same step."""
    server = Server()

    async def job() -> None:
        async with client(server) as da, da.interview(I).session() as s:
            await s.answer({"typed": "2026-03-14"})
            await s.answer({"meant": date(2026, 3, 14)})
            await s.answer({"typed": "2026-03-14", "meant": date(2026, 3, 14)})

    run(job())
    typed, meant, first, then = server.bodies()
    assert (typed["variables"], typed["raw"]) == ({"typed": "2026-03-14"}, True)
    assert (meant["variables"], meant["raw"]) == ({"meant": "2026-03-14"}, False)
    assert (first["variables"], first["raw"], first["question"]) == (
        {"typed": "2026-03-14"},
        True,
        False,
    )
    assert (then["variables"], then["raw"], then["overwrite"]) == (
        {"meant": "2026-03-14"},
        False,
        True,
    )


def test_files_go_with_the_answers() -> None:
    """Files among the answers and beside them are sent as parts, each under its variable."""
    server = Server()

    async def job() -> None:
        async with client(server) as da, da.interview(I).session() as s:
            await s.answer({"user.photo": b"one", "name": "Ada"}, files={"letter": b"two"})

    run(job())
    content = server.requests[1].content
    assert b'name="file_0"' in content
    assert b'{"file_0": "user.photo"}' in content.replace(b'":"', b'": "')
    assert b'name="letter"' in content


@pytest.mark.parametrize("wrong", [{"files": {"f()": b"x"}}, {"delete": ["x; y"]}])
def test_names_of_files_and_of_what_is_deleted_are_checked(wrong: Any) -> None:
    """Nothing is sent where one of them is more than a name."""
    server = Server()

    async def job() -> None:
        async with client(server) as da, da.interview(I).session() as s:
            with pytest.raises(UsageError, match="is not the name of a variable"):
                await s.answer({"fruit": "fig"}, **wrong)

    run(job())
    assert server.calls() == ["GET new", "DELETE session"]


def test_session_that_could_not_be_deleted_can_be_deleted_again() -> None:
    """It is not forgotten while it is still on the server."""
    server = Server()
    server.failing = {("DELETE", "")}

    async def job() -> None:
        async with client(server) as da, da.interview(I).session() as s:
            with pytest.raises(BadRequest):
                await s.delete()
            server.failing = set()
            await s.delete()
            await s.delete()

    run(job())
    assert server.calls() == ["GET new", "DELETE session", "DELETE session"]


def test_other_calls_go_with_the_secret() -> None:
    """Going back, actions and reading need no more than their own arguments."""
    server = Server()

    async def job() -> None:
        async with client(server) as da, da.interview(I).session() as s:
            assert isinstance(await s.go_back(), Question)
            await s.action("total", {"of": 2}, read_only=True)
            await s.action("ask", persistent=True)
            assert await s.variables() == {"fruit": "fig"}

    run(job())
    back, action, asking = server.bodies()
    assert back["secret"] == action["secret"] == SECRET
    assert (action["action"], action["arguments"], action["read_only"]) == (
        "total",
        {"of": 2},
        True,
    )
    assert (asking["persistent"], asking["read_only"]) == (True, False)
    assert "secret" in server.requests[4].url.params


def test_calls_of_a_session_run_one_after_the_other() -> None:
    """Of many calls at once the server sees one at a time."""
    server = Server()
    most = 0

    async def job() -> None:
        nonlocal most
        async with client(server) as da, da.interview(I).session() as s:
            server.gate = asyncio.Event()
            calls = [asyncio.ensure_future(s.answer({"x": n})) for n in range(12)]
            for _ in calls:
                await settle()
                most = max(most, server.busy)
                server.gate.set()
            await asyncio.gather(*calls)

    run(job())
    assert most == 1
    assert [one["variables"]["x"] for one in server.bodies()] == [*range(12)]


@pytest.mark.parametrize("keep", [True, False])
def test_session_is_gone_on_with(keep: bool) -> None:
    """One that runs already is not started, is opened by its secret, and stays unless told."""
    server = Server()

    async def job() -> None:
        async with (
            client(server) as da,
            da.interview(I).resume("s1", secret=SECRET, keep=keep) as s,
        ):
            assert (s.i, s.id, s.encrypted) == (I, "s1", True)
            await s.question()
            await s.answer({"x": 1})
        async with client(server) as da, da.interview(I).resume("s1") as s:
            assert (s.encrypted, s.secret) == (False, None)

    run(job())
    (sent,) = server.bodies()
    assert (sent["session"], sent["secret"], sent["question_name"]) == ("s1", SECRET, "first")
    assert server.calls() == ["GET question", "POST session", *([] if keep else ["DELETE session"])]


def test_session_is_used_inside_its_block_only() -> None:
    """Before and after, the session says how it is to be used; it cannot be started twice."""
    server = Server()

    async def job() -> None:
        async with client(server) as da:
            s = da.interview(I).session()
            with pytest.raises(UsageError, match="not been started"):
                await s.question()
            assert repr(s) == f"<InterviewSession {I} not started>"
            async with s:
                with pytest.raises(UsageError, match="started already"):
                    await s.__aenter__()
            with pytest.raises(UsageError, match="not been started, or is over"):
                await s.answer({})

    run(job())
    assert server.calls() == ["GET new", "DELETE session"]


@pytest.mark.parametrize("moment", ["start", "body", "end"])
def test_cancelled_session_is_deleted(moment: str) -> None:
    """Wherever the program is cancelled, the session it began is gone, and so is every task."""
    server = Server()

    async def use(da: AsyncDocassemble) -> None:
        async with da.interview(I).session() as s:
            server.gate = asyncio.Event()
            if moment == "body":
                await s.question()

    async def job() -> None:
        async with client(server) as da:
            if moment == "start":
                server.gate = asyncio.Event()
            task = asyncio.ensure_future(use(da))
            await settle()
            task.cancel()
            await settle()
            assert server.gate is not None
            server.gate.set()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert not others()

    run(job())
    assert server.calls()[-1] == "DELETE session"


@pytest.mark.parametrize("failing", [("GET", "/new"), ("DELETE", "")])
def test_failure_of_start_or_end_is_told(failing: tuple[str, str]) -> None:
    """A session that cannot be started or deleted is an error."""
    server = Server()
    server.failing = {failing}

    async def job() -> None:
        async with client(server) as da:
            with pytest.raises(BadRequest):
                async with da.interview(I).session():
                    pass

    run(job())


def test_failure_to_delete_hides_no_error() -> None:
    """What went wrong in the block comes out, with a note about the session that stays."""
    server = Server()
    server.failing = {("DELETE", "")}

    async def job() -> None:
        async with client(server) as da:
            with pytest.raises(LookupError) as error:
                async with da.interview(I).session():
                    raise LookupError

        assert error.value.__notes__[0].startswith("The session was not deleted: sessions.delete")

    run(job())


@pytest.mark.parametrize(
    ("failing", "note"),
    [
        (("GET", "/new"), "What was under way failed: sessions.start"),
        (("DELETE", ""), "The session was not deleted: sessions.delete"),
    ],
)
def test_cancellation_is_never_swallowed(failing: tuple[str, str], note: str) -> None:
    """Whatever fails while a cancelled program cleans up, it stays cancelled and is told."""
    server = Server()
    server.failing = {failing}

    async def use(da: AsyncDocassemble) -> None:
        async with da.interview(I).session():
            raise AssertionError

    async def job() -> None:
        async with client(server) as da:
            server.gate = asyncio.Event()
            task = asyncio.ensure_future(use(da))
            await settle()
            task.cancel()
            await settle()
            server.gate.set()
            with pytest.raises(asyncio.CancelledError) as error:
                await task

        assert error.value.__notes__[0].startswith(note)

    run(job())

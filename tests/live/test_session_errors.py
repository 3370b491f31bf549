"""Errors of the calls that start, read and change a session, on the real server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from docassemble_client import APIError, AsyncDocassemble, NotFound, ServerError, Session, Upload
from tests.live.accounts import limited_client, temporary_account
from tests.live.interviews import (
    TEXT_FIELD,
    temporary_interview,
    temporary_interview_session,
    temporary_session,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from tests.live.conftest import Connect

WRONG_KEY = "wrongKeyWRONGKEYwrongKeyWRONGKEY"
WRONG_SECRET = "wrongSecretWrong"
NO_SUCH = "docassemble.demo:data/questions/no-such.yml"

# The variable kind selects the error.
FAULTS = """
mandatory: True
code: |
  if kind == "failing":
    1 / 0
  elif kind == "fine":
    the_end
---
question: Which kind?
fields:
  - Kind: kind
---
event: the_end
question: The end
---
question: What color?
fields:
  - Color: color
---
event: fail
code: |
  1 / 0
"""
VANISHED_FILE = """
modules:
  - docassemble.base.util
---
imports:
  - os
---
mandatory: True
question: Ready
---
event: gone
code: |
  vanished = DAFile()
  vanished.initialize(filename="vanished.txt")
  vanished.write("here and gone")
  os.remove(vanished.path())
  response(file=vanished)
"""
FOR_DEVELOPERS = """
metadata:
  required privileges: [developer, admin]
---
mandatory: True
question: For developers
"""
NOT_YAML = "question: [\n"
FAILS_AT_ONCE = "mandatory: True\ncode: 1 / 0\n"

NOT_PERMITTED = "Insufficient permissions to run this interview."
RUN = "get_question_data: failure to assemble interview: "
SET = "Problem getting current question:"
ACT = "api_session_action: failure to assemble interview: "
UNKNOWN_SESSION = {"session": "nosuchsession"}
INVALID_SECRET = {"secret": WRONG_SECRET}

# Failing calls by state of the session: calls that lead to the state, and calls that fail in it.
FailingCall = tuple[str, dict[str, Any], int, str]
FAILURES: dict[str, tuple[list[tuple[str, dict[str, Any]]], list[FailingCall]]] = {
    "new": (
        [],
        [
            ("get_variables", INVALID_SECRET, 400, "Unable to decrypt interview dictionary"),
            ("get_variables", UNKNOWN_SESSION, 400, "Unable to obtain interview dictionary."),
            ("get_variables", {"i": NO_SUCH}, 400, "Unable to obtain interview dictionary."),
            ("get_question", INVALID_SECRET, 400, "Unable to obtain interview dictionary"),
            ("get_question", UNKNOWN_SESSION, 400, f"{RUN}TypeError: 'NoneType' object is not"),
            ("get_question", {"i": NO_SUCH}, 400, f"Interview {NO_SUCH} not found"),
            (
                *("get_question", {"i": "docassemble.playground1:no-such.yml"}, 400),
                "Reference to invalid playground path.",
            ),
            ("set_variables", INVALID_SECRET, 400, "Unable to decrypt interview dictionary."),
            ("set_variables", UNKNOWN_SESSION, 400, "Unable to obtain interview dictionary."),
            (
                *("set_variables", {"variables": {"kind": "endless"}}, 400),
                f"{SET}{RUN}DAErrorNoEndpoint: ",
            ),
            (
                *("set_variables", {"variables": {"kind": "failing"}}, 400),
                f"{SET}{RUN}ZeroDivisionError: division by zero",
            ),
            (
                # This client sends no other names that the server refuses.
                *("set_variables", {"variables": {"kind[-1]": "red"}}, 400),
                "Problem setting variables:Illegal value as variable name.",
            ),
            (
                *("set_variables", {"variables": {"nobody.name": "Ada"}}, 400),
                "Problem setting variables:name 'nobody' is not defined",
            ),
            (
                *("set_variables", {"delete_variables": ["kind"]}, 400),
                "Problem deleting variables: name 'kind' is not defined",
            ),
            (
                *("set_variables", {"question_name": "Question_99"}, 400),
                "Problem marking question as completed",
            ),
            (
                "set_variables",
                {"files": {"f": Upload(b"x", "x.txt")}, "file_variables": {"f": "kind[-1]"}},
                400,
                "Malformed file variable.",
            ),
            (
                "set_variables",
                {"files": {"nobody.form": Upload(b"x", "x.txt")}},
                400,
                "name 'nobody' is not defined",
            ),
            ("go_back", INVALID_SECRET, 400, "Unable to decrypt interview dictionary."),
            ("go_back", UNKNOWN_SESSION, 400, "Unable to obtain interview dictionary."),
            ("go_back", {}, 400, "Cannot go back."),
        ],
    ),
    "vanished file": (
        [],
        [("run_action", {"action": "gone"}, 404, "Could not send file because ")],
    ),
    "failing": (
        [("set_variables", {"variables": {"kind": "failing"}, "question": False})],
        [
            ("get_question", {}, 400, f"{RUN}ZeroDivisionError: division by zero"),
            ("set_variables", {"variables": {"x[i]": 1}}, 400, "Error processing session: "),
        ],
    ),
    "endless": (
        [("set_variables", {"variables": {"kind": "endless"}, "question": False})],
        [("get_question", {}, 400, f"{RUN}DAErrorNoEndpoint: ")],
    ),
    "past a failure": (
        [
            ("set_variables", {"variables": {"kind": kind}, "question": False})
            for kind in ("failing", "fine")
        ],
        [("go_back", {}, 400, "Problem getting current question")],
    ),
    "failing action": (
        [],
        [
            ("run_action", INVALID_SECRET, 400, "Unable to obtain interview dictionary."),
            ("run_action", UNKNOWN_SESSION, 400, f"{ACT}TypeError: 'NoneType' object is not"),
            ("run_action", {}, 400, f"{ACT}ZeroDivisionError: division by zero"),
        ],
    ),
    "asking out of turn": (
        [("run_action", {"action": "color", "persistent": True})],
        [("set_variables", {"event_list": ["kind = color"]}, 400, "Illegal value as event name.")],
    ),
}

# Every operation of both tags, with valid arguments.
SESSION = {"i": TEXT_FIELD, "session": "nosuchsession"}
CALLS: dict[str, dict[str, Any]] = {
    "interviews.clear_cache": {},
    "interviews.get_data": {"i": TEXT_FIELD},
    "interviews.list": {},
    "sessions.start": {"i": TEXT_FIELD},
    "sessions.run_action": {**SESSION, "action": "fail"},
    **{
        f"sessions.{name}": SESSION
        for name in ("get_variables", "set_variables", "get_question", "go_back", "delete")
    },
    **{
        f"sessions.{name}": {"session": "nosuchsession"}
        for name in ("list", "list_current", "list_across_users", "delete_many")
    },
    **{
        f"sessions.{name}": {"session": "nosuchsession"}
        for name in ("delete_many_current", "delete_many_across_users")
    },
    "sessions.list_for_user": {"user_id": 1},
    "sessions.delete_many_for_user": {"user_id": 1, "session": "nosuchsession"},
}


async def call(da: AsyncDocassemble, s: Session, name: str, arguments: dict[str, Any]) -> object:
    """Call an operation on a session; arguments replace the session's values."""
    defaults: dict[str, Any] = {"i": s.i, "session": s.session, "secret": s.secret}
    if name == "run_action":
        defaults["action"] = "fail"
    result: object = await getattr(da.sessions, name)(**defaults | arguments)
    return result


async def get_failure(call: Awaitable[object]) -> tuple[int, str]:
    """Await a call that fails with a known error; return its status and body."""
    with pytest.raises(APIError) as error:
        await call

    assert error.value.hint
    assert isinstance(error.value.body, str)
    return error.value.status, error.value.body


@pytest.mark.parametrize(
    "state",
    # Servers before 1.9 return the page of an exception.
    [
        pytest.param(state, marks=pytest.mark.since("1.9" if state == "failing action" else "1"))
        for state in FAILURES
    ],
)
async def test_failing_call_is_a_known_error(da: AsyncDocassemble, state: str) -> None:
    """Each known error of the calls on a session has the status and text of the specification."""
    steps, failing_calls = FAILURES[state]
    text = VANISHED_FILE if state == "vanished file" else FAULTS

    async with temporary_interview_session(da, text) as s:
        for name, arguments in steps:
            await call(da, s, name, arguments)

        errors = [
            await get_failure(call(da, s, name, arguments)) for name, arguments, *_ in failing_calls
        ]

    for (name, arguments, status, message), (actual_status, body) in zip(
        failing_calls, errors, strict=True
    ):
        assert (name, actual_status) == (name, status), arguments
        assert body.startswith(message), (name, arguments)


async def test_failing_call_saves_nothing(da: AsyncDocassemble) -> None:
    """Variables of a failing call are not saved."""
    async with temporary_interview_session(da, FAULTS) as s:
        for arguments in (
            {"variables": {"color": "red", "kind": "failing"}},
            {"variables": {"color": "red", "nobody.name": "Ada"}},
            {"variables": {"color": "red"}, "delete_variables": ["kind"]},
        ):
            await get_failure(call(da, s, "set_variables", arguments))
        variables = await da.sessions.get_variables(s.i, s.session, secret=s.secret)

    assert "color" not in variables
    assert "kind" not in variables


@pytest.mark.parametrize(
    ("i", "message"),
    [
        (NO_SUCH, "DANotFoundError: Interview "),
        (NOT_YAML, "DASourceError: "),
        (
            FAILS_AT_ONCE,
            "DAException: create_new_interview: failure to assemble interview: ZeroDivisionError",
        ),
    ],
    ids=["unknown", "not YAML", "fails at once"],
)
async def test_broken_interview_is_not_started(da: AsyncDocassemble, i: str, message: str) -> None:
    """The error shows whether the interview is missing, invalid or fails."""
    if i == NO_SUCH:
        status, body = await get_failure(da.sessions.start(i))
    else:
        async with temporary_interview(da, i) as filename:
            status, body = await get_failure(da.sessions.start(filename))

    assert status == 400
    assert body.startswith(message)


async def test_secret_of_invalid_length_is_refused(da: AsyncDocassemble) -> None:
    """The error shows the invalid length."""
    status, body = await get_failure(da.sessions.start(TEXT_FIELD, secret="short"))

    assert (status, body) == (400, "ValueError: Incorrect AES key length (5 bytes)")


async def test_interview_with_required_privileges_is_refused_to_others(
    da: AsyncDocassemble, connect: Connect
) -> None:
    """Without the required privilege, the interview cannot be started or answered."""
    async with (
        temporary_interview_session(da, FOR_DEVELOPERS) as s,
        temporary_account(da, connect) as plain,
        temporary_account(da, connect, "developer") as developer,
        temporary_session(developer.da, s.i) as theirs,
    ):
        mark = {"question_name": "Question_0"}
        started = await get_failure(plain.da.sessions.start(s.i))
        read = await get_failure(call(plain.da, s, "get_question", {}))
        marked = await get_failure(call(plain.da, s, "set_variables", mark))
        answered = await get_failure(call(plain.da, s, "set_variables", {}))
        with pytest.raises(ServerError) as acted:
            await call(plain.da, s, "run_action", {})
        variables = await plain.da.sessions.get_variables(s.i, s.session, secret=s.secret)
        question = await developer.da.sessions.get_question(
            theirs.i, theirs.session, secret=theirs.secret
        )

    assert started == (400, f"DAException: {NOT_PERMITTED}")
    assert read == (400, NOT_PERMITTED)
    assert marked == (400, NOT_PERMITTED)
    assert answered == (400, f"{SET}{NOT_PERMITTED}")
    assert NOT_PERMITTED in str(acted.value.body)
    assert "_internal" in variables
    assert getattr(question, "question_text", None) == "For developers"


async def test_action_of_an_unknown_interview_is_not_found(da: AsyncDocassemble) -> None:
    """Only run_action returns a page for an unknown interview, which raises NotFound."""
    with pytest.raises(NotFound) as error:
        await da.sessions.run_action(NO_SUCH, "nosuchsession", "fail")

    assert "<html" in str(error.value.body)


@pytest.mark.parametrize("operation", CALLS)
async def test_unknown_key_is_denied(
    connect: Connect, da: AsyncDocassemble, operation: str
) -> None:
    """Every operation refuses an unknown key."""
    tag, name = operation.split(".")

    async def job(_: AsyncDocassemble) -> None:
        async with connect(WRONG_KEY) as stranger:
            method = getattr(getattr(stranger, tag), name)
            assert await get_failure(method(**CALLS[operation])) == (403, "Access denied.")

    await job(da)


@pytest.mark.since("1.10")
async def test_limited_key_cannot_delete_a_session(da: AsyncDocassemble, connect: Connect) -> None:
    """Without access_sessions, the server fails with an exception instead of a 403."""
    async with (
        limited_client(da, connect, "access_user_info") as limited,
        temporary_session(da, TEXT_FIELD) as s,
    ):
        with pytest.raises(ServerError) as error:
            await limited.sessions.delete(s.i, s.session)

    assert "sufficient privileges" in str(error.value.body)

"""Errors of session calls on the fake server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from docassemble_client import AsyncDocassemble, ServerError, Session, Upload
from tests.testing.conftest import get_error_text
from tests.testing.letter_interview import (
    WRONG_SECRET,
    I,
    add_letter_interview,
    get_question,
    run_action,
    set_variables,
    start_session,
)

if TYPE_CHECKING:
    from docassemble_client.testing import FakeServer

RUN_ERROR = "400 get_question_data: failure to assemble interview: "
ACTION_ERROR = "400 api_session_action: failure to assemble interview: "
SET_ERROR = "400 Problem setting variables:"


async def test_invalid_session_calls_are_refused(da: AsyncDocassemble, fake: FakeServer) -> None:
    """Each error has the same text as on a real server; nothing is saved."""
    add_letter_interview(fake, privileges=["admin"])
    fake.add_interview("docassemble.demo:endless.yml")
    fake.add_interview("docassemble.demo:broken.yml", final=lambda _: 1 / 0)
    ada = fake.add_user("ada@example.com")

    s = await start_session(da)
    values = {"client.name": "Ada", "kind": "broken"}
    await set_variables(da, s, variables=values, question_name="Question_1", question=False)
    base = {"i": s.i, "session": s.session, "secret": s.secret.reveal() if s.secret else ""}

    async def get_raw_error(method: str, path: str, **value: Any) -> str:
        if method in {"GET", "DELETE"}:
            return await get_error_text(da.request(method, path, params=value))
        return await get_error_text(da.request(method, path, json={**base, **value}))

    start, post, action = "/api/session/new", "/api/session", "/api/session/action"
    expected = [
        (get_raw_error("GET", start), "400 Parameter i is required."),
        (
            get_raw_error("GET", start, i="docassemble.demo:no.yml"),
            "400 DANotFoundError: Interview doc",
        ),
        (
            get_raw_error("GET", start, i="docassemble.playground1:n.yml"),
            "400 DANotFoundError: Ref",
        ),
        (
            get_raw_error("GET", start, i=I, secret="abc"),
            "400 ValueError: Incorrect AES key length (3 b",
        ),
        (
            get_raw_error("GET", start, i="docassemble.demo:endless.yml"),
            "400 DAException: create_new_",
        ),
        (
            get_raw_error("GET", start, i="docassemble.demo:broken.yml"),
            "400 DAException: create_new_in",
        ),
        (get_raw_error("GET", post), "400 Parameters i and session are required."),
        (
            get_raw_error("GET", post, i=I, session="x"),
            "400 Unable to obtain interview dictionary.",
        ),
        (get_raw_error("GET", post, i=I, session=s.session), "400 Unable to decrypt interview"),
        (
            get_raw_error("GET", "/api/session/question"),
            "400 Parameters i and session are required.",
        ),
        (
            get_raw_error("GET", "/api/session/question", i="x", session="x"),
            "400 Interview x not found",
        ),
        (
            get_raw_error("GET", "/api/session/question", i=I, session="x"),
            f"{RUN_ERROR}TypeError: 'None",
        ),
        (
            get_raw_error(
                "GET", "/api/session/question", i=I, session=s.session, secret=WRONG_SECRET
            ),
            "400 Unable to obtain interview dictionary",
        ),
        (get_question_error(da, s), f"{RUN_ERROR}ZeroDivisionError: division by zero"),
        (
            get_raw_error("POST", post, secret=None),
            "400 Unable to decrypt interview dictionary.",
        ),
        (get_raw_error("POST", post, session=5), "400 Unable to decrypt interview dictionary."),
        (
            get_raw_error("POST", post),
            "400 Problem getting current question:get_question_data: failure",
        ),
        (get_raw_error("POST", post, variables=[]), "400 Malformed variables."),
        (get_raw_error("POST", post, variables="["), "400 Malformed variables."),
        (get_raw_error("POST", post, variables="[]"), "400 Variables data is not a dict."),
        (
            get_raw_error("POST", post, file_variables=5),
            "400 Malformed list of file variables.",
        ),
        (
            get_raw_error("POST", post, file_variables="[]"),
            "400 File variables data is not a dict.",
        ),
        (
            get_raw_error("POST", post, delete_variables=5),
            "400 Malformed list of delete variables.",
        ),
        (
            get_raw_error("POST", post, delete_variables="{}"),
            "400 Delete variables data is not a list.",
        ),
        (get_raw_error("POST", post, event_list="{}"), "400 Malformed event list."),
        (
            get_raw_error("POST", post, variables={"a = b": 1}),
            f"{SET_ERROR}Illegal value as variable name.",
        ),
        (
            get_raw_error("POST", post, variables={"a\nb": 1}),
            f"{SET_ERROR}Illegal value as variable name.",
        ),
        (
            get_raw_error("POST", post, variables={"f()": 1}),
            f"{SET_ERROR}Illegal value as variable name.",
        ),
        (
            get_raw_error("POST", post, variables={"5": 1}),
            f"{SET_ERROR}Illegal value as variable name.",
        ),
        (
            get_raw_error("POST", post, variables={"no.a": 1}),
            f"{SET_ERROR}name 'no' is not defined",
        ),
        (
            get_raw_error("POST", post, variables={"kind.a": 1}),
            f"{SET_ERROR}'str' object has no attribute 'a'",
        ),
        (get_raw_error("POST", post, variables={"client.no.a": 1}), f"{SET_ERROR}no"),
        (get_raw_error("POST", post, variables={"client[0]": 1}), f"{SET_ERROR}'elements'"),
        (
            get_raw_error("POST", post, variables={"x[i]": 1}),
            "400 Error processing session: ZeroDivision",
        ),
        (
            get_raw_error("POST", post, delete_variables=["no"]),
            "400 Problem deleting variables: name 'no'",
        ),
        (
            get_raw_error("POST", post, delete_variables=["client.no"]),
            "400 Problem deleting variables: no",
        ),
        (
            get_raw_error("POST", post, delete_variables=["5"]),
            "400 Problem deleting variables: Illegal",
        ),
        (
            get_raw_error("POST", post, question_name="no"),
            "400 Problem marking question as completed",
        ),
        (
            get_error_text(
                set_variables(da, s, files={"f": Upload(b"", "f")}, file_variables={"f": "a[-1]"})
            ),
            "400 Malformed file variable.",
        ),
        (
            get_raw_error("POST", "/api/session/back", session="x"),
            "400 Unable to obtain interview",
        ),
        (get_raw_error("DELETE", post), "400 Parameters i and session are required."),
        (get_raw_error("POST", action), "400 Parameters i, session, and action are required."),
        (get_raw_error("POST", action, action="a", arguments="["), "400 Malformed arguments."),
        (
            get_raw_error("POST", action, action="a", arguments="[]"),
            "400 Arguments data is not a dict.",
        ),
        (
            get_raw_error("POST", action, action="a", session="x"),
            f"{ACTION_ERROR}TypeError: 'NoneType'",
        ),
        (
            get_raw_error("POST", action, action="a", secret="x"),
            "400 Unable to obtain interview dict",
        ),
        (
            get_raw_error("POST", action, action="a"),
            f"{ACTION_ERROR}ZeroDivisionError: division by zero",
        ),
        (
            get_raw_error("POST", action, action="fail"),
            f"{ACTION_ERROR}ValueError: invalid literal for int()",
        ),
    ]
    for call, error in expected:
        assert (await call).startswith(error)
    assert "Not Found" in await get_raw_error("POST", action, action="a", i="x")
    key = next(key.key for key in fake._state.users.keys if key.owner == ada.id)
    async with AsyncDocassemble(fake.url, key, transport=fake.transport()) as client:
        errors = [
            await get_error_text(client.sessions.start(I)),
            await get_question_error(client, s),
            await get_error_text(set_variables(client, s)),
            await get_error_text(set_variables(client, s, question_name="ask_name")),
            await get_error_text(client.sessions.go_back(s.i, s.session, secret=s.secret)),
        ]
        with pytest.raises(ServerError):
            await run_action(client, s, "count")
    assert errors == [
        "400 DAException: Insufficient permissions to run this interview.",
        "400 Insufficient permissions to run this interview.",
        "400 Problem getting current question:Insufficient permissions to run this interview.",
        "400 Insufficient permissions to run this interview.",
        "400 Problem getting current question",
    ]


async def get_question_error(da: AsyncDocassemble, s: Session) -> str:
    """Request the current question, and return the error."""
    return await get_error_text(get_question(da, s))

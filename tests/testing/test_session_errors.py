"""What the fake server refuses to do with sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from docassemble_client import AsyncDocassemble, ServerError, Session, Upload
from tests.testing.conftest import said
from tests.testing.letter import WRONG, I, act, add_letter, ask, begin, send

if TYPE_CHECKING:
    from docassemble_client.testing import FakeServer
    from tests.testing.conftest import Run

RUN = "400 get_question_data: failure to assemble interview: "
ACT = "400 api_session_action: failure to assemble interview: "
SET = "400 Problem setting variables:"


def test_what_cannot_be_done_with_a_session_is_refused(run: Run, fake: FakeServer) -> None:
    """Each refusal is the server's own, to the letter; nothing is saved."""
    add_letter(fake, privileges=["admin"])
    fake.add_interview("docassemble.demo:endless.yml")
    fake.add_interview("docassemble.demo:broken.yml", final=lambda _: 1 / 0)
    ada = fake.add_user("ada@example.com")

    async def job(da: AsyncDocassemble) -> None:
        s = await begin(da)
        values = {"client.name": "Ada", "kind": "broken"}
        await send(da, s, variables=values, question_name="Question_1", question=False)
        base = {"i": s.i, "session": s.session, "secret": s.secret.reveal() if s.secret else ""}

        async def raw(method: str, path: str, **value: Any) -> str:
            if method in {"GET", "DELETE"}:
                return await said(da.request(method, path, params=value))
            return await said(da.request(method, path, json={**base, **value}))

        start, post, action = "/api/session/new", "/api/session", "/api/session/action"
        expected = [
            (raw("GET", start), "400 Parameter i is required."),
            (raw("GET", start, i="docassemble.demo:no.yml"), "400 DANotFoundError: Interview doc"),
            (raw("GET", start, i="docassemble.playground1:n.yml"), "400 DANotFoundError: Ref"),
            (raw("GET", start, i=I, secret="abc"), "400 ValueError: Incorrect AES key length (3 b"),
            (raw("GET", start, i="docassemble.demo:endless.yml"), "400 DAException: create_new_"),
            (raw("GET", start, i="docassemble.demo:broken.yml"), "400 DAException: create_new_in"),
            (raw("GET", post), "400 Parameters i and session are required."),
            (raw("GET", post, i=I, session="x"), "400 Unable to obtain interview dictionary."),
            (raw("GET", post, i=I, session=s.session), "400 Unable to decrypt interview"),
            (raw("GET", "/api/session/question"), "400 Parameters i and session are required."),
            (raw("GET", "/api/session/question", i="x", session="x"), "400 Interview x not found"),
            (raw("GET", "/api/session/question", i=I, session="x"), f"{RUN}TypeError: 'None"),
            (
                raw("GET", "/api/session/question", i=I, session=s.session, secret=WRONG),
                "400 Unable to obtain interview dictionary",
            ),
            (ask_said(da, s), f"{RUN}ZeroDivisionError: division by zero"),
            (raw("POST", post, secret=None), "400 Unable to decrypt interview dictionary."),
            (raw("POST", post, session=5), "400 Unable to obtain interview dictionary."),
            (raw("POST", post), "400 Problem getting current question:get_question_data: failure"),
            (raw("POST", post, variables=[]), "400 Malformed variables."),
            (raw("POST", post, variables="["), "400 Malformed variables."),
            (raw("POST", post, variables="[]"), "400 Variables data is not a dict."),
            (raw("POST", post, file_variables=5), "400 Malformed list of file variables."),
            (raw("POST", post, file_variables="[]"), "400 File variables data is not a dict."),
            (raw("POST", post, delete_variables=5), "400 Malformed list of delete variables."),
            (raw("POST", post, delete_variables="{}"), "400 Delete variables data is not a list."),
            (raw("POST", post, event_list="{}"), "400 Malformed event list."),
            (raw("POST", post, variables={"a = b": 1}), f"{SET}Illegal value as variable name."),
            (raw("POST", post, variables={"a\nb": 1}), f"{SET}Illegal value as variable name."),
            (raw("POST", post, variables={"f()": 1}), f"{SET}Illegal value as variable name."),
            (raw("POST", post, variables={"5": 1}), f"{SET}Illegal value as variable name."),
            (raw("POST", post, variables={"no.a": 1}), f"{SET}name 'no' is not defined"),
            (raw("POST", post, variables={"kind.a": 1}), f"{SET}'str' object has no attribute 'a'"),
            (raw("POST", post, variables={"client.no.a": 1}), f"{SET}no"),
            (raw("POST", post, variables={"client[0]": 1}), f"{SET}'elements'"),
            (
                raw("POST", post, variables={"x[i]": 1}),
                "400 Error processing session: ZeroDivision",
            ),
            (
                raw("POST", post, delete_variables=["no"]),
                "400 Problem deleting variables: name 'no'",
            ),
            (
                raw("POST", post, delete_variables=["client.no"]),
                "400 Problem deleting variables: no",
            ),
            (raw("POST", post, delete_variables=["5"]), "400 Problem deleting variables: Illegal"),
            (raw("POST", post, question_name="no"), "400 Problem marking question as completed"),
            (
                said(send(da, s, files={"f": Upload(b"", "f")}, file_variables={"f": "a = b"})),
                "400 Malformed file variable.",
            ),
            (raw("POST", "/api/session/back", session="x"), "400 Unable to obtain interview"),
            (raw("DELETE", post), "400 Parameters i and session are required."),
            (raw("POST", action), "400 Parameters i, session, and action are required."),
            (raw("POST", action, action="a", arguments="["), "400 Malformed arguments."),
            (raw("POST", action, action="a", arguments="[]"), "400 Arguments data is not a dict."),
            (raw("POST", action, action="a", session="x"), f"{ACT}TypeError: 'NoneType'"),
            (raw("POST", action, action="a", secret="x"), "400 Unable to obtain interview dict"),
            (raw("POST", action, action="a"), f"{ACT}ZeroDivisionError: division by zero"),
            (raw("POST", action, action="fail"), f"{ACT}ValueError: invalid literal for int()"),
        ]
        for call, words in expected:
            assert (await call).startswith(words)
        assert "Not Found" in await raw("POST", action, action="a", i="x")
        key = next(one.key for one in fake._world.people.keys if one.owner == ada.id)
        async with AsyncDocassemble(fake.url, key, transport=fake.transport()) as other:
            denied = [
                await said(other.sessions.start(I)),
                await ask_said(other, s),
                await said(send(other, s)),
                await said(send(other, s, question_name="ask_name")),
                await said(other.sessions.go_back(s.i, s.session, secret=s.secret)),
            ]
            with pytest.raises(ServerError):
                await act(other, s, "count")
        assert denied == [
            "400 DAException: Insufficient permissions to run this interview.",
            "400 Insufficient permissions to run this interview.",
            "400 Problem getting current question:Insufficient permissions to run this interview.",
            "400 Insufficient permissions to run this interview.",
            "400 Problem getting current question",
        ]

    run(job)


async def ask_said(da: AsyncDocassemble, s: Session) -> str:
    """Return the words with which the question is refused."""
    return await said(ask(da, s))

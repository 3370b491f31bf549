"""What the calls on one session do on the real server, argument by argument."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from docassemble_client import (
    APIError,
    AsyncDocassemble,
    JSONReply,
    Question,
    UndefinedVariable,
    Upload,
)
from tests.live.interviews import (
    BASE,
    QUESTIONLESS,
    TEXT_FIELD,
    ask,
    back,
    heading,
    own_session,
    send,
    session_of,
    variables_of,
)
from tests.live.people import person

if TYPE_CHECKING:
    from tests.live.conftest import Connect, Run

STATUS = """
mandatory: True
code: |
  json_response({"asked": wanted}, response_code=int(wanted))
"""
PROGRESS = """
features:
  progress bar: True
---
mandatory: True
question: First
continue button field: first
progress: 40
---
mandatory: True
question: Second
continue button field: second
---
mandatory: True
question: Last
"""


def test_texts_become_dates_and_objects_unless_raw(run: Run) -> None:
    """Dates, times and described objects are converted; with raw they stay what they were."""
    values = {
        "day": "2026-03-14",
        "hour": "15:09:26",
        "who": {"_class": "docassemble.base.util.Individual", "instanceName": "who"},
        "unknown": {"_class": "docassemble.base.util.NoSuchClass", "instanceName": "unknown"},
        "count": 3,
        "nothing": None,
    }

    async def job(da: AsyncDocassemble) -> None:
        async with session_of(da, QUESTIONLESS) as s:
            await send(da, s, variables=values, question=False)
            made = await variables_of(da, s)
            await send(da, s, variables=values, question=False, raw=True)
            raw = await variables_of(da, s)

        assert made["day"].startswith("2026-03-14T00:00:00")
        assert made["who"]["name"]["_class"] == "docassemble.base.util.IndividualName"
        assert made["unknown"] is None
        assert (made["hour"], made["count"], made["nothing"]) == ("15:09:26", 3, None)
        assert {name: raw[name] for name in values} == values

    run(job)


def test_variables_are_set_and_deleted_by_path(run: Run) -> None:
    """Names may be paths into objects, and deletion comes after setting."""

    async def job(da: AsyncDocassemble) -> None:
        async with session_of(da, QUESTIONLESS) as s:
            await send(da, s, variables={"box": {}, "gone": 1}, question=False)
            nothing = await send(
                da,
                s,
                variables={"box['é\"x']": [1, {"a": None}], "late": 2},
                delete_variables=["gone", "late"],
                question=False,
            )
            kept = await variables_of(da, s)

        assert nothing is None
        assert kept["box"] == {'é"x': [1, {"a": None}]}
        assert not {"gone", "late"} & kept.keys()

    run(job)


def test_step_is_replaced_or_taken_back(run: Run) -> None:
    """Each answer is a step to go back from, but for one that overwrites the step before."""

    async def job(da: AsyncDocassemble) -> None:
        async with session_of(da, QUESTIONLESS) as s:
            seen = []
            await send(da, s, variables={"n": 1}, question=False)
            await send(da, s, variables={"n": 2}, question=False)
            await send(da, s, variables={"n": 3}, question=False, overwrite=True)
            for question in (None, False):
                seen.append((await variables_of(da, s)).get("n"))
                reply = await back(da, s, question=question)
                seen.append(type(reply))
            seen.append((await variables_of(da, s)).get("n"))

        assert seen == [3, UndefinedVariable, 1, type(None), None]

    run(job)


def test_mandatory_question_is_passed_by_its_name(run: Run) -> None:
    """Only question_name gets past a mandatory screen; advance_progress_meter moves the bar."""

    async def job(da: AsyncDocassemble) -> None:
        async with own_session(da, PROGRESS) as s:
            first = await ask(da, s)
            assert isinstance(first, Question)
            stays = await send(da, s)
            second = await send(
                da, s, question_name=first.question_name, advance_progress_meter=True
            )
            assert isinstance(second, Question)
            last = await send(
                da,
                s,
                variables={"second": True},
                question_name=second.question_name,
                advance_progress_meter=True,
            )
            assert isinstance(last, Question)

        assert first.mandatory is True
        assert [heading(one) for one in (first, stays, second, last)] == [
            *("First", "First", "Second", "Last")
        ]
        assert first.progress is not None
        assert second.progress is not None
        assert last.progress is not None
        assert first.progress < second.progress < last.progress

    run(job)


def test_several_files_are_one_list(run: Run) -> None:
    """All files of one field, under another variable's name, become one list of files."""
    contents = [b"first", b"second"]

    async def job(da: AsyncDocassemble) -> None:
        async with session_of(da, TEXT_FIELD) as s:
            await send(da, s, variables={"box": {}}, question=False)
            await send(
                da,
                s,
                variables={"note": "bl\u00e5"},
                files={"sent": [Upload(one, f"{one.decode()}.txt") for one in contents]},
                file_variables={"sent": "box['files']"},
                question=False,
            )
            kept = await variables_of(da, s)
            elements = kept["box"]["files"]["elements"]
            files = [await da.files.download(one["number"]) for one in elements]

        assert kept["note"] == "bl\u00e5"
        assert [one["filename"] for one in elements] == ["first.txt", "second.txt"]
        assert [one.content for one in files] == contents

    run(job)


@pytest.mark.parametrize("wanted", [202, 404])
def test_interview_chooses_its_own_status(run: Run, wanted: int) -> None:
    """A status of success comes with the reply; any other is an error with it as its body."""

    async def job(da: AsyncDocassemble) -> None:
        async with own_session(da, STATUS) as s:
            replies: list[object] = []
            for call in (send(da, s, variables={"wanted": wanted}), ask(da, s)):
                try:
                    replies.append(await call)
                except APIError as error:
                    replies.append((error.status, error.body))
            kept = await variables_of(da, s)

        body: dict[str, Any] = {"asked": wanted}
        expected = JSONReply(body, 202) if wanted == 202 else (404, body)
        assert replies == [expected, expected]
        assert kept["wanted"] == wanted

    run(job)


def test_session_without_encryption_needs_no_secret(run: Run, connect: Connect) -> None:
    """Where the interview is for several users, anybody who knows the session can go on with it."""

    async def job(da: AsyncDocassemble) -> None:
        async with (
            person(da, connect) as other,
            session_of(da, f"{BASE}response-json.yml") as s,
        ):
            first = await other.da.sessions.get_question(s.i, s.session)
            await other.da.sessions.set_variables(
                s.i, s.session, variables={"favorite_fruit": "apple", "number_of_pieces": 2}
            )
            told = await da.sessions.run_action(s.i, s.session, "query_fruit")

        assert (s.encrypted, s.secret) == (False, None)
        assert heading(first) == "What is your favorite fruit?"
        assert told == JSONReply({"fruit": "apple", "pieces": 2})

    run(job)


def test_own_secret_opens_the_session(run: Run) -> None:
    """A session can be started with a secret of one's own, which the answer does not repeat."""
    secret = "ownSecretOf16Chr"

    async def job(da: AsyncDocassemble) -> None:
        s = await da.sessions.start(TEXT_FIELD, secret=secret)
        question = await da.sessions.get_question(s.i, s.session, secret=secret)
        await da.sessions.delete(s.i, s.session)

        assert (s.encrypted, s.secret) == (True, None)
        assert isinstance(question, Question)

    run(job)


def test_url_arguments_reach_the_interview(run: Run) -> None:
    """Texts come as they are, but for characters outside ASCII, which the server escapes."""
    arguments = {"source": "a & b = c", "_x": "", "name": "é"}

    async def job(da: AsyncDocassemble) -> None:
        async with session_of(da, TEXT_FIELD, url_args=arguments) as s:
            variables = await variables_of(da, s)

        assert variables["url_args"] == arguments | {"name": r"\xe9"}

    run(job)

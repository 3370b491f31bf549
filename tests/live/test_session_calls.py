"""Arguments of the calls on a session, on the real server."""

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
from tests.live.accounts import temporary_account
from tests.live.interviews import (
    BASE,
    QUESTIONLESS,
    TEXT_FIELD,
    get_heading,
    get_question,
    get_variables,
    go_back,
    set_variables,
    temporary_interview_session,
    temporary_session,
)

if TYPE_CHECKING:
    from tests.live.conftest import Connect

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


async def test_strings_are_converted_unless_raw(da: AsyncDocassemble) -> None:
    """Dates and objects are converted; with raw they stay unchanged."""
    values = {
        "day": "2026-03-14",
        "hour": "15:09:26",
        "who": {"_class": "docassemble.base.util.Individual", "instanceName": "who"},
        "unknown": {"_class": "docassemble.base.util.NoSuchClass", "instanceName": "unknown"},
        "count": 3,
        "nothing": None,
    }

    async with temporary_session(da, QUESTIONLESS) as s:
        await set_variables(da, s, variables=values, question=False)
        converted = await get_variables(da, s)
        await set_variables(da, s, variables=values, question=False, raw=True)
        raw = await get_variables(da, s)

    assert converted["day"].startswith("2026-03-14T00:00:00")
    assert converted["who"]["name"]["_class"] == "docassemble.base.util.IndividualName"
    assert converted["unknown"] is None
    assert (converted["hour"], converted["count"], converted["nothing"]) == (
        "15:09:26",
        3,
        None,
    )
    assert {name: raw[name] for name in values} == values


async def test_variables_are_set_and_deleted_by_path(da: AsyncDocassemble) -> None:
    """Names may be paths into objects; variables are deleted after setting others."""
    async with temporary_session(da, QUESTIONLESS) as s:
        await set_variables(da, s, variables={"box": {}, "gone": 1}, question=False)
        no_reply = await set_variables(
            da,
            s,
            variables={"box['é\"x']": [1, {"a": None}], "late": 2},
            delete_variables=["gone", "late"],
            question=False,
        )
        variables = await get_variables(da, s)

    assert no_reply is None
    assert variables["box"] == {'é"x': [1, {"a": None}]}
    assert not {"gone", "late"} & variables.keys()


async def test_step_is_overwritten_or_undone(da: AsyncDocassemble) -> None:
    """Each call adds a step; with overwrite it replaces the last step."""
    async with temporary_session(da, QUESTIONLESS) as s:
        states = []
        await set_variables(da, s, variables={"n": 1}, question=False)
        await set_variables(da, s, variables={"n": 2}, question=False)
        await set_variables(da, s, variables={"n": 3}, question=False, overwrite=True)
        for question in (None, False):
            states.append((await get_variables(da, s)).get("n"))
            reply = await go_back(da, s, question=question)
            states.append(type(reply))
        states.append((await get_variables(da, s)).get("n"))

    assert states == [3, UndefinedVariable, 1, type(None), None]


async def test_mandatory_question_needs_question_name(da: AsyncDocassemble) -> None:
    """A mandatory screen needs question_name; advance_progress_meter moves the bar."""
    async with temporary_interview_session(da, PROGRESS) as s:
        first = await get_question(da, s)
        assert isinstance(first, Question)
        unchanged = await set_variables(da, s)
        second = await set_variables(
            da, s, question_name=first.question_name, advance_progress_meter=True
        )
        assert isinstance(second, Question)
        last = await set_variables(
            da,
            s,
            variables={"second": True},
            question_name=second.question_name,
            advance_progress_meter=True,
        )
        assert isinstance(last, Question)

    assert first.mandatory is True
    assert [get_heading(reply) for reply in (first, unchanged, second, last)] == [
        *("First", "First", "Second", "Last")
    ]
    assert first.progress is not None
    assert second.progress is not None
    assert last.progress is not None
    assert first.progress < second.progress < last.progress


async def test_several_files_become_a_list(da: AsyncDocassemble) -> None:
    """Several files of a field become a list in the variable of file_variables."""
    contents = [b"first", b"second"]

    async with temporary_session(da, TEXT_FIELD) as s:
        await set_variables(da, s, variables={"box": {}}, question=False)
        await set_variables(
            da,
            s,
            variables={"note": "bl\u00e5"},
            files={"sent": [Upload(content, f"{content.decode()}.txt") for content in contents]},
            file_variables={"sent": "box['files']"},
            question=False,
        )
        saved = await get_variables(da, s)
        elements = saved["box"]["files"]["elements"]
        files = [await da.files.download(element["number"]) for element in elements]

    assert saved["note"] == "bl\u00e5"
    assert [element["filename"] for element in elements] == ["first.txt", "second.txt"]
    assert [file.content for file in files] == contents


@pytest.mark.parametrize("wanted", [202, 404])
async def test_interview_sets_the_status(da: AsyncDocassemble, wanted: int) -> None:
    """The reply has the status of success; other statuses are errors with the reply as body."""
    async with temporary_interview_session(da, STATUS) as s:
        replies: list[object] = []
        for call in (set_variables(da, s, variables={"wanted": wanted}), get_question(da, s)):
            try:
                replies.append(await call)
            except APIError as error:
                replies.append((error.status, error.body))
        variables = await get_variables(da, s)

    body: dict[str, Any] = {"asked": wanted}
    expected = JSONReply(body, 202) if wanted == 202 else (404, body)
    assert replies == [expected, expected]
    assert variables["wanted"] == wanted


async def test_session_without_encryption_needs_no_secret(
    da: AsyncDocassemble, connect: Connect
) -> None:
    """Any user can continue a session of a multi-user interview."""
    async with (
        temporary_account(da, connect) as account,
        temporary_session(da, f"{BASE}response-json.yml") as s,
    ):
        first = await account.da.sessions.get_question(s.i, s.session)
        await account.da.sessions.set_variables(
            s.i, s.session, variables={"favorite_fruit": "apple", "number_of_pieces": 2}
        )
        reply = await da.sessions.run_action(s.i, s.session, "query_fruit")

    assert (s.encrypted, s.secret) == (False, None)
    assert get_heading(first) == "What is your favorite fruit?"
    assert reply == JSONReply({"fruit": "apple", "pieces": 2})


async def test_session_starts_with_a_chosen_secret(da: AsyncDocassemble) -> None:
    """A session can be started with a given secret; the reply does not repeat it."""
    secret = "ownSecretOf16Chr"

    s = await da.sessions.start(TEXT_FIELD, secret=secret)
    question = await da.sessions.get_question(s.i, s.session, secret=secret)
    await da.sessions.delete(s.i, s.session)

    assert (s.encrypted, s.secret) == (True, None)
    assert isinstance(question, Question)


async def test_url_arguments_reach_the_interview(da: AsyncDocassemble) -> None:
    """The interview receives the arguments; the server escapes non-ASCII characters."""
    arguments = {"source": "a & b = c", "_x": "", "name": "é"}

    async with temporary_session(da, TEXT_FIELD, url_args=arguments) as s:
        variables = await get_variables(da, s)

    assert variables["url_args"] == arguments | {"name": r"\xe9"}

"""Interviews in YAML that the fake server refuses, as it cannot run them or no server can."""

from __future__ import annotations

from typing import Any

import pytest

from docassemble_client import APIError, AsyncDocassemble, Upload
from tests.testing.conftest import get_error_text
from tests.testing.letter_interview import run_action, set_variables
from tests.testing.yaml_interviews import REFUSED_BY_DOCASSEMBLE, UNSUPPORTED, start_interview


async def get_refusal(da: AsyncDocassemble, text: str) -> str:
    """Start an interview that the fake server does not support; return the error text."""
    with pytest.raises(APIError) as error:
        await start_interview(da, text)
    assert error.value.status == 501
    assert isinstance(error.value.body, str)
    return error.value.body


@pytest.mark.parametrize(
    ("action", "message"),
    [
        ("ask_unknown", "an action that needs a variable without a definition"),
        ("describe", "an action that asks a question with expressions"),
        ("helper", "an action that runs code without 'event'"),
    ],
)
async def test_an_action_that_would_differ_from_a_real_server_is_refused(
    da: AsyncDocassemble, action: str, message: str
) -> None:
    """The real server runs or repeats these in ways that the fake server does not."""
    s = await start_interview(da)

    assert message in await get_error_text(run_action(da, s, action))


async def test_an_action_that_asks_before_the_interview_responds_is_refused(
    da: AsyncDocassemble,
) -> None:
    """The response of the interview would be taken for that of the action."""
    text = "mandatory: True\ncode: json_response(1)\n---\nevent: ask_it\ncode: apple\n---\n"
    s = await start_interview(da, f"{text}question: Apple?\nfields:\n  - Apple: apple\n")

    assert "before the interview responds" in await get_error_text(run_action(da, s, "ask_it"))


@pytest.mark.parametrize(("text", "message", "line"), UNSUPPORTED)
async def test_unsupported_parts_are_refused_by_name_and_line(
    da: AsyncDocassemble, text: str, message: str, line: int
) -> None:
    """Every block, key, datatype, line of Mako, statement and name that is not listed."""
    refusal = await get_refusal(da, text)

    assert f"The fake server does not support {message}" in refusal
    assert f": docassemble.playground1:a.yml, line {line}. Script the interview" in refusal
    assert "Recorder" in refusal


@pytest.mark.parametrize("content", [b"question: \xff", b"\xef\xbb\xbfquestion: A"])
async def test_encodings_other_than_utf_8_are_refused(da: AsyncDocassemble, content: bytes) -> None:
    """A byte order mark is refused as well."""
    await da.playground.upload_files([Upload(content, "b.yml")], folder="questions")

    error = await get_error_text(da.sessions.start("docassemble.playground1:b.yml"))

    assert "The fake server does not support" in error


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("answer + 1", {"variables": {"answer": [1]}}),
        ("answer + 1", {"variables": {"answer": "2026-01-05"}}),
        ("not answer", {"variables": {"answer": {"a": 1}}}),
        ("answer * 1e308 * 10", {"variables": {"answer": 5.0}}),
    ],
)
async def test_values_that_docassemble_handles_differently_are_refused(
    da: AsyncDocassemble, code: str, value: dict[str, Any]
) -> None:
    """Dates and objects are no JSON on the server, and infinity is none anywhere."""
    s = await start_interview(
        da, f"mandatory: True\ncode: result = {code}\n---\nmandatory: True\nquestion: A"
    )

    error = await get_error_text(set_variables(da, s, **value))

    assert "does not support computing with dates, objects, lists" in error


async def test_a_text_response_with_mako_is_refused(da: AsyncDocassemble) -> None:
    """The server fills in the text of response() as a template."""
    s = await start_interview(da, "mandatory: True\ncode: response(answer)")

    error = await get_error_text(set_variables(da, s, variables={"answer": "${ 1 }"}))

    assert "response() without a text" in error


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("no YAML", "400 DASourceError: Error reading YAML file docassemble.playground1:a.yml in"),
        (
            "two values",
            "400 DASourceError: Error reading YAML file docassemble.playground1:a.yml in",
        ),
        ("duplicate key", "400 DASourceError: Error reading YAML file docassemble.playground1:a."),
        ("two directives", "400 DASourceError: There can only be one directive in a question."),
        ("question and code", "400 DASourceError: A block can be a question block or a code block"),
        ("initial and mandatory", "400 DASourceError: You cannot use the mandatory modifier and"),
        ("no Python", "400 DASourceError: Syntax Error: invalid syntax (<code block, docassemble"),
        ("no expression", "400 DASourceError: Syntax Error: invalid syntax (<unknown>, line 1)"),
        (
            "no mapping",
            "400 DASourceError: A block must be in the form of a dictionary.[apple, ",
        ),
        (
            "infinite loop",
            "400 DAException: create_new_interview: failure to assemble",
        ),
        (
            "division by zero",
            "400 DAException: create_new_interview: failure to assemble",
        ),
    ],
)
async def test_an_interview_that_docassemble_refuses_cannot_start(
    da: AsyncDocassemble, name: str, message: str
) -> None:
    """The error has the server's text."""
    assert (await get_error_text(start_interview(da, REFUSED_BY_DOCASSEMBLE[name]))).startswith(
        message
    )


async def test_an_interview_without_an_end_cannot_start(da: AsyncDocassemble) -> None:
    """All its blocks have run."""
    error = await get_error_text(start_interview(da, "mandatory: True\ncode: apple = 1\n"))

    assert "DAErrorNoEndpoint: Docassemble has finished executing" in error

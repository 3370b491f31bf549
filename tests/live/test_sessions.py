"""Interviews on the real server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from docassemble_client import (
    AccessDenied,
    AsyncDocassemble,
    BadRequest,
    BinaryContent,
    JSONReply,
    Question,
    Secret,
    Session,
    SessionReply,
    UndefinedVariable,
    Upload,
)

if TYPE_CHECKING:
    from tests.live.conftest import Run

QUESTIONLESS = "docassemble.demo:data/questions/examples/questionless.yml"
TEXT_FIELD = "docassemble.base:data/questions/examples/text-field.yml"
EXAMPLES = "docassemble.base:data/questions/examples/"


async def _start(da: AsyncDocassemble, i: str) -> Session:
    session = await da.sessions.start(i)
    assert session.i == i
    return session


def test_questionless_interview_runs_to_its_result(run: Run) -> None:
    """Given all variables, the interview answers with its json_response()."""

    async def job(da: AsyncDocassemble) -> None:
        s = await _start(da, QUESTIONLESS)
        first = await da.sessions.get_question(s.i, s.session, secret=s.secret)

        reply = await da.sessions.set_variables(
            s.i,
            s.session,
            secret=s.secret,
            variables={"favorite_number": 41, "user_agrees_to_waive_penalties": False},
        )

        assert isinstance(first, UndefinedVariable)
        assert first.variable == "favorite_number"
        assert reply == JSONReply({"final": True, "inhabitants": 2000 + 41 * 45})
        await da.sessions.delete(s.i, s.session)

    run(job)


def test_undefined_variable_saves_nothing(run: Run) -> None:
    """Where the answer is an UndefinedVariable, what was sent is gone unless question is false."""

    async def job(da: AsyncDocassemble) -> None:
        s = await _start(da, QUESTIONLESS)
        variables = {"favorite_number": 42}

        reply = await da.sessions.set_variables(
            s.i, s.session, secret=s.secret, variables=variables
        )
        lost = await da.sessions.get_variables(s.i, s.session, secret=s.secret)
        nothing = await da.sessions.set_variables(
            s.i, s.session, secret=s.secret, variables=variables, question=False
        )
        kept = await da.sessions.get_variables(s.i, s.session, secret=s.secret)

        assert isinstance(reply, UndefinedVariable)
        assert "favorite_number" not in lost
        assert nothing is None
        assert kept["favorite_number"] == 42
        await da.sessions.delete(s.i, s.session)

    run(job)


def test_question_is_answered_and_taken_back(run: Run) -> None:
    """Answering leads to the next screen, going back to the one before."""

    async def job(da: AsyncDocassemble) -> None:
        s = await _start(da, TEXT_FIELD)
        first = await da.sessions.get_question(s.i, s.session, secret=s.secret)
        assert isinstance(first, Question)
        assert first.fields
        names = [one.variable_name for one in first.fields if one.variable_name]

        second = await da.sessions.set_variables(
            s.i, s.session, secret=s.secret, variables=dict.fromkeys(names, "carrot")
        )
        again = await da.sessions.go_back(s.i, s.session, secret=s.secret)

        assert isinstance(second, Question)
        assert second.question_name != first.question_name
        assert isinstance(again, Question)
        assert again.question_name == first.question_name
        await da.sessions.delete(s.i, s.session)

    run(job)


@pytest.mark.parametrize("filename", ["plain.txt", "mit Blank und Ümlaut.txt", 'with"quote.txt'])
def test_uploaded_file_comes_back_byte_for_byte(run: Run, filename: str) -> None:
    """A file uploaded into a session is downloaded again as it was, in memory and to disk."""
    content = bytes(range(256)) * 300

    async def job(da: AsyncDocassemble) -> None:
        s = await _start(da, TEXT_FIELD)
        await da.sessions.set_variables(
            s.i,
            s.session,
            secret=s.secret,
            files={"the_upload": Upload(content, filename, "application/octet-stream")},
            question=False,
        )
        variables = await da.sessions.get_variables(s.i, s.session, secret=s.secret)
        uploads = variables["the_upload"]
        assert isinstance(uploads, dict)
        elements = uploads["elements"]
        assert isinstance(elements, list)
        element = elements[0]
        assert isinstance(element, dict)
        number = element["number"]
        assert isinstance(number, int)

        whole = await da.files.download(number)
        async with da.files.download(number) as stream:
            chunks = [chunk async for chunk in stream]

        assert whole.content == content
        assert b"".join(chunks) == content
        assert stream.size == len(content)
        await da.sessions.delete(s.i, s.session)

    run(job)


@pytest.mark.since("1.10")
def test_wrong_secret_cannot_read_a_session(run: Run) -> None:
    """Without its secret an encrypted session cannot be read."""

    async def job(da: AsyncDocassemble) -> None:
        s = await _start(da, TEXT_FIELD)

        assert s.encrypted
        assert isinstance(s.secret, Secret)
        with pytest.raises(BadRequest) as error:
            await da.sessions.get_variables(s.i, s.session, secret="wrongSecretWrong")

        assert "decrypt" in str(error.value)
        assert s.secret.reveal() not in repr(s)
        await da.sessions.delete(s.i, s.session)

    run(job)


def test_filters_are_demanded_before_everything_is_deleted(run: Run) -> None:
    """delete_many without a filter is refused; with one it deletes just those sessions."""

    async def job(da: AsyncDocassemble) -> None:
        keep = await _start(da, TEXT_FIELD)
        gone = await _start(da, QUESTIONLESS)

        with pytest.raises(ValueError, match="delete_all"):
            await da.sessions.delete_many()
        await da.sessions.delete_many(session=gone.session)
        page = await da.sessions.list_current(session=keep.session)
        empty = await da.sessions.list_current(session=gone.session)

        assert [one.session for one in page.items] == [keep.session]
        assert empty.items == []
        await da.sessions.delete(keep.i, keep.session)

    run(job)


def test_wrong_key_is_denied(server: object, run: Run) -> None:
    """A key the server does not know is AccessDenied, with a hint and without the key."""
    key = "nosuchkeyNOSUCHKEYnosuchkeyNOSUC"

    async def job(da: AsyncDocassemble) -> None:
        async with AsyncDocassemble(da._base_url, key) as other:
            with pytest.raises(AccessDenied) as error:
                await other.users.get_current()

        assert error.value.hint
        assert key not in str(error.value)

    run(job)


def test_binary_reply_of_an_interview(run: Run) -> None:
    """What an interview sends with response() and is no JSON comes as bytes with its type."""

    async def job(da: AsyncDocassemble) -> None:
        s = await _start(da, f"{EXAMPLES}response-svg.yml")

        reply: SessionReply | None = await da.sessions.get_question(s.i, s.session, secret=s.secret)
        if isinstance(reply, Question) and reply.fields:
            names = [one.variable_name for one in reply.fields if one.variable_name]
            reply = await da.sessions.set_variables(
                s.i, s.session, secret=s.secret, variables=dict.fromkeys(names, "red")
            )

        assert isinstance(reply, BinaryContent)
        assert reply.content
        await da.sessions.delete(s.i, s.session)

    run(job)

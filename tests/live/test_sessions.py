"""Basic calls on sessions of the real server."""

from __future__ import annotations

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

QUESTIONLESS = "docassemble.demo:data/questions/examples/questionless.yml"
TEXT_FIELD = "docassemble.base:data/questions/examples/text-field.yml"
EXAMPLES = "docassemble.base:data/questions/examples/"


async def _start(da: AsyncDocassemble, i: str) -> Session:
    session = await da.sessions.start(i)
    assert session.i == i
    return session


async def test_questionless_interview_returns_its_result(da: AsyncDocassemble) -> None:
    """With all variables, the interview returns its json_response()."""
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


async def test_undefined_variable_discards_the_variables(da: AsyncDocassemble) -> None:
    """A reply UndefinedVariable discards the sent variables, unless question is false."""
    s = await _start(da, QUESTIONLESS)
    variables = {"favorite_number": 42}

    reply = await da.sessions.set_variables(s.i, s.session, secret=s.secret, variables=variables)
    discarded = await da.sessions.get_variables(s.i, s.session, secret=s.secret)
    no_reply = await da.sessions.set_variables(
        s.i, s.session, secret=s.secret, variables=variables, question=False
    )
    saved = await da.sessions.get_variables(s.i, s.session, secret=s.secret)

    assert isinstance(reply, UndefinedVariable)
    assert "favorite_number" not in discarded
    assert no_reply is None
    assert saved["favorite_number"] == 42
    await da.sessions.delete(s.i, s.session)


async def test_question_is_answered_and_undone(da: AsyncDocassemble) -> None:
    """Answering shows the next screen; going back shows the previous screen."""
    s = await _start(da, TEXT_FIELD)
    first = await da.sessions.get_question(s.i, s.session, secret=s.secret)
    assert isinstance(first, Question)
    assert first.fields
    names = [
        question_field.variable_name
        for question_field in first.fields
        if question_field.variable_name
    ]

    second = await da.sessions.set_variables(
        s.i, s.session, secret=s.secret, variables=dict.fromkeys(names, "carrot")
    )
    previous = await da.sessions.go_back(s.i, s.session, secret=s.secret)

    assert isinstance(second, Question)
    assert second.question_name != first.question_name
    assert isinstance(previous, Question)
    assert previous.question_name == first.question_name
    await da.sessions.delete(s.i, s.session)


@pytest.mark.parametrize("filename", ["plain.txt", "mit Blank und Ümlaut.txt", 'with"quote.txt'])
async def test_uploaded_file_is_downloaded_unchanged(da: AsyncDocassemble, filename: str) -> None:
    """A file uploaded to a session is downloaded unchanged, in memory and in chunks."""
    content = bytes(range(256)) * 300

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

    file = await da.files.download(number)
    async with da.files.download(number) as stream:
        chunks = [chunk async for chunk in stream]

    assert file.content == content
    assert b"".join(chunks) == content
    assert stream.size == len(content)
    await da.sessions.delete(s.i, s.session)


@pytest.mark.since("1.10")
async def test_wrong_secret_cannot_read_a_session(da: AsyncDocassemble) -> None:
    """An encrypted session cannot be read with another secret."""
    s = await _start(da, TEXT_FIELD)

    assert s.encrypted
    assert isinstance(s.secret, Secret)
    with pytest.raises(BadRequest) as error:
        await da.sessions.get_variables(s.i, s.session, secret="wrongSecretWrong")

    assert "decrypt" in str(error.value)
    assert s.secret.reveal() not in repr(s)
    await da.sessions.delete(s.i, s.session)


async def test_deleting_many_sessions_requires_a_filter(da: AsyncDocassemble) -> None:
    """delete_many without a filter is refused; with a filter it deletes only those sessions."""
    kept_session = await _start(da, TEXT_FIELD)
    deleted_session = await _start(da, QUESTIONLESS)

    with pytest.raises(ValueError, match="delete_all"):
        await da.sessions.delete_many()
    await da.sessions.delete_many(session=deleted_session.session)
    page = await da.sessions.list_current(session=kept_session.session)
    empty_page = await da.sessions.list_current(session=deleted_session.session)

    assert [summary.session for summary in page.items] == [kept_session.session]
    assert empty_page.items == []
    await da.sessions.delete(kept_session.i, kept_session.session)


async def test_wrong_key_is_denied(server: object, da: AsyncDocassemble) -> None:
    """An unknown key raises AccessDenied, with a hint and without the key."""
    key = "nosuchkeyNOSUCHKEYnosuchkeyNOSUC"

    async with AsyncDocassemble(da.base_url, key) as stranger:
        with pytest.raises(AccessDenied) as error:
            await stranger.users.get_current()

    assert error.value.hint
    assert key not in str(error.value)


async def test_binary_response_is_returned(da: AsyncDocassemble) -> None:
    """A response() that is not JSON is returned as bytes with its content type."""
    s = await _start(da, f"{EXAMPLES}response-svg.yml")

    reply: SessionReply | None = await da.sessions.get_question(s.i, s.session, secret=s.secret)
    if isinstance(reply, Question) and reply.fields:
        names = [
            question_field.variable_name
            for question_field in reply.fields
            if question_field.variable_name
        ]
        reply = await da.sessions.set_variables(
            s.i, s.session, secret=s.secret, variables=dict.fromkeys(names, "red")
        )

    assert isinstance(reply, BinaryContent)
    assert reply.content
    await da.sessions.delete(s.i, s.session)

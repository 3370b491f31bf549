"""Sessions of scripted interviews on the fake server."""

from __future__ import annotations

import pytest

from docassemble_client import (
    AsyncDocassemble,
    BadRequest,
    BinaryContent,
    JSONReply,
    Question,
    ServerError,
    UndefinedVariable,
    Upload,
)
from docassemble_client.testing import FakeServer, Field, ScriptedScreen, SessionVariables
from tests.testing.conftest import get_error_text
from tests.testing.letter_interview import (
    QUESTIONLESS,
    I,
    add_letter_interview,
    get_question,
    get_variables,
    run_action,
    set_variables,
    start_session,
)


async def test_interview_asks_its_questions_and_returns_its_documents(
    da: AsyncDocassemble, fake: FakeServer
) -> None:
    """Screens are in order; mandatory screens are marked by name; files can be downloaded."""
    add_letter_interview(fake)

    s = await start_session(da)
    name = await get_question(da, s)
    welcome = await set_variables(da, s, variables={"client.name": "Ada"})
    unchanged = await set_variables(da, s)
    undefined = await set_variables(da, s, question_name=welcome.question_name)
    end = await set_variables(
        da, s, variables={"kind": "letter"}, question_name="Question_1", overwrite=True
    )
    same_end = await get_question(da, s)
    number = end.attachments[0].number["pdf"]
    pdf = await da.files.download(number)
    docx = await da.files.download(number, extension="docx")

    assert (name.question_text, name.question_name) == ("Name?", "ask_name")
    assert (name.subquestion_text, name.event_list) == ("Of the client", ["client.name"])
    assert (welcome.question_name, welcome.mandatory) == ("Question_1", True)
    assert welcome.css == "<style>"
    assert unchanged.question_text == "Welcome"
    assert isinstance(undefined, UndefinedVariable)
    assert undefined.variable == "kind"
    assert (end.question_text, end.question_type) == ("Dear Ada", "deadend")
    assert end.attachments == same_end.attachments
    assert end.attachments[0].filename_with_extension["docx"] == "your_letter.docx"
    assert (pdf.content, docx.content) == (b"%PDF-1", b"PK")
    assert end.title == "Letter"


async def test_undefined_variable_saves_nothing(da: AsyncDocassemble) -> None:
    """With `question=False` the variables are saved nevertheless."""
    s = await da.sessions.start(QUESTIONLESS)
    undefined = await set_variables(da, s, variables={"favorite_number": 42})
    unsaved_variables = await get_variables(da, s)
    no_question = await set_variables(da, s, variables={"favorite_number": 42}, question=False)
    saved_variables = await get_variables(da, s)
    end = await set_variables(da, s, variables={"user_agrees_to_waive_penalties": True})

    assert isinstance(undefined, UndefinedVariable)
    assert undefined.variable == "user_agrees_to_waive_penalties"
    assert "favorite_number" not in unsaved_variables
    assert (no_question, saved_variables["favorite_number"]) == (None, 42)
    assert end == JSONReply({"final": True, "inhabitants": 2})


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("json", JSONReply({"name": "Ada"})),
        ("reply", JSONReply([1], 202)),
        ("bytes", BinaryContent(content=b"\0\1", content_type="application/octet-stream")),
        ("svg", BinaryContent(content=b"<svg/>", content_type="image/svg+xml", status=202)),
        ("plain", BinaryContent(content=b"text", content_type="text/html; charset=utf-8")),
    ],
)
async def test_interview_returns_the_final_value_of_its_script(
    da: AsyncDocassemble, fake: FakeServer, kind: str, expected: object
) -> None:
    """JSON, bytes, or content with its own content type and status."""
    add_letter_interview(fake)

    s = await start_session(da)
    values = {"client.name": "Ada", "kind": kind}
    end = await set_variables(da, s, variables=values, question_name="Question_1")

    assert end == expected
    assert await get_question(da, s) == expected


async def test_variable_that_is_read_is_asked_for(da: AsyncDocassemble, fake: FakeServer) -> None:
    """Reading a variable shows its on-demand screen; without a screen it is undefined."""
    fake.add_interview(
        I,
        final=lambda answers: [answers["color"], answers["unknown"]],
        on_demand=[ScriptedScreen("Color?", [Field("color", choices={"Red": "r"}, default="r")])],
    )

    s = await da.sessions.start(I)
    color = await get_question(da, s)
    unknown = await set_variables(da, s, variables={"color": "r"})

    assert isinstance(color, Question)
    assert color.fields is not None
    assert color.fields[0].choices is not None
    assert (color.fields[0].choices[0].label, color.fields[0].default) == ("Red", "r")
    assert (color.title, color.allow_going_back) == ("docassemble", False)
    assert isinstance(unknown, UndefinedVariable)


async def test_steps_are_added_replaced_and_undone(da: AsyncDocassemble) -> None:
    """Each saved answer is a step; going back ends at the first step."""
    s = await da.sessions.start(QUESTIONLESS)
    await set_variables(da, s, variables={"n": 1}, question=False)
    await set_variables(da, s, variables={"n": 2}, question=False)
    await set_variables(da, s, variables={"n": 3}, question=False, overwrite=True)
    reply = await da.sessions.go_back(s.i, s.session, secret=s.secret)
    after_first_undo = await get_variables(da, s)
    no_question = await da.sessions.go_back(s.i, s.session, secret=s.secret, question=False)
    after_second_undo = await get_variables(da, s)
    error = await get_error_text(da.sessions.go_back(s.i, s.session, secret=s.secret))

    assert isinstance(reply, UndefinedVariable)
    assert (after_first_undo["n"], after_first_undo["_internal"]["steps"]) == (1, 2)
    assert no_question is None
    assert "n" not in after_second_undo
    assert error == "400 Cannot go back."


async def test_values_become_dates_and_objects_unless_raw(da: AsyncDocassemble) -> None:
    """Dates get the server's time zone; objects of unknown classes become null."""
    values = {
        "day": "2026-03-14",
        "moment": "2026-03-14T12:00:00Z",
        "hour": "15:09:26",
        "no_day": "2026-99-99",
        "list": [1, {"a": None}],
        "who": {"_class": "docassemble.base.util.Individual", "instanceName": "who"},
        "lost": {"_class": "docassemble.base.util.NoSuchClass", "instanceName": "lost"},
        "foreign": {"_class": "other.Thing", "instanceName": "x"},
    }

    s = await da.sessions.start(QUESTIONLESS)
    await set_variables(da, s, variables=values, question=False)
    converted = await get_variables(da, s)
    await set_variables(da, s, variables=values, question=False, raw=True)
    raw = await get_variables(da, s)

    assert converted["day"] == "2026-03-14T00:00:00-04:00"
    assert converted["moment"] == "2026-03-14T08:00:00-04:00"
    assert converted["who"]["name"]["_class"] == "docassemble.base.util.IndividualName"
    assert converted["lost"] is None
    for name in ("hour", "no_day", "list", "foreign"):
        assert converted[name] == values[name]
    assert {name: raw[name] for name in values} == values


async def test_variables_are_set_and_deleted_by_path(da: AsyncDocassemble) -> None:
    """Names may refer to attributes of objects and to items of mappings and lists."""
    fruit = {"_class": "docassemble.base.util.DADict", "instanceName": "fruit", "elements": {}}

    s = await da.sessions.start(QUESTIONLESS)
    await set_variables(da, s, variables={"fruit": fruit, "box": [1, 2], "a": 1}, question=False)
    await set_variables(
        da,
        s,
        variables={"fruit['apple']": True, "fruit.color": "red", "box[1]": 3},
        delete_variables=["a", "box[0]"],
        question=False,
    )
    await set_variables(da, s, delete_variables=["fruit.color"], question=False)
    remaining = await get_variables(da, s)

    assert remaining["fruit"]["elements"] == {"apple": True}
    assert "color" not in remaining["fruit"]
    assert (remaining["box"], "a" in remaining) == ([3], False)


async def test_setting_an_item_extends_a_dalist(da: AsyncDocassemble) -> None:
    """An index beyond the end can be set in a DAList, but not in a plain list."""
    fruit = {"_class": "docassemble.base.util.DAList", "instanceName": "fruit", "elements": []}

    s = await da.sessions.start(QUESTIONLESS)
    await set_variables(da, s, variables={"fruit": fruit, "plain": []}, question=False)
    await set_variables(da, s, variables={"fruit[1]": "fig"}, question=False)
    with pytest.raises(BadRequest):
        await set_variables(da, s, variables={"plain[0]": "fig"}, question=False)

    assert (await get_variables(da, s))["fruit"]["elements"] == [None, "fig"]


async def test_actions_return_values_change_variables_and_ask_questions(
    da: AsyncDocassemble, fake: FakeServer
) -> None:
    """The question of a persistent action is current until its event is answered."""
    add_letter_interview(fake)

    s = await start_session(da)
    replies = [
        await run_action(da, s, "count", arguments={"by": 3}),
        await run_action(da, s, "count", overwrite=True),
        await run_action(da, s, "count", read_only=True),
        await run_action(da, s, "no_such_action"),
        await run_action(da, s, "ask"),
        await run_action(da, s, "null"),
    ]
    arguments_reply = await run_action(da, s, "tell", arguments={"color": "blå"})
    variables_after_count = await get_variables(da, s)
    await run_action(da, s, "ask", persistent=True)
    variables_after_ask = await get_variables(da, s)
    question = await get_question(da, s)
    unchanged = await set_variables(da, s, variables={"other": 1})
    after_event = await set_variables(da, s, event_list=question.event_list)
    await run_action(da, s, "ask", persistent=True)
    after_question_name = await set_variables(
        da, s, question_name=question.question_name, event_list=["ask"]
    )
    await set_variables(
        da, s, variables={"client.name": "A", "kind": "json"}, question_name="Question_1"
    )
    final_value = await run_action(da, s, "nothing")

    assert replies == [None, None, None, None, None, JSONReply(None)]
    assert isinstance(arguments_reply, JSONReply)
    assert isinstance(arguments_reply.data, dict)
    assert arguments_reply.data["args"] == {"color": "blå"}
    assert variables_after_count["counter"] == 4
    assert "admin@example.com" in variables_after_ask["_internal"]["event_stack"]
    assert (question.question_text, question.event_list) == ("Shade?", ["ask"])
    assert unchanged.question_text == "Shade?"
    assert after_event.question_text == after_question_name.question_text == "Name?"
    assert final_value == JSONReply({"name": "A"})
    await run_action(da, s, "ask", persistent=True)
    error = await get_error_text(set_variables(da, s, event_list=["a = b"]))
    assert error == "400 Illegal value as event name."


async def test_uploads_become_file_lists(da: AsyncDocassemble) -> None:
    """Files of one field are elements of one list, and are deleted with their session."""
    s = await da.sessions.start(QUESTIONLESS)
    files = [Upload(b"one", "größe 1.txt"), Upload(b"two", "noext")]
    await set_variables(
        da, s, files={"f": files}, file_variables={"f": "my_files"}, question=False, raw=True
    )
    file_list = (await get_variables(da, s))["my_files"]
    first, second = file_list["elements"]
    text_file = await da.files.download(first["number"], filename="file.txt")
    binary_file = await da.files.download(second["number"])
    await da.sessions.delete(s.i, s.session)
    error = await get_error_text(da.files.download(first["number"]).read())

    assert file_list["_class"] == "docassemble.base.util.DAFileList"
    assert (first["filename"], first["extension"]) == ("größe 1.txt", "txt")
    assert (text_file.content, text_file.filename) == (b"one", "file.txt")
    assert binary_file.content == b"two"
    assert binary_file.content_type == "application/octet-stream"
    assert error == "404 File not found"


async def test_secret_is_needed_only_where_answers_are_encrypted(
    da: AsyncDocassemble, fake: FakeServer
) -> None:
    """A secret from the caller is not returned; multi-user interviews have no secret."""
    add_letter_interview(fake, multi_user=True)

    encrypted = await da.sessions.start(QUESTIONLESS, secret="x" * 24, url_args={"a": "é\n"})
    shared = await da.sessions.start(I)
    variables = await da.sessions.get_variables(QUESTIONLESS, encrypted.session, secret="x" * 24)
    await da.sessions.get_variables(I, shared.session)

    assert (encrypted.secret, encrypted.encrypted) == (None, True)
    assert (shared.secret, shared.encrypted) == (None, False)
    assert variables["url_args"] == {"a": "\\xe9\\n"}


async def test_session_is_deleted_for_its_owner_only(
    da: AsyncDocassemble, fake: FakeServer
) -> None:
    """A call of another user changes nothing; a limited key needs two permissions."""
    ada = fake.add_user("ada@example.com")
    s = await da.sessions.start(QUESTIONLESS)

    async with fake.client(ada) as client:
        await client.sessions.delete(s.i, s.session)
        await client.sessions.delete(s.i, "unknown")

    assert fake._state.sessions.find(s.i, s.session) is not None
    fake._state.users.keys[0].permissions = ["access_sessions"]
    with pytest.raises(ServerError):
        await da.sessions.delete(s.i, s.session)


async def test_progress_advances_on_request(da: AsyncDocassemble, fake: FakeServer) -> None:
    """With `advance_progress_meter` each answer advances the bar by 5 percent."""
    add_letter_interview(fake)

    s = await start_session(da)
    question = await set_variables(da, s, advance_progress_meter=True)

    assert question.progress == 5


def test_session_variables_are_a_mapping() -> None:
    """Only defined expressions are keys of the mapping."""
    variables = SessionVariables({"a": {"_class": "x", "b": 1}, "c": [1]})

    assert variables["a.b"] == variables["c[0]"] == 1
    assert "a.b" in variables
    assert not any(name in variables for name in ("a.c", "c[1]", "d", "c.d"))
    assert (list(variables), len(variables)) == (["a", "c"], 2)


async def test_deleting_a_session_keeps_the_files_of_other_sessions(da: AsyncDocassemble) -> None:
    """Only the files of the deleted session are deleted."""
    first, second = [await da.sessions.start(QUESTIONLESS) for _ in range(2)]
    for s in (first, second):
        await set_variables(da, s, files={"f": Upload(b"x", "f.txt")}, question=False)
    await da.sessions.delete(first.i, first.session)

    assert (await da.files.download(2)).content == b"x"


async def test_demo_counts_inhabitants(da: AsyncDocassemble) -> None:
    """Numbers other than 42 need no answer about penalties."""
    s = await da.sessions.start(QUESTIONLESS)
    end = await set_variables(da, s, variables={"favorite_number": 41})

    assert end == JSONReply({"final": True, "inhabitants": 3845})

"""Sessions of scripted interviews on the fake server."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
from docassemble_client.testing import Answers, FakeServer, Field, Screen
from tests.testing.conftest import said
from tests.testing.letter import QUESTIONLESS, I, act, add_letter, ask, begin, send, variables

if TYPE_CHECKING:
    from tests.testing.conftest import Run


def test_interview_is_asked_answered_and_brings_its_documents(run: Run, fake: FakeServer) -> None:
    """Screens come in order, a mandatory one is passed by its name, files can be downloaded."""
    add_letter(fake)

    async def job(da: AsyncDocassemble) -> None:
        s = await begin(da)
        name = await ask(da, s)
        welcome = await send(da, s, variables={"client.name": "Ada"})
        stays = await send(da, s)
        bare = await send(da, s, question_name=welcome.question_name)
        end = await send(
            da, s, variables={"kind": "letter"}, question_name="Question_1", overwrite=True
        )
        again = await ask(da, s)
        number = end.attachments[0].number["pdf"]
        pdf = await da.files.download(number)
        docx = await da.files.download(number, extension="docx")

        assert (name.question_text, name.question_name, name.event_list) == (
            *("Name?", "ask_name"),
            ["client.name"],
        )
        assert name.subquestion_text == "Of the client"
        assert (welcome.question_name, welcome.mandatory, welcome.css) == (
            *("Question_1", True),
            "<style>",
        )
        assert stays.question_text == "Welcome"
        assert isinstance(bare, UndefinedVariable)
        assert bare.variable == "kind"
        assert (end.question_text, end.question_type) == ("Dear Ada", "deadend")
        assert end.attachments == again.attachments
        assert end.attachments[0].filename_with_extension["docx"] == "your_letter.docx"
        assert (pdf.content, docx.content) == (b"%PDF-1", b"PK")
        assert end.title == "Letter"

    run(job)


def test_undefined_variable_saves_nothing(run: Run) -> None:
    """Unless question is false; the demo ends once it has all."""

    async def job(da: AsyncDocassemble) -> None:
        s = await da.sessions.start(QUESTIONLESS)
        asked = await send(da, s, variables={"favorite_number": 42})
        lost = await variables(da, s)
        nothing = await send(da, s, variables={"favorite_number": 42}, question=False)
        kept = await variables(da, s)
        end = await send(da, s, variables={"user_agrees_to_waive_penalties": True})

        assert isinstance(asked, UndefinedVariable)
        assert asked.variable == "user_agrees_to_waive_penalties"
        assert "favorite_number" not in lost
        assert (nothing, kept["favorite_number"]) == (None, 42)
        assert end == JSONReply({"final": True, "inhabitants": 2})

    run(job)


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
def test_interview_ends_in_what_its_script_brings(
    run: Run, fake: FakeServer, kind: str, expected: object
) -> None:
    """JSON of any shape, bytes, and content with a type and status of its own."""
    add_letter(fake)

    async def job(da: AsyncDocassemble) -> None:
        s = await begin(da)
        values = {"client.name": "Ada", "kind": kind}
        end = await send(da, s, variables=values, question_name="Question_1")

        assert end == expected
        assert await ask(da, s) == expected

    run(job)


def test_answer_that_is_read_is_asked_for(run: Run, fake: FakeServer) -> None:
    """A screen on demand is asked when its variable is read, an unknown one is undefined."""
    fake.add_interview(
        I,
        final=lambda answers: [answers["color"], answers["unknown"]],
        on_demand=[Screen("Color?", [Field("color", choices={"Red": "r"}, default="r")])],
    )

    async def job(da: AsyncDocassemble) -> None:
        s = await da.sessions.start(I)
        color = await ask(da, s)
        unknown = await send(da, s, variables={"color": "r"})

        assert isinstance(color, Question)
        assert color.fields is not None
        assert color.fields[0].choices is not None
        assert (color.fields[0].choices[0].label, color.fields[0].default) == ("Red", "r")
        assert (color.title, color.allow_going_back) == ("docassemble", False)
        assert isinstance(unknown, UndefinedVariable)

    run(job)


def test_steps_are_added_replaced_and_taken_back(run: Run) -> None:
    """Each saved answer is a step; going back ends at the first."""

    async def job(da: AsyncDocassemble) -> None:
        s = await da.sessions.start(QUESTIONLESS)
        await send(da, s, variables={"n": 1}, question=False)
        await send(da, s, variables={"n": 2}, question=False)
        await send(da, s, variables={"n": 3}, question=False, overwrite=True)
        reply = await da.sessions.go_back(s.i, s.session, secret=s.secret)
        one = await variables(da, s)
        nothing = await da.sessions.go_back(s.i, s.session, secret=s.secret, question=False)
        none = await variables(da, s)

        assert isinstance(reply, UndefinedVariable)
        assert (one["n"], one["_internal"]["steps"]) == (1, 2)
        assert nothing is None
        assert "n" not in none
        assert await said(da.sessions.go_back(s.i, s.session, secret=s.secret)) == (
            "400 Cannot go back."
        )

    run(job)


def test_values_become_dates_and_objects_unless_raw(run: Run) -> None:
    """What looks like a date gets the server's zone; an unknown class is lost."""
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

    async def job(da: AsyncDocassemble) -> None:
        s = await da.sessions.start(QUESTIONLESS)
        await send(da, s, variables=values, question=False)
        made = await variables(da, s)
        await send(da, s, variables=values, question=False, raw=True)
        raw = await variables(da, s)

        assert made["day"] == "2026-03-14T00:00:00-04:00"
        assert made["moment"] == "2026-03-14T08:00:00-04:00"
        assert made["who"]["name"]["_class"] == "docassemble.base.util.IndividualName"
        assert made["lost"] is None
        same = ("hour", "no_day", "list", "foreign")
        assert {name: made[name] for name in same} == {name: values[name] for name in same}
        assert {name: raw[name] for name in values} == values

    run(job)


def test_variables_are_set_and_deleted_by_path(run: Run) -> None:
    """Names may lead into objects, mappings and lists."""
    fruit = {"_class": "docassemble.base.util.DADict", "instanceName": "fruit", "elements": {}}

    async def job(da: AsyncDocassemble) -> None:
        s = await da.sessions.start(QUESTIONLESS)
        await send(da, s, variables={"fruit": fruit, "box": [1, 2], "a": 1}, question=False)
        await send(
            da,
            s,
            variables={"fruit['apple']": True, "fruit.color": "red", "box[-1]": 3},
            delete_variables=["a", "box[0]"],
            question=False,
        )
        await send(da, s, delete_variables=["fruit.color"], question=False)
        kept = await variables(da, s)

        assert kept["fruit"]["elements"] == {"apple": True}
        assert "color" not in kept["fruit"]
        assert (kept["box"], "a" in kept) == ([3], False)

    run(job)


def test_list_of_the_server_grows_to_what_is_set(run: Run) -> None:
    """A place beyond the end of a DAList can be set, that of a plain list cannot."""
    fruit = {"_class": "docassemble.base.util.DAList", "instanceName": "fruit", "elements": []}

    async def job(da: AsyncDocassemble) -> None:
        s = await da.sessions.start(QUESTIONLESS)
        await send(da, s, variables={"fruit": fruit, "plain": []}, question=False)
        await send(da, s, variables={"fruit[1]": "fig"}, question=False)
        with pytest.raises(BadRequest):
            await send(da, s, variables={"plain[0]": "fig"}, question=False)

        assert (await variables(da, s))["fruit"]["elements"] == [None, "fig"]

    run(job)


def test_actions_answer_save_and_ask(run: Run, fake: FakeServer) -> None:
    """A persistent one makes its question the current one until its event is answered."""
    add_letter(fake)

    async def job(da: AsyncDocassemble) -> None:
        s = await begin(da)
        replies = [
            await act(da, s, "count", arguments={"by": 3}),
            await act(da, s, "count", overwrite=True),
            await act(da, s, "count", read_only=True),
            await act(da, s, "no_such_action"),
            await act(da, s, "ask"),
            await act(da, s, "null"),
        ]
        told = await act(da, s, "tell", arguments={"color": "blå"})
        counted = await variables(da, s)
        await act(da, s, "ask", persistent=True)
        stacked = await variables(da, s)
        asked = await ask(da, s)
        stays = await send(da, s, variables={"other": 1})
        left = await send(da, s, event_list=asked.event_list)
        await act(da, s, "ask", persistent=True)
        named = await send(da, s, question_name=asked.question_name, event_list=["ask"])
        await send(
            da, s, variables={"client.name": "A", "kind": "json"}, question_name="Question_1"
        )
        after = await act(da, s, "nothing")

        assert replies == [None, None, None, None, None, JSONReply(None)]
        assert isinstance(told, JSONReply)
        assert isinstance(told.data, dict)
        assert told.data["args"] == {"color": "blå"}
        assert counted["counter"] == 4
        assert "admin@example.com" in stacked["_internal"]["event_stack"]
        assert (asked.question_text, asked.event_list) == ("Shade?", ["ask"])
        assert stays.question_text == "Shade?"
        assert left.question_text == named.question_text == "Name?"
        assert after == JSONReply({"name": "A"})
        await act(da, s, "ask", persistent=True)
        assert await said(send(da, s, event_list=["a = b"])) == "400 Illegal value as event name."

    run(job)


def test_uploads_become_file_lists(run: Run) -> None:
    """Several files of one field are elements of one list; a file goes with its session."""

    async def job(da: AsyncDocassemble) -> None:
        s = await da.sessions.start(QUESTIONLESS)
        files = [Upload(b"one", "größe 1.txt"), Upload(b"two", "noext")]
        await send(
            da, s, files={"f": files}, file_variables={"f": "my_files"}, question=False, raw=True
        )
        listed = (await variables(da, s))["my_files"]
        first, second = listed["elements"]
        text = await da.files.download(first["number"], filename="file.txt")
        plain = await da.files.download(second["number"])
        await da.sessions.delete(s.i, s.session)

        assert listed["_class"] == "docassemble.base.util.DAFileList"
        assert (first["filename"], first["extension"]) == ("größe 1.txt", "txt")
        assert (text.content, text.filename) == (b"one", "file.txt")
        assert (plain.content, plain.content_type) == (b"two", "application/octet-stream")
        assert await said(da.files.download(first["number"]).read()) == "404 File not found"

    run(job)


def test_secret_is_needed_only_where_answers_are_encrypted(run: Run, fake: FakeServer) -> None:
    """A given secret is not sent back; interviews for several users have none."""
    add_letter(fake, multi_user=True)

    async def job(da: AsyncDocassemble) -> None:
        given = await da.sessions.start(QUESTIONLESS, secret="x" * 24, url_args={"a": "é\n"})
        shared = await da.sessions.start(I)
        own = await da.sessions.get_variables(given.i, given.session, secret="x" * 24)
        await da.sessions.get_variables(shared.i, shared.session)

        assert (given.secret, given.encrypted) == (None, True)
        assert (shared.secret, shared.encrypted) == (None, False)
        assert own["url_args"] == {"a": "\\xe9\\n"}

    run(job)


def test_session_is_deleted_for_its_owner_only(run: Run, fake: FakeServer) -> None:
    """Somebody else's call changes nothing; a limited key needs two permissions."""
    ada = fake.add_user("ada@example.com")
    s = run(lambda da: da.sessions.start(QUESTIONLESS))

    run(lambda da: da.sessions.delete(s.i, s.session), ada)
    run(lambda da: da.sessions.delete(s.i, "unknown"), ada)

    assert fake._world.sessions.find(s.i, s.session) is not None
    fake._world.people.keys[0].permissions = ["access_sessions"]
    with pytest.raises(ServerError):
        run(lambda da: da.sessions.delete(s.i, s.session))


def test_progress_moves_on_request(run: Run, fake: FakeServer) -> None:
    """Each answer moves the bar on by some percent, if it asks for it."""
    add_letter(fake)

    async def job(da: AsyncDocassemble) -> None:
        s = await begin(da)
        asked = await send(da, s, advance_progress_meter=True)

        assert asked.progress == 5

    run(job)


def test_answers_are_a_mapping() -> None:
    """What is not defined is not in it, whatever the expression."""
    answers = Answers({"a": {"_class": "x", "b": 1}, "c": [1]})

    assert answers["a.b"] == answers["c[0]"] == 1
    assert [one in answers for one in ("a.b", "a.c", "c[1]", "d", "c.d")] == [True] + [False] * 4
    assert (list(answers), len(answers)) == (["a", "c"], 2)


def test_files_of_other_sessions_stay(run: Run) -> None:
    """Only those of the session that is deleted go."""

    async def job(da: AsyncDocassemble) -> None:
        gone, stays = await da.sessions.start(QUESTIONLESS), await da.sessions.start(QUESTIONLESS)
        for s in (gone, stays):
            await send(da, s, files={"f": Upload(b"x", "f.txt")}, question=False)
        await da.sessions.delete(gone.i, gone.session)

        assert (await da.files.download(2)).content == b"x"

    run(job)


def test_demo_counts_inhabitants(run: Run) -> None:
    """Any number but 42 needs no word about penalties."""

    async def job(da: AsyncDocassemble) -> None:
        s = await da.sessions.start(QUESTIONLESS)
        end = await send(da, s, variables={"favorite_number": 41})

        assert end == JSONReply({"final": True, "inhabitants": 3845})

    run(job)

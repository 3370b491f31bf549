"""Interviews written as YAML in the Playground of the fake server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from docassemble_client import (
    AsyncDocassemble,
    BinaryContent,
    JSONReply,
    Question,
    Session,
    UndefinedVariable,
    Upload,
)
from tests.testing.conftest import said
from tests.testing.letter import act, ask, send, variables

if TYPE_CHECKING:
    from tests.testing.conftest import Run

ALL = """
metadata:
  title: All
  tags: [one]
  required privileges: [admin]
---
imports: [math]
---
objects:
  - client: Individual
---
mandatory: True
question: Hello
continue button field: hello
---
mandatory: True
code: |
  client.name.first
  size = {"root": math.sqrt(square), "items": [1, (2, 3)], "odd": object()}
  if agrees:
    box = client
    the_end
---
question: Name of ${ client }?
fields:
  - First: client.name.first
  - label: Age
    field: client.age
    datatype: integer
    required: False
  - Fruit: fruit
    choices: [apple, fig]
---
id: agree
question: Agreed, ${ greeting }?
yesno: agrees
---
code: |
  greeting = "Ms. " + client.name.first
---
event: the_end
question: |
  The end
subquestion: |
  of ${ client.name.first }
---
event: tell
code: |
  json_response({"by": action_argument("by"), "there": defined("agrees")}, response_code=201)
---
event: say
code: |
  response("plain words")
---
event: send
code: |
  response(binaryresponse=b"x", content_type="a/b")
---
event: note
code: |
  session_tags().add("later")
  session_tags().add("more")
  noted = True
---
event: need
code: |
  unknown_thing
---
question: Both?
fields:
  - Both: both
continue button field: done
---
images:
  star: docassemble.demo:data/static/star.png
"""


async def begin(da: AsyncDocassemble, text: str = ALL) -> Session:
    """Put an interview into the Playground, and start it."""
    await da.playground.upload_files([Upload(text.encode(), "a.yml")], folder="questions")
    return await da.sessions.start("docassemble.playground1:a.yml")


def test_blocks_are_run_and_asked_as_they_are_needed(run: Run) -> None:
    """Mandatory ones in order; what they read leads to the block that defines it."""

    async def job(da: AsyncDocassemble) -> None:
        s = await begin(da)
        hello = await ask(da, s)
        name = await send(da, s, question_name=hello.question_name)
        needed = await send(da, s, variables={"client.name.first": "Ada"})
        agree = await send(da, s, variables={"client.name.first": "Ada", "square": 9})
        end = await send(da, s, variables={"agrees": True})
        kept = await variables(da, s)
        listed = (await da.sessions.list(tag="one")).items[0]

        assert (hello.question_type, hello.question_text) == ("settrue", "Hello")
        assert (name.question_text, name.event_list) == ("Name of client?", ["client.name.first"])
        assert [one.datatype for one in name.fields] == ["text", "integer", "text"]
        assert isinstance(needed, UndefinedVariable)
        assert needed.variable == "square"
        assert (agree.question_text, agree.question_name) == ("Agreed, Ms. Ada?", "ID agree")
        assert (agree.yes_label, agree.question_type) == ("Yes", "yesno")
        assert (end.question_text, end.subquestion_text) == ("The end", "of Ada")
        assert kept["size"] == {"root": 3.0, "items": [1, [2, 3]], "odd": None}
        assert kept["box"]["name"]["first"] == "Ada"
        assert (listed.title, listed.tags) == ("All", ["one"])

    run(job)


def test_actions_of_a_source_answer(run: Run) -> None:
    """With JSON, text, bytes or nothing; a question can be made the current one."""

    async def job(da: AsyncDocassemble) -> None:
        s = await begin(da)
        replies = [
            await act(da, s, "tell", arguments={"by": 1}),
            await act(da, s, "note"),
            await act(da, s, "need"),
            await act(da, s, "unknown"),
        ]
        said_words = await act(da, s, "say")
        sent = await act(da, s, "send")
        await act(da, s, "both", persistent=True)
        both = await ask(da, s)
        kept = await variables(da, s)
        brief = (await da.sessions.list()).items[0]
        whole = (await da.sessions.list(include_dictionary=True, secret=s.secret)).items[0]
        data = await da.interviews.get_data(s.i)

        assert (brief.tags, whole.tags) == (["one"], ["later", "more", "one"])
        assert "_session_tags" not in kept
        assert [one.var for one in data.names.images_list] == ["star"]
        assert data.names.templates_list == []
        names = {one.var: one.class_name for one in data.names.var_list}
        assert names.items() >= {"client": "Individual", "fruit": None}.items()
        assert replies == [JSONReply({"by": 1, "there": False}), None, None, None]
        assert isinstance(said_words, BinaryContent)
        assert said_words.text == "plain words"
        assert sent == BinaryContent(content=b"x", content_type="a/b")
        assert isinstance(both, Question)
        assert (both.question_text, both.question_variable_name) == ("Both?", "done")
        assert kept["noted"] is True

    run(job)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("question: [", "400 DASourceError: "),
        ("code: '1 +'", "400 DASourceError: "),
        ("mandatory: True\ncode: 1 / 0", "400 DAException: create_new_interview: failure to ass"),
        ("mandatory: True\ncode: a = 1", "400 DAException: create_new_interview: failure to ass"),
        ("mandatory: True\ncode: a\n---\ncode: |\n  if False:\n    a = 1", "400 DAException: cr"),
    ],
)
def test_source_that_cannot_run_says_why(run: Run, text: str, expected: str) -> None:
    """No YAML, no Python, an exception, no end, and a variable that is never defined."""

    async def job(da: AsyncDocassemble) -> None:
        assert (await said(begin(da, text))).startswith(expected)

    run(job)


def test_session_depends_on_its_source(run: Run) -> None:
    """A changed file is read anew; one that is gone cannot be run, and no YAML tells no names."""

    async def job(da: AsyncDocassemble) -> None:
        s = await begin(da, "mandatory: True\nquestion: One")
        one: Any = await ask(da, s)
        await da.playground.upload_files(
            [Upload(b"mandatory: True\nquestion: Two", "a.yml")], folder="questions"
        )
        two: Any = await ask(da, s)
        await da.playground.delete_file("a.yml", folder="questions")

        assert [one.question_text, two.question_text] == ["One", "Two"]
        assert await said(ask(da, s)) == "400 Reference to invalid playground path."
        assert await said(send(da, s)) == (
            "400 Problem getting current question:Reference to invalid playground path."
        )
        await da.playground.upload_files([Upload(b"[", "b.yml")], folder="questions")
        words = await said(da.interviews.get_data("docassemble.playground1:b.yml"))
        assert words.startswith("400 Error finding interview: ")

    run(job)


def test_source_may_leave_answers_unencrypted(run: Run) -> None:
    """It sets multi_user, and no secret is needed."""
    text = "mandatory: True\ncode: |\n  multi_user = True\n  color"

    async def job(da: AsyncDocassemble) -> None:
        s = await begin(da, text)

        assert (s.secret, s.encrypted) == (None, False)
        assert isinstance(await da.sessions.get_question(s.i, s.session), UndefinedVariable)

    run(job)


@pytest.mark.parametrize(
    ("kind", "datatype", "sign", "labels"),
    [
        ("yesno", "boolean", 1, ("Yes", "No", None)),
        ("noyes", "boolean", -1, ("No", "Yes", None)),
        ("yesnomaybe", "threestate", 1, ("Yes", "No", "I don't know")),
        ("noyesmaybe", "threestate", -1, ("No", "Yes", "I don't know")),
    ],
)
def test_closed_question_has_one_field_without_a_label(
    run: Run, kind: str, datatype: str, sign: int, labels: tuple[str | None, ...]
) -> None:
    """Its buttons are labelled; the field says which of them means true."""

    async def job(da: AsyncDocassemble) -> None:
        s = await begin(da, f"question: Sure?\n{kind}: sure\n---\nmandatory: True\ncode: sure")
        question = await ask(da, s)

        assert question.question_type == kind
        assert (question.yes_label, question.no_label, question.maybe_label) == labels
        (field,) = question.fields
        assert (field.datatype, field.sign, field.label) == (datatype, sign, None)
        assert field.true_label == ("Yes" if sign > 0 else None)

    run(job)


def test_field_says_what_its_datatype_demands(run: Run) -> None:
    """Boxes need no answer, files have a limit, and what learns tells its group."""
    fields = """
mandatory: True
question: Fields
fields:
  - Box: box
    datatype: noyes
  - Perhaps: perhaps
    datatype: yesnomaybe
  - File: file_there
    datatype: file
  - Age: age
    datatype: integer
  - Mood: mood
    datatype: ml
    using: moods
"""

    async def job(da: AsyncDocassemble) -> None:
        question = await ask(da, await begin(da, fields))
        box, perhaps, file, age, mood = question.fields

        assert (box.datatype, box.inputtype, box.sign, box.required) == (
            *("boolean", "noyes", -1),
            False,
        )
        assert (perhaps.datatype, perhaps.inputtype) == ("threestate", "yesnomaybe")
        assert (file.max, set(file.validation_messages)) == (16 * 1024 * 1024, {"max", "required"})
        assert set(age.validation_messages) == {"number", "required", "step"}
        assert mood.ml_info == {"group_id": "moods"}

    run(job)

"""Interviews written in YAML in the fake server's Playground."""

from __future__ import annotations

from typing import Any

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
from tests.testing.conftest import get_error_text
from tests.testing.letter_interview import get_question, get_variables, run_action, set_variables

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
  response("plain text")
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
  unknown_name
---
question: Both?
fields:
  - Both: both
continue button field: done
---
images:
  star: docassemble.demo:data/static/star.png
"""


async def start_interview(da: AsyncDocassemble, text: str = ALL) -> Session:
    """Upload an interview to the Playground and start it."""
    await da.playground.upload_files([Upload(text.encode(), "a.yml")], folder="questions")
    return await da.sessions.start("docassemble.playground1:a.yml")


async def test_blocks_are_run_when_they_are_needed(da: AsyncDocassemble) -> None:
    """Mandatory blocks run in order; a missing variable runs the block that defines it."""
    s = await start_interview(da)
    hello = await get_question(da, s)
    name = await set_variables(da, s, question_name=hello.question_name)
    needed = await set_variables(da, s, variables={"client.name.first": "Ada"})
    agree = await set_variables(da, s, variables={"client.name.first": "Ada", "square": 9})
    end = await set_variables(da, s, variables={"agrees": True})
    variables = await get_variables(da, s)
    session = (await da.sessions.list(tag="one")).items[0]

    assert (hello.question_type, hello.question_text) == ("settrue", "Hello")
    assert (name.question_text, name.event_list) == ("Name of client?", ["client.name.first"])
    assert [field.datatype for field in name.fields] == ["text", "integer", "text"]
    assert isinstance(needed, UndefinedVariable)
    assert needed.variable == "square"
    assert (agree.question_text, agree.question_name) == ("Agreed, Ms. Ada?", "ID agree")
    assert (agree.yes_label, agree.question_type) == ("Yes", "yesno")
    assert (end.question_text, end.subquestion_text) == ("The end", "of Ada")
    assert variables["size"] == {"root": 3.0, "items": [1, [2, 3]], "odd": None}
    assert variables["box"]["name"]["first"] == "Ada"
    assert (session.title, session.tags) == ("All", ["one"])


async def test_actions_of_a_yaml_interview_return_values(da: AsyncDocassemble) -> None:
    """JSON, text, bytes or nothing; a persistent action shows a question."""
    s = await start_interview(da)
    replies = [
        await run_action(da, s, "tell", arguments={"by": 1}),
        await run_action(da, s, "note"),
        await run_action(da, s, "need"),
        await run_action(da, s, "unknown"),
    ]
    text = await run_action(da, s, "say")
    binary = await run_action(da, s, "send")
    await run_action(da, s, "both", persistent=True)
    both = await get_question(da, s)
    variables = await get_variables(da, s)
    brief = (await da.sessions.list()).items[0]
    whole = (await da.sessions.list(include_dictionary=True, secret=s.secret)).items[0]
    data = await da.interviews.get_data(s.i)

    assert (brief.tags, whole.tags) == (["one"], ["later", "more", "one"])
    assert "_session_tags" not in variables
    assert [image.var for image in data.names.images_list] == ["star"]
    assert data.names.templates_list == []
    names = {variable.var: variable.class_name for variable in data.names.var_list}
    assert names.items() >= {"client": "Individual", "fruit": None}.items()
    assert replies == [JSONReply({"by": 1, "there": False}), None, None, None]
    assert isinstance(text, BinaryContent)
    assert text.text == "plain text"
    assert binary == BinaryContent(content=b"x", content_type="a/b")
    assert isinstance(both, Question)
    assert (both.question_text, both.question_variable_name) == ("Both?", "done")
    assert variables["noted"] is True


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
async def test_an_invalid_interview_cannot_start(
    da: AsyncDocassemble, text: str, expected: str
) -> None:
    """Invalid YAML or Python, an exception, a missing end, and a variable without definition."""
    assert (await get_error_text(start_interview(da, text))).startswith(expected)


async def test_a_session_uses_the_current_file(da: AsyncDocassemble) -> None:
    """A changed file is reloaded; a deleted or invalid file is an error."""
    s = await start_interview(da, "mandatory: True\nquestion: One")
    first: Any = await get_question(da, s)
    await da.playground.upload_files(
        [Upload(b"mandatory: True\nquestion: Two", "a.yml")], folder="questions"
    )
    second: Any = await get_question(da, s)
    await da.playground.delete_file("a.yml", folder="questions")

    assert [first.question_text, second.question_text] == ["One", "Two"]
    assert await get_error_text(get_question(da, s)) == "400 Reference to invalid playground path."
    assert await get_error_text(set_variables(da, s)) == (
        "400 Problem getting current question:Reference to invalid playground path."
    )
    await da.playground.upload_files([Upload(b"[", "b.yml")], folder="questions")
    error = await get_error_text(da.interviews.get_data("docassemble.playground1:b.yml"))
    assert error.startswith("400 Error finding interview: ")


async def test_an_interview_may_store_answers_unencrypted(da: AsyncDocassemble) -> None:
    """It sets multi_user; the session then needs no secret."""
    text = "mandatory: True\ncode: |\n  multi_user = True\n  color"

    s = await start_interview(da, text)

    assert (s.secret, s.encrypted) == (None, False)
    assert isinstance(await da.sessions.get_question(s.i, s.session), UndefinedVariable)


@pytest.mark.parametrize(
    ("kind", "datatype", "sign", "labels"),
    [
        ("yesno", "boolean", 1, ("Yes", "No", None)),
        ("noyes", "boolean", -1, ("No", "Yes", None)),
        ("yesnomaybe", "threestate", 1, ("Yes", "No", "I don't know")),
        ("noyesmaybe", "threestate", -1, ("No", "Yes", "I don't know")),
    ],
)
async def test_a_yes_no_question_has_a_single_field_without_a_label(
    da: AsyncDocassemble, kind: str, datatype: str, sign: int, labels: tuple[str | None, ...]
) -> None:
    """The buttons have labels; the field's sign says which button means true."""
    s = await start_interview(
        da, f"question: Sure?\n{kind}: sure\n---\nmandatory: True\ncode: sure"
    )
    question = await get_question(da, s)

    assert question.question_type == kind
    assert (question.yes_label, question.no_label, question.maybe_label) == labels
    (field,) = question.fields
    assert (field.datatype, field.sign, field.label) == (datatype, sign, None)
    assert field.true_label == ("Yes" if sign > 0 else None)


async def test_a_field_has_the_properties_of_its_datatype(da: AsyncDocassemble) -> None:
    """Checkboxes are not required, files have a size limit, ml fields have a group."""
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

    question = await get_question(da, await start_interview(da, fields))
    box, perhaps, file, age, mood = question.fields

    assert (box.datatype, box.inputtype, box.sign, box.required) == (
        *("boolean", "noyes", -1),
        False,
    )
    assert (perhaps.datatype, perhaps.inputtype) == ("threestate", "yesnomaybe")
    assert (file.max, set(file.validation_messages)) == (16 * 1024 * 1024, {"max", "required"})
    assert set(age.validation_messages) == {"number", "required", "step"}
    assert mood.ml_info == {"group_id": "moods"}

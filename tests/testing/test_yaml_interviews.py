"""Interviews written in YAML in the fake server's Playground."""

from __future__ import annotations

from io import BytesIO
from typing import Any
from zipfile import ZipFile

import pytest

from docassemble_client import (
    APIError,
    AsyncDocassemble,
    BinaryContent,
    JSONReply,
    Question,
    Session,
    UndefinedVariable,
    Upload,
)
from docassemble_client.testing import SessionVariables
from docassemble_client.testing._yaml.document_templates import extract_text
from tests.testing.conftest import get_error_text
from tests.testing.letter_interview import get_question, get_variables, run_action, set_variables
from tests.testing.yaml_interviews import REFUSED_BY_DOCASSEMBLE, SUPPORTED, UNSUPPORTED

ALL = """
metadata:
  title: All
  short title: A
  tags: [one]
---
modules:
  - docassemble.base.util
---
mandatory: True
question: Hello
field: hello
---
mandatory: True
code: |
  first_name
  size = square * 2
  if agrees:
    the_end
---
question: Name of ${ title_text }?
fields:
  - First: first_name
  - label: Age
    field: age
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
  title_text = "you"
  greeting = "Ms. " + first_name
---
event: the_end
question: |
  The end
subquestion: |
  of ${ first_name }
---
event: tell
code: |
  json_response({"by": action_argument("by"), "there": [defined("agrees")]}, response_code=201)
---
event: say
code: |
  response("plain text")
---
event: note
code: |
  session_tags().add("later")
  session_tags().add("more")
  noted = True
---
event: ask_unknown
code: |
  unknown_name
---
event: choose
code: |
  counted = 1
  both
---
event: end
code: |
  both
  json_response(both)
---
event: describe
question: Described ${ first_name }
---
code: |
  helper = 1
---
question: Both?
fields:
  - Both: both
continue button field: done
"""


async def start_interview(da: AsyncDocassemble, text: str = ALL) -> Session:
    """Upload an interview to the Playground and start it."""
    await da.playground.upload_files([Upload(text.encode(), "a.yml")], folder="questions")
    return await da.sessions.start("docassemble.playground1:a.yml")


async def get_refusal(da: AsyncDocassemble, text: str) -> str:
    """Start an interview that the fake server does not support; return the error text."""
    with pytest.raises(APIError) as error:
        await start_interview(da, text)
    assert error.value.status == 501
    assert isinstance(error.value.body, str)
    return error.value.body


async def test_blocks_are_run_when_they_are_needed(da: AsyncDocassemble) -> None:
    """Mandatory blocks run in order; a missing variable runs the block that defines it."""
    s = await start_interview(da)
    hello = await get_question(da, s)
    name = await set_variables(da, s, question_name=hello.question_name)
    needed = await set_variables(da, s, variables={"first_name": "Ada"})
    agree = await set_variables(da, s, variables={"first_name": "Ada", "square": 9})
    end = await set_variables(da, s, variables={"agrees": True})
    variables = await get_variables(da, s)
    session = (await da.sessions.list(tag="one")).items[0]

    assert (hello.question_type, hello.question_name) == ("settrue", "Question_1")
    assert (name.question_text, name.event_list) == ("Name of you?", ["first_name"])
    assert (name.title, name.short_title) == ("All", "A")
    assert [field.datatype for field in name.fields] == ["text", "integer", "text"]
    assert isinstance(needed, UndefinedVariable)
    assert needed.variable == "square"
    assert (agree.question_text, agree.question_name) == ("Agreed, Ms. Ada?", "ID agree")
    assert (agree.yes_label, agree.question_type) == ("Yes", "yesno")
    assert (end.question_text, end.subquestion_text) == ("The end", "of Ada")
    assert variables["size"] == 18
    assert (session.title, session.tags) == ("All", ["one"])


async def test_actions_of_a_yaml_interview_return_values(da: AsyncDocassemble) -> None:
    """JSON, text or nothing; a persistent action shows a question."""
    s = await start_interview(da)
    replies = [
        await run_action(da, s, "tell", arguments={"by": 1}),
        await run_action(da, s, "note"),
        await run_action(da, s, "unknown"),
        await run_action(da, s, "choose"),
    ]
    text = await run_action(da, s, "say")
    await run_action(da, s, "both", persistent=True)
    both = await get_question(da, s)
    variables = await get_variables(da, s)
    brief = (await da.sessions.list()).items[0]
    whole = (await da.sessions.list(include_dictionary=True, secret=s.secret)).items[0]
    data = await da.interviews.get_data(s.i)

    assert (brief.tags, whole.tags) == (["one"], ["later", "more", "one"])
    assert "_session_tags" not in variables
    names = {variable.var: variable.class_name for variable in data.names.var_list}
    assert names.items() >= {"first_name": None, "fruit": None}.items()
    assert replies == [JSONReply({"by": 1, "there": [False]}), None, None, None]
    assert isinstance(text, BinaryContent)
    assert text.text == "plain text"
    assert isinstance(both, Question)
    assert (both.question_text, both.question_variable_name) == ("Both?", "done")
    assert (variables["noted"], variables["counted"]) == (True, 1)


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


@pytest.mark.parametrize("name", SUPPORTED)
async def test_supported_interviews_start(da: AsyncDocassemble, name: str) -> None:
    """The live tests compare them with a real server."""
    s = await start_interview(da, SUPPORTED[name])

    assert await get_question(da, s) is not None


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("no YAML", "400 DASourceError: Error reading YAML file docassemble.playground1:a.yml in"),
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


async def test_a_session_uses_the_current_file(da: AsyncDocassemble) -> None:
    """A changed file is reloaded; a deleted or invalid file is an error."""
    s = await start_interview(da, "mandatory: True\nquestion: One")
    first: Any = await get_question(da, s)
    await da.playground.upload_files(
        [Upload(b"mandatory: True\r\nquestion: Two", "a.yml")], folder="questions"
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


async def test_a_document_is_assembled_once(da: AsyncDocassemble) -> None:
    """Later it has a second format, and the text that it had at first."""
    s = await start_interview(da, SUPPORTED["document"])
    first = await set_variables(da, s, variables={"full_name": "Ada"})
    second = await set_variables(da, s, variables={"full_name": "Alan"})
    (attachment,), (again,) = first.attachments, second.attachments
    file = await da.files.download(attachment.number["docx"])

    assert attachment.valid_formats == again.valid_formats == ["docx"]
    assert (attachment.name, attachment.filename) == ("Letter to you", "letter")
    assert again.filename_with_extension == {"docx": "letter.docx", "rtf to docx": "letter.docx"}
    assert again.number["docx"] == attachment.number["docx"]
    assert extract_text(file.content).startswith("Dear Ada,\n\nThanks")
    assert "[Content_Types].xml" in ZipFile(BytesIO(file.content)).namelist()
    assert "_documents" not in await get_variables(da, s)
    assert "Markdown and quotation marks" in await get_error_text(
        start_document(da, "*Ada*"),
    )


async def start_document(da: AsyncDocassemble, name: str) -> object:
    """Assemble the document for another name, in a new session."""
    s = await start_interview(da, SUPPORTED["document"])
    return await set_variables(da, s, variables={"full_name": name})


@pytest.mark.parametrize(
    ("blocks", "message"),
    [
        (
            "code: apple = berry\n---\ncode: berry = apple",
            "There appears to be an infinite loop.  ",
        ),
        (
            "code: apple = apple + 1",
            "Infinite loop: apple already looked for, where stack is set()",
        ),
        ("event: apple\ncode: pass", "There appears to be a circularity.  Variables involved: ap"),
        (
            "code: apple = berry\n---\nevent: berry\ncode: pass",
            "Infinite loop detected while looking for apple",
        ),
    ],
)
async def test_variables_that_are_never_defined_are_an_error(
    da: AsyncDocassemble, blocks: str, message: str
) -> None:
    """The message names the variables, as the server's does."""
    text = f"mandatory: True\ncode: apple\n---\n{blocks}\n"

    assert f"DASourceError: {message}" in await get_error_body(da, text)


async def get_error_body(da: AsyncDocassemble, text: str) -> str:
    """Start an interview that fails; return the whole error text."""
    with pytest.raises(APIError) as error:
        await start_interview(da, text)
    return str(error.value.body)


async def test_an_event_that_never_ends_is_an_error(da: AsyncDocassemble) -> None:
    """Its code needs a variable that another event does not define."""
    text = "mandatory: True\nquestion: A\n---\nevent: endless\ncode: apple\n---\n# nothing\n---\n"
    s = await start_interview(da, f"{text}event: apple\ncode: |\n  pass\n")

    assert "circularity" in await get_error_text(run_action(da, s, "endless"))


async def test_a_needed_block_may_end_the_interview(da: AsyncDocassemble) -> None:
    """A response of a block that defines a variable is the end as well."""
    text = "mandatory: True\ncode: the_end\n---\nevent: the_end\ncode: json_response(5)\n"

    s = await start_interview(da, text)

    assert await da.sessions.get_question(s.i, s.session, secret=s.secret) == JSONReply(5)


async def test_characters_that_yaml_does_not_allow_are_an_error(da: AsyncDocassemble) -> None:
    """As on the server."""
    assert "DASourceError: Error reading YAML" in await get_error_body(da, "question: \x07")


def test_texts_contain_dates_and_names_of_objects() -> None:
    """As docassemble prints them."""
    variables = SessionVariables({"user": {"_class": "a.B", "instanceName": "user"}, "n": 5})

    assert variables.fill_in("${ user } ${ n }") == "user 5"


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

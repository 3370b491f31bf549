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
    UndefinedVariable,
    Upload,
)
from docassemble_client.testing import SessionVariables
from docassemble_client.testing._yaml.document_templates import extract_text
from tests.testing.conftest import get_error_text
from tests.testing.letter_interview import get_question, get_variables, run_action, set_variables
from tests.testing.yaml_interviews import SUPPORTED, start_interview


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


@pytest.mark.parametrize("name", SUPPORTED)
async def test_supported_interviews_start(da: AsyncDocassemble, name: str) -> None:
    """The live tests compare them with a real server."""
    s = await start_interview(da, SUPPORTED[name])

    assert await get_question(da, s) is not None


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

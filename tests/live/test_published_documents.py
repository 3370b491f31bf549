"""Documents of interviews that end like published ones: what a person could have downloaded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from docassemble_client import (
    AnswerPolicy,
    InterviewFailed,
    MissingAnswer,
    NoDocuments,
    Question,
    Screen,
)
from tests.live import document_interviews as interviews
from tests.live.interviews import get_heading, temporary_interview
from tests.live.published_interviews import CODE_AND_VARIABLE

if TYPE_CHECKING:
    from docassemble_client import Documents
    from tests.live.conftest import Connect

pytestmark = pytest.mark.unrecorded
ADA: dict[str, Any] = {"name": "Ada", "letter_seen": True}
FIRST_CHOICE = AnswerPolicy.first_choice


async def assemble(
    connect: Connect, text: str, answers: Any = None, **options: Any
) -> tuple[Documents, list[str]]:
    """
    Assemble the documents of an interview, also as the only row of a batch.

    Returns:
        The documents, and the operations of the client.
    """
    answers = ADA if answers is None else answers
    operations: list[str] = []
    async with connect() as da, temporary_interview(da, text) as i:
        recorded = da.with_options(on_event=lambda event: operations.append(event.operation))
        documents = await recorded.interview(i).assemble(answers, **options)
        (result,) = [row async for row in da.interview(i).assemble_many([answers], **options)]

    assert result.error is None
    assert result.documents is not None
    assert describe(result.documents) == describe(documents)
    assert result.documents.transcript.end_type == documents.transcript.end_type
    return documents, operations


def describe(documents: Documents) -> list[tuple[str, str, bool]]:
    """Return format and source of each document, and whether its content is not empty."""
    return [(item.format, item.source, bool(item.content)) for item in documents]


async def run_to_error(connect: Connect, text: str, answers: Any = None) -> InterviewFailed:
    """Run an interview that fails."""
    async with (
        connect() as da,
        temporary_interview(da, text) as i,
        da.interview(i).session() as s,
    ):
        with pytest.raises(InterviewFailed) as caught:
            await s.run(ADA if answers is None else answers, policy=FIRST_CHOICE)
    assert caught.value.transcript is not None
    assert "Ada" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize("policy", AnswerPolicy)
async def test_screen_with_documents_and_exit_buttons_is_the_end(
    connect: Connect, policy: AnswerPolicy
) -> None:
    """No policy presses "Start again" or "Leave"; nothing else is sent than the name."""
    documents, operations = await assemble(connect, interviews.END_WITH_BUTTONS, policy=policy)

    transcript = documents.transcript
    assert [document.content for document in documents] == [b"Dear Ada"]
    assert (transcript.end_type, get_heading(transcript.final)) == ("buttons", "Your letter")
    assert [step.question for step in transcript.steps] == ["Question_0"]
    assert operations.count("sessions.set_variables") == operations.count("files.download")


async def test_pressed_exit_button_keeps_the_documents(connect: Connect) -> None:
    """The end type is the button's command; the last screen is the one with the button."""
    answers = {"name": "Ada", "Question_3": "Leave"}

    documents, _ = await assemble(connect, interviews.END_WITH_BUTTONS, answers)

    transcript = documents.transcript
    assert [document.content for document in documents] == [b"Dear Ada"]
    assert (transcript.end_type, get_heading(transcript.final)) == ("exit", "Your letter")


async def test_policy_presses_the_button_that_continues(connect: Connect) -> None:
    """It leaves out "Start again", although that is the first choice."""
    text = interviews.END_WITH_A_BUTTON_THAT_CONTINUES

    documents, _ = await assemble(connect, text, policy=FIRST_CHOICE)

    assert [document.content for document in documents] == [b"Dear Ada"]
    assert get_heading(documents.transcript.final) == "The end"
    with pytest.raises(MissingAnswer):
        await assemble(connect, text)


async def test_message_is_the_end(connect: Connect) -> None:
    """message() turns a user away, with buttons that exit and restart."""
    with pytest.raises(NoDocuments, match=r"on question 'Question_Temp' \(buttons\)"):
        await assemble(connect, interviews.MESSAGE)


async def test_pressed_restart_button_is_taken_back(connect: Connect) -> None:
    """A policy may press it where only the server's reply tells what it does."""
    async with (
        connect() as da,
        temporary_interview(da, interviews.GOODBYE_WITH_UNREADABLE_BUTTONS) as i,
        da.interview(i).session() as s,
    ):
        transcript = await s.run({"name": "Ada"}, policy=FIRST_CHOICE)

        assert (transcript.end_type, len(transcript.steps)) == ("buttons", 1)
        assert get_heading(transcript.final) == get_heading(await s.question()) == "Goodbye, Ada"


@pytest.mark.parametrize("policy", [AnswerPolicy.strict, AnswerPolicy.generated])
@pytest.mark.parametrize("text", [interviews.GOODBYE_WITH_BUTTONS, interviews.THANK_YOU])
async def test_documents_of_an_earlier_screen_are_returned(
    connect: Connect, text: str, policy: AnswerPolicy
) -> None:
    """The last screen only says goodbye, with or without buttons."""
    documents, _ = await assemble(connect, text, policy=policy)

    (document,) = documents
    assert (document.name, document.format, document.filename) == ("Letter", "md", "letter.md")
    assert (document.content, document.source) == (b"Dear Ada", "attachment")
    assert document.question == "Question_1"


async def test_later_version_of_a_document_wins(connect: Connect) -> None:
    """The letter is that of the second screen; the form is only on the first one."""
    answers = {"name": "Ada", "draft_seen": True, "final_seen": True}

    documents, _ = await assemble(connect, interviews.TWO_VERSIONS, answers)

    assert [(document.variable, document.format) for document in documents] == [
        ("letter", "md"), ("form", "pdf")
    ]  # fmt: skip
    assert documents["letter"].question != documents["form"].question
    assert documents["form"].content.startswith(b"%PDF-")


async def test_several_documents_with_one_name_are_kept(connect: Connect) -> None:
    """Their file names become unique."""
    documents, _ = await assemble(connect, interviews.ONE_NAME)

    contents = {document.filename: document.content for document in documents}
    assert contents == {"letter.md": b"Dear Ada", "letter (1).md": b"Goodbye Ada"}


@pytest.mark.parametrize(
    "link",
    [
        "[Get](${ letter.md.url_for() })",
        '[Get](${ letter.md.url_for(attachment=True) } "Your letter")',
        "[Get](${ letter.md.url_for(external=True) })",
        "[Get](${ letter.url_for() })",
        "[Get](${ letter.md.url_for(display_filename='letter.md') })",
        "[Get](${ letter.md.url_for() }?filename=letter.md)",
        "[Get](/uploadedfile/${ letter.md.number })",
        "[Get](/uploadedfile/${ letter.md.number }.md)",
        "[Get](${ letter.md.url_for(temporary=True) })",
        '<a class="btn" href="${ letter.md.url_for() }">Get</a>',
        "<a href='${ letter.md.url_for() }?a=1&amp;b=2'>Get</a>",
        "${ action_button_html(letter.md.url_for(), label='Get') }",
        "[FILE ${ letter.md.number }]",
        "[FILE ${ letter.md.number }, 50%]",
    ],
)
async def test_file_that_the_text_links_to_is_a_document(connect: Connect, link: str) -> None:
    """In every spelling; the variable is known if it is asked for."""
    text = interviews.make_linked_letter(link)

    documents, _ = await assemble(connect, text)
    (document,) = documents
    selected, _ = await assemble(connect, text, documents=("letter",))

    assert (document.content, document.source, document.format) == (b"Dear Ada", "link", "md")
    assert [(item.name, item.variable, item.content) for item in selected] == [
        ("Letter", "letter", b"Dear Ada")
    ]


@pytest.mark.parametrize("link", ["<img src='/uploadedfile/${ letter.md.number }'>", "${ letter }"])
async def test_document_without_a_link_is_in_the_variables(connect: Connect, link: str) -> None:
    """If no screen offers a document, those of the variables are returned."""
    documents, _ = await assemble(connect, interviews.make_linked_letter(link))

    (document,) = documents
    assert (document.content, document.source) == (b"Dear Ada", "variable")


async def test_documents_are_in_the_variables_only(connect: Connect) -> None:
    """The interview sends them by e-mail; a variable selects one of them."""
    text = interviews.ONLY_IN_VARIABLES

    documents, _ = await assemble(connect, text)
    (form,), _ = await assemble(connect, text, documents=("form",))

    assert sorted(document.variable for document in documents) == ["form", "letter"]
    assert (form.name, form.format, form.source) == ("Form", "pdf", "variable")
    assert form.content.startswith(b"%PDF-")
    with pytest.raises(NoDocuments, match="Variables with files: form, letter"):
        await assemble(connect, text, documents=("letter", "forms"))


async def test_file_response_is_the_first_document(connect: Connect) -> None:
    """The documents of earlier screens follow."""
    documents, _ = await assemble(connect, interviews.FILE_RESPONSE)

    assert [(document.source, document.content) for document in documents] == [
        ("response", b"Dear Ada"), ("attachment", b"Dear Ada")
    ]  # fmt: skip
    assert documents.transcript.end_type == "response"


async def test_menu_lists_its_actions(connect: Connect) -> None:
    """The caller runs an action, and then the rest of the interview."""
    async with (
        connect() as da,
        temporary_interview(da, interviews.MENU) as i,
        da.interview(i).session() as s,
    ):
        menu = await s.run()
        assert (menu.end_type, menu.steps) == ("menu", ())
        choices = [(item.label, item.name, dict(item.arguments)) for item in menu.actions]
        assert sorted(choices) == [
            ("Write a form", "pick", {"doc": "form"}),
            ("Write a letter", "pick", {"doc": "letter"}),
        ]
        assert isinstance(menu.final, Question)
        assert Screen(menu.final).actions == menu.actions
        action = next(item for item in menu.actions if item.label == "Write a letter")
        await s.action(action.name, action.arguments, persistent=True)
        end = await s.run({"name": "Ada"})
        assert get_heading(end.final) == "The letter to Ada"
        with pytest.raises(NoDocuments, match=r"\(menu\) without a document.*action \(pick\)"):
            await da.interview(i).assemble()


async def test_unreadable_variables_end_the_run(connect: Connect) -> None:
    """The error names the field, and has the transcript."""
    error = await run_to_error(connect, interviews.BROKEN_VARIABLES)

    assert "which the choice of 'helper' needs" in str(error)
    assert error.operation == "sessions.get_variables"


async def test_unreadable_variables_at_the_end_leave_what_the_screen_shows(
    connect: Connect,
) -> None:
    """Without a document on a screen, the error says that they cannot be read."""
    documents, _ = await assemble(connect, interviews.UNREADABLE_END_WITH_LETTER, {})
    assert describe(documents) == [("md", "attachment", True)]

    with pytest.raises(NoDocuments, match="could not return the session's variables") as caught:
        await assemble(connect, interviews.UNREADABLE_END, {})
    assert isinstance(caught.value.__cause__, InterviewFailed)
    assert caught.value.__cause__.body


async def test_screen_that_the_server_cannot_describe_names_the_field(connect: Connect) -> None:
    """The server's error is a bare number."""
    error = await run_to_error(connect, CODE_AND_VARIABLE)

    assert (error.body, error.exception) == ("2", "KeyError")
    assert "could not describe field 2 of the screen" in str(error)


@pytest.mark.parametrize(
    ("text", "exception", "words"),
    [
        (interviews.WITHOUT_END, "DAErrorNoEndpoint", "no end screen (DAErrorNoEndpoint): Docass"),
        (interviews.RAISES, "ValueError", "or a template in it, raised ValueError"),
    ],
)
async def test_error_tells_a_missing_end_from_code_that_raised(
    connect: Connect, text: str, exception: str, words: str
) -> None:
    """The message of an exception may contain answers, and is only in the body."""
    error = await run_to_error(connect, text)

    assert error.exception == exception
    assert words in str(error)

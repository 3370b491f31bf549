"""InterviewFailed says why, in the server's words where they hold no answer."""

from __future__ import annotations

from typing import Any

import pytest

from docassemble_client import BadRequest, InterviewFailed, ServerError
from tests.workflows.documents import DocumentServer
from tests.workflows.screens import ScriptedServer, make_field, make_screen, run_interview

ASSEMBLY = "Problem getting current question:get_question_data: failure to assemble interview: "
NO_END = (
    "DAErrorNoEndpoint: Docassemble has finished executing all code blocks marked as initial or "
    "mandatory, and finished asking all questions marked as mandatory (if any).  It is a best "
    "practice to end your interview with a question that says goodbye."
)
YAML = (
    "Error reading YAML file docassemble.demo:data/questions/a.yml in the block on line 4\n\n"
    "Document source code was:\n\n---\nfoo: bar\n---\n\nError was:\n\n"
    "mapping values are not allowed in this context\n  in a.yml, line 8, column 6"
)
SYNTAX = "DASourceError: Syntax Error: invalid syntax\n\nIn file a.yml in the block on line 4:\n\nx"
LOOP = "DASourceError: There appears to be an infinite loop.  Variables in stack are a, b."
START = "DAException: create_new_interview: failure to assemble interview: "


class FailingServer(ScriptedServer):
    """A server that asks for a name and then fails with this status and body."""

    def __init__(self, body: str, status: int = 400) -> None:
        super().__init__(make_screen(make_field("name")), status)
        self._body = body

    def _reply(self, request: Any) -> Any:
        reply: Any = super()._reply(request)
        return (reply[0], self._body) if reply[0] in {400, 500, 501} else reply


async def fail(body: str, status: int = 400) -> InterviewFailed:
    """Run an interview that fails with this body."""
    with pytest.raises(InterviewFailed) as caught:
        await run_interview(FailingServer(body, status), {"name": "hunter2"})
    return caught.value


@pytest.mark.parametrize(
    ("body", "exception", "text"),
    [
        (ASSEMBLY + NO_END, "DAErrorNoEndpoint", "has no end screen (DAErrorNoEndpoint): Docass"),
        (ASSEMBLY + NO_END, "DAErrorNoEndpoint", "Add a mandatory question to the end"),
        (ASSEMBLY + "ZeroDivisionError: hunter2", "ZeroDivisionError", "raised ZeroDivisionError"),
        (ASSEMBLY + "DASourceError: Got error hunter2", "DASourceError", "raised DASourceError"),
        (ASSEMBLY + "Failure: Syntax Error: hunter2", "Failure", "raised Failure"),
        ("Error processing session: KeyError: 'hunter2'", "KeyError", "raised KeyError"),
        (ASSEMBLY + SYNTAX, "DASourceError", "error: Syntax Error: invalid syntax in a.yml in the"),
        (ASSEMBLY + LOOP, "DASourceError", "an infinite loop.  Variables in stack are a, b."),
        (ASSEMBLY + SYNTAX.partition("\n")[0], "DASourceError", "Syntax Error: invalid syntax."),
        (YAML, "DASourceError", "a.yml in the block on line 4: mapping values are not allowed in"),
        (f"Problem getting current question:{YAML}", "DASourceError", "a.yml, line 8, column 6"),
        (YAML.partition("\n")[0], "DASourceError", "a.yml in the block on line 4. Correct"),
        ("7", "KeyError", "could not describe field 7 of the screen"),
        ("Problem getting current question:'0_1'", "KeyError", "describe field 0_1 of the"),
        ("Problem setting variables:hunter2", "", "the server refused an answer"),
        ("Problem setting variables:name 'client' is not defined", "", "its object is not defined"),
        ("name 'client.docs' is not defined", "", "its object is not defined"),
        ("name 'client.docs' is not defined", "", "the object before the dot or bracket"),
        ("hunter2", "", "the server refused an answer, or could not run the interview"),
    ],
)
async def test_error_says_why(body: str, exception: str, text: str) -> None:
    """It tells a missing end from code that raised, and never shows what users typed."""
    error = await fail(body)

    assert text in str(error)
    assert error.exception == exception
    assert error.body == body
    assert "hunter2" not in f"{error} {error!r}"
    assert error.transcript is not None
    assert [step.question for step in error.transcript.steps] == ["Question_0"]


async def test_exception_that_the_server_does_not_expect_is_a_failed_interview() -> None:
    """Status 501 means that the interview raised; other statuses are errors of the server."""
    assert (await fail("<html>", 501)).body == "<html>"
    with pytest.raises(ServerError):
        await run_interview(FailingServer("Down", 500), {"name": "Ada"})


@pytest.mark.parametrize("status", [400, 501])
async def test_unreadable_variables_name_the_field(status: int) -> None:
    """An object field needs the variables; the error has the transcript and says what to do."""
    helper = make_field("helper", datatype="object", choices=[{"label": "A", "value": "people[0]"}])
    server = DocumentServer(make_screen(make_field("name")), make_screen(helper))
    server.variables_status = status

    with pytest.raises(InterviewFailed, match="which the choice of 'helper' needs") as caught:
        await run_interview(server, {"name": "Ada", "helper": "people[0]"})

    assert caught.value.operation == "sessions.get_variables"
    assert caught.value.transcript is not None
    assert len(caught.value.transcript.steps) == 1


async def test_server_that_fails_is_not_a_failed_interview() -> None:
    """An object field on a server that is down raises the server's error."""
    helper = make_field("helper", datatype="object", choices=[{"label": "A", "value": "people[0]"}])
    server = DocumentServer(make_screen(helper))
    server.variables_status = 500

    with pytest.raises(ServerError):
        await run_interview(server, {"helper": "people[0]"})


@pytest.mark.parametrize(
    ("body", "hint"),
    [
        (f"{START}{NO_END}\nTraceback hunter2", "The interview has no end screen (DAErrorNoEndpo"),
        (f"{START}{LOOP}\nTraceback hunter2", "The interview has an error: There appears to be"),
        (f"{START}KeyError: hunter2\nTraceback", "code, or a template in it, raised KeyError."),
        (f"{START}DASourceError: Got error hunter2", "in it, raised DASourceError. "),
        ("DASourceError: Missing docx template file a.docx", "Missing docx template file a.docx. "),
        (
            f"DASourceError: {YAML}",
            "the block on line 4: mapping values are not allowed in this",
        ),
        ("Parameter i is required.", "is required. Pass the file name of the interview as i."),
    ],
)
async def test_interview_that_cannot_start_says_why(body: str, hint: str) -> None:
    """Before the first question, errors of the source hold no answer; exceptions may."""

    class FailingStart(ScriptedServer):
        def _reply(self, request: Any) -> Any:  # noqa: ARG002 - the same reply to all
            return 400, body

    with pytest.raises(BadRequest) as caught:
        await run_interview(FailingStart())

    assert hint in str(caught.value)
    assert "hunter2" not in str(caught.value)


async def test_error_with_a_long_traceback_says_why() -> None:
    """The client reads only the beginning of a long body, which is then not JSON."""

    class FailingStart(ScriptedServer):
        def _reply(self, request: Any) -> Any:  # noqa: ARG002 - the same reply to all
            return 400, f"{START}{LOOP}\nTraceback\n" + "x" * 100_000

    with pytest.raises(BadRequest, match="There appears to be an infinite loop"):
        await run_interview(FailingStart())

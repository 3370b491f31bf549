"""Responses of sessions: questions, undefined variables and final values."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from zlib import crc32

import docassemble_client.models as models
from docassemble_client.responses import BinaryContent, JSONReply
from docassemble_client.testing._handlers.debug_data import make_source
from docassemble_client.testing._handlers.menu import make_menu
from docassemble_client.testing._handlers.question_fields import make_screen_keys
from docassemble_client.testing._server.messages import FakeResponse, make_json_response, to_json
from docassemble_client.testing.interviews import (
    FinalValue,
    NeedVariable,
    SessionVariables,
    ShowScreen,
)
from docassemble_client.testing.recordings import (
    EMAIL_PLACEHOLDER,
    HOST_PLACEHOLDER,
    INTERVIEW_PLACEHOLDER,
    SECRET_PLACEHOLDER,
    SERVER_PLACEHOLDER,
    SESSION_PLACEHOLDER,
    ReplayedReply,
)

if TYPE_CHECKING:
    from docassemble_client.testing._server.api_call import ApiCall
    from docassemble_client.testing._state.sessions import Session, Step
    from docassemble_client.testing.interviews import ScriptedInterview
    from docassemble_client.testing.recordings import RecordedReply
    from docassemble_client.testing.screens import FakeDocument, ScriptedScreen

_EXTENSIONS = {"rtf to docx": "docx"}  # of formats that are not extensions
_DEFAULT_TITLE = "docassemble"
_UNDEFINED_VARIABLE = "undefined_variable"


def get_title(interview: ScriptedInterview) -> str:
    """Return the title that the server shows for an interview."""
    return interview.title or "Untitled"


def get_metadata(interview: ScriptedInterview) -> dict[str, Any]:
    """Return the metadata that the server lists for an interview."""
    origin = {"_origin_path": interview.filename, "_origin_package": interview.package}
    title = {"title": interview.title} if interview.title else {}
    tags = {"tags": list(interview.tags)} if interview.tags else {}
    return {**interview.metadata, **title, **tags, **origin}


def make_final_response(value: object, status: int | None = None) -> FakeResponse:
    """
    Build the response from the final value of an interview.

    Args:
        value: BinaryContent, bytes, JSONReply or a JSON value.
        status: HTTP status, which overrides that of the value.
    """
    match value:
        case BinaryContent():
            headers = {"content-type": value.content_type or "text/html; charset=utf-8"}
            return FakeResponse(status or value.status, value.content, headers)
        case bytes():
            return FakeResponse(status or 200, value, {"content-type": "application/octet-stream"})
        case JSONReply():
            return make_json_response(value.data, status or value.status)
        case _:
            return make_json_response(value, status or 200)


def make_replayed_response(call: ApiCall, session: Session, reply: RecordedReply) -> FakeResponse:
    """
    Build the response from a recorded reply, adapted to this session.

    Args:
        call: The call.
        session: The session.
        reply: The recorded reply.
    """
    content = reply.content
    for placeholder, value in (
        (SESSION_PLACEHOLDER, session.key),
        (SECRET_PLACEHOLDER, session.secret),
        (INTERVIEW_PLACEHOLDER, session.filename),
        (SERVER_PLACEHOLDER, call.state.url),
        (HOST_PLACEHOLDER, call.state.url.partition("://")[2]),
        (EMAIL_PLACEHOLDER, call.user.account.email),
    ):
        content = content.replace(placeholder.encode(), json.dumps(value)[1:-1].encode())
    return FakeResponse(reply.status, content, {"content-type": reply.content_type})


def make_response(
    call: ApiCall,
    interview: ScriptedInterview,
    session: Session,
    step: Step,
    outcome: object,
    *,
    undone_step: Step | None = None,
) -> object:
    """
    Build the response from the outcome of an interview run.

    Args:
        call: The call.
        interview: The interview.
        session: The session.
        step: The step, saved or not.
        outcome: The outcome of the run.
        undone_step: The step that was undone; its answers become the default values.

    Returns:
        The response, or its model.
    """
    match outcome:
        case NeedVariable():
            return models.UndefinedVariable(
                question_type=_UNDEFINED_VARIABLE, variable=outcome.variable, message_log=[]
            )
        case FinalValue():
            return make_final_response(outcome.value)
        case ReplayedReply():
            return make_replayed_response(call, session, outcome.reply)
        case _:
            assert isinstance(outcome, ShowScreen)  # noqa: S101 - there is no other outcome
            steps = session.steps.index(step) + 1 if step in session.steps else len(session.steps)
            defaults = SessionVariables((undone_step or step).variables)
            current = _ScreenAtStep(outcome, step, steps, defaults)
            return _make_question(call, interview, session, current)


class _ScreenAtStep:
    """A screen at a step of a session."""

    def __init__(
        self, outcome: ShowScreen, step: Step, steps: int, defaults: SessionVariables
    ) -> None:
        self.outcome = outcome
        self.defaults = defaults
        self.screen: ScriptedScreen = outcome.screen
        self.answers = SessionVariables(step.variables)
        self.progress = step.progress
        self.steps = steps


def _make_question(
    call: ApiCall, interview: ScriptedInterview, session: Session, current: _ScreenAtStep
) -> object:
    screen, title = current.screen, interview.title or _DEFAULT_TITLE
    may_go_back = current.steps > 1
    attachments = [_make_attachment(call, session, document) for document in screen.documents]
    fill_in = str if current.outcome.is_filled_in else current.answers.fill_in
    keys = make_screen_keys(screen, current.outcome.name, current.defaults)
    return models.Question(
        question_type=screen.kind or ("fields" if screen.fields else "deadend"),
        question_name=current.outcome.name,
        question_text=fill_in(screen.text),
        subquestion_text=fill_in(screen.subtext) if screen.subtext else None,
        mandatory=screen.mandatory or None,
        event_list=list(current.outcome.event_list) or None,
        attachments=attachments or None,
        default_email=call.user.account.email if attachments else None,
        continue_label="Continue",
        allow_going_back=may_go_back,
        back_title="Go back to the previous question" if may_go_back else None,
        corner_back_button="Back" if may_go_back else None,
        exit_label="Exit",
        exit_link="leave",
        exit_url=None,
        progress=current.progress,
        steps=current.steps,
        section=None,
        display_section=None,
        sections=[],
        message_log=[],
        validation_messages={},
        title=title,
        short_title=str(interview.metadata.get("short title", title)),
        display_title=title,
        browser_title=title,
        lang="en",
        language="*",
        menu=make_menu(call),
        source=make_source(interview, current.outcome) if call.state.config.get("debug") else None,
        navbar_variant="dark",
        interview_options={},
        extra=to_json({**keys, **screen.extra}),
    )


def _make_attachment(call: ApiCall, session: Session, document: FakeDocument) -> models.Attachment:
    """Build the model of a document; its files are stored when it is first shown."""
    stem = document.filename or re.sub(r"\W+", "_", document.name).strip("_").lower()
    first_extension, *_ = document.content
    key = f"{document.name} {document.variable} {crc32(document.content[first_extension])}"
    if key not in session.documents:
        file = call.state.files.add(
            f"{stem}.{first_extension}",
            document.content[first_extension],
            session=session.key,
            conversions={
                extension: content
                for extension, content in document.content.items()
                if extension not in _EXTENSIONS
            },
        )
        session.documents[key] = file.number
    number = session.documents[key]
    return models.Attachment(
        name=document.name,
        filename=stem,
        variable_name=document.variable or None,
        valid_formats=list(document.content),
        number=dict.fromkeys(document.content, number),
        filename_with_extension={
            extension: f"{stem}.{_EXTENSIONS.get(extension, extension)}"
            for extension in document.content
        },
        url={
            extension: f"/uploadedfile/{number}/{stem}.{_EXTENSIONS.get(extension, extension)}"
            for extension in document.content
        },
        extra=to_json(dict(document.extra)),
    )

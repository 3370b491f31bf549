"""What a session answers: questions as JSON, or what the interview brings."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from docassemble_client import models
from docassemble_client.responses import BinaryContent, JSONReply
from docassemble_client.testing._handlers.debug_data import source_of
from docassemble_client.testing._handlers.menu import menu_of
from docassemble_client.testing._handlers.question_fields import fields_of
from docassemble_client.testing._server.messages import Answer, json_answer, wire
from docassemble_client.testing.interviews import Answers, Asked, Brought, Needed
from docassemble_client.testing.recordings import (
    EMAIL,
    INTERVIEW,
    SECRET,
    SERVER,
    SESSION,
    Played,
)

if TYPE_CHECKING:
    from docassemble_client.testing._server.call import Call
    from docassemble_client.testing._state.sessions import Session, Step
    from docassemble_client.testing.interviews import Document, Interview, Screen
    from docassemble_client.testing.recordings import RecordedReply

_BRAND = "docassemble"
_NEEDED = "undefined_variable"


def title_of(interview: Interview) -> str:
    """Title of an interview, as the server shows it."""
    return interview.title or "Untitled"


def metadata_of(interview: Interview) -> dict[str, Any]:
    """Metadata of an interview, as the server lists it."""
    origin = {"_origin_path": interview.filename, "_origin_package": interview.package}
    titled = {"title": interview.title} if interview.title else {}
    tagged = {"tags": list(interview.tags)} if interview.tags else {}
    return {**interview.metadata, **titled, **tagged, **origin}


def brought_answer(value: object, status: int | None = None) -> Answer:
    """
    Answer with what an interview brings.

    Args:
        value: What it brings; anything but content with a type is sent as JSON.
        status: Status, where the interview has no say in it.
    """
    match value:
        case BinaryContent():
            headers = {"content-type": value.content_type or "text/html; charset=utf-8"}
            return Answer(status or value.status, value.content, headers)
        case bytes():
            return Answer(status or 200, value, {"content-type": "application/octet-stream"})
        case JSONReply():
            return json_answer(value.data, status or value.status)
        case _:
            return json_answer(value, status or 200)


def played_answer(call: Call, session: Session, recorded: RecordedReply) -> Answer:
    """
    Answer with what was recorded, for this session.

    Args:
        call: The call.
        session: The session.
        recorded: What was recorded.
    """
    content = recorded.content
    for placeholder, value in (
        (SESSION, session.key),
        (SECRET, session.secret),
        (INTERVIEW, session.filename),
        (SERVER, call.world.url),
        (EMAIL, call.caller.account.email),
    ):
        content = content.replace(placeholder.encode(), json.dumps(value)[1:-1].encode())
    return Answer(recorded.status, content, {"content-type": recorded.type})


def reply(
    call: Call,
    interview: Interview,
    session: Session,
    step: Step,
    outcome: object,
    *,
    earlier: Step | None = None,
) -> object:
    """
    Turn the outcome of a run into an answer.

    Args:
        call: The call.
        interview: The interview.
        session: The session.
        step: The step as it is or will be saved.
        outcome: What the run came to.
        earlier: The step that was taken back, whose answers are offered again.

    Returns:
        The answer, or the model of it.
    """
    match outcome:
        case Needed():
            return models.UndefinedVariable(
                question_type=_NEEDED, variable=outcome.variable, message_log=[]
            )
        case Brought():
            return brought_answer(outcome.value)
        case Played():
            return played_answer(call, session, outcome.reply)
        case _:
            assert isinstance(outcome, Asked)  # noqa: S101 - a run comes to nothing else
            steps = session.steps.index(step) + 1 if step in session.steps else len(session.steps)
            known = step if earlier is None else earlier
            asking = Asking(outcome, step, steps, Answers(known.variables))
            return _question(call, interview, session, asking)


class Asking:
    """A screen at a step of a session."""

    def __init__(self, asked: Asked, step: Step, steps: int, defaults: Answers) -> None:
        self.asked = asked
        self.defaults = defaults
        self.screen: Screen = asked.screen
        self.answers = Answers(step.variables)
        self.progress = step.progress
        self.steps = steps


def _question(call: Call, interview: Interview, session: Session, now: Asking) -> object:
    screen, title = now.screen, interview.title or _BRAND
    back = now.steps > 1
    documents = [_attachment(call, session, one) for one in screen.documents]
    return models.Question(
        question_type=screen.kind or ("fields" if screen.fields else "deadend"),
        question_name=now.asked.name,
        question_text=now.answers.fill_in(screen.text),
        subquestion_text=now.answers.fill_in(screen.subtext) if screen.subtext else None,
        mandatory=screen.mandatory or None,
        event_list=list(now.asked.event_list) or None,
        fields=fields_of(screen, now.defaults),
        attachments=documents or None,
        default_email=call.caller.account.email if documents else None,
        continue_label="Continue",
        allow_going_back=back,
        back_title="Go back to the previous question" if back else None,
        corner_back_button="Back" if back else None,
        exit_label="Exit",
        exit_link="leave",
        exit_url=None,
        progress=now.progress,
        steps=now.steps,
        section=None,
        display_section=None,
        sections=[],
        message_log=[],
        validation_messages={},
        title=title,
        short_title=title,
        display_title=title,
        browser_title=title,
        lang="en",
        language="*",
        menu=menu_of(call),
        source=source_of(interview, now.asked) if call.world.config.get("debug") else None,
        navbar_variant="dark",
        interview_options={},
        extra=wire(dict(screen.extra)),
    )


def _attachment(call: Call, session: Session, document: Document) -> models.Attachment:
    """Show a document, of which files are made when it is first shown in a session."""
    stem = re.sub(r"\W+", "_", document.name).strip("_").lower()
    if document.name not in session.documents:
        first, *_ = document.content
        file = call.world.files.add(
            f"{stem}.{first}",
            document.content[first],
            session=session.key,
            others=dict(document.content),
        )
        session.documents[document.name] = file.number
    number = session.documents[document.name]
    return models.Attachment(
        name=document.name,
        filename=stem,
        variable_name=document.variable or None,
        valid_formats=list(document.content),
        number=dict.fromkeys(document.content, number),
        filename_with_extension={one: f"{stem}.{one}" for one in document.content},
        url={one: f"/uploadedfile/{number}/{stem}.{one}" for one in document.content},
    )

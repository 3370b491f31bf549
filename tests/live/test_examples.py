"""Interviews of many kinds on the real server: each is started, read and answered."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import attrs
import pytest
from attrs import field, frozen

from docassemble_client import Question, SessionReply
from tests.live.answering import send_answer
from tests.live.interviews import BASE, DEMO, own_interview, session_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator

    from docassemble_client import AsyncDocassemble
    from tests.live.conftest import Run

EXAMPLES = [
    *(
        f"{BASE}{name}.yml"
        for name in (
            *("action-buttons-before", "address-autocomplete", "ajax-refresh", "all-false"),
            *("audio", "audio-upload", "auto-terms", "buttons", "buttons-icons"),
            *("buttons-css-class-color", "buttons-code-list-label-value-datatype"),
            *("choices-combobox", "choices-dropdown", "combobox", "command", "copy-deep"),
            *("country-state", "date-field", "datetime-field", "decoration", "disabled-field"),
            *("document-md", "fields", "fields-ajax", "fields-checkboxes-aota"),
            *("fields-choices-combobox", "fields-choices-datalist", "fields-hidden"),
            *("fields-choices-dropdown-input-type", "fields-mc", "fields-mc-nota"),
            *("fields-multiselect", "fields-noyesmaybe", "fields-raw", "fields-yesno"),
            *("fields-yesno-check-others", "fields-yesnoradio", "fields-yesnowide", "generators"),
            *("grid3", "help", "interview-help", "item-grid-breakpoint", "join"),
            *("leave", "list-collect", "mandatory", "menu-item", "ml-datatype", "ml-export-yaml"),
            *("money-field-euro", "nested-objects-list", "noyes", "object"),
            *("object-checkboxes-dalist", "object-disable-others", "object-multiselect-dalist"),
            *("object-radio", "object-radio-address", "password-field", "progress", "range-log"),
            *("question-back-button", "question-terms", "radio-list", "raw-html", "reload"),
            *("response-hello", "response-svg", "review-1", "right", "sections"),
            *("session-interview-redirect", "shuffle", "signature-blue", "text-field"),
            *("time-field", "upload", "upload-multiple", "upload-max-image-size-type"),
            *("upload_images", "video", "yesno", "yesnomaybe"),
        )
    ),
    *(f"{DEMO}{name}.yml" for name in ("questionless", "testssn")),
]

COMMANDS = (
    *("exit", "leave", "logout", "exit_logout", "restart", "new_session", "refresh", "signin"),
    *("register", "continue", "interview_exit", "wait"),
)
# What no example shows on its first two screens.
OWN = {
    **{f"command {one}": f"mandatory: True\ncode: command('{one}')\n" for one in COMMANDS},
    "json": "mandatory: True\ncode: json_response([1, None])\n",
    "noyesmaybe": """
question: Sure?
noyesmaybe: sure
---
mandatory: True
question: It is ${ sure }
""",
    "files from devices": """
mandatory: True
question: What is there?
fields:
  - You: you
    datatype: user
  - Around: around
    datatype: environment
  - Moving: moving
    datatype: camcorder
  - Number: number
    datatype: float
  - Place: place
    datatype: url
  - Yes or no: perhaps
    datatype: yesnomaybe
---
mandatory: True
question: Thanks
""",
}

# A screen of these kinds needs no answer.
SILENT = {"deadend", "redirect", "review", *COMMANDS}

QUESTION_TYPES = {
    *("fields", "multiple_choice", "yesno", "noyes", "yesnomaybe", "noyesmaybe", "settrue"),
    *("signature", "review", "deadend", "redirect", "undefined_variable"),
    *COMMANDS,
    *("JSONReply", "BinaryContent"),  # what stands in place of a question
}
DATATYPES = {
    *("text", "number", "integer", "currency", "float", "range", "boolean", "threestate"),
    *("date", "time", "datetime", "email", "password", "url", "raw", "checkboxes"),
    *("multiselect", "object", "object_radio", "object_checkboxes", "object_multiselect"),
    *("file", "files", "camera", "user", "environment", "camcorder", "microphone", "ml"),
    *("note", "html", "raw html", "button", "ssn"),
}
INPUT_TYPES = {
    *("area", "radio", "dropdown", "combobox", "datalist", "ajax", "hidden", "yesno", "yesnowide"),
    *("yesnoradio", "noyes", "noyeswide", "noyesradio", "yesnomaybe", "noyesmaybe"),
}
VARIETIES = {"buttons", "radio", "dropdown", "combobox"}


@frozen
class Met:
    """What the interviews of this module have shown."""

    interviews: set[str] = field(factory=set)
    question_types: set[str] = field(factory=set)
    varieties: set[str] = field(factory=set)
    datatypes: set[str] = field(factory=set)
    input_types: set[str] = field(factory=set)

    def note(self, reply: object) -> None:
        """Note what kinds an answer of a session has."""
        self.question_types.add(getattr(reply, "question_type", type(reply).__name__))
        if isinstance(reply, Question):
            fields = reply.fields or []
            self.varieties.update(filter(None, [reply.question_variety]))
            self.datatypes.update(one.datatype for one in fields if one.datatype)
            self.input_types.update(one.inputtype for one in fields if one.inputtype)


@pytest.fixture(scope="module")
def met() -> Met:
    """Collect what the interviews show."""
    return Met()


def unknown_keys(value: Any, path: str = "") -> Iterator[str]:
    """Find every key that a model, or one below it, has no attribute for."""
    if attrs.has(type(value)):
        for attribute in attrs.fields(type(value)):
            part = getattr(value, attribute.name)
            if attribute.name == "extra":
                yield from (f"{path}.{name}" for name in part)
            else:
                yield from unknown_keys(part, f"{path}.{attribute.name}")
    elif isinstance(value, list):
        for number, part in enumerate(value):
            yield from unknown_keys(part, f"{path}[{number}]")


def screen(reply: SessionReply | None) -> object:
    """What tells one screen from another, also where the same block asks for several things."""
    if not isinstance(reply, Question):
        return reply
    return reply.question_name, reply.question_text, [one.label for one in reply.fields or []]


@asynccontextmanager
async def interview(da: AsyncDocassemble, name: str) -> AsyncGenerator[str]:
    """Yield the file name of an example, or of an interview of our own."""
    if name in OWN:
        async with own_interview(da, OWN[name]) as i:
            yield i
    else:
        yield name


@pytest.mark.parametrize("name", [*EXAMPLES, *OWN])
def test_interview_is_driven_from_its_first_screen_to_the_next(
    run: Run, met: Met, name: str
) -> None:
    """Any screen decodes without a key left over, and its answer leads to another one."""

    async def job(da: AsyncDocassemble) -> None:
        async with interview(da, name) as i, session_of(da, i) as s:
            first = await da.sessions.get_question(i, s.session, secret=s.secret)
            replies: list[SessionReply | None] = [first]
            if isinstance(first, Question) and first.question_type not in SILENT:
                replies.append(await send_answer(da, s, first))

        assert [*unknown_keys(replies)] == []
        assert len({repr(screen(reply)) for reply in replies}) == len(replies)
        for reply in replies:
            met.note(reply)
        met.interviews.add(name)

    run(job)


def test_every_kind_of_question_and_field_was_met(met: Met) -> None:
    """The interviews show every question type, variety, datatype and input type there is."""
    if met.interviews < {*EXAMPLES, *OWN}:
        pytest.skip("only some interviews were driven")

    assert met.question_types >= QUESTION_TYPES
    assert met.varieties == VARIETIES
    assert met.datatypes >= DATATYPES
    assert met.input_types == INPUT_TYPES

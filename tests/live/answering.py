"""Answers any screen of an interview with values of the right kind."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from docassemble_client import Question, Upload

if TYPE_CHECKING:
    from docassemble_client import (
        AsyncDocassemble,
        Choice,
        QuestionField,
        Session,
        SessionReply,
    )
    from docassemble_client._types import JSONInput

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGBgAAAABQABpfZFQAAAAABJRU5ErkJggg=="
)
FILES = {"file", "files", "camera", "user", "environment", "camcorder", "microphone"}
PERSON = "docassemble.base.util.Individual"
SEVERAL = {"checkboxes", "multiselect"}
OBJECTS = {"object_checkboxes", "object_multiselect"}
# Numbers are larger than a usual minimum and smaller than a usual maximum.
VALUES: dict[str, Any] = {
    "number": 5,
    "integer": 5,
    "currency": 5,
    "float": 5.5,
    "boolean": True,
    "threestate": None,
    "date": "2026-03-14",
    "time": "15:09:00",
    "datetime": "2026-03-14T15:09:00",
    "email": "ada@example.com",
    "url": "https://example.com/",
    "password": "correct horse",
}


@frozen
class Answer:
    """What to send for a screen."""

    variables: dict[str, Any] = field(factory=dict)
    files: dict[str, Upload] = field(factory=dict)


def answer_to(question: Question) -> Answer:
    """
    Choose an answer for each field of a question.

    Args:
        question: Any screen, also one that asks nothing.

    Returns:
        Values of the right type, the first choice where there are choices.
    """
    answer = Answer()
    if question.question_type == "review":
        return answer
    for one in question.fields or []:
        if one.active and not one.disabled:
            _fill_in(answer, question, one)
    if question.question_variable_name and "[" not in question.question_variable_name:
        answer.variables[question.question_variable_name] = True
    return answer


def _fill_in(answer: Answer, question: Question, one: QuestionField) -> None:
    name, kind = one.variable_name, one.datatype
    if name and (kind in FILES or question.question_type == "signature"):
        answer.files[name] = Upload(PIXEL, "pixel.png", "image/png")
    elif name and (kind in SEVERAL or kind in OBJECTS):
        answer.variables[name] = _chosen(name, one)
    elif name and kind and kind.startswith("object"):
        # A screen that asks for an object may ask for its parts as well.
        answer.variables[name] = {"_class": PERSON, "instanceName": name}
    elif one.choices:
        for choice in [one for one in one.choices if one.value][:1]:
            answer.variables[choice.variable_name or name or ""] = choice.value
    elif name:
        answer.variables[name] = _value(question, one)


def _value(question: Question, one: QuestionField) -> Any:
    if one.datatype == "range":
        return float(one.min or 0)
    if question.question_type in {"yesno", "noyes", "settrue"}:
        return True
    if question.question_type in {"yesnomaybe", "noyesmaybe"}:
        return None
    return VALUES.get(one.datatype or "text", "some text")


def _chosen(name: str, one: QuestionField) -> JSONInput:
    """A collection of the first choice, in the server's JSON form of its own objects."""
    collection: dict[str, JSONInput] = {
        "instanceName": name,
        "gathered": True,
        "auto_gather": False,
    }
    if one.datatype in OBJECTS:
        return collection | {"_class": "docassemble.base.util.DAList", "elements": []}
    keys = [_key(each) for each in one.choices or [] if each.variable_name]
    return collection | {
        "_class": "docassemble.base.util.DADict",
        "elements": {key: number == 0 for number, key in enumerate(keys)},
    }


def _key(choice: Choice) -> str:
    """The key of a checkbox, from a name such as fruit['apple']."""
    name = choice.variable_name or ""
    return name[name.rindex("[") + 1 : -1].strip("'\"")


async def send_answer(da: AsyncDocassemble, s: Session, question: Question) -> SessionReply | None:
    """
    Answer a question and return what comes next.

    Args:
        da: Client.
        s: Session.
        question: Its question.

    Returns:
        The next screen, or what the interview answers instead.
    """
    answer = answer_to(question)
    return await da.sessions.set_variables(
        s.i,
        s.session,
        secret=s.secret,
        variables=answer.variables,
        files=answer.files,
        event_list=question.event_list,
        question_name=question.question_name if question.mandatory else None,
    )

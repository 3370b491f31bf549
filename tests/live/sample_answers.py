"""Answers any screen with values of the right type."""

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

PNG_PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGBgAAAABQABpfZFQAAAAABJRU5ErkJggg=="
)
FILE_DATATYPES = {"file", "files", "camera", "user", "environment", "camcorder", "microphone"}
INDIVIDUAL_CLASS = "docassemble.base.util.Individual"
CHECKBOX_DATATYPES = {"checkboxes", "multiselect"}
OBJECT_LIST_DATATYPES = {"object_checkboxes", "object_multiselect"}
# Numbers lie between the usual minimum and maximum.
VALUES_BY_DATATYPE: dict[str, Any] = {
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
class ScreenAnswer:
    """Variables and files that answer a screen."""

    variables: dict[str, Any] = field(factory=dict)
    files: dict[str, Upload] = field(factory=dict)


def choose_answer(question: Question) -> ScreenAnswer:
    """
    Choose an answer for each field of a question.

    Args:
        question: The question; it may have no fields.

    Returns:
        Values of the right type; the first choice if there are choices.
    """
    answer = ScreenAnswer()
    if question.question_type == "review":
        return answer
    for question_field in question.fields or []:
        if question_field.active and not question_field.disabled:
            _add_answer(answer, question, question_field)
    if question.question_variable_name and "[" not in question.question_variable_name:
        answer.variables[question.question_variable_name] = True
    return answer


def _add_answer(answer: ScreenAnswer, question: Question, question_field: QuestionField) -> None:
    name, datatype = question_field.variable_name, question_field.datatype
    if name and (datatype in FILE_DATATYPES or question.question_type == "signature"):
        answer.files[name] = Upload(PNG_PIXEL, "pixel.png", "image/png")
    elif name and datatype in CHECKBOX_DATATYPES | OBJECT_LIST_DATATYPES:
        answer.variables[name] = _choose_first(name, question_field)
    elif name and datatype and datatype.startswith("object"):
        # A screen that asks for an object may ask for its attributes as well.
        answer.variables[name] = {"_class": INDIVIDUAL_CLASS, "instanceName": name}
    elif question_field.choices:
        for choice in [choice for choice in question_field.choices if choice.value][:1]:
            answer.variables[choice.variable_name or name or ""] = choice.value
    elif name:
        answer.variables[name] = _choose_value(question, question_field)


def _choose_value(question: Question, question_field: QuestionField) -> Any:
    if question_field.datatype == "range":
        return float(question_field.min or 0)
    if question.question_type in {"yesno", "noyes", "settrue"}:
        return True
    if question.question_type in {"yesnomaybe", "noyesmaybe"}:
        return None
    return VALUES_BY_DATATYPE.get(question_field.datatype or "text", "some text")


def _choose_first(name: str, question_field: QuestionField) -> JSONInput:
    """Choose the first item, as a collection in the server's JSON format of objects."""
    collection: dict[str, JSONInput] = {
        "instanceName": name,
        "gathered": True,
        "auto_gather": False,
    }
    if question_field.datatype in OBJECT_LIST_DATATYPES:
        return collection | {"_class": "docassemble.base.util.DAList", "elements": []}
    keys = [_get_key(choice) for choice in question_field.choices or [] if choice.variable_name]
    return collection | {
        "_class": "docassemble.base.util.DADict",
        "elements": {key: number == 0 for number, key in enumerate(keys)},
    }


def _get_key(choice: Choice) -> str:
    """Return the key of a checkbox, from a name such as fruit['apple']."""
    name = choice.variable_name or ""
    return name[name.rindex("[") + 1 : -1].strip("'\"")


async def send_answer(da: AsyncDocassemble, s: Session, question: Question) -> SessionReply | None:
    """
    Answer a question.

    Args:
        da: Client.
        s: Session.
        question: Current question of the session.

    Returns:
        The next screen, or the response of the interview.
    """
    answer = choose_answer(question)
    return await da.sessions.set_variables(
        s.i,
        s.session,
        secret=s.secret,
        variables=answer.variables,
        files=answer.files,
        event_list=question.event_list,
        question_name=question.question_name if question.mandatory else None,
    )

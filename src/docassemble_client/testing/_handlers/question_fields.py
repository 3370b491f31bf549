"""Fields of a screen as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from docassemble_client import models
from docassemble_client.testing._server.messages import wire

if TYPE_CHECKING:
    from collections.abc import Mapping

    from docassemble_client.testing.interviews import Answers, Field, Screen

_LARGEST = 16 * 1024 * 1024
_FILES = {"file", "files", "camera", "user", "environment", "camcorder", "microphone"}
_NUMBER = {"number": "You need to enter a number."}
_UPLOAD = {
    "required": "You must provide a file.",
    "max": "Your file upload is larger than the server can accept. "
    "Please reduce the size of your file upload.",
}
_REQUIRED = "You need to fill this in."
_MESSAGES: Mapping[str, Mapping[str, str]] = {
    "integer": {**_NUMBER, "step": "Please enter a whole number."},
    **dict.fromkeys(("number", "float", "currency"), _NUMBER),
    "date": {"date": "You need to enter a valid date."},
    "datetime": {"datetime": "You need to enter a valid date and time."},
    "time": {"time": "You need to enter a valid time."},
    "email": {"email": "You need to enter a complete e-mail address."},
    **dict.fromkeys(_FILES, _UPLOAD),
}


def fields_of(screen: Screen, defaults: Answers) -> list[models.QuestionField] | None:
    """
    Show the fields of a screen.

    Args:
        screen: The screen.
        defaults: Answers that are offered again.

    Returns:
        The fields; None if there are none.
    """
    # A screen that is one button has a field without a label.
    labelled = screen.kind in {"", "fields"}
    return [
        _field(number, one, defaults, label=one.label or (one.variable if labelled else None))
        for number, one in enumerate(screen.fields)
    ] or None


def _field(
    number: int, one: Field, defaults: Answers, *, label: str | None
) -> models.QuestionField:
    choices = [
        models.Choice(label=label, value=wire(value)) for label, value in one.choices.items()
    ]
    largest: dict[str, Any] = {"max": _LARGEST} if one.datatype in _FILES else {}
    return models.QuestionField(
        number=number,
        active=True,
        variable_name=one.variable,
        label=label,
        datatype=one.datatype or None,
        required=one.required,
        default=wire(defaults.get(one.variable, one.default)),
        choices=choices or None,
        validation_messages={"required": _REQUIRED, **_MESSAGES.get(one.datatype, {})},
        extra=wire({**largest, **one.extra}),
    )

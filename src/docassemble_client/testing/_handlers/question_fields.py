"""The JSON of a screen's fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import docassemble_client.models as models
from docassemble_client.testing._server.messages import to_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from docassemble_client.testing.interviews import Field, ScriptedScreen, SessionVariables

_MAX_UPLOAD_BYTES = 16 * 1024 * 1024
_FILE_DATATYPES = {"file", "files", "camera", "user", "environment", "camcorder", "microphone"}
_NUMBER_MESSAGES = {"number": "You need to enter a number."}
_UPLOAD_MESSAGES = {
    "required": "You must provide a file.",
    "max": "Your file upload is larger than the server can accept. "
    "Please reduce the size of your file upload.",
}
_REQUIRED = "You need to fill this in."
_MESSAGES: Mapping[str, Mapping[str, str]] = {
    "integer": {**_NUMBER_MESSAGES, "step": "Please enter a whole number."},
    **dict.fromkeys(("number", "float", "currency"), _NUMBER_MESSAGES),
    "date": {"date": "You need to enter a valid date."},
    "datetime": {"datetime": "You need to enter a valid date and time."},
    "time": {"time": "You need to enter a valid time."},
    "email": {"email": "You need to enter a complete e-mail address."},
    **dict.fromkeys(_FILE_DATATYPES, _UPLOAD_MESSAGES),
}


def make_fields(
    screen: ScriptedScreen, defaults: SessionVariables
) -> list[models.QuestionField] | None:
    """
    Build the API models of a screen's fields.

    Args:
        screen: The screen.
        defaults: Previous answers, which become the default values.

    Returns:
        The fields; None if the screen has no fields.
    """
    # The field of a screen that consists of one button has no label.
    has_labels = screen.kind in {"", "fields"}
    return [
        _make_field(
            number,
            field,
            defaults,
            label=field.label or (field.variable if has_labels else None),
        )
        for number, field in enumerate(screen.fields)
    ] or None


def _make_field(
    number: int, field: Field, defaults: SessionVariables, *, label: str | None
) -> models.QuestionField:
    choices = [
        models.Choice(label=label, value=to_json(value)) for label, value in field.choices.items()
    ]
    max_size: dict[str, Any] = (
        {"max": _MAX_UPLOAD_BYTES} if field.datatype in _FILE_DATATYPES else {}
    )
    return models.QuestionField(
        number=number,
        active=True,
        variable_name=field.variable,
        label=label,
        datatype=field.datatype or None,
        required=field.required,
        default=to_json(defaults.get(field.variable, field.default)),
        choices=choices or None,
        validation_messages={"required": _REQUIRED, **_MESSAGES.get(field.datatype, {})},
        extra=to_json({**max_size, **field.extra}),
    )

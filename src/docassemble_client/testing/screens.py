"""Screens of scripted interviews: their fields and documents."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from attrs import field, frozen

from docassemble_client._checks import (
    FLAG,
    ITERABLE,
    MAPPING,
    TEXT,
    TEXTS,
    check_arguments,
    validate,
)
from docassemble_client._types import JSONInput, is_mapping


def _to_choices(choices: Mapping[str, JSONInput] | Iterable[str]) -> Mapping[str, JSONInput]:
    check_arguments(ITERABLE, choices=choices)
    if is_mapping(choices):
        return choices
    labels = list(choices)
    check_arguments(TEXTS, choices=labels)
    return {label: label for label in labels}


@frozen
class Field:
    """
    A field of a screen.

    Attributes:
        variable: Name of the variable that the field sets; empty for a note, and for buttons that
            run a command.
        label: Label, or text of a note; the variable's name by default.
        datatype: Datatype as in an interview's YAML, such as text, currency, yesnoradio, radio,
            checkboxes, object, file or note.
        choices: Values by label, or labels that are the values as well. The value of a choice of an
            object is the name of the object, such as "people[0]".
        required: Whether the field must be answered; by default as on the server.
        default: Initial value; for several choices a list of values.
        hint: Text in the empty field.
        help: Text that explains the field.
        input_type: How the field is shown, such as area, radio, dropdown or hidden; in a question
            of the kind multiple_choice: radio, buttons, dropdown or combobox.
        min: Lowest value.
        max: Highest value.
        show_if: Show the field if this variable is true, or (variable, value) are equal.
        hide_if: Hide the field if this variable is true, or (variable, value) are equal.
        accept: Accepted types of files, such as "image/png,.pdf".
        extra: Additional keys of the field's JSON; they override all others.
    """

    variable: str = field(validator=validate(TEXT))
    label: str = field(default="", validator=validate(TEXT))
    datatype: str = field(default="text", validator=validate(TEXT))
    choices: Mapping[str, JSONInput] = field(
        factory=dict[str, "JSONInput"], converter=_to_choices, validator=validate(MAPPING)
    )
    required: bool | None = field(default=None, validator=validate(FLAG, optional=True))
    default: JSONInput = None
    hint: str = field(default="", kw_only=True, validator=validate(TEXT))
    help: str = field(default="", kw_only=True, validator=validate(TEXT))
    input_type: str = field(default="", kw_only=True, validator=validate(TEXT))
    min: float | str | None = field(default=None, kw_only=True)
    max: float | str | None = field(default=None, kw_only=True)
    show_if: str | tuple[str, JSONInput] = field(default="", kw_only=True)
    hide_if: str | tuple[str, JSONInput] = field(default="", kw_only=True)
    accept: str = field(default="", kw_only=True, validator=validate(TEXT))
    extra: Mapping[str, JSONInput] = field(factory=dict[str, "JSONInput"], kw_only=True)


@frozen
class FakeDocument:
    """
    A document that an interview assembles.

    Attributes:
        name: Display name; file names are derived from it.
        content: File contents by extension, such as pdf and docx.
        variable: Name of the variable that would hold the document.
        filename: File name without extension; made from the name by default.
        extra: Additional keys of the document's JSON; they override all others.
    """

    name: str = field(validator=validate(TEXT))
    content: Mapping[str, bytes] = field(repr=False, validator=validate(MAPPING))
    variable: str = ""
    filename: str = field(default="", kw_only=True, validator=validate(TEXT))
    extra: Mapping[str, JSONInput] = field(factory=dict[str, "JSONInput"], kw_only=True)


def _to_fields(fields: Iterable[Field | str]) -> tuple[Field, ...]:
    check_arguments(ITERABLE, fields=fields)
    return tuple(field if isinstance(field, Field) else Field(field) for field in fields)


def _to_documents(documents: Iterable[FakeDocument]) -> tuple[FakeDocument, ...]:
    check_arguments(ITERABLE, documents=documents)
    return tuple(documents)


@frozen
class ScriptedScreen:
    """
    A screen of a scripted interview.

    Attributes:
        text: Heading; ${ name } is replaced by the variable's value.
        fields: Fields, or names of the variables they set.
        subtext: Text below the heading.
        kind: docassemble's question type, such as yesno, settrue, signature or multiple_choice;
            fields or deadend by default.
        name: Name of the block; numbered by default.
        mandatory: Whether the block is mandatory. If so, `question_name` must be sent with the
            answer.
        documents: Documents to download from the screen.
        progress: Value of the progress bar, 0 to 100; None if the screen sets none.
        extra: Additional keys of the screen's JSON; they override all others.
    """

    text: str = field(validator=validate(TEXT))
    fields: tuple[Field, ...] = field(default=(), converter=_to_fields)
    subtext: str = field(default="", kw_only=True)
    kind: str = field(default="", kw_only=True)
    name: str = field(default="", kw_only=True)
    mandatory: bool = field(default=False, kw_only=True)
    documents: tuple[FakeDocument, ...] = field(default=(), kw_only=True, converter=_to_documents)
    progress: float | None = field(default=None, kw_only=True)
    extra: Mapping[str, JSONInput] = field(factory=dict[str, "JSONInput"], kw_only=True)

    @property
    def variables(self) -> list[str]:
        """Names of the variables that the screen asks for."""
        return [field.variable for field in self.fields if field.variable]

    @property
    def code(self) -> str:
        """YAML of the block, as an author could write it."""
        fields = "".join(
            f"  - {field.label or field.variable}: {field.variable}\n" for field in self.fields
        )
        texts = {"question": self.text, "subquestion": self.subtext}
        blocks = "".join(f"{name}: |\n  {text}\n" for name, text in texts.items() if text)
        return blocks + (f"fields:\n{fields}" if fields else "")

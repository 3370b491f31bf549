"""Makes the variables to send from the values that a front end collected for a screen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from docassemble_client._checks import MAPPING, TEXT_MAPPING, Kind, check_arguments, is_kind_of
from docassemble_client.errors import UsageError
from docassemble_client.workflows.errors import AnswerProblem
from docassemble_client.workflows.interviews.answer_source import CallerAnswer
from docassemble_client.workflows.interviews.chosen_objects import (
    copy_object_choice,
    is_defined,
    is_object_choice,
)
from docassemble_client.workflows.interviews.field_values import make_problem
from docassemble_client.workflows.interviews.missing import MISSING, Missing
from docassemble_client.workflows.interviews.screen_filler import (
    FilledScreen,
    fill_screen,
    make_invalid_answer,
)
from docassemble_client.workflows.interviews.text_format import TextFormat

if TYPE_CHECKING:
    from docassemble_client._types import JSON
    from docassemble_client.workflows.interviews.answers import Answer
    from docassemble_client.workflows.interviews.screen import Screen
    from docassemble_client.workflows.interviews.screen_field import ScreenField

_TEXT_FORMAT = Kind("a TextFormat", is_kind_of(TextFormat))


def make_screen_answers(
    screen: Screen,
    values: Mapping[str, Answer],
    *,
    text_format: TextFormat,
    variables: Mapping[str, JSON] | None,
) -> dict[str, Answer]:
    """Make the variables to send, as `Screen.answers` describes."""
    check_arguments(TEXT_MAPPING, values=values)
    check_arguments(_TEXT_FORMAT, text_format=text_format)
    check_arguments(MAPPING, optional=True, variables=variables)
    rows = _find_rows(screen, values)
    names = {name for fields in rows for field in fields for name in _get_names(field, rows)}
    own_names = {f"{screen.list_name}.there_is_another"} if screen.list_name else set[str]()
    problems = [
        AnswerProblem(
            variable=str(name),
            label="",
            datatype="",
            kind=type(value).__name__,
            reason="is not a field of this screen",
        )
        for name, value in values.items()
        if name not in {*names, *own_names, screen.button_variable}
    ]

    def find_answer(field: ScreenField) -> CallerAnswer | Missing:
        for name in _get_names(field, rows):
            if name in values:
                return CallerAnswer(value=values[name])
        return MISSING

    filled = [
        fill_screen(screen, fields, find_answer, lambda _: MISSING, text_format) for fields in rows
    ]
    for part in filled:
        problems += [*part.problems]
        problems += [make_problem(field, None, "needs an answer") for field in part.missing]
    if problems:
        raise make_invalid_answer(tuple(problems), screen.question.question_name)
    answers = {name: value for part in filled for name, value in _list_answers(part, variables)}
    for name in own_names:
        answers[name] = values.get(name, False)
    if screen.button_variable:
        answers[screen.button_variable] = True
    return answers


def _find_rows(screen: Screen, values: Mapping[str, Answer]) -> list[tuple[ScreenField, ...]]:
    """Find the fields to fill in: on a screen that collects a list, the items that have values."""
    return [
        fields
        for fields in screen.rows.values()
        if fields == screen.fields or any(field.name in values for field in fields)
    ] or [screen.fields]


def _get_names(field: ScreenField, rows: list[tuple[ScreenField, ...]]) -> tuple[str, ...]:
    return (field.name, field.variable) if len(rows) == 1 else (field.name,)


def _list_answers(
    filled: FilledScreen, variables: Mapping[str, JSON] | None
) -> list[tuple[str, Answer]]:
    answers: list[tuple[str, Answer]] = []
    for name, value in filled.answers.items():
        is_choice = is_object_choice(filled.fields[name], value)
        if is_choice and value and variables is None:
            message = f"{name!r} chooses an object, which can only be copied"
            raise UsageError(message, hint="Pass variables=await session.variables()")
        copy = copy_object_choice(value, variables or {}) if is_choice else value
        answers.append((name, copy))
    if variables is None:
        return answers
    undefined = [name for name in filled.empty_objects if not is_defined(variables, name)]
    return answers + [(name, None) for name in undefined]

"""Fills in a screen that collects a list: as many items as there are entries."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from attrs import evolve

from docassemble_client.workflows.errors import AnswerProblem
from docassemble_client.workflows.interviews.missing import MISSING
from docassemble_client.workflows.interviews.screen_filler import fill_screen, make_invalid_answer
from docassemble_client.workflows.interviews.text_format import parse_boolean

if TYPE_CHECKING:
    from docassemble_client.workflows.interviews.answer_source import AnswerSource
    from docassemble_client.workflows.interviews.screen import Screen
    from docassemble_client.workflows.interviews.screen_filler import ChooseValue, FilledScreen
    from docassemble_client.workflows.interviews.text_format import TextFormat


def fill_rows(
    screen: Screen, source: AnswerSource, choose_value: ChooseValue, text_format: TextFormat
) -> FilledScreen:
    """
    Fill in the items of a list, from the requested one on, as with "Add another" in a browser.

    There is another item if the answers say so for `there_is_another`, or else if they have an
    entry for it.

    Args:
        screen: A screen that collects a list.
        source: Answers of the caller.
        choose_value: Returns the policy's value for a field.
        text_format: How numbers and several choices are written.

    Returns:
        The answers of all items, and whether there are more than the screen shows.

    Raises:
        InvalidAnswer: An answer for `there_is_another` is not true or false.
    """
    find_answer = partial(source.get_answer, screen)
    name = f"{screen.list_name}.there_is_another"
    row = next(number for number, fields in screen.rows.items() if fields == screen.fields)
    result = fill_screen(screen, screen.fields, find_answer, choose_value, text_format)
    while has_another := _has_another(screen, source, name, row + 1):
        row += 1
        if row not in screen.rows:
            break
        filled = fill_screen(screen, screen.rows[row], find_answer, choose_value, text_format)
        result = _merge(result, filled)
    return evolve(result, answers=result.answers | {name: has_another})


def _merge(first: FilledScreen, second: FilledScreen) -> FilledScreen:
    return evolve(
        first,
        answers=first.answers | second.answers,
        fields={**first.fields, **second.fields},
        policy_names=first.policy_names | second.policy_names,
        missing=first.missing + second.missing,
        empty_objects=first.empty_objects + second.empty_objects,
        problems=first.problems + second.problems,
        is_progress=first.is_progress or second.is_progress,
    )


def _has_another(screen: Screen, source: AnswerSource, name: str, row: int) -> bool:
    answer = source.get_variable_answer(name)
    if answer is MISSING:
        return any(source.has_entry(item) for item in screen.get_row_names(row))
    value = answer.value
    has_another = parse_boolean(value) if isinstance(value, str) else value
    if not isinstance(has_another, bool):
        problem = AnswerProblem(
            variable=name,
            label="",
            datatype="boolean",
            kind=type(value).__name__,
            reason="is not yes, no, true or false",
        )
        raise make_invalid_answer((problem,), screen.question.question_name)
    return has_another

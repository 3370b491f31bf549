"""Fills in the fields of a screen as a person does: only those that are shown, all checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeAlias

from attrs import field, frozen

from docassemble_client.workflows.errors import AnswerProblem, InvalidAnswer
from docassemble_client.workflows.interviews.answer_source import CallerAnswer
from docassemble_client.workflows.interviews.answers import Answer
from docassemble_client.workflows.interviews.field_values import (
    UnsuitableAnswer,
    convert_answer,
    get_empty_value,
)
from docassemble_client.workflows.interviews.missing import MISSING, Missing
from docassemble_client.workflows.interviews.policy_values import get_default, has_unusable_default
from docassemble_client.workflows.interviews.screen_field import ScreenField
from docassemble_client.workflows.interviews.text_format import TextFormat

if TYPE_CHECKING:
    from docassemble_client.workflows.interviews.screen import Screen

FindAnswer: TypeAlias = Callable[[ScreenField], CallerAnswer | Missing]
ChooseValue: TypeAlias = Callable[[ScreenField], Answer | Missing]


@frozen(kw_only=True)
class FilledScreen:
    """
    The answers to the fields of a screen.

    Attributes:
        answers: Values to send, by variable.
        fields: Answered field of each variable.
        policy_names: Variables whose value the policy chose.
        missing: Fields that need an answer and have none.
        empty_objects: Object fields left empty: a browser sets None if the variable is undefined.
        problems: Answers that do not fit their fields.
        is_progress: Whether an answer comes from a list or function of the caller.
    """

    answers: dict[str, Answer] = field(repr=False)
    fields: Mapping[str, ScreenField]
    policy_names: frozenset[str]
    missing: tuple[ScreenField, ...]
    empty_objects: tuple[str, ...]
    problems: tuple[AnswerProblem, ...]
    is_progress: bool

    def raise_problems(self, question: str) -> None:
        """Raise InvalidAnswer if an answer does not fit its field."""
        if self.problems:
            raise make_invalid_answer(self.problems, question)


def make_invalid_answer(problems: tuple[AnswerProblem, ...], question: str) -> InvalidAnswer:
    """
    Make the error of answers that do not fit their fields.

    Args:
        problems: The answers.
        question: Name of the question.

    Returns:
        The error.
    """
    number = f"{len(problems)} answers" if len(problems) > 1 else "an answer"
    details = "; ".join(str(problem) for problem in problems)
    return InvalidAnswer(
        f"{number} of question {question!r} cannot be used: {details}",
        hint="Correct the answer, or wrap it in Raw to send it unchecked",
        problems=problems,
        question=question,
    )


def fill_screen(
    screen: Screen,
    fields: tuple[ScreenField, ...],
    find_answer: FindAnswer,
    choose_value: ChooseValue,
    text_format: TextFormat,
) -> FilledScreen:
    """
    Fill in fields of a screen.

    Args:
        screen: The screen.
        fields: The fields to fill in: all, or those of a row.
        find_answer: Returns the caller's answer to a field; called once for each variable.
        choose_value: Returns the policy's value for a field.
        text_format: How numbers and several choices are written.

    Returns:
        The answers, problems and missing answers of the fields that are shown.
    """
    filler = _ScreenFiller(screen, fields, find_answer, choose_value, text_format)
    filler.fill()
    return filler.make_result()


class _ScreenFiller:
    """Fills in one screen."""

    def __init__(
        self,
        screen: Screen,
        fields: tuple[ScreenField, ...],
        find_answer: FindAnswer,
        choose_value: ChooseValue,
        text_format: TextFormat,
    ) -> None:
        self.screen = screen
        self.fields = fields
        self.find_answer = find_answer
        self.choose_value = choose_value
        self.text_format = text_format
        self.answers: dict[str, Answer] = {}
        self.answered_fields: dict[str, ScreenField] = {}
        self.policy_names: set[str] = set()
        self.empty_objects: set[str] = set()
        self.missing: dict[str, ScreenField] = {}
        self.problems: dict[str, AnswerProblem] = {}
        self.is_progress = False
        self._checked_names: set[str] = set()

    def fill(self) -> None:
        """Answer the visible fields; each answer may show or hide other fields."""
        while (next_field := self._find_next_field()) is not None:
            self._checked_names.add(next_field.name)
            try:
                self._fill_variable(next_field.name)
            except UnsuitableAnswer as error:
                self.problems[next_field.name] = error.problem

    def make_result(self) -> FilledScreen:
        """Leave out what later answers have hidden."""
        visible = {item.name for item in self._get_visible_fields()}
        answers = {name: value for name, value in self.answers.items() if name in visible}
        return FilledScreen(
            answers=answers,
            fields=self.answered_fields,
            policy_names=frozenset(self.policy_names & answers.keys()),
            missing=tuple(item for name, item in self.missing.items() if name in visible),
            empty_objects=tuple(sorted(self.empty_objects & visible)),
            problems=tuple(item for name, item in self.problems.items() if name in visible),
            is_progress=self.is_progress,
        )

    def _get_visible_fields(self) -> tuple[ScreenField, ...]:
        return self.screen.get_visible_fields(self.answers, self.fields)

    def _find_next_field(self) -> ScreenField | None:
        """Find the next visible field, preferably one whose condition is already decided."""
        fields = [
            item for item in self._get_visible_fields() if item.name not in self._checked_names
        ]
        decided = (item for item in fields if self._is_decided(item))
        return next(decided, next(iter(fields), None))

    def _is_decided(self, item: ScreenField) -> bool:
        controllers = self.screen.find_controllers(item, self.fields)
        return all(controller in self._checked_names for controller in controllers)

    def _fill_variable(self, name: str) -> None:
        """Answer a variable, by the first of its visible fields that accepts the answer."""
        fields = [item for item in self._get_visible_fields() if item.name == name]
        answer = self.find_answer(fields[0])
        if answer is not MISSING:
            self.is_progress = self.is_progress or answer.is_progress
            self._fill_from_caller(name, fields, answer.value)
            return
        for item in fields:
            value = self.choose_value(item)
            if value is not MISSING:
                self.policy_names.add(name)
                self._set(item, value)
                return
        self._leave_empty(fields, is_given=False)

    def _fill_from_caller(self, name: str, fields: list[ScreenField], answer: Answer) -> None:
        problems: list[AnswerProblem] = []
        # A field of the same variable may be shown only for the choice "other".
        hidden = [item for item in self.fields if item.name == name and item not in fields]
        for item in sorted([*fields, *hidden], key=lambda item: not item.choices):
            try:
                value = convert_answer(item, answer, self.text_format)
            except UnsuitableAnswer as error:
                problems.append(error.problem)
                continue
            if value is MISSING:
                self._leave_empty(fields, is_given=True)
            else:
                self._set(item, value)
            return
        self.problems[name] = problems[0]

    def _leave_empty(self, fields: list[ScreenField], *, is_given: bool) -> None:
        """Send what a browser sends for fields left alone, unless one of them needs an answer."""
        is_requested = fields[0].name in self.screen.requested_variables
        optional = [item for item in fields if not item.required or (is_given and _has_none(item))]
        # JavaScript may hide a field in the browser: only a requested variable needs a value.
        optional = [
            item
            for item in optional
            if not item.has_script_condition or (is_requested and not item.raw.required)
        ]
        if optional and not is_given and has_unusable_default(optional[0]):
            self.missing[fields[0].name] = optional[0]
        elif optional:
            # A person who leaves a field alone sends what it shows.
            value = MISSING if is_given else get_default(optional[0])
            if value is MISSING:
                value = get_empty_value(optional[0], is_requested=is_requested)
            if value is MISSING:
                self.empty_objects.add(optional[0].name)
            else:
                self._set(optional[0], value)
        elif is_requested or any(item.required for item in fields):
            self.missing[fields[0].name] = fields[0]

    def _set(self, item: ScreenField, value: Answer) -> None:
        self.answers[item.name] = value
        self.answered_fields[item.name] = item


def _has_none(item: ScreenField) -> bool:
    return any(choice.is_none_of_the_above for choice in item.choices)

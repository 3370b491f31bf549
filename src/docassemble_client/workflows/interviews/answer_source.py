"""Finds the caller's answers to fields and variables, and remembers which were used."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias, cast

from attrs import field, frozen

from docassemble_client.models import Question
from docassemble_client.workflows.interviews.answers import Answer, DAObject, Raw
from docassemble_client.workflows.interviews.field_values import UnsuitableAnswer, make_problem
from docassemble_client.workflows.interviews.missing import MISSING, Missing
from docassemble_client.workflows.interviews.screen_field import (
    ScreenField,
    has_placeholder,
    make_generic_name,
)
from docassemble_client.workflows.interviews.similar_names import find_close_names, is_misspelling

if TYPE_CHECKING:
    from docassemble_client.workflows.interviews.screen import Screen

Answers: TypeAlias = (
    Mapping[str, Answer] | Callable[[ScreenField | str, Question | None], Answer | Missing]
)
"""Answers by variable, or a function of the field (or a variable's name) and the question."""


@frozen(kw_only=True)
class CallerAnswer:
    """
    An answer of the caller.

    Attributes:
        value: The answer.
        is_progress: Whether it comes from a list or a function, so that it differs each time.
    """

    value: Answer = field(repr=False)
    is_progress: bool = False


class AnswerSource:
    """Finds the answers of the caller: in a mapping, or by a function."""

    def __init__(self, answers: Answers | None) -> None:
        self._function = answers if callable(answers) else None
        self._mapping: Mapping[str, Answer] = {}
        if answers is not None and not callable(answers):
            self._mapping = answers
        self._use_counts: dict[str, int] = {}

    def get_answer(self, screen: Screen, field: ScreenField) -> CallerAnswer | Missing:
        """
        Return the answer to a field, or MISSING.

        Raises:
            UnsuitableAnswer: A plain list answers a field with several choices of several items.
        """
        question = screen.question
        if self._function is not None:
            return _wrap(self._function(field, question))
        block = (question.id or "", question.question_name) if field.runs_code else ()
        names = (field.name, make_generic_name(field.name), field.variable)
        possible_names = [
            spelling
            for name in screen.list_possible_names(field)
            for spelling in (name, make_generic_name(name))
        ]
        name = next(
            (name for name in (*names, *block, *possible_names) if name in self._mapping), ""
        )
        is_empty_list = self._mapping.get(name) in ([], ()) and name == field.name
        if field.multiple and (is_empty_list or _is_plain_list(self._mapping.get(name))):
            return self._use_plain_list(field, name)
        return self._look_up(name) if name else MISSING

    def get_variable_answer(self, name: str) -> CallerAnswer | Missing:
        """Return the answer for a variable that no field sets, or MISSING."""
        if self._function is not None:
            return _wrap(self._function(name, None))
        return self._look_up(name, make_generic_name(name))

    @property
    def is_function(self) -> bool:
        """Whether the answers are a function."""
        return self._function is not None

    def use_button_answer(self, name: str) -> None:
        """Count True as the used answer for a continue button, which can set nothing else."""
        if self._mapping.get(name) is True:
            self._use_counts[name] = self._use_counts.get(name, 0) + 1

    def has_entry(self, name: str) -> bool:
        """Whether the mapping has an answer for this item of a list that was not used yet."""
        if name in self._mapping and self._count_remaining(name):
            return True
        generic = make_generic_name(name)
        # A single value for every item does not show how many items there are.
        is_list = isinstance(self._mapping.get(generic), (list, tuple))
        return is_list and self._count_remaining(generic) > 0

    @property
    def unused(self) -> tuple[str, ...]:
        """Names of the answers that were never used, or not all of whose items were used."""
        return tuple(name for name in self._mapping if self._count_remaining(name))

    def find_similar_names(self, name: str) -> tuple[str, ...]:
        """Find unused answers that may be meant for this variable."""
        return find_close_names(name, self._list_never_used())

    def find_misspelled_names(self, name: str) -> tuple[str, ...]:
        """Find unused answers whose name is this variable's except for a typing error."""
        names = {name, make_generic_name(name)}
        unused = self._list_never_used()
        return tuple(item for item in unused if any(is_misspelling(item, name) for name in names))

    def _list_never_used(self) -> Iterable[str]:
        return [name for name in self._mapping if name not in self._use_counts]

    def _use_plain_list(self, field: ScreenField, name: str) -> CallerAnswer:
        """Take a list as several choices or files, if it cannot be meant for several items."""
        value = self._mapping[name]
        if name != field.name or has_placeholder(name):
            reason = "is a plain list for several items: put the choices of each item in a list"
            raise UnsuitableAnswer(make_problem(field, value, reason))
        self._use_counts[name] = self._use_counts.get(name, 0) + self._count_items(name)
        return CallerAnswer(value=value)

    def _look_up(self, *names: str) -> CallerAnswer | Missing:
        for name in dict.fromkeys(names):
            if name not in self._mapping:
                continue
            position = self._use_counts.get(name, 0)
            self._use_counts[name] = position + 1
            value = self._mapping[name]
            if not isinstance(value, (list, tuple)):
                return CallerAnswer(value=value)
            items = cast("Sequence[Answer]", value)
            if position >= len(items):
                return MISSING
            return CallerAnswer(value=items[position], is_progress=True)
        return MISSING

    def _count_remaining(self, name: str) -> int:
        """Count the items of an answer that were not used yet; another answer is one item."""
        return max(0, self._count_items(name) - self._use_counts.get(name, 0))

    def _count_items(self, name: str) -> int:
        value = self._mapping[name]
        return len(cast("Sequence[Answer]", value)) if isinstance(value, (list, tuple)) else 1


def _wrap(value: Answer | Missing) -> CallerAnswer | Missing:
    return MISSING if value is MISSING else CallerAnswer(value=value, is_progress=True)


def _is_plain_list(value: object) -> bool:
    """Whether a value is a list of single choices or files, none of which is a list itself."""
    if not isinstance(value, (list, tuple)):
        return False
    items = cast("Sequence[object]", value)
    return bool(items) and not any(
        item is None or isinstance(item, (list, tuple, Mapping, DAObject, Raw)) for item in items
    )

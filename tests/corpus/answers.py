"""Answers of the interviews that generated values cannot finish."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, cast

from docassemble_client import MISSING, DADict, Upload

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from typing import TypeAlias

    from docassemble_client import Question, ScreenField
    from tests.corpus.server import Corpus

    AnswerFunction: TypeAlias = Callable[[ScreenField | str, Question | None], Any]


def make_answers(corpus: Corpus, interview: str, packages: Path) -> AnswerFunction:
    """
    Make the function that answers the fields of an interview.

    Args:
        corpus: The corpus, with answers by interview and by custom datatype.
        interview: Name of the interview.
        packages: Folder of the packages on the server.

    Returns:
        The function; it returns MISSING for what a policy answers.
    """
    answers = corpus.answers.get(interview, {})
    values = {name: read_answer(answer, packages) for name, answer in answers.items()}
    return partial(_answer, values, corpus.custom_values)


def read_answer(answer: Any, packages: Path) -> Any:
    """
    Read an answer of packages.yaml.

    Args:
        answer: A value; `{file: path}` is a file of a package, `{checked: {key: true}}` what the
            web form makes of checkboxes.
        packages: Folder of the packages on the server.

    Returns:
        The answer.
    """
    match answer:
        case {"file": str() as path}:
            file = packages / path
            return Upload(file.read_bytes(), file.name)
        case {"checked": dict() as elements}:
            return DADict(cast("dict[str, bool]", elements))
        case _:
            return answer


def _answer(
    answers: Mapping[str, Any],
    custom_values: Mapping[str, Any],
    item: ScreenField | str,
    _question: Question | None,
) -> Any:
    if isinstance(item, str):
        return answers.get(item, MISSING)
    return answers.get(item.name, custom_values.get(item.datatype or "", MISSING))

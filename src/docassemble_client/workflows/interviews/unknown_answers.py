"""Finds answers whose name the interview does not know."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from attrs import field, frozen

from docassemble_client.workflows.interviews.screen_field import make_generic_name
from docassemble_client.workflows.interviews.similar_names import find_close_names, is_misspelling

if TYPE_CHECKING:
    from collections.abc import Iterable

    from docassemble_client.models import InterviewNames

_BASE = re.compile(r"[^\W\d]\w*")
# Names of questions without an ID, and the variable of questions about any object.
_IMPLICIT_NAME = re.compile(r"Question_\d+|x(?=[.\[]|$)")


@frozen
class UnknownAnswer:
    """
    An answer whose name the interview does not know.

    Attributes:
        name: Name of the answer.
        similar_names: Variables of the interview that may be meant, the most similar first.
    """

    name: str
    similar_names: tuple[str, ...] = field(default=(), kw_only=True)

    def __str__(self) -> str:
        names = " or ".join(map(repr, self.similar_names))
        return f"the interview does not know {self.name!r}" + (
            f"; did you mean {names}?" if names else ""
        )


def find_unknown_answers(answers: Iterable[str], names: InterviewNames) -> list[UnknownAnswer]:
    """
    Find answers that the interview does not know.

    Args:
        answers: Names of answers.
        names: Names that occur in the interview.

    Returns:
        Names whose variable is unknown. A name of an attribute or item of a known variable is
        returned only if it is a misspelling of a known name: questions about any object, methods
        and modules may use others.
    """
    known = {
        _normalize(name): name
        for variable in names.var_list
        for name in (variable.var, variable.var_base or variable.var)
    } | {name: name for name in names.undefined_names}
    variables = {match[0] for name in known if (match := _BASE.match(name))}
    unknown: list[UnknownAnswer] = []
    for name in answers:
        normal = _normalize(name)
        if normal in known or _IMPLICIT_NAME.match(name):
            continue
        base = _BASE.match(name)
        is_variable = base is not None and base[0] in variables
        misspelled = [known[item] for item in known if is_misspelling(item, normal)]
        if not is_variable or misspelled:
            similar = misspelled or [known[item] for item in find_close_names(normal, known)]
            unknown.append(UnknownAnswer(name, similar_names=tuple(dict.fromkeys(similar))[:3]))
    return unknown


def _normalize(name: str) -> str:
    return make_generic_name(name).replace('"', "'")

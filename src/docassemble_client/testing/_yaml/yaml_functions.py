"""Functions of docassemble that the code of an interview calls."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, NoReturn

from docassemble_client.responses import BinaryContent, JSONReply
from docassemble_client.testing._yaml.variable_expressions import TAGS, from_python
from docassemble_client.testing.interviews import TEMPORARY, Asked, Brought, Screen

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from docassemble_client.testing.interviews import Answers


class Sent(Exception):  # noqa: N818 - how code ends the run
    """Code has called response(), json_response() or command()."""

    def __init__(self, outcome: Brought | Asked) -> None:
        """
        End the run.

        Args:
            outcome: What it comes to.
        """
        super().__init__()
        self.outcome = outcome


class Tags:
    """The tags of a session, which code can change."""

    def __init__(self, answers: Answers, tags: Iterable[str]) -> None:
        """
        Show them; from now on they are the session's own.

        Args:
            answers: The variables, which keep them.
            tags: Those of the interview.
        """
        self._answers = answers
        if TAGS not in answers:
            answers.set(TAGS, [*tags])

    def add(self, tag: str) -> None:
        """
        Add one.

        Args:
            tag: The tag.
        """
        self._answers.set(TAGS, [*self._answers[TAGS], tag])


def functions(
    answers: Answers, arguments: Mapping[str, Any], modules: Iterable[str], tags: Iterable[str]
) -> dict[str, Any]:
    """
    Collect what code can call.

    Args:
        answers: The variables.
        arguments: Arguments of the action that runs.
        modules: Modules the interview imports.
        tags: Tags of the interview.

    Returns:
        Functions and modules by name.
    """
    return {
        **{one: import_module(one) for one in modules},
        "json_response": _json_response,
        "response": _response,
        "command": _command,
        "action_argument": arguments.get,
        "defined": answers.__contains__,
        "session_tags": lambda: Tags(answers, tags),
    }


def _json_response(data: Any, response_code: int = 200) -> NoReturn:
    raise Sent(Brought(JSONReply(from_python(data), response_code)))


def _response(
    response: Any = None,
    *,
    binaryresponse: Any = None,
    content_type: str = "text/plain; charset=utf-8",
    response_code: int = 200,
) -> NoReturn:
    content = response if binaryresponse is None else binaryresponse
    content = content if isinstance(content, bytes) else str(content).encode()
    sent = BinaryContent(content=content, content_type=content_type, status=response_code)
    raise Sent(Brought(sent))


def _command(kind: str, url: str = "") -> NoReturn:
    """Show a screen without words that leads elsewhere."""
    raise Sent(Asked(Screen(url, kind=kind, extra={"subquestionText": ""}), TEMPORARY))

"""docassemble's functions for the code of an interview written in YAML."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, NoReturn

from docassemble_client.responses import BinaryContent, JSONReply
from docassemble_client.testing._yaml.variable_expressions import TAGS_VARIABLE, from_python
from docassemble_client.testing.interviews import (
    TEMPORARY_BLOCK,
    FinalValue,
    ScriptedScreen,
    ShowScreen,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from docassemble_client.testing.interviews import SessionVariables


class RunEnded(Exception):  # noqa: N818 - not an error
    """Code has called response(), json_response() or command()."""

    def __init__(self, outcome: FinalValue | ShowScreen) -> None:
        """
        End the run.

        Args:
            outcome: Outcome of the run.
        """
        super().__init__()
        self.outcome = outcome


class SessionTags:
    """The tags of a session, which code can change."""

    def __init__(self, variables: SessionVariables, tags: Iterable[str]) -> None:
        """
        Copy the interview's tags to the session, unless it has its own.

        Args:
            variables: Variables of the session, which store the tags.
            tags: Tags of the interview.
        """
        self._variables = variables
        if TAGS_VARIABLE not in variables:
            variables.set(TAGS_VARIABLE, [*tags])

    def add(self, tag: str) -> None:
        """
        Add a tag.

        Args:
            tag: The tag.
        """
        self._variables.set(TAGS_VARIABLE, [*self._variables[TAGS_VARIABLE], tag])


def make_functions(
    variables: SessionVariables,
    arguments: Mapping[str, Any],
    modules: Iterable[str],
    tags: Iterable[str],
) -> dict[str, Any]:
    """
    Make the functions that code can call.

    Args:
        variables: Variables of the session.
        arguments: Arguments of the action that is run.
        modules: Modules that the interview imports.
        tags: Tags of the interview.

    Returns:
        Functions and modules by name.
    """
    return {
        **{name: import_module(name) for name in modules},
        "json_response": _json_response,
        "response": _response,
        "command": _command,
        "action_argument": arguments.get,
        "defined": variables.__contains__,
        "session_tags": lambda: SessionTags(variables, tags),
    }


def _json_response(data: Any, response_code: int = 200) -> NoReturn:
    raise RunEnded(FinalValue(JSONReply(from_python(data), response_code)))


def _response(
    response: Any = None,
    *,
    binaryresponse: Any = None,
    content_type: str = "text/plain; charset=utf-8",
    response_code: int = 200,
) -> NoReturn:
    content = response if binaryresponse is None else binaryresponse
    content = content if isinstance(content, bytes) else str(content).encode()
    value = BinaryContent(content=content, content_type=content_type, status=response_code)
    raise RunEnded(FinalValue(value))


def _command(kind: str, url: str = "") -> NoReturn:
    """Show a screen without text that redirects to a URL."""
    screen = ScriptedScreen(url, kind=kind, extra={"subquestionText": ""})
    raise RunEnded(ShowScreen(screen, TEMPORARY_BLOCK))

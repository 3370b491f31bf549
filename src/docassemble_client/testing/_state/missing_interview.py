"""Explains why an interview does not exist, as the server does."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from attrs import frozen

if TYPE_CHECKING:
    from docassemble_client.testing._state.users import Users

PLAYGROUND_PREFIX = "docassemble.playground"
_PLAYGROUND = re.compile(r"(docassemble\.playground([0-9]+)([A-Za-z]?[A-Za-z0-9]*)):(.*)")
_QUESTIONS = "data/questions/"
_INVALID_PATH = re.compile(r"\.\./|^/|[^A-Za-z0-9_./ -]")
_INVALID_PACKAGE = re.compile(r"[^A-Za-z0-9_.-]")
_MAX_LENGTH = 268  # characters
_NO_FILE = "Reference to invalid playground path."


@frozen
class MissingInterview:
    """
    Why an interview does not exist.

    Attributes:
        message: The server's message.
        class_name: Name of the server's exception.
    """

    message: str
    class_name: str = "DANotFoundError"

    def __str__(self) -> str:
        return f"{self.class_name}: {self.message}"


def explain_missing_interview(filename: str, users: Users) -> MissingInterview:
    """
    Explain why an interview does not exist.

    Args:
        filename: File name of the interview.
        users: Accounts, some of which have a Playground.
    """
    match = _PLAYGROUND.match(filename)
    if match is not None:
        filename = f"{match[1]}:{match[4].removeprefix(_QUESTIONS)}"
    package, colon, path = filename.partition(":")
    if colon and ":" not in path and _is_invalid(package, path):
        return MissingInterview("Invalid filename", "DAInvalidFilename")
    if match is not None:
        owner = users.find(int(match[2]))
        if owner is not None and {"admin", "developer"} & set(owner.privileges):
            return MissingInterview(_NO_FILE)
    return MissingInterview(f"Interview {filename} not found")


def _is_invalid(package: str, path: str) -> bool:
    path = _QUESTIONS + path.removeprefix(_QUESTIONS)
    return (
        _INVALID_PATH.search(path) is not None
        or _INVALID_PACKAGE.search(package) is not None
        or not package.startswith("docassemble.")
        or max(len(package), len(path)) > _MAX_LENGTH
    )

"""Errors of the jobs, which take several calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from docassemble_client.errors import DocassembleError, TaskFailed

if TYPE_CHECKING:
    from docassemble_client._types import JSON
    from docassemble_client.tasks import TaskHandle
    from docassemble_client.workflows.interviews.runner import Transcript

__all__ = [
    "HandoverRefused",
    "InstallFailed",
    "InterviewError",
    "InterviewFailed",
    "InvalidDocument",
    "JournalError",
    "MissingAnswer",
    "NoDocuments",
    "StuckInterview",
]


class HandoverRefused(DocassembleError):
    """A session cannot be handed over to a person, who could not read its answers."""


class InterviewError(DocassembleError):
    """
    An interview could not be driven to its end.

    Attributes:
        transcript: What was asked and answered until then; holds what users typed.
    """

    def __init__(
        self, message: str = "", *, transcript: Transcript | None = None, **where: str
    ) -> None:
        super().__init__(message, **where)
        self.transcript = transcript


class MissingAnswer(InterviewError):
    """
    Neither the answers nor the policy say what to answer.

    Attributes:
        variable: Name of the variable.
        question: Name of the question; empty if no question asks for the variable.
    """

    def __init__(
        self,
        message: str = "",
        *,
        transcript: Transcript | None = None,
        variable: str = "",
        question: str = "",
        **where: str,
    ) -> None:
        super().__init__(message, transcript=transcript, **where)
        self.variable = variable
        self.question = question


class StuckInterview(InterviewError):
    """The interview asks the same again after the same answer, or has too many steps."""


class InterviewFailed(InterviewError):
    """
    The server refused an answer, or the interview itself broke.

    Attributes:
        body: What the server said; shown nowhere, as it may hold what users typed.
    """

    def __init__(
        self,
        message: str = "",
        *,
        transcript: Transcript | None = None,
        body: JSON = None,
        **where: str,
    ) -> None:
        super().__init__(message, transcript=transcript, **where)
        self.body = body


class NoDocuments(InterviewError):
    """
    An interview ended without a document, or without one in a format that was asked for.

    Attributes:
        question: Name of the question it ended with; empty if it was none.
        ended: How it ended, as in `Transcript.ended`.
    """

    def __init__(
        self,
        message: str = "",
        *,
        transcript: Transcript | None = None,
        question: str = "",
        ended: str = "",
        **where: str,
    ) -> None:
        super().__init__(message, transcript=transcript, **where)
        self.question = question
        self.ended = ended


class InvalidDocument(DocassembleError):
    """
    What came in place of a document is none of its format, such as the error page of a proxy.

    Attributes:
        format: Format it should have.
        content: Its first bytes; shown nowhere.
    """

    def __init__(
        self,
        message: str = "",
        *,
        operation: str = "",
        method: str = "",
        path: str = "",
        hint: str = "",
        format: str = "",  # noqa: A002 - as the attribute
        content: bytes = b"",
    ) -> None:
        super().__init__(message, operation=operation, method=method, path=path, hint=hint)
        self.format = format
        self.content = content


class InstallFailed(TaskFailed):
    """
    A package is not installed as it was to be, whatever the server says.

    Attributes:
        name: Name of the package.
    """

    def __init__(
        self,
        message: str = "",
        *,
        handle: TaskHandle | None = None,
        log: str = "",
        name: str = "",
        **where: str,
    ) -> None:
        super().__init__(message, handle=handle, log=log, **where)
        self.name = name


class JournalError(DocassembleError):
    """A journal is in use, damaged, or that of other rows; nothing was changed in it."""

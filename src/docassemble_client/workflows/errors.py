"""Errors of the workflows: tasks that need several API calls."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Self, Unpack

from attrs import field, frozen

import docassemble_client.workflows as workflows
from docassemble_client._types import JSON
from docassemble_client.errors import DocassembleError, ErrorContext, TaskFailed, UsageError
from docassemble_client.tasks import TaskHandle

_MAX_SHOWN_CHOICES = 12


class SessionNotShareable(DocassembleError):
    """A session cannot be shared: it is encrypted, so the recipient could not open it."""


class InterviewError(DocassembleError):
    """
    An interview could not be completed.

    Attributes:
        transcript: Questions and answers up to the error; contains what users typed.
    """

    def __init__(
        self,
        message: str = "",
        *,
        transcript: workflows.Transcript | None = None,
        **context: Unpack[ErrorContext],
    ) -> None:
        super().__init__(message, **context)
        self.transcript = transcript


class MissingAnswer(InterviewError):
    """
    Neither the answers nor the policy contain an answer.

    Attributes:
        variable: Name of the variable.
        question: Name of the question; empty if no question asks for the variable.
        datatype: Datatype of the field; empty if it is not known.
        similar_names: Answers of a similar name that no screen has asked for.
    """

    def __init__(
        self,
        message: str = "",
        *,
        transcript: workflows.Transcript | None = None,
        variable: str = "",
        question: str = "",
        datatype: str = "",
        similar_names: tuple[str, ...] = (),
        **context: Unpack[ErrorContext],
    ) -> None:
        super().__init__(message, transcript=transcript, **context)
        self.variable = variable
        self.question = question
        self.datatype = datatype
        self.similar_names = similar_names


@frozen(kw_only=True)
class AnswerProblem:
    """
    An answer that does not fit its field; without the answer's value.

    Attributes:
        variable: Variable of the field.
        label: Label of the field in Markdown.
        datatype: Datatype of the field, such as currency; empty if it has none.
        kind: Python type of the value, such as str.
        reason: What is wrong with the value.
        choices: Values of the field's choices; empty if it has none.
        limits: Limits of the field by name: min, max, step, minlength, maxlength.
    """

    variable: str
    label: str
    datatype: str
    kind: str
    reason: str
    choices: tuple[JSON, ...] = ()
    limits: Mapping[str, str] = field(factory=dict[str, str])

    def __str__(self) -> str:
        datatype = f" ({self.datatype})" if self.datatype else ""
        text = f"{self.variable!r}{datatype}: {self.reason}"
        if self.limits:
            text += f", {', '.join(f'{name} {limit}' for name, limit in self.limits.items())}"
        if self.choices:
            shown = ", ".join(repr(choice) for choice in self.choices[:_MAX_SHOWN_CHOICES])
            more = ", …" if len(self.choices) > _MAX_SHOWN_CHOICES else ""
            text += f", choices {shown}{more}"
        return text


class InvalidAnswer(UsageError):
    """
    Answers do not fit the fields of a screen; the screen was not answered.

    Attributes:
        problems: All problems of the screen.
        question: Name of the question.
        transcript: Questions and answers before this screen; None outside of a run.
    """

    def __init__(
        self,
        message: str = "",
        *,
        problems: tuple[AnswerProblem, ...] = (),
        question: str = "",
        transcript: workflows.Transcript | None = None,
        **context: Unpack[ErrorContext],
    ) -> None:
        super().__init__(message, **context)
        self.problems = problems
        self.question = question
        self.transcript = transcript


class InterviewStuck(InterviewError):
    """
    The interview makes no progress.

    It repeats a question after the same answer, needs a variable again that was set twice, or has
    too many steps.
    """


class InterviewFailed(InterviewError):
    """
    The server refused an answer, or the interview failed.

    Attributes:
        body: Body of the response; never shown, as it may contain what users typed.
        exception: Name of the exception that the interview raised, such as ZeroDivisionError;
            DAErrorNoEndpoint if it has no end screen; empty if the server names none.
    """

    def __init__(
        self,
        message: str = "",
        *,
        transcript: workflows.Transcript | None = None,
        body: JSON = None,
        exception: str = "",
        **context: Unpack[ErrorContext],
    ) -> None:
        super().__init__(message, transcript=transcript, **context)
        self.body = body
        self.exception = exception


class NoDocuments(InterviewError):
    """
    An interview ended without a document, or without one in a requested format or variable.

    Attributes:
        question: Name of the final question; empty if it ended with something else.
        end_type: How it ended, as in `Transcript.end_type`.
    """

    def __init__(
        self,
        message: str = "",
        *,
        transcript: workflows.Transcript | None = None,
        question: str = "",
        end_type: str = "",
        **context: Unpack[ErrorContext],
    ) -> None:
        super().__init__(message, transcript=transcript, **context)
        self.question = question
        self.end_type = end_type


class DocumentsNotSaved(DocassembleError):
    """The documents of a row cannot be saved, for example because its folder cannot be created."""

    @classmethod
    def from_error(cls, error: OSError) -> Self:
        """Create the error from that of the file system, without its paths."""
        reason = os.strerror(error.errno) if error.errno else type(error).__name__
        message = f"the documents cannot be saved ({reason})"
        return cls(message, hint="Check the folder of save_to, and what is in the row's folder")


class InvalidDocument(DocassembleError):
    """
    The content is not a valid document of its format, for example a proxy's error page.

    Attributes:
        format: Expected format.
        content: First bytes of the content; never shown.
    """

    def __init__(
        self,
        message: str = "",
        *,
        format: str = "",  # noqa: A002 - named like the attribute
        content: bytes = b"",
        **context: Unpack[ErrorContext],
    ) -> None:
        super().__init__(message, **context)
        self.format = format
        self.content = content


class InstallFailed(TaskFailed):
    """
    A package is not installed as requested, even if the server reports success.

    Attributes:
        name: Name of the package.
        failed_packages: Other packages that could not be installed; the server installs all
            pending packages together.
    """

    def __init__(
        self,
        message: str = "",
        *,
        handle: TaskHandle | None = None,
        log: str = "",
        name: str = "",
        failed_packages: tuple[str, ...] = (),
        **context: Unpack[ErrorContext],
    ) -> None:
        super().__init__(message, handle=handle, log=log, **context)
        self.name = name
        self.failed_packages = failed_packages


class UninstallFailed(TaskFailed):
    """
    A package is still installed, even if the server reports success.

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
        **context: Unpack[ErrorContext],
    ) -> None:
        super().__init__(message, handle=handle, log=log, **context)
        self.name = name


class PackageNotFound(DocassembleError):
    """
    The server does not list a package with this name.

    Attributes:
        package: Name of the package.
    """

    def __init__(
        self, message: str = "", *, package: str = "", **context: Unpack[ErrorContext]
    ) -> None:
        super().__init__(message, **context)
        self.package = package


class ProjectNotFound(DocassembleError):
    """
    The Playground has no project with this name.

    Attributes:
        project: Name of the project.
    """

    def __init__(
        self, message: str = "", *, project: str = "", **context: Unpack[ErrorContext]
    ) -> None:
        super().__init__(message, **context)
        self.project = project


class ApiKeyNotCreated(DocassembleError):
    """
    The server reported a new API key, but does not list it; the key was deleted again.

    Attributes:
        name: Name of the key.
    """

    def __init__(
        self, message: str = "", *, name: str = "", **context: Unpack[ErrorContext]
    ) -> None:
        super().__init__(message, **context)
        self.name = name


class JournalError(DocassembleError):
    """A journal is in use, damaged, or belongs to another batch; it was not changed."""

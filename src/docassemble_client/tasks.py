"""Tasks that continue on the server after the response."""

# Annotations are evaluated here: a named tuple turns strings into forward references, which cattrs
# does not resolve.
import json
from typing import Literal, NamedTuple, Self

from docassemble_client.errors import UsageError

TOKEN_VERSION = 1
_MAX_UNIX_SECONDS = 1e12  # about 30,000 years
ExpectedState = Literal["", "listed", "gone"]


class TaskHandle(NamedTuple):
    """
    A restart or installation that runs on the server.

    Attributes:
        id: ID of the task, valid for an hour.
        kind: Kind of the task: restart or install.
        operation: Full name of the operation that started it.
        started_at: Time of the response by the server's clock, in seconds since 1970, or None.
        package: Normalized name of the package; empty if unknown.
        expected_state: State of the package after the task: listed or gone; empty if unknown.
    """

    id: str
    kind: str
    operation: str
    started_at: float | None = None
    package: str = ""
    expected_state: ExpectedState = ""

    def to_token(self) -> str:
        """
        Serialize the handle, to wait for the task in another process.

        Returns:
            A short JSON text with a version; it contains no secret.
        """
        return json.dumps({"version": TOKEN_VERSION, **self._asdict()}, separators=(",", ":"))

    @classmethod
    def from_token(cls, token: str) -> Self:
        """
        Read a handle from its token.

        Args:
            token: Result of `to_token`.

        Returns:
            The handle.

        Raises:
            UsageError: The token is invalid, damaged, or has an unsupported version.
        """
        try:
            data = json.loads(token)
            version = data.pop("version")
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            message = "the task token is not valid"
            raise UsageError(message, hint="Pass what TaskHandle.to_token() returned") from None
        if version != TOKEN_VERSION:
            message = (
                f"the task token has a version that is not supported (expected {TOKEN_VERSION})"
            )
            raise UsageError(message, hint="Read it with the version of the client that wrote it")
        handle = cls(**data) if data.keys() == set(cls._fields) else None
        if handle is None or not handle._is_valid:  # noqa: SLF001 - its own class
            message = "the task token is damaged"
            raise UsageError(message, hint="Pass what TaskHandle.to_token() returned")
        return handle

    @property
    def _is_valid(self) -> bool:
        """Whether every attribute has a valid type and value."""
        texts = (self.id, self.kind, self.operation, self.package)
        # NaN would count as a start before any other.
        has_valid_start = self.started_at is None or (
            type(self.started_at) in {int, float} and abs(self.started_at) < _MAX_UNIX_SECONDS
        )
        expected_states = ("", "listed", "gone") if self.package else ("",)
        return (
            all(isinstance(text, str) for text in texts)
            and has_valid_start
            and self.expected_state in expected_states
        )


def to_handle(task: object) -> TaskHandle:
    """Convert a task argument, a handle or its token, to the handle."""
    handle = TaskHandle.from_token(task) if isinstance(task, str) else task
    if isinstance(handle, TaskHandle):
        return handle
    message = "task must be a TaskHandle or its token"
    raise UsageError(message)


class TaskEvent(NamedTuple):
    """
    The state of a task during a wait.

    Attributes:
        state: working, restarting, confirming or completed.
        polls: Number of times the status of the task was requested.
        reason: HTTP status or error class that led to a state that the server did not report.
        elapsed: Seconds since the wait began.
    """

    state: str
    polls: int
    reason: str = ""
    elapsed: float = 0.0


class TaskResult(NamedTuple):
    """
    The result of a task.

    Attributes:
        handle: The task.
        log: Output of the task, such as pip's log; empty if there is none or the server has already
            forgotten it.
    """

    handle: TaskHandle
    log: str = ""

    def __repr__(self) -> str:
        return f"TaskResult(handle={self.handle!r}, log=<{len(self.log)} characters>)"

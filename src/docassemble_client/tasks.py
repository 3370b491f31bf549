"""Work that goes on in the server after a call has answered."""

from __future__ import annotations

import json
from typing import Literal

from attrs import asdict, field, fields, frozen, validators

from docassemble_client.errors import UsageError

_VERSION = 1
_END_OF_TIME = 1e12  # seconds, some 30,000 years
Expects = Literal["", "listed", "gone"]


@frozen(kw_only=True)
class PollPolicy:
    """
    How often a task is looked at; each pause is shortened at random by up to a half.

    Attributes:
        interval: Seconds of the first pause at most.
        factor: By which each pause is longer than the one before.
        cap: Seconds of any pause at most; the server forgets a completed task 30 s after it was
            first seen.
        timeout: Seconds that the server may be silent to one look, before it counts as restarting.
    """

    interval: float = field(default=1.0, validator=validators.ge(0))
    backoff_factor: float = field(default=1.5, validator=validators.ge(1))
    max_interval: float = field(default=10.0, validator=validators.ge(0))
    request_timeout: float = field(default=10.0, validator=validators.gt(0))


@frozen(kw_only=True)
class TaskHandle:
    """
    A restart or installation that the server has begun.

    Attributes:
        id: Number of the task, valid for an hour.
        kind: What it is: restart or install.
        operation: Full name of the operation that began it.
        started: When the server answered, by its own clock, in seconds since 1970; None if unknown.
        target: Normalised name of the package it is about, empty if unknown.
        expects: Whether the target must be listed or gone afterwards; empty if neither is known.
    """

    id: str
    kind: str
    operation: str
    started: float | None = None
    target: str = ""
    expects: Expects = ""

    def to_token(self) -> str:
        """
        Write the handle as a short text, to wait in another process.

        Returns:
            Versioned JSON; it holds no secret.
        """
        return json.dumps({"version": _VERSION, **asdict(self)}, separators=(",", ":"))

    @classmethod
    def from_token(cls, token: str) -> TaskHandle:
        """
        Read a handle back.

        Args:
            token: What `to_token` wrote.

        Returns:
            The handle.

        Raises:
            UsageError: It is no token, a damaged one, or one of another version.
        """
        try:
            data = json.loads(token)
            version = data.pop("version")
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            message = "this is no token of a task"
            raise UsageError(message, hint="Pass what TaskHandle.to_token() returned") from None
        if version != _VERSION:
            message = "the token has another version than this client understands (1)"
            raise UsageError(message, hint="Read it with the client that wrote it")
        handle = cls(**data) if data.keys() == {one.name for one in fields(cls)} else None
        if handle is None or not handle.valid:
            message = "the token of the task is damaged"
            raise UsageError(message, hint="Pass what TaskHandle.to_token() returned")
        return handle

    @property
    def valid(self) -> bool:
        """Whether every attribute has its type and sense."""
        texts = (self.id, self.kind, self.operation, self.target)
        # Not a number would pass for a start before every other.
        timed = self.started is None or (
            type(self.started) in {int, float} and abs(self.started) < _END_OF_TIME
        )
        expected = ("", "listed", "gone") if self.target else ("",)
        return all(isinstance(one, str) for one in texts) and timed and self.expects in expected


@frozen(kw_only=True)
class TaskEvent:
    """
    What is known of a task at one moment of waiting.

    Attributes:
        state: working, restarting, confirming or completed.
        polls: How often the server was asked how far the task is.
        detail: The status or error behind a state that the server did not name.
        elapsed: Seconds since the waiting began.
    """

    state: str
    polls: int
    detail: str = ""
    elapsed: float = 0.0


@frozen(kw_only=True)
class TaskResult:
    """
    What a task brought.

    Attributes:
        handle: The task.
        log: What the work printed (the log of pip); empty where there is none or the server has
            already forgotten it.
    """

    handle: TaskHandle
    log: str = field(default="", repr=lambda value: f"<{len(value)} characters>")

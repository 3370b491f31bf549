"""Settings of a client, and wrappers that hide secrets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NoReturn, TypeAlias, final

from attrs import Attribute, field, frozen, validators

from docassemble_client._types import JSON
from docassemble_client.errors import UsageError

_MASK = "**********"


def _check_text(value: object) -> str:
    if isinstance(value, str):
        return value
    message = f"a secret must be a string, not {type(value).__name__}"
    raise TypeError(message)


def mask(value: object) -> str:
    """Return a mask that shows whether there is a value, but not which one."""
    return "None" if value is None else repr(_MASK)


@final
class Secret:
    """
    A string that is hidden in repr, str, format, logs and tracebacks.

    Every argument that takes a secret also takes a plain string.
    """

    # Not an attrs class: attrs.asdict and pretty printers would show the value.
    __slots__ = ("_value",)
    _value: str

    def __init__(self, value: str) -> None:
        object.__setattr__(self, "_value", _check_text(value))

    def reveal(self) -> str:
        """Return the secret string."""
        return self._value

    def __setattr__(self, name: str, value: object) -> NoReturn:
        message = "a Secret cannot be changed"
        raise AttributeError(message)

    def __delattr__(self, name: str) -> NoReturn:
        message = "a Secret cannot be changed"
        raise AttributeError(message)

    def __reduce__(self) -> tuple[type[Secret], tuple[str]]:
        return Secret, (self._value,)

    def __eq__(self, other: object) -> bool:
        return self._value == other._value if isinstance(other, Secret) else NotImplemented

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __repr__(self) -> str:
        return f"Secret({_MASK!r})"

    def __str__(self) -> str:
        return _MASK

    def __format__(self, format_spec: str) -> str:
        return format(_MASK, format_spec)

    def __bool__(self) -> bool:
        return bool(self._value)


class Confidential(Mapping[str, JSON]):
    """A read-only JSON object that shows its keys, but not its values."""

    __slots__ = ("_data",)

    def __init__(self, data: Mapping[str, JSON]) -> None:
        self._data = dict(data)

    def __getitem__(self, key: str) -> JSON:
        return self._data[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._data)

    def __len__(self) -> int:
        return len(self._data)

    def __repr__(self) -> str:
        return f"Confidential({dict.fromkeys(self._data, _MASK)!r})"


def _check_seconds(_: object, attribute: Attribute[Any], value: object) -> None:
    is_valid = isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0
    if value is not None and not is_valid:
        message = f"{attribute.name} must be a number of seconds, or None"
        raise UsageError(message)


@frozen(kw_only=True)
class Timeouts:
    """
    Time limits in seconds; None means no limit.

    Attributes:
        connect: Limit for opening a connection.
        read: Limit for each wait for data from the server.
        write: Limit for each wait until the server accepts data.
        total: Limit for the whole call, including its retries.
    """

    connect: float | None = field(default=10.0, validator=_check_seconds)
    read: float | None = field(default=60.0, validator=_check_seconds)
    write: float | None = field(default=60.0, validator=_check_seconds)
    total: float | None = field(default=None, validator=_check_seconds)

    @classmethod
    def from_value(cls, timeout: Timeout) -> Timeouts:
        """Convert a `timeout` argument; a number sets `connect`, `read` and `write`."""
        if isinstance(timeout, Timeouts):
            return timeout
        return cls(connect=timeout, read=timeout, write=timeout)


Timeout: TypeAlias = float | Timeouts | None
"""Seconds for each wait (connect, read, write), or Timeouts, or None for no limit."""


@frozen(kw_only=True)
class RetryPolicy:
    """
    When and how often a failed request is sent again.

    A request that cannot have reached the server may always be retried. A request that the
    server may have processed is retried only if the operation is safe to repeat.

    Attributes:
        attempts: Maximum number of attempts; 1 means no retry.
        initial_delay: Maximum delay before the first retry, in seconds; it doubles with each retry.
        max_delay: Maximum delay before any retry, in seconds, even if Retry-After asks for more.
        budget: Maximum number of retries in a row, for all calls of the client together.
        earned: Budget regained per call; during an outage, retries add at most this fraction to
            the number of requests.
    """

    attempts: int = field(default=3, validator=[validators.instance_of(int), validators.ge(1)])
    initial_delay: float = field(default=0.5, validator=validators.ge(0))
    max_delay: float = field(default=30.0, validator=validators.ge(0))
    budget: float = field(default=20.0, validator=validators.ge(0))
    earned: float = field(default=0.1, validator=validators.ge(0))


@frozen(kw_only=True)
class PollPolicy:
    """
    How often a task is polled. Each delay is randomly shortened by up to a half.

    Attributes:
        interval: Maximum delay before the second poll, in seconds.
        backoff_factor: Factor by which each delay grows.
        max_interval: Maximum delay between polls, in seconds. The server forgets a completed task
            30 s after it first reported it.
        request_timeout: Seconds to wait for the response to one poll, before the server counts as
            restarting.
    """

    interval: float = field(default=1.0, validator=validators.ge(0))
    backoff_factor: float = field(default=1.5, validator=validators.ge(1))
    max_interval: float = field(default=10.0, validator=validators.ge(0))
    request_timeout: float = field(default=10.0, validator=validators.gt(0))

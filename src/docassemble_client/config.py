"""How a client behaves: frozen values that check themselves, and wrappers that keep secrets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NoReturn, TypeAlias, final

from attrs import Attribute, field, frozen, validators

from docassemble_client._types import JSON
from docassemble_client.errors import UsageError

_MASK = "**********"


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    message = f"a secret is a string, not {type(value).__name__}"
    raise TypeError(message)


def hidden(value: object) -> str:
    """Show that there is a value, not which."""
    return "None" if value is None else repr(_MASK)


@final
class Secret:
    """
    A text that never shows itself: not in repr, str, format, logs or tracebacks.

    Every argument that takes a secret takes a plain string as well.
    """

    # No attrs class: attrs.asdict and pretty printers would look into it.
    __slots__ = ("_value",)
    _value: str

    def __init__(self, value: str) -> None:
        object.__setattr__(self, "_value", _text(value))

    def reveal(self) -> str:
        """Return the text itself."""
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

    def __format__(self, specification: str) -> str:
        return format(_MASK, specification)

    def __bool__(self) -> bool:
        return bool(self._value)


class Confidential(Mapping[str, JSON]):
    """A read-only JSON object that shows its keys but none of its values."""

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


def _not_negative(_: object, attribute: Attribute[Any], value: object) -> None:
    number = isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0
    if value is not None and not number:
        message = f"{attribute.name} must be a number of seconds, or None"
        raise UsageError(message)


@frozen(kw_only=True)
class Timeouts:
    """
    Limits in seconds; None means no limit.

    Attributes:
        connect: For opening a connection.
        read: For waiting until the server sends something more.
        write: For waiting until the server takes something more.
        total: For the whole call, with its retries.
    """

    connect: float | None = field(default=10.0, validator=_not_negative)
    read: float | None = field(default=60.0, validator=_not_negative)
    write: float | None = field(default=60.0, validator=_not_negative)
    total: float | None = field(default=None, validator=_not_negative)

    @classmethod
    def of(cls, timeout: Timeout) -> Timeouts:
        """Make one of what a caller may pass: a number limits each wait, None lifts all limits."""
        if isinstance(timeout, Timeouts):
            return timeout
        return cls(connect=timeout, read=timeout, write=timeout)


Timeout: TypeAlias = float | Timeouts | None
"""Seconds for each wait (connect, read, write), or Timeouts, or None for no limit."""


@frozen(kw_only=True)
class RetryPolicy:
    """
    When and how often a failed request is sent again.

    A request that cannot have reached the server is always eligible; one that the server
    may have processed is only where the operation is known to be safe to repeat.

    Attributes:
        attempts: How often a request is sent at most; 1 means no retry.
        base: Seconds of the first pause at most; it doubles each time.
        cap: Seconds of any pause at most, also of one the server asks for with Retry-After.
        budget: How many retries all calls of a client may make in a row.
        earned: Which part of a retry each call adds to the budget again, so that in an outage
            no more than this share is added to the requests.
    """

    attempts: int = field(default=3, validator=[validators.instance_of(int), validators.ge(1)])
    initial_delay: float = field(default=0.5, validator=validators.ge(0))
    max_delay: float = field(default=30.0, validator=validators.ge(0))
    budget: float = field(default=20.0, validator=validators.ge(0))
    earned: float = field(default=0.1, validator=validators.ge(0))

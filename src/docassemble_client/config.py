"""Settings of a client, and wrappers that hide secrets."""

# Annotations are evaluated here: strings, a named tuple would compile each of them.
from collections.abc import Iterator, Mapping
from typing import NamedTuple, NoReturn, Self, TypeAlias, final
from urllib.parse import urlsplit

from docassemble_client._checks import (
    COUNT,
    FACTOR,
    MAPPING,
    POSITIVE_SECONDS,
    SECONDS,
    TEXT,
    Kind,
    check_arguments,
    is_kind_of,
)
from docassemble_client._types import JSON
from docassemble_client.errors import UsageError

_MASK = "**********"


def _check_text(value: object) -> str:
    if isinstance(value, str):
        return value
    message = f"a secret must be a string, not {type(value).__name__}"
    raise UsageError(message)


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

    def __reduce__(self) -> "tuple[type[Secret], tuple[str]]":
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


SECRET = Kind("a string or Secret", is_kind_of(str, Secret))


class Confidential(Mapping[str, JSON]):
    """A read-only JSON object that shows its keys, but not its values."""

    __slots__ = ("_data",)

    def __init__(self, data: "Mapping[str, JSON]") -> None:
        check_arguments(MAPPING, data=data)
        self._data = dict(data)

    def __getitem__(self, key: str) -> "JSON":
        return self._data[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._data)

    def __len__(self) -> int:
        return len(self._data)

    def __repr__(self) -> str:
        return f"Confidential({dict.fromkeys(self._data, _MASK)!r})"


# Named tuples, because every first call defines them: an attrs class takes five times as long.
class _TimeoutValues(NamedTuple):
    connect: float | None
    read: float | None
    write: float | None
    pool: float | None
    total: float | None


class Timeouts(_TimeoutValues):
    """
    Time limits in seconds; None means no limit.

    Attributes:
        connect: Limit for opening a connection.
        read: Limit for each wait for data from the server.
        write: Limit for each wait until the server accepts data.
        pool: Limit for each wait for a free slot (see `max_concurrency`); afterwards the request is
            retried.
        total: Limit for the whole call, including its retries.
    """

    __slots__ = ()

    def __new__(
        cls,
        connect: float | None = 10.0,
        read: float | None = 60.0,
        write: float | None = 60.0,
        pool: float | None = None,
        total: float | None = None,
    ) -> Self:
        """Check the limits; see the attributes."""
        limits = cls._make((connect, read, write, pool, total))
        for name, limit in limits._asdict().items():
            if not (limit is None or SECONDS.is_valid(limit)):
                message = f"{name} must be {SECONDS.description}, or None"
                raise UsageError(message, hint="Pass None for no limit")
        return limits

    @classmethod
    def from_value(cls, timeout: "Timeout") -> "Timeouts":
        """Convert a `timeout` argument; a number limits each wait, but not the whole call."""
        if isinstance(timeout, Timeouts):
            return timeout
        try:
            return cls(connect=timeout, read=timeout, write=timeout, pool=timeout)
        except UsageError:
            message = "timeout must be a finite number of seconds from 0, Timeouts or None"
            raise UsageError(message, hint="Pass None for no limit") from None


Timeout: TypeAlias = float | Timeouts | None
"""Seconds for each wait (connect, read, write, pool), or Timeouts, or None for no limit."""

DEFAULT_TIMEOUTS = Timeouts()


class _RetryValues(NamedTuple):
    attempts: int
    initial_delay: float
    max_delay: float


class RetryPolicy(_RetryValues):
    """
    When and how often a failed request is sent again.

    A request that cannot have reached the server may always be retried. A request that the
    server may have processed is retried only if the operation is safe to repeat.

    Attributes:
        attempts: Maximum number of attempts; 1 means no retry.
        initial_delay: Maximum delay before the first retry, in seconds; it doubles with each retry.
        max_delay: Maximum delay before any retry, in seconds. If the server asks for more
            (Retry-After), there is no retry: the error has `retry_after`.
    """

    __slots__ = ()

    def __new__(
        cls, attempts: int = 3, initial_delay: float = 0.5, max_delay: float = 30.0
    ) -> Self:
        """Check the settings; see the attributes."""
        check_arguments(COUNT, attempts=attempts)
        check_arguments(SECONDS, initial_delay=initial_delay, max_delay=max_delay)
        return cls._make((attempts, initial_delay, max_delay))


class _PollValues(NamedTuple):
    interval: float
    backoff_factor: float
    max_interval: float
    request_timeout: float


class PollPolicy(_PollValues):
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

    __slots__ = ()

    def __new__(
        cls,
        interval: float = 1.0,
        backoff_factor: float = 1.5,
        max_interval: float = 10.0,
        request_timeout: float = 10.0,
    ) -> Self:
        """Check the settings; see the attributes."""
        check_arguments(SECONDS, interval=interval, max_interval=max_interval)
        check_arguments(FACTOR, backoff_factor=backoff_factor)
        check_arguments(POSITIVE_SECONDS, request_timeout=request_timeout)
        return cls._make((interval, backoff_factor, max_interval, request_timeout))


RETRY = Kind("a RetryPolicy", is_kind_of(RetryPolicy))
POLL = Kind("a PollPolicy", is_kind_of(PollPolicy))


def _has_unprintable(text: str) -> bool:
    """Whether the text contains whitespace, control characters or lone surrogates."""
    return any(
        character <= " " or character == "\x7f" or "\ud800" <= character <= "\udfff"
        for character in text
    )


def check_url(url: str, name: str) -> str:
    """Return a URL without its final slash; raise UsageError if it is not valid."""
    if not TEXT.is_valid(url):
        message = f"{name} must be {TEXT.description}"
        raise UsageError(message)
    hint = "Pass the URL of the server, such as https://da.example.com"
    if not url or not url.strip():
        message = f"{name} is empty"
        raise UsageError(message, hint=hint)
    if _has_unprintable(url):
        message = f"{name} contains whitespace or a control character"
        raise UsageError(message, hint=hint)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        # The original error may contain the URL.
        message = f"{name} has an invalid host or port"
        raise UsageError(message, hint=hint) from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0:
        message = f"{name} needs a scheme (http:// or https://), a host and a valid port"
        raise UsageError(message, hint=hint)
    # Also if it is empty: the path of the request would become part of it.
    if "?" in url or "#" in url or "@" in parts.netloc:
        message = f"{name} must not contain a user, query or fragment"
        raise UsageError(message, hint=hint)
    return url.rstrip("/")


def check_api_key(api_key: str | Secret) -> Secret:
    """Return the key; raise UsageError, which does not show it, if it is not valid."""
    key = api_key.reveal() if isinstance(api_key, Secret) else api_key
    check_arguments(TEXT, api_key=key)
    if not key:
        message = "api_key is empty"
        raise UsageError(message, hint="Create an API key on the user's profile page")
    if _has_unprintable(key) or not key.isascii():
        message = "api_key contains whitespace or a character that is not valid in an API key"
        raise UsageError(message, hint="API keys consist of letters and digits")
    return Secret(key)

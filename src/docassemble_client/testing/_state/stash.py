"""Data stashed for a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define, field

from docassemble_client._types import JSON
from docassemble_client.testing._state.secrets import letters

if TYPE_CHECKING:
    from docassemble_client.testing.clock import Clock


@define
class Stashed:
    """
    One piece of data.

    Attributes:
        secret: What it is read with.
        data: The data.
        expires: When it is forgotten, in seconds since 1970.
    """

    secret: str = field(repr=False)
    data: JSON = field(repr=False)
    expires: float


class Stash:
    """All data stashed."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._stashed: dict[str, Stashed] = {}

    def store(self, data: JSON, seconds: int) -> tuple[str, str]:
        """Keep data, and return its key and secret."""
        key, secret = letters(16), letters(16)
        self._stashed[key] = Stashed(secret, data, self._clock.now() + seconds)
        return key, secret

    def retrieve(self, key: str, secret: str, *, delete: bool, refresh: int | None) -> JSON:
        """
        Read data.

        Raises:
            LookupError: There is none with this key and secret.
        """
        stashed = self._stashed.get(key)
        if stashed is None or stashed.secret != secret or stashed.expires <= self._clock.now():
            raise LookupError
        if delete:
            del self._stashed[key]
        elif refresh:
            stashed.expires = self._clock.now() + refresh
        return stashed.data

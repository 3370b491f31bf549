"""Temporarily stashed data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define, field

from docassemble_client._types import JSON
from docassemble_client.testing._state.secrets import generate_letters

if TYPE_CHECKING:
    from docassemble_client.testing.clock import Clock


@define
class StashEntry:
    """
    Stashed data.

    Attributes:
        secret: Secret that reads the data.
        data: The data.
        expires: When it expires, in seconds since 1970.
    """

    secret: str = field(repr=False)
    data: JSON = field(repr=False)
    expires: float


class Stash:
    """All stashed data."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._entries: dict[str, StashEntry] = {}

    def store(self, data: JSON, seconds: int) -> tuple[str, str]:
        """Store data, and return its key and secret."""
        key, secret = generate_letters(16), generate_letters(16)
        self._entries[key] = StashEntry(secret, data, self._clock.now() + seconds)
        return key, secret

    def retrieve(self, key: str, secret: str, *, delete: bool, refresh: int | None) -> JSON:
        """
        Read data.

        Raises:
            LookupError: No data has this key and secret.
        """
        entry = self._entries.get(key)
        if entry is None or entry.secret != secret or entry.expires <= self._clock.now():
            raise LookupError
        if delete:
            del self._entries[key]
        elif refresh:
            entry.expires = self._clock.now() + refresh
        return entry.data

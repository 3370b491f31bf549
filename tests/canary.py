"""Marked secrets, and everything that is ever shown of a call."""

from __future__ import annotations

import logging
import secrets
import traceback
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

from attrs import define, field

if TYPE_CHECKING:
    from collections.abc import Generator


@define
class Canary:
    """Makes marked secrets, and finds them again."""

    made: list[str] = field(factory=list)
    shown: list[str] = field(factory=list)
    loggers: set[str] = field(factory=set)

    def __call__(self) -> str:
        """Make one more."""
        self.made.append(f"canary{secrets.token_hex(12)}")
        return self.made[-1]

    @property
    def any(self) -> str:
        """All made up to now, in one text."""
        return " ".join(self.made)

    def show(self, value: object) -> None:
        """Show a value in every way people and logs do."""
        self.shown += [repr(value), str(value), f"{value}", repr([value]), f"{value!a}"]
        logging.getLogger("application").error("got %s, %r", value, {"value": value})

    def fail(self, error: BaseException) -> None:
        """Show an exception, with its traceback."""
        self.show(error)
        self.shown += traceback.format_exception(error)
        logging.getLogger("application").error("failed", exc_info=error)

    def leaks(self) -> list[str]:
        """Texts that show one, or its beginning or end."""
        marks = [mark for one in self.made for mark in (one[:14], one[-10:])]
        return [text for text in self.shown if any(mark in text for mark in marks)]


class Recorder(logging.Handler):
    """Keeps each record as a formatter would write it, with its exception."""

    def __init__(self, canary: Canary) -> None:
        super().__init__(logging.DEBUG)
        self.canary = canary

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it."""
        self.canary.loggers.add(record.name)
        self.canary.shown += [self.format(record), repr(record.__dict__)]


@contextmanager
def watched(canary: Canary) -> Generator[None]:
    """Read every log record at DEBUG, and every warning."""
    root = logging.getLogger()
    level = root.level
    recorder = Recorder(canary)
    root.addHandler(recorder)
    root.setLevel(logging.DEBUG)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield
        canary.shown += [str(one) for one in caught]
    finally:
        root.setLevel(level)
        root.removeHandler(recorder)

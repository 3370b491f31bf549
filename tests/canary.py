"""Marked secrets, and a search for them in all output of a call."""

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
    """
    Creates marked secrets and finds them in output.

    Attributes:
        tokens: Created secrets.
        outputs: Collected texts.
        loggers: Names of the loggers that logged.
    """

    tokens: list[str] = field(factory=list)
    outputs: list[str] = field(factory=list)
    loggers: set[str] = field(factory=set)

    def __call__(self) -> str:
        """Create a secret."""
        self.tokens.append(f"canary{secrets.token_hex(12)}")
        return self.tokens[-1]

    @property
    def all_tokens(self) -> str:
        """All secrets so far, in one text."""
        return " ".join(self.tokens)

    def show(self, value: object) -> None:
        """Format a value in every usual way, and log it."""
        self.outputs += [repr(value), str(value), f"{value}", repr([value]), f"{value!a}"]
        logging.getLogger("application").error("got %s, %r", value, {"value": value})

    def show_error(self, error: BaseException) -> None:
        """Format an exception with its traceback, and log it."""
        self.show(error)
        self.outputs += traceback.format_exception(error)
        logging.getLogger("application").error("failed", exc_info=error)

    def find_leaks(self) -> list[str]:
        """Find outputs that contain the beginning or end of a secret."""
        parts = [part for token in self.tokens for part in (token[:14], token[-10:])]
        return [text for text in self.outputs if any(part in text for part in parts)]


class OutputHandler(logging.Handler):
    """Collects each log record as a formatter writes it, with its exception."""

    def __init__(self, canary: Canary) -> None:
        super().__init__(logging.DEBUG)
        self.canary = canary

    def emit(self, record: logging.LogRecord) -> None:
        """Collect a record."""
        self.canary.loggers.add(record.name)
        self.canary.outputs += [self.format(record), repr(record.__dict__)]


@contextmanager
def capture_output(canary: Canary) -> Generator[None]:
    """Collect every log record, at DEBUG, and every warning."""
    root = logging.getLogger()
    level = root.level
    handler = OutputHandler(canary)
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield
        canary.outputs += [str(warning) for warning in caught]
    finally:
        root.setLevel(level)
        root.removeHandler(handler)

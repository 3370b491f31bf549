"""Marked secrets, and a search for them in all output of a call."""

from __future__ import annotations

import logging
import secrets
import traceback
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

from attrs import define, field

from docassemble_client import AsyncDocassemble, DocassembleError, JSONReply
from tests.raw_server import HANG_SECONDS, NO_RETRIES, RawServer, serve

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator

    from tests.raw_server import Script

    Call: TypeAlias = Callable[[AsyncDocassemble, "Canary"], Awaitable[Any]]

# At DEBUG they log whole headers; the guide says how to silence them.
WIRE_LOGGERS = ("httpcore", "httpcore2")
# What the server sent, which the caller may read.
DELIBERATE_ATTRIBUTES = {"body", "content"}


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
        """Format a value and its attributes in every usual way, and log it."""
        self.outputs += [repr(value), str(value), f"{value}", repr([value]), f"{value!a}"]
        attributes = getattr(value, "__dict__", {})
        self.outputs += [
            repr(attribute)
            for name, attribute in attributes.items()
            if name not in DELIBERATE_ATTRIBUTES
        ]
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
    """Collect every warning and log record, at DEBUG; silence wire logs as the guide does."""
    root = logging.getLogger()
    loggers = [root, *map(logging.getLogger, WIRE_LOGGERS)]
    levels = [logger.level for logger in loggers]
    handler = OutputHandler(canary)
    root.addHandler(handler)
    for logger in loggers:
        logger.setLevel(logging.DEBUG if logger is root else logging.INFO)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield
        canary.outputs += [str(warning) for warning in caught]
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
        root.removeHandler(handler)


async def run_call(
    script: Script, canary: Canary, call: Call, **options: Any
) -> tuple[Any, RawServer]:
    """
    Make a call with a marked key and marked headers, and collect its output.

    Args:
        script: What the server sends.
        canary: Creates the secrets and collects the output.
        call: The call.
        options: Options of the client.

    Returns:
        The result or error of the call, and the server.
    """
    with capture_output(canary):
        async with serve(script) as server:
            return await _attempt(server, canary, call, options), server


async def _attempt(server: RawServer, canary: Canary, call: Call, options: dict[str, Any]) -> Any:
    settings = {"retry": NO_RETRIES, "timeout": HANG_SECONDS, "verify": False, **options}
    headers = {"X-Client": canary(), "X-View": canary()}
    async with AsyncDocassemble(server.url, canary(), headers=headers, **settings) as client:
        view_headers = {"X-View": canary()}
        da = client.as_key(canary()).with_options(
            headers=lambda: view_headers, on_event=canary.show
        )
        for value in (client, da, da.users, da._get_executor()):
            canary.show(value)
        try:
            result = await call(da, canary)
        except DocassembleError as error:
            canary.show_error(error)
            return error
        # JSON that an interview sends is the caller's data, so its repr shows it.
        if not isinstance(result, JSONReply):
            canary.show(result)
        return result

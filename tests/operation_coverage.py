"""Counts verified operations and errors, for live tests and their recordings."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import yaml

from docassemble_client._core.error_mapping import match_known_error, parse_error_body
from docassemble_client._core.messages import RawResponse
from docassemble_client.operations import OPERATIONS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from docassemble_client.operation import KnownError

UNTRIGGERED_ERRORS = Path(__file__).parent / "live" / "untriggered_errors"
_SUCCESS = range(200, 300)


class ObservedExchange(Protocol):
    """An exchange with a real server."""

    @property
    def operation(self) -> str:
        """Full name of the operation."""
        ...

    @property
    def status(self) -> int:
        """HTTP status."""
        ...

    @property
    def response_type(self) -> str:
        """Content type of the response."""
        ...

    @property
    def response(self) -> bytes | None:
        """Body of the response, or None if it was left out."""
        ...


def find_known_error(exchange: ObservedExchange) -> KnownError | None:
    """Find the documented error that matches a response."""
    reply = RawResponse(
        status=exchange.status,
        headers={"content-type": exchange.response_type},
        content=exchange.response or b"",
    )
    errors = OPERATIONS[exchange.operation].errors
    return match_known_error(errors, exchange.status, parse_error_body(reply))


def count_successes(exchanges: Iterable[ObservedExchange]) -> Counter[str]:
    """Count how often each operation succeeded."""
    return Counter(
        exchange.operation
        for exchange in exchanges
        if exchange.operation in OPERATIONS and exchange.status in _SUCCESS
    )


def count_errors(exchanges: Iterable[ObservedExchange]) -> Counter[tuple[str, KnownError]]:
    """Count how often each documented error of each operation occurred."""
    return Counter(
        (exchange.operation, known)
        for exchange in exchanges
        if exchange.operation in OPERATIONS
        and exchange.status not in _SUCCESS
        and (known := find_known_error(exchange)) is not None
    )


def find_unproven_errors(exchanges: Iterable[ObservedExchange]) -> list[str]:
    """List the documented errors that never occurred and are not exempt."""
    counts, exemptions = count_errors(exchanges), _read_exemptions()
    return [
        f"{name}: {error.status} {error.message}"
        for name, operation in OPERATIONS.items()
        for error in operation.errors
        if (name, error) not in counts
        and not exemptions & {(name, error.message), (operation.tag, error.message)}
    ]


def _read_exemptions() -> set[tuple[str, str]]:
    """Read the errors of an operation (or a whole tag) that the tests cannot trigger."""
    return {
        (name, message)
        for path in UNTRIGGERED_ERRORS.glob("*.yaml")
        for name, reasons in yaml.safe_load(path.read_text(encoding="utf-8")).items()
        for message, reason in reasons.items()
        if reason
    }

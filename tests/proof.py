"""What exchanges with the real server prove: shared by the live run and its recordings."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import yaml

from docassemble_client._core.error_mapping import error_body, find_known
from docassemble_client._core.messages import Reply
from docassemble_client.operations import OPERATIONS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from docassemble_client.operation import KnownError

UNPROVOKED = Path(__file__).parent / "live" / "unprovoked"
_SUCCESS = range(200, 300)


class Answered(Protocol):
    """An exchange, as far as it proves something."""

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
        """Content type of the answer."""
        ...

    @property
    def response(self) -> bytes | None:
        """The answer's body, if it is there."""
        ...


def known_error(exchange: Answered) -> KnownError | None:
    """Find the documented error that an answer is."""
    reply = Reply(
        status=exchange.status,
        headers={"content-type": exchange.response_type},
        content=exchange.response or b"",
    )
    errors = OPERATIONS[exchange.operation].errors
    return find_known(errors, exchange.status, error_body(reply))


def successes(exchanges: Iterable[Answered]) -> Counter[str]:
    """Count how often each operation succeeded."""
    return Counter(
        one.operation for one in exchanges if one.operation in OPERATIONS and one.status in _SUCCESS
    )


def errors_seen(exchanges: Iterable[Answered]) -> Counter[tuple[str, KnownError]]:
    """Count how often each documented error of each operation came."""
    return Counter(
        (one.operation, known)
        for one in exchanges
        if one.operation in OPERATIONS
        and one.status not in _SUCCESS
        and (known := known_error(one)) is not None
    )


def unproven_errors(exchanges: Iterable[Answered]) -> list[str]:
    """List the documented errors that never came, and that no reason excuses."""
    came, excused = errors_seen(exchanges), _excused()
    return [
        f"{operation}: {error.status} {error.message}"
        for operation, described in OPERATIONS.items()
        for error in described.errors
        if (operation, error) not in came
        and not excused & {(operation, error.message), (described.tag, error.message)}
    ]


def _excused() -> set[tuple[str, str]]:
    """Which errors of which operation (or of a whole tag) cannot be provoked here."""
    return {
        (where, message)
        for path in UNPROVOKED.glob("*.yaml")
        for where, reasons in yaml.safe_load(path.read_text(encoding="utf-8")).items()
        for message, reason in reasons.items()
        if reason
    }

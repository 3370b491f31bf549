"""Simulated failures of the fake server."""

from __future__ import annotations

from attrs import define, field

from docassemble_client.testing._server.messages import FakeResponse


class ConnectionLost(Exception):  # noqa: N818 - describes the connection
    """The connection breaks after the server has received the request."""


class ConnectionRefused(Exception):  # noqa: N818 - describes the connection
    """The server accepts no connection."""


@define
class Fault:
    """
    A simulated failure.

    Attributes:
        operation: Full name of the operation that fails; * for every operation.
        times: How many more times it fails; None for always.
        response: Response to send instead; None if the request is handled normally.
        error: Error of the connection to raise instead.
        delay_seconds: Delay of the response in seconds.
        processed: Whether the server processes the request nevertheless.
    """

    operation: str
    times: int | None = 1
    response: FakeResponse | None = field(default=None, repr=False)
    error: Exception | None = None
    delay_seconds: float = 0.0
    processed: bool = False


class Faults:
    """The pending faults, oldest first."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Add a fault."""
        self._faults.append(fault)

    def clear(self) -> None:
        """Remove all faults."""
        self._faults.clear()

    def take(self, operation: str) -> Fault | None:
        """Take the next fault of an operation."""
        for fault in self._faults:
            if fault.operation in {"*", operation}:
                if fault.times is not None:
                    fault.times -= 1
                    if fault.times <= 0:
                        self._faults.remove(fault)
                return fault
        return None

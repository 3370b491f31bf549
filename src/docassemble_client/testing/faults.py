"""Faults the fake server can be told to have."""

from __future__ import annotations

from attrs import define, field

from docassemble_client.testing._server.messages import Answer


class ConnectionLost(Exception):  # noqa: N818 - what happens to the connection
    """The connection breaks after the request was taken."""


class ConnectionRefused(Exception):  # noqa: N818 - what happens to the connection
    """No connection is accepted."""


@define
class Fault:
    """
    Something that goes wrong.

    Attributes:
        operation: Full name of the operation it happens to; * for every one.
        times: How often it still happens; None for ever.
        answer: What is answered instead; None if the call is worked on.
        error: What happens to the connection instead.
        seconds: How much later the answer comes.
        done: Whether the call is worked on nevertheless.
    """

    operation: str
    times: int | None = 1
    answer: Answer | None = field(default=None, repr=False)
    error: Exception | None = None
    seconds: float = 0.0
    done: bool = False


class Faults:
    """All faults that are yet to happen, the first told first."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Have one more."""
        self._faults.append(fault)

    def clear(self) -> None:
        """Have none any more."""
        self._faults.clear()

    def next(self, operation: str) -> Fault | None:
        """Take the one that happens to this call."""
        for fault in self._faults:
            if fault.operation in {"*", operation}:
                if fault.times is not None:
                    fault.times -= 1
                    if fault.times <= 0:
                        self._faults.remove(fault)
                return fault
        return None

"""Work that goes on in the server after a call has answered."""

from __future__ import annotations

from attrs import frozen


@frozen(kw_only=True)
class TaskHandle:
    """
    A restart or installation that the server has begun.

    Attributes:
        id: Number of the task, valid for an hour.
        kind: What it is: restart or install.
        operation: Full name of the operation that started it.
    """

    id: str
    kind: str
    operation: str

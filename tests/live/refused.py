"""Calls that the real server refuses with an error the specification tells of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from docassemble_client import APIError
from docassemble_client._judge import find_known
from docassemble_client.operations import OPERATIONS

if TYPE_CHECKING:
    from collections.abc import Awaitable

DENIED = "Access denied."


async def refused(call: Awaitable[object], status: int, message: str) -> None:
    """
    Check that the server refuses a call with this documented error, and that the hint is shown.

    Args:
        call: The call.
        status: HTTP status.
        message: The error's message as the specification has it.
    """
    with pytest.raises(APIError) as caught:
        await call

    error = caught.value
    known = find_known(OPERATIONS[error.operation].errors, error.status, error.body)
    assert known, error.body
    assert (error.status, known.message) == (status, message)
    assert known.hint
    assert known.hint in str(error)

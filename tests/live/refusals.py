"""How the real server refuses a call, in the words of the specification."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import pytest

from docassemble_client import APIError, AsyncDocassemble
from docassemble_client._core.error_mapping import find_known
from docassemble_client.operations import OPERATIONS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

DENIED = "Access denied."
Call: TypeAlias = "Callable[[AsyncDocassemble], Awaitable[object]]"


async def refusal(call: Awaitable[object], operation: str = "") -> str:
    """
    Make a call that ends in an error which the specification knows.

    Args:
        call: The call.
        operation: Whose error it is, if the call is none of that operation.

    Returns:
        Status and message of the known error.
    """
    with pytest.raises(APIError) as caught:
        await call
    error = caught.value
    known = find_known(OPERATIONS[operation or error.operation].errors, error.status, error.body)

    assert known is not None, f"{error.operation}: {error.status} {error.body!r:.300}"
    assert operation or known.hint in str(error)
    return f"{known.status} {known.message}"


async def refused(call: Awaitable[object], status: int, message: str) -> None:
    """
    Check that the server refuses a call with this documented error, and that the hint is shown.

    Args:
        call: The call.
        status: HTTP status.
        message: The error's message as the specification has it.
    """
    assert await refusal(call) == f"{status} {message}"

"""Checks that calls fail with errors of the specification."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import pytest

from docassemble_client import APIError, AsyncDocassemble
from docassemble_client._core.error_hints import fill_in_privileges
from docassemble_client._core.error_mapping import match_known_error
from docassemble_client.operations import OPERATIONS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

ACCESS_DENIED = "Access denied."
ApiCall: TypeAlias = "Callable[[AsyncDocassemble], Awaitable[object]]"


async def get_error(call: Awaitable[object], operation: str = "") -> str:
    """
    Await a call that fails with an error of the specification.

    Args:
        call: The call.
        operation: Operation whose errors are expected; by default that of the call.

    Returns:
        Status and message of the error, such as `404 File not found`.
    """
    with pytest.raises(APIError) as caught:
        await call
    error = caught.value
    errors = OPERATIONS[operation or error.operation].errors
    known = match_known_error(errors, error.status, error.body)

    assert known is not None, f"{error.operation}: {error.status} {error.body!r:.300}"
    if not operation:
        assert fill_in_privileges(known.hint, OPERATIONS[error.operation]) in str(error)
    return f"{known.status} {known.message}"


async def assert_error(call: Awaitable[object], status: int, message: str) -> None:
    """
    Check that a call fails with this error of the specification, and that its hint is shown.

    Args:
        call: The call.
        status: HTTP status.
        message: Message of the error in the specification.
    """
    assert await get_error(call) == f"{status} {message}"

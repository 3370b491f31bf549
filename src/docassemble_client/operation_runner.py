"""The methods of the client that the namespaces use."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from docassemble_client._types import Unset
from docassemble_client.config import RetryPolicy, Timeout
from docassemble_client.operation import Operation

if TYPE_CHECKING:
    from docassemble_client.pagination import Paginator
    from docassemble_client.transfer import Download

T = TypeVar("T")


class OperationRunner(Protocol):
    """The methods of the client that the namespaces use."""

    def call(
        self,
        operation: Operation[T],
        arguments: Mapping[str, object],
        *,
        timeout: Timeout | Unset,
        retry: RetryPolicy | None,
        headers: Mapping[str, str] | None,
    ) -> Coroutine[Any, Any, T]:
        """Make a call and return its result."""
        ...

    def paginate(
        self,
        operation: Operation[Any],
        arguments: Mapping[str, object],
        *,
        timeout: Timeout | Unset,
        retry: RetryPolicy | None,
        headers: Mapping[str, str] | None,
    ) -> Paginator[Any]:
        """Create a paginator; nothing is sent yet."""
        ...

    def download(
        self,
        operation: Operation[Any],
        arguments: Mapping[str, object],
        *,
        timeout: Timeout | Unset,
        retry: RetryPolicy | None,
        headers: Mapping[str, str] | None,
    ) -> Download:
        """Create a download; nothing is sent yet."""
        ...

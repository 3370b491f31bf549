"""The interface between the transport and an HTTP library, and the errors of bodies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from docassemble_client._concurrency import Task, current_task, wait, within_call
from docassemble_client._http.connection_errors import CHECK_FIRST
from docassemble_client.errors import MaybeSent, UsageError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from typing import Never, Self

    from docassemble_client._core.messages import RawResponse, Request, SendState
    from docassemble_client._http.multipart import Multipart
    from docassemble_client.config import Timeouts


class HTTPXTransport(Protocol):
    """
    Any asynchronous transport of httpx or httpx2, whichever is installed.

    Its requests and responses are types of its own library.
    """

    async def handle_async_request(self, request: Never, /) -> object:
        """Send a request of its library and return the response."""
        ...

    async def aclose(self) -> None:
        """Close all connections."""
        ...


class FileChangedError(OSError):
    """The size of a file is not as declared; a part of it was sent. Becomes a MaybeSent."""


class FileReadError(OSError):
    """A file could not be read; its text is the class of the cause. Becomes a MaybeSent."""


class UploadStream:
    """
    A body that is read while it is sent.

    Attributes:
        length: Number of bytes; None if unknown.
        failure: Exception raised by reading the body. The library may wrap or drop it.
    """

    def __init__(self, source: Multipart) -> None:
        self.length = source.length
        self.failure: Exception | None = None
        self._source = source
        self._chunks = aiter(source)
        self._reader: Task[object] | None = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        self._reader = current_task()
        try:
            # The caller's iterable may make calls of its own, such as a download.
            with within_call():
                return await anext(self._chunks)
        except StopAsyncIteration:
            raise
        except Exception as error:
            self.failure = error
            raise

    async def aclose(self) -> None:
        """Close the files; first stop the library's task if it is still reading them."""
        reader = self._reader
        if reader not in (None, current_task()) and not reader.done():
            reader.cancel()
            await wait({reader})
        await self._source.aclose()


async def read_up_to(chunks: AsyncIterator[bytes], limit: int) -> bytes:
    """Read a body, or only its beginning."""
    content = bytearray()
    async for chunk in chunks:
        content += chunk
        if len(content) >= limit:
            break
    return bytes(memoryview(content)[:limit])


class HTTPAdapter(Protocol):
    """
    Sends requests with an HTTP library: no cookies, redirects, retries or connection limit.

    It sets `state.is_sent` as soon as the first byte of the request may leave. Errors before that
    are NotSent, or a RequestTimeout without `maybe_processed`. Later ones are MaybeSent, or a
    RequestTimeout with `maybe_processed`.
    """

    async def send(
        self,
        request: Request,
        target: str,
        headers: dict[str, str],
        body: bytes | UploadStream | None,
        timeouts: Timeouts,
        state: SendState,
    ) -> RawResponse:
        """
        Send a request.

        Args:
            request: The request, for its method and its errors.
            target: Path and query after the base URL, encoded.
            headers: Headers by lower-case name, except those for connection and length.
            body: The body.
            timeouts: Limits.
            state: Progress of the call; the adapter sets `is_sent`.

        Returns:
            The response with its head; its body has not been read.

        Raises:
            UsageError: The library refuses the request; nothing was sent.
            TransportError: No response arrived.
        """
        ...

    async def aclose(self) -> None:
        """Close all connections."""
        ...


def invalid_request(request: Request, error: Exception) -> UsageError:
    """Build the UsageError for a request that the library refuses; it shows only the type."""
    message = f"the request cannot be built ({type(error).__name__})"
    return UsageError(message, operation=request.operation)


def file_changed(request: Request) -> MaybeSent:
    """Build the MaybeSent error for a file whose size changed while it was sent."""
    return _maybe_sent(request, "a file grew or shrank while it was sent")


def file_unreadable(request: Request, reason: object) -> MaybeSent:
    """Build the MaybeSent error for a file that could not be read to its end."""
    message = f"a file could not be read while it was sent ({reason})"
    return _maybe_sent(request, message)


def _maybe_sent(request: Request, message: str) -> MaybeSent:
    return MaybeSent(message, hint=CHECK_FIRST, **request.error_context)

"""What the transport asks of an HTTP library, and the errors that what it raises becomes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Protocol

from docassemble_client._core.error_mapping import timed_out
from docassemble_client.errors import DecodeError, MaybeSent, NotSent, RequestTimeout

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator
    from typing import Never, Self

    from docassemble_client._core.messages import Request
    from docassemble_client._http.multipart import Multipart
    from docassemble_client.config import Timeouts

_LOOK = "The server may have processed the request: look before you repeat it"


class AnyTransport(Protocol):
    """
    Any asynchronous transport of httpx or httpx2, whichever of them is installed.

    What such a transport takes and brings are types of its own library.
    """

    async def handle_async_request(self, request: Never, /) -> object:
        """Send a request of its library and bring the response."""
        ...

    async def aclose(self) -> None:
        """Close all connections."""
        ...


class Body:
    """
    A body that is read while it is sent.

    Attributes:
        length: Bytes of the whole; None if unknown.
        failure: What reading it raised, as a library may dress it up or drop it.
    """

    def __init__(self, source: Multipart) -> None:
        self.length = source.length
        self.failure: Exception | None = None
        self._source = source
        self._chunks = aiter(source)
        self._reader: asyncio.Task[object] | None = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        self._reader = asyncio.current_task()
        try:
            return await anext(self._chunks)
        except StopAsyncIteration:
            raise
        except Exception as error:
            self.failure = error
            raise

    async def aclose(self) -> None:
        """Close its files, and before that end the task of a library that still reads them."""
        reader = self._reader
        if reader not in (None, asyncio.current_task()) and not reader.done():
            reader.cancel()
            await asyncio.wait({reader})
        await self._source.aclose()


class Outgoing:
    """
    One request as it goes out.

    Attributes:
        request: What it is about.
        target: What follows the base URL: path and query, encoded.
        headers: All headers but those of connection and length, by lower-case name.
        body: What is sent.
        timeouts: How long each wait may take.
    """

    __slots__ = ("body", "headers", "request", "target", "timeouts")

    def __init__(
        self,
        *,
        request: Request,
        target: str,
        headers: dict[str, str],
        body: bytes | Body | None,
        timeouts: Timeouts,
    ) -> None:
        self.request = request
        self.target = target
        self.headers = headers
        self.body = body
        self.timeouts = timeouts


class Answer(Protocol):
    """
    The head of an answer, its body still on the way.

    Attributes:
        status: HTTP status.
        headers: Headers by lower-case name; several of one name joined by commas.
    """

    status: int
    headers: dict[str, str]

    async def read(self, limit: int) -> bytes:
        """Read the body as it comes, still compressed, to its end or to this many bytes."""
        ...

    def chunks(self) -> AsyncGenerator[bytes]:
        """Bring the body as it comes, still compressed; raises errors of this package."""
        ...

    async def close(self) -> None:
        """Give the connection back if the body was read to its end, or else close it."""
        ...


async def joined(chunks: AsyncIterator[bytes], limit: int) -> bytes:
    """Read a body, or only its beginning."""
    content = bytearray()
    async for chunk in chunks:
        content += chunk
        if len(content) >= limit:
            break
    return bytes(memoryview(content)[:limit])


class Backend(Protocol):
    """
    An HTTP library at work: no cookies, no redirects, no retries, no limit of connections.

    What breaks once a request has begun is a MaybeSent or a RequestTimeout that may have been
    processed; only what certainly never left is a NotSent.
    """

    def prepare(self, outgoing: Outgoing) -> Any:
        """Make what the library sends; ValueError if it cannot."""
        ...

    async def send(self, outgoing: Outgoing, prepared: Any) -> Answer:
        """Send what was prepared, and bring the head of the answer."""
        ...

    async def aclose(self) -> None:
        """Close all connections."""
        ...


def not_sent(request: Request, reason: object) -> NotSent:
    """No connection could be made; the reason is shown."""
    return NotSent(
        f"no connection: {reason}",
        operation=request.operation,
        method=request.method,
        path=request.path,
        hint="Check base_url, the proxy and the certificate",
    )


def not_connected(request: Request) -> RequestTimeout:
    """No connection was made in time."""
    return RequestTimeout(
        "no connection in time",
        operation=request.operation,
        method=request.method,
        path=request.path,
        hint="Check base_url and the network, or allow more time",
        maybe_processed=False,
    )


def silent(request: Request, error: Exception) -> RequestTimeout:
    """Nothing came, or nothing was taken, for too long; only the error's type is shown."""
    message = f"the server was silent for too long ({type(error).__name__})"
    return timed_out(request, message, sent=True)


def broken(request: Request, error: Exception) -> MaybeSent:
    """The connection broke; only the error's type is shown, as its text may hold secrets."""
    return _maybe(request, f"the connection broke ({type(error).__name__})")


def changed(request: Request) -> MaybeSent:
    """A file was not as long as it said."""
    return _maybe(request, "a file grew or shrank while it was sent")


def unreadable(request: Request, error: Exception) -> MaybeSent:
    """A file could not be read to its end; only the error's type is shown."""
    return _maybe(request, f"a file could not be read while it was sent ({type(error).__name__})")


def _maybe(request: Request, message: str) -> MaybeSent:
    return MaybeSent(
        message,
        operation=request.operation,
        method=request.method,
        path=request.path,
        hint=_LOOK,
    )


def packed(request: Request, status: int) -> DecodeError:
    """The body says that it is compressed and is not."""
    return DecodeError(
        "the server's compressed answer cannot be unpacked",
        operation=request.operation,
        method=request.method,
        path=request.path,
        status=status,
    )

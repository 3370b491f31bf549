"""Sends requests in turn; with the driver the only place that knows the clock."""

from __future__ import annotations

import asyncio
import itertools
import logging
import ssl
import time
from contextlib import AsyncExitStack, aclosing, contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode, urlsplit
from urllib.request import getproxies, proxy_bypass

from attrs import evolve

from docassemble_client._backend import Body, Outgoing, changed, packed, unreadable
from docassemble_client._judge import undecodable
from docassemble_client._multipart import FileChanged, Multipart
from docassemble_client._redact import mask_wire_logs
from docassemble_client._unpack import ACCEPTED, NotPacked, unpacked
from docassemble_client._version import __version__
from docassemble_client._wire import Reply, Request
from docassemble_client.errors import UsageError
from docassemble_client.events import RequestEvent, ResponseEvent

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator

    from docassemble_client._backend import Answer, AnyTransport, Backend, Sending
    from docassemble_client.config import Secret, Timeouts
    from docassemble_client.events import Event

logger = logging.getLogger("docassemble_client")

_ERROR_BODY = 65536
_LARGEST = 64 << 20  # bytes of an answer kept in memory, unpacked; a file being streamed has no cap
_LONGEST_URL = 65536
_numbers = itertools.count(1)


class Transport:
    """Sends requests to one server and reads its replies; connects on first use."""

    def __init__(
        self,
        base_url: str,
        api_key: Secret,
        *,
        transport: str | AnyTransport,
        verify: bool | str | ssl.SSLContext,
        cert: str | tuple[str, str] | None,
        proxy: str | None,
        max_concurrency: int,
        on_event: Callable[[Event], object] | None = None,
    ) -> None:
        self._hook = on_event
        self.base_url = base_url
        self._api_key = api_key
        self._verify = verify
        self._cert = cert
        self._proxy = proxy
        self._limit = max_concurrency
        self._given = transport
        self._backend: Backend | None = None
        self._turns = asyncio.Semaphore(max_concurrency)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False

    async def aclose(self) -> None:
        """Close all connections; further use is an error."""
        if self._closed:
            return
        self.claim()
        self._closed = True
        if self._backend is None and not isinstance(self._given, str):
            self._backend = self._connected()
        if self._backend is not None:
            await self._backend.aclose()

    def tell(self, event: Event) -> None:
        """Tell the hook; what it raises is logged, as it must not break the call."""
        if self._hook is not None:
            try:
                self._hook(event)
            except Exception:
                logger.exception("on_event failed")

    async def send(self, request: Request, timeouts: Timeouts) -> Reply:
        """Send one request when its turn comes, and read its reply."""
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._turns)
            backend = self._open()
            body, send = self._prepared(backend, request, timeouts)
            if isinstance(body, Body):
                stack.push_async_callback(body.aclose)
            with self._told(request) as told, _blamed(request, body):
                answer = await send()
                told(answer.status)
            stack.push_async_callback(answer.close)
            chunks = _unpacked(request, answer)
            answer.headers.pop("set-cookie", None)  # a login of the key's owner
            reply = Reply(
                status=answer.status,
                headers=answer.headers,
                url=self.base_url + request.path,
                received=time.time(),
            )
            success = answer.status // 100 == 2  # noqa: PLR2004 - as in 200
            if request.stream and success:
                stack.push_async_callback(chunks.aclose)
                return evolve(reply, chunks=chunks, close=stack.pop_all().aclose)
            reply = evolve(
                reply, content=await _read(chunks, _LARGEST + 1 if success else _ERROR_BODY)
            )
            if len(reply.content) > _LARGEST:
                message = f"the answer is larger than {_LARGEST >> 20} MiB"
                raise undecodable(request, reply, message)
            return reply

    @contextmanager
    def _told(self, request: Request) -> Generator[Callable[[int], None]]:
        """Log and tell the hook what goes out and what comes back."""
        where = {"operation": request.operation, "method": request.method, "path": request.path}
        number = next(_numbers)
        begun = time.perf_counter()
        self.tell(RequestEvent(number=number, **where))

        def told(status: int | None, error: str = "") -> None:
            seconds = time.perf_counter() - begun
            outcome = error or status
            logger.debug("%s: %s %s: %s in %.3f s", *where.values(), outcome, seconds)
            self.tell(
                ResponseEvent(number=number, status=status, error=error, seconds=seconds, **where)
            )

        try:
            yield told
        except BaseException as error:
            told(None, type(error).__name__)
            raise

    def claim(self) -> None:
        """Belong to the running event loop, or say why that cannot be."""
        loop = asyncio.get_running_loop()
        if self._closed:
            message = "the client is closed; make a new one"
            raise UsageError(message)
        if self._loop not in (None, loop):
            message = "the client belongs to another event loop; make one client per event loop"
            raise UsageError(message)
        self._loop = loop

    def _open(self) -> Backend:
        # Again: the client may have been closed during the wait for a turn.
        self.claim()
        if self._backend is None:
            self._backend = self._connected()
        mask_wire_logs()
        return self._backend

    def _connected(self) -> Backend:
        """Make what sends; only here an HTTP library is imported."""
        if not isinstance(self._given, str):
            from docassemble_client._httpx import HttpxBackend, library_of  # noqa: PLC0415

            return HttpxBackend(library_of(self._given), self._given, self.base_url)
        context = _checked_context(self._verify, self._cert, self._given)
        proxy = self._proxy or environment_proxy(self.base_url)
        try:
            if proxy is not None:
                _check_proxy(proxy)
            if self._given == "aiohttp":
                from docassemble_client._aiohttp import AiohttpBackend  # noqa: PLC0415

                return AiohttpBackend(self.base_url, context, proxy)
            from docassemble_client._httpx import connect  # noqa: PLC0415

            return connect(self._given, self.base_url, context, proxy, self._limit)
        except (ImportError, ValueError) as error:
            # The original errors show the address, which may hold a password.
            message = f"the proxy cannot be used ({type(error).__name__})"
            hint = "Check its address; socks5:// needs the package socksio, and not aiohttp"
            raise UsageError(message, hint=hint) from None

    def _prepared(
        self, backend: Backend, request: Request, timeouts: Timeouts
    ) -> tuple[bytes | Body | None, Sending]:
        headers = {
            "user-agent": f"docassemble-client/{__version__}",
            "accept": "*/*",
            "accept-encoding": ACCEPTED,
            # Blanks around a value mean nothing, and HTTP libraries refuse them.
            **{name: value.strip() for name, value in request.headers.items()},
        }
        if request.auth:
            headers["x-api-key"] = self._api_key.reveal()
        target = request.path
        if request.query:
            target += "?" + urlencode(request.query, quote_via=quote)
        body: bytes | Body | None = request.json
        try:
            if len(target) > _LONGEST_URL:
                raise ValueError
            if request.json is not None:
                headers["content-type"] = "application/json"
            elif request.files:
                multipart = Multipart(request.form, request.files)
                headers["content-type"] = multipart.content_type
                body = Body(multipart)
            outgoing = Outgoing(
                request=request, target=target, headers=headers, body=body, timeouts=timeouts
            )
            return body, backend.prepare(outgoing)
        except (OSError, ValueError) as error:
            text = f"the request cannot be made ({type(error).__name__})"
            raise UsageError(text, operation=request.operation) from None


def ssl_context(
    verify: bool | str | ssl.SSLContext,
    cert: str | tuple[str, str] | None,
    library: str = "httpx",
) -> ssl.SSLContext:
    """
    Make the context for TLS.

    Args:
        verify: True for the usual authorities, False for none, a path for own ones.
        cert: Client certificate.
        library: What the usual ones are: for httpx2 those of the system, else those of httpx.

    Returns:
        The context.

    Raises:
        OSError: A file cannot be read.
    """
    if isinstance(verify, ssl.SSLContext):
        context = verify
    elif isinstance(verify, str):
        folder = Path(verify).is_dir()
        context = ssl.create_default_context(
            capath=verify if folder else None, cafile=None if folder else verify
        )
    else:
        made: Any = import_module("httpx2" if library == "httpx2" else "httpx")
        context = made.create_ssl_context(verify=verify)
    if cert is not None:
        certificate, key = (cert, None) if isinstance(cert, str) else cert
        # With a password, a wrong one: an encrypted key would ask for it on the terminal.
        context.load_cert_chain(certificate, key, password="")
    return context


def _checked_context(
    verify: bool | str | ssl.SSLContext, cert: str | tuple[str, str] | None, library: str
) -> ssl.SSLContext:
    try:
        return ssl_context(verify, cert, library)
    except OSError as error:
        message = f"verify or cert cannot be used ({type(error).__name__})"
        hint = "Check that the files exist and are PEM, and that the key has no password"
        raise UsageError(message, hint=hint) from None


def environment_proxy(base_url: str) -> str | None:
    """Proxy that the environment (or the system) names for this address, if any."""
    parts = urlsplit(base_url)
    proxies = getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if not proxy or proxy_bypass(parts.netloc.rpartition("@")[2]):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _check_proxy(proxy: str) -> None:
    """Raise ValueError where one of the libraries would not."""
    parts = urlsplit(proxy)
    blank = " " in proxy or not proxy.isprintable()
    if blank or not parts.hostname or parts.port == 0:
        raise ValueError


@contextmanager
def _blamed(request: Request, body: bytes | Body | None) -> Generator[None]:
    """Say that it was the body that could not be read, where a library would blame the network."""
    try:
        yield
    except Exception:
        failure = body.failure if isinstance(body, Body) else None
        if failure is None:
            raise
        if isinstance(failure, FileChanged):
            raise changed(request) from None
        if isinstance(failure, OSError):
            raise unreadable(request, failure) from None
        # What a caller's own iterable raises is the caller's.
        raise failure from None


async def _unpacked(request: Request, answer: Answer) -> AsyncGenerator[bytes]:
    encoding = answer.headers.get("content-encoding", "")
    try:
        async with aclosing(unpacked(answer.chunks, encoding)) as pieces:
            async for piece in pieces:
                yield piece
    except NotPacked:
        raise packed(request, answer.status) from None


async def _read(chunks: AsyncGenerator[bytes], limit: int) -> bytes:
    """Read a body, or only its beginning."""
    content = bytearray()
    async with aclosing(chunks):
        async for chunk in chunks:
            content += chunk
            if len(content) >= limit:
                break
    return bytes(memoryview(content)[:limit])

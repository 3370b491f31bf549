"""Sends requests in turn; with the driver the only place that knows the clock."""

from __future__ import annotations

import asyncio
import itertools
import logging
import ssl
import time
from contextlib import AsyncExitStack, aclosing
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode, urlsplit
from urllib.request import getproxies, proxy_bypass

from docassemble_client._concurrency import Turns
from docassemble_client._core.error_mapping import undecodable
from docassemble_client._core.messages import Reply, Request
from docassemble_client._core.redaction import mask_wire_logs
from docassemble_client._http.adapter import Body, Outgoing, changed, joined, packed, unreadable
from docassemble_client._http.unpack import ACCEPTED, NotPacked, unpacked
from docassemble_client._version import __version__
from docassemble_client.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from docassemble_client._http.adapter import Answer, AnyTransport, Backend
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
        self._headers = {
            "user-agent": f"docassemble-client/{__version__}",
            "accept": "*/*",
            "accept-encoding": ACCEPTED,
        }
        self._verify = verify
        self._cert = cert
        self._proxy = proxy
        self._given = transport
        self._backend: Backend | None = None
        self._turns = Turns(max_concurrency)
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
        if not self._turns.take():
            await self._turns.wait()
        body: bytes | Body | None = None
        answer: Answer | None = None
        try:
            backend = self._open()
            outgoing, prepared = self._prepared(backend, request, timeouts)
            body = outgoing.body
            quiet = self._hook is None and not logger.isEnabledFor(logging.DEBUG)
            if quiet and not isinstance(body, Body):
                answer = await backend.send(outgoing, prepared)
            else:
                answer = await self._told(backend, outgoing, prepared)
            answer.headers.pop("set-cookie", None)  # a login of the key's owner
            success = answer.status // 100 == 2  # noqa: PLR2004 - as in 200
            if request.stream and success:
                return self._streamed(request, answer, body)
            content = await _read(request, answer, _LARGEST + 1 if success else _ERROR_BODY)
            reply = self._reply(request, answer, content)
        except BaseException:
            await self._end(answer, body)
            raise
        if isinstance(body, Body):
            await self._end(answer, body)
        else:
            # What `_end` does for nearly every call, without a coroutine of its own.
            try:
                await answer.close()
            finally:
                self._turns.give()
        if len(content) > _LARGEST:
            message = f"the answer is larger than {_LARGEST >> 20} MiB"
            raise undecodable(request, reply, message)
        return reply

    def _reply(self, request: Request, answer: Answer, content: bytes = b"") -> Reply:
        return Reply(
            status=answer.status,
            headers=answer.headers,
            content=content,
            url=self.base_url + request.path,
            received=time.time(),
        )

    def _streamed(self, request: Request, answer: Answer, body: bytes | Body | None) -> Reply:
        """Make a reply whose end gives back the turn."""
        stack = AsyncExitStack()
        stack.push_async_callback(self._end, answer, body)
        chunks = _unpacked(request, answer)
        stack.push_async_callback(chunks.aclose)
        reply = self._reply(request, answer)
        reply.chunks, reply.close = chunks, stack.aclose
        return reply

    async def _end(self, answer: Answer | None, body: bytes | Body | None) -> None:
        """Close what was opened for a request, and give back its turn."""
        try:
            if answer is not None:
                await answer.close()
        finally:
            try:
                if isinstance(body, Body):
                    await body.aclose()
            finally:
                self._turns.give()

    async def _told(self, backend: Backend, outgoing: Outgoing, prepared: Any) -> Answer:
        """Send, and log and tell the hook what goes out and what comes back."""
        from docassemble_client.events import (  # noqa: PLC0415 - most calls tell nobody
            RequestEvent,
            ResponseEvent,
        )

        request = outgoing.request
        number = next(_numbers)
        begun = time.perf_counter()
        where = {"operation": request.operation, "method": request.method, "path": request.path}
        self.tell(RequestEvent(number=number, **where))
        status, error = None, ""
        try:
            answer = await backend.send(outgoing, prepared)
            status = answer.status
        except BaseException as raised:
            failure = _blamed(request, outgoing.body) if isinstance(raised, Exception) else None
            error = type(failure or raised).__name__
            if failure is None:
                raise
            raise failure from None
        finally:
            seconds = time.perf_counter() - begun
            logger.debug("%s: %s %s: %s in %.3f s", *where.values(), error or status, seconds)
            self.tell(
                ResponseEvent(number=number, status=status, error=error, seconds=seconds, **where)
            )
        return answer

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
        if self._closed:  # during the wait for a turn
            self.claim()
        if self._backend is None:
            self._backend = self._connected()
            mask_wire_logs()
        return self._backend

    def _connected(self) -> Backend:
        """Make what sends; only here an HTTP library is imported."""
        if not isinstance(self._given, str):
            from docassemble_client._http.httpx_adapter import HttpxBackend, Single, library_of  # noqa: PLC0415

            return HttpxBackend(library_of(self._given), Single(self._given), self.base_url)
        context = _checked_context(self._verify, self._cert, self._given)
        proxy = self._proxy or environment_proxy(self.base_url)
        try:
            if proxy is not None:
                _check_proxy(proxy)
            if self._given == "aiohttp":
                from docassemble_client._http.aiohttp_adapter import AiohttpBackend  # noqa: PLC0415

                return AiohttpBackend(self.base_url, context, proxy)
            from docassemble_client._http.httpx_adapter import connect  # noqa: PLC0415

            return connect(self._given, self.base_url, context, proxy)
        except (ImportError, ValueError) as error:
            # The original errors show the address, which may hold a password.
            message = f"the proxy cannot be used ({type(error).__name__})"
            hint = "Check its address; socks5:// needs the package socksio, and not aiohttp"
            raise UsageError(message, hint=hint) from None

    def _prepared(
        self, backend: Backend, request: Request, timeouts: Timeouts
    ) -> tuple[Outgoing, Any]:
        headers = self._headers.copy()
        for name, value in request.headers.items():
            # Blanks around a value mean nothing, and HTTP libraries refuse them.
            headers[name] = value.strip()
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
                from docassemble_client._http.multipart import Multipart  # noqa: PLC0415 - few need it

                multipart = Multipart(request.form, request.files)
                headers["content-type"] = multipart.content_type
                body = Body(multipart)
            outgoing = Outgoing(
                request=request, target=target, headers=headers, body=body, timeouts=timeouts
            )
            return outgoing, backend.prepare(outgoing)
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


def _blamed(request: Request, body: bytes | Body | None) -> Exception | None:
    """Say that it was the body that could not be read, where a library would blame the network."""
    from docassemble_client._http.multipart import FileChanged  # noqa: PLC0415 - few need it

    failure = body.failure if isinstance(body, Body) else None
    if isinstance(failure, FileChanged):
        return changed(request)
    if isinstance(failure, OSError):
        return unreadable(request, failure)
    # What a caller's own iterable raises is the caller's.
    return failure


async def _read(request: Request, answer: Answer, limit: int) -> bytes:
    """Read a body, or only its beginning."""
    if "content-encoding" not in answer.headers:
        return await answer.read(limit)
    async with aclosing(_unpacked(request, answer)) as chunks:
        return await joined(chunks, limit)


async def _unpacked(request: Request, answer: Answer) -> AsyncGenerator[bytes]:
    encoding = answer.headers.get("content-encoding", "")
    try:
        async with aclosing(unpacked(answer.chunks(), encoding)) as pieces:
            async for piece in pieces:
                yield piece
    except NotPacked:
        raise packed(request, answer.status) from None

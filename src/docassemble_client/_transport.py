"""The only module that touches the network, the clock and an HTTP library."""

from __future__ import annotations

import asyncio
import logging
import os
import ssl
from contextlib import AsyncExitStack, ExitStack, aclosing, contextmanager, nullcontext
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast
from urllib.parse import quote, urlencode, urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx
from attrs import evolve

from docassemble_client._flow import Reply, Request, Send, Sleep
from docassemble_client._redact import mask_wire_logs
from docassemble_client._version import __version__
from docassemble_client.errors import (
    DecodeError,
    MaybeSent,
    NotSent,
    RequestTimeout,
    TransportError,
    UsageError,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator, Mapping

    from docassemble_client._flow import Flow
    from docassemble_client.config import Secret, Timeouts
    from docassemble_client.transfer import Upload

logger = logging.getLogger("docassemble_client")

_ERROR_BODY = 65536


class Transport:
    """Sends requests to one server and reads its replies; connects on first use."""

    def __init__(
        self,
        base_url: str,
        api_key: Secret,
        *,
        transport: httpx.AsyncBaseTransport | None,
        verify: bool | str | ssl.SSLContext,
        cert: str | tuple[str, str] | None,
        proxy: str | None,
        max_concurrency: int,
    ) -> None:
        self.base_url = base_url
        self._api_key = api_key
        self._verify = verify
        self._cert = cert
        self._proxy = proxy
        self._limit = max_concurrency
        self._http = transport
        self._turns = asyncio.Semaphore(max_concurrency)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False

    async def run(
        self, flow: Flow, request: Request, timeouts: Timeouts, lock: asyncio.Lock | None = None
    ) -> Reply:
        """
        Drive a flow: send what it asks for, sleep when it asks to.

        Args:
            flow: What to do.
            request: What it is about.
            timeouts: Limits, the total one for everything, the wait for the lock as well.
            lock: Held all the time.

        Returns:
            What the flow returns.

        Raises:
            RequestTimeout: The whole took longer than `timeouts.total`.
        """
        # Before the lock: one that another event loop holds would never be released here.
        self._claim()
        sent: Request | None = None
        try:
            async with asyncio.timeout(timeouts.total), lock or nullcontext():
                step = next(flow)
                while True:
                    try:
                        if isinstance(step, Sleep):
                            await asyncio.sleep(step.seconds)
                            step = next(flow)
                            continue
                        sent = step.request
                        reply = await self._send(step, timeouts)
                    except TransportError as error:
                        step = flow.throw(error)
                    else:
                        step = flow.send(reply)
        except StopIteration as stop:
            result: Reply = stop.value
            return result
        except TimeoutError:
            message = f"the call took longer than {timeouts.total} s"
            raise _timed_out(sent or request, message, sent=sent is not None) from None
        finally:
            flow.close()

    async def aclose(self) -> None:
        """Close all connections; further use is an error."""
        if self._closed:
            return
        self._claim()
        self._closed = True
        if self._http is not None:
            await self._http.aclose()

    async def _send(self, step: Send, timeouts: Timeouts) -> Reply:
        request = step.request
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._turns)
            http = self._open()
            message = stack.enter_context(self._prepared(request, timeouts))
            with _explained(request):
                response = await http.handle_async_request(message)
            stack.push_async_callback(response.aclose)
            reply = Reply(
                status=response.status_code,
                headers=_headers(response),
                url=self.base_url + request.path,
            )
            logger.debug(
                "%s: %s %s: %s", request.operation, request.method, request.path, reply.status
            )
            chunks = _chunks(request, response)
            if request.stream and response.is_success:
                stack.push_async_callback(chunks.aclose)
                return evolve(reply, chunks=chunks, close=stack.pop_all().aclose)
            limit = None if response.is_success else _ERROR_BODY
            return evolve(reply, content=await _read(chunks, limit))

    def _claim(self) -> None:
        """Belong to the running event loop, or say why that cannot be."""
        loop = asyncio.get_running_loop()
        if self._closed:
            message = "the client is closed; make a new one"
            raise UsageError(message)
        if self._loop not in (None, loop):
            message = "the client belongs to another event loop; make one client per event loop"
            raise UsageError(message)
        self._loop = loop

    def _open(self) -> httpx.AsyncBaseTransport:
        # Again: the client may have been closed during the wait for a turn.
        self._claim()
        if self._http is None:
            proxy = self._proxy or environment_proxy(self.base_url)
            self._http = _connector(self._verify, self._cert, proxy, self._limit)
        mask_wire_logs()
        return self._http

    @contextmanager
    def _prepared(self, request: Request, timeouts: Timeouts) -> Generator[httpx.Request]:
        headers = {
            "user-agent": f"docassemble-client/{__version__}",
            "accept": "*/*",
            "accept-encoding": "gzip, deflate",
            # Blanks around a value mean nothing, and the HTTP library refuses them.
            **{name: value.strip() for name, value in request.headers.items()},
        }
        if request.auth:
            headers["x-api-key"] = self._api_key.reveal()
        if request.json is not None:
            headers["content-type"] = "application/json"
        url = self.base_url + request.path
        if request.query:
            url += "?" + urlencode(request.query, quote_via=quote)
        with ExitStack() as opened:
            try:
                files = [
                    (name, (upload.filename, _source(upload, opened), upload.content_type))
                    for name, upload in request.files
                ]
                message = httpx.Request(
                    request.method,
                    url,
                    headers=headers,
                    content=request.json,
                    data=dict(request.form) if files else None,
                    files=cast("Any", files) or None,
                    extensions={"timeout": _limits(timeouts)},
                )
            except (OSError, ValueError, httpx.InvalidURL) as error:
                text = f"the request cannot be made ({type(error).__name__})"
                raise UsageError(text, operation=request.operation) from None
            yield message


def ssl_context(
    verify: bool | str | ssl.SSLContext,
    cert: str | tuple[str, str] | None,
) -> ssl.SSLContext:
    """Make the context for TLS; True: the usual authorities, False: none, a path: own ones."""
    if isinstance(verify, ssl.SSLContext):
        context = verify
    elif isinstance(verify, str):
        folder = Path(verify).is_dir()
        context = ssl.create_default_context(
            capath=verify if folder else None, cafile=None if folder else verify
        )
    else:
        context = httpx.create_ssl_context(verify=verify)
    if cert is not None:
        certificate, key = (cert, None) if isinstance(cert, str) else cert
        # With a password, a wrong one: an encrypted key would ask for it on the terminal.
        context.load_cert_chain(certificate, key, password="")
    return context


def environment_proxy(base_url: str) -> str | None:
    """Proxy that the environment (or the system) names for this address, if any."""
    parts = urlsplit(base_url)
    proxies = getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if not proxy or proxy_bypass(parts.netloc.rpartition("@")[2]):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _connector(
    verify: bool | str | ssl.SSLContext,
    cert: str | tuple[str, str] | None,
    proxy: str | None,
    limit: int,
) -> httpx.AsyncHTTPTransport:
    try:
        context = ssl_context(verify, cert)
    except OSError as error:
        message = f"verify or cert cannot be used ({type(error).__name__})"
        hint = "Check that the files exist and are PEM, and that the key has no password"
        raise UsageError(message, hint=hint) from None
    try:
        urlsplit(proxy or "").port  # noqa: B018 - raises for one that cannot be, as httpx does not
        limits = httpx.Limits(max_keepalive_connections=limit)
        return httpx.AsyncHTTPTransport(verify=context, proxy=proxy, limits=limits)
    except (ImportError, ValueError, httpx.InvalidURL) as error:
        # The original errors show the address, which may hold a password.
        message = f"the proxy cannot be used ({type(error).__name__})"
        hint = "Check its address; for socks5:// install the package socksio"
        raise UsageError(message, hint=hint) from None


class _Changed(Exception):  # noqa: N818 - internal, becomes a MaybeSent
    """A file is not as long as it said."""


class _File:
    """
    A file object of which httpx sees no more than it needs.

    Its file descriptor would be asked for the length, and what stands behind a pipe or a
    compressed file has another one.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._length: int | None = None
        seekable: Callable[[], bool] = getattr(file, "seekable", bool)
        if seekable():
            self.seek = self._seek
            self.tell = file.tell

    def read(self, size: int) -> bytes:
        chunk = self._file.read(size)
        if self._length is not None:
            done = self._file.tell()
            if done > self._length or (done < self._length and not chunk):
                raise _Changed
        return chunk

    def _seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        position = self._file.seek(offset, whence)
        if whence == os.SEEK_END:
            self._length = position
        return position


def _source(upload: Upload, opened: ExitStack) -> bytes | _File:
    if isinstance(upload.content, os.PathLike):
        # Opened for each attempt, so that a retry starts at the beginning.
        return _File(opened.enter_context(Path(upload.content).open("rb")))
    return upload.content if isinstance(upload.content, bytes) else _File(upload.content)


def _limits(timeouts: Timeouts) -> dict[str, float | None]:
    # No limit for the pool: waiting for a turn is the semaphore's business.
    return {
        "connect": timeouts.connect,
        "read": timeouts.read,
        "write": timeouts.write,
        "pool": None,
    }


def _headers(response: httpx.Response) -> Mapping[str, str]:
    """Headers by lower-case name, without the cookie that logs in as the key's owner."""
    return {name: value for name, value in response.headers.items() if name != "set-cookie"}


async def _chunks(request: Request, response: httpx.Response) -> AsyncGenerator[bytes]:
    with _explained(request, response.status_code):
        async for chunk in response.aiter_bytes():
            yield chunk


async def _read(chunks: AsyncGenerator[bytes], limit: int | None) -> bytes:
    content = bytearray()
    async with aclosing(chunks):
        async for chunk in chunks:
            content += chunk
            if limit is not None and len(content) >= limit:
                return bytes(content[:limit])
    return bytes(content)


@contextmanager
def _explained(request: Request, status: int = 200) -> Generator[None]:
    """Turn what the HTTP library raises into errors of this package, without its texts' secrets."""
    where = {"operation": request.operation, "method": request.method, "path": request.path}
    try:
        yield
    except (httpx.ConnectTimeout, httpx.PoolTimeout):
        message = "no connection in time"
        hint = "Check base_url and the network, or allow more time"
        raise RequestTimeout(message, hint=hint, maybe_processed=False, **where) from None
    except (httpx.TimeoutException, TimeoutError) as error:
        message = f"the server was silent for too long ({type(error).__name__})"
        raise _timed_out(request, message, sent=True) from None
    except (httpx.ConnectError, httpx.ProxyError, httpx.UnsupportedProtocol) as error:
        message = f"no connection: {error}"
        hint = "Check base_url, the proxy and the certificate"
        raise NotSent(message, hint=hint, **where) from None
    except httpx.DecodingError:
        message = "the server's compressed answer cannot be unpacked"
        raise DecodeError(
            message,
            operation=request.operation,
            method=request.method,
            path=request.path,
            status=status,
        ) from None
    except _Changed:
        message = "a file grew or shrank while it was sent"
        hint = "The server may have processed what came: look before you repeat it"
        raise MaybeSent(message, hint=hint, **where) from None
    except (httpx.HTTPError, httpx.StreamError, OSError) as error:
        message = f"the connection broke ({type(error).__name__})"
        hint = "The server may have processed the request: look before you repeat it"
        raise MaybeSent(message, hint=hint, **where) from None


def _timed_out(request: Request, message: str, *, sent: bool) -> RequestTimeout:
    busy = "; the server may still be working on it" if sent else ""
    return RequestTimeout(
        message,
        operation=request.operation,
        method=request.method,
        path=request.path,
        hint=f"Allow more time with timeout={busy}",
        maybe_processed=sent,
    )

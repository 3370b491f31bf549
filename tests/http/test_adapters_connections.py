"""Certificates, proxies and custom transports, for every HTTP library."""

from __future__ import annotations

import asyncio
import shutil
import socket
import ssl
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import httpx
import pytest

from docassemble_client import (
    AsyncDocassemble,
    NotSent,
    TransportError,
    UsageError,
)
from docassemble_client._http.httpx_adapter import HTTPXAdapter
from docassemble_client._http.network import create_ssl_context
from tests.http.test_adapters import library
from tests.raw_server import (
    HANG_SECONDS,
    KEY,
    NO_DELAY,
    NO_RETRIES,
    USER,
    Connection,
    check_leaks,
    make_client,
    make_response,
    respond_with,
    serve,
)

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.sockets

leak_check = pytest.fixture(autouse=True)(check_leaks)
__all__ = ["library"]

CERTIFICATE = str(Path(__file__).parent / "data" / "localhost.pem")
SECRET = "secret"
UNKNOWN = "Name or service not known"
# OpenSSL searches a folder for the certificate under this name.
HASHED_NAME = "ce275665.0"


def make_tls_context(*, wants_certificate: bool = False) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    if wants_certificate:
        context.load_verify_locations(CERTIFICATE)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


async def get_user(tls: ssl.SSLContext | None, **options: Any) -> int:
    async with (
        serve(respond_with(make_response(USER)), tls) as server,
        make_client(server, **options) as da,
    ):
        return (await da.users.get_current()).id


def copy_to_folder(folder: Path) -> str:
    shutil.copy(CERTIFICATE, folder / HASHED_NAME)
    return str(folder)


@pytest.mark.parametrize(
    "verify",
    [
        lambda _: False,
        lambda _: CERTIFICATE,
        copy_to_folder,
        lambda _: ssl.create_default_context(cafile=CERTIFICATE),
    ],
    ids=["no check", "file", "folder", "context"],
)
async def test_verify_selects_the_trusted_certificates(
    verify: Callable[[Path], Any], tmp_path: Path
) -> None:
    """A certificate is not verified, or verified with a file, a folder or a context."""
    assert await get_user(make_tls_context(), verify=verify(tmp_path)) == 1


async def test_nothing_is_sent_to_a_server_with_an_unknown_certificate() -> None:
    """By default, an unverified server receives no request and no API key."""
    async with (
        serve(respond_with(make_response(USER)), make_tls_context()) as server,
        make_client(server, verify=True) as da,
    ):
        with pytest.raises(NotSent, match=r"(?i)certificate"):
            await da.users.get_current()
        assert len(server.requests) == 0


@pytest.mark.parametrize("cert", [CERTIFICATE, (CERTIFICATE, CERTIFICATE)], ids=["one", "two"])
async def test_the_client_certificate_is_sent(cert: str | tuple[str, str]) -> None:
    """A server that requires a client certificate receives it."""
    tls = make_tls_context(wants_certificate=True)

    assert await get_user(tls, verify=CERTIFICATE, cert=cert) == 1


async def test_a_missing_client_certificate_is_not_retried() -> None:
    """With TLS 1.3 the server may refuse the connection only after the request."""
    async with asyncio.timeout(HANG_SECONDS):
        tls = make_tls_context(wants_certificate=True)
        async with (
            serve(respond_with(make_response(USER)), tls) as server,
            make_client(server, NO_DELAY, verify=CERTIFICATE) as da,
        ):
            with pytest.raises(TransportError):
                await da.users.create("jane@example.com")
            assert not server.requests


@pytest.mark.parametrize("options", [{"verify": "/no/such/file.pem"}, {"cert": __file__}])
async def test_an_invalid_certificate_file_is_a_usage_error(options: dict[str, Any]) -> None:
    """A missing or invalid file is reported before anything is sent."""
    with pytest.raises(UsageError, match="verify or cert cannot be used"):
        await get_user(None, **options)


def test_the_default_verifies_certificate_and_host(library: str) -> None:
    """True verifies certificate and host name, False neither."""
    verifying = create_ssl_context(verify=True, cert=None, library=library)
    unverified = create_ssl_context(verify=False, cert=None, library=library)

    assert (verifying.verify_mode, verifying.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert (unverified.verify_mode, unverified.check_hostname) == (ssl.CERT_NONE, False)


@pytest.mark.parametrize("explicit", [True, False])
async def test_a_proxy_receives_the_full_url_and_its_password(
    monkeypatch: pytest.MonkeyPatch, *, explicit: bool
) -> None:
    """A proxy argument or the proxy of the environment is used, with its password."""
    async with (
        asyncio.timeout(HANG_SECONDS),
        serve(respond_with(make_response(USER), make_response(USER))) as proxy,
    ):
        address = proxy.url.replace("//", "//user:p%4055@")
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1" if explicit else address)
        url = "http://da.example.com/prefix"
        async with AsyncDocassemble(url, KEY, proxy=address if explicit else None) as da:
            await da.users.get_current()
            await da.users.get_current()
        for request in proxy.requests:
            assert request.target == "http://da.example.com/prefix/api/user"
            assert request.headers["host"] == "da.example.com"
            assert request.headers["proxy-authorization"] == "Basic dXNlcjpwQDU1"
        assert proxy.connections == 1


async def test_no_proxy_excludes_a_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server in NO_PROXY is reached directly."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")

    assert await get_user(None) == 1


async def tunnel(connection: Connection) -> None:
    """Act as a proxy that connects to the requested host."""
    request = await connection.receive()
    host, _, port = request.target.partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    await connection.send(b"HTTP/1.1 200 Go on\r\n\r\n")

    async def pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while chunk := await source.read(65536):
                target.write(chunk)
                await target.drain()
        target.close()

    await asyncio.gather(pump(connection.reader, writer), pump(reader, connection.writer))
    with suppress(OSError):
        await writer.wait_closed()


async def test_a_tls_proxy_does_not_see_the_key() -> None:
    """For a server with TLS, the proxy makes a tunnel and sees neither request nor key."""
    async with asyncio.timeout(HANG_SECONDS), serve(tunnel) as proxy:
        address = proxy.url.replace("//", "//user:pass@")
        assert await get_user(make_tls_context(), verify=CERTIFICATE, proxy=address) == 1
        assert [request.method for request in proxy.requests] == ["CONNECT"]
        headers = [request.headers for request in proxy.requests]

    assert headers[0]["proxy-authorization"].startswith("Basic ")
    assert "x-api-key" not in headers[0]


async def test_a_refusal_of_the_proxy_is_not_sent() -> None:
    """The error shows the proxy's status, but not its password."""

    async def scenario() -> None:
        async with serve(respond_with(make_response(status=407))) as proxy:
            address = proxy.url.replace("//", "//user:pa55word@")
            url = "https://da.example.com"
            async with AsyncDocassemble(url, KEY, proxy=address, retry=NO_RETRIES) as da:
                await da.users.create("jane@example.com")

    with pytest.raises(NotSent, match="407") as caught:
        await asyncio.wait_for(scenario(), HANG_SECONDS)

    assert "pa55word" not in str(caught.value)


async def test_an_unreachable_proxy_is_not_sent() -> None:
    """If the proxy refuses the connection, nothing was sent."""

    async def scenario() -> None:
        async with serve(respond_with()) as proxy:
            address = proxy.url.replace("//", "//user:pa55word@")
        url = "http://da.example.com"
        async with AsyncDocassemble(url, KEY, proxy=address, retry=NO_RETRIES) as da:
            await da.users.create("jane@example.com")

    with pytest.raises(NotSent) as caught:
        await asyncio.wait_for(scenario(), HANG_SECONDS)

    assert "pa55word" not in str(caught.value)


@pytest.mark.parametrize(
    "proxy",
    [
        "pa55word",
        "ftp://user:pa55word@127.0.0.1:1",
        "socks5://user:pa55word@127.0.0.1:1",
        "http://user:pa55word@127.0.0.1:99999",
        "http://user:pa55word@127.0.0.1:0",
        "http://user:pa55word\n@127.0.0.1:1",
        "http://user:pa55word@[",
        "http://",
        "http://user:pa55word@a b.example",
    ],
)
async def test_an_invalid_proxy_is_a_usage_error(
    proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An invalid proxy is refused before anything is sent, without showing its password."""
    monkeypatch.setitem(sys.modules, "socksio", None)  # as if it were not installed

    with pytest.raises(UsageError, match="the proxy cannot be used") as caught:
        await get_user(None, proxy=proxy)

    assert "pa55word" not in str(caught.value)
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("name", ["httpx", "httpx2"])
def test_a_proxy_that_only_the_library_refuses_is_invalid(name: str) -> None:
    """An error of the library becomes the same error without its text."""
    proxy = "http://user:pa55word@127.0.0.1/" + "x" * 70_000

    with pytest.raises(ValueError, match=r"^InvalidURL$"):
        HTTPXAdapter.from_library(name, "http://x.example", ssl.create_default_context(), proxy)


@pytest.mark.parametrize("base_url", ["http://\u200b.example", f"http://{'a' * 64}.example"])
async def test_an_invalid_host_is_an_error_of_this_package(
    base_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An invalid host name raises an error of this package, and leaves nothing open."""
    original = asyncio.BaseEventLoop.getaddrinfo

    async def offline(self: asyncio.BaseEventLoop, host: Any, *args: Any, **more: Any) -> Any:
        if host in {"127.0.0.1", "::1"}:
            return await original(self, host, *args, **more)
        raise socket.gaierror(socket.EAI_NONAME, UNKNOWN)

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", offline)
    da = AsyncDocassemble(base_url, KEY, retry=NO_RETRIES)

    with pytest.raises((UsageError, NotSent)):
        async with da:
            await da.users.get_current()


async def test_a_very_long_query_is_a_usage_error() -> None:
    """The client refuses it, because the libraries differ; it is not shown."""
    da = AsyncDocassemble("http://127.0.0.1:1", KEY)

    with pytest.raises(UsageError, match="longer than 65536 characters") as caught:
        await da.request("GET", "/x", params={"q": "x" * 70_000})

    assert "xxx" not in str(caught.value)


@pytest.mark.parametrize("extra", ["httpx2", "aiohttp"])
def test_a_missing_library_is_reported_with_its_extra(
    extra: Literal["httpx2", "aiohttp"], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error contains the pip command."""
    monkeypatch.setitem(sys.modules, extra, None)

    with pytest.raises(UsageError) as caught:
        AsyncDocassemble("http://127.0.0.1:1", KEY, transport=extra)

    assert f'pip install "docassemble-client[{extra}]"' in str(caught.value)


@pytest.mark.parametrize("transport", ["requests", "", None, httpx.HTTPTransport(), 7])
def test_an_unknown_transport_is_refused(transport: Any) -> None:
    """A transport is a known name or an asynchronous transport of httpx or httpx2."""
    with pytest.raises(UsageError, match="transport must be 'httpx', 'httpx2', 'aiohttp', or"):
        AsyncDocassemble("http://127.0.0.1:1", KEY, transport=transport)

"""Certificates, proxies and transports passed in, on every HTTP library."""

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
import httpx2
import pytest

from docassemble_client import (
    AsyncDocassemble,
    DecodeError,
    MaybeSent,
    NotSent,
    RequestTimeout,
    TransportError,
    UsageError,
)
from docassemble_client._http.httpx_adapter import connect
from docassemble_client._http.transport import ssl_context
from tests.http.test_adapters import library
from tests.raw_server import (
    AT_ONCE,
    KEY,
    ONCE,
    PATIENCE,
    USER,
    Connection,
    answering,
    client,
    reply,
    serve,
    tidy,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

go_direct = pytest.fixture(autouse=True)(tidy)
__all__ = ["library"]

CERTIFICATE = str(Path(__file__).parent / "data" / "localhost.pem")
SECRET = "secret"
UNKNOWN = "Name or service not known"
# Under this name OpenSSL looks for the certificate in a folder.
HASHED = "ce275665.0"


def listening(*, wants_certificate: bool = False) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    if wants_certificate:
        context.load_verify_locations(CERTIFICATE)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


async def get_user(tls: ssl.SSLContext | None, **options: Any) -> int:
    async with serve(answering(reply(USER)), tls) as server, client(server, **options) as da:
        return (await da.users.get_current()).id


def in_folder(folder: Path) -> str:
    shutil.copy(CERTIFICATE, folder / HASHED)
    return str(folder)


@pytest.mark.parametrize(
    "verify",
    [
        lambda _: False,
        lambda _: CERTIFICATE,
        in_folder,
        lambda _: ssl.create_default_context(cafile=CERTIFICATE),
    ],
    ids=["no check", "file", "folder", "context"],
)
def test_a_server_is_trusted_as_told(verify: Callable[[Path], Any], tmp_path: Path) -> None:
    """A certificate is checked not at all, against a file, a folder, or by a context."""
    assert asyncio.run(get_user(listening(), verify=verify(tmp_path))) == 1


def test_an_unknown_certificate_is_not_sent_to() -> None:
    """By default a server that cannot prove its name gets no request, and so no key."""

    async def scenario() -> int:
        async with (
            serve(answering(reply(USER)), listening()) as server,
            client(server, verify=True) as da,
        ):
            with pytest.raises(NotSent, match=r"(?i)certificate"):
                await da.users.get_current()
            return len(server.received)

    assert asyncio.run(scenario()) == 0


@pytest.mark.parametrize("cert", [CERTIFICATE, (CERTIFICATE, CERTIFICATE)], ids=["one", "two"])
def test_the_client_certificate_is_shown_to_the_server(cert: str | tuple[str, str]) -> None:
    """A server that asks for a certificate gets the one of the client."""
    tls = listening(wants_certificate=True)

    assert asyncio.run(get_user(tls, verify=CERTIFICATE, cert=cert)) == 1


def test_a_missing_client_certificate_sends_nothing_twice() -> None:
    """A server that misses the certificate may tell so only after the request (TLS 1.3)."""

    async def scenario() -> None:
        tls = listening(wants_certificate=True)
        async with (
            serve(answering(reply(USER)), tls) as server,
            client(server, AT_ONCE, verify=CERTIFICATE) as da,
        ):
            with pytest.raises(TransportError):
                await da.users.create("jane@example.com")
            assert not server.received

    asyncio.run(asyncio.wait_for(scenario(), PATIENCE))


@pytest.mark.parametrize("options", [{"verify": "/no/such/file.pem"}, {"cert": __file__}])
def test_certificates_that_cannot_be_used_are_a_usage_error(options: dict[str, Any]) -> None:
    """A missing or wrong file is named as the reason before anything is sent."""
    with pytest.raises(UsageError, match="verify or cert cannot be used"):
        asyncio.run(get_user(None, **options))


def test_the_usual_authorities_are_the_default(library: str) -> None:
    """True checks certificate and host name, False neither."""
    usual = ssl_context(verify=True, cert=None, library=library)
    none = ssl_context(verify=False, cert=None, library=library)

    assert (usual.verify_mode, usual.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert (none.verify_mode, none.check_hostname) == (ssl.CERT_NONE, False)


@pytest.mark.parametrize("given", [True, False])
def test_a_proxy_gets_the_whole_address_and_its_own_password(
    monkeypatch: pytest.MonkeyPatch, *, given: bool
) -> None:
    """A proxy passed in or of the environment is used, and asked with its password."""

    async def scenario() -> None:
        async with serve(answering(reply(USER), reply(USER))) as proxy:
            address = proxy.url.replace("//", "//user:p%4055@")
            monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1" if given else address)
            url = "http://da.example.com/prefix"
            async with AsyncDocassemble(url, KEY, proxy=address if given else None) as da:
                await da.users.get_current()
                await da.users.get_current()
            for received in proxy.received:
                assert received.target == "http://da.example.com/prefix/api/user"
                assert received.headers["host"] == "da.example.com"
                assert received.headers["proxy-authorization"] == "Basic dXNlcjpwQDU1"
            assert proxy.connections == 1

    asyncio.run(asyncio.wait_for(scenario(), PATIENCE))


def test_the_environment_can_except_a_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server in NO_PROXY is reached directly."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")

    assert asyncio.run(get_user(None)) == 1


async def tunnel(connection: Connection) -> None:
    """Be a proxy that connects to where it is told to."""
    received = await connection.receive()
    host, _, port = received.target.partition(":")
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


def test_tls_goes_through_a_tunnel_that_sees_no_key() -> None:
    """To a server with TLS the proxy makes a tunnel, and sees neither request nor key."""

    async def scenario() -> list[dict[str, str]]:
        async with serve(tunnel) as proxy:
            address = proxy.url.replace("//", "//user:pass@")
            assert await get_user(listening(), verify=CERTIFICATE, proxy=address) == 1
            assert [one.method for one in proxy.received] == ["CONNECT"]
            return [one.headers for one in proxy.received]

    headers = asyncio.run(asyncio.wait_for(scenario(), PATIENCE))

    assert headers[0]["proxy-authorization"].startswith("Basic ")
    assert "x-api-key" not in headers[0]


def test_a_proxy_that_makes_no_tunnel_has_not_sent() -> None:
    """A refusal of the proxy says so with its status and without the password."""

    async def scenario() -> None:
        async with serve(answering(reply(status=407))) as proxy:
            address = proxy.url.replace("//", "//user:pa55word@")
            url = "https://da.example.com"
            async with AsyncDocassemble(url, KEY, proxy=address, retry=ONCE) as da:
                await da.users.create("jane@example.com")

    with pytest.raises(NotSent, match="407") as caught:
        asyncio.run(asyncio.wait_for(scenario(), PATIENCE))

    assert "pa55word" not in str(caught.value)


def test_a_proxy_that_is_not_there_has_not_sent() -> None:
    """Where the proxy refuses the connection nothing was sent."""

    async def scenario() -> None:
        async with serve(answering()) as proxy:
            address = proxy.url.replace("//", "//user:pa55word@")
        url = "http://da.example.com"
        async with AsyncDocassemble(url, KEY, proxy=address, retry=ONCE) as da:
            await da.users.create("jane@example.com")

    with pytest.raises(NotSent) as caught:
        asyncio.run(asyncio.wait_for(scenario(), PATIENCE))

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
def test_a_proxy_that_cannot_be_used_is_a_usage_error(
    proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong proxy is refused before anything is sent, without showing its password."""
    monkeypatch.setitem(sys.modules, "socksio", None)  # as if it were not installed

    with pytest.raises(UsageError, match="the proxy cannot be used") as caught:
        asyncio.run(get_user(None, proxy=proxy))

    assert "pa55word" not in str(caught.value)
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("name", ["httpx", "httpx2"])
def test_a_proxy_only_the_library_refuses_is_wrong_too(name: str) -> None:
    """What the library finds wrong with a proxy is the same error without its text."""
    proxy = "http://user:pa55word@127.0.0.1/" + "x" * 70_000

    with pytest.raises(ValueError, match=r"^InvalidURL$"):
        connect(name, "http://x.example", ssl.create_default_context(), proxy)


@pytest.mark.parametrize("base_url", ["http://\u200b.example", f"http://{'a' * 64}.example"])
def test_a_host_that_cannot_be_is_refused_or_not_found(
    base_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An impossible name is an error of this package, and nothing stays open."""
    real = asyncio.BaseEventLoop.getaddrinfo

    async def offline(self: asyncio.BaseEventLoop, host: Any, *args: Any, **more: Any) -> Any:
        if host in {"127.0.0.1", "::1"}:
            return await real(self, host, *args, **more)
        raise socket.gaierror(socket.EAI_NONAME, UNKNOWN)

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", offline)
    da = AsyncDocassemble(base_url, KEY, retry=ONCE)

    async def scenario() -> None:
        async with da:
            await da.users.get_current()

    with pytest.raises((UsageError, NotSent)):
        asyncio.run(scenario())


def test_a_query_too_long_for_an_address_is_a_usage_error() -> None:
    """A query no address can hold is refused by us, as the libraries differ, and not shown."""
    da = AsyncDocassemble("http://127.0.0.1:1", KEY)

    with pytest.raises(UsageError, match="cannot be made") as caught:
        asyncio.run(da.request("GET", "/x", params={"q": "x" * 70_000}))

    assert "xxx" not in str(caught.value)


@pytest.mark.parametrize("extra", ["httpx2", "aiohttp"])
def test_a_library_that_is_missing_is_named_with_its_extra(
    extra: Literal["httpx2", "aiohttp"], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who asks for a library that is not there is told what to install."""
    monkeypatch.setitem(sys.modules, extra, None)

    with pytest.raises(UsageError) as caught:
        AsyncDocassemble("http://127.0.0.1:1", KEY, transport=extra)

    assert f'pip install "docassemble-client[{extra}]"' in str(caught.value)


@pytest.mark.parametrize("transport", ["requests", "", None, httpx.HTTPTransport(), 7])
def test_an_unknown_transport_is_refused(transport: Any) -> None:
    """A transport is known by its name or is an asynchronous one of httpx or httpx2."""
    with pytest.raises(UsageError, match="transport must be 'httpx', 'httpx2', 'aiohttp', or"):
        AsyncDocassemble("http://127.0.0.1:1", KEY, transport=transport)


@pytest.mark.parametrize("module", [httpx, httpx2])
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ConnectError", NotSent),
        ("ConnectTimeout", RequestTimeout),
        ("ReadTimeout", RequestTimeout),
        ("ReadError", MaybeSent),
        ("RemoteProtocolError", MaybeSent),
        ("DecodingError", DecodeError),
    ],
)
def test_a_transport_passed_in_is_understood_in_its_own_terms(
    module: ModuleType, name: str, expected: type[Exception]
) -> None:
    """The errors of httpx2 are no errors of httpx, but mean the same."""

    class Mine(module.AsyncBaseTransport):  # type: ignore[name-defined,misc]  # of either library
        """A transport of a user."""

        closed = 0

        async def handle_async_request(self, request: Any) -> Any:
            assert isinstance(request, module.Request)
            raise getattr(module, name)(SECRET)

        async def aclose(self) -> None:
            self.closed += 1

    transport = Mine()

    async def scenario() -> None:
        async with AsyncDocassemble("http://x.example", KEY, transport=transport, retry=ONCE) as da:
            await da.users.get_current()

    with pytest.raises(expected):
        asyncio.run(scenario())

    assert transport.closed == 1


@pytest.mark.parametrize("module", [httpx, httpx2])
def test_a_transport_passed_in_is_closed_though_never_used(module: ModuleType) -> None:
    """What a client was given it closes, as it would after use."""
    closed: list[bool] = []

    class Mine(module.AsyncBaseTransport):  # type: ignore[name-defined,misc]  # of either library
        """A transport of a user."""

        async def aclose(self) -> None:
            closed.append(True)

    async def scenario() -> None:
        async with AsyncDocassemble("http://x.example", KEY, transport=Mine()):
            pass

    asyncio.run(scenario())

    assert closed == [True]

"""Errors of connections name the address and what to do, with every HTTP library."""

from __future__ import annotations

import asyncio
import socket
import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from docassemble_client import (
    AsyncDocassemble,
    DocassembleError,
    MaybeSent,
    NotSent,
    RequestTimeout,
    Timeouts,
)
from docassemble_client._core.messages import Request
from docassemble_client._http.connection_errors import ConnectionErrors
from tests.raw_server import (
    HANG_SECONDS,
    KEY,
    NO_DELAY,
    USER,
    Connection,
    check_leaks,
    get_free_port,
    make_response,
    respond_with,
    serve,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

pytestmark = pytest.mark.sockets
leak_check = pytest.fixture(autouse=True)(check_leaks)
CERTIFICATE = Path(__file__).parent / "data" / "localhost.pem"
REQUEST = Request(operation="users.get", method="GET", path="/api/user/7")
CHECK_FIRST = "The server may have processed the request: check before you repeat it"


@pytest.fixture(params=["httpx", "httpx2", "aiohttp"])
def library(request: pytest.FixtureRequest) -> str:
    """Run a test with every library."""
    return str(request.param)


def make_tls_context() -> ssl.SSLContext:
    """Make the context of a server with a certificate that is not trusted."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    return context


async def get_error(url: str, library: str, **options: Any) -> DocassembleError:
    """Make a call that fails."""
    options = {"transport": library, "retry": NO_DELAY, **options}
    async with asyncio.timeout(HANG_SECONDS), AsyncDocassemble(url, KEY, **options) as da:
        with pytest.raises(DocassembleError) as caught:
            await da.users.get_current()
    return caught.value


async def hang_up(connection: Connection) -> None:
    await connection.receive()


async def send_tls_alert(connection: Connection) -> None:
    await connection.receive()
    await connection.send(bytes.fromhex("15030100020250"))


async def respond_to_tls(connection: Connection) -> None:
    """Respond to a TLS handshake as a server does that expects HTTP."""
    await connection.reader.read(1)
    await connection.send(make_response(status=400))


async def test_http_to_a_port_with_tls_suggests_https(library: str) -> None:
    """A TLS server of OpenSSL closes such a connection; it has processed nothing."""
    async with serve(hang_up, make_tls_context()) as server:
        http_url = server.url.replace("https", "http")
        error = await get_error(http_url, library, verify=False)

    assert type(error) is MaybeSent
    assert error.hint == (
        f"If the port expects HTTPS, use {server.url} as base_url; if not, try again"
    )


async def test_a_tls_alert_suggests_https(library: str) -> None:
    """Other TLS servers respond with an alert, which is no HTTP."""
    async with serve(send_tls_alert) as server:
        error = await get_error(server.url, library, verify=False)

    assert f"use {server.url.replace('http', 'https')} as base_url" in str(error)


async def test_a_server_that_has_responded_expects_no_other_scheme(library: str) -> None:
    """Then a lost connection says that the server may have processed the request."""

    async def respond_and_hang_up(connection: Connection) -> None:
        await connection.receive()
        await connection.send(make_response(USER))
        await connection.receive()

    async with (
        serve(respond_and_hang_up) as server,
        AsyncDocassemble(server.url, KEY, transport=library, verify=False) as da,  # type: ignore[arg-type]  # a str
    ):
        await da.users.get_current()
        with pytest.raises(MaybeSent) as caught:
            await da.users.create("jane@example.com")

    assert caught.value.hint == CHECK_FIRST
    assert server.url.removeprefix("http://") in caught.value.message


async def test_https_to_a_port_without_tls_suggests_http(library: str) -> None:
    """The error is final: a retry cannot help."""
    async with serve(respond_to_tls) as server:
        url = server.url.replace("http", "https")
        error = await get_error(url, library, verify=False)
        assert server.connections == 1

    assert type(error) is NotSent
    assert not error.is_transient
    assert error.message == f"the server {server.url.removeprefix('http://')} does not speak TLS"
    assert error.hint.startswith(f"Use {server.url} as base_url if the server has no TLS")


async def test_a_certificate_that_is_not_trusted_says_what_to_pass(library: str) -> None:
    """No retry can help, and nothing was sent."""
    async with serve(hang_up, make_tls_context()) as server:
        error = await get_error(server.url, library)
        address = server.url.removeprefix("https://")

    assert type(error) is NotSent
    assert not error.is_transient
    assert error.message == f"the certificate of {address} is not trusted (self-signed certificate)"
    assert "verify= or in SSL_CERT_FILE" in error.hint


@pytest.mark.parametrize(
    ("code", "problem", "hint"),
    [
        (10, "has expired", "check the clock"),
        (62, "is for another name", "Use a host name that the certificate lists"),
        (64, "is for another name", "Use a host name that the certificate lists"),
        (20, "is not trusted (why)", "SSL_CERT_FILE"),
        (None, "is not trusted (not verified)", "SSL_CERT_FILE"),
    ],
)
def test_a_refused_certificate_says_why(code: int | None, problem: str, hint: str) -> None:
    """The codes are those of OpenSSL."""
    reason = ssl.SSLCertVerificationError(1, "certificate verify failed")
    if code is not None:
        reason.verify_code, reason.verify_message = code, "why"

    error = ConnectionErrors("https://da.example.com").connect_error(REQUEST, reason)

    assert error.message == f"the certificate of da.example.com:443 {problem}"
    assert hint in error.hint
    assert not error.is_transient


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        (ssl.SSLError(1, "[SSL: NO_CIPHERS]"), "the TLS handshake with [::1]:8443 failed. "),
        (ssl.SSLError("[SSL: HTTP_REQUEST]"), "the TLS handshake with [::1]:8443 failed. "),
    ],
)
def test_any_other_tls_failure_names_the_address(reason: ssl.SSLError, text: str) -> None:
    """The reason of OpenSSL is shown if it has one."""
    errors = ConnectionErrors("https://[::1]:8443/da")
    assert text in str(errors.connect_error(REQUEST, reason))

    reason.reason = "TLSV13_ALERT_CERTIFICATE_REQUIRED"
    error = errors.connect_error(REQUEST, reason)

    assert f"failed ({reason.reason})" in error.message
    assert "cert=" in error.hint
    assert error.is_transient


async def test_a_refused_port_names_the_address(library: str) -> None:
    """The server is down, or the port is wrong."""
    port = get_free_port()

    error = await get_error(f"http://localhost:{port}", library)

    assert type(error) is NotSent
    assert error.message == (
        f"no connection to localhost:{port}: it was refused, because no program uses the port"
    )


async def test_an_unknown_host_is_named(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The name is wrong, or the DNS does not know it."""

    def fail(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)

    error = await get_error("https://nowhere.example", library, verify=False)

    assert error.message == (
        "no connection to nowhere.example:443: the name of the host cannot be resolved"
    )
    assert "Check the host in base_url" in error.hint


async def test_a_proxy_that_is_down_is_named_without_its_user(library: str) -> None:
    """Neither the user nor the password of its URL is shown."""
    port = get_free_port()
    proxy = f"http://jane:hunter2@127.0.0.1:{port}"

    error = await get_error("https://da.example.com", library, proxy=proxy, verify=False)

    assert error.message == (
        f"no connection to the proxy 127.0.0.1:{port}: it was refused, because no program uses the"
        " port"
    )
    assert "proxy=" in error.hint
    assert "jane" not in str(error)
    assert "hunter2" not in str(error)


@pytest.mark.parametrize(("status", "hint"), [(407, "user and password"), (403, "may connect")])
async def test_a_proxy_that_refuses_the_tunnel_is_named(
    library: str, status: int, hint: str
) -> None:
    """The status says why; nothing reached the server."""
    async with serve(respond_with(*[make_response(status=status)] * 3)) as server:
        error = await get_error("https://da.example.com", library, proxy=server.url, verify=False)

    assert type(error) is NotSent
    assert error.message == (
        f"no connection to da.example.com:443: the proxy {server.url.removeprefix('http://')}"
        f" responded with status {status}"
    )
    assert hint in error.hint


async def test_a_proxy_that_hangs_up_is_named(library: str) -> None:
    """Which of the two broke the connection is not known."""
    async with serve(hang_up) as server:
        error = await get_error("http://da.example.com", library, proxy=server.url)

    proxy = server.url.removeprefix("http://")
    assert error.message.startswith(
        f"the connection to da.example.com:80 via the proxy {proxy} broke before the response was"
    )
    assert error.hint == "Try again"


@pytest.fixture
async def full_port() -> AsyncGenerator[int]:
    """Return a port whose queue of connections is full, so that a new one waits."""
    loop = asyncio.get_running_loop()
    with socket.socket() as listener, socket.socket() as first, socket.socket() as second:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for client in (first, second):
            client.setblocking(False)  # noqa: FBT003 - the name of the argument is its own
            with pytest.raises(BlockingIOError):
                client.connect(listener.getsockname())
        assert loop.is_running()
        yield listener.getsockname()[1]


async def test_a_connection_that_takes_too_long_says_how_long(library: str, full_port: int) -> None:
    """The error names the address, the limit and the timeout to raise."""
    error = await get_error(
        f"http://127.0.0.1:{full_port}", library, timeout=Timeouts(connect=0.05)
    )

    assert type(error) is RequestTimeout
    assert not error.maybe_processed
    assert error.message == f"no connection to 127.0.0.1:{full_port} within 0.05 s"
    assert "Timeouts(connect=…)" in error.hint


@pytest.mark.parametrize(
    ("timeouts", "texts"),
    [
        (
            Timeouts(connect=1, read=60, write=2.5),
            ("within 1 s", "sent nothing for 60 s", "no data for 2.5 s"),
        ),
        (
            Timeouts(connect=None, read=None, write=None),
            ("443 in time", "sent nothing in time", "no data in time"),
        ),
    ],
)
def test_every_timeout_says_which_limit_to_raise(
    timeouts: Timeouts, texts: tuple[str, str, str]
) -> None:
    """Without a limit of the client, the operating system has one."""
    errors = ConnectionErrors("https://da.example.com")

    messages = [
        errors.connect_timeout(REQUEST, timeouts),
        errors.read_timeout(REQUEST, timeouts),
        errors.write_timeout(REQUEST, timeouts),
    ]

    for error, text, limit in zip(messages, texts, ("connect", "read", "write"), strict=True):
        assert text in error.message
        assert f"Timeouts({limit}=…)" in error.hint


def test_the_cause_of_several_addresses_is_found() -> None:
    """A host with two addresses fails with a group of exceptions."""
    try:
        try:
            both = "both"
            raise ExceptionGroup(both, [ConnectionRefusedError(111, "no"), OSError("other")])
        except ExceptionGroup as group:
            message = "All connection attempts failed"
            raise OSError(message) from group
    except OSError as reason:
        error = ConnectionErrors("http://localhost", "socks5://p").connect_error(REQUEST, reason)

    assert error.message.startswith("no connection to the proxy p:1080: it was refused")


def test_an_unknown_reason_is_shown() -> None:
    """The text of the operating system is better than none."""
    reason = OSError(113, "No route to host")

    error = ConnectionErrors("https://da.example.com").connect_error(REQUEST, reason)

    assert error.message == "no connection to da.example.com:443: [Errno 113] No route to host"
    assert "firewalls" in error.hint

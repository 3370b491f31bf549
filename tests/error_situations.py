"""Situations that end in an error, each provoked, for the table of the guide."""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from docassemble_client import AsyncDocassemble, DocassembleError, RetryPolicy, Timeouts
from docassemble_client.testing import FakeServer
from tests.raw_server import (
    HANG_SECONDS,
    KEY,
    USER,
    Connection,
    get_free_port,
    make_response,
    respond_with,
    serve,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import TypeAlias

    from tests.raw_server import Script

    Situation: TypeAlias = Callable[[], Awaitable[object]]
    Use: TypeAlias = Callable[[AsyncDocassemble], Awaitable[object]]

URL = "https://da.example.com"
INTERVIEW = "docassemble.base:data/questions/examples/text-field.yml"
CERTIFICATE = Path(__file__).parent / "http" / "data" / "localhost.pem"
HTML = "Content-Type: text/html"
LOGIN_PAGE = b"<!DOCTYPE html><html><body><form>Log in</form></body></html>"
OTHER_PAGE = b"<!DOCTYPE html><html><body class='error404'>Page not found</body></html>"
TLS_EXPECTED = b"<html><h1>The plain HTTP request was sent to HTTPS port</h1></html>"
EXAMPLE_PORT, EXAMPLE_PROXY_PORT = 8000, 3128
SITUATIONS: dict[str, Situation] = {}


def describes(title: str) -> Callable[[Situation], Situation]:
    """Add a situation to the table."""

    def add(situation: Situation) -> Situation:
        SITUATIONS[title] = situation
        return situation

    return add


def get_user(da: AsyncDocassemble) -> Awaitable[object]:
    return da.users.get(7)


async def call(
    url: str, use: Use = get_user, *, key: str = KEY, attempts: int = 1, **options: Any
) -> None:
    """Make a call with a new client; the example addresses do not depend on the run."""
    settings = {"transport": "httpx", "retry": RetryPolicy(attempts=attempts), "verify": False}
    async with AsyncDocassemble(url, key, **{**settings, **options}) as da:
        await use(da)


async def call_server(
    script: Script,
    use: Use = get_user,
    *,
    scheme: str = "http",
    tls: ssl.SSLContext | None = None,
    **options: Any,
) -> None:
    async with serve(script, tls) as server:
        await call(f"{scheme}://{server.url.partition('//')[2]}", use, **options)


async def call_fake(use: Use, *, prepare: Callable[[FakeServer], str] | None = None) -> None:
    """Make a call to a fake server; `prepare` returns the API key."""
    fake = FakeServer(url=URL)
    key = prepare(fake) if prepare else fake.api_key
    await call(URL, use, key=key, transport=fake.transport())


def make_tls_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    return context


async def hang_up(connection: Connection) -> None:
    await connection.receive()


async def be_silent(connection: Connection) -> None:
    await connection.receive()
    await connection.wait_closed()


async def respond_to_tls(connection: Connection) -> None:
    await connection.reader.read(1)
    await connection.send(make_response(status=400))


async def stop_in_body(connection: Connection) -> None:
    await connection.receive()
    await connection.send(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/pdf\r\nContent-Length: 100\r\n\r\n%PDF"
    )


async def respond_and_hang_up(connection: Connection) -> None:
    await connection.receive()
    await connection.send(make_response(USER))
    await connection.receive()


@describes("The environment variables are not set")
async def _no_variables() -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.delenv("DOCASSEMBLE_URL", raising=False)
        monkeypatch.delenv("DOCASSEMBLE_API_KEY", raising=False)
        AsyncDocassemble.from_env()


@describes("The base URL has no scheme")
async def _no_scheme() -> None:
    AsyncDocassemble("da.example.com", KEY)


@describes("The API key is wrong")
async def _wrong_key() -> None:
    await call_fake(get_user, prepare=lambda _: KEY)


@describes("The owner of the key lacks a privilege")
async def _no_privilege() -> None:
    await call_fake(
        lambda da: da.users.list(),
        prepare=lambda fake: fake.add_user("ada@example.com", "user").api_key,
    )


@describes("The host does not exist")
async def _wrong_host() -> None:
    def fail(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(socket, "getaddrinfo", fail)
        await call(URL)


@describes("The port is wrong, or the server is down")
async def _wrong_port() -> None:
    await call(f"http://127.0.0.1:{get_free_port()}")


@describes("`https://`, but the port has no TLS")
async def _https_to_http() -> None:
    await call_server(respond_to_tls, scheme="https")


@describes("`http://`, but the port expects TLS")
async def _http_to_https() -> None:
    await call_server(hang_up, tls=make_tls_context())


@describes("`http://`, but nginx expects TLS on the port")
async def _http_to_nginx() -> None:
    await call_server(respond_with(make_response(TLS_EXPECTED, HTML, status=400)))


@describes("The certificate is not trusted")
async def _untrusted() -> None:
    await call_server(hang_up, scheme="https", tls=make_tls_context(), verify=True)


@describes("The server redirects to another URL")
async def _redirect() -> None:
    location = "Location: https://da.example.com/api/user/7"
    await call_server(respond_with(make_response(b"", location, status=301)))


@describes("The base URL ends in `/api`")
async def _base_url_with_api() -> None:
    fake = FakeServer(url=URL)
    await call(f"{URL}/api", key=fake.api_key, transport=fake.transport())


@describes("The base URL is another site's")
async def _other_site() -> None:
    await call_server(respond_with(make_response(OTHER_PAGE, HTML, status=404)))


@describes("A proxy sends its login page")
async def _login_page() -> None:
    await call_server(respond_with(make_response(LOGIN_PAGE, HTML)))


@describes("The proxy is down")
async def _proxy_down() -> None:
    await call(URL, proxy=f"http://user:password@127.0.0.1:{get_free_port()}")


@describes("The proxy asks for a login")
async def _proxy_login() -> None:
    async with serve(respond_with(make_response(status=407))) as proxy:
        await call(URL, proxy=proxy.url)


@describes("The server does not respond in time")
async def _silent() -> None:
    await call_server(be_silent, timeout=0.05)


@describes("The connection breaks after the request")
async def _reset() -> None:
    async def use(da: AsyncDocassemble) -> None:
        await da.users.get_current()
        await da.users.create("ada@example.com")

    await call_server(respond_and_hang_up, use)


@describes("A download stops before its end")
async def _broken_download() -> None:
    await call_server(stop_in_body, lambda da: da.files.download(9).read())


@describes("A download is larger than `max_size`")
async def _large_download() -> None:
    response = make_response(b"x" * 100, "Content-Type: application/pdf")
    await call_server(respond_with(response), lambda da: da.files.download(9).read(max_size=10))


@describes("A proxy says that the server is down (502)")
async def _bad_gateway() -> None:
    await call_server(respond_with(make_response(OTHER_PAGE, HTML, status=502)))


@describes("The server asks for a longer wait than the retry policy allows (503)")
async def _long_wait() -> None:
    response = make_response(OTHER_PAGE, HTML, "Retry-After: 3600", status=503)
    await call_server(respond_with(response), attempts=3)


@describes("A proxy limits the rate (429)")
async def _rate_limited() -> None:
    response = make_response(OTHER_PAGE, HTML, "Retry-After: 60", status=429)
    await call_server(respond_with(response), attempts=3)


@describes("The server raises an exception (501)")
async def _exception() -> None:
    await call_server(respond_with(make_response(OTHER_PAGE, HTML, status=501)))


@describes("The response is compressed")
async def _compressed() -> None:
    await call_server(respond_with(make_response(b"\x1f\x8b", "Content-Encoding: gzip")))


@describes("The JSON of the response has another shape")
async def _wrong_shape() -> None:
    await call_server(respond_with(make_response(b'{"id": "seven"}')))


@describes("There is no such user")
async def _unknown_user() -> None:
    await call_fake(lambda da: da.users.get(999_999))


@describes("There is no such session")
async def _unknown_session() -> None:
    await call_fake(lambda da: da.sessions.get_variables(INTERVIEW, "nosuch"))


@describes("There is no such interview")
async def _unknown_interview() -> None:
    await call_fake(lambda da: da.sessions.start("docassemble.demo:data/questions/nosuch.yml"))


@describes("The secret of the session is wrong")
async def _wrong_secret() -> None:
    async def use(da: AsyncDocassemble) -> None:
        session = await da.sessions.start(INTERVIEW)
        await da.sessions.get_variables(INTERVIEW, session.session, secret="0123456789abcdef")

    await call_fake(use)


@describes("The feature is switched off on the server")
async def _switched_off() -> None:
    response = make_response(b"File not found", HTML, status=404)
    await call_server(respond_with(response), lambda da: da.packages.install(pip="x"))


@describes("An argument has a wrong type")
async def _wrong_argument() -> None:
    await call(URL, lambda da: da.users.get("ada@example.com"))  # type: ignore[arg-type]  # the wrong argument


@describes("The name of a variable is code")
async def _wrong_variable() -> None:
    variables = {"a[__import__('os').system('id')]": 1}
    await call(URL, lambda da: da.sessions.set_variables(INTERVIEW, "s", variables=variables))


@describes("A time limit is not a number")
async def _wrong_timeout() -> None:
    await call(URL, timeout=float("inf"))


@describes("The upload is too large for the server (413)")
async def _large_upload() -> None:
    response = make_response(OTHER_PAGE, HTML, status=413)
    await call_server(respond_with(response), lambda da: da.files.convert_to_markdown(b"x"))


@describes("The call takes longer than its total limit")
async def _total_limit() -> None:
    await call_server(be_silent, timeout=Timeouts(total=0.05))


@describes("Other calls keep all slots")
async def _no_slot() -> None:
    async def use(da: AsyncDocassemble) -> None:
        other_call = asyncio.create_task(da.users.get(7))
        await asyncio.sleep(0)
        try:
            await da.users.get(7)
        finally:
            other_call.cancel()
            await asyncio.wait([other_call])

    await call_server(be_silent, use, max_concurrency=1, timeout=Timeouts(pool=0.05))


@describes("The client is closed")
async def _closed() -> None:
    da = AsyncDocassemble(URL, KEY)
    await da.aclose()
    await da.users.get(7)


@describes("The server restarts a list from its first page")
async def _repeated_page() -> None:
    async def use(da: AsyncDocassemble) -> None:
        async for _ in da.users.list():
            pass

    page = make_response(b'{"items": [], "next_id": "MTA0"}')
    await call_server(respond_with(page, page), use)


@describes("The installation of a package fails")
async def _failed_task() -> None:
    async def use(da: AsyncDocassemble) -> None:
        await da.wait_for_task(await da.packages.install(pip="docassemble.nosuch"))

    await call_fake(use)


@describes("An interview asks for an answer that you did not pass")
async def _missing_answer() -> None:
    await call_fake(lambda da: da.interview(INTERVIEW).assemble({"target_variable": "Leek"}))


async def provoke(situation: Situation) -> DocassembleError:
    """Return the error of a situation."""
    async with asyncio.timeout(HANG_SECONDS):
        try:
            await situation()
        except DocassembleError as error:
            return error
    message = "the situation ended without an error"
    raise AssertionError(message)


def format_row(title: str, error: DocassembleError) -> str:
    """Format a row of the table, with example ports."""
    text = re.sub(r"(proxy 127\.0\.0\.1):\d+", rf"\1:{EXAMPLE_PROXY_PORT}", str(error))
    # The name of status 413 up to Python 3.12.
    text = text.replace("Request Entity Too Large", "Content Too Large")
    text = re.sub(r"(?<!proxy )127\.0\.0\.1:\d+", f"127.0.0.1:{EXAMPLE_PORT}", text)
    return f"| {title} | `{type(error).__name__}` | {text.replace('|', chr(92) + '|')} |"

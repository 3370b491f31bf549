"""Secrets never appear in output: marked secrets take every path, and all output is searched."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import httpx
import pytest

from codegen.__main__ import read
from docassemble_client import (
    AsyncDocassemble,
    DocassembleError,
    JSONReply,
    Secret,
    UsageError,
)
from tests.canary import Canary, capture_output
from tests.raw_server import (
    HANG_SECONDS,
    NO_RETRIES,
    Connection,
    RawServer,
    clear_proxies,
    make_response,
    never_respond,
    serve,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.raw_server import Script

    Call: TypeAlias = Callable[[AsyncDocassemble, Canary], Awaitable[Any]]

direct = pytest.fixture(autouse=True)(clear_proxies)

SPEC = read(Path(__file__).parents[1] / "spec")
I = "docassemble.demo:data/questions/questions.yml"  # noqa: E741 - as the API calls it


@pytest.fixture
def canary() -> Canary:
    return Canary()


async def attempt(server: RawServer, canary: Canary, call: Call, **options: Any) -> Any:
    """Make a call with a marked key, and collect its output."""
    options = {"retry": NO_RETRIES, "timeout": HANG_SECONDS, "verify": False, **options}
    async with AsyncDocassemble(server.url, canary(), **options) as da:
        canary.show(da)
        canary.show(da._get_executor())
        try:
            result = await call(da, canary)
        except DocassembleError as error:
            canary.show_error(error)
            return error
        # JSON that an interview sends is the caller's data, so its repr shows it.
        if not isinstance(result, JSONReply):
            canary.show(result)
        return result


def run_call(script: Script, canary: Canary, call: Call, **options: Any) -> tuple[Any, RawServer]:
    async def scenario() -> tuple[Any, RawServer]:
        async with serve(script) as server:
            return await attempt(server, canary, call, **options), server

    with capture_output(canary):
        return asyncio.run(scenario())


def build_question(canary: Canary) -> Any:
    operation = next(op for op in SPEC.operations if op.full_name == "sessions.get_question")
    question = dict(operation.example["response"]["json"])
    field = {"number": 0, "active": True, "datatype": "password", "default": canary()}
    return {**question, "fields": [field], "a_new_key": canary()}


def build_session(canary: Canary) -> Any:
    return {"i": I, "session": "s", "secret": canary(), "encrypted": True}


def build_task(_: Canary) -> Any:
    return {"task_id": "abc"}


# Each call, and the content of a successful response.
CALLS: dict[str, tuple[Call, Callable[[Canary], Any]]] = {
    "users.get_secret": (lambda da, c: da.users.get_secret("j@example.com", c()), lambda c: c()),
    "users.create": (
        lambda da, c: da.users.create("j@example.com", password=Secret(c())),
        lambda c: {"user_id": 1, "password": c()},
    ),
    "sessions.start": (
        lambda da, c: da.sessions.start(I, secret=c(), url_args={"token": c()}),
        build_session,
    ),
    "sessions.set_variables": (
        lambda da, c: da.sessions.set_variables(I, "s", secret=c(), variables={"ssn": c()}),
        build_question,
    ),
    "with files": (
        lambda da, c: da.sessions.set_variables(
            I, "s", secret=Secret(c()), variables={"ssn": c()}, files={"a": c().encode()}
        ),
        build_question,
    ),
    "sessions.get_question": (
        lambda da, c: da.sessions.get_question(I, "s", secret=c()),
        build_question,
    ),
    "server.get_config": (
        lambda da, _: da.server.get_config(),
        lambda c: {"db": {"password": c()}, "secretkey": c(), "list": [c()]},
    ),
    "server.update_config": (
        lambda da, c: da.server.update_config({"db": {"password": c()}}),
        build_task,
    ),
    "stash.store": (
        lambda da, c: da.stash.store({"ssn": c()}),
        lambda c: {"stash_key": "abc", "secret": c()},
    ),
    "stash.retrieve": (
        lambda da, c: da.stash.retrieve("abc", c()),
        lambda c: {"ssn": c(), "more": [{"a": c()}]},
    ),
    "api_keys.create": (lambda da, _: da.api_keys.create("new"), lambda c: c()),
    "api_keys.delete": (lambda da, c: da.api_keys.delete(c()), lambda c: c()),
    "links.create_login_url": (
        lambda da, c: da.links.create_login_url("j@example.com", c(), url_args={"a": c()}),
        lambda c: f"https://da.example.com/auto_login?key={c()}",
    ),
    "request": (
        lambda da, c: da.request(
            "POST", "/x", params={"a": c()}, json={"b": c()}, headers={"X-Token": c()}
        ),
        lambda c: {"a": c()},
    ),
    "files.download": (lambda da, c: da.files.download(17, filename=c()), lambda c: c()),
}

HTML = "Content-Type: text/html; charset=utf-8"
TEXT = "Content-Type: text/plain"


def _build_malformed_head(canary: Canary) -> bytes:
    tokens = canary.all_tokens
    return make_response(b"{}", f"Set-Session: a\r\n {tokens}\r\nnonsense {tokens}")


def _build_redirect(canary: Canary) -> bytes:
    token, tokens = canary.tokens[0], canary.all_tokens
    location = f"https://{token}:{token}@sso.example/in?{tokens}#{tokens}"
    return make_response(b"", f"Location: {location}", status=302)


# Failed responses, which contain all secrets so far.
FAILURES: dict[str, Callable[[Canary], bytes]] = {
    "400 text": lambda c: make_response(f"Bad: {c.all_tokens}".encode(), TEXT, status=400),
    "401 json": lambda c: make_response(json.dumps({"error": c.all_tokens}).encode(), status=401),
    "403 known": lambda c: make_response(
        b"Access denied.", f"X-Why: {c.all_tokens}", TEXT, status=403
    ),
    "501 page": lambda c: make_response(f"<pre>{c.all_tokens}</pre>".encode(), HTML, status=501),
    "400 known": lambda c: make_response(
        f"Error reading config file: {c.all_tokens}".encode(), TEXT, status=400
    ),
    "reason": lambda c: make_response(b"", status=599).replace(b"Whatever", c.all_tokens.encode()),
    "invalid json": lambda c: make_response(f'{{"a": "{c.all_tokens}'.encode()),
    "not a number": lambda c: make_response(f'{{"a": "{c.all_tokens}", "b": NaN}}'.encode()),
    "wrong type": lambda c: make_response(json.dumps([c.all_tokens, {c.all_tokens: 1}]).encode()),
    "wrong values": lambda c: make_response(
        json.dumps({name: [c.all_tokens] for name in ("user_id", "secret", "task_id")}).encode()
    ),
    "page": lambda c: make_response(f"<html>{c.all_tokens}".encode(), HTML),
    "unknown status": lambda c: make_response(c.all_tokens.encode(), TEXT, status=299),
    "broken gzip": lambda c: make_response(c.all_tokens.encode(), "Content-Encoding: gzip"),
    "truncated": lambda c: make_response(c.all_tokens.encode()).replace(
        b"Content-Length: ", b"Content-Length: 9"
    ),
    "malformed head": _build_malformed_head,
    "not http": lambda c: c.all_tokens.encode() + b"\r\n\r\n",
    "closed": lambda _: b"",
    "redirect": _build_redirect,
    "malformed redirect": lambda c: make_response(
        b"", f"Location: https:{c.tokens[0]}@x", status=307
    ),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_success_shows_no_secret(name: str, canary: Canary, http: str) -> None:
    """Secrets in the request and the response only appear on deliberate access."""
    call, build_content = CALLS[name]

    async def script(connection: Connection) -> None:
        await connection.receive()
        content = json.dumps(build_content(canary)).encode()
        status = 204 if name == "api_keys.delete" else 200
        cookie = f"Set-Cookie: session={canary()}; HttpOnly"
        body = b"" if status == 204 else content
        await connection.send(make_response(body, cookie, status=status))

    result, server = run_call(script, canary, call)

    assert not isinstance(result, Exception)
    assert server.requests[0].headers["x-api-key"] == canary.tokens[0]
    # The logs of the HTTP library and of the client are included.
    library = {"httpx": "httpcore.http11", "httpx2": "httpcore2.http11"}[http]
    assert {library, "docassemble_client", "application"} <= canary.loggers
    assert canary.find_leaks() == []


@pytest.mark.parametrize(
    ("name", "failure", "reveal"),
    [
        ("users.get_secret", None, lambda secret: secret.reveal()),
        ("users.create", None, lambda user: user.password.reveal()),
        ("server.get_config", None, lambda config: config["secretkey"]),
        ("request", None, lambda response: response.text),
        ("files.download", None, lambda file: file.text),
        ("stash.retrieve", "400 text", lambda error: error.body),
        ("stash.retrieve", "401 json", lambda error: error.body["error"]),
        ("stash.retrieve", "invalid json", lambda error: error.content.decode()),
    ],
)
def test_deliberate_access_returns_secrets(
    name: str, failure: str | None, reveal: Callable[[Any], str], canary: Canary
) -> None:
    """The secrets did arrive, and deliberate access returns them."""

    async def script(connection: Connection) -> None:
        await connection.receive()
        content = json.dumps(CALLS[name][1](canary)).encode()
        await connection.send(FAILURES[failure](canary) if failure else make_response(content))

    result, _ = run_call(script, canary, CALLS[name][0])

    assert any(token in reveal(result) for token in canary.tokens)


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("name", CALLS)
def test_a_failure_shows_no_secret(name: str, failure: str, canary: Canary) -> None:
    """A server that repeats all secrets in a failed response does not make them appear."""

    async def script(connection: Connection) -> None:
        await connection.receive()
        cookie = f"\r\nSet-Cookie: session={canary()}\r\n\r\n".encode()
        await connection.send(FAILURES[failure](canary).replace(b"\r\n\r\n", cookie, 1))

    run_call(script, canary, CALLS[name][0])

    assert len(canary.tokens) >= 2
    assert canary.find_leaks() == []


async def abort(connection: Connection) -> None:
    connection.writer.transport.abort()


@pytest.mark.parametrize(("script", "timeout"), [(abort, HANG_SECONDS), (never_respond, 0.02)])
@pytest.mark.parametrize("name", CALLS)
def test_a_broken_connection_shows_no_secret(
    name: str, script: Script, timeout: float, canary: Canary
) -> None:
    """Without a response, the error names the call, but not its arguments."""
    error, _ = run_call(script, canary, CALLS[name][0], timeout=timeout)

    assert isinstance(error, DocassembleError)
    assert canary.find_leaks() == []


def _build_failing_call(error_class: type[Exception]) -> Call:
    async def call(_: AsyncDocassemble, canary: Canary) -> Any:
        def fail(request: httpx.Request) -> httpx.Response:
            message = f"{request.url} {request.headers} {canary.all_tokens}"
            raise error_class(message)

        transport = httpx.MockTransport(fail)
        async with AsyncDocassemble("http://x.example", canary(), transport=transport) as da:
            return await da.stash.retrieve("abc", canary(), retry=NO_RETRIES)

    return call


@pytest.mark.parametrize(
    "error_class",
    [httpx.ReadError, httpx.ReadTimeout, httpx.LocalProtocolError, httpx.DecodingError, OSError],
)
def test_errors_of_the_http_library_show_no_secret(
    error_class: type[Exception], canary: Canary
) -> None:
    """The client does not repeat messages of the HTTP library."""
    error, _ = run_call(never_respond, canary, _build_failing_call(error_class))

    assert isinstance(error, DocassembleError)
    assert canary.find_leaks() == []


class Unserializable:
    """A value that JSON does not support and whose repr contains a secret."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


# The client is typed as Any, because type checkers refuse most of these calls.
INVALID_CALLS: dict[str, Callable[[Any, Canary], Any]] = {
    "wrong type": lambda da, c: da.server.update_config(c()),
    "wrong number": lambda da, c: da.users.get(c()),
    "wrong choice": lambda da, c: da.users.delete(7, c()),
    "variable name": lambda da, c: da.sessions.set_variables(I, "s", variables={f"{c()}\n": 1}),
    "not JSON": lambda da, c: da.stash.store({"a": Unserializable(c())}),
    "surrogate": lambda da, c: da.stash.store({"a": f"{c()}\udc80"}),
    "surrogate in a query": lambda da, c: da.users.get_secret("j", f"{c()}\udc80"),
    "reserved name": lambda da, c: da.sessions.start(I, url_args={"key": c()}),
    "invalid name": lambda da, c: da.sessions.start(I, url_args={f"{c()}!": c()}),
    "missing file": lambda da, c: da.files.convert_to_markdown(f"/nowhere/{c()}"),
    "invalid secret": lambda da, c: da.users.get_secret("j", [c()]),
    "header": lambda da, c: da.request("GET", "/x", headers={"X-API-Key": c()}),
    "invalid header": lambda da, c: da.request("GET", "/x", headers={"X-A": f"{c()}\n"}),
    "query in a path": lambda da, c: da.request("GET", f"/x?{c()}"),
    "long query": lambda da, c: da.request("GET", "/x", params={"a": c() * 3000}),
    "key in json": lambda da, c: da.request("POST", "/x", json={"key": c()}),
    "url": lambda _, c: AsyncDocassemble(f"https://user:{c()}@da.example.com", c()),
    "invalid url": lambda _, c: AsyncDocassemble(f"https://[{c()}", c()),
    "key": lambda _, c: AsyncDocassemble("https://da.example.com", f"{c()}\n"),
    "proxy": lambda _, c: AsyncDocassemble(
        "https://da.example.com", c(), proxy=f"nothing://u:{c()}@p"
    ).users.get_current(),
    "certificate": lambda _, c: AsyncDocassemble(
        "https://da.example.com", c(), verify=f"/nowhere/{c()}"
    ).users.get_current(),
}


@pytest.mark.parametrize("name", INVALID_CALLS)
def test_an_invalid_call_shows_no_secret(name: str, canary: Canary) -> None:
    """The error describes the argument without repeating its value."""

    async def call(da: AsyncDocassemble, canary: Canary) -> Any:
        return await INVALID_CALLS[name](da, canary)

    error, server = run_call(never_respond, canary, call)

    assert isinstance(error, UsageError)
    assert server.requests == []
    assert canary.find_leaks() == []

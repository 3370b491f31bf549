"""Secrets never appear in output: marked secrets take every path, and all output is searched."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from codegen.__main__ import read
from docassemble_client import AsyncDocassemble, DocassembleError, RetryEvent, Secret
from tests.canary import WIRE_LOGGERS, Canary, run_call
from tests.raw_server import (
    HANG_SECONDS,
    NO_DELAY,
    NO_RETRIES,
    Connection,
    clear_proxies,
    make_response,
    never_respond,
    respond_with,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.canary import Call
    from tests.raw_server import Script

pytestmark = pytest.mark.sockets

direct = pytest.fixture(autouse=True)(clear_proxies)

SPEC = read(Path(__file__).parents[1] / "spec")
I = "docassemble.demo:data/questions/questions.yml"  # noqa: E741 - as the API calls it


@pytest.fixture
def canary() -> Canary:
    return Canary()


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
    "headers of a call": (
        lambda da, c: da.stash.retrieve("abc", c(), headers={"X-Call": c()}),
        lambda c: {"ssn": c()},
    ),
    "headers of a list": (
        lambda da, c: da.users.list(headers={"X-Call": c()}),
        lambda _: {"items": [], "next_id": None},
    ),
    "headers of a file": (
        lambda da, c: da.files.download(17, headers={"X-Call": c()}),
        lambda c: c(),
    ),
    "with_response": (
        lambda da, c: da.with_response(da.stash.retrieve("abc", c())),
        lambda c: {"ssn": c()},
    ),
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
    "compressed": lambda c: make_response(b"", f"Content-Encoding: gzip, {c.tokens[-1]}"),
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
async def test_a_success_shows_no_secret(name: str, canary: Canary) -> None:
    """Secrets in the request and the response only appear on deliberate access."""
    call, build_content = CALLS[name]

    async def script(connection: Connection) -> None:
        await connection.receive()
        content = json.dumps(build_content(canary)).encode()
        status = 204 if name == "api_keys.delete" else 200
        cookie = f"Set-Cookie: session={canary()}; HttpOnly"
        body = b"" if status == 204 else content
        await connection.send(make_response(body, cookie, status=status))

    result, server = await run_call(script, canary, call)

    assert not isinstance(result, Exception)
    names = ("x-client", "x-api-key", "x-view")
    sent = [server.requests[0].headers[name] for name in names]
    assert sent == [canary.tokens[0], canary.tokens[4], canary.tokens[3]]
    assert {"docassemble_client", "application"} <= canary.loggers
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
async def test_deliberate_access_returns_secrets(
    name: str, failure: str | None, reveal: Callable[[Any], str], canary: Canary
) -> None:
    """The secrets did arrive, and deliberate access returns them."""

    async def script(connection: Connection) -> None:
        await connection.receive()
        content = json.dumps(CALLS[name][1](canary)).encode()
        await connection.send(FAILURES[failure](canary) if failure else make_response(content))

    result, _ = await run_call(script, canary, CALLS[name][0])

    assert any(token in reveal(result) for token in canary.tokens)


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("name", CALLS)
async def test_a_failure_shows_no_secret(name: str, failure: str, canary: Canary) -> None:
    """A server that repeats all secrets in a failed response does not make them appear."""

    async def script(connection: Connection) -> None:
        await connection.receive()
        cookie = f"\r\nSet-Cookie: session={canary()}\r\n\r\n".encode()
        await connection.send(FAILURES[failure](canary).replace(b"\r\n\r\n", cookie, 1))

    await run_call(script, canary, CALLS[name][0])

    assert len(canary.tokens) >= 2
    assert canary.find_leaks() == []


async def abort(connection: Connection) -> None:
    connection.writer.transport.abort()


@pytest.mark.parametrize(("script", "timeout"), [(abort, HANG_SECONDS), (never_respond, 0.02)])
@pytest.mark.parametrize("name", CALLS)
async def test_a_broken_connection_shows_no_secret(
    name: str, script: Script, timeout: float, canary: Canary
) -> None:
    """Without a response, the error names the call, but not its arguments."""
    error, _ = await run_call(script, canary, CALLS[name][0], timeout=timeout)

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


async def test_a_retry_shows_no_secret(canary: Canary) -> None:
    """Each retry is an event and a warning in the log."""
    kinds: list[object] = []

    async def call(da: AsyncDocassemble, canary: Canary) -> Any:
        def show(event: object) -> None:
            kinds.append(type(event))
            canary.show(event)

        responses.append(make_response(canary.all_tokens.encode(), TEXT, status=503))
        responses.append(make_response(json.dumps(canary()).encode()))
        view = da.with_options(on_event=show)
        return await view.users.get_secret("j@example.com", canary(), retry=NO_DELAY)

    async def script(connection: Connection) -> None:
        await respond_with(*responses)(connection)

    responses: list[bytes] = []
    _, server = await run_call(script, canary, call)

    assert len(server.requests) == 2
    assert RetryEvent in kinds
    assert any("next in 0.0 s" in text for text in canary.outputs)
    assert canary.find_leaks() == []


async def test_loggers_of_other_packages_are_left_alone(
    canary: Canary, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call changes no logger; at INFO, the loggers of the HTTP library show no secret."""

    async def call(da: AsyncDocassemble, canary: Canary) -> Any:
        for method in ("addFilter", "addHandler", "setLevel"):
            monkeypatch.setattr(logging.Logger, method, None)
        try:
            return await da.users.get_secret("j@example.com", canary())
        finally:
            monkeypatch.undo()

    # A block of the guide, run in the same process, sets one of them.
    levels = [logging.getLogger(name).level for name in WIRE_LOGGERS]
    result, _ = await run_call(respond_with(make_response(b'"abc"')), canary, call)

    assert isinstance(result, Secret)
    assert [logging.getLogger(name).level for name in WIRE_LOGGERS] == levels
    assert canary.find_leaks() == []


@pytest.mark.parametrize(
    "error_class",
    [httpx.ReadError, httpx.ReadTimeout, httpx.LocalProtocolError, httpx.DecodingError, OSError],
)
async def test_errors_of_the_http_library_show_no_secret(
    error_class: type[Exception], canary: Canary
) -> None:
    """The client does not repeat messages of the HTTP library."""
    error, _ = await run_call(never_respond, canary, _build_failing_call(error_class))

    assert isinstance(error, DocassembleError)
    assert canary.find_leaks() == []

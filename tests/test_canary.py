"""No secret shows anywhere: marked ones take every path, and all that is shown is read."""

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
from tests.canary import Canary, watched
from tests.raw_server import ONCE, PATIENCE, Connection, RawServer, go_direct, reply, serve, silent

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.raw_server import Script

    Call: TypeAlias = Callable[[AsyncDocassemble, Canary], Awaitable[Any]]

direct = pytest.fixture(autouse=True)(go_direct)

SPEC = read(Path(__file__).parents[1] / "spec")
I = "docassemble.demo:data/questions/questions.yml"  # noqa: E741 - as the API calls it


@pytest.fixture
def canary() -> Canary:
    return Canary()


async def attempt(server: RawServer, canary: Canary, call: Call, **options: Any) -> Any:
    """Make the call with a marked key, and show what comes of it."""
    options = {"retry": ONCE, "timeout": PATIENCE, "verify": False, **options}
    async with AsyncDocassemble(server.url, canary(), **options) as da:
        canary.show(da)
        canary.show(da._start())
        try:
            result = await call(da, canary)
        except DocassembleError as error:
            canary.fail(error)
            return error
        # What an interview answers as JSON of its own is data to read, and shows itself.
        if not isinstance(result, JSONReply):
            canary.show(result)
        return result


def watch(script: Script, canary: Canary, call: Call, **options: Any) -> tuple[Any, RawServer]:
    async def scenario() -> tuple[Any, RawServer]:
        async with serve(script) as server:
            return await attempt(server, canary, call, **options), server

    with watched(canary):
        return asyncio.run(scenario())


def question(canary: Canary) -> Any:
    example = next(one for one in SPEC.operations if one.full_name == "sessions.get_question")
    answer = dict(example.example["response"]["json"])
    hidden = {"number": 0, "active": True, "datatype": "password", "default": canary()}
    return {**answer, "fields": [hidden], "a_new_key": canary()}


def session(canary: Canary) -> Any:
    return {"i": I, "session": "s", "secret": canary(), "encrypted": True}


def task(_: Canary) -> Any:
    return {"task_id": "abc"}


# What is called, and what a good answer to it is.
CALLS: dict[str, tuple[Call, Callable[[Canary], Any]]] = {
    "users.get_secret": (lambda da, c: da.users.get_secret("j@example.com", c()), lambda c: c()),
    "users.create": (
        lambda da, c: da.users.create("j@example.com", password=Secret(c())),
        lambda c: {"user_id": 1, "password": c()},
    ),
    "sessions.start": (
        lambda da, c: da.sessions.start(I, secret=c(), url_args={"token": c()}),
        session,
    ),
    "sessions.set_variables": (
        lambda da, c: da.sessions.set_variables(I, "s", secret=c(), variables={"ssn": c()}),
        question,
    ),
    "with files": (
        lambda da, c: da.sessions.set_variables(
            I, "s", secret=Secret(c()), variables={"ssn": c()}, files={"a": c().encode()}
        ),
        question,
    ),
    "sessions.get_question": (
        lambda da, c: da.sessions.get_question(I, "s", secret=c()),
        question,
    ),
    "server.get_config": (
        lambda da, _: da.server.get_config(),
        lambda c: {"db": {"password": c()}, "secretkey": c(), "list": [c()]},
    ),
    "server.update_config": (
        lambda da, c: da.server.update_config({"db": {"password": c()}}),
        task,
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


def _broken_head(canary: Canary) -> bytes:
    return reply(b"{}", f"Set-Session: a\r\n {canary.any}\r\nnonsense {canary.any}")


# What the server answers instead: it tells all it knows.
ENDINGS: dict[str, Callable[[Canary], bytes]] = {
    "400 text": lambda c: reply(f"Bad: {c.any}".encode(), TEXT, status=400),
    "401 json": lambda c: reply(json.dumps({"error": c.any}).encode(), status=401),
    "403 known": lambda c: reply(b"Access denied.", f"X-Why: {c.any}", TEXT, status=403),
    "501 page": lambda c: reply(f"<pre>{c.any}</pre>".encode(), HTML, status=501),
    "400 known": lambda c: reply(f"Error reading config file: {c.any}".encode(), TEXT, status=400),
    "reason": lambda c: reply(b"", status=599).replace(b"Whatever", c.any.encode()),
    "no json": lambda c: reply(f'{{"a": "{c.any}'.encode()),
    "not a number": lambda c: reply(f'{{"a": "{c.any}", "b": NaN}}'.encode()),
    "wrong type": lambda c: reply(json.dumps([c.any, {c.any: 1}]).encode()),
    "wrong values": lambda c: reply(
        json.dumps({name: [c.any] for name in ("user_id", "secret", "task_id")}).encode()
    ),
    "page": lambda c: reply(f"<html>{c.any}".encode(), HTML),
    "unknown status": lambda c: reply(c.any.encode(), TEXT, status=299),
    "broken gzip": lambda c: reply(c.any.encode(), "Content-Encoding: gzip"),
    "broken off": lambda c: reply(c.any.encode()).replace(
        b"Content-Length: ", b"Content-Length: 9"
    ),
    "broken head": _broken_head,
    "no http": lambda c: c.any.encode() + b"\r\n\r\n",
    "closed": lambda _: b"",
    "redirect": lambda c: reply(
        b"", f"Location: https://{c.made[0]}:{c.made[0]}@sso.example/in?{c.any}#{c.any}", status=302
    ),
    "odd redirect": lambda c: reply(b"", f"Location: https:{c.made[0]}@x", status=307),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_success_shows_no_secret(name: str, canary: Canary, http: str) -> None:
    """What is sent and what comes back shows only where it is asked for."""
    call, answer = CALLS[name]

    async def script(connection: Connection) -> None:
        await connection.receive()
        content = json.dumps(answer(canary)).encode()
        status = 204 if name == "api_keys.delete" else 200
        cookie = f"Set-Cookie: session={canary()}; HttpOnly"
        await connection.send(reply(b"" if status == 204 else content, cookie, status=status))

    result, server = watch(script, canary, call)

    assert not isinstance(result, Exception)
    assert server.received[0].headers["x-api-key"] == canary.made[0]
    # The library's own log and the client's were read too.
    library = {"httpx": "httpcore.http11", "httpx2": "httpcore2.http11"}[http]
    assert {library, "docassemble_client", "application"} <= canary.loggers
    assert canary.leaks() == []


@pytest.mark.parametrize(
    ("name", "ending", "reveal"),
    [
        ("users.get_secret", None, lambda secret: secret.reveal()),
        ("users.create", None, lambda user: user.password.reveal()),
        ("server.get_config", None, lambda config: config["secretkey"]),
        ("request", None, lambda response: response.text),
        ("files.download", None, lambda file: file.text),
        ("stash.retrieve", "400 text", lambda error: error.body),
        ("stash.retrieve", "401 json", lambda error: error.body["error"]),
        ("stash.retrieve", "no json", lambda error: error.content.decode()),
    ],
)
def test_a_secret_is_there_for_who_asks(
    name: str, ending: str | None, reveal: Callable[[Any], str], canary: Canary
) -> None:
    """The secrets did arrive, and deliberate access brings them."""

    async def script(connection: Connection) -> None:
        await connection.receive()
        good = json.dumps(CALLS[name][1](canary)).encode()
        await connection.send(ENDINGS[ending](canary) if ending else reply(good))

    result, _ = watch(script, canary, CALLS[name][0])

    assert any(one in reveal(result) for one in canary.made)


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("name", CALLS)
def test_a_failure_shows_no_secret(name: str, ending: str, canary: Canary) -> None:
    """A server that repeats all secrets in its answer, of any kind, makes none of them show."""

    async def script(connection: Connection) -> None:
        await connection.receive()
        cookie = f"\r\nSet-Cookie: session={canary()}\r\n\r\n".encode()
        await connection.send(ENDINGS[ending](canary).replace(b"\r\n\r\n", cookie, 1))

    watch(script, canary, CALLS[name][0])

    assert len(canary.made) >= 2
    assert canary.leaks() == []


async def refused(connection: Connection) -> None:
    connection.writer.transport.abort()


@pytest.mark.parametrize(("script", "timeout"), [(refused, PATIENCE), (silent, 0.02)])
@pytest.mark.parametrize("name", CALLS)
def test_a_broken_connection_shows_no_secret(
    name: str, script: Script, timeout: float, canary: Canary
) -> None:
    """Where no answer comes, the error tells which call failed and not with what."""
    error, _ = watch(script, canary, CALLS[name][0], timeout=timeout)

    assert isinstance(error, DocassembleError)
    assert canary.leaks() == []


def _library_error(kind: type[Exception]) -> Call:
    async def call(_: AsyncDocassemble, canary: Canary) -> Any:
        def fail(request: httpx.Request) -> httpx.Response:
            message = f"{request.url} {request.headers} {canary.any}"
            raise kind(message)

        transport = httpx.MockTransport(fail)
        async with AsyncDocassemble("http://x.example", canary(), transport=transport) as da:
            return await da.stash.retrieve("abc", canary(), retry=ONCE)

    return call


@pytest.mark.parametrize(
    "kind",
    [httpx.ReadError, httpx.ReadTimeout, httpx.LocalProtocolError, httpx.DecodingError, OSError],
)
def test_the_librarys_errors_show_no_secret(kind: type[Exception], canary: Canary) -> None:
    """What the HTTP library says in its own errors is not repeated."""
    error, _ = watch(silent, canary, _library_error(kind))

    assert isinstance(error, DocassembleError)
    assert canary.leaks() == []


class Odd:
    """A value JSON does not know, which shows a secret."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


# Any, as type checkers refuse most of this too.
REFUSED: dict[str, Callable[[Any, Canary], Any]] = {
    "wrong type": lambda da, c: da.server.update_config(c()),
    "wrong number": lambda da, c: da.users.get(c()),
    "wrong choice": lambda da, c: da.users.delete(7, c()),
    "variable name": lambda da, c: da.sessions.set_variables(I, "s", variables={f"{c()}\n": 1}),
    "no JSON": lambda da, c: da.stash.store({"a": Odd(c())}),
    "surrogate": lambda da, c: da.stash.store({"a": f"{c()}\udc80"}),
    "surrogate in a query": lambda da, c: da.users.get_secret("j", f"{c()}\udc80"),
    "the name of the key": lambda da, c: da.sessions.start(I, url_args={"key": c()}),
    "an odd name": lambda da, c: da.sessions.start(I, url_args={f"{c()}!": c()}),
    "no file": lambda da, c: da.files.convert_to_markdown(f"/nowhere/{c()}"),
    "no secret": lambda da, c: da.users.get_secret("j", [c()]),
    "header": lambda da, c: da.request("GET", "/x", headers={"X-API-Key": c()}),
    "odd header": lambda da, c: da.request("GET", "/x", headers={"X-A": f"{c()}\n"}),
    "query in a path": lambda da, c: da.request("GET", f"/x?{c()}"),
    "long query": lambda da, c: da.request("GET", "/x", params={"a": c() * 3000}),
    "key in json": lambda da, c: da.request("POST", "/x", json={"key": c()}),
    "url": lambda _, c: AsyncDocassemble(f"https://user:{c()}@da.example.com", c()),
    "odd url": lambda _, c: AsyncDocassemble(f"https://[{c()}", c()),
    "key": lambda _, c: AsyncDocassemble("https://da.example.com", f"{c()}\n"),
    "proxy": lambda _, c: AsyncDocassemble(
        "https://da.example.com", c(), proxy=f"nothing://u:{c()}@p"
    ).users.get_current(),
    "certificate": lambda _, c: AsyncDocassemble(
        "https://da.example.com", c(), verify=f"/nowhere/{c()}"
    ).users.get_current(),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_refused_call_shows_no_secret(name: str, canary: Canary) -> None:
    """What is wrong with an argument is said without repeating the argument."""

    async def call(da: AsyncDocassemble, canary: Canary) -> Any:
        return await REFUSED[name](da, canary)

    error, server = watch(silent, canary, call)

    assert isinstance(error, UsageError)
    assert server.received == []
    assert canary.leaks() == []

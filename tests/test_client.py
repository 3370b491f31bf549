"""The client: what it is made of, how long it lives, and its way to call anything else."""

from __future__ import annotations

import asyncio
import pickle
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from docassemble_client import (
    AccessDenied,
    AsyncDocassemble,
    RedirectRefused,
    Response,
    Secret,
    ServerError,
    Timeouts,
    UsageError,
)
from docassemble_client.operations import OPERATIONS
from tests.raw_server import AT_ONCE, KEY, ONCE, USER

if TYPE_CHECKING:
    from collections.abc import Callable

URL = "https://da.example.com"


@pytest.mark.parametrize(
    "base_url",
    [
        "",
        "   ",
        "\n",
        "da.example.com",
        "//da.example.com",
        "/api",
        "https://",
        "https:da.example.com",
        "https:///api",
        "https://:8080",
        "ftp://da.example.com",
        "file:///etc/passwd",
        "https://user@da.example.com",
        "https://user:hunter2@da.example.com",
        "https://da.example.com?hunter2",
        "https://da.example.com/?",
        "https://da.example.com/#hunter2",
        "https://da.example.com/#",
        "https://da.example.com\r\nX: y",
        "https://da.example.com/a b",
        " https://da.example.com",
        "https://da.example.com\n",
        "https://da.example\x00.com",
        "https://da.example.com/\udc80",
        "https://da.example.com:99999",
        "https://da.example.com:-1",
        "https://da.example.com:0",
        "https://da.example.com:port",
        "https://[da.example.com",
        "https://a\u2100.example",
    ],
)
def test_an_address_that_cannot_work_is_refused(base_url: str) -> None:
    """What is no address of a server, or holds more than one, is refused and not repeated."""
    with pytest.raises(UsageError, match="base_url") as caught:
        AsyncDocassemble(base_url, KEY)

    assert "https://da.example.com" in caught.value.hint
    assert "hunter2" not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_a_public_address_is_checked_likewise() -> None:
    """The error names the argument; both addresses can be read, without a slash at their end."""
    da = AsyncDocassemble("http://10.0.0.5:81/", KEY, public_url="https://forms.example.org/")

    assert (da.base_url, da.public_url) == ("http://10.0.0.5:81", "https://forms.example.org")
    with pytest.raises(UsageError, match="public_url lacks a scheme"):
        AsyncDocassemble("http://10.0.0.5:81", KEY, public_url="forms.example.org")


@pytest.mark.parametrize(
    ("base_url", "shown"),
    [
        ("https://da.example.com", "https://da.example.com"),
        ("https://da.example.com/", "https://da.example.com"),
        ("https://da.example.com/da//", "https://da.example.com/da"),
        ("HTTP://127.0.0.1:8080", "HTTP://127.0.0.1:8080"),
        ("http://[::1]:80/x@y", "http://[::1]:80/x@y"),
    ],
)
def test_a_client_shows_its_address_and_no_more(base_url: str, shown: str) -> None:
    """A client shows its address without the last slash, and never its key."""
    da = AsyncDocassemble(base_url, KEY)

    assert repr(da) == str(da) == f"AsyncDocassemble({shown!r})"


@pytest.mark.parametrize(
    "api_key", ["", " ", "hunter2\n", "hunt er2", "\thunter2", "hünter2", "hunter2\u200b", "h\x00"]
)
@pytest.mark.parametrize("kind", [str, Secret])
def test_a_key_that_cannot_work_is_refused(api_key: str, kind: Callable[[str], Any]) -> None:
    """A key that is empty or was not copied cleanly is refused without showing it."""
    with pytest.raises(UsageError, match="api_key") as caught:
        AsyncDocassemble(URL, kind(api_key))

    assert caught.value.hint
    assert "hunter2" not in repr(caught.value) + str(caught.value)


@pytest.mark.parametrize("transport", ["urllib", "", None, httpx.HTTPTransport, object()])
def test_an_unknown_transport_is_refused(transport: Any) -> None:
    """A transport is known by its name or is an asynchronous one of httpx."""
    given = transport() if isinstance(transport, type) else transport

    with pytest.raises(UsageError, match="transport must be"):
        AsyncDocassemble(URL, KEY, transport=given)


@pytest.mark.parametrize("limit", [0, -1, True, False, 1.5, "10", None])
def test_a_limit_of_requests_is_a_whole_number(limit: Any) -> None:
    """At least one request must be allowed, and a number that is none is no limit."""
    with pytest.raises(UsageError, match="max_concurrency"):
        AsyncDocassemble(URL, KEY, max_concurrency=limit)


@pytest.mark.parametrize("timeout", [-1, float("nan"), "5", object()])
def test_a_timeout_that_cannot_be_is_refused(timeout: Any) -> None:
    """A wrong limit is found when the client is made, not at its first call."""
    with pytest.raises(UsageError, match="timeout"):
        AsyncDocassemble(URL, KEY, timeout=timeout)


@pytest.mark.parametrize(
    ("environment", "missing"),
    [
        ({}, ["DOCASSEMBLE_URL", "DOCASSEMBLE_API_KEY"]),
        ({"DOCASSEMBLE_URL": URL}, ["DOCASSEMBLE_API_KEY"]),
        ({"DOCASSEMBLE_API_KEY": KEY}, ["DOCASSEMBLE_URL"]),
        ({"DOCASSEMBLE_URL": URL, "DOCASSEMBLE_API_KEY": ""}, ["DOCASSEMBLE_API_KEY"]),
    ],
)
def test_a_missing_variable_is_named(
    environment: dict[str, str], missing: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without address or key in the environment, the error names exactly what lacks."""
    for name in ("DOCASSEMBLE_URL", "DOCASSEMBLE_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(UsageError) as caught:
        AsyncDocassemble.from_env()

    assert caught.value.message == f"the environment lacks {' and '.join(missing)}"
    assert KEY not in str(caught.value)


def test_the_environment_can_make_a_client(monkeypatch: pytest.MonkeyPatch) -> None:
    """Address and key come from the environment, all else is passed on; subclasses are kept."""

    class Mine(AsyncDocassemble):
        pass

    monkeypatch.setenv("DOCASSEMBLE_URL", URL + "/")
    monkeypatch.setenv("DOCASSEMBLE_API_KEY", KEY)

    da = Mine.from_env(timeout=5, retry=ONCE, max_concurrency=7, public_url="https://x.example.com")

    assert repr(da) == f"Mine({URL!r})"
    assert da._api_key == Secret(KEY)
    assert da._timeouts == Timeouts(connect=5, read=5, write=5)
    assert (da._retry, da._max_concurrency, da.public_url) == (ONCE, 7, "https://x.example.com")


class Answers:
    """A transport that gives one answer and counts."""

    def __init__(self, status: int = 200, content: bytes = USER, **headers: str) -> None:
        self.requests: list[httpx.Request] = []
        self.closed = 0
        self._answer = (status, {"content-type": "application/json", **headers}, content)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer."""
        await request.aread()
        self.requests.append(request)
        status, headers, content = self._answer
        return httpx.Response(status, headers=headers, content=content)

    async def aclose(self) -> None:
        """Count."""
        self.closed += 1


def using(answers: Answers, **options: Any) -> AsyncDocassemble:
    transport: Any = answers
    return AsyncDocassemble(URL, KEY, transport=transport, **options)


@pytest.mark.parametrize("entered", [True, False])
def test_a_client_closes_its_transport_once(*, entered: bool) -> None:
    """A client works with and without `async with`, and closes what it was given."""

    async def scenario(answers: Answers) -> None:
        da = using(answers)
        if entered:
            async with da as same:
                assert same is da
                await da.users.get_current()
        else:
            await da.users.get_current()
        await da.aclose()
        await da.aclose()

    answers = Answers()
    asyncio.run(scenario(answers))

    assert (len(answers.requests), answers.closed) == (1, 1)


def test_a_client_can_be_closed_before_its_first_use() -> None:
    """A service that fails while it starts can close its client all the same."""

    async def scenario() -> None:
        da = AsyncDocassemble(URL, KEY)
        await da.aclose()
        with pytest.raises(UsageError, match="closed"):
            await da.users.get_current()

    asyncio.run(scenario())


def test_an_exception_within_the_client_passes() -> None:
    """Leaving `async with` by an exception closes the client and keeps the exception."""

    async def scenario(answers: Answers) -> None:
        async with using(answers):
            raise ZeroDivisionError

    answers = Answers()
    with pytest.raises(ZeroDivisionError):
        asyncio.run(scenario(answers))

    assert answers.closed == 1


def test_a_client_is_not_pickled() -> None:
    """Its key would travel along; the error says what to do in another process."""
    with pytest.raises(TypeError, match=r"cannot be pickled or copied: .*from_env\(\)"):
        pickle.dumps(AsyncDocassemble("https://da.example.com", "key"))


def test_a_client_is_cheap_to_make() -> None:
    """Neither the HTTP library nor the converter nor the models are loaded before they are used."""
    code = (
        "import sys\n"
        "from docassemble_client import AsyncDocassemble, Secret\n"
        f"da = AsyncDocassemble({URL!r}, Secret({KEY!r}), timeout=5)\n"
        "repr(da)\n"
        "heavy = {'httpx', 'httpcore', 'anyio', 'cattrs', 'docassemble_client.models',"
        " 'docassemble_client.operations', 'docassemble_client._http.transport'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603

    assert done.stdout == "[]\n"


def test_every_operation_is_reached_through_a_typed_property() -> None:
    """Each tag of the table is a documented property whose type has each call of the tag."""
    da = AsyncDocassemble(URL, KEY)

    for operation in OPERATIONS.values():
        described = getattr(AsyncDocassemble, operation.tag)
        namespace = getattr(da, operation.tag)
        assert isinstance(described, property)
        assert described.__doc__
        assert described.fget is not None
        assert described.fget.__annotations__["return"] == type(namespace).__name__
        assert callable(getattr(namespace, operation.name))


def test_anything_else_can_be_called() -> None:
    """A request that no operation describes brings status, headers, and the body as it came."""

    async def scenario(answers: Answers) -> tuple[Response, Response]:
        async with using(answers) as da:
            got = await da.request("get", "/al/api/v1/jobs/7", params={"a": [1], "b": True})
            posted = await da.request("POST", "/x", json={"keys": 1}, headers={"X-A": "b"})
            return got, posted

    answers = Answers(201, USER, **{"x-other": "1", "set-cookie": "session=hunter2"})
    got, posted = asyncio.run(scenario(answers))

    assert got == posted
    assert got.status == 201
    assert got.content == USER
    assert got.headers["x-other"] == "1"
    assert "set-cookie" not in got.headers
    first, second = answers.requests
    assert (first.method, str(first.url)) == ("GET", f"{URL}/al/api/v1/jobs/7?a=%5B1%5D&b=1")
    assert (second.method, second.content) == ("POST", b'{"keys":1}')
    assert {one.headers["x-api-key"] for one in answers.requests} == {KEY}
    assert second.headers["x-a"] == "b"


SMUGGLING: list[dict[str, Any]] = [
    {"params": {"key": "hunter2"}},
    {"json": {"key": "hunter2"}},
    {"data": {"key": "hunter2"}, "files": {"a": b""}},
    {"files": {"key": b"hunter2"}},
    {"headers": {"X-API-Key": "hunter2"}},
    {"headers": {"x-api-key": "hunter2"}},
    {"headers": {"Authorization": "Bearer hunter2"}},
    {"headers": {"Cookie": "session=hunter2"}},
    {"path": "/x?key=hunter2"},
    {"path": "/x#key=hunter2"},
]


@pytest.mark.parametrize("arguments", SMUGGLING)
def test_another_key_cannot_be_smuggled_in(arguments: dict[str, Any]) -> None:
    """Wherever the server would look for a key, none but the client's own is sent."""
    answers = Answers()
    da = using(answers)

    with pytest.raises(UsageError) as caught:
        asyncio.run(da.request("POST", **{"path": "/x", **arguments}))

    assert caught.value.operation == "request"
    assert "hunter2" not in str(caught.value)
    assert answers.requests == []


@pytest.mark.parametrize(
    "call",
    [
        lambda da: da.sessions.start("a:b.yml", url_args={"key": "hunter2"}),
        lambda da: da.sessions.set_variables("a:b.yml", "s", files={"key": b"hunter2"}),
    ],
)
def test_no_operation_takes_another_key(call: Callable[[AsyncDocassemble], Any]) -> None:
    """What a caller may name freely cannot be named like the key."""
    answers = Answers()

    with pytest.raises(UsageError) as caught:
        asyncio.run(call(using(answers)))

    assert "hunter2" not in str(caught.value)
    assert answers.requests == []


@pytest.mark.parametrize(
    ("status", "error"), [(403, AccessDenied), (501, ServerError), (302, RedirectRefused)]
)
def test_its_errors_are_those_of_every_call(status: int, error: type[Exception]) -> None:
    """An answer that is no success is the same error as for an operation."""
    answers = Answers(status, b'"hunter2"', location="https://sso.example/login?hunter2")

    with pytest.raises(error) as caught:
        asyncio.run(using(answers, retry=ONCE).request("GET", "/x"))

    assert getattr(caught.value, "operation", "") == "request"
    assert "hunter2" not in str(caught.value)
    assert "request (GET /x)" in str(caught.value)


@pytest.mark.parametrize(("safe", "attempts"), [(True, 3), (False, 1)])
def test_only_what_is_called_safe_is_repeated(*, safe: bool, attempts: int) -> None:
    """Whether a request may be repeated is for the caller to say; by default it may not."""
    answers = Answers(503)

    with pytest.raises(ServerError):
        asyncio.run(using(answers, retry=AT_ONCE).request("POST", "/x", safe=safe))

    assert len(answers.requests) == attempts


@pytest.mark.parametrize("password", ["p&ss", Secret("p&ss")])
def test_secrets_may_be_plain_strings(password: str | Secret) -> None:
    """Every argument that takes a secret takes it wrapped or not, and sends the same."""

    async def scenario(answers: Answers) -> None:
        async with using(answers) as da:
            secret = await da.users.get_secret("jane@example.com", password)
            assert secret.reveal() == "abc"

    answers = Answers(200, b'"abc"')
    asyncio.run(scenario(answers))

    assert str(answers.requests[0].url).endswith("username=jane%40example.com&password=p%26ss")

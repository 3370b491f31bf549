"""The client: its arguments, its lifetime, and raw requests."""

from __future__ import annotations

import pickle
import subprocess
import sys
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import httpx
import pytest

from docassemble_client import (
    AccessDenied,
    AsyncDocassemble,
    RedirectRefused,
    Secret,
    ServerError,
    UsageError,
)
from docassemble_client.operations import OPERATIONS
from tests.raw_server import KEY, NO_DELAY, NO_RETRIES, USER

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
def test_an_invalid_base_url_is_refused(base_url: str) -> None:
    """An invalid URL, or one with a user or query, is refused without showing secrets."""
    with pytest.raises(UsageError, match="base_url") as caught:
        AsyncDocassemble(base_url, KEY)

    assert "https://da.example.com" in caught.value.hint
    assert "hunter2" not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_public_url_is_checked_in_the_same_way() -> None:
    """The error names the argument; a final slash is removed."""
    da = AsyncDocassemble("http://10.0.0.5:81/", KEY, public_url="https://forms.example.org/")

    assert (da.base_url, da.public_url) == ("http://10.0.0.5:81", "https://forms.example.org")
    with pytest.raises(UsageError, match="public_url needs a scheme"):
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
def test_the_repr_shows_only_the_url(base_url: str, shown: str) -> None:
    """The repr shows the URL without a final slash, and never the API key."""
    da = AsyncDocassemble(base_url, KEY)

    assert repr(da) == str(da) == f"AsyncDocassemble({shown!r})"


@pytest.mark.parametrize(
    "api_key", ["", " ", "hunter2\n", "hunt er2", "\thunter2", "hünter2", "hunter2\u200b", "h\x00"]
)
@pytest.mark.parametrize("wrapper", [str, Secret])
def test_an_invalid_api_key_is_refused(api_key: str, wrapper: Callable[[str], Any]) -> None:
    """A key that is empty or was copied with other characters is refused without showing it."""
    with pytest.raises(UsageError, match="api_key") as caught:
        AsyncDocassemble(URL, wrapper(api_key))

    assert caught.value.hint
    assert "hunter2" not in repr(caught.value) + str(caught.value)


@pytest.mark.parametrize("transport", ["urllib", "", None, httpx.HTTPTransport, object()])
def test_an_unknown_transport_is_refused(transport: Any) -> None:
    """A transport is a known name or an asynchronous transport of httpx."""
    value = transport() if isinstance(transport, type) else transport

    with pytest.raises(UsageError, match="transport must be"):
        AsyncDocassemble(URL, KEY, transport=value)


@pytest.mark.parametrize("limit", [0, -1, True, False, 1.5, "10", None])
def test_max_concurrency_must_be_a_positive_whole_number(limit: Any) -> None:
    """At least one request must be allowed."""
    with pytest.raises(UsageError, match="max_concurrency"):
        AsyncDocassemble(URL, KEY, max_concurrency=limit)


@pytest.mark.parametrize("timeout", [-1, float("nan"), "5", object()])
def test_an_invalid_timeout_is_refused(timeout: Any) -> None:
    """An invalid timeout is refused when the client is created, not at its first call."""
    with pytest.raises(UsageError, match="timeout"):
        AsyncDocassemble(URL, KEY, timeout=timeout)


class FixedTransport:
    """A transport with one fixed response; records requests and closing."""

    def __init__(self, status: int = 200, content: bytes = USER, **headers: str) -> None:
        self.requests: list[httpx.Request] = []
        self.closed = 0
        self._response = (status, {"content-type": "application/json", **headers}, content)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Respond."""
        await request.aread()
        self.requests.append(request)
        status, headers, content = self._response
        return httpx.Response(status, headers=headers, content=content)

    async def aclose(self) -> None:
        """Count the call."""
        self.closed += 1


def make_client(transport: FixedTransport, **options: Any) -> AsyncDocassemble:
    return AsyncDocassemble(URL, KEY, transport=cast("Any", transport), **options)


@pytest.mark.parametrize("entered", [True, False])
async def test_a_transport_that_you_pass_is_never_closed(*, entered: bool) -> None:
    """Two clients can share it: closing one of them does not end the other."""
    transport = FixedTransport()
    first, second = make_client(transport), make_client(transport)
    if entered:
        async with first as same:
            assert same is first
            await first.users.get_current()
    else:
        await first.users.get_current()
    await first.aclose()
    await first.aclose()
    await second.users.get_current()
    await second.aclose()

    assert (len(transport.requests), transport.closed) == (2, 0)


async def test_a_client_can_be_closed_before_its_first_use() -> None:
    """Closing an unused client raises no error."""
    da = AsyncDocassemble(URL, KEY)
    await da.aclose()
    with pytest.raises(UsageError, match="closed"):
        await da.users.get_current()


async def test_an_exception_in_the_block_closes_the_client() -> None:
    """The exception is raised unchanged."""
    da = make_client(FixedTransport())
    with pytest.raises(ZeroDivisionError):
        async with da:
            raise ZeroDivisionError
    with pytest.raises(UsageError, match="closed"):
        await da.users.get_current()


def test_a_client_cannot_be_pickled() -> None:
    """The pickle would contain the key; the error says what to do instead."""
    with pytest.raises(TypeError, match=r"cannot be pickled or copied\. Create .*from_env\(\)"):
        pickle.dumps(AsyncDocassemble("https://da.example.com", "key"))


def test_creating_a_client_loads_no_heavy_module() -> None:
    """The HTTP library, cattrs and the models are loaded by the first call."""
    code = (
        "import sys\n"
        "from docassemble_client import AsyncDocassemble, Secret\n"
        f"da = AsyncDocassemble({URL!r}, Secret({KEY!r}), timeout=5)\n"
        "repr(da)\n"
        "heavy = {'httpx', 'httpcore', 'anyio', 'cattrs', 'docassemble_client.models.users',"
        " 'docassemble_client.operations', 'docassemble_client._http.transport'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )

    process = subprocess.run(  # noqa: S603 - the command is a constant
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert process.stdout == "[]\n"


def test_every_operation_is_reached_through_a_typed_property() -> None:
    """Each tag of the table is a documented property, whose type has all calls of the tag."""
    da = AsyncDocassemble(URL, KEY)

    for operation in OPERATIONS.values():
        namespace_property = getattr(AsyncDocassemble, operation.tag)
        namespace = getattr(da, operation.tag)
        assert isinstance(namespace_property, cached_property)
        assert namespace_property.__doc__
        assert namespace_property.func.__annotations__["return"] == type(namespace).__name__
        assert getattr(da, operation.tag) is namespace
        assert callable(getattr(namespace, operation.name))


async def test_a_raw_request_returns_the_response() -> None:
    """A raw request returns status, headers and the unchanged body."""
    transport = FixedTransport(201, USER, **{"x-other": "1", "set-cookie": "session=hunter2"})
    async with make_client(transport) as da:
        get_response = await da.request("get", "/al/jobs/7", params={"a": [1], "b": True})
        post_response = await da.request("POST", "/x", json={"keys": 1}, headers={"X-A": "b"})

    assert get_response == post_response
    assert get_response.status == 201
    assert get_response.content == USER
    assert get_response.headers["x-other"] == "1"
    assert "set-cookie" not in get_response.headers
    first, second = transport.requests
    assert (first.method, str(first.url)) == ("GET", f"{URL}/al/jobs/7?a=%5B1%5D&b=1")
    assert (second.method, second.content) == ("POST", b'{"keys":1}')
    assert {request.headers["x-api-key"] for request in transport.requests} == {KEY}
    assert second.headers["x-a"] == "b"


ARGUMENTS_WITH_A_KEY: list[dict[str, Any]] = [
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


@pytest.mark.parametrize("arguments", ARGUMENTS_WITH_A_KEY)
async def test_a_raw_request_cannot_pass_another_key(arguments: dict[str, Any]) -> None:
    """An API key in any other place is refused."""
    transport = FixedTransport()
    da = make_client(transport)

    with pytest.raises(UsageError) as caught:
        await da.request("POST", **{"path": "/x", **arguments})

    assert caught.value.operation == "request"
    assert "hunter2" not in str(caught.value)
    assert transport.requests == []


@pytest.mark.parametrize(
    "call",
    [
        lambda da: da.sessions.start("a:b.yml", url_args={"key": "hunter2"}),
        lambda da: da.sessions.set_variables("a:b.yml", "s", files={"key": b"hunter2"}),
    ],
)
async def test_an_operation_cannot_pass_another_key(
    call: Callable[[AsyncDocassemble], Any],
) -> None:
    """A name that the caller chooses cannot be `key`."""
    transport = FixedTransport()

    with pytest.raises(UsageError) as caught:
        await call(make_client(transport))

    assert "hunter2" not in str(caught.value)
    assert transport.requests == []


@pytest.mark.parametrize(
    ("status", "error"), [(403, AccessDenied), (501, ServerError), (302, RedirectRefused)]
)
async def test_a_raw_request_raises_the_usual_errors(status: int, error: type[Exception]) -> None:
    """An error response raises the same error as for an operation."""
    transport = FixedTransport(status, b'"hunter2"', location="https://sso.example/login?hunter2")

    with pytest.raises(error) as caught:
        await make_client(transport, retry=NO_RETRIES).request("GET", "/x")

    assert getattr(caught.value, "operation", "") == "request"
    assert "hunter2" not in str(caught.value)
    assert "request (GET /x)" in str(caught.value)


@pytest.mark.parametrize(("safe", "attempts"), [(True, 3), (False, 1)])
async def test_a_raw_request_is_retried_only_if_it_is_safe(*, safe: bool, attempts: int) -> None:
    """By default a request with an unknown outcome is not retried."""
    transport = FixedTransport(503)

    with pytest.raises(ServerError):
        await make_client(transport, retry=NO_DELAY).request("POST", "/x", safe=safe)

    assert len(transport.requests) == attempts


@pytest.mark.parametrize("password", ["p&ss", Secret("p&ss")])
async def test_secrets_may_be_plain_strings(password: str | Secret) -> None:
    """A secret argument is accepted as a string or a Secret; both send the same request."""
    transport = FixedTransport(200, b'"abc"')
    async with make_client(transport) as da:
        secret = await da.users.get_secret("jane@example.com", password)
        assert secret.reveal() == "abc"

    assert str(transport.requests[0].url).endswith("username=jane%40example.com&password=p%26ss")

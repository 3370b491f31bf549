"""Secrets in invalid arguments never appear in output."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from docassemble_client import AsyncDocassemble, NotSent, RetryPolicy, UsageError
from tests.canary import Canary, run_call
from tests.raw_server import clear_proxies, never_respond

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.sockets

direct = pytest.fixture(autouse=True)(clear_proxies)

ONCE = RetryPolicy(attempts=1)
I = "docassemble.demo:data/questions/questions.yml"  # noqa: E741 - as the API calls it


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
    "header of a call": lambda da, c: da.users.get(7, headers={"X-A": f"{c()}ü"}),
    "header name": lambda da, c: da.users.get(7, headers={f"{c()} ": "a"}),
    "header type": lambda da, c: da.users.get(7, headers={"X-A": [c()]}),
    "headers": lambda da, c: da.users.get(7, headers=c()),
    "header of a view": lambda da, c: da.with_options(headers={"X-A": f"{c()}\r"}),
    "header function": lambda da, c: da.with_options(headers=lambda: {"Cookie": c()}).users.get(7),
    "client header": lambda _, c: AsyncDocassemble("https://x", c(), headers={"Cookie": c()}),
    "key of a view": lambda da, c: da.as_key(f"{c()}\n"),
    "query in a path": lambda da, c: da.request("GET", f"/x?{c()}"),
    "long query": lambda da, c: da.request("GET", "/x", params={"a": c() * 3000}),
    "key in json": lambda da, c: da.request("POST", "/x", json={"key": c()}),
    "url": lambda _, c: AsyncDocassemble(f"https://user:{c()}@da.example.com", c()),
    "invalid url": lambda _, c: AsyncDocassemble(f"https://[{c()}", c()),
    "key": lambda _, c: AsyncDocassemble("https://da.example.com", f"{c()}\n"),
    "public url": lambda _, c: AsyncDocassemble("https://x", c(), public_url=f"https://x?{c()}"),
    "proxy": lambda _, c: AsyncDocassemble(
        "https://da.example.com", c(), proxy=f"nothing://u:{c()}@p"
    ).users.get_current(),
    "certificate": lambda _, c: AsyncDocassemble(
        "https://da.example.com", c(), verify=f"/nowhere/{c()}"
    ).users.get_current(),
}


@pytest.mark.parametrize("name", INVALID_CALLS)
async def test_an_invalid_call_shows_no_secret(name: str) -> None:
    """The error describes the argument without repeating its value."""

    async def call(da: AsyncDocassemble, canary: Canary) -> Any:
        return await INVALID_CALLS[name](da, canary)

    canary = Canary()
    error, server = await run_call(never_respond, canary, call)

    assert isinstance(error, UsageError)
    assert server.requests == []
    assert canary.find_leaks() == []


def find_attributes(value: object, seen: set[int]) -> list[str]:
    """Return the repr of vars() of an object, and of all objects of this package in it."""
    if id(value) in seen or not type(value).__module__.startswith("docassemble_client"):
        return []
    seen.add(id(value))
    attributes = vars(value) if hasattr(value, "__dict__") else {}
    return [repr(attributes)] + [
        text for attribute in attributes.values() for text in find_attributes(attribute, seen)
    ]


@pytest.mark.parametrize("library", ["httpx", "httpx2", "aiohttp"])
async def test_the_attributes_of_a_client_show_no_secret(library: Any) -> None:
    """Debuggers and error reports show vars() of every object on the stack."""
    canary = Canary()
    proxy = f"http://user:{canary()}@127.0.0.1:9"
    headers = {"X-Gateway": canary()}
    client: Any = AsyncDocassemble(
        "http://da.example.com",
        canary(),
        proxy=proxy,
        headers=headers,
        transport=library,
        retry=ONCE,
    )
    async with client as da:
        view = da.as_key(canary()).with_options(headers={"X-Tenant": canary()})
        for user in (da, view):
            with pytest.raises(NotSent):
                await user.users.get_current()
        texts = find_attributes(da, set()) + find_attributes(view, set())

    assert len(texts) > 10
    assert [text for text in texts if any(token in text for token in canary.tokens)] == []

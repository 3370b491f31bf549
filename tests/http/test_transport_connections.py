"""Proxies of the environment, certificates, and settings that cannot be used."""

from __future__ import annotations

import asyncio
import ssl
import sys
from pathlib import Path
from typing import Any

import pytest

from docassemble_client import AsyncDocassemble, NotSent, UsageError
from docassemble_client._http.transport import environment_proxy, ssl_context
from tests.raw_server import (
    KEY,
    ONCE,
    USER,
    answering,
    client,
    reply,
    serve,
    tidy,
)

tidied = pytest.fixture(autouse=True)(tidy)

DATA = Path(__file__).parent / "data"
CERTIFICATE = str(DATA / "localhost.pem")


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
@pytest.mark.parametrize("scheme", ["http://", ""])
def test_the_proxy_of_the_environment_is_used(
    variable: str, scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the environment names a proxy, it gets the request for the server."""

    async def scenario() -> str:
        async with serve(answering(reply(USER))) as proxy:
            monkeypatch.setenv(variable, proxy.url.replace("http://", scheme))
            async with AsyncDocassemble("http://da.example.com", KEY, verify=False) as da:
                await da.users.get_current()
            return proxy.received[0].target

    target = asyncio.run(scenario())

    assert target == "http://da.example.com/api/user"


def test_the_environment_can_except_a_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server in NO_PROXY is reached directly."""

    async def scenario() -> None:
        async with serve(answering(reply(USER))) as server:
            monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
            monkeypatch.setenv("NO_PROXY", "da.example.com,127.0.0.1")
            async with client(server) as da:
                assert (await da.users.get_current()).id == 1

    asyncio.run(scenario())


def test_a_proxy_passed_in_beats_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The proxy of the constructor is used with its password, which shows nowhere."""

    async def scenario() -> dict[str, str]:
        async with serve(answering(reply(USER))) as proxy:
            monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
            address = proxy.url.replace("//", "//user:pa55word@")
            async with AsyncDocassemble("http://da.example.com", KEY, proxy=address) as da:
                await da.users.get_current()
                assert "pa55word" not in repr(da)
            return proxy.received[0].headers

    headers = asyncio.run(scenario())

    assert headers["proxy-authorization"].startswith("Basic ")
    assert headers["host"] == "da.example.com"


@pytest.mark.parametrize(
    ("environment", "base_url", "expected"),
    [
        ({}, "https://da.example.com", None),
        ({"https_proxy": "http://p:1"}, "https://da.example.com", "http://p:1"),
        ({"https_proxy": "http://p:1"}, "http://da.example.com", None),
        ({"https_proxy": "p:1"}, "HTTPS://da.example.com", "http://p:1"),
        ({"all_proxy": "socks5://p:1"}, "https://da.example.com", "socks5://p:1"),
        ({"https_proxy": "http://p:1", "no_proxy": "*"}, "https://da.example.com", None),
        ({"https_proxy": "http://p:1", "no_proxy": ".example.com"}, "https://da.example.com", None),
        ({"all_proxy": "http://p:1", "no_proxy": "h:8080"}, "http://h:8080/x", None),
        ({"all_proxy": "http://p:1", "no_proxy": "h:8080"}, "http://h:8081", "http://p:1"),
        ({"https_proxy": ""}, "https://da.example.com", None),
    ],
)
def test_the_environment_decides_by_scheme_and_host(
    environment: dict[str, str],
    base_url: str,
    expected: str | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The variables mean what they mean to every program."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    proxy = environment_proxy(base_url)

    assert proxy == expected


def test_a_proxy_that_refuses_has_not_sent() -> None:
    """A proxy that makes no tunnel has passed on nothing."""

    async def scenario() -> None:
        async with (
            serve(answering(reply(status=407))) as proxy,
            AsyncDocassemble("https://da.example.com", KEY, proxy=proxy.url, retry=ONCE) as da,
        ):
            await da.users.get_current()

    with pytest.raises(NotSent, match="407"):
        asyncio.run(scenario())


def refused(**options: Any) -> str:
    async def scenario() -> None:
        async with AsyncDocassemble("https://127.0.0.1:1", KEY, retry=ONCE, **options) as da:
            await da.users.get_current()

    with pytest.raises(UsageError, match="cannot be used") as caught:
        asyncio.run(scenario())
    assert caught.value.__suppress_context__
    return str(caught.value)


@pytest.mark.parametrize(
    "proxy",
    [
        "pa55word",
        "ftp://user:pa55word@127.0.0.1:1",
        "socks5://user:pa55word@127.0.0.1:1",
        "http://user:pa55word@127.0.0.1:99999",
        "http://user:pa55word\n@127.0.0.1:1",
        "http://user:pa55word@[",
    ],
)
def test_a_proxy_that_cannot_be_used_is_a_usage_error(
    proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong proxy is refused before anything is sent, without showing its password."""
    monkeypatch.setitem(sys.modules, "socksio", None)  # as if it were not installed

    text = refused(proxy=proxy)

    assert "proxy" in text
    assert "pa55word" not in text


def test_a_wrong_proxy_of_the_environment_is_a_usage_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy the environment names wrongly is refused like one passed in."""
    monkeypatch.setenv("HTTPS_PROXY", "ftp://127.0.0.1:1")

    text = refused()

    assert "proxy" in text


@pytest.mark.parametrize(
    "options",
    [
        {"verify": "/no/such/file.pem"},
        {"verify": __file__},
        {"cert": "/no/such/file.pem"},
        {"cert": (CERTIFICATE, "/no/such/file.pem")},
        {"cert": __file__},
        {"cert": str(DATA / "encrypted.pem")},
    ],
)
def test_certificates_that_cannot_be_used_are_a_usage_error(options: dict[str, Any]) -> None:
    """A missing, empty or encrypted file is named as the reason; nobody is asked for a password."""
    text = refused(**options)

    assert "verify or cert" in text


def test_the_usual_authorities_are_the_default() -> None:
    """True checks certificate and host name, False neither."""
    usual = ssl_context(verify=True, cert=None)
    none = ssl_context(verify=False, cert=None)

    assert (usual.verify_mode, usual.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert (none.verify_mode, none.check_hostname) == (ssl.CERT_NONE, False)
    assert usual.get_ca_certs()

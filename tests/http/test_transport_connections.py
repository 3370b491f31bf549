"""Proxies of the environment, certificates, and invalid settings."""

from __future__ import annotations

import ssl
import sys
from pathlib import Path
from typing import Any

import pytest

from docassemble_client import AsyncDocassemble, NotSent, UsageError
from docassemble_client._http.network import create_ssl_context, find_environment_proxy
from tests.raw_server import (
    KEY,
    NO_RETRIES,
    USER,
    check_leaks,
    make_client,
    make_response,
    respond_with,
    serve,
)

pytestmark = pytest.mark.sockets

leak_check = pytest.fixture(autouse=True)(check_leaks)

DATA = Path(__file__).parent / "data"
CERTIFICATE = str(DATA / "localhost.pem")


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
@pytest.mark.parametrize("scheme", ["http://", ""])
async def test_the_proxy_of_the_environment_is_used(
    variable: str, scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The proxy receives the request for the server."""
    async with serve(respond_with(make_response(USER))) as proxy:
        monkeypatch.setenv(variable, proxy.url.replace("http://", scheme))
        async with AsyncDocassemble("http://da.example.com", KEY, verify=False) as da:
            await da.users.get_current()
        target = proxy.requests[0].target

    assert target == "http://da.example.com/api/user"


async def test_no_proxy_excludes_a_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server in NO_PROXY is reached directly."""
    async with serve(respond_with(make_response(USER))) as server:
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
        monkeypatch.setenv("NO_PROXY", "da.example.com,127.0.0.1")
        async with make_client(server) as da:
            assert (await da.users.get_current()).id == 1


async def test_a_proxy_argument_overrides_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The proxy is used with its password, which is not shown."""
    async with serve(respond_with(make_response(USER))) as proxy:
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
        address = proxy.url.replace("//", "//user:pa55word@")
        async with AsyncDocassemble("http://da.example.com", KEY, proxy=address) as da:
            await da.users.get_current()
            assert "pa55word" not in repr(da)
        headers = proxy.requests[0].headers

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
        ({"http_proxy": "http://p:1", "no_proxy": "::1"}, "http://[::1]", None),
        ({"http_proxy": "http://p:1", "no_proxy": "a.b, ::1"}, "http://[0:0:0::0:1]:8000/x", None),
        ({"http_proxy": "http://p:1", "no_proxy": "[::1]"}, "http://[::1]:8000", None),
        ({"http_proxy": "http://p:1", "no_proxy": "[::1]:8000"}, "http://[::1]:8000", None),
        ({"http_proxy": "http://p:1", "no_proxy": "[::1]:8000"}, "http://[::1]", "http://p:1"),
        ({"http_proxy": "http://p:1", "no_proxy": "FE80::/10"}, "http://[fe80::2]", None),
        ({"http_proxy": "http://p:1", "no_proxy": "[fe80::]/10"}, "http://[fe80::2]", None),
        ({"http_proxy": "http://p:1", "no_proxy": "fe80::/10"}, "http://[::2]", "http://p:1"),
        ({"http_proxy": "http://p:1", "no_proxy": "10.0.0.0/8"}, "http://10.1.2.3", None),
        ({"http_proxy": "http://p:1", "no_proxy": "10.0.0.0/8"}, "http://[::1]", "http://p:1"),
        ({"http_proxy": "http://p:1", "no_proxy": "10.1.2.3/8"}, "http://10.3.2.1", None),
        ({"http_proxy": "http://p:1"}, "http://[::1]", "http://p:1"),
    ],
)
def test_the_proxy_depends_on_scheme_and_host(
    environment: dict[str, str],
    base_url: str,
    expected: str | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The variables have their usual meaning."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    proxy = find_environment_proxy(base_url)

    assert proxy == expected


async def test_a_refusal_of_the_proxy_is_not_sent() -> None:
    """A proxy that makes no tunnel has not forwarded the request."""
    with pytest.raises(NotSent, match="407"):
        async with (
            serve(respond_with(make_response(status=407))) as proxy,
            AsyncDocassemble(
                "https://da.example.com", KEY, proxy=proxy.url, retry=NO_RETRIES
            ) as da,
        ):
            await da.users.get_current()


async def get_usage_error(**options: Any) -> str:

    with pytest.raises(UsageError, match="cannot be used") as caught:
        async with AsyncDocassemble("https://127.0.0.1:1", KEY, retry=NO_RETRIES, **options) as da:
            await da.users.get_current()
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
async def test_an_invalid_proxy_is_a_usage_error(
    proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An invalid proxy is refused before anything is sent, without showing its password."""
    monkeypatch.setitem(sys.modules, "socksio", None)  # as if it were not installed

    text = await get_usage_error(proxy=proxy)

    assert "proxy" in text
    assert "pa55word" not in text


async def test_an_invalid_proxy_of_the_environment_is_a_usage_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is refused like an invalid proxy argument."""
    monkeypatch.setenv("HTTPS_PROXY", "ftp://127.0.0.1:1")

    text = await get_usage_error()

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
async def test_an_invalid_certificate_file_is_a_usage_error(options: dict[str, Any]) -> None:
    """A missing, invalid or encrypted file is reported; no password is requested."""
    text = await get_usage_error(**options)

    assert "verify or cert" in text


def test_the_default_verifies_certificate_and_host() -> None:
    """True verifies certificate and host name, False neither."""
    verifying = create_ssl_context(verify=True, cert=None)
    unverified = create_ssl_context(verify=False, cert=None)

    assert (verifying.verify_mode, verifying.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert (unverified.verify_mode, unverified.check_hostname) == (ssl.CERT_NONE, False)
    assert verifying.get_ca_certs()

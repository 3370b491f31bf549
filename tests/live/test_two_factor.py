"""Accounts with two-factor authentication on the real server."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import time
from typing import TYPE_CHECKING

import httpx

from tests.live.accounts import temporary_account, temporary_privilege
from tests.live.known_errors import assert_error

if TYPE_CHECKING:
    from docassemble_client import AsyncDocassemble
    from tests.live.conftest import Connect

REFUSAL = "Secret will not be supplied because two factor authentication is enabled"


def compute_code(key: str) -> str:
    """Compute the current one-time code (RFC 6238)."""
    counter = int(time.time()) // 30
    digest = hmac.digest(base64.b32decode(key), counter.to_bytes(8, "big"), hashlib.sha1)
    offset = digest[-1] & 15
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFFFFFF
    return f"{number % 10**6:06}"


async def set_up_app(browser: httpx.AsyncClient, server: str) -> None:
    """Set up an authenticator app on the page of the server."""
    url = f"{server}/mfa_setup"
    # Try twice, because a code may expire before the server checks it.
    for _ in range(2):
        page = (await browser.get(url)).text
        (key,) = re.findall(r"<code>(\w+)</code>", page)
        form = dict(re.findall(r'name="(csrf_token)"[^>]*value="([^"]+)"', page))
        form |= {"verification_code": compute_code(key), "submit": "Verify"}
        response = await browser.post(url, data=form, follow_redirects=True)
        if "now set up" in response.text:
            return
    message = "the server did not accept the code"
    raise AssertionError(message)


async def test_password_is_not_enough_with_two_factor_authentication(
    da: AsyncDocassemble, connect: Connect
) -> None:
    """With two-factor authentication, the password returns no decryption key and no login link."""
    async with (
        temporary_privilege(da, "clerk"),
        temporary_account(da, connect, "clerk") as account,
        httpx.AsyncClient() as browser,
    ):
        link = await da.links.create_login_url(account.email, account.password)
        first = await browser.get(link.reveal())
        await set_up_app(browser, str(first.url.join("/")).rstrip("/"))

        await assert_error(da.users.get_secret(account.email, account.password), 403, REFUSAL)
        await assert_error(da.links.create_login_url(account.email, account.password), 403, REFUSAL)

        assert (await account.da.users.get_current()).id == account.id

"""What an account with two-factor authentication is refused on the real server."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import time
from typing import TYPE_CHECKING

import httpx

from tests.live.people import person, privilege
from tests.live.refusals import refused

if TYPE_CHECKING:
    from docassemble_client import AsyncDocassemble
    from tests.live.conftest import Connect, Run

REFUSAL = "Secret will not be supplied because two factor authentication is enabled"


def one_time_code(key: str) -> str:
    """Compute what an authenticator app would show now (RFC 6238)."""
    moment = int(time.time()) // 30
    digest = hmac.digest(base64.b32decode(key), moment.to_bytes(8, "big"), hashlib.sha1)
    offset = digest[-1] & 15
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFFFFFF
    return f"{number % 10**6:06}"


async def set_up(browser: httpx.AsyncClient, server: str) -> None:
    """Set an authenticator app up, as the page with the bar code asks for."""
    url = f"{server}/mfa_setup"
    # The second time in case that a code was over just before it came.
    for _ in range(2):
        page = (await browser.get(url)).text
        (key,) = re.findall(r"<code>(\w+)</code>", page)
        form = dict(re.findall(r'name="(csrf_token)"[^>]*value="([^"]+)"', page))
        form |= {"verification_code": one_time_code(key), "submit": "Verify"}
        answer = await browser.post(url, data=form, follow_redirects=True)
        if "now set up" in answer.text:
            return
    message = "the server did not take the code"
    raise AssertionError(message)


def test_second_factor_closes_the_ways_by_password(run: Run, connect: Connect) -> None:
    """With two-factor authentication the password brings neither decryption key nor login link."""

    async def job(da: AsyncDocassemble) -> None:
        async with (
            privilege(da, "clerk"),
            person(da, connect, "clerk") as one,
            httpx.AsyncClient() as browser,
        ):
            link = await da.links.create_login_url(one.email, one.password)
            first = await browser.get(link.reveal())
            await set_up(browser, str(first.url.join("/")).rstrip("/"))

            await refused(da.users.get_secret(one.email, one.password), 403, REFUSAL)
            await refused(da.links.create_login_url(one.email, one.password), 403, REFUSAL)

            assert (await one.da.users.get_current()).id == one.id

    run(job)

"""Who gets in: wrong keys, keys bound to an address or a site, and the ways to send a key."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
import yaml

from docassemble_client import AccessDenied, AsyncDocassemble, Secret
from docassemble_client.operations import OPERATIONS
from tests.examples import argument
from tests.live.people import limited, person
from tests.live.refusals import DENIED, refused

if TYPE_CHECKING:
    from tests.live.conftest import Connect, Run
    from tests.live.server import LiveServer

SPEC = Path(__file__).parents[2] / "spec"
HERE = "127.0.0.1"
ELSEWHERE = "192.0.2.7"
SITE = "app.example.com"
TAGS = sorted({operation.tag for operation in OPERATIONS.values() if operation.auth})


@pytest.mark.parametrize("tag", TAGS)
def test_wrong_key_is_denied_by_every_operation(run: Run, connect: Connect, tag: str) -> None:
    """Whatever is called with a key nobody has, the server denies access and does nothing."""
    described = yaml.safe_load((SPEC / f"{tag}.yaml").read_text(encoding="utf-8"))["operations"]

    async def job(da: AsyncDocassemble) -> None:
        async with connect("wrongApiKey000000000000000000000") as stranger:
            for operation in OPERATIONS.values():
                if operation.tag == tag and operation.auth:
                    example = described[operation.name]["example"]
                    method = getattr(getattr(stranger, tag), operation.name)
                    await refused(method(**argument(example.get("arguments", {}))), 403, DENIED)

    run(job)


def test_key_works_until_it_is_deleted(run: Run, connect: Connect, unique: str) -> None:
    """A key nobody restricted does what its owner may do, and nothing once it is deleted."""

    async def job(da: AsyncDocassemble) -> None:
        key = await da.api_keys.create(unique)
        async with connect(key) as other:
            me = await other.users.get_current()
            await other.api_keys.delete(key)
            await refused(other.users.get_current(), 403, DENIED)

        assert me == await da.users.get_current()

    run(job)


@pytest.mark.parametrize(
    ("allowed", "works"),
    [
        ([HERE], True),
        ([ELSEWHERE, HERE], True),
        ([], True),
        ([ELSEWHERE], False),
        (["127.0.0.0/8"], False),
        (["localhost"], False),
    ],
    ids=lambda value: ",".join(value) or "nowhere" if isinstance(value, list) else None,
)
def test_key_bound_to_addresses_works_from_these(
    run: Run, connect: Connect, allowed: list[str], *, works: bool
) -> None:
    """An address must be equal to one of the key's; networks and names never are, none is all."""

    async def job(da: AsyncDocassemble) -> None:
        async with limited(da, connect, method="ip", allowed=allowed) as bound:
            if works:
                assert (await bound.users.get_current()).id == 1
            else:
                await refused(bound.users.get_current(), 403, DENIED)

    run(job)


@pytest.mark.parametrize(
    ("headers", "works"),
    [
        ({"Referer": f"https://{SITE}/form?page=2"}, True),
        ({"Referer": f"http://{SITE}"}, True),
        ({"Origin": f"https://{SITE}"}, True),
        ({"Referer": f"https://other.example.org/{SITE}"}, True),
        ({}, False),
        ({"Referer": "https://other.example.org/"}, False),
        ({"Referer": f"https://other.example.org/?{SITE}"}, False),
        ({"Referer": "https://other.example.org/", "Origin": f"https://{SITE}"}, False),
    ],
    ids=lambda value: " ".join(value.values()) or "none" if isinstance(value, dict) else None,
)
def test_key_bound_to_a_site_works_from_its_pages(
    run: Run, connect: Connect, headers: dict[str, str], *, works: bool
) -> None:
    """Referer, or else Origin, must contain the text before its query, if only in the path."""

    async def job(da: AsyncDocassemble) -> None:
        async with limited(da, connect, method="referer", allowed=[SITE]) as bound:
            if works:
                response = await bound.request("GET", "/api/user", headers=headers)
                assert response.status == 200
            else:
                with pytest.raises(AccessDenied):
                    await bound.request("GET", "/api/user", headers=headers)

    run(job)


def test_limited_key_does_what_its_permissions_say(run: Run, connect: Connect) -> None:
    """Permissions limit an admin's key to what they name; they give and take nobody else's."""

    async def job(da: AsyncDocassemble) -> None:
        async with (
            person(da, connect) as plain,
            limited(da, connect, "access_user_info", "create_user") as some,
        ):
            key = await da.api_keys.create_for_user(plain.id, "two", permissions=["create_user"])
            async with connect(key) as powerless:
                me = await powerless.users.get_current()
                await refused(powerless.users.create("nobody@example.com"), 403, DENIED)
            other = await some.users.get(plain.id)
            await refused(some.server.get_config(), 403, DENIED)

        assert me.id == other.id == plain.id

    run(job)


def test_key_is_taken_from_either_header(run: Run, server: LiveServer, connect: Connect) -> None:
    """X-API-Key and a bearer token both carry the key; the former counts where both are sent."""
    url = f"{server.url}/api/user"

    async def job(da: AsyncDocassemble) -> None:
        async with person(da, connect) as plain, httpx.AsyncClient() as http:
            key = plain.api_key.reveal()

            async def status(**headers: str) -> int:
                sent = {name.replace("_", "-"): value for name, value in headers.items()}
                return (await http.get(url, headers=sent)).status_code

            statuses = [
                await status(X_API_Key=key),
                await status(Authorization=f"Bearer {key}"),
                await status(Authorization=f"bearer  {key}"),
                await status(X_API_Key=key, Authorization="Bearer wrong"),
                await status(X_API_Key="wrong", Authorization=f"Bearer {key}"),
                await status(Authorization=f"Token {key}"),
                await status(),
            ]

        assert statuses == [200, 200, 200, 200, 403, 403, 403]

    run(job)


def test_whole_key_is_shown_only_once(run: Run, unique: str) -> None:
    """Lists and look-ups have a key masked but for its last four characters."""

    async def job(da: AsyncDocassemble) -> None:
        key = await da.api_keys.create(unique)
        plain = key.reveal()
        listed = [one for one in await da.api_keys.list() if one.name == unique]
        found = await da.api_keys.get(api_key=key)
        named = await da.api_keys.get(name=unique)
        await da.api_keys.delete(key)

        assert isinstance(key, Secret)
        assert plain not in f"{key!r} {key} {listed}"
        assert [one.key for one in listed] == [found.key]
        assert found.key == "*" * 28 + plain[-4:]
        assert named.key is None
        assert {found.last_four, named.last_four} == {plain[-4:]}

    run(job)

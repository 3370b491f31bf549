"""API keys on the real server: invalid and restricted keys, and headers for keys."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
import yaml

from docassemble_client import AccessDenied, AsyncDocassemble, Secret
from docassemble_client.operations import OPERATIONS
from tests.examples import build_argument
from tests.live.accounts import limited_client, temporary_account
from tests.live.known_errors import ACCESS_DENIED, assert_error

if TYPE_CHECKING:
    from tests.live.conftest import Connect
    from tests.live.server import LiveServer

SPEC = Path(__file__).parents[2] / "spec"
CLIENT_ADDRESS = "127.0.0.1"
OTHER_ADDRESS = "192.0.2.7"
SITE = "app.example.com"
TAGS = sorted({operation.tag for operation in OPERATIONS.values() if operation.auth})


@pytest.mark.parametrize("tag", TAGS)
async def test_wrong_key_is_denied_by_every_operation(
    da: AsyncDocassemble, connect: Connect, tag: str
) -> None:
    """Every operation returns 403 for an unknown key."""
    operations = yaml.safe_load((SPEC / f"{tag}.yaml").read_text(encoding="utf-8"))["operations"]

    async with connect("wrongApiKey000000000000000000000") as stranger:
        for operation in OPERATIONS.values():
            if operation.tag == tag and operation.auth:
                example = operations[operation.name]["example"]
                method = getattr(getattr(stranger, tag), operation.name)
                await assert_error(
                    method(**build_argument(example.get("arguments", {}))), 403, ACCESS_DENIED
                )


async def test_key_works_until_it_is_deleted(
    da: AsyncDocassemble, connect: Connect, unique: str
) -> None:
    """An unrestricted key has the rights of its owner until it is deleted."""
    key = await da.api_keys.create(unique)
    async with connect(key) as user:
        me = await user.users.get_current()
        await user.api_keys.delete(key)
        await assert_error(user.users.get_current(), 403, ACCESS_DENIED)

    assert me == await da.users.get_current()


@pytest.mark.parametrize(
    ("allowed", "works"),
    [
        ([CLIENT_ADDRESS], True),
        ([OTHER_ADDRESS, CLIENT_ADDRESS], True),
        ([], True),
        ([OTHER_ADDRESS], False),
        (["127.0.0.0/8"], False),
        (["localhost"], False),
    ],
    ids=lambda value: ",".join(value) or "nowhere" if isinstance(value, list) else None,
)
async def test_key_works_from_allowed_addresses_only(
    da: AsyncDocassemble, connect: Connect, allowed: list[str], *, works: bool
) -> None:
    """The client's address must be listed; networks and names never match; no list allows all."""
    async with limited_client(da, connect, method="ip", allowed=allowed) as client:
        if works:
            assert (await client.users.get_current()).id == 1
        else:
            await assert_error(client.users.get_current(), 403, ACCESS_DENIED)


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
async def test_key_works_from_allowed_sites_only(
    da: AsyncDocassemble, connect: Connect, headers: dict[str, str], *, works: bool
) -> None:
    """Referer, or Origin without Referer, must contain the text before its query."""
    async with limited_client(da, connect, method="referer", allowed=[SITE]) as client:
        if works:
            response = await client.request("GET", "/api/user", headers=headers)
            assert response.status == 200
        else:
            with pytest.raises(AccessDenied):
                await client.request("GET", "/api/user", headers=headers)


async def test_permissions_limit_the_key_of_an_admin(
    da: AsyncDocassemble, connect: Connect
) -> None:
    """Permissions limit keys of admins, and have no effect on keys of other users."""
    async with (
        temporary_account(da, connect) as plain,
        limited_client(da, connect, "access_user_info", "create_user") as limited,
    ):
        key = await da.api_keys.create_for_user(plain.id, "two", permissions=["create_user"])
        async with connect(key) as powerless:
            me = await powerless.users.get_current()
            await assert_error(powerless.users.create("nobody@example.com"), 403, ACCESS_DENIED)
        user = await limited.users.get(plain.id)
        await assert_error(limited.server.get_config(), 403, ACCESS_DENIED)

    assert me.id == user.id == plain.id


async def test_key_is_accepted_in_both_headers(
    da: AsyncDocassemble, server: LiveServer, connect: Connect
) -> None:
    """The key is sent as X-API-Key or as bearer token; X-API-Key takes precedence."""
    url = f"{server.url}/api/user"

    async with temporary_account(da, connect) as plain, httpx.AsyncClient() as http:
        key = plain.api_key.reveal()

        async def get_status(**headers: str) -> int:
            names = {name.replace("_", "-"): value for name, value in headers.items()}
            return (await http.get(url, headers=names)).status_code

        statuses = [
            await get_status(X_API_Key=key),
            await get_status(Authorization=f"Bearer {key}"),
            await get_status(Authorization=f"bearer  {key}"),
            await get_status(X_API_Key=key, Authorization="Bearer wrong"),
            await get_status(X_API_Key="wrong", Authorization=f"Bearer {key}"),
            await get_status(Authorization=f"Token {key}"),
            await get_status(),
        ]

    assert statuses == [200, 200, 200, 200, 403, 403, 403]


async def test_key_is_masked_after_creation(da: AsyncDocassemble, unique: str) -> None:
    """Lists and single keys show only the last four characters of a key."""
    key = await da.api_keys.create(unique)
    plain = key.reveal()
    keys = [api_key for api_key in await da.api_keys.list() if api_key.name == unique]
    by_key = await da.api_keys.get(api_key=key)
    by_name = await da.api_keys.get(name=unique)
    await da.api_keys.delete(key)

    assert isinstance(key, Secret)
    assert plain not in f"{key!r} {key} {keys}"
    assert [api_key.key for api_key in keys] == [by_key.key]
    assert by_key.key == "*" * 28 + plain[-4:]
    assert by_name.key is None
    assert {by_key.last_four, by_name.last_four} == {plain[-4:]}

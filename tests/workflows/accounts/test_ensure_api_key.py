"""Ensured API keys: which requests are sent, and what is not changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from docassemble_client import ApiKeyNotCreated, BadRequest, Secret, ServerError
from tests.workflows.accounts.test_ensure import make_user_json
from tests.workflows.routes import RouteServer

if TYPE_CHECKING:
    from docassemble_client import EnsuredApiKey

NO_KEYS: tuple[int, Any] = (200, [])


def make_key_json(name: str = "ci", **fields: Any) -> dict[str, Any]:
    """Make the JSON of a key."""
    masked_key = {"key": "*" * 28 + "5GRT", "last_four": "5GRT"}
    settings = {"method": "none", "constraints": [], "permissions": []}
    return {"name": name, **masked_key, **settings, **fields}


async def ensure_key(server: RouteServer, **options: Any) -> EnsuredApiKey:
    """Ensure the key on this server."""
    async with server.client() as da:
        return await da.ensure_api_key(7, "ci", **options)


def make_server(*key_lists: Any, **routes: Any) -> RouteServer:
    """Make a server that returns these lists of keys in turn."""
    return RouteServer(
        {"GET /api/user/7/api": list(key_lists), "POST /api/user/7/api": (200, "k" * 32), **routes}
    )


async def test_missing_key_is_created() -> None:
    """Its value is returned as a secret."""
    server = make_server(
        (200, [make_key_json("other")]), (200, [make_key_json(permissions=["create_user"])])
    )

    result = await ensure_key(
        server, permissions=["create_user"], method="ip", allowed=["10.0.0.5"]
    )

    assert (result.created, result.key, result.differences) == (True, Secret("k" * 32), ())
    assert str(result) == "The key 'ci' is new. Save it: the server shows it only once."
    assert "kkkk" not in repr(result)
    assert server.find_calls("POST")[0][1] == {
        "name": "ci", "method": "ip", "allowed": ["10.0.0.5"], "permissions": ["create_user"]
    }  # fmt: skip


async def test_existing_key_has_no_value() -> None:
    """The order of permissions does not matter."""
    server = make_server((200, [make_key_json(permissions=["b", "a"])]))

    result = await ensure_key(server, permissions=["a", "b"], method="none")

    assert (result.created, result.key, result.differences) == (False, None, ())
    assert str(result) == (
        "The key 'ci' (…5GRT) already exists; its value is not available. Use your saved copy, or"
        " choose another name for a new key."
    )
    assert server.find_calls("POST") == []


async def test_differing_settings_of_an_existing_key_are_reported() -> None:
    """The key is not changed: that would require its value."""
    server = make_server((200, [make_key_json(permissions=None)]))

    result = await ensure_key(server, permissions=["create_user"], method="ip", allowed=[])

    assert result.differences == ("method", "permissions")
    assert str(result).endswith("Settings that differ: method, permissions.")


async def test_key_created_meanwhile_is_an_existing_key() -> None:
    """Another program may create the key first."""
    name_exists = (400, "The given name already exists")
    server = make_server(NO_KEYS, (200, [make_key_json()]), **{"POST /api/user/7/api": name_exists})

    assert (await ensure_key(server)).key is None


async def test_refused_key_raises_an_error() -> None:
    """The key still does not exist, so the server refused it for another reason."""
    server = make_server(NO_KEYS, **{"POST /api/user/7/api": (400, "Invalid security method")})

    with pytest.raises(BadRequest, match=r"api_keys\.create_for_user"):
        await ensure_key(server, method="magic")


async def test_permissions_that_the_server_ignored_are_set_again() -> None:
    """Servers before 1.10 create keys without limits."""
    limited = (200, [make_key_json(permissions=["create_user"])])
    server = make_server(
        NO_KEYS, (200, [make_key_json()]), limited, **{"PATCH /api/user/7/api": (204, None)}
    )

    result = await ensure_key(server, permissions=["create_user"])

    assert (result.created, result.info.permissions) == (True, ["create_user"])
    assert server.find_calls("PATCH")[0][1] == {"api_key": "k" * 32, "permissions": ["create_user"]}


@pytest.mark.parametrize("key_lists", [(NO_KEYS, (200, [make_key_json()])), (NO_KEYS, NO_KEYS)])
async def test_key_that_cannot_be_limited_is_deleted(key_lists: tuple[Any, ...]) -> None:
    """No key with more permissions than requested is left."""
    routes = {"PATCH /api/user/7/api": (501, "x"), "DELETE /api/user/7/api": (204, None)}
    server = make_server(*key_lists, **routes)

    with pytest.raises(ServerError):
        await ensure_key(server, permissions=["create_user"])

    assert server.find_calls("DELETE")[0][1] == {"api_key": "k" * 32}


async def test_new_key_that_is_not_listed_raises_an_error() -> None:
    """Another program may have deleted it."""
    server = make_server(NO_KEYS, **{"DELETE /api/user/7/api": (204, None)})

    with pytest.raises(ApiKeyNotCreated, match="is not listed") as caught:
        await ensure_key(server)

    assert caught.value.name == "ci"


async def test_key_can_be_ensured_for_a_user_object() -> None:
    """The user can be passed as returned by the client."""
    server = make_server((200, [make_key_json()]), **{"GET /api/user/7": (200, make_user_json())})

    async with server.client() as da:
        assert (await da.ensure_api_key(await da.users.get(7), "ci")).info.name == "ci"

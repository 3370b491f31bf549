"""API keys on the fake server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from docassemble_client import AccessDenied, AsyncDocassemble
from tests.testing.conftest import get_error_text

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from docassemble_client.testing import FakeServer

    Call = Callable[[AsyncDocassemble], Awaitable[Any]]

KEYS = "/api/user/api"


async def test_key_is_created_updated_masked_and_deleted(da: AsyncDocassemble) -> None:
    """Only its creation returns the key; a new method clears the addresses."""
    key = await da.api_keys.create(
        "job", method="ip", allowed=["10.0.0.1"], permissions=["read_packages"]
    )
    await da.api_keys.update(
        api_key=key,
        name="work",
        add_to_allowed=["10.0.0.2", "10.0.0.3"],
        remove_from_allowed=["10.0.0.1", "10.0.0.9"],
        add_to_permissions=["access_user_info"],
        remove_from_permissions=["read_packages"],
    )
    found_by_name = await da.api_keys.get(name="work")
    await da.api_keys.update(api_key=key, method="none", permissions=["manage_packages"])
    found_by_key = await da.api_keys.get(api_key=key)
    keys = await da.api_keys.list()
    await da.api_keys.delete(key)
    await da.api_keys.delete(key)

    default_key = await da.api_keys.get(name="default")

    assert default_key.permissions is None
    assert (found_by_name.key, found_by_name.constraints) == (None, ["10.0.0.2", "10.0.0.3"])
    assert found_by_name.permissions == ["access_user_info"]
    assert found_by_key.key == "*" * 28 + key.reveal()[-4:]
    assert (found_by_key.constraints, found_by_key.permissions) == ([], ["manage_packages"])
    assert [key.name for key in keys] == ["default", "work"]
    error = await get_error_text(da.api_keys.get(name="work"))
    assert error.startswith("404 No such API key")


async def test_administrator_manages_the_keys_of_other_users(
    da: AsyncDocassemble, fake: FakeServer
) -> None:
    """Keys are created, updated and deleted by user ID; a deleted key is refused."""
    ada = fake.add_user("ada@example.com")

    key = await da.api_keys.create_for_user(ada.id, "job", allowed=[])
    await da.api_keys.update_for_user(ada.id, key, name="work", permissions=["x"])
    names = [api_key.name for api_key in await da.api_keys.list_for_user(ada.id)]
    work = await da.api_keys.get_for_user(ada.id, name="work")
    async with AsyncDocassemble(fake.url, key, transport=fake.transport()) as client:
        me = await client.users.get_current()
        await da.api_keys.delete_for_user(ada.id, key)
        with pytest.raises(AccessDenied):
            await client.users.get_current()

    assert (names, work.permissions, me.id) == (["test", "work"], [], ada.id)


async def test_only_administrators_can_limit_keys(fake: FakeServer) -> None:
    """The server ignores permissions from other users."""
    ada = fake.add_user("ada@example.com")

    async with fake.client(ada) as da:
        await da.api_keys.create("job", permissions=["read_packages"])
        assert (await da.api_keys.get(name="job")).permissions == []


def send_raw(verb: str, path: str = KEYS, /, **value: Any) -> Call:
    """Send a request that the client would refuse to send."""
    return lambda da: da.request(verb, path, json=value)


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (send_raw("POST", method="x"), "400 Invalid security method"),
        (send_raw("POST", allowed="x"), "400 Allowed sites list not a valid list"),
        (send_raw("POST", allowed=5), "400 Allowed sites list not a valid list"),
        (send_raw("POST", allowed=[5]), "400 Allowed sites list not a valid list"),
        (send_raw("POST"), "400 A name must be supplied"),
        (send_raw("POST", name="default"), "400 The given name already exists"),
        (send_raw("POST", name="x" * 256), "400 The name is invalid"),
        (send_raw("POST", name="x", permissions="x"), "400 Permissions list not valid json"),
        (send_raw("POST", name="x", permissions=5), "400 Permissions list not a valid list"),
        (
            send_raw("POST", name="x", permissions=[5]),
            "400 Permissions list should contain all strings",
        ),
        (
            send_raw("POST", name="x", permissions=["x"]),
            "400 Permissions list contained a permission",
        ),
        (send_raw("PATCH", api_key="x"), "400 The given API key cannot be modified"),
        (send_raw("PATCH", "/api/user/2/api"), "400 No API key given"),
        (send_raw("PATCH", method="x"), "400 Invalid security method"),
        (send_raw("PATCH", add_to_allowed="["), "400 add_to_allowed is not a valid list"),
        (
            send_raw("PATCH", remove_from_allowed="[5]"),
            "400 remove_from_allowed is not a valid list",
        ),
        (send_raw("PATCH", add_to_permissions="["), "400 add_to_permissions is not a valid list"),
        (
            send_raw("PATCH", add_to_permissions="x"),
            "400 add_to_permissions contained a permission",
        ),
        (send_raw("PATCH", permissions="x"), "400 Permissions list not a valid list"),
        (send_raw("PATCH", permissions=[5]), "400 Permissions list not a valid list"),
        (send_raw("DELETE"), "400 An API key must supplied"),
        (send_raw("DELETE", "/api/user/99/api"), "404 User not found."),
    ],
)
async def test_invalid_calls_on_keys_are_refused(
    da: AsyncDocassemble, fake: FakeServer, call: Call, expected: str
) -> None:
    """Each error has the same text as on a real server."""
    fake.add_user("ada@example.com")

    error = await get_error_text(call(da))

    assert error.startswith(expected)

"""API keys on the real server: creating, reading, updating and deleting them."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve, frozen

from docassemble_client import ApiKey, AsyncDocassemble
from tests.live.accounts import limited_client, temporary_account
from tests.live.known_errors import ACCESS_DENIED, assert_error

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from tests.live.conftest import Connect

UNKNOWN_USER = 2_000_000_000
NO_ACCESS = "You do not have sufficient privileges to access user API information"
NO_EDIT = "You do not have sufficient privileges to edit user API information"
NOT_FOUND = "User not found."
NO_KEY = "No such API key could be found."
INVALID_PERMISSION = "Permissions list contained a permission that was not recognized"
INVALID_UPDATE = "{} contained a permission that was not recognized"
INVALID_VALUES: list[tuple[dict[str, Any], str]] = [
    ({"name": "test"}, "The given name already exists"),
    ({"name": "x" * 256}, "The name is invalid"),
    ({"method": "password"}, "Invalid security method"),
    ({"permissions": ["access_user_info", "manage_config"]}, INVALID_PERMISSION),
]
INVALID_UPDATES: list[tuple[dict[str, Any], str]] = [
    *INVALID_VALUES,
    ({"add_to_permissions": ["manage_config"]}, INVALID_UPDATE),
    ({"remove_from_permissions": ["no such permission"]}, INVALID_UPDATE),
]
CLIENT_ADDRESS, OTHER_ADDRESS = "127.0.0.1", "192.0.2.7"


@frozen
class Keys:
    """
    The keys of an account, accessed as own keys or as keys of a user.

    Attributes:
        da: A client.
        user_id: ID of the user; None for the client's own keys.
    """

    da: AsyncDocassemble
    user_id: int | None

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        """Return the method list, get, create, update or delete."""
        method: Callable[..., Awaitable[Any]]
        if self.user_id is None:
            method = getattr(self.da.api_keys, name)
            return method
        method = getattr(self.da.api_keys, f"{name}_for_user")
        user_id = self.user_id
        return lambda *args, **options: method(user_id, *args, **options)


@asynccontextmanager
async def temporary_keys(
    da: AsyncDocassemble, connect: Connect, *, own: bool
) -> AsyncGenerator[Keys]:
    """Create an admin with a key called test, and access its keys in one of two ways."""
    async with temporary_account(da, connect, "admin") as admin:
        yield Keys(admin.da, None) if own else Keys(da, admin.id)


own_and_for_user = pytest.mark.parametrize("own", [True, False], ids=["own", "of a user"])


@pytest.mark.since("1.10")
@own_and_for_user
async def test_key_is_created_read_updated_and_deleted(
    da: AsyncDocassemble, connect: Connect, *, own: bool
) -> None:
    """A key has the created values, then the updated values, then it is deleted."""
    async with temporary_keys(da, connect, own=own) as keys:
        key = await keys.create(
            "Bericht Ä", method="ip", allowed=[CLIENT_ADDRESS], permissions=["access_user_info"]
        )
        created = await keys.get(name="Bericht Ä")
        all_keys = await keys.list()
        await keys.update(api_key=key, name="report", method="referer", permissions=[])
        updated = await keys.get(api_key=key)
        await keys.delete(api_key=key)
        await assert_error(keys.get(api_key=key), 404, NO_KEY)
        remaining = [api_key.name for api_key in await keys.list()]

    expected = ApiKey(
        name="Bericht Ä",
        last_four=key.reveal()[-4:],
        method="ip",
        constraints=[CLIENT_ADDRESS],
        permissions=["access_user_info"],
    )
    masked = evolve(expected, key="*" * 28 + expected.last_four)
    assert created == expected
    assert masked in all_keys
    assert updated == evolve(
        masked, name="report", method="referer", constraints=[], permissions=[]
    )
    assert remaining == ["test"]


@own_and_for_user
async def test_allowed_addresses_and_permissions_are_edited(
    da: AsyncDocassemble, connect: Connect, *, own: bool
) -> None:
    """
    Addresses and permissions are replaced, added and removed.

    A value that is added twice is listed twice. Each removal removes it once.
    """
    read, create, parse = "access_user_info", "create_user", "template_parse"

    async with temporary_keys(da, connect, own=own) as keys:
        key = await keys.create("edited", method="ip")

        async def update(**changes: list[str]) -> tuple[list[str], list[str] | None]:
            await keys.update(api_key=key, **changes)
            api_key: ApiKey = await keys.get(name="edited")
            return api_key.constraints, api_key.permissions

        states = [
            await update(allowed=[CLIENT_ADDRESS], permissions=[read]),
            await update(
                add_to_allowed=[OTHER_ADDRESS, CLIENT_ADDRESS],
                add_to_permissions=[create, read],
            ),
            await update(
                remove_from_allowed=[CLIENT_ADDRESS], remove_from_permissions=[read, parse]
            ),
            await update(),
            await update(allowed=[], permissions=[]),
            await update(add_to_allowed=["[::1]"], add_to_permissions=[parse]),
        ]

    assert states == [
        ([CLIENT_ADDRESS], [read]),
        ([CLIENT_ADDRESS, OTHER_ADDRESS, CLIENT_ADDRESS], [read, create, read]),
        ([OTHER_ADDRESS, CLIENT_ADDRESS], [create, read]),
        ([OTHER_ADDRESS, CLIENT_ADDRESS], [create, read]),
        ([], []),
        (["[::1]"], [parse]),
    ]


async def test_key_updates_itself_by_default(da: AsyncDocassemble, connect: Connect) -> None:
    """Without an argument, update changes the calling key, which may lock itself out."""
    async with temporary_account(da, connect) as account:
        await account.da.api_keys.update(name="renamed")
        (key,) = await account.da.api_keys.list()
        await account.da.api_keys.update(method="ip", allowed=[OTHER_ADDRESS])
        await assert_error(account.da.users.get_current(), 403, ACCESS_DENIED)

    assert (key.name, key.method) == ("renamed", "none")


async def test_installation_key_has_no_permission_list(da: AsyncDocassemble) -> None:
    """The key of the installation has no permissions; lists of keys show an empty list."""
    default_key = await da.api_keys.get(name="default")
    (listed_key,) = [api_key for api_key in await da.api_keys.list() if api_key.name == "default"]

    assert default_key.permissions is None
    assert listed_key.permissions == []


async def test_deleting_an_unknown_key_changes_nothing(
    da: AsyncDocassemble, connect: Connect, unique: str
) -> None:
    """Deleting unknown, masked and other users' keys is not an error and deletes nothing."""
    async with temporary_account(da, connect) as account:
        key = await account.da.api_keys.create(unique)
        masked = await account.da.api_keys.get(api_key=key)
        for invalid_key in ("unknown", str(masked.key)):
            await account.da.api_keys.delete(invalid_key)
        await da.api_keys.delete(key)
        await da.api_keys.delete_for_user(1, key)
        names = {key.name for key in await da.api_keys.list_for_user(account.id)}

    assert names == {"test", unique}


@pytest.mark.since("1.10")
@own_and_for_user
async def test_invalid_values_of_a_new_key_are_refused(
    da: AsyncDocassemble, connect: Connect, *, own: bool
) -> None:
    """Name, method and permissions are checked; no key is created."""
    async with temporary_keys(da, connect, own=own) as keys:
        for values, problem in INVALID_VALUES:
            await assert_error(keys.create(**{"name": "new", **values}), 400, problem)

        assert [api_key.name for api_key in await keys.list()] == ["test"]


@own_and_for_user
async def test_invalid_updates_of_a_key_are_refused(
    da: AsyncDocassemble, connect: Connect, *, own: bool
) -> None:
    """The key must be an unmasked key of the account; invalid values change nothing."""
    problem_of_key = "The given API key cannot be modified"

    async with (
        temporary_keys(da, connect, own=own) as keys,
        temporary_account(da, connect) as other_account,
    ):
        key = await keys.create("changed")
        before = await keys.get(api_key=key)
        for invalid_key in (other_account.api_key, "unknown", before.key):
            await assert_error(keys.update(api_key=invalid_key, name="new"), 400, problem_of_key)
            await assert_error(keys.get(api_key=invalid_key), 404, NO_KEY)
        await assert_error(keys.get(name="Changed"), 404, NO_KEY)
        for values, problem in INVALID_UPDATES:
            await assert_error(keys.update(api_key=key, **values), 400, problem)

        assert await keys.get(api_key=key) == before


async def test_keys_of_an_unknown_user_are_not_found(da: AsyncDocassemble) -> None:
    """An unknown user ID is not found."""
    keys = Keys(da, UNKNOWN_USER)
    for call in (
        keys.list(),
        keys.get(name="test"),
        keys.create("test"),
        keys.update("unknown", name="new"),
        keys.delete("unknown"),
    ):
        await assert_error(call, 404, NOT_FOUND)


@pytest.mark.parametrize("privileges", [(), ("advocate",), ("developer",)], ids=str)
async def test_only_admins_access_keys_of_others(
    da: AsyncDocassemble, connect: Connect, privileges: tuple[str, ...]
) -> None:
    """Other users access only their own keys, also by user ID."""
    async with temporary_account(da, connect, *privileges) as account:
        await _assert_access_is_refused(Keys(account.da, 1))
        key = await account.da.api_keys.create_for_user(account.id, "second")
        await account.da.api_keys.update_for_user(account.id, key, name="renamed")
        own_keys = await account.da.api_keys.list_for_user(account.id)
        await account.da.api_keys.delete_for_user(account.id, key)

        assert {key.name for key in own_keys} == {"test", "renamed"}
        assert [key.name for key in await account.da.api_keys.list()] == ["test"]


async def test_limited_key_needs_permissions_for_keys(
    da: AsyncDocassemble, connect: Connect
) -> None:
    """access_user_api_info reads keys and edit_user_api_info edits them, own keys and others."""
    async with (
        temporary_account(da, connect) as account,
        limited_client(da, connect, "access_user_info") as no_access,
        limited_client(da, connect, "access_user_api_info") as reader,
        limited_client(da, connect, "edit_user_api_info") as editor,
    ):
        for user_id in (None, 1, account.id):
            await _assert_access_is_refused(Keys(no_access, user_id))
        await _assert_editing_is_refused(Keys(reader, account.id))
        await _assert_reading_is_refused(Keys(editor, account.id))
        key = await editor.api_keys.create_for_user(account.id, "new", permissions=["create_user"])
        await editor.api_keys.update_for_user(account.id, key, name="newer", permissions=["bad"])
        updated = await reader.api_keys.get_for_user(account.id, api_key=key)
        await editor.api_keys.delete_for_user(account.id, key)
        remaining = await reader.api_keys.list_for_user(account.id)

    assert updated.name == "newer"
    assert not updated.permissions
    assert [key.name for key in remaining] == ["test"]


async def test_limited_key_can_create_an_unlimited_key(
    da: AsyncDocassemble, connect: Connect, unique: str
) -> None:
    """With edit_user_api_info, a limited key can create a key with all permissions."""
    async with limited_client(da, connect, "edit_user_api_info") as editor:
        key = await editor.api_keys.create(unique, permissions=["read_packages"])
        async with connect(key) as unlimited:
            config = await unlimited.server.get_config()
            await unlimited.api_keys.delete(key)

    assert "secretkey" in config


async def _assert_reading_is_refused(keys: Keys) -> None:
    await assert_error(keys.list(), 403, NO_ACCESS)
    await assert_error(keys.get(name="test"), 403, NO_ACCESS)


async def _assert_editing_is_refused(keys: Keys) -> None:
    await assert_error(keys.create("new"), 403, NO_EDIT)
    await assert_error(keys.update(api_key="unknown", name="new"), 403, NO_EDIT)
    await assert_error(keys.delete(api_key="unknown"), 403, NO_EDIT)


async def _assert_access_is_refused(keys: Keys) -> None:
    await _assert_reading_is_refused(keys)
    await _assert_editing_is_refused(keys)

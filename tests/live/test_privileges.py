"""Privileges on the real server: creating, granting, revoking and deleting them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from docassemble_client import AsyncDocassemble, BadRequest
from tests.live.accounts import limited_client, temporary_account, temporary_privilege
from tests.live.known_errors import ACCESS_DENIED, assert_error

if TYPE_CHECKING:
    from tests.live.conftest import Connect

UNKNOWN_USER = 2_000_000_000
BUILT_IN = {"user", "admin", "developer", "advocate", "cron"}
NO_LIST = "You do not have sufficient privileges to see the list of privileges."
NO_ACCESS = (
    "Error obtaining user information:"
    " You do not have sufficient privileges to access information about other users"
)
NOT_FOUND = "User not found"
UNKNOWN = "The specified privilege does not exist."
NO_GRANT = "You do not have sufficient privileges to give the user this privilege."
NO_REVOKE = "You do not have sufficient privileges to take away this privilege."


@pytest.mark.parametrize(
    "name",
    [
        "ordinary",
        "Ünï/cödé & <b>'q'\"",
        "two words?#%20",
        "  ",
        "",
        "[admin]",
        "x" * 50,
        "李" * 50,
    ],
    ids=["word", "signs", "spaces", "blank", "empty", "brackets", "long", "wide"],
)
async def test_privilege_of_any_name_is_created_granted_and_deleted(
    da: AsyncDocassemble, connect: Connect, name: str
) -> None:
    """A privilege with any name is listed, granted, revoked and deleted."""
    async with temporary_account(da, connect) as plain:
        async with temporary_privilege(da, name):
            before = await da.privileges.list()
            await da.privileges.grant(plain.id, name)
            granted = await da.privileges.list_for_user(plain.id)
            await da.privileges.revoke(plain.id, name)
            revoked = await plain.da.privileges.list_current()
            await da.privileges.grant(plain.id, name)
        deleted = (await da.users.get(plain.id)).privileges
        after = await da.privileges.list()

    assert name in before
    assert (granted, revoked, deleted) == ([name], [], [])
    assert name not in after


async def test_list_is_sorted_and_has_built_in_privileges(
    da: AsyncDocassemble, connect: Connect
) -> None:
    """Developers may list the privileges too; cron is included."""
    async with temporary_account(da, connect, "developer") as developer:
        names = await developer.da.privileges.list()

    assert names == sorted(names) == await da.privileges.list()
    assert set(names) >= BUILT_IN


async def test_granted_privilege_applies_immediately(
    da: AsyncDocassemble, connect: Connect
) -> None:
    """A privilege applies from granting until revoking."""
    async with temporary_account(da, connect, "user") as account:
        await assert_error(account.da.privileges.list(), 400, NO_LIST)
        await da.privileges.grant(account.id, "developer")
        names = await account.da.privileges.list()
        both = await account.da.privileges.list_current()
        await da.privileges.revoke(account.id, "developer")
        await assert_error(account.da.privileges.list(), 400, NO_LIST)

    assert "developer" in names
    assert sorted(both) == ["developer", "user"]


async def test_invalid_names_are_refused(
    da: AsyncDocassemble, connect: Connect, unique: str
) -> None:
    """Existing, unknown and built-in names have different errors."""
    privileges = da.privileges
    built_in = "The specified privilege is built-in and cannot be deleted."
    cron = "You cannot give a user the cron privilege."
    await assert_error(privileges.create("user"), 400, "The given privilege already exists.")
    await assert_error(privileges.delete(unique), 400, "The privilege {} did not exist.")
    for name in BUILT_IN:
        await assert_error(privileges.delete(name), 400, built_in)
    async with temporary_account(da, connect, "user") as account:
        for name in (unique, "User", ""):
            await assert_error(privileges.grant(account.id, name), 400, UNKNOWN)
            await assert_error(privileges.revoke(account.id, name), 400, UNKNOWN)
        granted = "The user already had that privilege."
        await assert_error(privileges.grant(account.id, "user"), 400, granted)
        await assert_error(privileges.grant(account.id, "cron"), 400, cron)
        not_granted = "The user did not already have that privilege."
        await assert_error(privileges.revoke(account.id, "trainer"), 400, not_granted)

        assert await privileges.list_for_user(account.id) == ["user"]


async def test_error_text_of_a_too_long_name_has_no_sql(da: AsyncDocassemble) -> None:
    """The server returns its SQL statement, which is only in the body of the error."""
    with pytest.raises(BadRequest) as error:
        await da.privileges.create("x" * 51)

    assert "INSERT INTO" in str(error.value.body)
    assert "INSERT INTO" not in str(error.value)


async def test_privileges_of_an_unknown_user_are_not_found(da: AsyncDocassemble) -> None:
    """An unknown user ID is not found."""
    await assert_error(da.privileges.list_for_user(UNKNOWN_USER), 404, NOT_FOUND)
    await assert_error(da.privileges.grant(UNKNOWN_USER, "user"), 404, NOT_FOUND)
    await assert_error(da.privileges.revoke(UNKNOWN_USER, "user"), 404, NOT_FOUND)


@pytest.mark.parametrize("names", [(), ("advocate",), ("developer",)], ids=str)
async def test_only_admins_change_privileges(
    da: AsyncDocassemble, connect: Connect, names: tuple[str, ...]
) -> None:
    """Other users cannot create, delete, grant or revoke privileges, not even their own."""
    async with temporary_account(da, connect, *names) as account:
        await assert_error(account.da.privileges.create("made by one"), 403, ACCESS_DENIED)
        await assert_error(account.da.privileges.delete("customer"), 403, ACCESS_DENIED)
        await assert_error(account.da.privileges.grant(account.id, "admin"), 403, ACCESS_DENIED)
        await assert_error(
            account.da.privileges.revoke(account.id, "developer"), 403, ACCESS_DENIED
        )

        assert await account.da.privileges.list_current() == list(names)


async def test_advocates_read_privileges_of_others(da: AsyncDocassemble, connect: Connect) -> None:
    """Advocates may read privileges of others; developers and other users may not."""
    async with (
        temporary_account(da, connect, "advocate") as advocate,
        temporary_account(da, connect, "developer") as developer,
        temporary_account(da, connect) as plain,
    ):
        of_developer = await advocate.da.privileges.list_for_user(developer.id)
        for account in (developer, plain):
            privileges = account.da.privileges
            await assert_error(privileges.list_for_user(1), 400, NO_ACCESS)
            await assert_error(privileges.grant(1, "user"), 400, NO_ACCESS)
            await assert_error(privileges.revoke(1, "admin"), 400, NO_ACCESS)
        await assert_error(advocate.da.privileges.list(), 400, NO_LIST)

    assert of_developer == ["developer"]


async def test_limited_key_needs_a_permission_for_each_call(
    da: AsyncDocassemble, connect: Connect
) -> None:
    """Each call needs its permission; powerful privileges cannot be granted."""
    async with (
        temporary_account(da, connect, "developer") as account,
        limited_client(da, connect, "edit_privileges") as without_access,
        limited_client(da, connect, "edit_privileges", "access_privileges") as editor,
        limited_client(da, connect, "access_user_info", "edit_user_privileges") as granter,
    ):
        await assert_error(without_access.privileges.list(), 400, NO_LIST)
        await assert_error(without_access.privileges.create("made by half"), 400, NO_LIST)
        await assert_error(without_access.privileges.list_current(), 400, NO_ACCESS)
        await assert_error(without_access.privileges.grant(account.id, "user"), 400, NO_ACCESS)
        await editor.privileges.create("made by a limited key")
        await without_access.privileges.delete("made by a limited key")
        for name in ("admin", "advocate", "cron"):
            await assert_error(granter.privileges.grant(account.id, name), 400, NO_GRANT)
        await granter.privileges.grant(account.id, "user")
        await granter.privileges.revoke(account.id, "developer")
        own = await granter.privileges.list_current()

        assert own == ["admin"]
        assert await da.privileges.list_for_user(account.id) == ["user"]


async def test_admins_cannot_revoke_their_own_admin_privilege(
    da: AsyncDocassemble, connect: Connect
) -> None:
    """Only another admin can revoke the privilege admin."""
    own = "You cannot take away the admin privilege from the current user."
    async with temporary_account(da, connect, "admin") as admin:
        await assert_error(admin.da.privileges.revoke(admin.id, "admin"), 400, own)
        await da.privileges.revoke(admin.id, "admin")

        assert await admin.da.privileges.list_current() == []


async def test_privilege_has_its_configured_permissions(
    da: AsyncDocassemble, connect: Connect, unique: str
) -> None:
    """The privilege clerk may grant privileges, but not powerful ones."""
    async with (
        temporary_privilege(da, "clerk"),
        temporary_account(da, connect, "clerk") as clerk,
        temporary_account(da, connect, "developer") as account,
    ):
        await clerk.da.privileges.grant(account.id, "user")
        await assert_error(clerk.da.privileges.grant(account.id, "admin"), 400, NO_GRANT)
        await assert_error(clerk.da.privileges.revoke(account.id, "developer"), 400, NO_REVOKE)
        names = ["admin", "customer"]
        new = await clerk.da.users.create(f"{unique}@example.com", privileges=names)
        created = await clerk.da.users.get(new.user_id)
        await da.users.delete(new.user_id, "account")

        assert sorted(await da.privileges.list_for_user(account.id)) == ["developer", "user"]
        assert created.privileges == ["customer"]

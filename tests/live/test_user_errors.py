"""Errors of the calls on accounts, on the real server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from docassemble_client import AsyncDocassemble, BadRequest, ServerError
from tests.live.accounts import limited_client, temporary_account
from tests.live.known_errors import ACCESS_DENIED, assert_error

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from tests.live.conftest import Connect

UNKNOWN_USER = 2_000_000_000
LONG_PASSWORD = "ü" * 37  # 74 bytes
NOT_FOUND = "User not found."
NO_ACCESS = "You do not have sufficient privileges to access user information"
NO_EDIT = "You do not have sufficient privileges to edit user information."
NO_PASSWORD = "You must have admin privileges to change a password."
NO_OWN_PASSWORD = "You do not have sufficient privileges to change a user's password."
NOT_THIS_USER = "You do not have sufficient privileges to edit this user's information."
NO_OWN_EDIT = "You do not have sufficient privileges to edit a user's information"
NO_STATUS = "You do not have sufficient privileges to change the active status of user accounts."
NO_STATUS_CHANGE = "The active status of this user account cannot be changed."
NO_DEACTIVATION = "You do not have sufficient privileges to inactivate user accounts."
NO_DELETION = "You do not have sufficient privileges to delete user accounts."
PROTECTED = "This user account cannot be deleted or deactivated."
WRONG_OLD_PASSWORD = "The old_password is incorrect"
DATABASE_REFUSAL = "(psycopg2.errors.{}"
TOO_LONG_PASSWORD = "password cannot be longer than 72 bytes{}"


async def test_unknown_user_id_is_not_found(da: AsyncDocassemble) -> None:
    """No call finds an account with an unknown ID."""
    await assert_error(da.users.get(UNKNOWN_USER), 404, NOT_FOUND)
    await assert_error(da.users.get(10**30), 404, NOT_FOUND)
    await assert_error(da.users.update(UNKNOWN_USER, first_name="Ada"), 404, NOT_FOUND)
    await assert_error(da.users.deactivate(UNKNOWN_USER), 404, NOT_FOUND)
    await assert_error(da.users.delete(UNKNOWN_USER, "account"), 404, NOT_FOUND)


@pytest.mark.since("1.9")
async def test_invalid_values_of_a_new_account_are_refused(
    da: AsyncDocassemble, unique: str
) -> None:
    """No account is created with a used address, an invalid password or an unknown privilege."""
    email = f"{unique}@example.com"

    me = await da.users.get_current()
    used = "That e-mail address is already being used."
    await assert_error(da.users.create(str(me.email).upper()), 400, used)
    for password in ("abc", "  abc  ", "x" * 255):
        problem = "Password too short or too long"
        await assert_error(da.users.create(email, password=password), 400, problem)
    await assert_error(da.users.create(email, password=LONG_PASSWORD), 400, TOO_LONG_PASSWORD)
    for name in ("cron", "no such privilege", ""):
        problem = "Invalid privilege name.  {} is not an existing privilege."
        await assert_error(da.users.create(email, privileges=["user", name]), 400, problem)

    await assert_error(da.users.get_by_username(email), 404, NOT_FOUND)


async def test_invalid_usernames_are_refused(da: AsyncDocassemble, unique: str) -> None:
    """An unknown address is not found; an address with a null character is an error."""
    for username in (f"{unique}@example.com", "", "%"):
        await assert_error(da.users.get_by_username(username), 404, NOT_FOUND)
    problem = "Error obtaining user information: {}"
    await assert_error(da.users.get_by_username("\0"), 400, problem)


async def test_wrong_credentials_return_no_secret(da: AsyncDocassemble, unique: str) -> None:
    """The decryption key needs an existing account and its exact password."""
    me = str((await da.users.get_current()).email)
    await assert_error(da.users.get_secret(unique, "password"), 403, "Username not known")
    for password in ("", "wrong", LONG_PASSWORD):
        await assert_error(da.users.get_secret(me, password), 403, "Incorrect password")


@pytest.mark.since("1.9")
async def test_invalid_updates_are_refused(da: AsyncDocassemble, connect: Connect) -> None:
    """Wrong or too long passwords and invalid profiles change nothing."""
    async with temporary_account(da, connect, "admin") as admin:
        before = await da.users.get(admin.id)
        for call in (
            da.users.update(admin.id, password="new one", old_password="wrong"),
            admin.da.users.update_current(password="new one", old_password="wrong"),
        ):
            await assert_error(call, 400, WRONG_OLD_PASSWORD)
        await assert_error(
            da.users.update(admin.id, password=LONG_PASSWORD), 400, TOO_LONG_PASSWORD
        )
        await assert_error(
            admin.da.users.update_current(password=LONG_PASSWORD), 400, TOO_LONG_PASSWORD
        )
        too_long: tuple[Awaitable[object], ...] = (
            admin.da.users.update_current(country="Germany"),
            da.users.create("x" * 256),
            da.privileges.create("x" * 51),
        )
        for long_call in too_long:
            await assert_error(long_call, 400, DATABASE_REFUSAL)
        with pytest.raises(BadRequest, match="400") as error:
            await da.users.update(admin.id, country="Germany")
        after = await da.users.get(admin.id)
        secret = await da.users.get_secret(admin.email, admin.password)

    assert "Germany" not in str(error.value)
    assert after == before
    assert secret.reveal()


async def test_first_admin_and_owner_of_the_key_are_protected(
    da: AsyncDocassemble, connect: Connect
) -> None:
    """The first account and the own account cannot be deactivated or deleted."""
    async with temporary_account(da, connect, "admin") as admin:
        for user_id in (1, admin.id):
            status = admin.da.users.update(user_id, active=False)
            await assert_error(status, 403, NO_STATUS_CHANGE)
            await assert_error(admin.da.users.deactivate(user_id), 403, PROTECTED)
            await assert_error(admin.da.users.delete(user_id, "account"), 403, PROTECTED)
            shared = admin.da.users.delete(user_id, "account_and_shared")
            await assert_error(shared, 403, PROTECTED)

        assert (await da.users.get(admin.id)).active is True


@pytest.mark.parametrize("privileges", [(), ("developer",), ("user", "trainer")], ids=str)
async def test_accounts_of_others_need_a_privilege(
    da: AsyncDocassemble, connect: Connect, privileges: tuple[str, ...]
) -> None:
    """Without the privilege admin or advocate, only the own account is accessible."""
    async with temporary_account(da, connect, *privileges) as account:
        users = account.da.users
        await assert_error(users.get(1), 403, NO_ACCESS)
        await assert_error(users.update(1, first_name="Ada"), 403, NO_ACCESS)
        await assert_error(users.deactivate(1), 403, NO_ACCESS)
        await assert_error(users.delete(1, "account"), 403, NO_ACCESS)
        await assert_error(users.update_current(password="new one"), 403, NO_OWN_PASSWORD)
        await assert_error(users.update(account.id, password="new one"), 403, NO_PASSWORD)
        await assert_error(users.list(), 403, ACCESS_DENIED)
        await assert_error(users.get_by_username(account.email), 403, ACCESS_DENIED)
        await assert_error(users.create("nobody@example.com"), 403, ACCESS_DENIED)
        await assert_error(users.invite(["nobody@example.com"]), 403, ACCESS_DENIED)


async def test_advocates_cannot_change_accounts(da: AsyncDocassemble, connect: Connect) -> None:
    """Advocates cannot create, update, deactivate or delete accounts."""
    async with (
        temporary_account(da, connect, "advocate") as advocate,
        temporary_account(da, connect) as plain,
    ):
        users = advocate.da.users
        await assert_error(users.update(plain.id, first_name="Ada"), 403, NO_EDIT)
        await assert_error(users.deactivate(plain.id), 403, NO_DEACTIVATION)
        await assert_error(users.delete(plain.id, "account"), 403, NO_DELETION)
        await assert_error(users.delete(plain.id, "account_and_shared"), 403, NO_DELETION)
        await assert_error(users.create("nobody@example.com"), 403, ACCESS_DENIED)
        await assert_error(users.invite(["nobody@example.com"]), 403, ACCESS_DENIED)
        after = await da.users.get(plain.id)

    assert (after.first_name, after.active) == ("", True)


async def test_each_change_needs_its_permission(da: AsyncDocassemble, connect: Connect) -> None:
    """A limited key needs a permission to read, and one for each type of change."""
    read, edit = "access_user_info", "edit_user_info"

    async with (
        temporary_account(da, connect) as plain,
        temporary_account(da, connect, "developer") as developer,
        limited_client(da, connect, "create_user") as other_key,
        limited_client(da, connect, read) as reader,
        limited_client(da, connect, read, edit) as editor,
        limited_client(da, connect, read, edit, "edit_user_password") as password_editor,
        limited_client(da, connect, read, "edit_user_active_status") as status_editor,
    ):
        await assert_error(other_key.users.get_current(), 403, NO_ACCESS)
        await assert_error(other_key.users.update_current(first_name="Ada"), 403, NO_ACCESS)
        await assert_error(other_key.users.get(plain.id), 403, NO_ACCESS)
        await assert_error(other_key.users.deactivate(plain.id), 403, NO_ACCESS)
        await assert_error(other_key.users.list(), 403, ACCESS_DENIED)
        await assert_error(reader.users.create("nobody@example.com"), 403, ACCESS_DENIED)
        await assert_error(reader.users.update_current(first_name="Ada"), 403, NO_OWN_EDIT)
        await assert_error(reader.users.update(plain.id, first_name="Ada"), 403, NO_EDIT)
        await assert_error(reader.users.deactivate(plain.id), 403, NO_DEACTIVATION)
        await assert_error(reader.users.delete(plain.id, "account"), 403, NO_DELETION)
        await assert_error(editor.users.update_current(first_name="Ada"), 400, NOT_THIS_USER)
        await assert_error(editor.users.update_current(password="new"), 403, NO_OWN_PASSWORD)
        await assert_error(editor.users.update(developer.id, first_name="A"), 400, NOT_THIS_USER)
        await assert_error(editor.users.update(plain.id, active=False), 403, NO_STATUS)
        await assert_error(editor.users.update(plain.id, password="new one"), 403, NO_PASSWORD)
        await editor.users.update(plain.id, first_name="Ada")
        await password_editor.users.update(plain.id, password="new one")
        await status_editor.users.deactivate(plain.id)
        after = await da.users.get(plain.id)
        secret = await da.users.get_secret(plain.email, "new one")

    assert (after.first_name, after.active) == ("Ada", False)
    assert secret.reveal()


async def test_deletion_needs_access_to_sessions(
    da: AsyncDocassemble, connect: Connect, unique: str
) -> None:
    """With delete_user alone, the server fails and keeps the account."""
    new = await da.users.create(f"{unique}@example.com")
    async with (
        limited_client(da, connect, "access_user_info", "delete_user") as insufficient,
        limited_client(
            da, connect, "access_user_info", "delete_user", "access_sessions"
        ) as sufficient,
    ):
        with pytest.raises(ServerError):
            await insufficient.users.delete(new.user_id, "account")
        kept_user = await da.users.get(new.user_id)
        await sufficient.users.delete(new.user_id, "account")
        await assert_error(sufficient.users.delete(new.user_id, "account"), 404, NOT_FOUND)

    assert kept_user.active is True


async def test_invalid_invitations_are_refused(da: AsyncDocassemble) -> None:
    """With an invalid address or privilege, no user is invited."""
    good = "guest@example.com"

    me = str((await da.users.get_current()).email)
    invite = da.users.invite
    used = "That e-mail address is already being used."
    missing = "One or more 'email_addresses' must be supplied."
    await assert_error(invite([good, "no address"]), 400, "Invalid e-mail address.")
    await assert_error(invite([good, me]), 400, used)
    await assert_error(invite([]), 400, missing)
    for privilege in ("cron", "no such privilege"):
        await assert_error(invite([good], privilege=privilege), 400, "Invalid privilege name.")


async def test_limited_key_can_create_an_admin(
    da: AsyncDocassemble, connect: Connect, unique: str
) -> None:
    """With create_user, a limited key of an admin can create and invite admins."""
    email = f"{unique}@example.com"

    async with limited_client(da, connect, "create_user") as creator:
        (invited,) = await creator.users.invite([email], privilege="admin", send_emails=False)
        new = await creator.users.create(email, privileges=["admin"])
    created = await da.users.get(new.user_id)
    await da.users.delete(new.user_id, "account")

    assert invited.url
    assert created.privileges == ["admin"]

"""What the real server refuses to do with accounts, and to whom."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from docassemble_client import AsyncDocassemble, ServerError
from tests.live.people import limited, person
from tests.live.refusals import DENIED, refused

if TYPE_CHECKING:
    from tests.live.conftest import Connect, Run

NOBODY = 2_000_000_000
LONG = "ü" * 37  # 74 bytes
NOT_FOUND = "User not found."
NO_ACCESS = "You do not have sufficient privileges to access user information"
NO_EDIT = "You do not have sufficient privileges to edit user information."
NO_PASSWORD = "You must have admin privileges to change a password."
NO_OWN_PASSWORD = "You do not have sufficient privileges to change a user's password."
NOT_THIS_USER = "You do not have sufficient privileges to edit this user's information."
NOT_THE_OWN = "You do not have sufficient privileges to edit a user's information"
NO_STATUS = "You do not have sufficient privileges to change the active status of user accounts."
FIXED_STATUS = "The active status of this user account cannot be changed."
NO_DEACTIVATION = "You do not have sufficient privileges to inactivate user accounts."
NO_DELETION = "You do not have sufficient privileges to delete user accounts."
PROTECTED = "This user account cannot be deleted or deactivated."
WRONG_OLD = "The old_password is incorrect"
TOO_LONG = "password cannot be longer than 72 bytes{}"


def test_unknown_number_is_not_found(run: Run) -> None:
    """No call finds an account by a number that nobody has."""

    async def job(da: AsyncDocassemble) -> None:
        await refused(da.users.get(NOBODY), 404, NOT_FOUND)
        await refused(da.users.get(10**30), 404, NOT_FOUND)
        await refused(da.users.update(NOBODY, first_name="Ada"), 404, NOT_FOUND)
        await refused(da.users.deactivate(NOBODY), 404, NOT_FOUND)
        await refused(da.users.delete(NOBODY, "account"), 404, NOT_FOUND)

    run(job)


@pytest.mark.since("1.9")
def test_bad_values_of_a_new_account_are_refused(run: Run, unique: str) -> None:
    """A used address, a bad password and an unknown privilege make no account."""
    email = f"{unique}@example.com"

    async def job(da: AsyncDocassemble) -> None:
        me = await da.users.get_current()
        used = "That e-mail address is already being used."
        await refused(da.users.create(str(me.email).upper()), 400, used)
        for password in ("abc", "  abc  ", "x" * 255):
            problem = "Password too short or too long"
            await refused(da.users.create(email, password=password), 400, problem)
        await refused(da.users.create(email, password=LONG), 400, TOO_LONG)
        for name in ("cron", "no such privilege", ""):
            problem = "Invalid privilege name.  {} is not an existing privilege."
            await refused(da.users.create(email, privileges=["user", name]), 400, problem)

        await refused(da.users.get_by_username(email), 404, NOT_FOUND)

    run(job)


def test_bad_look_ups_are_refused(run: Run, unique: str) -> None:
    """An address nobody has is not found; one that no database takes is an error."""

    async def job(da: AsyncDocassemble) -> None:
        for username in (f"{unique}@example.com", "", "%"):
            await refused(da.users.get_by_username(username), 404, NOT_FOUND)
        problem = "Error obtaining user information: {}"
        await refused(da.users.get_by_username("\0"), 400, problem)

    run(job)


def test_wrong_credentials_bring_no_secret(run: Run, unique: str) -> None:
    """The decryption key needs an account and its password, down to the last character."""

    async def job(da: AsyncDocassemble) -> None:
        me = str((await da.users.get_current()).email)
        await refused(da.users.get_secret(unique, "password"), 403, "Username not known")
        for password in ("", "wrong", LONG):
            await refused(da.users.get_secret(me, password), 403, "Incorrect password")

    run(job)


@pytest.mark.since("1.9")
def test_bad_changes_are_refused(run: Run, connect: Connect) -> None:
    """A wrong old password, one that is too long and a profile that does not fit change nothing."""

    async def job(da: AsyncDocassemble) -> None:
        async with person(da, connect, "admin") as admin:
            before = await da.users.get(admin.id)
            for call in (
                da.users.update(admin.id, password="new one", old_password="wrong"),
                admin.da.users.update_current(password="new one", old_password="wrong"),
            ):
                await refused(call, 400, WRONG_OLD)
            await refused(da.users.update(admin.id, password=LONG), 400, TOO_LONG)
            await refused(admin.da.users.update_current(password=LONG), 400, TOO_LONG)
            with pytest.raises(Exception, match="400") as error:
                await da.users.update(admin.id, country="Germany")
            after = await da.users.get(admin.id)
            secret = await da.users.get_secret(admin.email, admin.password)

        assert "Germany" not in str(error.value)
        assert after == before
        assert secret.reveal()

    run(job)


def test_first_admin_and_owner_of_the_key_are_protected(run: Run, connect: Connect) -> None:
    """Nobody switches off or removes the first account or the own one."""

    async def job(da: AsyncDocassemble) -> None:
        async with person(da, connect, "admin") as admin:
            for user_id in (1, admin.id):
                status = admin.da.users.update(user_id, active=False)
                await refused(status, 403, FIXED_STATUS)
                await refused(admin.da.users.deactivate(user_id), 403, PROTECTED)
                await refused(admin.da.users.delete(user_id, "account"), 403, PROTECTED)
                shared = admin.da.users.delete(user_id, "account_and_shared")
                await refused(shared, 403, PROTECTED)

            assert (await da.users.get(admin.id)).active is True

    run(job)


@pytest.mark.parametrize("privileges", [(), ("developer",), ("user", "trainer")], ids=str)
def test_others_accounts_are_closed_to_most(
    run: Run, connect: Connect, privileges: tuple[str, ...]
) -> None:
    """Without the privilege admin or advocate there is only one's own account."""

    async def job(da: AsyncDocassemble) -> None:
        async with person(da, connect, *privileges) as one:
            users = one.da.users
            await refused(users.get(1), 403, NO_ACCESS)
            await refused(users.update(1, first_name="Ada"), 403, NO_ACCESS)
            await refused(users.deactivate(1), 403, NO_ACCESS)
            await refused(users.delete(1, "account"), 403, NO_ACCESS)
            await refused(users.update_current(password="new one"), 403, NO_OWN_PASSWORD)
            await refused(users.update(one.id, password="new one"), 403, NO_PASSWORD)
            await refused(users.list(), 403, DENIED)
            await refused(users.get_by_username(one.email), 403, DENIED)
            await refused(users.create("nobody@example.com"), 403, DENIED)
            await refused(users.invite(["nobody@example.com"]), 403, DENIED)

    run(job)


def test_advocate_changes_nothing(run: Run, connect: Connect) -> None:
    """An advocate reads accounts, but creates, changes, switches off and removes none."""

    async def job(da: AsyncDocassemble) -> None:
        async with person(da, connect, "advocate") as advocate, person(da, connect) as plain:
            users = advocate.da.users
            await refused(users.update(plain.id, first_name="Ada"), 403, NO_EDIT)
            await refused(users.deactivate(plain.id), 403, NO_DEACTIVATION)
            await refused(users.delete(plain.id, "account"), 403, NO_DELETION)
            await refused(users.delete(plain.id, "account_and_shared"), 403, NO_DELETION)
            await refused(users.create("nobody@example.com"), 403, DENIED)
            await refused(users.invite(["nobody@example.com"]), 403, DENIED)
            after = await da.users.get(plain.id)

        assert (after.first_name, after.active) == ("", True)

    run(job)


def test_each_change_needs_its_permission(run: Run, connect: Connect) -> None:
    """A limited key needs one permission to read and another for each kind of change."""
    read, edit = "access_user_info", "edit_user_info"

    async def job(da: AsyncDocassemble) -> None:
        async with (
            person(da, connect) as plain,
            person(da, connect, "developer") as developer,
            limited(da, connect, "create_user") as other,
            limited(da, connect, read) as reader,
            limited(da, connect, read, edit) as editor,
            limited(da, connect, read, edit, "edit_user_password") as keeper,
            limited(da, connect, read, "edit_user_active_status") as switch,
        ):
            await refused(other.users.get_current(), 403, NO_ACCESS)
            await refused(other.users.update_current(first_name="Ada"), 403, NO_ACCESS)
            await refused(other.users.get(plain.id), 403, NO_ACCESS)
            await refused(other.users.deactivate(plain.id), 403, NO_ACCESS)
            await refused(other.users.list(), 403, DENIED)
            await refused(reader.users.create("nobody@example.com"), 403, DENIED)
            await refused(reader.users.update_current(first_name="Ada"), 403, NOT_THE_OWN)
            await refused(reader.users.update(plain.id, first_name="Ada"), 403, NO_EDIT)
            await refused(reader.users.deactivate(plain.id), 403, NO_DEACTIVATION)
            await refused(reader.users.delete(plain.id, "account"), 403, NO_DELETION)
            await refused(editor.users.update_current(first_name="Ada"), 400, NOT_THIS_USER)
            await refused(editor.users.update_current(password="new"), 403, NO_OWN_PASSWORD)
            await refused(editor.users.update(developer.id, first_name="A"), 400, NOT_THIS_USER)
            await refused(editor.users.update(plain.id, active=False), 403, NO_STATUS)
            await refused(editor.users.update(plain.id, password="new one"), 403, NO_PASSWORD)
            await editor.users.update(plain.id, first_name="Ada")
            await keeper.users.update(plain.id, password="new one")
            await switch.users.deactivate(plain.id)
            after = await da.users.get(plain.id)
            secret = await da.users.get_secret(plain.email, "new one")

        assert (after.first_name, after.active) == ("Ada", False)
        assert secret.reveal()

    run(job)


def test_removal_needs_access_to_sessions(run: Run, connect: Connect, unique: str) -> None:
    """With delete_user alone the server fails and the account stays; access_sessions helps."""

    async def job(da: AsyncDocassemble) -> None:
        new = await da.users.create(f"{unique}@example.com")
        async with (
            limited(da, connect, "access_user_info", "delete_user") as short,
            limited(da, connect, "access_user_info", "delete_user", "access_sessions") as enough,
        ):
            with pytest.raises(ServerError):
                await short.users.delete(new.user_id, "account")
            still = await da.users.get(new.user_id)
            await enough.users.delete(new.user_id, "account")
            await refused(enough.users.delete(new.user_id, "account"), 404, NOT_FOUND)

        assert still.active is True

    run(job)


def test_bad_invitations_are_refused(run: Run) -> None:
    """One bad address, or a privilege nobody can have, and nobody is invited."""
    good = "guest@example.com"

    async def job(da: AsyncDocassemble) -> None:
        me = str((await da.users.get_current()).email)
        invite = da.users.invite
        used = "That e-mail address is already being used."
        none = "One or more 'email_addresses' must be supplied."
        await refused(invite([good, "no address"]), 400, "Invalid e-mail address.")
        await refused(invite([good, me]), 400, used)
        await refused(invite([]), 400, none)
        for privilege in ("cron", "no such privilege"):
            await refused(invite([good], privilege=privilege), 400, "Invalid privilege name.")

    run(job)


def test_limited_key_makes_an_admin(run: Run, connect: Connect, unique: str) -> None:
    """With create_user a limited key of an admin makes and invites admins."""
    email = f"{unique}@example.com"

    async def job(da: AsyncDocassemble) -> None:
        async with limited(da, connect, "create_user") as maker:
            (invited,) = await maker.users.invite([email], privilege="admin", send_emails=False)
            new = await maker.users.create(email, privileges=["admin"])
        made = await da.users.get(new.user_id)
        await da.users.delete(new.user_id, "account")

        assert invited.url
        assert made.privileges == ["admin"]

    run(job)

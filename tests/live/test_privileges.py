"""Privileges on the real server: made, given, taken away, deleted, and to whom it is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from docassemble_client import AsyncDocassemble, BadRequest
from tests.live.people import limited, person, privilege
from tests.live.refusals import DENIED, refused

if TYPE_CHECKING:
    from tests.live.conftest import Connect, Run

NOBODY = 2_000_000_000
BUILT_IN = {"user", "admin", "developer", "advocate", "cron"}
NO_LIST = "You do not have sufficient privileges to see the list of privileges."
NO_ACCESS = (
    "Error obtaining user information:"
    " You do not have sufficient privileges to access information about other users"
)
NOT_FOUND = "User not found"
UNKNOWN = "The specified privilege does not exist."
NOT_GIVEN = "You do not have sufficient privileges to give the user this privilege."
NOT_TAKEN = "You do not have sufficient privileges to take away this privilege."


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
def test_privilege_of_any_name_is_made_given_and_deleted(
    run: Run, connect: Connect, name: str
) -> None:
    """Whatever it is called, a privilege is listed, given, taken away and deleted by its name."""

    async def job(da: AsyncDocassemble) -> None:
        async with person(da, connect) as plain:
            async with privilege(da, name):
                listed = await da.privileges.list()
                await da.privileges.grant(plain.id, name)
                given = await da.privileges.list_for_user(plain.id)
                await da.privileges.revoke(plain.id, name)
                taken = await plain.da.privileges.list_current()
                await da.privileges.grant(plain.id, name)
            lost = (await da.users.get(plain.id)).privileges
            after = await da.privileges.list()

        assert name in listed
        assert (given, taken, lost) == ([name], [], [])
        assert name not in after

    run(job)


def test_list_is_sorted_and_has_the_built_in_ones(run: Run, connect: Connect) -> None:
    """A developer sees the names too, sorted, cron among them."""

    async def job(da: AsyncDocassemble) -> None:
        async with person(da, connect, "developer") as developer:
            names = await developer.da.privileges.list()

        assert names == sorted(names) == await da.privileges.list()
        assert set(names) >= BUILT_IN

    run(job)


def test_given_privilege_counts_at_once(run: Run, connect: Connect) -> None:
    """What a privilege allows is allowed as soon as it is given, and no longer than it is held."""

    async def job(da: AsyncDocassemble) -> None:
        async with person(da, connect, "user") as one:
            await refused(one.da.privileges.list(), 400, NO_LIST)
            await da.privileges.grant(one.id, "developer")
            names = await one.da.privileges.list()
            held = await one.da.privileges.list_current()
            await da.privileges.revoke(one.id, "developer")
            await refused(one.da.privileges.list(), 400, NO_LIST)

        assert "developer" in names
        assert sorted(held) == ["developer", "user"]

    run(job)


def test_bad_names_are_refused(run: Run, connect: Connect, unique: str) -> None:
    """Used, unknown and built-in names are told apart."""

    async def job(da: AsyncDocassemble) -> None:
        privileges = da.privileges
        built_in = "The specified privilege is built-in and cannot be deleted."
        cron = "You cannot give a user the cron privilege."
        await refused(privileges.create("user"), 400, "The given privilege already exists.")
        await refused(privileges.delete(unique), 400, "The privilege {} did not exist.")
        for name in BUILT_IN:
            await refused(privileges.delete(name), 400, built_in)
        async with person(da, connect, "user") as one:
            for name in (unique, "User", ""):
                await refused(privileges.grant(one.id, name), 400, UNKNOWN)
                await refused(privileges.revoke(one.id, name), 400, UNKNOWN)
            already = "The user already had that privilege."
            await refused(privileges.grant(one.id, "user"), 400, already)
            await refused(privileges.grant(one.id, "cron"), 400, cron)
            never = "The user did not already have that privilege."
            await refused(privileges.revoke(one.id, "trainer"), 400, never)

            assert await privileges.list_for_user(one.id) == ["user"]

    run(job)


def test_name_that_is_too_long_shows_only_in_the_body(run: Run) -> None:
    """The server answers with its SQL statement, which stays out of the error's text."""

    async def job(da: AsyncDocassemble) -> None:
        with pytest.raises(BadRequest) as error:
            await da.privileges.create("x" * 51)

        assert "INSERT INTO" in str(error.value.body)
        assert "INSERT INTO" not in str(error.value)

    run(job)


def test_unknown_user_has_no_privileges(run: Run) -> None:
    """A number nobody has is not found."""

    async def job(da: AsyncDocassemble) -> None:
        await refused(da.privileges.list_for_user(NOBODY), 404, NOT_FOUND)
        await refused(da.privileges.grant(NOBODY, "user"), 404, NOT_FOUND)
        await refused(da.privileges.revoke(NOBODY, "user"), 404, NOT_FOUND)

    run(job)


@pytest.mark.parametrize("held", [(), ("advocate",), ("developer",)], ids=str)
def test_only_an_admin_changes_privileges(
    run: Run, connect: Connect, held: tuple[str, ...]
) -> None:
    """Others give and take no privilege, their own included, and make none."""

    async def job(da: AsyncDocassemble) -> None:
        async with person(da, connect, *held) as one:
            await refused(one.da.privileges.create("made by one"), 403, DENIED)
            await refused(one.da.privileges.delete("customer"), 403, DENIED)
            await refused(one.da.privileges.grant(one.id, "admin"), 403, DENIED)
            await refused(one.da.privileges.revoke(one.id, "developer"), 403, DENIED)

            assert await one.da.privileges.list_current() == list(held)

    run(job)


def test_others_privileges_are_seen_by_advocates(run: Run, connect: Connect) -> None:
    """The privileges of others are shown to an advocate, not to a developer or plain user."""

    async def job(da: AsyncDocassemble) -> None:
        async with (
            person(da, connect, "advocate") as advocate,
            person(da, connect, "developer") as developer,
            person(da, connect) as plain,
        ):
            seen = await advocate.da.privileges.list_for_user(developer.id)
            for one in (developer, plain):
                privileges = one.da.privileges
                await refused(privileges.list_for_user(1), 400, NO_ACCESS)
                await refused(privileges.grant(1, "user"), 400, NO_ACCESS)
                await refused(privileges.revoke(1, "admin"), 400, NO_ACCESS)
            await refused(advocate.da.privileges.list(), 400, NO_LIST)

        assert seen == ["developer"]

    run(job)


def test_limited_key_needs_the_permission_for_each_step(run: Run, connect: Connect) -> None:
    """A limited key lists, edits and gives with three permissions, but no powerful privileges."""

    async def job(da: AsyncDocassemble) -> None:
        async with (
            person(da, connect, "developer") as one,
            limited(da, connect, "edit_privileges") as half,
            limited(da, connect, "edit_privileges", "access_privileges") as editor,
            limited(da, connect, "access_user_info", "edit_user_privileges") as giver,
        ):
            await refused(half.privileges.list(), 400, NO_LIST)
            await refused(half.privileges.create("made by half"), 400, NO_LIST)
            await refused(half.privileges.list_current(), 400, NO_ACCESS)
            await refused(half.privileges.grant(one.id, "user"), 400, NO_ACCESS)
            await editor.privileges.create("made by a limited key")
            await half.privileges.delete("made by a limited key")
            for name in ("admin", "advocate", "cron"):
                await refused(giver.privileges.grant(one.id, name), 400, NOT_GIVEN)
            await giver.privileges.grant(one.id, "user")
            await giver.privileges.revoke(one.id, "developer")
            own = await giver.privileges.list_current()

            assert own == ["admin"]
            assert await da.privileges.list_for_user(one.id) == ["user"]

    run(job)


def test_admin_keeps_the_own_privilege(run: Run, connect: Connect) -> None:
    """The privilege admin is taken away by another admin only."""

    async def job(da: AsyncDocassemble) -> None:
        own = "You cannot take away the admin privilege from the current user."
        async with person(da, connect, "admin") as admin:
            await refused(admin.da.privileges.revoke(admin.id, "admin"), 400, own)
            await da.privileges.revoke(admin.id, "admin")

            assert await admin.da.privileges.list_current() == []

    run(job)


def test_permissions_of_a_privilege_reach_as_far_as_configured(
    run: Run, connect: Connect, unique: str
) -> None:
    """A privilege whose permissions the configuration names gives, but no powerful privileges."""

    async def job(da: AsyncDocassemble) -> None:
        async with (
            privilege(da, "clerk"),
            person(da, connect, "clerk") as clerk,
            person(da, connect, "developer") as one,
        ):
            await clerk.da.privileges.grant(one.id, "user")
            await refused(clerk.da.privileges.grant(one.id, "admin"), 400, NOT_GIVEN)
            await refused(clerk.da.privileges.revoke(one.id, "developer"), 400, NOT_TAKEN)
            wanted = ["admin", "customer"]
            new = await clerk.da.users.create(f"{unique}@example.com", privileges=wanted)
            made = await clerk.da.users.get(new.user_id)
            await da.users.delete(new.user_id, "account")

            assert sorted(await da.privileges.list_for_user(one.id)) == ["developer", "user"]
            assert made.privileges == ["customer"]

    run(job)

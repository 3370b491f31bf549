"""API keys on the real server: made, looked up, changed, deleted, and what is refused."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve, frozen

from docassemble_client import ApiKey, AsyncDocassemble
from tests.live.people import limited, person
from tests.live.refusals import DENIED, refused

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from tests.live.conftest import Connect, Run

NOBODY = 2_000_000_000
NO_ACCESS = "You do not have sufficient privileges to access user API information"
NO_EDIT = "You do not have sufficient privileges to edit user API information"
NOT_FOUND = "User not found."
NO_KEY = "No such API key could be found."
BAD_PERMISSION = "Permissions list contained a permission that was not recognized"
BAD_CHANGE = "{} contained a permission that was not recognized"
BAD_VALUES: list[tuple[dict[str, Any], str]] = [
    ({"name": "test"}, "The given name already exists"),
    ({"name": "x" * 256}, "The name is invalid"),
    ({"method": "password"}, "Invalid security method"),
    ({"permissions": ["access_user_info", "manage_config"]}, BAD_PERMISSION),
]
BAD_CHANGES: list[tuple[dict[str, Any], str]] = [
    *BAD_VALUES,
    ({"add_to_permissions": ["manage_config"]}, BAD_CHANGE),
    ({"remove_from_permissions": ["no such permission"]}, BAD_CHANGE),
]
HERE, ELSEWHERE = "127.0.0.1", "192.0.2.7"


@frozen
class Keys:
    """
    The keys of one account, by the calls for one's own or by those for a user.

    Attributes:
        da: A client.
        user_id: The account; None for that of the client.
    """

    da: AsyncDocassemble
    user_id: int | None

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        """One of list, get, create, update and delete."""
        call: Callable[..., Awaitable[Any]]
        if self.user_id is None:
            call = getattr(self.da.api_keys, name)
            return call
        call = getattr(self.da.api_keys, f"{name}_for_user")
        user_id = self.user_id
        return lambda *args, **options: call(user_id, *args, **options)


@asynccontextmanager
async def admins_keys(da: AsyncDocassemble, connect: Connect, *, own: bool) -> AsyncGenerator[Keys]:
    """Make an admin with one key, called test, whose keys are reached in either way."""
    async with person(da, connect, "admin") as admin:
        yield Keys(admin.da, None) if own else Keys(da, admin.id)


each_way = pytest.mark.parametrize("own", [True, False], ids=["own", "of a user"])


@pytest.mark.since("1.10")
@each_way
def test_key_is_made_found_changed_and_deleted(run: Run, connect: Connect, *, own: bool) -> None:
    """A key is what it was made as, then what it was changed to, then gone."""

    async def job(da: AsyncDocassemble) -> None:
        async with admins_keys(da, connect, own=own) as keys:
            key = await keys.create(
                "Bericht Ä", method="ip", allowed=[HERE], permissions=["access_user_info"]
            )
            made = await keys.get(name="Bericht Ä")
            listed = await keys.list()
            await keys.update(api_key=key, name="report", method="referer", permissions=[])
            changed = await keys.get(api_key=key)
            await keys.delete(api_key=key)
            await refused(keys.get(api_key=key), 404, NO_KEY)
            left = [one.name for one in await keys.list()]

        expected = ApiKey(
            name="Bericht Ä",
            last_four=key.reveal()[-4:],
            method="ip",
            constraints=[HERE],
            permissions=["access_user_info"],
        )
        masked = evolve(expected, key="*" * 28 + expected.last_four)
        assert made == expected
        assert masked in listed
        assert changed == evolve(
            masked, name="report", method="referer", constraints=[], permissions=[]
        )
        assert left == ["test"]

    run(job)


@each_way
def test_lists_of_a_key_are_replaced_and_edited(run: Run, connect: Connect, *, own: bool) -> None:
    """
    Addresses and permissions are replaced, added and removed; the rest of the key stays.

    What is added twice stands there twice, and is removed once at a time.
    """
    read, make, parse = "access_user_info", "create_user", "template_parse"

    async def job(da: AsyncDocassemble) -> None:
        async with admins_keys(da, connect, own=own) as keys:
            key = await keys.create("edited", method="ip")

            async def change(**changes: list[str]) -> tuple[list[str], list[str] | None]:
                await keys.update(api_key=key, **changes)
                now: ApiKey = await keys.get(name="edited")
                return now.constraints, now.permissions

            states = [
                await change(allowed=[HERE], permissions=[read]),
                await change(add_to_allowed=[ELSEWHERE, HERE], add_to_permissions=[make, read]),
                await change(remove_from_allowed=[HERE], remove_from_permissions=[read, parse]),
                await change(),
                await change(allowed=[], permissions=[]),
                await change(add_to_allowed=["[::1]"], add_to_permissions=[parse]),
            ]

        assert states == [
            ([HERE], [read]),
            ([HERE, ELSEWHERE, HERE], [read, make, read]),
            ([ELSEWHERE, HERE], [make, read]),
            ([ELSEWHERE, HERE], [make, read]),
            ([], []),
            (["[::1]"], [parse]),
        ]

    run(job)


def test_key_changes_itself(run: Run, connect: Connect) -> None:
    """Without a key named, the one that makes the call is changed; it may lock itself out."""

    async def job(da: AsyncDocassemble) -> None:
        async with person(da, connect) as one:
            await one.da.api_keys.update(name="renamed")
            (key,) = await one.da.api_keys.list()
            await one.da.api_keys.update(method="ip", allowed=[ELSEWHERE])
            await refused(one.da.users.get_current(), 403, DENIED)

        assert (key.name, key.method) == ("renamed", "none")

    run(job)


def test_key_of_the_installation_has_no_permissions(run: Run) -> None:
    """The first key was made without a list of permissions; only lists of keys say it is empty."""

    async def job(da: AsyncDocassemble) -> None:
        found = await da.api_keys.get(name="default")
        (listed,) = [one for one in await da.api_keys.list() if one.name == "default"]

        assert found.permissions is None
        assert listed.permissions == []

    run(job)


def test_deletion_of_no_key_changes_nothing(run: Run, connect: Connect, unique: str) -> None:
    """An unknown key, a masked one and one of somebody else are no error, and stay."""

    async def job(da: AsyncDocassemble) -> None:
        async with person(da, connect) as one:
            key = await one.da.api_keys.create(unique)
            masked = await one.da.api_keys.get(api_key=key)
            for wrong in ("unknown", str(masked.key)):
                await one.da.api_keys.delete(wrong)
            await da.api_keys.delete(key)
            await da.api_keys.delete_for_user(1, key)
            names = {key.name for key in await da.api_keys.list_for_user(one.id)}

        assert names == {"test", unique}

    run(job)


@pytest.mark.since("1.10")
@each_way
def test_bad_values_of_a_new_key_are_refused(run: Run, connect: Connect, *, own: bool) -> None:
    """Name, method and permissions are checked, and no key is made."""

    async def job(da: AsyncDocassemble) -> None:
        async with admins_keys(da, connect, own=own) as keys:
            for values, problem in BAD_VALUES:
                await refused(keys.create(**{"name": "new", **values}), 400, problem)

            assert [one.name for one in await keys.list()] == ["test"]

    run(job)


@each_way
def test_bad_changes_of_a_key_are_refused(run: Run, connect: Connect, *, own: bool) -> None:
    """A key must be the account's own and whole; bad values change nothing."""
    unchanged = "The given API key cannot be modified"

    async def job(da: AsyncDocassemble) -> None:
        async with admins_keys(da, connect, own=own) as keys, person(da, connect) as other:
            key = await keys.create("changed")
            before = await keys.get(api_key=key)
            for wrong in (other.api_key, "unknown", before.key):
                await refused(keys.update(api_key=wrong, name="new"), 400, unchanged)
                await refused(keys.get(api_key=wrong), 404, NO_KEY)
            await refused(keys.get(name="Changed"), 404, NO_KEY)
            for values, problem in BAD_CHANGES:
                await refused(keys.update(api_key=key, **values), 400, problem)

            assert await keys.get(api_key=key) == before

    run(job)


def test_unknown_user_has_no_keys(run: Run) -> None:
    """A number nobody has is not found."""

    async def job(da: AsyncDocassemble) -> None:
        keys = Keys(da, NOBODY)
        for call in (
            keys.list(),
            keys.get(name="test"),
            keys.create("test"),
            keys.update("unknown", name="new"),
            keys.delete("unknown"),
        ):
            await refused(call, 404, NOT_FOUND)

    run(job)


@pytest.mark.parametrize("held", [(), ("advocate",), ("developer",)], ids=str)
def test_only_an_admin_reaches_the_keys_of_others(
    run: Run, connect: Connect, held: tuple[str, ...]
) -> None:
    """Others have their own keys only, by their own number as well."""

    async def job(da: AsyncDocassemble) -> None:
        async with person(da, connect, *held) as one:
            await _refuses_all(Keys(one.da, 1))
            key = await one.da.api_keys.create_for_user(one.id, "second")
            await one.da.api_keys.update_for_user(one.id, key, name="renamed")
            listed = await one.da.api_keys.list_for_user(one.id)
            await one.da.api_keys.delete_for_user(one.id, key)

            assert {key.name for key in listed} == {"test", "renamed"}
            assert [key.name for key in await one.da.api_keys.list()] == ["test"]

    run(job)


def test_limited_key_needs_the_permissions_for_keys(run: Run, connect: Connect) -> None:
    """One permission reads keys and another edits them, one's own as well as those of others."""

    async def job(da: AsyncDocassemble) -> None:
        async with (
            person(da, connect) as one,
            limited(da, connect, "access_user_info") as neither,
            limited(da, connect, "access_user_api_info") as reader,
            limited(da, connect, "edit_user_api_info") as editor,
        ):
            for user_id in (None, 1, one.id):
                await _refuses_all(Keys(neither, user_id))
            await _refuses_edits(Keys(reader, one.id))
            await _refuses_look(Keys(editor, one.id))
            key = await editor.api_keys.create_for_user(one.id, "new", permissions=["create_user"])
            await editor.api_keys.update_for_user(one.id, key, name="newer", permissions=["bad"])
            found = await reader.api_keys.get_for_user(one.id, api_key=key)
            await editor.api_keys.delete_for_user(one.id, key)
            listed = await reader.api_keys.list_for_user(one.id)

        assert found.name == "newer"
        assert not found.permissions
        assert [key.name for key in listed] == ["test"]

    run(job)


def test_limited_key_that_edits_keys_has_no_limits(run: Run, connect: Connect, unique: str) -> None:
    """With edit_user_api_info a limited key makes itself a key that may do everything."""

    async def job(da: AsyncDocassemble) -> None:
        async with limited(da, connect, "edit_user_api_info") as editor:
            key = await editor.api_keys.create(unique, permissions=["read_packages"])
            async with connect(key) as unlimited:
                config = await unlimited.server.get_config()
                await unlimited.api_keys.delete(key)

        assert "secretkey" in config

    run(job)


async def _refuses_look(keys: Keys) -> None:
    await refused(keys.list(), 403, NO_ACCESS)
    await refused(keys.get(name="test"), 403, NO_ACCESS)


async def _refuses_edits(keys: Keys) -> None:
    await refused(keys.create("new"), 403, NO_EDIT)
    await refused(keys.update(api_key="unknown", name="new"), 403, NO_EDIT)
    await refused(keys.delete(api_key="unknown"), 403, NO_EDIT)


async def _refuses_all(keys: Keys) -> None:
    await _refuses_look(keys)
    await _refuses_edits(keys)

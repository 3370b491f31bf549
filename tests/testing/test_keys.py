"""API keys on the fake server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from docassemble_client import AccessDenied, AsyncDocassemble
from tests.testing.conftest import said

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from docassemble_client.testing import FakeServer
    from tests.testing.conftest import Run

    Call = Callable[[AsyncDocassemble], Awaitable[Any]]

KEYS = "/api/user/api"


def test_key_is_made_changed_shown_masked_and_deleted(run: Run) -> None:
    """Only its making shows it; a change of method forgets the addresses."""

    async def job(da: AsyncDocassemble) -> None:
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
        named = await da.api_keys.get(name="work")
        await da.api_keys.update(api_key=key, method="none", permissions=["manage_packages"])
        shown = await da.api_keys.get(api_key=key)
        listed = await da.api_keys.list()
        await da.api_keys.delete(key)
        await da.api_keys.delete(key)

        first = await da.api_keys.get(name="default")

        assert first.permissions is None
        assert (named.key, named.constraints) == (None, ["10.0.0.2", "10.0.0.3"])
        assert named.permissions == ["access_user_info"]
        assert shown.key == "*" * 28 + key.reveal()[-4:]
        assert (shown.constraints, shown.permissions) == ([], ["manage_packages"])
        assert [one.name for one in listed] == ["default", "work"]
        assert (await said(da.api_keys.get(name="work"))).startswith("404 No such API key")

    run(job)


def test_keys_of_somebody_else_are_an_administrators_business(run: Run, fake: FakeServer) -> None:
    """They are made, changed and deleted by number of the user; a deleted one is refused."""
    ada = fake.add_user("ada@example.com")

    async def job(da: AsyncDocassemble) -> None:
        key = await da.api_keys.create_for_user(ada.id, "job", allowed=[])
        await da.api_keys.update_for_user(ada.id, key, name="work", permissions=["x"])
        names = [one.name for one in await da.api_keys.list_for_user(ada.id)]
        one = await da.api_keys.get_for_user(ada.id, name="work")
        async with AsyncDocassemble(fake.url, key, transport=fake.transport()) as other:
            me = await other.users.get_current()
            await da.api_keys.delete_for_user(ada.id, key)
            with pytest.raises(AccessDenied):
                await other.users.get_current()

        assert (names, one.permissions, me.id) == (["test", "work"], [], ada.id)

    run(job)


def test_others_cannot_limit_their_keys(run: Run, fake: FakeServer) -> None:
    """Permissions are heeded only from an administrator."""
    ada = fake.add_user("ada@example.com")

    async def job(da: AsyncDocassemble) -> None:
        await da.api_keys.create("job", permissions=["read_packages"])
        assert (await da.api_keys.get(name="job")).permissions == []

    run(job, ada)


def raw(verb: str, path: str = KEYS, /, **value: Any) -> Call:
    """Make a call the client would not make."""
    return lambda da: da.request(verb, path, json=value)


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (raw("POST", method="x"), "400 Invalid security method"),
        (raw("POST", allowed="x"), "400 Allowed sites list not a valid list"),
        (raw("POST", allowed=5), "400 Allowed sites list not a valid list"),
        (raw("POST", allowed=[5]), "400 Allowed sites list not a valid list"),
        (raw("POST"), "400 A name must be supplied"),
        (raw("POST", name="default"), "400 The given name already exists"),
        (raw("POST", name="x" * 256), "400 The name is invalid"),
        (raw("POST", name="x", permissions="x"), "400 Permissions list not valid json"),
        (raw("POST", name="x", permissions=5), "400 Permissions list not a valid list"),
        (raw("POST", name="x", permissions=[5]), "400 Permissions list should contain all strings"),
        (raw("POST", name="x", permissions=["x"]), "400 Permissions list contained a permission"),
        (raw("PATCH", api_key="x"), "400 The given API key cannot be modified"),
        (raw("PATCH", "/api/user/2/api"), "400 No API key given"),
        (raw("PATCH", method="x"), "400 Invalid security method"),
        (raw("PATCH", add_to_allowed="["), "400 add_to_allowed is not a valid list"),
        (raw("PATCH", remove_from_allowed="[5]"), "400 remove_from_allowed is not a valid list"),
        (raw("PATCH", add_to_permissions="["), "400 add_to_permissions is not a valid list"),
        (raw("PATCH", add_to_permissions="x"), "400 add_to_permissions contained a permission"),
        (raw("PATCH", permissions="x"), "400 Permissions list not a valid list"),
        (raw("PATCH", permissions=[5]), "400 Permissions list not a valid list"),
        (raw("DELETE"), "400 An API key must supplied"),
        (raw("DELETE", "/api/user/99/api"), "404 User not found."),
    ],
)
def test_what_cannot_be_done_with_keys_is_refused(
    run: Run, fake: FakeServer, call: Call, expected: str
) -> None:
    """Each refusal is the server's own, to the letter."""
    fake.add_user("ada@example.com")

    words = run(lambda da: said(call(da)))

    assert words.startswith(expected)

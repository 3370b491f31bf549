"""Accounts and privileges on the fake server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from docassemble_client import AsyncDocassemble, ServerError
from tests.testing.conftest import get_error_text
from tests.testing.test_server import make_raw_call

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from docassemble_client.testing import FakeServer, FakeUser

    Call = Callable[[AsyncDocassemble], Awaitable[Any]]

TEXT = "docassemble.base:data/questions/examples/text-field.yml"
ADA = "ada@example.com"
NO_ACCESS_ERROR = "403 You do not have sufficient privileges to access user information"
OTHER_USERS_ERROR = (
    "400 Error obtaining user information: "
    "You do not have sufficient privileges to access information about other users"
)


def limit_admin_key(fake: FakeServer, *permissions: str) -> FakeUser:
    """Limit the administrator's key."""
    fake._state.users.keys[0].permissions = list(permissions)
    return fake.admin


async def test_user_is_created_found_updated_and_deleted(
    da: AsyncDocassemble, fake: FakeServer
) -> None:
    """A deleted account is not found, and its address can be used again."""
    new = await da.users.create(f" {ADA} ", first_name=" Ada ", privileges=["user"])
    await da.users.update(new.user_id, last_name="Lovelace", active=False)
    active_users = [user async for user in da.users.list()]
    all_users = [user async for user in da.users.list(include_inactive=True)]
    user = await da.users.get_by_username("ADA@example.com")
    user_by_pattern = await da.users.get_by_username("_da@example.com%")
    await da.users.update(new.user_id, active=True)
    await da.users.deactivate(new.user_id)
    inactive = await da.users.get(new.user_id)
    await da.users.delete(new.user_id, "account")
    second = await da.users.create(ADA, password="a new one")

    assert (user.first_name, user.last_name, user.active) == ("Ada", "Lovelace", False)
    assert (user_by_pattern.id, user.privileges) == (user.id, ["user"])
    assert [user.id for user in active_users] == [1]
    assert inactive.active is False
    assert [(user.email, user.active) for user in all_users] == [
        ("admin@example.com", True),
        ("cron@admin.com", False),
        (ADA, False),
    ]
    assert (user.id, second.user_id) == (3, 4)
    assert second.password.reveal() == "a new one"
    assert await get_error_text(da.users.get(new.user_id)) == "404 User not found."
    assert await get_error_text(da.users.get_by_username(ADA.upper(), case_sensitive=True)) == (
        "404 User not found."
    )


async def test_users_are_listed_in_pages(da: AsyncDocassemble, fake: FakeServer) -> None:
    """The server decides the page size; an invalid page token returns the first page."""
    for number in range(6):
        fake.add_user(f"user{number}@example.com")

    pages = [page async for page in da.users.list().pages()]
    first = await da.users.list(page_token="?")

    assert [len(page.items) for page in pages] == [3, 3, 1]
    assert [page.next_page_token for page in pages] == ["NA", "Nw", None]
    assert (first.items, first.next_page_token) == (pages[0].items, pages[0].next_page_token)


async def test_password_opens_sessions_and_can_be_changed(fake: FakeServer) -> None:
    """A new password changes the secret; with the old password, the sessions are re-encrypted."""
    ada = fake.add_user(ADA, "admin")

    async with fake.client(ada) as da:
        secret = await da.users.get_secret(ADA, ada.password)
        s = await da.sessions.start(TEXT, secret=secret)
        other_session = await da.sessions.start(TEXT)
        await da.users.update_current(password="correct horse", old_password=ada.password)
        new_secret = await da.users.get_secret(ADA, "correct horse")
        variables = await da.sessions.get_variables(TEXT, s.session, secret=new_secret)
        await da.sessions.get_variables(TEXT, other_session.session, secret=other_session.secret)
        await da.users.update(ada.id, password="battery staple")
        error = await get_error_text(da.users.get_secret(ADA, "correct horse"))

        assert s.secret is None
        assert "url_args" in variables
        assert len(new_secret.reveal()) == 16 != secret
        assert error == "403 Incorrect password"


async def test_invitations_are_returned_as_links_or_not_sent(da: AsyncDocassemble) -> None:
    """Without a mail server no e-mail is sent, but links work."""
    unsent = await da.users.invite([ADA])
    links = await da.users.invite([f"Ada <{ADA}>"], privilege="developer", send_emails=False)
    response = await da.request("POST", "/api/user_invite", json={"email_address": ADA})

    assert (unsent[0].invitation_sent, unsent[0].url) == (False, None)
    assert str(links[0].url).startswith("https://docassemble.test/user/register?token=")
    assert response.status == 200


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (make_raw_call("POST", "/api/user/new"), "400 An e-mail address must be supplied."),
        (lambda da: da.users.create("ADMIN@example.com"), "400 That e-mail address is already"),
        (lambda da: da.users.create(ADA, password=" abc "), "400 Password too short or too long"),
        (lambda da: da.users.create(ADA, password="ü" * 37), "400 password cannot be longer"),
        (lambda da: da.users.create(ADA, privileges=["cron"]), "400 Invalid privilege name.  cron"),
        (
            make_raw_call("POST", "/api/user/new", email=ADA, privileges="king"),
            "400 Invalid privilege name.",
        ),
        (
            make_raw_call("POST", "/api/user/new", email=ADA, privileges="5"),
            "400 List of privileges must",
        ),
        (
            make_raw_call("POST", "/api/user/new", email=ADA, privileges='"king"'),
            "400 Invalid privilege",
        ),
        (
            make_raw_call("POST", "/api/user_invite"),
            "400 One or more 'email_addresses' must be supplied.",
        ),
        (
            make_raw_call("POST", "/api/user_invite", email_addresses="["),
            "400 The email_addresses field",
        ),
        (lambda da: da.users.invite(["nobody"]), "400 Invalid e-mail address."),
        (lambda da: da.users.invite(["admin@example.com"]), "400 That e-mail address is already"),
        (lambda da: da.users.invite([ADA], privilege="cron"), "400 Invalid privilege name."),
        (make_raw_call("GET", "/api/user_info"), "400 An e-mail address must be supplied."),
        (lambda da: da.users.get_by_username("\0"), "400 Error obtaining user information: "),
        (make_raw_call("GET", "/api/secret"), "400 A username and password must be supplied"),
        (lambda da: da.users.get_secret(ADA, "x"), "403 Username not known"),
        (lambda da: da.users.update(1, active=False), "403 The active status of this user"),
        (lambda da: da.users.update(1, password="x", old_password="y"), "400 The old_password is"),
        (lambda da: da.users.update_current(country="Germany"), "400 (psycopg2"),
        (lambda da: da.users.create("x" * 256), "400 (psycopg2.errors.StringDataRightTruncation)"),
        (make_raw_call("PATCH", "/api/user", first_name=None), "400 (psycopg2"),
        (lambda da: da.users.delete(1, "account"), "403 This user account cannot be deleted"),
        (lambda da: da.users.deactivate(99), "404 User not found."),
        (lambda da: da.privileges.grant(1, "king"), "400 The specified privilege does not exist."),
        (lambda da: da.privileges.grant(1, "cron"), "400 You cannot give a user the cron"),
        (lambda da: da.privileges.grant(1, "admin"), "400 The user already had that privilege."),
        (lambda da: da.privileges.grant(99, "user"), "404 User not found"),
        (make_raw_call("POST", "/api/user/1/privileges"), "400 A privilege name must be provided"),
        (lambda da: da.privileges.revoke(1, "admin"), "400 You cannot take away the admin"),
        (lambda da: da.privileges.revoke(1, "user"), "400 The user did not already have"),
        (lambda da: da.privileges.create("admin"), "400 The given privilege already exists."),
        (
            lambda da: da.privileges.create("x" * 51),
            "400 (psycopg2.errors.StringDataRightTruncation)",
        ),
        (make_raw_call("POST", "/api/privileges"), "400 A privilege name must be provided."),
        (make_raw_call("DELETE", "/api/privileges"), "400 A privilege name must be provided."),
        (lambda da: da.privileges.delete("admin"), "400 The specified privilege is built-in"),
        (lambda da: da.privileges.delete("king"), "400 The privilege king did not exist."),
    ],
)
async def test_invalid_calls_on_accounts_are_refused(
    da: AsyncDocassemble, call: Call, expected: str
) -> None:
    """Each error has the same text as on a real server."""
    error = await get_error_text(call(da))

    assert error.startswith(expected)


@pytest.mark.parametrize(
    ("permissions", "call", "expected"),
    [
        ([], lambda da: da.users.list(), "403 Access denied."),
        ([], lambda da: da.users.get_current(), NO_ACCESS_ERROR),
        ([], lambda da: da.users.get(1), NO_ACCESS_ERROR),
        ([], lambda da: da.users.update_current(first_name="A"), NO_ACCESS_ERROR),
        (["access_user_info"], lambda da: da.users.update_current(), "403 You do not have"),
        (
            ["access_user_info", "edit_user_info"],
            lambda da: da.users.update_current(password="x"),
            "403 You do not have sufficient privileges to change a user's password.",
        ),
        (
            ["access_user_info", "edit_user_info"],
            lambda da: da.users.update_current(first_name="A"),
            "400 You do not have sufficient privileges to edit this user's information.",
        ),
        (
            ["access_user_info"],
            lambda da: da.users.update(2, first_name="A"),
            "403 You do not have sufficient privileges to edit user information.",
        ),
        (
            ["access_user_info", "edit_user_info"],
            lambda da: da.users.update(2, active=False),
            "403 You do not have sufficient privileges to change the active status",
        ),
        (
            ["access_user_info", "edit_user_info"],
            lambda da: da.users.update(2, password="x"),
            "403 You must have admin privileges to change a password.",
        ),
        (
            ["access_user_info"],
            lambda da: da.users.deactivate(2),
            "403 You do not have sufficient privileges to inactivate user accounts.",
        ),
        (
            ["access_user_info"],
            lambda da: da.users.delete(2, "account"),
            "403 You do not have sufficient privileges to delete user accounts.",
        ),
        ([], lambda da: da.privileges.list(), "400 You do not have sufficient privileges to see"),
        ([], lambda da: da.privileges.create("x"), "403 Access denied."),
        (["edit_privileges"], lambda da: da.privileges.create("x"), "400 You do not have"),
        ([], lambda da: da.privileges.list_current(), OTHER_USERS_ERROR),
        ([], lambda da: da.privileges.list_for_user(2), OTHER_USERS_ERROR),
        (["access_user_info"], lambda da: da.privileges.grant(2, "user"), "403 Access denied."),
        (
            ["access_user_info", "edit_user_privileges"],
            lambda da: da.privileges.grant(2, "admin"),
            "400 You do not have sufficient privileges to give the user this privilege.",
        ),
        ([], lambda da: da.api_keys.list(), "403 You do not have sufficient privileges to access"),
        ([], lambda da: da.api_keys.create("x"), "403 You do not have sufficient privileges to ed"),
        ([], lambda da: da.api_keys.list_for_user(2), "403 You do not have sufficient privileges"),
    ],
)
async def test_limited_key_is_limited_to_its_permissions(
    fake: FakeServer, permissions: list[str], call: Call, expected: str
) -> None:
    """The error text depends on the call, as on a real server."""
    fake.add_user(ADA)
    limited = limit_admin_key(fake, *(permissions or ["read_packages"]))

    async with fake.client(limited) as da:
        error = await get_error_text(call(da))

    assert error.startswith(expected)


async def test_user_without_privileges_manages_only_the_own_account(fake: FakeServer) -> None:
    """Calls on other accounts are refused."""
    ada = fake.add_user(ADA)

    async with fake.client(ada) as da:
        await da.users.update(ada.id, first_name="Ada")
        me = await da.users.get_current()

        assert (me.first_name, await da.privileges.list_current()) == ("Ada", [])
        assert await get_error_text(da.users.get(1)) == NO_ACCESS_ERROR
        assert await get_error_text(da.users.list()) == "403 Access denied."
        password_error = await get_error_text(da.users.update_current(password="x"))
        assert password_error.startswith("403 You do not")
        assert [key.name for key in await da.api_keys.list_for_user(ada.id)] == ["test"]


async def test_only_administrators_grant_and_revoke_elevated_privileges(fake: FakeServer) -> None:
    """The elevated privileges are admin, developer and advocate."""
    fake._state.users.keys.clear()
    ada = fake.add_user(ADA, "advocate")
    fake.config["permissions"] = {"advocate": ["edit_user_privileges", "create_user"]}

    async with fake.client(ada) as da:
        assert await get_error_text(da.privileges.revoke(ada.id, "advocate")) == (
            "400 You do not have sufficient privileges to take away this privilege."
        )
        assert await get_error_text(da.users.invite(["a@example.com"], privilege="admin")) == (
            "400 Invalid privilege name."
        )
        await da.users.create("bob@example.com", privileges=["admin", "user"])
        bob = await da.users.get_by_username("bob@example.com")
        assert bob.privileges == ["user"]


async def test_accounts_that_cannot_log_in_have_no_secret(
    da: AsyncDocassemble, fake: FakeServer
) -> None:
    """These are accounts without a password or with a second factor."""
    ada = fake._state.users.add(ADA, "", [])

    assert await get_error_text(da.users.get_secret(ADA, "x")) == "403 Password not set"
    ada.two_factor = True
    error = await get_error_text(da.users.get_secret(ADA, "x"))
    assert error.startswith("403 Secret will not be")


async def test_an_unknown_value_of_remove_is_refused_like_a_deactivation(
    fake: FakeServer,
) -> None:
    """The server checks the privilege for what it will do, not for what was asked."""
    limited = limit_admin_key(fake, "access_user_info", "delete_user")
    ada = fake.add_user(ADA)

    async with fake.client(limited) as client:
        request = client.request("DELETE", f"/api/user/{ada.id}", params={"remove": "later"})
        error = await get_error_text(request)

    assert error == "403 You do not have sufficient privileges to inactivate user accounts."


@pytest.mark.parametrize(
    ("old_password", "text"), [({}, "72 bytes"), ({"old_password": "wrong"}, "autoflush")]
)
async def test_a_new_password_is_hashed_before_the_profile_is_stored(
    da: AsyncDocassemble, old_password: dict[str, str], text: str
) -> None:
    """With an old password to check, the profile is stored first."""
    body = {"password": "x" * 73, "timezone": "x" * 65, **old_password}

    assert text in await get_error_text(da.request("PATCH", "/api/user", json=body))


async def test_deleting_a_user_deletes_sessions_and_needs_access_to_them(
    da: AsyncDocassemble, fake: FakeServer
) -> None:
    """`account` keeps shared sessions; an unknown value only deactivates the account."""
    ada, bob = fake.add_user(ADA), fake.add_user("bob@example.com")

    async with fake.client(ada) as client:
        own, shared = [(await client.sessions.start(TEXT)).session for _ in range(2)]
    session = fake._state.sessions.find(TEXT, shared)
    assert session is not None
    session.users.append(bob.id)

    await da.users.delete(ada.id, "account")
    rows = [(item.session, item.user_id) async for item in da.sessions.list()]
    await da.request("DELETE", f"/api/user/{bob.id}", params={"remove": "later"})
    user = await da.users.get(bob.id)

    assert own not in {session for session, _ in rows}
    assert rows == [(shared, bob.id)]
    assert user.active is False
    limited = limit_admin_key(fake, "access_user_info", "delete_user")
    async with fake.client(limited) as client:
        with pytest.raises(ServerError):
            await client.users.delete(bob.id, "account")


async def test_privileges_are_created_granted_revoked_and_deleted(
    da: AsyncDocassemble, fake: FakeServer
) -> None:
    """A deleted privilege is revoked from all users."""
    ada = fake.add_user(ADA)

    await da.privileges.create("clerk")
    await da.privileges.grant(ada.id, "clerk")
    await da.privileges.grant(ada.id, "user")
    await da.privileges.revoke(ada.id, "user")
    user_privileges = await da.privileges.list_for_user(ada.id)
    all_privileges = await da.privileges.list()
    await da.privileges.delete("clerk")

    assert user_privileges == ["clerk"]
    assert "clerk" in all_privileges == sorted(all_privileges)
    assert await da.privileges.list_for_user(ada.id) == []

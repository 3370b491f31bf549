"""Accounts, privileges and keys on the fake server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from docassemble_client import AsyncDocassemble, ServerError
from tests.testing.conftest import said

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from docassemble_client.testing import FakeServer, User
    from tests.testing.conftest import Run

    Call = Callable[[AsyncDocassemble], Awaitable[Any]]

ADA = "ada@example.com"
ACCESS = "403 You do not have sufficient privileges to access user information"
OTHERS = (
    "400 Error obtaining user information: "
    "You do not have sufficient privileges to access information about other users"
)


def limit(fake: FakeServer, *permissions: str) -> User:
    """Limit the administrator's key."""
    fake._world.people.keys[0].permissions = list(permissions)
    return fake.admin


def test_user_is_made_found_changed_and_removed(run: Run, fake: FakeServer) -> None:
    """What is changed is seen; a removed account is not found, and its address is free again."""

    async def job(da: AsyncDocassemble) -> None:
        new = await da.users.create(f" {ADA} ", first_name=" Ada ", privileges=["user"])
        await da.users.update(new.user_id, last_name="Lovelace", active=False)
        listed = [one async for one in da.users.list()]
        everybody = [one async for one in da.users.list(include_inactive=True)]
        found = await da.users.get_by_username("ADA@example.com")
        same = await da.users.get_by_username("_da@example.com%")
        await da.users.update(new.user_id, active=True)
        await da.users.deactivate(new.user_id)
        inactive = await da.users.get(new.user_id)
        await da.users.delete(new.user_id, "account")
        again = await da.users.create(ADA, password="a new one")

        assert (found.first_name, found.last_name, found.active) == ("Ada", "Lovelace", False)
        assert (same.id, found.privileges) == (found.id, ["user"])
        assert [one.id for one in listed] == [1]
        assert inactive.active is False
        assert [one.active for one in everybody] == [True, False]
        assert again.user_id == 3
        assert again.password.reveal() == "a new one"
        assert await said(da.users.get(new.user_id)) == "404 User not found."
        assert await said(da.users.get_by_username(ADA.upper(), case_sensitive=True)) == (
            "404 User not found."
        )

    run(job)


def test_users_come_in_pages(run: Run, fake: FakeServer) -> None:
    """A page ends where the server's page does; a token it cannot read is the first page."""
    for number in range(6):
        fake.add_user(f"user{number}@example.com")

    async def job(da: AsyncDocassemble) -> None:
        pages = [page async for page in da.users.list().pages()]
        first = await da.users.list(resume_from="?")

        assert [len(page.items) for page in pages] == [3, 3, 1]
        assert [page.next_id for page in pages] == ["Mw", "Ng", None]
        assert first == pages[0]

    run(job)


def test_password_opens_sessions_and_can_be_changed(run: Run, fake: FakeServer) -> None:
    """The secret follows the password, and with the old one the sessions do too."""
    ada = fake.add_user(ADA, "admin")

    async def job(da: AsyncDocassemble) -> None:
        secret = await da.users.get_secret(ADA, ada.password)
        s = await da.sessions.start(
            "docassemble.base:data/questions/examples/text-field.yml", secret=secret
        )
        other = await da.sessions.start("docassemble.base:data/questions/examples/text-field.yml")
        await da.users.update_current(password="correct horse", old_password=ada.password)
        new = await da.users.get_secret(ADA, "correct horse")
        variables = await da.sessions.get_variables(s.i, s.session, secret=new)
        await da.sessions.get_variables(other.i, other.session, secret=other.secret)
        await da.users.update(ada.id, password="battery staple")

        assert s.secret is None
        assert "url_args" in variables
        assert len(new.reveal()) == 16 != secret
        assert await said(da.users.get_secret(ADA, "correct horse")) == "403 Incorrect password"

    run(job, ada)


def test_invitations_are_links_or_cannot_be_sent(run: Run) -> None:
    """Without a mail server no message goes out; the links work without one."""

    async def job(da: AsyncDocassemble) -> None:
        sent = await da.users.invite([ADA])
        links = await da.users.invite([f"Ada <{ADA}>"], privilege="developer", send_emails=False)
        bare = await da.request("POST", "/api/user_invite", json={"email_address": ADA})

        assert (sent[0].invitation_sent, sent[0].url) == (False, None)
        assert str(links[0].url).startswith("https://docassemble.test/user/register?token=")
        assert bare.status == 200

    run(job)


def raw(verb: str, path: str, /, **value: Any) -> Call:
    """Make a call the client would not make."""
    return lambda da: da.request(verb, path, json=value)


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (raw("POST", "/api/user/new"), "400 An e-mail address must be supplied."),
        (lambda da: da.users.create("ADMIN@example.com"), "400 That e-mail address is already"),
        (lambda da: da.users.create(ADA, password=" abc "), "400 Password too short or too long"),
        (lambda da: da.users.create(ADA, password="ü" * 37), "400 password cannot be longer"),
        (lambda da: da.users.create(ADA, privileges=["cron"]), "400 Invalid privilege name.  cron"),
        (raw("POST", "/api/user/new", email=ADA, privileges="king"), "400 Invalid privilege name."),
        (raw("POST", "/api/user/new", email=ADA, privileges="5"), "400 List of privileges must"),
        (raw("POST", "/api/user/new", email=ADA, privileges='"king"'), "400 Invalid privilege"),
        (raw("POST", "/api/user_invite"), "400 One or more 'email_addresses' must be supplied."),
        (raw("POST", "/api/user_invite", email_addresses="["), "400 The email_addresses field"),
        (lambda da: da.users.invite(["nobody"]), "400 Invalid e-mail address."),
        (lambda da: da.users.invite(["admin@example.com"]), "400 That e-mail address is already"),
        (lambda da: da.users.invite([ADA], privilege="cron"), "400 Invalid privilege name."),
        (raw("GET", "/api/user_info"), "400 An e-mail address must be supplied."),
        (lambda da: da.users.get_by_username("\0"), "400 Error obtaining user information: "),
        (raw("GET", "/api/secret"), "400 A username and password must be supplied"),
        (lambda da: da.users.get_secret(ADA, "x"), "403 Username not known"),
        (lambda da: da.users.update(1, active=False), "403 The active status of this user"),
        (lambda da: da.users.update(1, password="x", old_password="y"), "400 The old_password is"),
        (lambda da: da.users.update_current(country="Germany"), "400 (psycopg2"),
        (raw("PATCH", "/api/user", first_name=None), "400 (psycopg2"),
        (lambda da: da.users.delete(1, "account"), "403 This user account cannot be deleted"),
        (lambda da: da.users.deactivate(99), "404 User not found."),
        (lambda da: da.privileges.grant(1, "king"), "400 The specified privilege does not exist."),
        (lambda da: da.privileges.grant(1, "cron"), "400 You cannot give a user the cron"),
        (lambda da: da.privileges.grant(1, "admin"), "400 The user already had that privilege."),
        (lambda da: da.privileges.grant(99, "user"), "404 User not found"),
        (raw("POST", "/api/user/1/privileges"), "400 A privilege name must be provided"),
        (lambda da: da.privileges.revoke(1, "admin"), "400 You cannot take away the admin"),
        (lambda da: da.privileges.revoke(1, "user"), "400 The user did not already have"),
        (lambda da: da.privileges.create("admin"), "400 The given privilege already exists."),
        (lambda da: da.privileges.create("x" * 51), "400 (psycopg2.errors.Error) [SQL: INSERT"),
        (raw("POST", "/api/privileges"), "400 A privilege name must be provided."),
        (raw("DELETE", "/api/privileges"), "400 A privilege name must be provided."),
        (lambda da: da.privileges.delete("admin"), "400 The specified privilege is built-in"),
        (lambda da: da.privileges.delete("king"), "400 The privilege king did not exist."),
    ],
)
def test_what_cannot_be_done_with_accounts_is_refused(run: Run, call: Call, expected: str) -> None:
    """Each refusal is the server's own, to the letter."""
    words = run(lambda da: said(call(da)))

    assert words.startswith(expected)


@pytest.mark.parametrize(
    ("permissions", "call", "expected"),
    [
        ([], lambda da: da.users.list(), "403 Access denied."),
        ([], lambda da: da.users.get_current(), ACCESS),
        ([], lambda da: da.users.get(1), ACCESS),
        ([], lambda da: da.users.update_current(first_name="A"), ACCESS),
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
        ([], lambda da: da.privileges.list_current(), OTHERS),
        ([], lambda da: da.privileges.list_for_user(2), OTHERS),
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
def test_limited_key_may_do_no_more_than_its_permissions(
    run: Run, fake: FakeServer, permissions: list[str], call: Call, expected: str
) -> None:
    """The words differ from call to call, as on the server."""
    fake.add_user(ADA)
    limited = limit(fake, *(permissions or ["read_packages"]))

    words = run(lambda da: said(call(da)), limited)

    assert words.startswith(expected)


def test_others_may_do_only_what_is_theirs(run: Run, fake: FakeServer) -> None:
    """Somebody without privileges sees and changes only the own account."""
    ada = fake.add_user(ADA)

    async def job(da: AsyncDocassemble) -> None:
        await da.users.update(ada.id, first_name="Ada")
        me = await da.users.get_current()

        assert (me.first_name, await da.privileges.list_current()) == ("Ada", [])
        assert await said(da.users.get(1)) == ACCESS
        assert await said(da.users.list()) == "403 Access denied."
        assert (await said(da.users.update_current(password="x"))).startswith("403 You do not")
        assert [one.name for one in await da.api_keys.list_for_user(ada.id)] == ["test"]

    run(job, ada)


def test_developer_may_not_take_the_powerful_privileges(run: Run, fake: FakeServer) -> None:
    """Only an administrator gives or takes admin, developer and advocate."""
    fake._world.people.keys.clear()
    ada = fake.add_user(ADA, "advocate")
    fake.config["permissions"] = {"advocate": ["edit_user_privileges", "create_user"]}

    async def job(da: AsyncDocassemble) -> None:
        assert await said(da.privileges.revoke(ada.id, "advocate")) == (
            "400 You do not have sufficient privileges to take away this privilege."
        )
        assert await said(da.users.invite(["a@example.com"], privilege="admin")) == (
            "400 Invalid privilege name."
        )
        await da.users.create("bob@example.com", privileges=["admin", "user"])
        bob = await da.users.get_by_username("bob@example.com")
        assert bob.privileges == ["user"]

    run(job, ada)


def test_accounts_that_cannot_log_in_have_no_secret(run: Run, fake: FakeServer) -> None:
    """Not without a password, and not with a second factor."""
    ada = fake._world.people.add(ADA, "", [])

    async def job(da: AsyncDocassemble) -> None:
        assert await said(da.users.get_secret(ADA, "x")) == "403 Password not set"
        ada.two_factor = True
        assert (await said(da.users.get_secret(ADA, "x"))).startswith("403 Secret will not be")

    run(job)


def test_removal_takes_sessions_and_needs_access_to_them(run: Run, fake: FakeServer) -> None:
    """With `account` shared sessions stay; an unknown word only makes the account inactive."""
    ada, bob = fake.add_user(ADA), fake.add_user("bob@example.com")
    i = "docassemble.base:data/questions/examples/text-field.yml"

    async def start(da: AsyncDocassemble) -> str:
        return (await da.sessions.start(i)).session

    alone, shared = run(start, ada), run(start, ada)
    session = fake._world.sessions.find(i, shared)
    assert session is not None
    session.users.append(bob.id)

    async def job(da: AsyncDocassemble) -> None:
        await da.users.delete(ada.id, "account")
        rows = [(one.session, one.user_id) async for one in da.sessions.list()]
        await da.request("DELETE", f"/api/user/{bob.id}", params={"remove": "later"})
        still = await da.users.get(bob.id)

        assert alone not in {one for one, _ in rows}
        assert rows == [(shared, bob.id)]
        assert still.active is False

    run(job)
    limited = limit(fake, "access_user_info", "delete_user")
    with pytest.raises(ServerError):
        run(lambda da: da.users.delete(bob.id, "account"), limited)


def test_privileges_are_made_given_taken_and_deleted(run: Run, fake: FakeServer) -> None:
    """A deleted privilege is taken from everybody."""
    ada = fake.add_user(ADA)

    async def job(da: AsyncDocassemble) -> None:
        await da.privileges.create("clerk")
        await da.privileges.grant(ada.id, "clerk")
        await da.privileges.grant(ada.id, "user")
        await da.privileges.revoke(ada.id, "user")
        mine = await da.privileges.list_for_user(ada.id)
        there = await da.privileges.list()
        await da.privileges.delete("clerk")

        assert mine == ["clerk"]
        assert "clerk" in there == sorted(there)
        assert await da.privileges.list_for_user(ada.id) == []

    run(job)

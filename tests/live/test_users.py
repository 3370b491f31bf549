"""Accounts on the real server: creating, reading, updating and deleting them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from docassemble_client import AccessDenied, AsyncDocassemble, NotFound, Secret, Upload
from tests.live.accounts import temporary_account

if TYPE_CHECKING:
    from docassemble_client import UserRemoval
    from tests.live.conftest import Connect
    from tests.live.server import LiveServer

PROFILE: dict[str, Any] = {
    "first_name": 'Jürgen "Ö" <b>',
    "last_name": "Groß-Łukasiewicz 李",
    "country": "DE",
    "subdivisionfirst": "Baden-Württemberg",
    "subdivisionsecond": "Kreis Böblingen",
    "subdivisionthird": "Weil im Schönbuch",
    "organization": "Müller & Söhne; \\ 100 %",
    "timezone": "Europe/Berlin",
    "language": "de",
}
SHARED = b"""
mandatory: True
code: |
  multi_user = True
---
mandatory: True
question: What do you like?
fields:
  - Fruit: fruit
"""


async def test_account_is_created_deactivated_and_deleted(
    da: AsyncDocassemble, connect: Connect, unique: str
) -> None:
    """An account is created, deactivated together with its keys, reactivated and deleted."""
    email = f"{unique}@example.com"

    new = await da.users.create(email, privileges=["user"])
    key = await da.api_keys.create_for_user(new.user_id, unique)
    async with connect(key) as user:
        created = await user.users.get_current()
        await da.users.deactivate(new.user_id)
        with pytest.raises(AccessDenied):
            await user.users.get_current()
        deactivated = await da.users.get(new.user_id)
        active_ids = [account.id async for account in da.users.list()]
        all_ids = [account.id async for account in da.users.list(include_inactive=True)]
        await da.users.update(new.user_id, active=True)
        reactivated = await user.users.get_current()
        await da.users.delete(new.user_id, "account")
        with pytest.raises(AccessDenied):
            await user.users.get_current()
    with pytest.raises(NotFound):
        await da.users.get(new.user_id)

    assert (created.email, created.privileges, created.account_type) == (
        email,
        ["user"],
        "local",
    )
    assert (created.active, deactivated.active, reactivated) == (True, False, created)
    assert new.user_id not in active_ids
    assert new.user_id in all_ids


async def test_profile_keeps_every_character(da: AsyncDocassemble, unique: str) -> None:
    """All fields of a profile are returned unchanged, after creating and updating."""
    email = f"jürgen.{unique}@bücher.example"
    updates: dict[str, Any] = {name: f"Ä{value}"[:3] for name, value in PROFILE.items()}

    new = await da.users.create(email, **PROFILE)
    created = await da.users.get_by_username(email.upper().replace("Ü", "ü"))
    by_exact_email = await da.users.get_by_username(email, case_sensitive=True)
    with pytest.raises(NotFound):
        await da.users.get_by_username(email.upper(), case_sensitive=True)
    await da.users.update(new.user_id, **updates)
    await da.users.update(new.user_id, language="")
    after = await da.users.get(new.user_id)
    await da.users.delete(new.user_id, "account")

    assert {name: getattr(created, name) for name in PROFILE} == PROFILE
    assert by_exact_email == created
    assert created.email == email
    assert {name: getattr(after, name) for name in PROFILE} == updates | {"language": ""}


async def test_users_change_only_their_own_profile(da: AsyncDocassemble, connect: Connect) -> None:
    """Without privileges, users read and update only their own account, also by ID."""
    async with temporary_account(da, connect) as plain:
        await plain.da.users.update_current(**PROFILE)
        await plain.da.users.update(plain.id, first_name="Ada")
        me = await plain.da.users.get_current()

        assert me == await plain.da.users.get(plain.id) == await da.users.get(plain.id)
        assert {name: getattr(me, name) for name in PROFILE} == PROFILE | {"first_name": "Ada"}
        assert me.privileges == []


async def test_advocate_reads_all_accounts(da: AsyncDocassemble, connect: Connect) -> None:
    """An advocate lists and reads other accounts."""
    async with temporary_account(da, connect, "advocate") as advocate:
        page = await advocate.da.users.list()
        admin = await advocate.da.users.get(1)
        itself = await advocate.da.users.get_by_username(advocate.email)

    assert 1 in [account.id for account in page.items]
    assert admin.privileges == ["admin"]
    assert itself.id == advocate.id


async def test_underscore_in_an_address_matches_any_character(
    da: AsyncDocassemble, unique: str
) -> None:
    """A case-insensitive search may find another account; a case-sensitive search does not."""
    new = await da.users.create(f"{unique}-a@example.com")
    match = await da.users.get_by_username(f"{unique}_a@example.com")
    with pytest.raises(NotFound):
        await da.users.get_by_username(f"{unique}_a@example.com", case_sensitive=True)
    await da.users.delete(new.user_id, "account")

    assert match.id == new.user_id
    assert match.email == f"{unique}-a@example.com"


async def test_password_is_chosen_or_generated_and_hidden(
    da: AsyncDocassemble, unique: str
) -> None:
    """The server generates a password if none is set; both work, and reprs hide them."""
    with_generated = await da.users.create(f"{unique}a@example.com")
    with_chosen = await da.users.create(f"{unique}b@example.com", password="pässword 1")
    secrets = [
        await da.users.get_secret(f"{unique}a@example.com", with_generated.password),
        await da.users.get_secret(f"{unique}b@example.com", with_chosen.password),
    ]
    for account in (with_generated, with_chosen):
        await da.users.delete(account.user_id, "account")

    assert len(with_generated.password.reveal()) == 10
    assert with_chosen.password == Secret("pässword 1")
    assert with_generated.password.reveal() not in f"{with_generated!r} {with_generated}"
    assert [len(secret.reveal()) for secret in secrets] == [16, 16]
    assert secrets[0].reveal() not in f"{secrets!r} {secrets[0]}"


async def test_wrong_password_is_not_shown(da: AsyncDocassemble, server: LiveServer) -> None:
    """The error text has a hint, but not the password."""
    with pytest.raises(AccessDenied) as error:
        await da.users.get_secret(server.admin_email, "wrong-example-password")

    assert "wrong-example-password" not in str(error.value)
    assert "Check the password" in str(error.value)


async def test_old_password_keeps_encrypted_answers_readable(
    da: AsyncDocassemble, connect: Connect
) -> None:
    """With the old password, the server re-encrypts the sessions of the user."""
    i = "docassemble.base:data/questions/examples/text-field.yml"

    async with temporary_account(da, connect) as user:
        old = await da.users.get_secret(user.email, user.password)
        s = await user.da.sessions.start(i, secret=old)
        await user.da.sessions.set_variables(
            i, s.session, secret=old, variables={"favorite_fruit": "fig"}, question=False
        )
        await da.users.update(user.id, password="another one", old_password=user.password)
        new = await da.users.get_secret(user.email, "another one")
        variables = await user.da.sessions.get_variables(i, s.session, secret=new)
        await user.da.sessions.delete(i, s.session)

    assert s.encrypted is True
    assert new != old
    assert variables["favorite_fruit"] == "fig"


async def test_admins_change_their_own_password(da: AsyncDocassemble, connect: Connect) -> None:
    """The old password is optional."""
    async with temporary_account(da, connect, "admin") as admin:
        await admin.da.users.update_current(password="first one", old_password=admin.password)
        await admin.da.users.update_current(password="second one")
        with pytest.raises(AccessDenied):
            await da.users.get_secret(admin.email, "first one")
        secret = await da.users.get_secret(admin.email, "second one")

    assert len(secret.reveal()) == 16


async def test_invitation_opens_the_registration_form(da: AsyncDocassemble, unique: str) -> None:
    """Each address gets a URL of the registration form for this address."""
    emails = [f"{unique}a@example.com", f"{unique}b@example.com"]

    invited = await da.users.invite(
        [f"Ada Ö <{emails[0]}>", emails[1]], privilege="customer", send_emails=False
    )
    repeated = await da.users.invite(emails[:1], send_emails=False)
    urls = [str(invitation.url) for invitation in (*invited, *repeated)]
    async with httpx.AsyncClient() as browser:
        pages = [await browser.get(url) for url in urls]

    assert [invitation.email for invitation in invited] == emails
    assert {invitation.invitation_sent for invitation in invited} == {None}
    assert len(set(urls)) == 3
    assert urls[0] not in repr(invited)
    assert [page.status_code for page in pages] == [200] * 3
    assert [email in page.text for email, page in zip(emails, pages, strict=False)] == [True] * 2


async def test_invitation_that_cannot_be_sent_is_cancelled(
    da: AsyncDocassemble, unique: str
) -> None:
    """Without a mail server, the reply shows that the invitation was not sent."""
    (invited,) = await da.users.invite([f"{unique}@example.com"])

    assert invited.invitation_sent is False
    assert invited.url is None


@pytest.mark.parametrize(
    ("removal", "kept_variables"),
    [("account", {"drink": "tea", "fruit": "fig"}), ("account_and_shared", {})],
)
async def test_deleting_a_user_keeps_sessions_shared_with_others(
    da: AsyncDocassemble,
    connect: Connect,
    unique: str,
    removal: UserRemoval,
    kept_variables: dict[str, Any],
) -> None:
    """
    Sessions that another user has opened are kept, unless shared sessions are deleted too.

    The last steps of the deleted user are undone.
    """
    name = f"{unique}.yml"
    i = f"docassemble.playground1:{name}"

    await da.playground.upload_files([Upload(SHARED, name)], folder="questions")
    async with temporary_account(da, connect) as guest, httpx.AsyncClient() as browser:
        new = await da.users.create(f"{unique}@example.com")
        key = await da.api_keys.create_for_user(new.user_id, unique)
        async with connect(key) as host:
            alone = await host.sessions.start(i)
            shared = await host.sessions.start(i)
            login = await da.links.create_login_url(
                guest.email, guest.password, i=i, session=shared.session
            )
            page = await browser.get(login.reveal(), follow_redirects=True)
            joined = [summary.session async for summary in guest.da.sessions.list_current()]
            for user, saved in (
                (host, {"fruit": "fig"}),
                (guest.da, {"drink": "tea"}),
                (host, {"fruit": "plum"}),
            ):
                await user.sessions.set_variables(
                    i, shared.session, variables=saved, question=False
                )
        await da.users.delete(new.user_id, removal)
        remaining = [summary.session async for summary in da.sessions.list_across_users(i=i)]
        if kept_variables:
            variables = await guest.da.sessions.get_variables(i, shared.session)
            assert {name: variables[name] for name in kept_variables} == kept_variables
    await da.playground.delete_file(name, folder="questions")

    assert page.status_code == 200
    assert joined == [shared.session]
    assert alone.session not in remaining
    assert (shared.session in remaining) is bool(kept_variables)

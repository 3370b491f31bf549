"""Accounts on the real server: what each call changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from docassemble_client import AccessDenied, AsyncDocassemble, NotFound, Secret, Upload
from tests.live.people import person

if TYPE_CHECKING:
    from docassemble_client import UserRemoval
    from tests.live.conftest import Connect, Run
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


def test_account_lives_from_creation_to_deletion(run: Run, connect: Connect, unique: str) -> None:
    """An account is made, switched off with its keys, switched on again and removed."""
    email = f"{unique}@example.com"

    async def job(da: AsyncDocassemble) -> None:
        new = await da.users.create(email, privileges=["user"])
        key = await da.api_keys.create_for_user(new.user_id, unique)
        async with connect(key) as user:
            made = await user.users.get_current()
            await da.users.deactivate(new.user_id)
            with pytest.raises(AccessDenied):
                await user.users.get_current()
            off = await da.users.get(new.user_id)
            active = [one.id async for one in da.users.list()]
            everyone = [one.id async for one in da.users.list(include_inactive=True)]
            await da.users.update(new.user_id, active=True)
            again = await user.users.get_current()
            await da.users.delete(new.user_id, "account")
            with pytest.raises(AccessDenied):
                await user.users.get_current()
        with pytest.raises(NotFound):
            await da.users.get(new.user_id)

        assert (made.email, made.privileges, made.account_type) == (email, ["user"], "local")
        assert (made.active, off.active, again) == (True, False, made)
        assert new.user_id not in active
        assert new.user_id in everyone

    run(job)


def test_profile_keeps_every_character(run: Run, unique: str) -> None:
    """Each field of a profile comes back as it was given, when created and when changed."""
    email = f"jürgen.{unique}@bücher.example"
    changed: dict[str, Any] = {name: f"Ä{value}"[:3] for name, value in PROFILE.items()}

    async def job(da: AsyncDocassemble) -> None:
        new = await da.users.create(email, **PROFILE)
        made = await da.users.get_by_username(email.upper().replace("Ü", "ü"))
        exact = await da.users.get_by_username(email, case_sensitive=True)
        with pytest.raises(NotFound):
            await da.users.get_by_username(email.upper(), case_sensitive=True)
        await da.users.update(new.user_id, **changed)
        await da.users.update(new.user_id, language="")
        after = await da.users.get(new.user_id)
        await da.users.delete(new.user_id, "account")

        assert {name: getattr(made, name) for name in PROFILE} == PROFILE
        assert exact == made
        assert made.email == email
        assert {name: getattr(after, name) for name in PROFILE} == changed | {"language": ""}

    run(job)


def test_anybody_changes_the_own_profile_only(run: Run, connect: Connect) -> None:
    """Without privileges one reads and changes one's own account, by number too."""

    async def job(da: AsyncDocassemble) -> None:
        async with person(da, connect) as plain:
            await plain.da.users.update_current(**PROFILE)
            await plain.da.users.update(plain.id, first_name="Ada")
            me = await plain.da.users.get_current()

            assert me == await plain.da.users.get(plain.id) == await da.users.get(plain.id)
            assert {name: getattr(me, name) for name in PROFILE} == PROFILE | {"first_name": "Ada"}
            assert me.privileges == []

    run(job)


def test_advocate_reads_all_accounts(run: Run, connect: Connect) -> None:
    """An advocate lists and reads other accounts."""

    async def job(da: AsyncDocassemble) -> None:
        async with person(da, connect, "advocate") as advocate:
            listed = await advocate.da.users.list()
            admin = await advocate.da.users.get(1)
            found = await advocate.da.users.get_by_username(advocate.email)

        assert 1 in [one.id for one in listed.items]
        assert admin.privileges == ["admin"]
        assert found.id == advocate.id

    run(job)


def test_underscore_of_an_address_matches_anything(run: Run, unique: str) -> None:
    """A look-up that is not case-sensitive may find another account; one that is never does."""

    async def job(da: AsyncDocassemble) -> None:
        new = await da.users.create(f"{unique}-a@example.com")
        found = await da.users.get_by_username(f"{unique}_a@example.com")
        with pytest.raises(NotFound):
            await da.users.get_by_username(f"{unique}_a@example.com", case_sensitive=True)
        await da.users.delete(new.user_id, "account")

        assert found.id == new.user_id
        assert found.email == f"{unique}-a@example.com"

    run(job)


def test_password_is_given_or_made_and_never_shown(run: Run, unique: str) -> None:
    """Without a password the server makes one; both open the account and neither is shown."""

    async def job(da: AsyncDocassemble) -> None:
        made = await da.users.create(f"{unique}a@example.com")
        given = await da.users.create(f"{unique}b@example.com", password="pässword 1")
        secrets = [
            await da.users.get_secret(f"{unique}a@example.com", made.password),
            await da.users.get_secret(f"{unique}b@example.com", given.password),
        ]
        for one in (made, given):
            await da.users.delete(one.user_id, "account")

        assert len(made.password.reveal()) == 10
        assert given.password == Secret("pässword 1")
        assert made.password.reveal() not in f"{made!r} {made}"
        assert [len(one.reveal()) for one in secrets] == [16, 16]
        assert secrets[0].reveal() not in f"{secrets!r} {secrets[0]}"

    run(job)


def test_wrong_password_is_not_shown(run: Run, server: LiveServer) -> None:
    """A wrong password is refused with advice, and stands nowhere in the error's text."""

    async def job(da: AsyncDocassemble) -> None:
        with pytest.raises(AccessDenied) as error:
            await da.users.get_secret(server.admin_email, "wrong-example-password")

        assert "wrong-example-password" not in str(error.value)
        assert "Check the password" in str(error.value)

    run(job)


def test_old_password_keeps_encrypted_answers_readable(run: Run, connect: Connect) -> None:
    """Given with the new password, the old one lets the server convert the user's sessions."""
    i = "docassemble.base:data/questions/examples/text-field.yml"

    async def job(da: AsyncDocassemble) -> None:
        async with person(da, connect) as user:
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

    run(job)


def test_admin_changes_the_own_password(run: Run, connect: Connect) -> None:
    """An admin changes the own password with or without the old one."""

    async def job(da: AsyncDocassemble) -> None:
        async with person(da, connect, "admin") as admin:
            await admin.da.users.update_current(password="first one", old_password=admin.password)
            await admin.da.users.update_current(password="second one")
            with pytest.raises(AccessDenied):
                await da.users.get_secret(admin.email, "first one")
            secret = await da.users.get_secret(admin.email, "second one")

        assert len(secret.reveal()) == 16

    run(job)


def test_invitation_leads_to_the_registration(run: Run, unique: str) -> None:
    """Each address gets a URL of its own, which opens the form to register with that address."""
    emails = [f"{unique}a@example.com", f"{unique}b@example.com"]

    async def job(da: AsyncDocassemble) -> None:
        invited = await da.users.invite(
            [f"Ada Ö <{emails[0]}>", emails[1]], privilege="customer", send_emails=False
        )
        again = await da.users.invite(emails[:1], send_emails=False)
        urls = [str(one.url) for one in (*invited, *again)]
        async with httpx.AsyncClient() as browser:
            pages = [await browser.get(url) for url in urls]

        assert [one.email for one in invited] == emails
        assert {one.invitation_sent for one in invited} == {None}
        assert len(set(urls)) == 3
        assert urls[0] not in repr(invited)
        assert [page.status_code for page in pages] == [200] * 3
        assert [email in page.text for email, page in zip(emails, pages, strict=False)] == [
            True
        ] * 2

    run(job)


def test_invitation_that_cannot_be_sent_is_cancelled(run: Run, unique: str) -> None:
    """Without a mail server the invitation is no error: it says that it was not sent."""

    async def job(da: AsyncDocassemble) -> None:
        (invited,) = await da.users.invite([f"{unique}@example.com"])

        assert invited.invitation_sent is False
        assert invited.url is None

    run(job)


@pytest.mark.parametrize(
    ("remove", "kept"), [("account", {"drink": "tea", "fruit": "fig"}), ("account_and_shared", {})]
)
def test_removal_spares_the_sessions_of_others(
    run: Run, connect: Connect, unique: str, remove: UserRemoval, kept: dict[str, Any]
) -> None:
    """
    A session that another user has opened in a browser stays, unless shared ones go too.

    What the removed user saved there last is taken back either way.
    """
    name = f"{unique}.yml"
    i = f"docassemble.playground1:{name}"

    async def job(da: AsyncDocassemble) -> None:
        await da.playground.upload_files([Upload(SHARED, name)], folder="questions")
        async with person(da, connect) as guest, httpx.AsyncClient() as browser:
            new = await da.users.create(f"{unique}@example.com")
            key = await da.api_keys.create_for_user(new.user_id, unique)
            async with connect(key) as host:
                alone = await host.sessions.start(i)
                shared = await host.sessions.start(i)
                login = await da.links.create_login_url(
                    guest.email, guest.password, i=i, session=shared.session
                )
                page = await browser.get(login.reveal(), follow_redirects=True)
                joined = [one.session async for one in guest.da.sessions.list_current()]
                for user, saved in (
                    (host, {"fruit": "fig"}),
                    (guest.da, {"drink": "tea"}),
                    (host, {"fruit": "plum"}),
                ):
                    await user.sessions.set_variables(
                        i, shared.session, variables=saved, question=False
                    )
            await da.users.delete(new.user_id, remove)
            left = [one.session async for one in da.sessions.list_across_users(i=i)]
            if kept:
                variables = await guest.da.sessions.get_variables(i, shared.session)
                assert {name: variables[name] for name in kept} == kept
        await da.playground.delete_file(name, folder="questions")

        assert page.status_code == 200
        assert joined == [shared.session]
        assert alone.session not in left
        assert (shared.session in left) is bool(kept)

    run(job)

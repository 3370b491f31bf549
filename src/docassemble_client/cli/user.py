"""The command user."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from docassemble_client.cli.common_options import COMMON, INPUT_FILE, Common
from docassemble_client.cli.confirmation import confirm
from docassemble_client.cli.exit_codes import ExitCode
from docassemble_client.cli.inputs import parse_pairs, read_secret

if TYPE_CHECKING:
    from docassemble_client.client import AsyncDocassemble

app = App(name="user")

Privileges = Annotated[
    tuple[str, ...], Parameter(name="--privilege", help="Privilege; repeat it for several.")
]
_COLUMNS = ("id", "email", "privileges")


@app.command(name="list")
async def list_users(*, inactive: bool = False, common: Common = COMMON) -> None:
    """
    List the users: ID, e-mail address and privileges.

    $ dactl user list --inactive

    Args:
        inactive: Include inactive users.
    """
    async with common.connect() as da:
        await common.show_list(da.users.list(include_inactive=inactive), _COLUMNS)


@app.command
async def show(user: str | None = None, /, *, common: Common = COMMON) -> None:
    """
    Show a user; by default the owner of the API key.

    $ dactl user show ana@example.com

    Args:
        user: ID or e-mail address.
    """
    async with common.connect() as da:
        if user is None:
            account = await da.users.get_current()
        elif user.isdecimal():
            account = await da.users.get(int(user))
        else:
            account = await da.users.get_by_username(user)
    common.show(account)


@app.command
async def ensure(
    email: str,
    /,
    *,
    privilege: Privileges = (),
    exact: bool = False,
    set: Annotated[tuple[str, ...], Parameter(help="Field of the profile, NAME=VALUE.")] = (),
    password_file: Annotated[str | None, INPUT_FILE] = None,
    dry_run: bool = False,
    common: Common = COMMON,
) -> None:
    """
    Create a user, or update what differs.

    $ dactl user ensure ana@example.com --privilege advocate --set first_name=Ana

    Args:
        email: E-mail address.
        exact: Revoke all other privileges.
        password_file: File with the password of a new user (`-`: standard input); by default the
            server generates one.
        dry_run: Report what would be changed, and change nothing.
    """
    profile: Any = parse_pairs(set)
    password = read_secret(password_file) if password_file else None
    async with common.connect() as da:
        report = await da.ensure_user(
            email,
            privileges=None if exact else privilege,
            exact_privileges=privilege if exact else None,
            profile=profile,
            password=password,
            dry_run=dry_run,
        )
    common.show(report, _describe(report, reveal=common.reveal))


def _describe(report: Any, *, reveal: bool) -> str:
    """Describe the changes of `ensure_user`."""
    changes = ["created"] if report.created else []
    changes += [f"granted {name}" for name in report.granted]
    changes += [f"revoked {name}" for name in report.revoked]
    changes += [f"set {name}" for name in report.changed]
    text = ", ".join(changes) or "nothing differs"
    if report.dry_run:
        return f"{text} (dry run)"
    if report.password is None:
        return text
    password = report.password.reveal() if reveal else "shown once with --reveal"
    return f"{text}; password: {password}"


@app.command
async def invite(
    *emails: str,
    privilege: str | None = None,
    no_mail: bool = False,
    common: Common = COMMON,
) -> None:
    """
    Invite people to register, by e-mail.

    $ dactl user invite ana@example.com --privilege advocate

    Args:
        emails: E-mail addresses.
        privilege: Privilege of the new users.
        no_mail: Send no e-mail; --reveal shows the links.
    """
    async with common.connect() as da:
        invitations = await da.users.invite(emails, privilege=privilege, send_emails=not no_mail)
    await common.show_list(invitations)


@app.command
async def deactivate(user: str, /, *, yes: bool = False, common: Common = COMMON) -> ExitCode:
    """
    Deactivate a user, who can then no longer log in.

    $ dactl user deactivate ana@example.com --yes

    Args:
        user: ID or e-mail address.
        yes: Deactivate the user.
    """
    if not confirm(f"deactivate the user {user}", yes=yes):
        return ExitCode.WRONG_USAGE
    async with common.connect() as da:
        await da.users.deactivate(await find_user_id(da, user))
    common.show(None, "deactivated")
    return ExitCode.DONE


@app.command
async def delete(
    user: str, /, *, shared: bool = False, yes: bool = False, common: Common = COMMON
) -> ExitCode:
    """
    Delete a user with all sessions, files and Playgrounds of the user.

    $ dactl user delete ana@example.com --yes

    Args:
        user: ID or e-mail address.
        shared: Delete the sessions that the user shares with others too.
        yes: Delete the user.
    """
    if not confirm(f"delete the user {user} with all data of the user", yes=yes):
        return ExitCode.WRONG_USAGE
    async with common.connect() as da:
        user_id = await find_user_id(da, user)
        await da.users.delete(user_id, "account_and_shared" if shared else "account")
    common.show(None, "deleted")
    return ExitCode.DONE


async def find_user_id(da: AsyncDocassemble, user: str) -> int:
    """Return the ID of a user by ID or e-mail address."""
    if user.isdecimal():
        return int(user)
    return (await da.users.get_by_username(user)).id

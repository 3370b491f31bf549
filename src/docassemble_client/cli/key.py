"""The command key."""

from __future__ import annotations

from typing import Annotated, Any

from cyclopts import App, Parameter

from docassemble_client.cli.common_options import COMMON, INPUT_FILE, Common
from docassemble_client.cli.confirmation import confirm
from docassemble_client.cli.exit_codes import ExitCode
from docassemble_client.cli.inputs import read_secret
from docassemble_client.cli.user import find_user_id

app = App(name="key")

UserOption = Annotated[
    str | None, Parameter(help="ID or e-mail address of the owner; by default your own keys.")
]


@app.command(name="list")
async def list_keys(*, user: UserOption = None, common: Common = COMMON) -> None:
    """
    List the API keys of a user, without their values.

    $ dactl key list --user ana@example.com
    """
    async with common.connect() as da:
        if user is None:
            keys = await da.api_keys.list()
        else:
            keys = await da.api_keys.list_for_user(await find_user_id(da, user))
    await common.show_list(keys, ("name", "last_four", "method", "constraints"))


@app.command
async def ensure(
    name: str,
    /,
    *,
    user: UserOption = None,
    permission: Annotated[
        tuple[str, ...], Parameter(help="Permission that limits the key; repeat it for several.")
    ] = (),
    common: Common = COMMON,
) -> None:
    """
    Create an API key, unless the user has a key with this name.

    The server shows the value of a new key only once: use --reveal.

    $ dactl key ensure ci --permission manage_packages --reveal

    Args:
        name: Name of the key.
    """
    permissions: Any = permission or None
    async with common.connect() as da:
        owner = (await da.users.get_current()).id if user is None else await find_user_id(da, user)
        report = await da.ensure_api_key(owner, name, permissions=permissions)
    text = str(report)
    if report.key is not None:
        text = report.key.reveal() if common.reveal else f"{text} It is shown with --reveal."
    common.show(report, text)


@app.command
async def delete(
    key_file: Annotated[str, INPUT_FILE],
    /,
    *,
    user: UserOption = None,
    yes: bool = False,
    common: Common = COMMON,
) -> ExitCode:
    """
    Delete an API key.

    $ dactl key delete old-key.txt --yes

    Args:
        key_file: File that contains the key in its first line; `-` is standard input.
        yes: Delete the key.
    """
    if not confirm("delete the API key", yes=yes):
        return ExitCode.WRONG_USAGE
    key = read_secret(key_file)
    async with common.connect() as da:
        if user is None:
            await da.api_keys.delete(key)
        else:
            await da.api_keys.delete_for_user(await find_user_id(da, user), key)
    common.show(None, "deleted")
    return ExitCode.DONE

"""Privileges of users."""

from __future__ import annotations

from typing import TYPE_CHECKING

from docassemble_client.testing._server.messages import Refusal, json_answer
from docassemble_client.testing._state.people import POWERFUL, UNDELETABLE

if TYPE_CHECKING:
    from docassemble_client.testing._server.call import Call
    from docassemble_client.testing._state.people import Account

_LONGEST = 50


def privileges_list(call: Call) -> object:
    """List the privileges there are."""
    _demand_list(call)
    return sorted(call.world.people.privileges)


def _demand_list(call: Call) -> None:
    if not call.caller.may("admin", "developer", permission="access_privileges"):
        call.refuse("see the list of privileges")


def privileges_create(call: Call) -> None:
    """Make a privilege."""
    _demand(call, "edit_privileges")
    if not call.given("privilege"):
        call.refuse("must be provided")
    _demand_list(call)
    name = call.value("privilege")
    if name in call.world.people.privileges:
        call.refuse("already exists")
    if len(name) > _LONGEST:
        # The database's own words, which no client can rely on.
        raise Refusal(json_answer("(psycopg2.errors.Error) [SQL: INSERT INTO role (name)]", 400))
    call.world.people.privileges.append(name)


def privileges_delete(call: Call) -> None:
    """Delete a privilege."""
    _demand(call, "edit_privileges")
    name = call.text("privilege")
    if name is None:
        call.refuse("must be provided")
    if name in UNDELETABLE:
        call.refuse("built-in")
    if name not in call.world.people.privileges:
        call.refuse("did not exist", name)
    call.world.people.drop_privilege(name)


def _demand(call: Call, permission: str) -> None:
    if not call.caller.may("admin", permission=permission):
        call.deny()


def privileges_list_current(call: Call) -> object:
    """List the caller's own privileges."""
    if not call.caller.holds("access_user_info"):
        call.refuse("about other users")
    return call.caller.account.privileges


def privileges_list_for_user(call: Call) -> object:
    """List the privileges of a user."""
    return _user(call).privileges


def privileges_grant(call: Call) -> None:
    """Give a user a privilege."""
    user, name = _user(call), _privilege(call)
    if name in {*POWERFUL, "cron"} and not call.caller.may("admin"):
        call.refuse("sufficient privileges to give")
    _known(call, name)
    if name == "cron":
        call.refuse("cron privilege")
    if name in user.privileges:
        call.refuse("already had")
    user.privileges.append(name)


def privileges_revoke(call: Call) -> None:
    """Take a privilege from a user."""
    user, name = _user(call), _privilege(call)
    if user.id == call.caller.id and name == "admin":
        call.refuse("from the current user")
    if name in {*POWERFUL, "cron"} and not call.caller.has("admin"):
        call.refuse("sufficient privileges to take away")
    _known(call, name)
    if name not in user.privileges:
        call.refuse("did not already have")
    user.privileges.remove(name)


def _user(call: Call) -> Account:
    number = call.number("user_id")
    sees_others = call.caller.may("admin", "advocate", permission="access_user_info")
    if not (call.caller.is_self(number) or sees_others):
        call.refuse("about other users")
    return call.world.people.find(number) or call.refuse("User not found")


def _privilege(call: Call) -> str:
    _demand(call, "edit_user_privileges")
    name = call.text("privilege")
    return call.refuse("must be provided") if name is None else name


def _known(call: Call, name: str) -> None:
    if name not in call.world.people.privileges:
        call.refuse("privilege does not exist")

"""Privileges of users."""

from __future__ import annotations

from typing import TYPE_CHECKING

from docassemble_client.testing._state.columns import ColumnError, check_length
from docassemble_client.testing._state.users import ELEVATED_PRIVILEGES, UNDELETABLE_PRIVILEGES

if TYPE_CHECKING:
    from docassemble_client.testing._server.api_call import ApiCall
    from docassemble_client.testing._state.users import Account

_MAX_NAME_LENGTH = 50


def privileges_list(call: ApiCall) -> object:
    """List all privileges."""
    _check_may_list(call)
    return sorted(call.state.users.privileges)


def _check_may_list(call: ApiCall) -> None:
    if not call.user.may_use("admin", "developer", permission="access_privileges"):
        call.refuse("see the list of privileges")


def privileges_create(call: ApiCall) -> None:
    """Create a privilege."""
    _check_permission(call, "edit_privileges")
    if not call.has_argument("privilege"):
        call.refuse("must be provided")
    _check_may_list(call)
    name = call.get_value("privilege")
    if name in call.state.users.privileges:
        call.refuse("already exists")
    try:
        check_length(name, _MAX_NAME_LENGTH, statement="INSERT INTO role")
    except ColumnError as error:
        call.refuse_with(str(error))
    call.state.users.privileges.append(name)


def privileges_delete(call: ApiCall) -> None:
    """Delete a privilege."""
    _check_permission(call, "edit_privileges")
    name = call.get_text("privilege")
    if name is None:
        call.refuse("must be provided")
    if name in UNDELETABLE_PRIVILEGES:
        call.refuse("built-in")
    if name not in call.state.users.privileges:
        call.refuse("did not exist", name)
    call.state.users.delete_privilege(name)


def _check_permission(call: ApiCall, permission: str) -> None:
    if not call.user.may_use("admin", permission=permission):
        call.deny()


def privileges_list_current(call: ApiCall) -> object:
    """List the caller's own privileges."""
    if not call.user.has_permission("access_user_info"):
        call.refuse("about other users")
    return call.user.account.privileges


def privileges_list_for_user(call: ApiCall) -> object:
    """List the privileges of a user."""
    return _find_user(call).privileges


def privileges_grant(call: ApiCall) -> None:
    """Grant a user a privilege."""
    user, name = _find_user(call), _read_privilege(call)
    if name in {*ELEVATED_PRIVILEGES, "cron"} and not call.user.may_use("admin"):
        call.refuse("sufficient privileges to give")
    _check_exists(call, name)
    if name == "cron":
        call.refuse("cron privilege")
    if name in user.privileges:
        call.refuse("already had")
    user.privileges.append(name)


def privileges_revoke(call: ApiCall) -> None:
    """Revoke a privilege of a user."""
    user, name = _find_user(call), _read_privilege(call)
    if user.id == call.user.id and name == "admin":
        call.refuse("from the current user")
    if name in {*ELEVATED_PRIVILEGES, "cron"} and not call.user.has_privilege("admin"):
        call.refuse("sufficient privileges to take away")
    _check_exists(call, name)
    if name not in user.privileges:
        call.refuse("did not already have")
    user.privileges.remove(name)


def _find_user(call: ApiCall) -> Account:
    user_id = call.get_path_value("user_id")
    may_see_others = call.user.may_use("admin", "advocate", permission="access_user_info")
    if not (call.user.is_self(user_id) or may_see_others):
        call.refuse("about other users")
    return call.state.users.find(user_id) or call.refuse("User not found")


def _read_privilege(call: ApiCall) -> str:
    _check_permission(call, "edit_user_privileges")
    name = call.get_text("privilege")
    return call.refuse("must be provided") if name is None else name


def _check_exists(call: ApiCall, name: str) -> None:
    if name not in call.state.users.privileges:
        call.refuse("privilege does not exist")

"""User accounts."""

from __future__ import annotations

import json
import re
from email.utils import parseaddr
from typing import TYPE_CHECKING, Any

from attrs import evolve

import docassemble_client.models as models
from docassemble_client._types import is_json_array
from docassemble_client.config import Secret
from docassemble_client.operations import OPERATIONS
from docassemble_client.testing._handlers.paging import make_page, read_position
from docassemble_client.testing._server.messages import UnhandledError
from docassemble_client.testing._state.columns import ColumnError, convert_profile
from docassemble_client.testing._state.links import Link
from docassemble_client.testing._state.secrets import generate_alphanumeric
from docassemble_client.testing._state.users import ELEVATED_PRIVILEGES, PROFILE_FIELDS

if TYPE_CHECKING:
    from docassemble_client.testing._server.api_call import ApiCall
    from docassemble_client.testing._state.users import Account

_EMAIL = re.compile(r"\b[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z|]{2,}\b")
_NO_SESSION_ACCESS = (
    "user_interviews: you do not have sufficient privileges to access information about other users"
)
_INVITATION_SECONDS = 90 * 24 * 3600.0
_FIRST_ACCOUNT_ID = 1  # the account that was created with the server
_MIN_PASSWORD_LENGTH, _MAX_PASSWORD_LENGTH = 4, 254
_MAX_PASSWORD_BYTES = 72
_TOO_LONG_ERROR = (
    "password cannot be longer than 72 bytes, "
    "truncate manually if necessary (e.g. my_password[:72])"
)
_NUL_CHARACTER_ERROR = "A string literal cannot contain NUL (0x00) characters."
_INSERT = 'INSERT INTO "user"'
_UPDATE = 'UPDATE "user"'
# The server looks up the password after it has changed the account, which writes the changes.
_AUTOFLUSH = (
    "(raised as a result of Query-invoked autoflush; consider using a session.no_autoflush block "
    "if this flush is occurring prematurely)\n"
)


def to_model(
    account: Account, *, with_active: bool = True, with_account_type: bool = True
) -> models.User:
    """Build the API model of an account; some calls omit two of its fields."""
    return models.User(
        id=account.id,
        email=account.email,
        privileges=list(account.privileges),
        active=account.active if with_active else None,
        account_type=account.account_type if with_account_type else None,
        **{name: getattr(account, name) for name in PROFILE_FIELDS},
    )


def _find_user(call: ApiCall) -> Account:
    """Find the account in the path, if the caller may see it."""
    user_id = call.get_path_value("user_id")
    may_see_others = call.user.may_use("admin", "advocate", permission="access_user_info")
    if not (call.user.is_self(user_id) or may_see_others):
        call.refuse("access user information")
    return call.state.users.find(user_id) or call.refuse("User not found")


def users_list(call: ApiCall) -> object:
    """List accounts."""
    call.require_privilege()
    include_inactive = call.get_flag("include_inactive")
    after = read_position(call)
    numbered_items = [
        (account.id, to_model(account, with_active=include_inactive, with_account_type=False))
        for account in call.state.users.iter_accounts()
        if account.id > after and (include_inactive or account.active)
    ]
    return make_page(call, numbered_items)


def users_create(call: ApiCall) -> object:
    """Create an account."""
    call.require_privilege()
    is_alias = not call.has_argument("username") and "email" in call.request.body.data
    if not (call.has_argument("username") or is_alias):
        call.refuse("must be supplied")
    email = call.data["email"].strip() if is_alias else call.get_value("username")
    profile = {
        name: call.get_value(name).strip() for name in PROFILE_FIELDS if call.has_argument(name)
    }
    privileges = _read_privileges(call)
    password = call.get_value("password", generate_alphanumeric(10)).strip()
    if not _MIN_PASSWORD_LENGTH <= len(password) <= _MAX_PASSWORD_LENGTH:
        call.refuse("too short or too long")
    if not isinstance(email, str):
        message = f"'{type(email).__name__}' object has no attribute 'strip'"
        call.refuse_with(message)
    email = email.strip()
    if call.state.users.find_by_email(email):
        call.refuse("already being used")
    _check_password_size(call, password)
    _convert_columns(call, {"email": email, **profile}, _INSERT)
    if not call.user.has_privilege("admin"):
        privileges = [name for name in privileges if name not in ELEVATED_PRIVILEGES]
    account = call.state.users.add(email, password, privileges, **profile)
    return models.NewUser(user_id=account.id, password=Secret(password))


def _convert_columns(
    call: ApiCall, values: dict[str, Any], statement: str, *, prefix: str = ""
) -> dict[str, str | None]:
    """Convert values like the database; a value that it refuses ends the call."""
    try:
        return convert_profile(values, statement=statement)
    except ColumnError as error:
        call.refuse_with(f"{prefix}{error}")


def _read_privileges(call: ApiCall) -> list[str]:
    value: Any = call.get_value("privileges", [])
    if not is_json_array(value):
        try:
            value = json.loads(value)
        except (TypeError, ValueError):
            value = [value]
    value = [value] if isinstance(value, str) else value
    if not is_json_array(value):
        call.refuse("List of privileges")
    for name in value:
        if name not in {*call.state.users.privileges} - {"cron"}:
            call.refuse("Invalid privilege name", name)
    return list(value)


def users_invite(call: ApiCall) -> object:
    """Invite users; no e-mail is sent, as on a server without a mail configuration."""
    call.require_privilege()
    users = call.state.users
    privilege = str(call.get_value("privilege", "user")).strip() or "user"
    forbidden = {"cron"} if call.user.has_privilege("admin") else {"cron", *ELEVATED_PRIVILEGES}
    if privilege not in set(users.privileges) - forbidden:
        call.refuse("Invalid privilege name")
    value: Any = call.get_value("email_addresses", call.data.get("email_address", []))
    if isinstance(value, str) and value.startswith(("[", '"')):
        try:
            value = json.loads(value)
        except ValueError:
            call.refuse("valid JSON")
    values = value if is_json_array(value) else [value]
    emails = [parseaddr(str(value))[1] for value in values]
    if not all(_EMAIL.match(email) for email in emails):
        call.refuse("Invalid e-mail address")
    if not emails:
        call.refuse("One or more")
    if any(users.find_by_email(email) for email in emails):
        call.refuse("already being used")
    if call.get_flag("send_emails", default=True):
        return [models.Invitation(email=email, invitation_sent=False) for email in emails]
    return [
        models.Invitation(email=email, url=_make_invitation_url(call, email)) for email in emails
    ]


def _make_invitation_url(call: ApiCall, email: str) -> str:
    link = Link(kind="invitation", target=email, one_time=False)
    code = call.state.links.create(link, seconds=_INVITATION_SECONDS, length=40)
    return f"{call.state.url}/user/register?token={code}"


def users_get_by_username(call: ApiCall) -> object:
    """Find an account by its e-mail address."""
    call.require_privilege()
    username = call.get_text("username")
    if username is None:
        call.refuse("must be supplied")
    case_sensitive = call.get_flag("case_sensitive")
    if "\0" in username:
        call.refuse("Error obtaining user information", _NUL_CHARACTER_ERROR)
    account = call.state.users.find_by_email(username.strip(), case_sensitive=case_sensitive)
    return to_model(account or call.refuse("User not found"))


def users_get_current(call: ApiCall) -> object:
    """Return the caller's own account."""
    if not call.user.has_permission("access_user_info"):
        call.refuse("access user information")
    return to_model(call.user.account)


def users_get(call: ApiCall) -> object:
    """Return an account."""
    return to_model(_find_user(call))


def users_update_current(call: ApiCall) -> None:
    """Update the caller's own account."""
    caller = call.user
    if not caller.has_permission("access_user_info"):
        call.refuse("access user information")
    if not caller.has_permission("edit_user_info"):
        call.refuse("edit a user's information")
    if call.has_argument("password") and not caller.may_use(
        "admin", permission="edit_user_password"
    ):
        call.refuse("change a user's password")
    _update_account(call, caller.account)


def users_update(call: ApiCall) -> None:
    """Update an account."""
    account, caller = _find_user(call), call.user
    if not (caller.may_use("admin", permission="edit_user_info") or caller.is_self(account.id)):
        call.refuse("edit user information")
    if call.has_argument("active"):
        if account.id in {_FIRST_ACCOUNT_ID, caller.id}:
            call.refuse("active status of this user account")
        if not caller.may_use("admin", permission="edit_user_active_status"):
            call.refuse("change the active status")
    if call.has_argument("password") and not caller.may_use(
        "admin", permission="edit_user_password"
    ):
        call.refuse("must have admin privileges")
    _update_account(call, account)
    if call.has_argument("active"):
        account.active = call.get_flag("active")


def _update_account(call: ApiCall, account: Account) -> None:
    is_elevated = any(name in {*ELEVATED_PRIVILEGES, "cron"} for name in account.privileges)
    # The server ignores that a limited key belongs to an administrator or to this user.
    if call.user.is_limited and is_elevated:
        call.refuse("edit this user's information")
    profile = {name: call.get_value(name) for name in PROFILE_FIELDS if call.has_argument(name)}
    has_password = call.has_argument("password")
    password = call.get_value("password") if has_password else None
    old_password = call.get_value("old_password") if has_password else None
    is_verified = old_password is not None and old_password != password
    if has_password and not is_verified:
        # The server hashes the password before it stores the profile (users/helpers.py:337).
        _check_password_size(call, password)
    converted = _convert_columns(call, profile, _UPDATE, prefix=_AUTOFLUSH if has_password else "")
    if is_verified:
        if old_password != account.password:
            call.refuse("old_password is incorrect")
        _check_password_size(call, password)
    if has_password:
        old_secret, account.password = account.secret, str(password)
        if old_password is not None:
            call.state.sessions.reencrypt(account.id, old_secret, account.secret)
    for name, text in converted.items():
        setattr(account, name, text)


def _check_password_size(call: ApiCall, password: object) -> None:
    """Refuse a password that is too long for the server's hash function."""
    if len(str(password).encode()) > _MAX_PASSWORD_BYTES:
        call.refuse_with(_TOO_LONG_ERROR)


def users_deactivate(call: ApiCall) -> None:
    """Deactivate an account."""
    account = _find_removable_user(call)
    if not call.user.may_use("admin", permission="edit_user_active_status"):
        call.refuse("inactivate")
    account.active = False


def users_delete(call: ApiCall) -> None:
    """Delete an account; an unknown value of `remove` only deactivates it."""
    remove = call.get_text("remove")
    if remove not in {"account", "account_and_shared"}:
        users_deactivate(evolve(call, operation=OPERATIONS["users.deactivate"]))
        return
    account = _find_removable_user(call)
    if not call.user.may_use("admin", permission="delete_user"):
        call.refuse("delete user accounts")
    if not call.user.has_permission("access_sessions"):
        raise UnhandledError(_NO_SESSION_ACCESS)
    call.state.remove_account(account, delete_shared_sessions=remove == "account_and_shared")


def _find_removable_user(call: ApiCall) -> Account:
    account = _find_user(call)
    if account.id in {_FIRST_ACCOUNT_ID, call.user.id}:
        call.refuse("cannot be deleted or deactivated")
    return account


def users_get_secret(call: ApiCall) -> object:
    """Return the key that encrypts a user's sessions."""
    return authenticate(call).secret


def authenticate(call: ApiCall) -> Account:
    """Return the account of the user name and password in the call."""
    username, password = call.get_text("username"), call.get_text("password")
    if username is None or password is None:
        call.refuse("username and password")
    account = call.state.users.find_by_email(username)
    if account is None:
        call.refuse("Username not known")
    if account.two_factor:
        call.refuse("two factor")
    if not account.password:
        call.refuse("Password not set")
    if account.password != password:
        call.refuse("Incorrect password")
    return account

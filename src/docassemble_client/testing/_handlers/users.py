"""User accounts."""

from __future__ import annotations

import json
import re
from email.utils import parseaddr
from typing import TYPE_CHECKING, Any

import docassemble_client.models as models
from docassemble_client._types import is_json_array
from docassemble_client.config import Secret
from docassemble_client.testing._handlers.paging import make_page, read_position
from docassemble_client.testing._server.messages import (
    ApiRefusal,
    UnhandledError,
    make_json_response,
)
from docassemble_client.testing._state.links import Link
from docassemble_client.testing._state.secrets import generate_alphanumeric
from docassemble_client.testing._state.users import ELEVATED_PRIVILEGES, PROFILE_FIELDS

if TYPE_CHECKING:
    from docassemble_client.testing._server.api_call import ApiCall
    from docassemble_client.testing._state.users import Account

_EMAIL = re.compile(r"\b[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z|]{2,}\b")
_NO_SESSION_ACCESS = "you do not have sufficient privileges to access information about other users"
_INVITATION_SECONDS = 90 * 24 * 3600.0
_FIRST_ACCOUNT_ID = 1  # the account that was created with the server
_MIN_PASSWORD_LENGTH, _MAX_PASSWORD_LENGTH = 4, 254
_MAX_PASSWORD_BYTES = 72
_TOO_LONG_ERROR = (
    "password cannot be longer than 72 bytes, "
    "truncate manually if necessary (e.g. my_password[:72])"
)
_NUL_CHARACTER_ERROR = "A string literal cannot contain NUL (0x00) characters."
_MAX_FIELD_LENGTH = 255
_MAX_LENGTH_BY_FIELD = {"country": 3}


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
    email = call.get_value("username", call.data.get("email"))
    if email is None:
        call.refuse("must be supplied")
    profile = {
        name: call.get_value(name).strip() for name in PROFILE_FIELDS if call.has_argument(name)
    }
    privileges = _read_privileges(call)
    password = call.get_value("password", generate_alphanumeric(10)).strip()
    if not _MIN_PASSWORD_LENGTH <= len(password) <= _MAX_PASSWORD_LENGTH:
        call.refuse("too short or too long")
    _check_password_size(password)
    email = email.strip()
    if call.state.users.find_by_email(email):
        call.refuse("already being used")
    if not call.user.has_privilege("admin"):
        privileges = [name for name in privileges if name not in ELEVATED_PRIVILEGES]
    for name, value in {"email": email, **profile}.items():
        _check_column(value, name, "INSERT INTO user")
    account = call.state.users.add(email, password, privileges, **profile)
    return models.NewUser(user_id=account.id, password=Secret(password))


def _check_column(value: object, name: str, statement: str) -> None:
    """Refuse a value that the database does not accept, with its error message."""
    max_length = _MAX_LENGTH_BY_FIELD.get(name, _MAX_FIELD_LENGTH)
    if value is None or isinstance(value, dict) or len(str(value)) > max_length:
        message = f"(psycopg2.errors.Error) [SQL: {statement} {name}]"
        raise ApiRefusal(make_json_response(message, 400))


def _read_privileges(call: ApiCall) -> list[str]:
    value: Any = call.get_value("privileges", [])
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            value = [value]
    value = [value] if isinstance(value, str) else value
    if not is_json_array(value):
        call.refuse("List of privileges")
    for name in value:
        if name not in call.state.users.privileges or name == "cron":
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
    for name in PROFILE_FIELDS:
        _check_column(call.get_value(name, ""), name, "UPDATE user")
    if call.has_argument("password"):
        old_password, password = call.get_value("old_password"), call.get_value("password")
        if old_password is not None and old_password not in {password, account.password}:
            call.refuse("old_password is incorrect")
        _check_password_size(password)
        old_secret, account.password = account.secret, str(password)
        if old_password is not None:
            call.state.sessions.reencrypt(account.id, old_secret, account.secret)
    for name in PROFILE_FIELDS:
        if call.has_argument(name):
            setattr(account, name, str(call.get_value(name)))


def _check_password_size(password: object) -> None:
    """Refuse a password that is too long for the server's hash function."""
    if len(str(password).encode()) > _MAX_PASSWORD_BYTES:
        raise ApiRefusal(make_json_response(_TOO_LONG_ERROR, 400))


def users_deactivate(call: ApiCall) -> None:
    """Deactivate an account."""
    account = _find_removable_user(call)
    if not call.user.may_use("admin", permission="edit_user_active_status"):
        call.refuse("inactivate")
    account.active = False


def users_delete(call: ApiCall) -> None:
    """Delete an account; an unknown value of `remove` only deactivates it."""
    account = _find_removable_user(call)
    remove = call.get_text("remove")
    if not call.user.may_use("admin", permission="delete_user"):
        call.refuse("delete user accounts")
    if not call.user.has_permission("access_sessions"):
        raise UnhandledError(_NO_SESSION_ACCESS)
    if remove in {"account", "account_and_shared"}:
        call.state.remove_account(account, delete_shared_sessions=remove == "account_and_shared")
    account.active = False


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

"""Accounts of users."""

from __future__ import annotations

import json
import re
from email.utils import parseaddr
from typing import TYPE_CHECKING, Any

from docassemble_client import models
from docassemble_client._types import is_list
from docassemble_client.config import Secret
from docassemble_client.testing._handlers.paging import page_of, position
from docassemble_client.testing._server.messages import Crash, Refusal, json_answer
from docassemble_client.testing._state.links import Link
from docassemble_client.testing._state.people import POWERFUL, PROFILE
from docassemble_client.testing._state.secrets import alphanumeric

if TYPE_CHECKING:
    from docassemble_client.testing._server.call import Call
    from docassemble_client.testing._state.people import Account

_ADDRESS = re.compile(r"\b[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z|]{2,}\b")
_SESSIONS_CLOSED = "you do not have sufficient privileges to access information about other users"
_INVITED = 90 * 24 * 3600.0  # seconds
_FIRST = 1  # the account that was made with the server
_SHORTEST, _LONGEST = 4, 254
_HASHED = 72  # bytes
_TOO_LONG = (
    "password cannot be longer than 72 bytes, "
    "truncate manually if necessary (e.g. my_password[:72])"
)
_NUL = "A string literal cannot contain NUL (0x00) characters."
_SIZE = 255
_SIZES = {"country": 3}


def shown(account: Account, *, active: bool = True, kind: bool = True) -> models.User:
    """Show an account, with or without what only some calls tell."""
    return models.User(
        id=account.id,
        email=account.email,
        privileges=list(account.privileges),
        active=account.active if active else None,
        account_type=account.account_type if kind else None,
        **{name: getattr(account, name) for name in PROFILE},
    )


def find_user(call: Call, *, own: str = "") -> Account:
    """Find the account in the path, if the caller may see it."""
    number = call.number("user_id")
    if not (call.caller.is_self(number) or _sees_others(call)):
        call.refuse(own or "access user information")
    return call.world.people.find(number) or call.refuse("User not found")


def _sees_others(call: Call) -> bool:
    return call.caller.may("admin", "advocate", permission="access_user_info")


def users_list(call: Call) -> object:
    """List accounts."""
    call.require()
    inactive = call.flag("include_inactive")
    after = position(call)
    found = [
        (one.id, shown(one, active=inactive, kind=False))
        for one in call.world.people.present()
        if one.id > after and (inactive or one.active)
    ]
    return page_of(call, found)


def users_create(call: Call) -> object:
    """Make an account."""
    call.require()
    email = call.value("username", call.data.get("email"))
    if email is None:
        call.refuse("must be supplied")
    profile = {name: call.value(name).strip() for name in PROFILE if call.given(name)}
    wanted = _wanted_privileges(call)
    password = call.value("password", alphanumeric(10)).strip()
    if not _SHORTEST <= len(password) <= _LONGEST:
        call.refuse("too short or too long")
    _check_size(password)
    email = email.strip()
    if call.world.people.by_email(email):
        call.refuse("already being used")
    if not call.caller.has("admin"):
        wanted = [one for one in wanted if one not in POWERFUL]
    account = call.world.people.add(email, password, wanted, **profile)
    return models.NewUser(user_id=account.id, password=Secret(password))


def _wanted_privileges(call: Call) -> list[str]:
    value: Any = call.value("privileges", [])
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            value = [value]
    value = [value] if isinstance(value, str) else value
    if not is_list(value):
        call.refuse("List of privileges")
    for name in value:
        if name not in call.world.people.privileges or name == "cron":
            call.refuse("Invalid privilege name", name)
    return list(value)


def users_invite(call: Call) -> object:
    """Invite people; as on a server without mail no message can be sent."""
    call.require()
    people = call.world.people
    privilege = str(call.value("privilege", "user")).strip() or "user"
    forbidden = {"cron"} if call.caller.has("admin") else {"cron", *POWERFUL}
    if privilege not in set(people.privileges) - forbidden:
        call.refuse("Invalid privilege name")
    value: Any = call.value("email_addresses", call.data.get("email_address", []))
    if isinstance(value, str) and value.startswith(("[", '"')):
        try:
            value = json.loads(value)
        except ValueError:
            call.refuse("valid JSON")
    addresses = [parseaddr(str(one))[1] for one in (value if is_list(value) else [value])]
    if not all(_ADDRESS.match(one) for one in addresses):
        call.refuse("Invalid e-mail address")
    if not addresses:
        call.refuse("One or more")
    if any(people.by_email(one) for one in addresses):
        call.refuse("already being used")
    if call.flag("send_emails", default=True):
        return [models.Invitation(email=one, invitation_sent=False) for one in addresses]
    return [models.Invitation(email=one, url=_invited(call, one)) for one in addresses]


def _invited(call: Call, email: str) -> str:
    link = Link(kind="invitation", target=email, one_time=False)
    code = call.world.links.make(link, seconds=_INVITED, length=40)
    return f"{call.world.url}/user/register?token={code}"


def users_get_by_username(call: Call) -> object:
    """Find an account by its e-mail address."""
    call.require()
    username = call.text("username")
    if username is None:
        call.refuse("must be supplied")
    exact = call.flag("case_sensitive")
    if "\0" in username:
        call.refuse("Error obtaining user information", _NUL)
    account = call.world.people.by_email(username.strip(), case_sensitive=exact)
    return shown(account or call.refuse("User not found"))


def users_get_current(call: Call) -> object:
    """Show the caller's own account."""
    if not call.caller.holds("access_user_info"):
        call.refuse("access user information")
    return shown(call.caller.account)


def users_get(call: Call) -> object:
    """Show an account."""
    return shown(find_user(call))


def users_update_current(call: Call) -> None:
    """Change the caller's own account."""
    caller = call.caller
    if not caller.holds("access_user_info"):
        call.refuse("access user information")
    if not caller.holds("edit_user_info"):
        call.refuse("edit a user's information")
    if call.given("password") and not caller.may("admin", permission="edit_user_password"):
        call.refuse("change a user's password")
    _change(call, caller.account)


def users_update(call: Call) -> None:
    """Change an account."""
    account, caller = find_user(call), call.caller
    if not (caller.may("admin", permission="edit_user_info") or caller.is_self(account.id)):
        call.refuse("edit user information")
    if call.given("active"):
        if account.id in {_FIRST, caller.id}:
            call.refuse("active status of this user account")
        if not caller.may("admin", permission="edit_user_active_status"):
            call.refuse("change the active status")
    if call.given("password") and not caller.may("admin", permission="edit_user_password"):
        call.refuse("must have admin privileges")
    _change(call, account)
    if call.given("active"):
        account.active = call.flag("active")


def _change(call: Call, account: Account) -> None:
    powerful = any(one in {*POWERFUL, "cron"} for one in account.privileges)
    # A limited key is never an administrator's to the server, nor its owner's own.
    if call.caller.limited and powerful:
        call.refuse("edit this user's information")
    for name in PROFILE:
        value = call.value(name, "")
        fits = not isinstance(value, dict) and len(str(value)) <= _SIZES.get(name, _SIZE)
        if value is None or not fits:
            # The database's own words, which no client can rely on.
            raise Refusal(json_answer(f"(psycopg2.errors.Error) [SQL: UPDATE user {name}]", 400))
    if call.given("password"):
        old, new = call.value("old_password"), call.value("password")
        if old is not None and old not in {new, account.password}:
            call.refuse("old_password is incorrect")
        _check_size(new)
        before, account.password = account.secret, str(new)
        if old is not None:
            call.world.sessions.encrypt_anew(account.id, before, account.secret)
    for name in PROFILE:
        if call.given(name):
            setattr(account, name, str(call.value(name)))


def _check_size(password: object) -> None:
    """Refuse what the server's hash does not take."""
    if len(str(password).encode()) > _HASHED:
        raise Refusal(json_answer(_TOO_LONG, 400))


def users_deactivate(call: Call) -> None:
    """Make an account inactive."""
    account = _expendable(call)
    if not call.caller.may("admin", permission="edit_user_active_status"):
        call.refuse("inactivate")
    account.active = False


def users_delete(call: Call) -> None:
    """Delete an account; unless the word is known, it is only made inactive."""
    account = _expendable(call)
    removal = call.text("remove")
    if not call.caller.may("admin", permission="delete_user"):
        call.refuse("delete user accounts")
    if not call.caller.holds("access_sessions"):
        raise Crash(_SESSIONS_CLOSED)
    if removal in {"account", "account_and_shared"}:
        call.world.remove_account(account, shared=removal == "account_and_shared")
    account.active = False


def _expendable(call: Call) -> Account:
    account = find_user(call)
    if account.id in {_FIRST, call.caller.id}:
        call.refuse("cannot be deleted or deactivated")
    return account


def users_get_secret(call: Call) -> object:
    """Bring the key that encrypts a user's sessions."""
    return logged_in(call).secret


def logged_in(call: Call) -> Account:
    """Find the account whose name and password the call gives."""
    username, password = call.text("username"), call.text("password")
    if username is None or password is None:
        call.refuse("username and password")
    account = call.world.people.by_email(username)
    if account is None:
        call.refuse("Username not known")
    if account.two_factor:
        call.refuse("two factor")
    if not account.password:
        call.refuse("Password not set")
    if account.password != password:
        call.refuse("Incorrect password")
    return account

"""API keys of users."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, get_args

from docassemble_client import models
from docassemble_client._types import is_list

if TYPE_CHECKING:
    from docassemble_client.testing._server.call import Call
    from docassemble_client.testing._state.people import Key

_LONGEST = 255
PERMISSIONS = get_args(get_args(models.Permission)[0])
METHODS = get_args(get_args(models.ApiKeyMethod)[0])


def shown(
    key: Key, *, single: bool = False, by_name: bool = False, old: bool = False
) -> models.ApiKey:
    """Show a key, masked, by an old server or a new one; asked for by its name not at all."""
    unlisted = single and (key.installed or old) and not key.permissions
    return models.ApiKey(
        name=key.name,
        last_four=key.key[-4:],
        method=key.method,
        constraints=list(key.constraints),
        key=None if by_name else "*" * 28 + key.key[-4:],
        permissions=None if unlisted else list(key.permissions),
    )


def _owner(call: Call, words: str, permission: str) -> int:
    """Number of the account whose keys it is about, if the caller may."""
    caller = call.caller
    number = call.place.get("user_id", caller.id)
    if call.place:
        if not (caller.is_self(number) or caller.may("admin", permission=permission)):
            call.refuse(words)
        if call.world.people.find(number) is None:
            call.refuse("User not found.")
    elif not caller.holds(permission):
        call.refuse(words)
    return number


def _reader(call: Call) -> int:
    return _owner(call, "access user API information", "access_user_api_info")


def _editor(call: Call) -> int:
    return _owner(call, "edit user API information", "edit_user_api_info")


def api_keys_list(call: Call) -> object:
    """List keys."""
    return [shown(one) for one in call.world.people.keys_of(_reader(call))]


def api_keys_get(call: Call) -> object:
    """Show the first key with the name or the key given."""
    owner = _reader(call)
    name, wanted = call.text("name"), call.text("api_key")
    keys = call.world.people.keys_of(owner)
    found = next((one for one in keys if one.name == name or one.key == wanted), None)
    return shown(
        found or call.refuse("No such API key"),
        single=True,
        by_name=name is not None,
        old=call.world.before("1.10"),
    )


def api_keys_create(call: Call) -> object:
    """Make a key."""
    owner, people = _editor(call), call.world.people
    method = call.value("method", "none")
    _check_method(call, method)
    allowed = _allowed(call)
    name = call.value("name")
    if name is None:
        call.refuse("name must be supplied")
    _check_name(call, owner, name)
    permissions = None
    if call.caller.has("admin") and not call.caller.limited and not call.world.before("1.10"):
        permissions = _permissions(call, "not valid json", "should contain all strings")
    key = people.add_key(owner, name)
    key.method, key.constraints, key.permissions = method, allowed or [], permissions or []
    return key.key


def api_keys_update(call: Call) -> None:
    """Change a key; the one that calls, if none is named."""
    owner, people = _editor(call), call.world.people
    default = call.caller.key.key if owner == call.caller.id else None
    wanted = call.value("api_key", default)
    if wanted is None:
        call.refuse("No API key given")
    key = people.find_key(wanted, owner)
    if key is None:
        call.refuse("cannot be modified")
    if call.given("name"):
        _check_name(call, owner, call.value("name"), but=key)
    if call.given("method"):
        _check_method(call, call.value("method"))
    more = _items(call, "add_to_allowed")
    less = _items(call, "remove_from_allowed")
    allowed = _allowed(call)
    granted = withdrawn = permissions = None
    is_admin = call.caller.has("admin") and not call.caller.limited
    if is_admin and "admin" in people.accounts[owner].privileges:
        granted = _known_items(call, "add_to_permissions")
        withdrawn = _known_items(call, "remove_from_permissions")
        permissions = _permissions(
            call, "Permissions list not a valid", "Permissions list not a valid"
        )
    key.name = call.value("name", key.name)
    method = call.value("method", key.method)
    if method != key.method:
        key.constraints = []
    key.method = method
    key.constraints = _changed(key.constraints, allowed, more, less)
    key.permissions = _changed(key.permissions, permissions, granted, withdrawn)


def api_keys_delete(call: Call) -> None:
    """Delete a key."""
    owner = _editor(call)
    wanted = call.text("api_key")
    if wanted is None:
        call.refuse("must supplied")
    key = call.world.people.find_key(wanted, owner)
    if key is not None:
        call.world.people.keys.remove(key)


api_keys_list_for_user = api_keys_list
api_keys_get_for_user = api_keys_get
api_keys_create_for_user = api_keys_create
api_keys_update_for_user = api_keys_update
api_keys_delete_for_user = api_keys_delete


def _check_method(call: Call, method: object) -> None:
    if method not in METHODS:
        call.refuse("Invalid security method")


def _check_name(call: Call, owner: int, name: str, *, but: Key | None = None) -> None:
    if any(one.name == name for one in call.world.people.keys_of(owner) if one is not but):
        call.refuse("name already exists")
    if len(name) > _LONGEST:
        call.refuse("name is invalid")


def _texts(call: Call, name: str, words: str, other: str = "") -> list[str] | None:
    """List of texts, or JSON text of one; None if there is none."""
    value: Any = call.value(name)
    if value is None:
        return None
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            call.refuse(words)
    if not is_list(value):
        call.refuse(other or words)
    return list(value)


def _allowed(call: Call) -> list[str] | None:
    words = "Allowed sites list"
    value = _texts(call, "allowed", words)
    if value is not None and not all(isinstance(one, str) for one in value):
        call.refuse(words)
    return value


def _permissions(call: Call, no_json: str, no_texts: str) -> list[str] | None:
    value = _texts(call, "permissions", no_json, "Permissions list not a valid list")
    if value is None:
        return None
    if not all(isinstance(one, str) for one in value):
        call.refuse(no_texts)
    if not set(value) <= set(PERMISSIONS):
        call.refuse("Permissions list contained")
    return value


def _items(call: Call, name: str) -> list[str] | None:
    """One text, or JSON text of a list of them; a list itself is more than the server can read."""
    value: Any = call.value(name)
    if value is None:
        return None
    if not value.startswith("["):
        return [value]
    try:
        items = json.loads(value)
    except ValueError:
        items = None
    if items is None or not all(isinstance(one, str) for one in items):
        prefix, _, what = name.rpartition("_")
        call.refuse(
            f"{{}}_{what} is not a valid list" if what == "permissions" else f"{name} is not",
            prefix,
        )
    return list(items)


def _known_items(call: Call, name: str) -> list[str] | None:
    items = _items(call, name)
    if items is not None and not set(items) <= set(PERMISSIONS):
        call.refuse("{} contained a permission", name)
    return items


def _changed(
    present: list[str], new: list[str] | None, more: list[str] | None, less: list[str] | None
) -> list[str]:
    changed = [*(present if new is None else new), *(more or [])]
    for one in less or []:
        if one in changed:
            changed.remove(one)
    return changed

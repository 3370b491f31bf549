"""API keys of users."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, get_args

import docassemble_client.models as models
from docassemble_client._types import is_json_array

if TYPE_CHECKING:
    from docassemble_client.testing._server.api_call import ApiCall
    from docassemble_client.testing._state.users import ApiKey

_MAX_NAME_LENGTH = 255
PERMISSIONS = get_args(get_args(models.Permission)[0])
METHODS = get_args(get_args(models.ApiKeyMethod)[0])


def to_model(
    key: ApiKey, *, single: bool = False, by_name: bool = False, old_server: bool = False
) -> models.ApiKey:
    """Build the API model of a key; the key is masked, and absent if requested by name."""
    no_permissions = single and (key.created_at_setup or old_server) and not key.permissions
    return models.ApiKey(
        name=key.name,
        last_four=key.key[-4:],
        method=key.method,
        constraints=list(key.constraints),
        key=None if by_name else "*" * 28 + key.key[-4:],
        permissions=None if no_permissions else list(key.permissions),
    )


def _find_owner(call: ApiCall, error_text: str, permission: str) -> int:
    """Return the ID of the account that owns the keys, if the caller may access them."""
    caller = call.user
    owner = call.path_values.get("user_id", caller.id)
    if call.path_values:
        if not (caller.is_self(owner) or caller.may_use("admin", permission=permission)):
            call.refuse(error_text)
        if call.state.users.find(owner) is None:
            call.refuse("User not found.")
    elif not caller.has_permission(permission):
        call.refuse(error_text)
    return owner


def _find_readable_owner(call: ApiCall) -> int:
    return _find_owner(call, "access user API information", "access_user_api_info")


def _find_editable_owner(call: ApiCall) -> int:
    return _find_owner(call, "edit user API information", "edit_user_api_info")


def api_keys_list(call: ApiCall) -> object:
    """List keys."""
    return [to_model(key) for key in call.state.users.list_keys(_find_readable_owner(call))]


def api_keys_get(call: ApiCall) -> object:
    """Return the first key with the given name or value."""
    owner = _find_readable_owner(call)
    name, value = call.get_text("name"), call.get_text("api_key")
    keys = call.state.users.list_keys(owner)
    key = next((key for key in keys if key.name == name or key.key == value), None)
    if key is None:
        call.refuse("No such API key")
    return to_model(
        key,
        single=True,
        by_name=key.name == name,
        old_server=call.state.is_older_than("1.10"),
    )


def api_keys_create(call: ApiCall) -> object:
    """Create a key."""
    owner, users = _find_editable_owner(call), call.state.users
    method = call.get_value("method", "none")
    _check_method(call, method)
    allowed = _read_allowed_sites(call)
    name = call.get_value("name")
    if name is None:
        call.refuse("name must be supplied")
    _check_name(call, owner, name)
    permissions = None
    if (
        call.user.has_privilege("admin")
        and not call.user.is_limited
        and not call.state.is_older_than("1.10")
    ):
        permissions = _read_permissions(call, "not valid json", "should contain all strings")
    key = users.add_key(owner, name)
    key.method, key.constraints, key.permissions = method, allowed or [], permissions or []
    return key.key


def api_keys_update(call: ApiCall) -> None:
    """Update a key; the caller's own by default."""
    owner, users = _find_editable_owner(call), call.state.users
    default = call.user.key.key if owner == call.user.id else None
    value = call.get_value("api_key", default)
    if value is None:
        call.refuse("No API key given")
    key = users.find_key(value, owner)
    if key is None:
        call.refuse("cannot be modified")
    if call.get_value("name") is not None:
        _check_name(call, owner, call.get_value("name"), ignored_key=key)
    if call.get_value("method") is not None:
        _check_method(call, call.get_value("method"))
    added_sites = _read_items(call, "add_to_allowed")
    removed_sites = _read_items(call, "remove_from_allowed")
    allowed = _read_allowed_sites(call)
    added_permissions = removed_permissions = permissions = None
    is_admin = call.user.has_privilege("admin") and not call.user.is_limited
    if is_admin and "admin" in users.accounts[owner].privileges:
        added_permissions = _read_permission_items(call, "add_to_permissions")
        removed_permissions = _read_permission_items(call, "remove_from_permissions")
        permissions = _read_permissions(
            call, "Permissions list not a valid", "Permissions list not a valid"
        )
    key.name = call.get_value("name") or key.name
    method = call.get_value("method") or key.method
    if method != key.method:
        key.constraints = []
    key.method = method
    key.constraints = _apply_changes(key.constraints, allowed, added_sites, removed_sites)
    key.permissions = _apply_changes(
        key.permissions, permissions, added_permissions, removed_permissions
    )


def api_keys_delete(call: ApiCall) -> None:
    """Delete a key."""
    owner = _find_editable_owner(call)
    value = call.get_text("api_key")
    if value is None:
        call.refuse("must supplied")
    key = call.state.users.find_key(value, owner)
    if key is not None:
        call.state.users.keys.remove(key)


api_keys_list_for_user = api_keys_list
api_keys_get_for_user = api_keys_get
api_keys_create_for_user = api_keys_create
api_keys_update_for_user = api_keys_update
api_keys_delete_for_user = api_keys_delete


def _check_method(call: ApiCall, method: object) -> None:
    if method not in METHODS:
        call.refuse("Invalid security method")


def _check_name(call: ApiCall, owner: int, name: str, *, ignored_key: ApiKey | None = None) -> None:
    if any(key.name == name for key in call.state.users.list_keys(owner) if key is not ignored_key):
        call.refuse("name already exists")
    if len(name) > _MAX_NAME_LENGTH:
        call.refuse("name is invalid")


def _read_list(call: ApiCall, name: str, json_error: str, list_error: str = "") -> list[str] | None:
    """Read a list of strings, or its JSON text; None if it is absent."""
    value: Any = call.get_value(name)
    if value is None:
        return None
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            call.refuse(json_error)
    if not is_json_array(value):
        call.refuse(list_error or json_error)
    return list(value)


def _read_allowed_sites(call: ApiCall) -> list[str] | None:
    error_text = "Allowed sites list"
    value = _read_list(call, "allowed", error_text)
    if value is not None and not all(isinstance(site, str) for site in value):
        call.refuse(error_text)
    return value


def _read_permissions(call: ApiCall, json_error: str, item_error: str) -> list[str] | None:
    value = _read_list(call, "permissions", json_error, "Permissions list not a valid list")
    if value is None:
        return None
    if not all(isinstance(permission, str) for permission in value):
        call.refuse(item_error)
    if not set(value) <= set(PERMISSIONS):
        call.refuse("Permissions list contained")
    return value


def _read_items(call: ApiCall, name: str) -> list[str] | None:
    """Read one string, or the JSON text of a list; the server cannot read a plain list."""
    value: Any = call.get_value(name)
    if value is None:
        return None
    if not value.startswith("["):
        return [value]
    try:
        items = json.loads(value)
    except ValueError:
        items = None
    if items is None or not all(isinstance(item, str) for item in items):
        prefix, _, suffix = name.rpartition("_")
        call.refuse(
            f"{{}}_{suffix} is not a valid list" if suffix == "permissions" else f"{name} is not",
            prefix,
        )
    return list(items)


def _read_permission_items(call: ApiCall, name: str) -> list[str] | None:
    items = _read_items(call, name)
    if items is not None and not set(items) <= set(PERMISSIONS):
        call.refuse("{} contained a permission", name)
    return items


def _apply_changes(
    current: list[str], new: list[str] | None, added: list[str] | None, removed: list[str] | None
) -> list[str]:
    items = [*(current if new is None else new), *(added or [])]
    for item in removed or []:
        if item in items:
            items.remove(item)
    return items

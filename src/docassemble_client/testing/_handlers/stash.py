"""Temporarily stashed data."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import docassemble_client.models as models
from docassemble_client._types import is_json_object
from docassemble_client.config import Secret
from docassemble_client.testing._handlers.session_variables import get_timezone
from docassemble_client.testing._server.messages import UnhandledError
from docassemble_client.testing._yaml.variable_expressions import convert_value

if TYPE_CHECKING:
    from docassemble_client.testing._server.api_call import ApiCall

_PACKAGE = "docassemble."
_DEFAULT_EXPIRY_SECONDS = 90 * 24 * 3600


def stash_store(call: ApiCall) -> object:
    """Stash data."""
    if call.request.body.is_json:
        data: Any = call.request.body.data["data"]
    else:
        if not call.has_argument("data"):
            call.refuse("must be provided")
        try:
            data = json.loads(call.get_value("data"))
        except ValueError:
            call.refuse("Malformed data")
    raw = call.get_flag("raw")
    # The server expects an object and does not check it; it only reads the items by their names.
    is_instance = is_json_object(data) and not raw and str(data.get("_class")).startswith(_PACKAGE)
    if is_instance:
        message = f"'{data['_class'].rpartition('.')[2]}' object is not iterable"
        raise UnhandledError(message, "TypeError")
    data = {name: data[name] for name in data}
    if not raw:
        data = convert_value(data, get_timezone(call.state))
    seconds = call.get_integer("expire", _DEFAULT_EXPIRY_SECONDS) or 0
    key, secret = call.state.stash.store(data, seconds if seconds > 0 else _DEFAULT_EXPIRY_SECONDS)
    return models.StashedData(stash_key=key, secret=Secret(secret))


def stash_retrieve(call: ApiCall) -> object:
    """Return stashed data."""
    key, secret = call.get_text("stash_key"), call.get_text("secret")
    if key is None or secret is None:
        call.refuse("are required")
    refresh = call.get_integer("refresh", 0) or 0
    try:
        return call.state.stash.retrieve(
            key, secret, delete=call.get_flag("delete"), refresh=max(0, refresh)
        )
    except LookupError:
        call.refuse("could not be retrieved", "AssertionError .")

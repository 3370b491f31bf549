"""Data stashed for a time."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from docassemble_client import models
from docassemble_client._types import is_object
from docassemble_client.config import Secret
from docassemble_client.testing._handlers.session_variables import zone_of
from docassemble_client.testing._server.messages import Crash
from docassemble_client.testing._yaml.variable_expressions import convert

if TYPE_CHECKING:
    from docassemble_client.testing._server.call import Call

_DAYS_90 = 90 * 24 * 3600


def stash_store(call: Call) -> object:
    """Stash data."""
    data: Any = call.value("data")
    if not call.request.body.is_json:
        if data is None:
            call.refuse("must be provided")
        try:
            data = json.loads(data)
        except ValueError:
            call.refuse("Malformed data")
    raw = call.flag("raw")
    if not is_object(data) or (not raw and str(data.get("_class")).startswith("docassemble.")):
        # The server takes it for a plain object without looking.
        message = f"'{type(data).__name__}' object is no dictionary"
        raise Crash(message) from TypeError(message)
    if not raw:
        data = convert(data, zone_of(call.world))
    seconds = call.integer("expire", _DAYS_90) or 0
    key, secret = call.world.stash.store(data, seconds if seconds > 0 else _DAYS_90)
    return models.StashedData(stash_key=key, secret=Secret(secret))


def stash_retrieve(call: Call) -> object:
    """Bring stashed data."""
    key, secret = call.text("stash_key"), call.text("secret")
    if key is None or secret is None:
        call.refuse("are required")
    refresh = call.integer("refresh", 0) or 0
    try:
        return call.world.stash.retrieve(
            key, secret, delete=call.flag("delete"), refresh=max(0, refresh)
        )
    except LookupError:
        call.refuse("could not be retrieved", "AssertionError .")

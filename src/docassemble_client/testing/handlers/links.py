"""Links that log in, resume or redirect."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from docassemble_client._types import is_mapping
from docassemble_client.testing.handlers.users import logged_in

if TYPE_CHECKING:
    from docassemble_client.testing._call import Call

# Addresses, and names of pages the server knows.
_PAGE = re.compile(r"(https?://|/|(interviews|playground|profile|dispatch|config)$)")


def links_create_login_url(call: Call) -> object:
    """Make a link that logs a user in."""
    call.require()
    account = logged_in(call)
    _expiry(call, 15)
    _url_args(call)
    target = call.value("next_page", "interviews")
    if not _PAGE.match(str(target)):
        call.refuse("Unknown path")
    session = call.world.sessions.find(call.value("i"), call.value("session"))
    if session is not None and not session.opens(account.secret):
        call.refuse("Could not decrypt")
    return call.world.link("/user/autologin", "key", 40)


def links_create_resume_url(call: Call) -> object:
    """Make a link that resumes a session."""
    if call.value("i") is None:
        call.refuse("No filename")
    _url_args(call)
    _expiry(call, 3600)
    return call.world.link("/launch", "c", 32)


def links_create_redirect_url(call: Call) -> object:
    """Make a link that leads anywhere."""
    if call.text("url") is None:
        call.refuse("No url")
    _expiry(call, 3600)
    return call.world.link("/goto", "c", 32)


def _expiry(call: Call, default: int) -> None:
    if (call.integer("expire", default) or 0) <= 0:
        call.refuse("number of seconds")


def _url_args(call: Call) -> None:
    value: Any = call.value("url_args", {})
    if not is_mapping(value):
        try:
            value = json.loads(value)
        except (TypeError, ValueError):
            value = None
        if not is_mapping(value):
            call.refuse("Malformed URL arguments")

"""Links that log a user in, resume a session or redirect."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from docassemble_client._types import is_mapping
from docassemble_client.testing._handlers.users import authenticate
from docassemble_client.testing._state.links import Link

if TYPE_CHECKING:
    from docassemble_client.testing._server.api_call import ApiCall

# URLs, paths, and names of pages.
_ALLOWED_TARGET = re.compile(r"(https?://|/|(interviews|playground|profile|dispatch|config)$)")


def links_create_login_url(call: ApiCall) -> object:
    """Create a link that logs a user in."""
    call.require_privilege()
    account = authenticate(call)
    seconds, url_args = _read_expiry(call, 15), _read_url_args(call)
    target = str(call.get_value("next_page", "interviews"))
    if not _ALLOWED_TARGET.match(target):
        call.refuse("Unknown path")
    session = call.state.sessions.find(call.get_value("i"), call.get_value("session"))
    if session is not None and not session.is_readable_with(account.secret):
        call.refuse("Could not decrypt")
    link = Link(
        kind="login",
        user=account.id,
        target=target,
        i=call.get_value("i"),
        session=call.get_value("session"),
        resume_existing=call.get_flag("resume_existing"),
        url_args=url_args,
    )
    code = call.state.links.create(link, seconds=seconds, length=40)
    return f"{call.state.url}/user/autologin?key={code}"


def links_create_resume_url(call: ApiCall) -> object:
    """Create a link that resumes a session."""
    i = call.get_value("i")
    if i is None:
        call.refuse("No filename")
    url_args, seconds = _read_url_args(call), _read_expiry(call, 3600)
    link = Link(
        kind="resume",
        i=str(i),
        session=call.get_value("session"),
        url_args=url_args,
        one_time=call.get_flag("one_time"),
    )
    code = call.state.links.create(link, seconds=seconds, length=32)
    return f"{call.state.url}/launch?c={code}"


def links_create_redirect_url(call: ApiCall) -> object:
    """Create a link that redirects to any URL."""
    url = call.get_text("url")
    if url is None:
        call.refuse("No url")
    link = Link(kind="redirect", target=url, one_time=call.get_flag("one_time"))
    code = call.state.links.create(link, seconds=_read_expiry(call, 3600), length=32)
    return f"{call.state.url}/goto?c={code}"


def _read_expiry(call: ApiCall, default: int) -> int:
    seconds = call.get_integer("expire", default) or 0
    return seconds if seconds > 0 else call.refuse("number of seconds")


def _read_url_args(call: ApiCall) -> dict[str, Any]:
    value: Any = call.get_value("url_args", {})
    if not is_mapping(value):
        try:
            value = json.loads(value)
        except (TypeError, ValueError):
            value = None
    return dict(value) if is_mapping(value) else call.refuse("Malformed URL arguments")

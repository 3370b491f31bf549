"""Links that log in, resume or redirect."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from docassemble_client._types import is_mapping
from docassemble_client.testing._handlers.users import logged_in
from docassemble_client.testing._state.links import Link

if TYPE_CHECKING:
    from docassemble_client.testing._server.call import Call

# Addresses, and names of pages the server knows.
_PAGE = re.compile(r"(https?://|/|(interviews|playground|profile|dispatch|config)$)")


def links_create_login_url(call: Call) -> object:
    """Make a link that logs a user in."""
    call.require()
    account = logged_in(call)
    expire, url_args = _expiry(call, 15), _url_args(call)
    target = str(call.value("next_page", "interviews"))
    if not _PAGE.match(target):
        call.refuse("Unknown path")
    session = call.world.sessions.find(call.value("i"), call.value("session"))
    if session is not None and not session.opens(account.secret):
        call.refuse("Could not decrypt")
    link = Link(
        kind="login",
        user=account.id,
        target=target,
        i=call.value("i"),
        session=call.value("session"),
        resume_existing=call.flag("resume_existing"),
        url_args=url_args,
    )
    code = call.world.links.make(link, seconds=expire, length=40)
    return f"{call.world.url}/user/autologin?key={code}"


def links_create_resume_url(call: Call) -> object:
    """Make a link that resumes a session."""
    i = call.value("i")
    if i is None:
        call.refuse("No filename")
    url_args, expire = _url_args(call), _expiry(call, 3600)
    link = Link(
        kind="resume",
        i=str(i),
        session=call.value("session"),
        url_args=url_args,
        one_time=call.flag("one_time"),
    )
    code = call.world.links.make(link, seconds=expire, length=32)
    return f"{call.world.url}/launch?c={code}"


def links_create_redirect_url(call: Call) -> object:
    """Make a link that leads anywhere."""
    url = call.text("url")
    if url is None:
        call.refuse("No url")
    link = Link(kind="redirect", target=url, one_time=call.flag("one_time"))
    code = call.world.links.make(link, seconds=_expiry(call, 3600), length=32)
    return f"{call.world.url}/goto?c={code}"


def _expiry(call: Call, default: int) -> int:
    seconds = call.integer("expire", default) or 0
    return seconds if seconds > 0 else call.refuse("number of seconds")


def _url_args(call: Call) -> dict[str, Any]:
    value: Any = call.value("url_args", {})
    if not is_mapping(value):
        try:
            value = json.loads(value)
        except (TypeError, ValueError):
            value = None
    return dict(value) if is_mapping(value) else call.refuse("Malformed URL arguments")

"""The menu of a screen, which depends on the user's privileges."""

from __future__ import annotations

from typing import TYPE_CHECKING

import docassemble_client.models as models

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docassemble_client.testing._server.api_call import ApiCall

_SOURCE = models.MenuItem(
    anchor="Source", href="#source", title="How this question came to be asked"
)


def make_menu(call: ApiCall) -> models.Menu:
    """Build the menu that the caller would see in a browser."""
    items = [models.MenuItem(anchor=anchor, href=href) for anchor, href in _iter_entries(call)]
    has_source = call.state.config.get("debug") and call.user.has_privilege("admin", "developer")
    return models.Menu(
        items=[_SOURCE, *items] if has_source else items,
        top=models.MenuItem(anchor=call.user.account.email),
    )


def _iter_entries(call: ApiCall) -> Iterator[tuple[str, str]]:
    caller = call.user
    if caller.has_privilege("admin", "advocate"):
        yield "Monitor", "/monitor"
    if caller.has_privilege("admin", "developer", "trainer"):
        yield "Train", "/train"
    if caller.has_privilege("admin", "developer"):
        yield from _iter_developer_entries(call)
    yield "My Interviews", "/interviews"
    yield "Profile", "/user/profile"
    yield "Sign Out", "/user/sign-out"


def _iter_developer_entries(call: ApiCall) -> Iterator[tuple[str, str]]:
    caller = call.user
    if call.is_enabled("allow updates"):
        yield "Package Management", "/updatepackage"
    yield "Logs", "/logs"
    if call.is_enabled("enable playground"):
        yield "Playground", "/playground"
        yield "Utilities", "/utilities"
    if caller.has_privilege("admin", "advocate") or "access_user_info" in caller.granted:
        yield "User List", "/userlist"
    if caller.has_privilege("admin") and call.is_enabled("allow configuration editing"):
        yield "Configuration", "/config"

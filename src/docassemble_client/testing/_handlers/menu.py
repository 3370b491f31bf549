"""The menu of a screen, which depends on who looks at it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from docassemble_client import models

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docassemble_client.testing._server.call import Call

_SOURCE = models.MenuItem(
    anchor="Source", href="#source", title="How this question came to be asked"
)


def menu_of(call: Call) -> models.Menu:
    """Make the menu that the caller would see in a browser."""
    items = [models.MenuItem(anchor=anchor, href=href) for anchor, href in _entries(call)]
    debugging = call.world.config.get("debug") and call.caller.has("admin", "developer")
    return models.Menu(
        items=[_SOURCE, *items] if debugging else items,
        top=models.MenuItem(anchor=call.caller.account.email),
    )


def _entries(call: Call) -> Iterator[tuple[str, str]]:
    caller = call.caller
    if caller.has("admin", "advocate"):
        yield "Monitor", "/monitor"
    if caller.has("admin", "developer", "trainer"):
        yield "Train", "/train"
    if caller.has("admin", "developer"):
        yield from _for_developers(call)
    yield "My Interviews", "/interviews"
    yield "Profile", "/user/profile"
    yield "Sign Out", "/user/sign-out"


def _for_developers(call: Call) -> Iterator[tuple[str, str]]:
    caller = call.caller
    if call.allows("allow updates"):
        yield "Package Management", "/updatepackage"
    yield "Logs", "/logs"
    if call.allows("enable playground"):
        yield "Playground", "/playground"
        yield "Utilities", "/utilities"
    if caller.has("admin", "advocate") or "access_user_info" in caller.granted:
        yield "User List", "/userlist"
    if caller.has("admin") and call.allows("allow configuration editing"):
        yield "Configuration", "/config"

"""The variables of a session, with docassemble's own."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from docassemble_client.testing._yaml.objects import new_object
from docassemble_client.testing._yaml.variable_expressions import TAGS

if TYPE_CHECKING:
    from docassemble_client.testing._state.sessions import Session
    from docassemble_client.testing._state.world import World


def zone_of(world: World) -> str:
    """Time zone of the server."""
    return str(world.config.get("timezone") or "America/New_York")


def utc(seconds: float) -> str:
    """Write a moment as the server does in UTC, without an offset."""
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None).isoformat()


def local(seconds: float, zone: str) -> str:
    """Write a moment as the server does for people."""
    return datetime.fromtimestamp(seconds, ZoneInfo(zone)).strftime("%m/%d/%y %H:%M:%S")


def dictionary(world: World, session: Session) -> dict[str, Any]:
    """
    Show all variables of a session.

    Args:
        world: What the server remembers.
        session: The session.

    Returns:
        The answers, and what docassemble keeps beside them.
    """
    step = session.step
    moments = {"starttime": utc(session.started), "modtime": utc(step.modtime)}
    seen = {str(one): utc(step.modtime) for one in session.users}
    own = _own(moments, seen, steps=len(session.steps), tracker=len(step.runs))
    users = {user: _name(world, user) for _, user in step.runs}
    own["_internal"] |= {
        "progress": step.progress,
        "answered": sorted(step.answered),
        "device_local": {device: _local("device") for device, _ in step.runs},
        "session_local": {email: _local("session") for email in users.values()},
        "user_local": {str(user): _local("user") for user in users},
    }
    if TAGS in step.variables:
        own["_internal"]["tags"] = step.variables[TAGS]
    if step.pending:
        stack: list[dict[str, Any]] = [
            {"action": one.action, "arguments": {}} for one in step.pending
        ]
        own["_internal"]["event_stack"] = {_name(world, session.users[0]): stack}
    return {**own, **{name: one for name, one in step.variables.items() if name != TAGS}}


def _name(world: World, user: int) -> str:
    """What the server calls a user, or a visitor who is not logged in."""
    account = world.people.accounts.get(user)
    return f"t{-user}" if account is None else account.email


def _local(what: str) -> dict[str, Any]:
    return new_object(f"DA{what.capitalize()}Local", f"{what}_local")


def empty_dictionary(now: float) -> dict[str, Any]:
    """Show what there is of a session whose answers cannot be decrypted."""
    own = _own({"starttime": None, "modtime": None}, {"1": utc(now)}, steps=1, tracker=0)
    del own["_internal"]["referer"]
    return own


def _own(
    moments: dict[str, Any], seen: dict[str, Any], *, steps: int, tracker: int
) -> dict[str, Any]:
    objects = (
        "answers",
        "device_local",
        "dirty",
        "doc_cache",
        "docvar",
        "event_stack",
        "informed",
        "misc",
        "objselections",
        "session_local",
        "tasks",
        "user_local",
    )
    internal: dict[str, Any] = {
        **{name: {} for name in objects},
        **moments,
        "accesstime": seen,
        "answered": [],
        "gather": [],
        "livehelp": {
            "availability": "unavailable",
            "mode": "help",
            "partner_roles": [],
            "roles": [],
        },
        "progress": 0,
        "referer": None,
        "secret": None,
        "steps": steps,
        "steps_offset": 0,
        "tracker": tracker,
    }
    nav: dict[str, Any] = {"current": None, "hidden": False, "past": [], "progressive": True}
    return {"_internal": internal, "nav": nav, "url_args": {}}

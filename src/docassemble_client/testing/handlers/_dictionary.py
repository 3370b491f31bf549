"""The variables of a session, with docassemble's own."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from docassemble_client.testing._values import TAGS

if TYPE_CHECKING:
    from docassemble_client.testing.state.sessions import Session
    from docassemble_client.testing.state.world import World


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
    own = _own(moments, seen, steps=len(session.steps), tracker=len(session.steps))
    own["_internal"] |= {"progress": step.progress, "answered": sorted(step.answered)}
    if step.pending:
        stack: list[dict[str, Any]] = [
            {"action": one.action, "arguments": {}} for one in step.pending
        ]
        first = world.people.accounts.get(session.users[0])
        who = f"t{-session.users[0]}" if first is None else first.email
        own["_internal"]["event_stack"] = {who: stack}
    return {**own, **{name: one for name, one in step.variables.items() if name != TAGS}}


def empty_dictionary(now: float) -> dict[str, Any]:
    """Show what there is of a session whose answers cannot be decrypted."""
    return _own({"starttime": None, "modtime": None}, {"1": utc(now)}, steps=1, tracker=0)


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

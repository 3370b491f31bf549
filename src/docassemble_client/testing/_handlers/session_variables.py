"""The variables of a session, including docassemble's internal ones."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from docassemble_client.testing._yaml.objects import make_object
from docassemble_client.testing._yaml.variable_expressions import INTERNAL_VARIABLES, TAGS_VARIABLE

if TYPE_CHECKING:
    from docassemble_client.testing._state.server_state import ServerState
    from docassemble_client.testing._state.sessions import Session


def get_timezone(state: ServerState) -> str:
    """Return the name of the server's time zone."""
    return str(state.config.get("timezone") or "America/New_York")


def format_utc(seconds: float) -> str:
    """Format a timestamp in UTC as the server does, without an offset."""
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None).isoformat()


def format_local(seconds: float, timezone: str) -> str:
    """Format a timestamp in a time zone as the server does."""
    return datetime.fromtimestamp(seconds, ZoneInfo(timezone)).strftime("%m/%d/%y %H:%M:%S")


def make_dictionary(state: ServerState, session: Session) -> dict[str, Any]:
    """
    Build the dictionary with all variables of a session.

    Args:
        state: State of the server.
        session: The session.

    Returns:
        The variables of the interview and docassemble's internal ones.
    """
    step = session.step
    timestamps = {"starttime": format_utc(session.started), "modtime": format_utc(step.modtime)}
    savers = (saved.user for saved in session.steps)
    readers = dict.fromkeys([*session.users, *(user for _, user in step.runs), *savers])
    access_times = {str(user): format_utc(step.modtime) for user in readers}
    internals = _make_internals(
        timestamps, access_times, steps=len(session.steps), tracker=len(step.runs)
    )
    users = {user: _get_user_name(state, user) for _, user in step.runs}
    internals["_internal"] |= {
        "progress": step.progress,
        "answered": sorted(step.answered),
        "device_local": {device: _make_local("device") for device, _ in step.runs},
        "session_local": {email: _make_local("session") for email in users.values()},
        "user_local": {str(user): _make_local("user") for user in users},
    }
    if TAGS_VARIABLE in step.variables:
        internals["_internal"]["tags"] = step.variables[TAGS_VARIABLE]
    if step.pending:
        stack: list[dict[str, Any]] = [
            {"action": question.action, "arguments": {}} for question in step.pending
        ]
        internals["_internal"]["event_stack"] = {_get_user_name(state, session.users[0]): stack}
    variables = {
        name: value for name, value in step.variables.items() if name not in INTERNAL_VARIABLES
    }
    return {**internals, **variables}


def _get_user_name(state: ServerState, user: int) -> str:
    """Return the server's name for a user or an anonymous visitor."""
    account = state.users.accounts.get(user)
    return f"t{-user}" if account is None else account.email


def _make_local(scope: str) -> dict[str, Any]:
    return make_object(f"DA{scope.capitalize()}Local", f"{scope}_local")


def make_empty_dictionary(now: float) -> dict[str, Any]:
    """Build the dictionary of a session whose answers cannot be decrypted."""
    internals = _make_internals(
        {"starttime": None, "modtime": None}, {"1": format_utc(now)}, steps=1, tracker=0
    )
    del internals["_internal"]["referer"]
    return internals


def _make_internals(
    timestamps: dict[str, Any], access_times: dict[str, Any], *, steps: int, tracker: int
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
        **timestamps,
        "accesstime": access_times,
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

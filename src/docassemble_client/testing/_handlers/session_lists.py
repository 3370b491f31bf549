"""Lists of sessions, and the deletion of what is on them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfoNotFoundError

from docassemble_client import models
from docassemble_client.testing._handlers.paging import page_of, position
from docassemble_client.testing._handlers.questions import metadata_of, title_of
from docassemble_client.testing._handlers.session_variables import (
    dictionary,
    empty_dictionary,
    local,
    utc,
    zone_of,
)
from docassemble_client.testing._server.messages import Refusal, json_answer
from docassemble_client.testing._state.people import PROFILE
from docassemble_client.testing._state.query import QueryError, matches, parse_query
from docassemble_client.testing._yaml.variable_expressions import TAGS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docassemble_client.testing._server.call import Call
    from docassemble_client.testing._state.sessions import Session

_QUERIES_SINCE = "1.4.0"
_LOST = "Error: interview not found and answers could not be decrypted"
_LOCKED = " - interview answers cannot be decrypted"


def sessions_list(call: Call) -> object:
    """List the sessions of all users."""
    call.require()
    return _list(call, None, "Error reading interview list: {}")


def sessions_list_across_users(call: Call) -> object:
    """List the sessions of all users, or of one."""
    call.require()
    return _list(call, _one_user(call), "Error getting interview list.  {}")


def sessions_list_current(call: Call) -> object:
    """List the caller's own sessions."""
    _own(call)
    return _list(call, call.caller.id, "Error reading interview list")


def sessions_list_for_user(call: Call) -> object:
    """List the sessions of a user."""
    return _list(call, _user(call), "Error reading interview list")


def sessions_delete_many(call: Call) -> None:
    """Delete sessions of all users."""
    call.require()
    _query(call)
    if not call.caller.may("admin", "advocate", permission="edit_sessions"):
        call.deny()
    _delete(call, None)


def sessions_delete_many_across_users(call: Call) -> None:
    """Delete sessions of all users, or of one."""
    call.require()
    _delete(call, _one_user(call))


def sessions_delete_many_current(call: Call) -> None:
    """Delete the caller's own sessions."""
    _query(call)
    _own(call)
    _delete(call, call.caller.id)


def sessions_delete_many_for_user(call: Call) -> None:
    """Delete the sessions of a user."""
    _delete(call, _user(call))


def _own(call: Call) -> None:
    _query(call)
    if not call.caller.holds("access_sessions"):
        call.refuse("Error reading interview list")


def _user(call: Call) -> int:
    caller, number = call.caller, call.number("user_id")
    sees = caller.may("admin", "advocate", permission="access_sessions")
    if not sees and number != caller.id:
        call.deny()
    _query(call)
    if not sees and caller.limited:
        call.refuse("Error reading interview list")
    return number


def _one_user(call: Call) -> int | None:
    _query(call)
    text = call.text("user_id")
    if text is None:
        return None
    try:
        return int(text)
    except ValueError:
        message = (
            "(psycopg2.errors.InvalidTextRepresentation) invalid input syntax for type integer"
        )
        call.refuse("Error", message)


def _query(call: Call) -> Any:
    text = call.text("query")
    if text is None or not text.strip() or call.world.before(_QUERIES_SINCE):
        return None
    try:
        return parse_query(text)
    except QueryError:
        call.refuse("Invalid query parameter")


def _delete(call: Call, user: int | None) -> None:
    for session, owner in list(_found(call, user, "Error reading interview list")):
        call.world.sessions.leave(session, owner)


def _found(call: Call, user: int | None, words: str) -> Iterator[tuple[Session, int]]:
    query = _query(call)
    filename, key, tag = call.text("i"), call.text("session"), call.text("tag")
    for session, owner in call.world.sessions.rows():
        interview = call.world.find_interview(session.filename)
        fits = (
            user in {None, owner}
            and filename in {None, session.filename}
            and key in {None, session.key}
            and (tag is None or (interview is not None and tag in interview.tags))
        )
        try:
            if fits and matches(query, _columns(call, session, owner)):
                yield session, owner
        except QueryError as error:
            call.refuse(words, error)


def _columns(call: Call, session: Session, owner: int) -> dict[str, Any]:
    account = call.world.people.accounts.get(owner)
    moment = datetime.fromtimestamp(session.step.modtime, UTC).replace(tzinfo=None)
    profile = {name: getattr(account, name, None) for name in ("email", *PROFILE)}
    return {
        **profile,
        "indexno": session.step.indexno,
        "modtime": moment,
        "filename": session.filename,
        "session": session.key,
        "encrypted": session.encrypted,
        "user_id": owner if account else None,
        "last_login": moment,
    }


def _list(call: Call, user: int | None, words: str) -> object:
    after = position(call)
    found = [
        (session.step.indexno, _summary(call, session, owner))
        for session, owner in _found(call, user, words)
        if session.step.indexno > after
    ]
    return page_of(call, found)


def _summary(call: Call, session: Session, owner: int) -> models.SessionSummary:
    world = call.world
    account = world.people.accounts.get(owner)
    interview = world.find_interview(session.filename)
    whole = call.flag("include_dictionary")
    readable = not whole or session.opens(call.text("secret"))
    zone = call.caller.account.timezone or zone_of(world)
    title = _LOST if interview is None else title_of(interview)
    dated = readable or not whole
    variables = dictionary(world, session) if readable else empty_dictionary(world.clock.now())
    subtitle = None if interview is None else interview.metadata.get("subtitle")
    tags: Any = () if interview is None else interview.tags
    own: Any = session.step.variables.get(TAGS, []) if whole and readable else []
    try:
        modtime = local(session.step.modtime, zone) if dated else ""
        starttime = local(session.started, zone) if whole and readable else ""
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise Refusal(json_answer(f"Error reading interview list: {error}", 400)) from None
    return models.SessionSummary(
        filename=session.filename,
        session=session.key,
        title=title if readable or interview is None else title + _LOCKED,
        subtitle=None if subtitle is None else str(subtitle),
        metadata={} if interview is None else metadata_of(interview),
        tags=sorted({*tags, *own}),
        valid=readable and interview is not None,
        email=None if account is None else account.email,
        user_id=None if account is None else owner,
        temp_user_id=-owner if account is None else None,
        modtime=modtime,
        utc_modtime=utc(session.step.modtime) if dated else None,
        starttime=starttime,
        utc_starttime=utc(session.started) if whole and readable else None,
        variables=variables if whole else None,
        encrypted=session.encrypted if whole else None,
    )

"""Lists of sessions, and deletion of several sessions."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfoNotFoundError

import docassemble_client.models as models
from docassemble_client.testing._handlers.paging import make_page, read_position
from docassemble_client.testing._handlers.questions import get_metadata, get_title
from docassemble_client.testing._handlers.session_variables import (
    format_local,
    format_utc,
    get_timezone,
    make_dictionary,
    make_empty_dictionary,
)
from docassemble_client.testing._state.query import InvalidQuery, matches, parse_query
from docassemble_client.testing._state.query_types import QueryError
from docassemble_client.testing._state.users import PROFILE_FIELDS
from docassemble_client.testing._yaml.variable_expressions import TAGS_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docassemble_client.testing._server.api_call import ApiCall
    from docassemble_client.testing._state.sessions import Session

_QUERIES_SINCE = "1.4.0"
_LIST_ERROR = "Error reading interview list: {}"
_USERS_ERROR = "Error getting interview list.  {}"
_DELETE_ERROR = "Error reading interview list"
_LOST_TITLE = "Error: interview not found and answers could not be decrypted"
_LOCKED_SUFFIX = " - interview answers cannot be decrypted"


def sessions_list(call: ApiCall) -> object:
    """List the sessions of all users."""
    call.require_privilege()
    return _list_sessions(call, None, _LIST_ERROR)


def sessions_list_across_users(call: ApiCall) -> object:
    """List the sessions of all users or of one user."""
    call.require_privilege()
    return _list_sessions(call, _read_optional_user(call, _USERS_ERROR), _USERS_ERROR)


def sessions_list_current(call: ApiCall) -> object:
    """List the caller's own sessions."""
    _check_may_list_own(call)
    return _list_sessions(call, call.user.id, _DELETE_ERROR)


def sessions_list_for_user(call: ApiCall) -> object:
    """List the sessions of a user."""
    return _list_sessions(call, _read_user(call), _DELETE_ERROR)


def sessions_delete_many(call: ApiCall) -> None:
    """Delete sessions of all users."""
    call.require_privilege()
    _read_query(call, _DELETE_ERROR)
    if not call.user.may_use("admin", "advocate", permission="edit_sessions"):
        call.deny()
    _delete_sessions(call, None)


def sessions_delete_many_across_users(call: ApiCall) -> None:
    """Delete sessions of all users or of one user."""
    call.require_privilege()
    _delete_sessions(call, _read_optional_user(call, _DELETE_ERROR))


def sessions_delete_many_current(call: ApiCall) -> None:
    """Delete the caller's own sessions."""
    _check_may_list_own(call)
    _delete_sessions(call, call.user.id)


def sessions_delete_many_for_user(call: ApiCall) -> None:
    """Delete the sessions of a user."""
    _delete_sessions(call, _read_user(call))


def _check_may_list_own(call: ApiCall) -> None:
    _read_query(call, _DELETE_ERROR)
    if not call.user.has_permission("access_sessions"):
        call.refuse(_DELETE_ERROR)


def _read_user(call: ApiCall) -> int:
    caller, user_id = call.user, call.get_path_value("user_id")
    may_see_others = caller.may_use("admin", "advocate", permission="access_sessions")
    if not may_see_others and user_id != caller.id:
        call.deny()
    _read_query(call, _DELETE_ERROR)
    if not may_see_others and caller.is_limited:
        call.refuse(_DELETE_ERROR)
    return user_id


def _read_optional_user(call: ApiCall, error_text: str) -> int | None:
    _read_query(call, error_text)
    text = call.get_text("user_id")
    if text is None:
        return None
    try:
        return int(text)
    except ValueError:
        message = (
            "(psycopg2.errors.InvalidTextRepresentation) invalid input syntax for type integer: "
            f'"{text}"'
        )
        call.refuse(error_text, message)


def _read_query(call: ApiCall, error_text: str) -> Any:
    """Read the query; the server refuses one that the database cannot evaluate by this error."""
    text = call.get_text("query")
    if text is None or not text.strip() or call.state.is_older_than(_QUERIES_SINCE):
        return None
    try:
        return parse_query(text)
    except InvalidQuery:
        call.refuse("Invalid query parameter")
    except QueryError as error:
        call.refuse(error_text, error)


def _delete_sessions(call: ApiCall, user: int | None) -> None:
    for session, owner in list(_find_sessions(call, user, _DELETE_ERROR)):
        call.state.sessions.remove_user(session, owner)


def _find_sessions(
    call: ApiCall, user: int | None, error_text: str
) -> Iterator[tuple[Session, int]]:
    query = _read_query(call, error_text)
    filename, key, tag = call.get_text("i"), call.get_text("session"), call.get_text("tag")
    for session, owner in call.state.sessions.iter_rows():
        interview = call.state.find_interview(session.filename)
        is_match = (
            user in {None, owner}
            and filename in {None, session.filename}
            and key in {None, session.key}
            and (tag is None or (interview is not None and tag in interview.tags))
        )
        if is_match and matches(query, _make_row(call, session, owner)):
            yield session, owner


def _make_row(call: ApiCall, session: Session, owner: int) -> dict[str, Any]:
    account = call.state.users.accounts.get(owner)
    modtime = datetime.fromtimestamp(session.step.modtime, UTC).replace(tzinfo=None)
    profile = {name: getattr(account, name, None) for name in ("email", *PROFILE_FIELDS)}
    return {
        **profile,
        "modtime": modtime,
        "filename": session.filename,
        "session": session.key,
        "encrypted": session.encrypted,
        "user_id": owner if account else None,
        "last_login": modtime,
    }


def _list_sessions(call: ApiCall, user: int | None, error_text: str) -> object:
    after = read_position(call)
    numbered_items = [
        (session.step.indexno, _make_summary(call, session, owner, for_all=user is None))
        for session, owner in _find_sessions(call, user, error_text)
        if session.step.indexno > after
    ]
    return make_page(call, numbered_items)


def _make_summary(
    call: ApiCall, session: Session, owner: int, *, for_all: bool
) -> models.SessionSummary:
    state = call.state
    account = state.users.accounts.get(owner)
    interview = state.find_interview(session.filename)
    with_variables = call.get_flag("include_dictionary")
    is_readable = not with_variables or session.is_readable_with(call.get_text("secret"))
    shows_variables = with_variables and is_readable
    timezone = call.user.account.timezone or get_timezone(state)
    title = _LOST_TITLE if interview is None else get_title(interview)
    variables = (
        make_dictionary(state, session) if is_readable else make_empty_dictionary(state.clock.now())
    )
    subtitle = None if interview is None else interview.metadata.get("subtitle")
    tags: Any = () if interview is None else interview.tags
    session_tags: Any = session.step.variables.get(TAGS_VARIABLE, []) if shows_variables else []
    try:
        modtime = format_local(session.step.modtime, timezone) if is_readable else ""
        starttime = format_local(session.started, timezone) if shows_variables else ""
    except (ZoneInfoNotFoundError, ValueError) as error:
        message = f"Error reading interview list: {error}"
        call.refuse_with(message)
    return models.SessionSummary(
        filename=session.filename,
        session=session.key,
        title=title if is_readable or interview is None else title + _LOCKED_SUFFIX,
        subtitle=None if subtitle is None else str(subtitle),
        metadata={}
        if interview is None
        else {**get_metadata(interview), "_origin_path": session.filename},
        tags=sorted({*tags, *session_tags}),
        valid=is_readable and interview is not None,
        # The list of all users' sessions joins active accounts only (interview/helpers.py:1511).
        email=None if account is None or (for_all and not account.active) else account.email,
        user_id=None if account is None else owner,
        temp_user_id=-owner if account is None else None,
        modtime=modtime,
        utc_modtime=format_utc(session.step.modtime) if is_readable else None,
        starttime=starttime,
        utc_starttime=format_utc(session.started) if shows_variables else None,
        variables=variables if with_variables else None,
        encrypted=session.encrypted if with_variables else None,
    )

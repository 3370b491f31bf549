"""Calls that start, read and run sessions."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NoReturn

import docassemble_client.models as models
from docassemble_client._types import is_mapping
from docassemble_client.config import Secret
from docassemble_client.testing._handlers.questions import (
    make_final_response,
    make_replayed_response,
    make_response,
)
from docassemble_client.testing._handlers.session_changes import (
    SessionChanges,
    compute_outcome,
    find_interview,
    run_interview,
    should_save,
)
from docassemble_client.testing._handlers.session_variables import make_dictionary
from docassemble_client.testing._server.api_call import describe_error
from docassemble_client.testing._server.messages import (
    ApiRefusal,
    UnhandledError,
    make_empty_response,
    make_error_page,
)
from docassemble_client.testing._state.secrets import generate_letters
from docassemble_client.testing._state.sessions import PendingQuestion, Step
from docassemble_client.testing._yaml.variable_expressions import (
    UndefinedName,
    is_variable_expression,
)
from docassemble_client.testing._yaml.yaml_errors import InterviewSyntaxError
from docassemble_client.testing.interviews import FinalValue, SessionVariables
from docassemble_client.testing.recordings import RecordedInterview, ReplayedReply

if TYPE_CHECKING:
    from collections.abc import Mapping

    from docassemble_client.testing._server.api_call import ApiCall
    from docassemble_client.testing._state.sessions import Session
    from docassemble_client.testing.interviews import ScriptedInterview

_KEY_SIZES = (16, 24, 32)
_URL_ARGUMENT = re.compile(r"[A-Za-z_]")
_NO_SESSION = "TypeError: 'NoneType' object is not subscriptable"
_ACTION_ERROR = "api_session_action: failure to assemble interview"
_NO_SESSION_ACCESS = (
    "user_interviews: you do not have sufficient privileges to access information about other users"
)
_ILLEGAL_ACTION = "Illegal variable name"
_MULTI_USER_BLOCK = "ID multi user"
_NO_PERMISSION = "Insufficient permissions to run this interview."


def sessions_start(call: ApiCall) -> object:
    """Start a session."""
    filename = call.get_text("i")
    if filename is None:
        call.refuse("Parameter i is required")
    try:
        interview = call.state.find_interview(filename)
    except InterviewSyntaxError as error:
        call.refuse("DASourceError", error)
    if interview is None:
        call.refuse_with(str(call.state.explain_missing_interview(filename)))
    if not _may_run(call, interview):
        call.refuse("Insufficient permissions")
    given_secret = call.get_text("secret")
    if given_secret is not None and len(given_secret.encode()) not in _KEY_SIZES:
        call.refuse("Incorrect AES key length", len(given_secret.encode()))
    url_args: dict[str, Any] = {
        name: value.encode("unicode_escape").decode()
        for name, value in call.get_extra_parameters("url_args").items()
        if _URL_ARGUMENT.match(name)
    }
    first_step = Step({"url_args": url_args})
    first_step.add_run(call.user.id)
    if interview.multi_user:
        # On a server a mandatory block of code sets this variable.
        first_step.variables["multi_user"] = True
        first_step.answered.add(_MULTI_USER_BLOCK)
    try:
        if isinstance(interview, RecordedInterview):
            first_step.variables |= interview.get_defined_variables(first_step.position)
        else:
            compute_outcome(interview, first_step)
    except Exception as error:
        call.refuse("create_new_interview: failure to assemble", describe_error(error))
    secret = generate_letters(16) if given_secret is None else given_secret
    encrypted = not (interview.multi_user or first_step.variables.get("multi_user") is True)
    session = call.state.sessions.start(
        filename, call.user.id, secret=secret, encrypted=encrypted, first_step=first_step
    )
    returned_secret = Secret(secret) if encrypted and given_secret is None else None
    return models.Session(
        i=filename, session=session.key, encrypted=encrypted, secret=returned_secret
    )


def _may_run(call: ApiCall, interview: ScriptedInterview) -> bool:
    return not interview.privileges or call.user.has_privilege(*interview.privileges)


def sessions_get_variables(call: ApiCall) -> object:
    """Return the variables."""
    detail = ": Padding is incorrect." if call.state.is_older_than("1.10") else ""
    return make_dictionary(call.state, _open_session(call, "Unable to decrypt", detail))


def sessions_get_question(call: ApiCall) -> object:
    """Return the current question; the session is saved."""
    filename, key = _read_session_key(call)
    interview = call.state.find_interview(filename)
    if interview is None:
        call.refuse_with(call.state.explain_missing_interview(filename).message)
    if not _may_run(call, interview):
        call.refuse("Insufficient permissions")
    session = call.state.sessions.find(filename, key)
    if session is None:
        call.refuse(f"get_question_data: failure to assemble interview: {_NO_SESSION}")
    if not session.is_readable_with(call.get_text("secret")):
        call.refuse("Unable to obtain interview dictionary")
    step = session.step.make_draft()
    try:
        outcome = run_interview(call.user.id, interview, step)
    except Exception as error:
        call.refuse("get_question_data: failure to assemble interview: {}", describe_error(error))
    if should_save(outcome):
        call.state.sessions.save(session, step, user=call.user.id, replace=True)
    return make_response(call, interview, session, step, outcome)


def _read_session_key(call: ApiCall) -> tuple[Any, Any]:
    filename, key = call.get_value("i"), call.get_value("session")
    if filename is None or key is None:
        call.refuse("are required")
    return filename, key


def _open_session(call: ApiCall, secret_error: str, *parts: str) -> Session:
    filename, key = _read_session_key(call)
    if not (isinstance(filename, str) and isinstance(key, str)):
        call.refuse(secret_error, *parts)  # the database refuses other values
    session = call.state.sessions.find(filename, key)
    if session is None:
        call.refuse("Unable to obtain interview dictionary")
    if not session.is_readable_with(call.get_text("secret")):
        call.refuse(secret_error, *parts)
    return session


def sessions_set_variables(call: ApiCall) -> object:
    """Set variables, and return the next question."""
    _read_session_key(call)
    changes = SessionChanges(call)
    session = _open_session(call, "Unable to decrypt")
    step = session.step.make_draft()
    changes.apply(session, step)
    interview = find_interview(call, session, "Problem getting current question:{}")
    name = call.get_text("question_name")
    if name is not None:
        if not _may_run(call, interview):
            call.refuse("Insufficient permissions")
        if name not in _list_block_names(interview, step):
            call.refuse("marking question")
        step.answered.add(name)
    changes.delete_variables(step)
    changes.follow_recording(interview, step, name or "")
    _drop_answered_actions(call, step, changes.events, set(changes.names))
    replace = call.get_flag("overwrite")
    if not call.get_flag("question", default=True):
        call.state.sessions.save(session, step, user=call.user.id, replace=replace)
        return None
    if not _may_run(call, interview):
        call.refuse("getting current question:{}", _NO_PERMISSION)
    if call.get_flag("advance_progress_meter"):
        step.progress = min(95, step.progress + 5)
    try:
        outcome = run_interview(call.user.id, interview, step)
    except Exception as error:
        error_text = "get_question_data: failure to assemble interview: " + describe_error(error)
        call.refuse("Problem getting current question:{}", error_text)
    if should_save(outcome):
        call.state.sessions.save(session, step, user=call.user.id, replace=replace)
    return make_response(call, interview, session, step, outcome)


def _list_block_names(interview: ScriptedInterview, step: Step) -> set[str]:
    return interview.block_names | {
        interview.get_block_name(question.screen) for question in step.pending
    }


def _drop_answered_actions(call: ApiCall, step: Step, events: list[Any], names: set[str]) -> None:
    """Remove the answered questions of actions from the pending questions."""
    if step.pending:
        for event in events:
            if not is_variable_expression(event):
                call.refuse("Illegal value as event name")
        answered = {*events, *names}
        while step.pending and step.pending[0].action in answered:
            step.pending.pop(0)


def sessions_go_back(call: ApiCall) -> object:
    """Undo the last step, and return the question before it."""
    session = _open_session(call, "Unable to decrypt")
    if len(session.steps) == 1:
        call.refuse("Cannot go back")
    undone_step = session.steps.pop()
    if not call.get_flag("question", default=True):
        return None
    interview = find_interview(call, session, "Problem getting current question")
    step = session.step.make_draft()
    try:
        if not _may_run(call, interview):
            raise UnhandledError(_NO_PERMISSION)
        outcome = run_interview(call.user.id, interview, step)
    except Exception:
        call.refuse("Problem getting current question")
    if should_save(outcome):
        call.state.sessions.save(session, step, user=call.user.id, replace=True)
    return make_response(call, interview, session, step, outcome, undone_step=undone_step)


def sessions_delete(call: ApiCall) -> None:
    """Remove the caller from a session."""
    filename, key = call.get_text("i"), call.get_text("session")
    if filename is None or key is None:
        call.refuse("are required")
    caller = call.user
    if not caller.has_permission("access_sessions"):
        raise UnhandledError(_NO_SESSION_ACCESS)
    if not caller.has_permission("edit_sessions"):
        message = "user_interviews: no user_id provided"
        raise UnhandledError(message)
    session = call.state.sessions.find(filename, key)
    if session is not None:
        call.state.sessions.remove_user(session, caller.id)


def sessions_run_action(call: ApiCall) -> object:
    """Run an action, and return its result."""
    filename, key, action = call.get_value("i"), call.get_value("session"), call.get_value("action")
    if filename is None or key is None or action is None:
        call.refuse("are required")
    arguments = _read_arguments(call)
    interview = _find_action_interview(call, filename)
    if not _may_run(call, interview):
        raise UnhandledError(_NO_PERMISSION)
    session = call.state.sessions.find(filename, key)
    if session is None:
        _refuse_action(call, f"{_ACTION_ERROR}: {_NO_SESSION}")
    if not session.is_readable_with(call.get_text("secret")):
        _refuse_action(call, "Unable to obtain interview dictionary")
    step = session.step.make_draft()
    try:
        value = _run_action(call, interview, step, action, arguments)
    except Exception as error:
        _refuse_action(call, f"{_ACTION_ERROR}: {{}}", describe_error(error))
    if not call.get_flag("read_only"):
        call.state.sessions.save(
            session, step, user=call.user.id, replace=call.get_flag("overwrite")
        )
    if isinstance(value, ReplayedReply):
        return make_replayed_response(call, session, value.reply)
    return make_empty_response() if value is None else make_final_response(value.value, 200)


def _find_action_interview(call: ApiCall, filename: object) -> ScriptedInterview:
    """Find the interview of an action; the server does not handle that it does not exist."""
    if not isinstance(filename, str):
        message = f"expected string or bytes-like object, got '{type(filename).__name__}'"
        raise UnhandledError(message, "TypeError")
    interview = call.state.find_interview(filename)
    if interview is None:
        missing = call.state.explain_missing_interview(filename)
        if missing.class_name == "DANotFoundError":
            raise ApiRefusal(make_error_page(404))
        raise UnhandledError(missing.message, "")
    return interview


def _refuse_action(call: ApiCall, error_text: str, *parts: str) -> NoReturn:
    """Refuse an action; before 1.9 the server fails with an internal error instead."""
    if call.state.is_older_than("1.9"):
        message = "'status'"
        raise UnhandledError(message, "KeyError")
    call.refuse(error_text, *parts)


def _read_arguments(call: ApiCall) -> Mapping[str, Any]:
    arguments: Any = call.get_value("arguments")
    if arguments is None:
        return {}
    if not is_mapping(arguments):
        try:
            arguments = json.loads(arguments)
        except (TypeError, ValueError):
            call.refuse("Malformed arguments")
    return arguments if is_mapping(arguments) else call.refuse("Arguments data")


def _run_action(
    call: ApiCall,
    interview: ScriptedInterview,
    step: Step,
    action: object,
    arguments: Mapping[str, Any],
) -> FinalValue | ReplayedReply | None:
    """Run an action, and return its value or else the final value of the interview."""
    step.add_run(call.user.id)
    if not isinstance(action, str):
        message = f"expected string or bytes-like object, got '{type(action).__name__}'"
        raise UnhandledError(message, "TypeError")
    if action and not is_variable_expression(action):
        raise UnhandledError(_ILLEGAL_ACTION, "DAError")
    if isinstance(interview, RecordedInterview):
        return interview.replay_action(step.position, action, arguments)
    try:
        value = interview.run_action(action, SessionVariables(step.variables), arguments)
    except UndefinedName:
        return None  # the server would ask for the variable
    if isinstance(value, FinalValue):
        return value
    if value is not None:
        if call.get_flag("persistent"):
            step.pending.insert(0, PendingQuestion(action, value))
        return None
    outcome = compute_outcome(interview, step)
    return outcome if isinstance(outcome, FinalValue) else None

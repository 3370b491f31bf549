"""Calls that start, read and run sessions."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NoReturn

from docassemble_client import models
from docassemble_client._types import is_mapping
from docassemble_client.config import Secret
from docassemble_client.testing._handlers.questions import brought_answer, played_answer, reply
from docassemble_client.testing._handlers.session_changes import (
    NO_FILE,
    PLAYGROUND,
    Sent,
    interview_of,
    not_found,
    outcome_at,
    run_at,
    saves,
)
from docassemble_client.testing._handlers.session_variables import dictionary
from docassemble_client.testing._server.call import crash
from docassemble_client.testing._server.messages import Crash, Refusal, nothing, page
from docassemble_client.testing._state.secrets import letters
from docassemble_client.testing._state.sessions import Pending, Step
from docassemble_client.testing._yaml.variable_expressions import (
    legal,
)
from docassemble_client.testing._yaml.yaml_blocks import SourceError
from docassemble_client.testing.interviews import Answers, Brought
from docassemble_client.testing.recordings import Played, RecordedInterview

if TYPE_CHECKING:
    from collections.abc import Mapping

    from docassemble_client.testing._server.call import Call
    from docassemble_client.testing._state.sessions import Session
    from docassemble_client.testing.interviews import Interview

_KEY_SIZES = (16, 24, 32)
_URL_ARGUMENT = re.compile(r"[A-Za-z_]")
_NO_SESSION = "TypeError: 'NoneType' object is not subscriptable"
_ACTION = "api_session_action: failure to assemble interview"
_NO_PERMISSION = "Insufficient permissions to run this interview."


def sessions_start(call: Call) -> object:
    """Start an interview."""
    filename = call.text("i")
    if filename is None:
        call.refuse("Parameter i is required")
    try:
        interview = call.world.find_interview(filename)
    except SourceError as error:
        call.refuse("DASourceError", error)
    if interview is None:
        call.refuse("DANotFoundError", not_found(filename))
    if not _may_run(call, interview):
        call.refuse("Insufficient permissions")
    given = call.text("secret")
    if given is not None and len(given.encode()) not in _KEY_SIZES:
        call.refuse("Incorrect AES key length", len(given.encode()))
    url_args: dict[str, Any] = {
        name: value.encode("unicode_escape").decode()
        for name, value in call.spread("url_args").items()
        if _URL_ARGUMENT.match(name)
    }
    first = Step({"url_args": url_args})
    first.note_run(call.caller.id)
    try:
        if isinstance(interview, RecordedInterview):
            first.variables |= interview.defined(first.place)
        else:
            outcome_at(interview, first)
    except Exception as error:
        call.refuse("create_new_interview: failure to assemble", crash(error))
    secret = letters(16) if given is None else given
    encrypted = not (interview.multi_user or first.variables.get("multi_user") is True)
    session = call.world.sessions.start(
        filename, call.caller.id, secret=secret, encrypted=encrypted, first=first
    )
    shown = Secret(secret) if encrypted and given is None else None
    return models.Session(i=filename, session=session.key, encrypted=encrypted, secret=shown)


def _may_run(call: Call, interview: Interview) -> bool:
    return not interview.privileges or call.caller.has(*interview.privileges)


def sessions_get_variables(call: Call) -> object:
    """Show the variables."""
    old = call.world.before("1.10")
    session = _open(call, "Unable to decrypt", ": Padding is incorrect." if old else "")
    return dictionary(call.world, session)


def sessions_get_question(call: Call) -> object:
    """Show the current question, which is saved as it is shown."""
    filename, key = _names(call)
    interview = call.world.find_interview(filename)
    if interview is None:
        if filename.startswith(PLAYGROUND):
            call.refuse(NO_FILE)
        call.refuse("Interview {} not found", filename)
    if not _may_run(call, interview):
        call.refuse("Insufficient permissions")
    session = call.world.sessions.find(filename, key)
    if session is None:
        call.refuse(f"get_question_data: failure to assemble interview: {_NO_SESSION}")
    if not session.opens(call.text("secret")):
        call.refuse("Unable to obtain interview dictionary")
    step = session.step.draft()
    try:
        outcome = run_at(call.caller.id, interview, step)
    except Exception as error:
        call.refuse("get_question_data: failure to assemble interview: {}", crash(error))
    if saves(outcome):
        call.world.sessions.save(session, step, user=call.caller.id, replace=True)
    return reply(call, interview, session, step, outcome)


def _names(call: Call) -> tuple[str, str]:
    filename, key = call.value("i"), call.value("session")
    if filename is None or key is None:
        call.refuse("are required")
    return filename, key


def _open(call: Call, cannot_decrypt: str, *parts: str) -> Session:
    session = call.world.sessions.find(*_names(call))
    if session is None:
        call.refuse("Unable to obtain interview dictionary")
    if not session.opens(call.text("secret")):
        call.refuse(cannot_decrypt, *parts)
    return session


def sessions_set_variables(call: Call) -> object:
    """Set variables, and show the next question."""
    sent = Sent(call)
    session = _open(call, "Unable to decrypt")
    step = session.step.draft()
    sent.apply(session, step)
    interview = interview_of(call, session, "Problem getting current question:{}")
    name = call.text("question_name")
    if name is not None:
        if not _may_run(call, interview):
            call.refuse("Insufficient permissions")
        if name not in _block_names(interview, step):
            call.refuse("marking question")
        step.answered.add(name)
    sent.delete(step)
    sent.lead(interview, step, name or "")
    _pop(call, step, sent.events, set(sent.names))
    replace = call.flag("overwrite")
    if not call.flag("question", default=True):
        call.world.sessions.save(session, step, user=call.caller.id, replace=replace)
        return None
    if not _may_run(call, interview):
        call.refuse("getting current question:{}", _NO_PERMISSION)
    if call.flag("advance_progress_meter"):
        step.progress = min(95, step.progress + 5)
    try:
        outcome = run_at(call.caller.id, interview, step)
    except Exception as error:
        words = "get_question_data: failure to assemble interview: " + crash(error)
        call.refuse("Problem getting current question:{}", words)
    if saves(outcome):
        call.world.sessions.save(session, step, user=call.caller.id, replace=replace)
    return reply(call, interview, session, step, outcome)


def _block_names(interview: Interview, step: Step) -> set[str]:
    return interview.block_names | {interview.name_of(one.screen) for one in step.pending}


def _pop(call: Call, step: Step, events: list[Any], names: set[str]) -> None:
    """Take the questions of actions that were answered from those to be asked."""
    if step.pending:
        for event in events:
            if not legal(event):
                call.refuse("Illegal value as event name")
        answered = {*events, *names}
        while step.pending and step.pending[0].action in answered:
            step.pending.pop(0)


def sessions_go_back(call: Call) -> object:
    """Take back the last step, and show the question there."""
    session = _open(call, "Unable to decrypt")
    if len(session.steps) == 1:
        call.refuse("Cannot go back")
    undone = session.steps.pop()
    if not call.flag("question", default=True):
        return None
    interview = interview_of(call, session, "Problem getting current question")
    step = session.step.draft()
    try:
        if not _may_run(call, interview):
            raise Crash(_NO_PERMISSION)
        outcome = run_at(call.caller.id, interview, step)
    except Exception:
        call.refuse("Problem getting current question")
    if saves(outcome):
        call.world.sessions.save(session, step, user=call.caller.id, replace=True)
    return reply(call, interview, session, step, outcome, earlier=undone)


def sessions_delete(call: Call) -> None:
    """Take a session from the caller."""
    filename, key = call.text("i"), call.text("session")
    if filename is None or key is None:
        call.refuse("are required")
    caller = call.caller
    if caller.limited and not {"access_sessions", "edit_sessions"} <= set(caller.key.permissions):
        message = "user_interviews: you do not have sufficient privileges"
        raise Crash(message)
    session = call.world.sessions.find(filename, key)
    if session is not None:
        call.world.sessions.leave(session, caller.id)


def sessions_run_action(call: Call) -> object:
    """Run an action, and answer what it brings."""
    filename, key, action = call.value("i"), call.value("session"), call.value("action")
    if filename is None or key is None or action is None:
        call.refuse("are required")
    arguments = _arguments(call)
    interview = call.world.find_interview(filename)
    if interview is None:
        raise Refusal(page(404))
    if not _may_run(call, interview):
        raise Crash(_NO_PERMISSION)
    session = call.world.sessions.find(filename, key)
    if session is None:
        _fail(call, f"{_ACTION}: {_NO_SESSION}")
    if not session.opens(call.text("secret")):
        _fail(call, "Unable to obtain interview dictionary")
    step = session.step.draft()
    try:
        value = _act(call, interview, step, action, arguments)
    except Exception as error:
        _fail(call, f"{_ACTION}: {{}}", crash(error))
    if not call.flag("read_only"):
        call.world.sessions.save(session, step, user=call.caller.id, replace=call.flag("overwrite"))
    if isinstance(value, Played):
        return played_answer(call, session, value.reply)
    return nothing() if value is None else brought_answer(value.value, 200)


def _fail(call: Call, words: str, *parts: str) -> NoReturn:
    """Say that an action failed; before 1.9 the server crashed on its way to say so."""
    if call.world.before("1.9"):
        message = "KeyError: 'status'"
        raise Crash(message)
    call.refuse(words, *parts)


def _arguments(call: Call) -> Mapping[str, Any]:
    arguments: Any = call.value("arguments") or {}
    if not is_mapping(arguments):
        try:
            arguments = json.loads(arguments)
        except (TypeError, ValueError):
            call.refuse("Malformed arguments")
    return arguments if is_mapping(arguments) else call.refuse("Arguments data")


def _act(
    call: Call, interview: Interview, step: Step, action: str, arguments: Mapping[str, Any]
) -> Brought | Played | None:
    """Run an action; what it brings, or else what the interview itself then brings."""
    step.note_run(call.caller.id)
    if isinstance(interview, RecordedInterview):
        return interview.acted(step.place, action, arguments)
    value = interview.act(action, Answers(step.variables), arguments)
    if isinstance(value, Brought):
        return value
    if value is not None:
        if call.flag("persistent"):
            step.pending.insert(0, Pending(action, value))
        return None
    outcome = outcome_at(interview, step)
    return outcome if isinstance(outcome, Brought) else None

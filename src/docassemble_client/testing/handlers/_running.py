"""Calls that start, read and run sessions."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from docassemble_client import models
from docassemble_client._types import is_list, is_mapping, is_object
from docassemble_client.config import Secret
from docassemble_client.testing._call import crash
from docassemble_client.testing._http import Crash, Refusal, nothing, page
from docassemble_client.testing._source import SourceError
from docassemble_client.testing._values import (
    IllegalNameError,
    convert,
    delete_variable,
    legal,
    set_variable,
)
from docassemble_client.testing.handlers._dictionary import dictionary, zone_of
from docassemble_client.testing.handlers._questions import brought_answer, reply
from docassemble_client.testing.interviews import Answers, Asked, Brought, Needed
from docassemble_client.testing.state.secrets import letters
from docassemble_client.testing.state.sessions import Pending, Step

if TYPE_CHECKING:
    from collections.abc import Mapping

    from docassemble_client.testing._call import Call
    from docassemble_client.testing.interviews import Interview
    from docassemble_client.testing.state.sessions import Session

_KEY_SIZES = (16, 24, 32)
_VOLATILE = re.compile(r"^x[.\[]|\[[ijklmn]\]")
_URL_ARGUMENT = re.compile(r"[A-Za-z_]")
_NO_SESSION = "TypeError: 'NoneType' object is not subscriptable"
_PLAYGROUND = "docassemble.playground"
_NO_FILE = "Reference to invalid playground path."
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
        call.refuse("DANotFoundError", _not_found(filename))
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
    try:
        interview.run(Answers(first.variables), first.answered)
    except Exception as error:
        call.refuse("create_new_interview: failure to assemble", crash(error))
    secret = letters(16) if given is None else given
    encrypted = not (interview.multi_user or first.variables.get("multi_user") is True)
    session = call.world.sessions.start(
        filename, call.caller.id, secret=secret, encrypted=encrypted, first=first
    )
    shown = Secret(secret) if encrypted and given is None else None
    return models.Session(i=filename, session=session.key, encrypted=encrypted, secret=shown)


def _not_found(filename: str) -> str:
    if filename.startswith(_PLAYGROUND):
        return _NO_FILE
    return f"Interview {filename} not found"


def _may_run(call: Call, interview: Interview) -> bool:
    return not interview.privileges or call.caller.has(*interview.privileges)


def sessions_get_variables(call: Call) -> object:
    """Show the variables."""
    session = _open(call, "Unable to decrypt")
    return dictionary(call.world, session)


def sessions_get_question(call: Call) -> object:
    """Show the current question, which is saved as it is shown."""
    filename, key = _names(call)
    interview = call.world.find_interview(filename)
    if interview is None:
        if filename.startswith(_PLAYGROUND):
            call.refuse(_NO_FILE)
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
        outcome = _run(interview, step)
    except Exception as error:
        call.refuse("get_question_data: failure to assemble interview: {}", crash(error))
    if not isinstance(outcome, Needed):
        call.world.sessions.save(session, step, replace=True)
    return reply(call, interview, session, step, outcome)


def _names(call: Call) -> tuple[str, str]:
    filename, key = call.value("i"), call.value("session")
    if filename is None or key is None:
        call.refuse("are required")
    return filename, key


def _open(call: Call, cannot_decrypt: str) -> Session:
    session = call.world.sessions.find(*_names(call))
    if session is None:
        call.refuse("Unable to obtain interview dictionary")
    if not session.opens(call.text("secret")):
        call.refuse(cannot_decrypt)
    return session


def _interview(call: Call, session: Session, words: str) -> Interview:
    interview = call.world.find_interview(session.filename)
    return interview or call.refuse(words, _not_found(session.filename))


def _run(interview: Interview, step: Step) -> Needed | Asked | Brought:
    if step.pending:
        first = step.pending[0]
        return Asked(first.screen, interview.name_of(first.screen), (first.action,))
    return interview.run(Answers(step.variables), step.answered)


def sessions_set_variables(call: Call) -> object:
    """Set variables, and show the next question."""
    sent = _Sent(call)
    session = _open(call, "Unable to decrypt")
    step = session.step.draft()
    sent.apply(session, step)
    interview = _interview(call, session, "Problem getting current question:{}")
    name = call.text("question_name")
    if name is not None:
        if not _may_run(call, interview):
            call.refuse("Insufficient permissions")
        if name not in _block_names(interview, step):
            call.refuse("marking question")
        step.answered.add(name)
    sent.delete(step)
    _pop(call, step, sent.events, set(sent.names))
    replace = call.flag("overwrite")
    if not call.flag("question", default=True):
        call.world.sessions.save(session, step, replace=replace)
        return None
    if not _may_run(call, interview):
        call.refuse("getting current question:{}", _NO_PERMISSION)
    if call.flag("advance_progress_meter"):
        step.progress = min(95, step.progress + 5)
    try:
        outcome = _run(interview, step)
    except Exception as error:
        words = "get_question_data: failure to assemble interview: " + crash(error)
        call.refuse("Problem getting current question:{}", words)
    if not isinstance(outcome, Needed):
        call.world.sessions.save(session, step, replace=replace)
    return reply(call, interview, session, step, outcome)


def _block_names(interview: Interview, step: Step) -> set[str]:
    asked = [one.screen for one in step.pending]
    return {interview.name_of(one) for one in (*interview.screens, *asked)}


def _pop(call: Call, step: Step, events: list[Any], names: set[str]) -> None:
    """Take the questions of actions that were answered from those to be asked."""
    if step.pending:
        for event in events:
            if not legal(event):
                call.refuse("Illegal value as event name")
        answered = {*events, *names}
        while step.pending and step.pending[0].action in answered:
            step.pending.pop(0)


class _Sent:
    """What a call wants to change."""

    def __init__(self, call: Call) -> None:
        self.call = call
        variables = self._read("variables", "{}", "Malformed variables")
        if not call.flag("raw"):
            variables = convert(variables, zone_of(call.world))
        files = self._read("file_variables", "{}", "Malformed list of file variables")
        self.gone = self._read("delete_variables", "[]", "Malformed list of delete variables")
        self.events = self._read("event_list", "[]", "Malformed event list")
        if not is_list(self.events):
            call.refuse("Malformed event list")
        self.variables = self._mapping(variables, "Variables data is not a dict")
        self.file_names = self._mapping(files, "File variables data")
        if not is_list(self.gone):
            call.refuse("Delete variables data")
        self.names: list[str] = list(self.variables)

    def _read(self, name: str, default: str, words: str) -> Any:
        """A native value of the right kind, or else JSON text."""
        value = self.call.value(name, default)
        native = is_object(value) if default == "{}" else is_list(value)
        if native:
            return value
        try:
            return json.loads(value)
        except (TypeError, ValueError):
            self.call.refuse(words)

    def _mapping(self, value: Any, words: str) -> Mapping[str, Any]:
        return value if is_mapping(value) else self.call.refuse(words)

    def apply(self, session: Session, step: Step) -> None:
        """Set variables and files."""
        files = self._files(session)
        self._prepare(session, step, [*self.variables, *files, *self.gone])
        try:
            for name, value in self.variables.items():
                set_variable(step.variables, name, value)
        except IllegalNameError:
            self.call.refuse("setting variables:Illegal")
        except Exception as error:
            self.call.refuse("Problem setting variables:{}", error)
        for name, value in files.items():
            set_variable(step.variables, name, value)
            self.names.append(name)

    def _prepare(self, session: Session, step: Step, names: list[Any]) -> None:
        """Run the interview first where a name holds a placeholder that it must define."""
        if any(_VOLATILE.search(str(one)) for one in names):
            try:
                _run(_interview(self.call, session, "Error processing session"), step)
            except Exception as error:
                self.call.refuse("Error processing session", crash(error))

    def delete(self, step: Step) -> None:
        """Delete variables."""
        try:
            for name in self.gone:
                delete_variable(step.variables, name)
        except IllegalNameError:
            self.call.refuse("deleting variables", "Illegal value as variable name.")
        except Exception as error:
            self.call.refuse("deleting variables", error)

    def _files(self, session: Session) -> dict[str, Any]:
        found: dict[str, list[Any]] = {}
        for part in self.call.files():
            variable = self.file_names.get(part.name, part.name)
            if not legal(variable):
                self.call.refuse("Malformed file variable")
            elements = found.setdefault(variable, [])
            file = self.call.world.files.add(part.filename, part.content, session=session.key)
            elements.append(
                {
                    "_class": "docassemble.base.util.DAFile",
                    "instanceName": f"{variable}[{len(elements)}]",
                    "filename": part.filename,
                    "number": file.number,
                    "extension": file.extension,
                    "mimetype": file.mimetype,
                    "make_pngs": True,
                    "ok": True,
                }
            )
        return {
            variable: {
                "_class": "docassemble.base.util.DAFileList",
                "instanceName": variable,
                "elements": elements,
                "auto_gather": True,
                "gathered": True,
            }
            for variable, elements in found.items()
        }


def sessions_go_back(call: Call) -> object:
    """Take back the last step, and show the question there."""
    session = _open(call, "Unable to decrypt")
    if len(session.steps) == 1:
        call.refuse("Cannot go back")
    session.steps.pop()
    if not call.flag("question", default=True):
        return None
    interview = _interview(call, session, "Problem getting current question")
    try:
        if not _may_run(call, interview):
            raise Crash(_NO_PERMISSION)
        outcome = _run(interview, session.step)
    except Exception:
        call.refuse("Problem getting current question")
    return reply(call, interview, session, session.step, outcome)


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
        call.refuse(f"api_session_action: failure to assemble interview: {_NO_SESSION}")
    if not session.opens(call.text("secret")):
        call.refuse("Unable to obtain interview dictionary")
    step = session.step.draft()
    try:
        value = _act(call, interview, step, action, arguments)
    except Exception as error:
        call.refuse("api_session_action: failure to assemble interview: {}", crash(error))
    if not call.flag("read_only"):
        call.world.sessions.save(session, step, replace=call.flag("overwrite"))
    return nothing() if value is None else brought_answer(value.value, 200)


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
) -> Brought | None:
    """Run an action; what it brings, or else what the interview itself then brings."""
    value = interview.act(action, Answers(step.variables), arguments)
    if isinstance(value, Brought):
        return value
    if value is not None:
        if call.flag("persistent"):
            step.pending.insert(0, Pending(action, value))
        return None
    outcome = _run(interview, step)
    return outcome if isinstance(outcome, Brought) else None

"""Applies the changes of a call to a session, and runs the interview."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from docassemble_client._types import is_json_array, is_json_object, is_mapping
from docassemble_client.testing._handlers.session_variables import get_timezone
from docassemble_client.testing._server.api_call import describe_error
from docassemble_client.testing._server.messages import UnhandledError
from docassemble_client.testing._state.files import OCTET_STREAM
from docassemble_client.testing._yaml.objects import make_object
from docassemble_client.testing._yaml.variable_expressions import (
    IllegalNameError,
    UndefinedName,
    convert_value,
    delete_variable,
    is_variable_expression,
    set_nested_variable,
    set_variable,
)
from docassemble_client.testing.interviews import (
    NeedVariable,
    SessionVariables,
    ShowScreen,
    TraceStep,
)
from docassemble_client.testing.recordings import RecordedInterview, ReplayedReply

if TYPE_CHECKING:
    from collections.abc import Mapping

    from docassemble_client.testing._server.api_call import ApiCall
    from docassemble_client.testing._server.request_body import UploadedFile
    from docassemble_client.testing._state.sessions import Session, Step
    from docassemble_client.testing.interviews import ScriptedInterview
    from docassemble_client.testing.recordings import Outcome

_PLACEHOLDER = re.compile(r"^x[.\[]|\[[ijklmn]\]")


def find_interview(call: ApiCall, session: Session, error_text: str) -> ScriptedInterview:
    """Find the interview of a session, or refuse the call with this error."""
    interview = call.state.find_interview(session.filename)
    missing = call.state.explain_missing_interview(session.filename)
    return interview or call.refuse(error_text, missing.message)


def run_interview(user: int, interview: ScriptedInterview, step: Step) -> Outcome:
    """Run an interview at a step for a user, and record the run."""
    step.add_run(user)
    return compute_outcome(interview, step)


def compute_outcome(interview: ScriptedInterview, step: Step) -> Outcome:
    """
    Return the outcome of an interview at a step.

    Raises:
        UnhandledError: A variable of docassemble has a value of another type.
    """
    navigation = step.variables.get("nav", {})
    if not is_json_object(navigation):
        message = f"'{type(navigation).__name__}' object has no attribute 'sections'"
        raise UnhandledError(message, "AttributeError")
    if step.pending:
        action, screen = step.pending[0].action, step.pending[0].screen
        trace = (TraceStep("needed", action),)
        return ShowScreen(screen, interview.get_block_name(screen), (action,), trace)
    if isinstance(interview, RecordedInterview):
        return interview.replay_screen(step.position)
    return interview.run(SessionVariables(step.variables, steps=step.number), step.answered)


def should_save(outcome: Outcome) -> bool:
    """Whether the session is saved after a run; it is not if a variable is undefined."""
    if isinstance(outcome, ReplayedReply):
        return outcome.reply.saves_session
    return not isinstance(outcome, NeedVariable)


class SessionChanges:
    """The changes that a call makes to a session."""

    def __init__(self, call: ApiCall) -> None:
        self.call = call
        variables = self.raw_variables = self._read_json("variables", "{}", "Malformed variables")
        if not call.get_flag("raw"):
            variables = convert_value(variables, get_timezone(call.state))
        files = self._read_json("file_variables", "{}", "Malformed list of file variables")
        self.deleted_variables = self._read_json(
            "delete_variables", "[]", "Malformed list of delete variables"
        )
        self.events = self._read_json("event_list", "[]", "Malformed event list")
        if not is_json_array(self.events):
            call.refuse("Malformed event list")
        self.variables = self._check_mapping(variables, "Variables data is not a dict")
        self.file_names = self._check_mapping(files, "File variables data")
        if not is_json_array(self.deleted_variables):
            call.refuse("Delete variables data")
        for upload in call.get_files():
            if not is_variable_expression(self._get_variable(upload)):
                call.refuse("Malformed file variable")
        self.names: list[str] = list(self.variables)
        self.uploaded: list[str] = []

    def _read_json(self, name: str, default: str, error_text: str) -> Any:
        """Read an object or array, or its JSON text."""
        value = self.call.get_value(name, default)
        if is_json_object(value) if default == "{}" else is_json_array(value):
            return value
        try:
            return json.loads(value)
        except (TypeError, ValueError):
            self.call.refuse(error_text)

    def _check_mapping(self, value: Any, error_text: str) -> Mapping[str, Any]:
        return value if is_mapping(value) else self.call.refuse(error_text)

    def apply(self, session: Session, step: Step) -> None:
        """Set variables and files."""
        files = self._store_files(session)
        self._run_if_needed(session, step, [*self.variables, *files, *self.deleted_variables])
        interview = self.call.state.find_interview(session.filename)
        # A recording does not contain the objects that its interview created.
        assign = set_nested_variable if isinstance(interview, RecordedInterview) else set_variable
        try:
            for name, value in self.variables.items():
                assign(step.variables, name, value)
        except IllegalNameError:
            self.call.refuse("setting variables:Illegal")
        except Exception as error:
            self.call.refuse("Problem setting variables:{}", error)
        for name, value in files.items():
            try:
                assign(step.variables, name, value)
            except UndefinedName as error:
                self.call.refuse("name {} is not defined", repr(error.variable))
        self.uploaded = list(files)
        self.names.extend(files)

    def follow_recording(self, interview: ScriptedInterview, step: Step, block: str) -> None:
        """Move a session to the next position of a recorded interview."""
        if isinstance(interview, RecordedInterview):
            step.position = interview.find_next_position(
                step.position, self.raw_variables, self.uploaded, block
            )
            step.variables |= interview.get_defined_variables(step.position)

    def _run_if_needed(self, session: Session, step: Step, names: list[Any]) -> None:
        """Run the interview first if a name contains a placeholder that it must define."""
        if any(_PLACEHOLDER.search(str(name)) for name in names):
            try:
                interview = find_interview(self.call, session, "Error processing session")
                run_interview(self.call.user.id, interview, step)
            except Exception as error:
                self.call.refuse("Error processing session", describe_error(error))

    def delete_variables(self, step: Step) -> None:
        """Delete variables."""
        if "" in self.deleted_variables:
            self.call.refuse("deleting variables", "invalid syntax (<string>, line 1)")
        try:
            for name in self.deleted_variables:
                delete_variable(step.variables, name)
        except IllegalNameError:
            self.call.refuse("deleting variables", "Illegal value as variable name.")
        except Exception as error:
            self.call.refuse("deleting variables", error)

    def _get_variable(self, upload: UploadedFile) -> Any:
        """Return the name of the variable that an upload sets."""
        return self.file_names.get(upload.name, upload.name)

    def _store_files(self, session: Session) -> dict[str, Any]:
        elements_by_variable: dict[str, list[Any]] = {}
        for upload in self.call.get_files():
            variable = self._get_variable(upload)
            elements = elements_by_variable.setdefault(variable, [])
            file = self.call.state.files.add(upload.filename, upload.content, session=session.key)
            elements.append(
                {
                    **make_object("DAFile", f"{variable}[{len(elements)}]"),
                    "filename": upload.filename,
                    "has_specific_filename": True,
                    "number": file.number,
                    "extension": upload.filename.rpartition(".")[2].lower(),
                    "mimetype": None if file.mimetype == OCTET_STREAM else file.mimetype,
                    "initialized": True,
                    "ok": True,
                }
            )
        attributes = {"gathered": True, "revisit": True, "there_are_any": True}
        return {
            variable: {**make_object("DAFileList", variable), **attributes, "elements": elements}
            for variable, elements in elements_by_variable.items()
        }

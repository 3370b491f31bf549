"""What a call wants to change in a session, and how the interview runs on it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from docassemble_client._types import is_list, is_mapping, is_object
from docassemble_client.testing._handlers.session_variables import zone_of
from docassemble_client.testing._server.call import crash
from docassemble_client.testing._state.files import ANY
from docassemble_client.testing._yaml.objects import new_object
from docassemble_client.testing._yaml.variable_expressions import (
    IllegalNameError,
    convert,
    delete_variable,
    grow_variable,
    legal,
    set_variable,
)
from docassemble_client.testing.interviews import Answers, Asked, Needed, Stage
from docassemble_client.testing.recordings import Played, RecordedInterview

if TYPE_CHECKING:
    from collections.abc import Mapping

    from docassemble_client.testing._server.call import Call
    from docassemble_client.testing._state.sessions import Session, Step
    from docassemble_client.testing.interviews import Interview
    from docassemble_client.testing.recordings import Outcome

_VOLATILE = re.compile(r"^x[.\[]|\[[ijklmn]\]")
PLAYGROUND = "docassemble.playground"
NO_FILE = "Reference to invalid playground path."


def not_found(filename: str) -> str:
    """Say as the server does that there is no such interview."""
    if filename.startswith(PLAYGROUND):
        return NO_FILE
    return f"Interview {filename} not found"


def interview_of(call: Call, session: Session, words: str) -> Interview:
    """Find the interview of a session, or refuse with these words."""
    interview = call.world.find_interview(session.filename)
    return interview or call.refuse(words, not_found(session.filename))


def run_at(user: int, interview: Interview, step: Step) -> Outcome:
    """Run an interview for a user at a step, as far as it goes, and note that it was run."""
    step.note_run(user)
    return outcome_at(interview, step)


def outcome_at(interview: Interview, step: Step) -> Outcome:
    """Tell what an interview comes to at a step."""
    if step.pending:
        first = step.pending[0]
        trace = (Stage("needed", first.action),)
        return Asked(first.screen, interview.name_of(first.screen), (first.action,), trace)
    if isinstance(interview, RecordedInterview):
        return interview.shown(step.place)
    return interview.run(Answers(step.variables), step.answered)


def saves(outcome: Outcome) -> bool:
    """Whether a session is saved after a run; not where a variable is missing."""
    return outcome.reply.saves if isinstance(outcome, Played) else not isinstance(outcome, Needed)


class Sent:
    """What a call wants to change."""

    def __init__(self, call: Call) -> None:
        self.call = call
        variables = self.given = self._read("variables", "{}", "Malformed variables")
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
        self.uploaded: list[str] = []

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
        interview = self.call.world.find_interview(session.filename)
        # Objects that a recorded interview has made are not known.
        assign = grow_variable if isinstance(interview, RecordedInterview) else set_variable
        try:
            for name, value in self.variables.items():
                assign(step.variables, name, value)
        except IllegalNameError:
            self.call.refuse("setting variables:Illegal")
        except Exception as error:
            self.call.refuse("Problem setting variables:{}", error)
        for name, value in files.items():
            assign(step.variables, name, value)
        self.uploaded = list(files)
        self.names.extend(files)

    def lead(self, interview: Interview, step: Step, block: str) -> None:
        """Lead a session on in a recorded interview, to what that has defined there."""
        if isinstance(interview, RecordedInterview):
            step.place = interview.follow(step.place, self.given, self.uploaded, block)
            step.variables |= interview.defined(step.place)

    def _prepare(self, session: Session, step: Step, names: list[Any]) -> None:
        """Run the interview first where a name holds a placeholder that it must define."""
        if any(_VOLATILE.search(str(one)) for one in names):
            try:
                interview = interview_of(self.call, session, "Error processing session")
                run_at(self.call.caller.id, interview, step)
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
                    **new_object("DAFile", f"{variable}[{len(elements)}]"),
                    "filename": part.filename,
                    "has_specific_filename": True,
                    "number": file.number,
                    "extension": part.filename.rpartition(".")[2].lower(),
                    "mimetype": None if file.mimetype == ANY else file.mimetype,
                    "initialized": True,
                    "ok": True,
                }
            )
        gathered = {"gathered": True, "revisit": True, "there_are_any": True}
        return {
            variable: {**new_object("DAFileList", variable), **gathered, "elements": elements}
            for variable, elements in found.items()
        }

"""Answers the screens of an interview until it ends."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol, cast

from docassemble_client._concurrency import sleep
from docassemble_client.errors import BadRequest
from docassemble_client.models import Question, SessionReply, UndefinedVariable
from docassemble_client.workflows.errors import InterviewFailed, InterviewStuck, MissingAnswer
from docassemble_client.workflows.interviews.answer_source import MISSING, AnswerSource
from docassemble_client.workflows.interviews.answers import Answer, DAList, DAObject, encode_answers
from docassemble_client.workflows.interviews.screen import Screen
from docassemble_client.workflows.interviews.transcript import Transcript, TranscriptStep

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from docassemble_client._types import JSON
    from docassemble_client.workflows.interviews.answer_source import AnswerPolicy, Answers, Missing
    from docassemble_client.workflows.interviews.screen import ScreenField

# Parts of a name: name, .name, [0] and ['key'].
_NAME_PART = re.compile(r"(?<=\.)\w+|^\w+|\[(?P<index>\d+)\]|\[(['\"])(?P<key>.*?)\2\]", re.ASCII)
_DATETIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", re.ASCII)
# An interview may delete a variable and ask for it again.
_MAX_ANSWERS_PER_VARIABLE = 2


class RunnableSession(Protocol):
    """The methods of a session that `InterviewRunner` calls."""

    async def question(self) -> SessionReply:
        """Get the current question."""
        ...

    async def answer(self, answers: Mapping[str, Answer], /) -> SessionReply | None:
        """Set variables and get the next question."""
        ...

    async def variables(self) -> Mapping[str, JSON]:
        """Get all variables."""
        ...


class InterviewRunner:
    """Runs one session to its end; created by `InterviewSession.run`."""

    def __init__(
        self,
        session: RunnableSession,
        answers: Answers | None,
        *,
        policy: AnswerPolicy,
        max_steps: int,
    ) -> None:
        self._session = session
        self._source = AnswerSource(answers, policy)
        self._max_steps = max_steps
        self._steps: list[TranscriptStep] = []
        self._reply: SessionReply | None = None
        self._answer_counts: Counter[str] = Counter()
        self._unsaved_answers: dict[str, Answer] = {}
        self._answered_names: set[str] = set()
        self._seen_steps: set[tuple[object, ...]] = set()

    async def run(self) -> Transcript:
        """Answer screens until the interview ends."""
        await self._receive(self._session.question())
        for _ in range(self._max_steps):
            reply = self._reply
            if isinstance(reply, UndefinedVariable):
                await self._answer_undefined_variable(reply.variable)
                continue
            if not isinstance(reply, Question):
                return self._make_transcript("response")
            screen = Screen(reply)
            if screen.is_final:
                return self._make_transcript(reply.question_type)
            if screen.reload_after and not (screen.fields or screen.button_variable):
                await sleep(screen.reload_after)
                await self._receive(self._session.question())
            else:
                self._unsaved_answers = {}
                await self._send(await self._choose_answers(screen), reply)
        message = "the interview has more steps than max_steps"
        hint = "Increase max_steps, or check the transcript for a loop"
        raise self._stuck_error(message, hint)

    async def _receive(self, call: Awaitable[SessionReply | None]) -> None:
        try:
            self._reply = await call
        except BadRequest as error:
            message = "the server refused an answer, or the interview raised an error"
            raise InterviewFailed(
                message,
                operation=error.operation,
                method=error.method,
                path=error.path,
                hint="See the error's body for the server's message",
                transcript=self._make_transcript(),
                body=error.body,
            ) from error

    async def _send(self, answers: dict[str, Answer], question: Question | None) -> None:
        name = question.question_name if question else ""
        text = question.question_text if question else ""
        # The number of answered variables shows progress, even if a question is repeated.
        step = (name, text, len(self._answered_names), repr(encode_answers(answers)))
        self._answered_names.update(answers)
        if step in self._seen_steps and question is not None:
            message = f"question {name!r} is asked again after the same answer"
            raise self._stuck_error(message, "Check whether the question accepts this answer")
        self._seen_steps.add(step)
        self._steps.append(TranscriptStep(question=name, text=text, answers=answers))
        self._unsaved_answers.update(answers)
        await self._receive(self._session.answer(self._unsaved_answers))

    async def _answer_undefined_variable(self, name: str) -> None:
        """Set a variable that no question asks for, together with the answers not saved so far."""
        value = self._source.get_variable_answer(name)
        self._answer_counts[name] += 1
        if value is MISSING or self._answer_counts[name] > _MAX_ANSWERS_PER_VARIABLE:
            raise self._missing_answer_error(name, None)
        await self._send({name: value}, None)

    async def _choose_answers(self, screen: Screen) -> dict[str, Answer]:
        """Choose answers for all visible fields; each answer may show or hide other fields."""
        answers: dict[str, Answer] = {}
        checked: set[str] = set()
        while fields := [
            field for field in screen.get_visible_fields(answers) if field.name not in checked
        ]:
            field = fields[0]
            checked.add(field.name)
            value = await self._choose_answer(screen, field)
            if value is not MISSING:
                answers[field.name] = value
        visible = {field.name for field in screen.get_visible_fields(answers)}
        answers = {name: value for name, value in answers.items() if name in visible}
        return answers | ({screen.button_variable: True} if screen.button_variable else {})

    async def _choose_answer(self, screen: Screen, field: ScreenField) -> Answer | Missing:
        value = self._source.get_answer(screen, field)
        if value is MISSING:
            value = self._source.get_policy_answer(field)
        if value is MISSING:
            if field.required or len(screen.fields) == 1:
                raise self._missing_answer_error(field.name, screen.question)
            return MISSING
        if field.type is DAObject and isinstance(value, str):
            return _to_answer(_find_value(await self._session.variables(), value))
        if field.type is DAList and isinstance(value, list):
            names = cast("list[str]", value)
            variables: Mapping[str, JSON] = await self._session.variables() if names else {}
            return DAList([_to_answer(_find_value(variables, name)) for name in names])
        return value

    def _make_transcript(self, end_type: str = "") -> Transcript:
        return Transcript(steps=tuple(self._steps), end_type=end_type, final=self._reply)

    def _missing_answer_error(self, name: str, question: Question | None) -> MissingAnswer:
        source = f" of question {question.question_name!r}" if question else ""
        message = f"there is no answer for {name!r}{source}"
        hint = "Add it to the answers, or choose another policy"
        return MissingAnswer(
            message,
            hint=hint,
            transcript=self._make_transcript(),
            variable=name,
            question=question.question_name if question else "",
        )

    def _stuck_error(self, message: str, hint: str) -> InterviewStuck:
        return InterviewStuck(message, hint=hint, transcript=self._make_transcript())


def _find_value(variables: Mapping[str, JSON], name: str) -> JSON:
    """Find the value of a name such as people[0].name; None if it is undefined."""
    value: Any = variables
    for part in _NAME_PART.finditer(name):
        index, key = part["index"], part["key"]
        try:
            if index is not None or key is not None:
                value = value["elements"]
            value = value[part[0] if key is None else key] if index is None else value[int(index)]
        except (KeyError, IndexError, TypeError):
            return None
    return cast("JSON", value)


def _to_answer(value: JSON) -> Answer:
    """Convert a value of the session to an answer that recreates it."""
    if isinstance(value, list):
        return [_to_answer(item) for item in value]
    if isinstance(value, str) and _DATETIME.match(value):
        return datetime.fromisoformat(value)
    if not isinstance(value, dict):
        return value
    attributes = {
        key: _to_answer(item)
        for key, item in value.items()
        if key not in {"_class", "instanceName"}
    }
    class_name = value.get("_class")
    return DAObject(class_name, **attributes) if isinstance(class_name, str) else attributes

"""Drives an interview from screen to screen to its end."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol, cast

from attrs import field, frozen

from docassemble_client.errors import BadRequest
from docassemble_client.models import Question, SessionReply, UndefinedVariable
from docassemble_client.workflows.errors import InterviewFailed, MissingAnswer, StuckInterview
from docassemble_client.workflows.interviews.answer_source import MISSING, Source
from docassemble_client.workflows.interviews.answers import Answer, DAList, DAObject, encode_answers
from docassemble_client.workflows.interviews.screen import Screen

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from docassemble_client._types import JSON
    from docassemble_client.workflows.interviews.answer_source import Answers, Missing, Policy
    from docassemble_client.workflows.interviews.screen import ScreenField

# Parts of a name: name, .name, [0] and ['key'].
_PART = re.compile(r"(?<=\.)\w+|^\w+|\[(?P<index>\d+)\]|\[(['\"])(?P<key>.*?)\2\]", re.ASCII)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", re.ASCII)
# How often a variable that no question asks for is supplied: some are deleted and needed again.
_SUPPLIES = 2


def _names(sent: Mapping[str, Answer]) -> str:
    return f"<{', '.join(sent)}>"


@frozen(kw_only=True)
class Step:
    """
    A screen that was answered; its repr shows no value.

    Attributes:
        question: Name of the question; empty for a variable that no question asks for.
        text: Its heading in Markdown.
        sent: What was answered, by variable.
    """

    question: str
    text: str = field(default="", repr=False)
    sent: Mapping[str, Answer] = field(factory=dict[str, "Answer"], repr=_names)


@frozen(kw_only=True)
class Transcript:
    """
    How an interview went.

    Attributes:
        steps: Every screen that was answered, in order.
        ended: How it ended: the type of the last screen, such as deadend or exit; response if the
            interview answered with something else; empty if it has not ended.
        final: The last screen or other reply.
    """

    steps: tuple[Step, ...] = ()
    ended: str = ""
    final: SessionReply | None = field(default=None, repr=False)


class Driven(Protocol):
    """What a driver needs of a session."""

    async def question(self) -> SessionReply:
        """Get what the session shows now."""
        ...

    async def answer(self, answers: Mapping[str, Answer], /) -> SessionReply | None:
        """Set variables, and get what comes next."""
        ...

    async def variables(self) -> Mapping[str, JSON]:
        """Get all variables."""
        ...


class Driver:
    """Answers one session; made by `InterviewSession.run`."""

    def __init__(
        self,
        session: Driven,
        answers: Answers | None,
        *,
        policy: Policy,
        max_steps: int,
    ) -> None:
        self._session = session
        self._source = Source(answers, policy)
        self._max_steps = max_steps
        self._steps: list[Step] = []
        self._reply: SessionReply | None = None
        self._supplied: Counter[str] = Counter()
        self._pending: dict[str, Answer] = {}
        self._set: set[str] = set()
        self._met: set[tuple[object, ...]] = set()

    async def run(self) -> Transcript:
        """Answer one screen after the other until the end."""
        await self._get(self._session.question())
        for _ in range(self._max_steps):
            reply = self._reply
            if isinstance(reply, UndefinedVariable):
                await self._supply(reply.variable)
                continue
            if not isinstance(reply, Question):
                return self._transcript("response")
            screen = Screen(reply)
            if screen.ended:
                return self._transcript(reply.question_type)
            if screen.seconds and not (screen.fields or screen.button):
                await asyncio.sleep(screen.seconds)
                await self._get(self._session.question())
            else:
                self._pending = {}
                await self._send(await self._answers(screen), reply)
        message = "the interview has more steps than max_steps"
        raise self._stuck(message)

    async def _get(self, call: Awaitable[SessionReply | None]) -> None:
        try:
            self._reply = await call
        except BadRequest as error:
            message = "the server refused an answer, or the interview broke"
            raise InterviewFailed(
                message,
                operation=error.operation,
                method=error.method,
                path=error.path,
                hint="Its attribute body has what the server said",
                transcript=self._transcript(),
                body=error.body,
            ) from error

    async def _send(self, answers: dict[str, Answer], question: Question | None) -> None:
        name = question.question_name if question else ""
        text = question.question_text if question else ""
        # What was not set before is progress, even where the same is asked and answered again.
        seen = (name, text, len(self._set), repr(encode_answers(answers)))
        self._set.update(answers)
        if seen in self._met and question is not None:
            message = f"question {name!r} comes again after the same answer"
            raise self._stuck(message)
        self._met.add(seen)
        self._steps.append(Step(question=name, text=text, sent=answers))
        self._pending.update(answers)
        await self._get(self._session.answer(self._pending))

    async def _supply(self, name: str) -> None:
        """Set a variable that no question asks for, with the answer that was not saved for it."""
        value = self._source.variable(name)
        self._supplied[name] += 1
        if value is MISSING or self._supplied[name] > _SUPPLIES:
            raise self._missing(name, None)
        await self._send({name: value}, None)

    async def _answers(self, screen: Screen) -> dict[str, Answer]:
        """Choose an answer for all that is visible; what is answered first may show the rest."""
        answers: dict[str, Answer] = {}
        done: set[str] = set()
        while left := [one for one in screen.visible(answers) if one.name not in done]:
            one = left[0]
            done.add(one.name)
            value = await self._value(screen, one)
            if value is not MISSING:
                answers[one.name] = value
        shown = {one.name for one in screen.visible(answers)}
        sent = {name: value for name, value in answers.items() if name in shown}
        return sent | ({screen.button: True} if screen.button else {})

    async def _value(self, screen: Screen, one: ScreenField) -> Answer | Missing:
        value = self._source.known(screen, one)
        if value is MISSING:
            value = self._source.suggested(one)
        if value is MISSING:
            if one.required or len(screen.fields) == 1:
                raise self._missing(one.name, screen.question)
            return MISSING
        if one.type is DAObject and isinstance(value, str):
            return _copy(_found(await self._session.variables(), value))
        if one.type is DAList and isinstance(value, list):
            names = cast("list[str]", value)
            variables: Mapping[str, JSON] = await self._session.variables() if names else {}
            return DAList([_copy(_found(variables, name)) for name in names])
        return value

    def _transcript(self, ended: str = "") -> Transcript:
        return Transcript(steps=tuple(self._steps), ended=ended, final=self._reply)

    def _missing(self, name: str, question: Question | None) -> MissingAnswer:
        asked = f" of question {question.question_name!r}" if question else ""
        message = f"there is no answer for {name!r}{asked}"
        hint = "Add it to the answers, or choose a policy that finds one"
        return MissingAnswer(
            message,
            hint=hint,
            transcript=self._transcript(),
            variable=name,
            question=question.question_name if question else "",
        )

    def _stuck(self, message: str) -> StuckInterview:
        return StuckInterview(message, transcript=self._transcript())


def _found(variables: Mapping[str, JSON], name: str) -> JSON:
    """Find the value of a name such as people[0].name; None if there is none."""
    value: Any = variables
    for part in _PART.finditer(name):
        index, key = part["index"], part["key"]
        try:
            if index is not None or key is not None:
                value = value["elements"]
            value = value[part[0] if key is None else key] if index is None else value[int(index)]
        except (KeyError, IndexError, TypeError):
            return None
    return cast("JSON", value)


def _copy(value: JSON) -> Answer:
    """Turn a value of the session into an answer that makes the same again."""
    if isinstance(value, list):
        return [_copy(one) for one in value]
    if isinstance(value, str) and _MOMENT.match(value):
        return datetime.fromisoformat(value)
    if not isinstance(value, dict):
        return value
    parts = {key: _copy(one) for key, one in value.items() if key not in {"_class", "instanceName"}}
    kind = value.get("_class")
    return DAObject(kind, **parts) if isinstance(kind, str) else parts
